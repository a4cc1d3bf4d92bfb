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

use self::asked::Asked;
use self::board::Board;
use self::region::{Judged, Region};
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

/// Files whose order the answer keeps: each is there before one that is judged worse.
const IN_ORDER: usize = 10;

pub(crate) fn search(index: &Index, query: &Query<'_>, k: usize) -> Vec<Hit> {
    let asked = asked::of(index, query.text);
    if asked.is_empty() || k == 0 {
        return Vec::new();
    }
    let (files, regions) = judged(index, query, &asked);
    in_order(&files, regions)
        .into_iter()
        .take(k)
        .filter_map(|region| region.hit(&asked, &files))
        .collect()
}

/// All that matches, files and regions, best first.
fn judged<'i>(
    index: &'i Index,
    query: &Query<'_>,
    asked: &[Asked],
) -> (Vec<Judged<'i>>, Vec<Region<'i>>) {
    let mut board = Board::new(index);
    for term in asked {
        board.count(term);
    }
    board.count_defined(query.text);
    if let Some(history) = query.history {
        board.count_history(history, asked);
    }
    let files = board.files(query.without);
    let read = read::best(&files, query, asked);
    board.count_read(&read);
    let files = board.files(query.without);
    let mut regions = board.regions(&files, query.without);
    if let Some(more) = feedback::terms(index, &regions, &read, asked) {
        board.count_feedback(&more);
        regions = board.regions(&files, query.without);
    }
    (files, regions)
}

/// Brings the best region of each of the best files forward to where a worse file would come before it; it then counts
/// as much as what it comes before.
fn in_order<'i>(files: &[Judged], regions: Vec<Region<'i>>) -> Vec<Region<'i>> {
    let best = files.len().min(IN_ORDER);
    let mut first_of: Vec<Option<usize>> = vec![None; best];
    for (at, region) in regions.iter().enumerate().rev() {
        if let Some(first) = first_of.get_mut(region.rank) {
            *first = Some(at);
        }
    }
    let scores: Vec<f64> = regions.iter().map(|it| it.score).collect();
    let mut left: Vec<Option<Region>> = regions.into_iter().map(Some).collect();
    let mut order = Vec::with_capacity(left.len());
    let mut next = 0;
    for (at, &score) in scores.iter().enumerate() {
        let rank = left.get(at).and_then(Option::as_ref).map(|it| it.rank);
        let until = rank.map_or(next, |rank| best.min(rank + 1));
        let due = first_of.get(next..until).unwrap_or_default();
        for at in due.iter().flatten().copied().chain([at]) {
            if let Some(region) = left.get_mut(at).and_then(Option::take) {
                let score = region.score.max(score);
                order.push(Region { score, ..region });
            }
        }
        next = next.max(until);
    }
    order
}
