//! Rank: which regions answer a query, best first; scores depend on the files, the history and the query alone (I1).
//!
//! Each signal is divided by its greatest value for the query, then weighed. A file is judged by its best chunks, its
//! whole text, its path, the names that it defines and the commits that changed it; a chunk by its text, its neighbours,
//! its names and its file. The best files are then read, for what postings cannot tell: words side by side and
//! literals; and the best chunks, for the words that the query did not think of.
//! Sums run over the terms in alphabetical order, so the order in which files came cannot reach a rounding error.

mod asked;
pub(crate) mod bm25;
mod board;
mod feedback;
mod read;
mod region;
mod signal;

use serde::Serialize;

use self::board::Board;
use crate::index::Index;
use crate::query::Query;

pub use self::signal::Signal;

/// One region that answers a query.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    /// Path as it was given to the index.
    pub path: String,
    /// First line, from 1.
    pub start: u32,
    /// Last line, inside.
    pub end: u32,
    /// Higher is better. Comparable within one answer only; may be negative.
    pub score: f64,
    /// What matched, for people: names, path words and words of the query.
    pub why: Vec<String>,
}

pub(crate) fn search(index: &Index, query: &Query<'_>, k: usize) -> Vec<Hit> {
    let asked = asked::of(index, query.text);
    if asked.is_empty() || k == 0 {
        return Vec::new();
    }
    let mut board = Board::new(index);
    for term in &asked {
        board.count(term);
    }
    if let Some(history) = query.history {
        board.count_history(history, &asked);
    }
    let files = board.files(query.without);
    let read = read::best(&files, query, &asked);
    board.count_read(&read);
    let files = board.files(query.without);
    let mut regions = board.regions(&files, query.without);
    if let Some(more) = feedback::terms(index, &regions, &read, &asked) {
        board.count_feedback(&more);
        regions = board.regions(&files, query.without);
    }
    regions
        .into_iter()
        .take(k)
        .filter_map(|region| region.hit(&asked))
        .collect()
}

/// The signals of everything that matched: what the weights are fitted on.
#[derive(Debug, Clone, Default)]
pub struct Study {
    /// Path and signals, in the order of the file weights, best first.
    pub files: Vec<(String, Vec<f64>)>,
    /// Path, lines and signals, in the order of the chunk weights, best first.
    pub chunks: Vec<(String, u32, u32, Vec<f64>)>,
}

pub(crate) fn study(index: &Index, query: &Query<'_>) -> Study {
    let mut study = Study::default();
    let asked = asked::of(index, query.text);
    let mut board = Board::new(index);
    for term in &asked {
        board.count(term);
    }
    if let Some(history) = query.history {
        board.count_history(history, &asked);
    }
    let files = board.files(query.without);
    let read = read::best(&files, query, &asked);
    board.count_read(&read);
    let files = board.files(query.without);
    let mut regions = board.regions(&files, query.without);
    if let Some(more) = feedback::terms(index, &regions, &read, &asked) {
        board.count_feedback(&more);
        regions = board.regions(&files, query.without);
    }
    study.files = files
        .iter()
        .map(|it| (it.file.path.to_string(), it.signals.to_vec()))
        .collect();
    study.chunks = regions
        .iter()
        .filter_map(|it| {
            let chunk = it.file.chunks.get(it.chunk)?;
            Some((
                it.file.path.to_string(),
                chunk.start,
                chunk.end,
                it.signals.to_vec(),
            ))
        })
        .collect();
    study
}
