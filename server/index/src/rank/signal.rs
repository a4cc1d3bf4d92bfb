//! Signal: one thing that speaks for or against a file or a region, and its weight.
//!
//! The weights were fitted on the development set of a benchmark of commit messages; `docs/search.md` says what each is
//! worth there. Those of `meaning` are set by hand and were never fitted.

/// What speaks for or against a file or a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Signal {
    /// BM25 of the file's best chunk.
    BestChunk,
    /// The sum over its three best.
    BestThree,
    /// BM25 of a whole text, or of a chunk's.
    Body,
    /// BM25 of a chunk that forgives length.
    Short,
    /// BM25 of the words of the path.
    Path,
    /// BM25 of the names that are defined.
    Names,
    /// Votes of the commits whose messages fit best.
    Votes,
    /// BM25 of the messages of all commits that changed the file.
    Messages,
    /// Words of the query side by side.
    Pairs,
    /// Literals of the query, letter by letter.
    Literals,
    /// How many commits changed the file.
    Commits,
    /// How long the file is.
    Size,
    /// Defines a word of the query, letter by letter.
    Defines,
    /// BM25 of the chunks before and behind.
    Neighbours,
    /// Words that the best regions share and the query does not have.
    Feedback,
    /// How near in meaning the region, or the file's nearest one, is above the mean of all; silent where no vectors are.
    Meaning,
    /// How good the file is against the best one.
    File,
    /// One over the file's rank.
    FileRank,
    /// Tests, examples and generated code.
    Test,
    /// What is not code.
    Prose,
}

impl Signal {
    /// Every signal.
    pub const ALL: [Signal; 20] = [
        Signal::BestChunk,
        Signal::BestThree,
        Signal::Body,
        Signal::Short,
        Signal::Path,
        Signal::Names,
        Signal::Votes,
        Signal::Messages,
        Signal::Pairs,
        Signal::Literals,
        Signal::Commits,
        Signal::Size,
        Signal::Defines,
        Signal::Neighbours,
        Signal::Feedback,
        Signal::Meaning,
        Signal::File,
        Signal::FileRank,
        Signal::Test,
        Signal::Prose,
    ];

    /// Its name in snake case.
    pub fn name(self) -> &'static str {
        match self {
            Signal::BestChunk => "best_chunk",
            Signal::BestThree => "best_three",
            Signal::Body => "body",
            Signal::Short => "short",
            Signal::Path => "path",
            Signal::Names => "names",
            Signal::Votes => "votes",
            Signal::Messages => "messages",
            Signal::Pairs => "pairs",
            Signal::Literals => "literals",
            Signal::Commits => "commits",
            Signal::Size => "size",
            Signal::Defines => "defines",
            Signal::Neighbours => "neighbours",
            Signal::Feedback => "feedback",
            Signal::Meaning => "meaning",
            Signal::File => "file",
            Signal::FileRank => "file_rank",
            Signal::Test => "test",
            Signal::Prose => "prose",
        }
    }
}

/// How fast a region loses by the distance of its file from the best one.
pub(crate) const FILE_DECAY: f64 = 0.7;

/// The signals of a file.
pub(crate) const FILE: [(Signal, f64); 15] = [
    (Signal::BestChunk, 2.8),
    (Signal::BestThree, 1.0),
    (Signal::Body, 0.7),
    (Signal::Path, 1.5),
    (Signal::Names, 0.7),
    (Signal::Votes, 1.2),
    (Signal::Messages, 0.7),
    (Signal::Pairs, 0.6),
    (Signal::Literals, 0.6),
    (Signal::Commits, 0.3),
    (Signal::Size, 0.2),
    (Signal::Defines, 0.5),
    (Signal::Meaning, 2.0),
    (Signal::Test, -3.5),
    (Signal::Prose, -5.0),
];

/// The signals of a chunk.
pub(crate) const CHUNK: [(Signal, f64); 12] = [
    (Signal::Body, 0.6),
    (Signal::Short, 1.8),
    (Signal::Neighbours, 2.0),
    (Signal::Names, 0.6),
    (Signal::Feedback, 0.8),
    (Signal::Pairs, 1.0),
    (Signal::Literals, 0.3),
    (Signal::Meaning, 1.5),
    (Signal::File, 1.7),
    (Signal::FileRank, 0.2),
    (Signal::Test, -2.5),
    (Signal::Prose, -4.0),
];

/// The weighed sum of signals that are in the order of `weights`.
pub(crate) fn weighed<const N: usize>(
    weights: &[(Signal, f64); N],
    values: &[f64; N],
    without: &[Signal],
) -> f64 {
    let sum = weights.iter().zip(values);
    sum.filter(|((signal, _), _)| !without.contains(signal))
        .map(|((_, weight), value)| weight * value)
        .sum()
}

/// What each signal is divided by, so that its greatest value is 1 among code and among prose: signals that are never
/// above 1 stay as they are.
pub(crate) fn scale<const N: usize>(
    weights: &[(Signal, f64); N],
    all: impl Iterator<Item = (usize, [f64; N])>,
) -> [[f64; N]; 2] {
    let mut most = [[0.0f64; N]; 2];
    for (kind, values) in all {
        for (most, value) in most[kind].iter_mut().zip(values) {
            *most = most.max(value);
        }
    }
    for most in &mut most {
        for ((signal, _), most) in weights.iter().zip(most) {
            let is_measure = !matches!(
                signal,
                Signal::File | Signal::FileRank | Signal::Test | Signal::Prose
            );
            if !is_measure || *most == 0.0 {
                *most = 1.0;
            }
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_docs_have_each_signal_with_its_weights() {
        let docs = include_str!("../../../../docs/search.md");
        let rows = docs.lines().filter(|line| line.starts_with("| `")).count();
        assert!(rows >= Signal::ALL.len());
        for signal in Signal::ALL {
            let weight = |all: &[(Signal, f64)]| {
                let found = all.iter().find(|it| it.0 == signal);
                found.map_or_else(String::new, |it| format!("{:.1}", it.1))
            };
            let row = format!(
                "| `{}` | {} | {} |",
                signal.name(),
                weight(&FILE),
                weight(&CHUNK)
            );
            assert!(docs.contains(&row), "docs/search.md has no row {row}");
        }
    }
}
