//! Score: what a ranking of regions is worth against the lines that had to change.

use anyhow::Result;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

/// Tokens that may be read, 4 bytes each.
const BUDGETS: [usize; 2] = [8_000, 32_000];
const TOKEN: usize = 4;
/// Bytes that a region costs beside its path.
const HEADER: usize = 12;
/// Files whose lines count.
const MOST_FILES: usize = 400;

/// One question of a benchmark, with its answer.
#[derive(Debug, Clone, Deserialize)]
pub struct Question {
    pub id: String,
    pub repo: String,
    pub parent_sha: String,
    #[serde(default)]
    pub date: i64,
    pub query: String,
    /// The files that had to change.
    pub files: Vec<String>,
    /// The definitions around the changed lines: first and last, from 1.
    pub ranges: BTreeMap<String, Vec<(usize, usize)>>,
}

/// A region that a program gave.
#[derive(Debug, Clone, Deserialize)]
pub struct Region {
    path: String,
    start: usize,
    end: usize,
}

/// Shares from 0 to 1.
#[derive(Debug, Clone, Copy, Default)]
pub struct Score {
    /// Of the wanted files among the first 1, 5, 10.
    pub recall: [f64; 3],
    /// One over the rank of the first wanted file.
    pub mrr: f64,
    /// Of the wanted lines within each budget.
    pub lines: [f64; 2],
}

impl Score {
    /// The columns of [`Score::figures`].
    pub const NAMES: [&str; 6] = ["R@1", "R@5", "R@10", "MRR", "L8k", "L32k"];

    /// All figures.
    pub fn figures(&self) -> [f64; 6] {
        let ([one, five, ten], [small, large]) = (self.recall, self.lines);
        [one, five, ten, self.mrr, small, large]
    }

    /// Scores a ranking, best first, of the files below `tree`.
    pub fn of(question: &Question, ranked: &[Region], tree: &Path) -> Result<Score> {
        let mut seen = HashSet::new();
        let files: Vec<&str> = ranked
            .iter()
            .map(|region| region.path.as_str())
            .filter(|path| seen.insert(*path))
            .collect();
        let wanted: HashSet<&str> = question.files.iter().map(String::as_str).collect();
        let among = |k: usize| {
            let found = files.iter().take(k).filter(|path| wanted.contains(*path));
            found.count() as f64 / wanted.len() as f64
        };
        let first = files.iter().position(|path| wanted.contains(path));
        Ok(Score {
            recall: [1, 5, 10].map(among),
            mrr: first.map_or(0.0, |at| 1.0 / (at + 1) as f64),
            lines: lines(question, ranked, &files, tree),
        })
    }
}

/// Reads the regions in order, each line once, until a budget is spent.
fn lines(question: &Question, ranked: &[Region], files: &[&str], tree: &Path) -> [f64; 2] {
    let lengths: HashMap<&str, Vec<usize>> = files
        .iter()
        .take(MOST_FILES)
        .filter_map(|path| Some((*path, lengths(&std::fs::read(tree.join(path)).ok()?))))
        .collect();
    let wanted: HashSet<(&str, usize)> = question
        .ranges
        .iter()
        .flat_map(|(path, ranges)| ranges.iter().map(move |range| (path.as_str(), *range)))
        .flat_map(|(path, (first, last))| (first..=last).map(move |line| (path, line)))
        .collect();
    let mut read: HashSet<(&str, usize)> = HashSet::new();
    let (mut spent, mut found) = (0, 0);
    let mut shares = Vec::new();
    let share = |found: usize| found as f64 / wanted.len() as f64;
    'all: for region in ranked {
        let Some(lengths) = lengths.get(region.path.as_str()) else {
            continue;
        };
        let mut header = region.path.len() + HEADER;
        for line in region.start.max(1)..=region.end.min(lengths.len()) {
            let place = (region.path.as_str(), line);
            if read.contains(&place) {
                continue;
            }
            let cost = lengths[line - 1] + header;
            while BUDGETS
                .get(shares.len())
                .is_some_and(|budget| spent + cost > budget * TOKEN)
            {
                shares.push(share(found));
            }
            if shares.len() == BUDGETS.len() {
                break 'all;
            }
            header = 0;
            spent += cost;
            read.insert(place);
            found += usize::from(wanted.contains(&place));
        }
    }
    std::array::from_fn(|at| shares.get(at).copied().unwrap_or_else(|| share(found)))
}

/// Bytes of each line, its end counted.
fn lengths(bytes: &[u8]) -> Vec<usize> {
    let mut lines: Vec<usize> = bytes
        .split(|byte| *byte == b'\n')
        .map(|line| line.len() + 1)
        .collect();
    if bytes.is_empty() || bytes.ends_with(b"\n") {
        lines.pop();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ranking_is_scored_by_files_and_by_lines_within_a_budget() {
        let tree = std::env::temp_dir().join(format!("animus-score-{}", std::process::id()));
        std::fs::create_dir_all(&tree).unwrap();
        std::fs::write(tree.join("a"), "x\n".repeat(10)).unwrap();
        // One line of this is more than the smaller budget.
        std::fs::write(tree.join("b"), format!("{}\ny\n", "b".repeat(40_000))).unwrap();
        let question = Question {
            id: "q".to_owned(),
            repo: "r".to_owned(),
            parent_sha: String::new(),
            date: 0,
            query: String::new(),
            files: vec!["a".to_owned(), "b".to_owned()],
            ranges: BTreeMap::from([
                ("a".to_owned(), vec![(1, 2)]),
                ("b".to_owned(), vec![(1, 2)]),
            ]),
        };
        let region = |path: &str, start, end| Region {
            path: path.to_owned(),
            start,
            end,
        };
        let ranked = [
            region("none", 1, 1),
            region("a", 2, 10),
            region("a", 1, 2),
            region("b", 1, 1_000_000),
        ];
        let score = Score::of(&question, &ranked, &tree).unwrap();
        std::fs::remove_dir_all(&tree).unwrap();
        assert_eq!(score.figures(), [0.0, 1.0, 1.0, 0.5, 0.5, 1.0]);
    }
}
