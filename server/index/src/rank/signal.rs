//! Signal: one thing that speaks for or against a file or a region, and its weight.
//!
//! The weights were fitted on the development set of a benchmark of commit messages; `docs/search.md` says what each is
//! worth there.

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
    /// BM25 of the chunks before and behind.
    Neighbours,
    /// Words that the best regions share and the query does not have.
    Feedback,
    /// How good the file is against the best one.
    File,
    /// One over the file's rank.
    FileRank,
    /// Tests, examples and generated code.
    Test,
    /// What is not code.
    Prose,
    /// Regions that are too small to say much.
    FewLines,
}

impl Signal {
    /// Every signal.
    pub const ALL: [Signal; 17] = [
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
        Signal::Neighbours,
        Signal::Feedback,
        Signal::File,
        Signal::FileRank,
        Signal::Test,
        Signal::Prose,
        Signal::FewLines,
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
            Signal::Neighbours => "neighbours",
            Signal::Feedback => "feedback",
            Signal::File => "file",
            Signal::FileRank => "file_rank",
            Signal::Test => "test",
            Signal::Prose => "prose",
            Signal::FewLines => "few_lines",
        }
    }
}

/// The signals of a file.
pub(crate) const FILE: [(Signal, f64); 11] = [
    (Signal::BestChunk, 3.0),
    (Signal::BestThree, 1.5),
    (Signal::Body, 1.0),
    (Signal::Path, 1.5),
    (Signal::Names, 0.5),
    (Signal::Votes, 1.0),
    (Signal::Messages, 0.5),
    (Signal::Pairs, 0.6),
    (Signal::Literals, 0.6),
    (Signal::Test, -2.4),
    (Signal::Prose, -4.0),
];

/// The signals of a chunk.
pub(crate) const CHUNK: [(Signal, f64); 12] = [
    (Signal::Body, 2.0),
    (Signal::Short, 2.0),
    (Signal::Neighbours, 0.5),
    (Signal::Names, 0.6),
    (Signal::Feedback, 0.8),
    (Signal::Pairs, 1.0),
    (Signal::Literals, 0.3),
    (Signal::File, 1.2),
    (Signal::FileRank, 0.5),
    (Signal::Test, -2.1),
    (Signal::Prose, -2.1),
    (Signal::FewLines, -0.6),
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

/// What each signal is divided by, so that its greatest value is 1: signals that are never above 1 stay as they are.
pub(crate) fn scale<const N: usize>(
    weights: &[(Signal, f64); N],
    all: impl Iterator<Item = [f64; N]>,
) -> [f64; N] {
    let mut most = [0.0f64; N];
    for values in all {
        for (most, value) in most.iter_mut().zip(values) {
            *most = most.max(value);
        }
    }
    for ((signal, _), most) in weights.iter().zip(&mut most) {
        let is_measure = !matches!(
            signal,
            Signal::File | Signal::FileRank | Signal::Test | Signal::Prose | Signal::FewLines
        );
        if !is_measure || *most == 0.0 {
            *most = 1.0;
        }
    }
    most
}
