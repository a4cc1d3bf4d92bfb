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
mod near;
mod read;
mod region;
mod signal;

use schemars::JsonSchema;
use serde::Serialize;

use self::asked::Asked;
use self::board::Board;
use self::region::{Judged, Region};
use crate::index::Index;
use crate::query::Query;

pub use self::signal::Signal;

/// One region that answers a query.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
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
    let asked = asked::of(index, query.text, query.also);
    if asked.is_empty() || k == 0 {
        return Vec::new();
    }
    let (files, regions) = judged(index, query, &asked);
    in_order(&files, &regions, k)
        .into_iter()
        .take(k)
        .filter_map(|(region, score)| region.hit(score, &asked, &files))
        .collect()
}

/// All that matches: files best first, regions in no order.
fn judged<'i>(
    index: &'i Index,
    query: &Query<'_>,
    asked: &[Asked],
) -> (Vec<Judged<'i>>, Vec<Region<'i>>) {
    let mut board = Board::new(index);
    for term in asked {
        board.count(term);
    }
    board.count_defined(query.text, query.also);
    if let Some(history) = query.history {
        board.count_history(history, asked);
    }
    if let Some(meaning) = query.meaning
        && !query.without.contains(&Signal::Meaning)
    {
        board.count_meaning(meaning);
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

/// The `k` best regions, best first; but the best region of each of the best files comes forward to where a worse file
/// would come before it, and then counts as much as what it comes before.
fn in_order<'r, 'i>(
    files: &[Judged],
    regions: &'r [Region<'i>],
    k: usize,
) -> Vec<(&'r Region<'i>, f64)> {
    let best = files.len().min(IN_ORDER);
    let mut first_of: Vec<Option<&Region>> = vec![None; best];
    for region in regions {
        if let Some(first) = first_of.get_mut(region.rank)
            && first.is_none_or(|first| region::better(region, first).is_lt())
        {
            *first = Some(region);
        }
    }
    let mut order = Vec::with_capacity(k.min(regions.len()));
    let mut next = 0;
    // No more than the best files' regions come forward, so no region beyond these is reached.
    for region in region::best(regions, k.saturating_add(best)) {
        let until = best.min(region.rank + 1);
        let due = first_of.get_mut(next..until).unwrap_or_default();
        for first in due.iter_mut().flatten() {
            order.push((*first, first.score.max(region.score)));
        }
        let is_first = |first: &&Region| std::ptr::eq(*first, region);
        let came_forward = first_of
            .get(region.rank)
            .is_some_and(|first| first.as_ref().is_some_and(is_first));
        if !came_forward {
            order.push((region, region.score));
        }
        next = next.max(until);
    }
    order
}
