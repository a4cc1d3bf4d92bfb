//! Rank: which regions answer a query, best first; scores depend on the set of files alone (I1).
//!
//! Each signal is divided by its greatest value for the query, then weighed. A file is judged by its best chunks, its
//! whole text, its path and the names that it defines; a chunk by its text, its neighbours, its names and its file.
//! Sums run over the terms in alphabetical order, so the order in which files came cannot reach a rounding error.

mod bm25;
mod board;
mod region;

use std::collections::BTreeMap;

use serde::Serialize;

use self::board::Board;
use crate::index::Index;
use crate::token::{self, Cutter};
use crate::vocabulary::Postings;

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

pub(crate) fn search(index: &Index, query: &str, k: usize) -> Vec<Hit> {
    let asked = asked(index, query);
    if asked.is_empty() || k == 0 {
        return Vec::new();
    }
    let mut board = Board::new(index);
    for term in &asked {
        board.count(term, index);
    }
    let files = board.files(index);
    let mut regions = board.regions(index, &files);
    regions.sort_by(|a, b| {
        let by_place = || (a.file.path.as_ref(), a.chunk).cmp(&(b.file.path.as_ref(), b.chunk));
        b.score.total_cmp(&a.score).then_with(by_place)
    });
    regions
        .into_iter()
        .take(k)
        .filter_map(|region| region.hit(&asked))
        .collect()
}

/// A term of the query that some file uses.
struct Asked<'i> {
    /// The word of the query that it was cut from.
    word: String,
    weight: f64,
    postings: &'i Postings,
}

fn asked<'i>(index: &'i Index, query: &str) -> Vec<Asked<'i>> {
    let cutter = Cutter::default();
    let mut counts: BTreeMap<String, (u32, &str)> = BTreeMap::new();
    for word in token::words(query) {
        cutter.terms(word, |term| counts.entry(term).or_insert((0, word)).0 += 1);
    }
    let known = counts.iter().filter_map(|(term, &(count, word))| {
        Some(Asked {
            word: word.to_owned(),
            weight: 1.0 + f64::from(count).ln(),
            postings: index.vocabulary().get(term)?,
        })
    });
    known.collect()
}
