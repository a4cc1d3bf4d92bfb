//! Asked: the terms of a query with their weights and where they are used; in alphabetical order.

use std::collections::BTreeMap;

use super::bm25::idf;
use crate::index::Index;
use crate::postings::Postings;
use crate::token::{self, Cutter};

/// A term of the query.
pub(crate) struct Asked {
    pub(crate) term: String,
    /// The word of the query that it was cut from.
    pub(crate) word: String,
    pub(crate) weight: f64,
    pub(crate) postings: Postings,
}

impl Asked {
    /// How telling the term is among all chunks.
    pub(crate) fn rarity(&self, index: &Index) -> f64 {
        self.weight * idf(index.totals().chunks, self.postings.body.len())
    }
}

/// The terms of `query`; those that no file uses too, since a message of a commit may.
pub(crate) fn of(index: &Index, query: &str) -> Vec<Asked> {
    let cutter = Cutter::default();
    let mut counts: BTreeMap<String, (u32, &str)> = BTreeMap::new();
    for word in token::words(query) {
        cutter.terms(word, |term| counts.entry(term).or_insert((0, word)).0 += 1);
    }
    let asked = counts.into_iter().map(|(term, (count, word))| Asked {
        word: word.to_owned(),
        weight: 1.0 + f64::from(count).ln(),
        postings: index.vocabulary().get(&term).unwrap_or_default(),
        term,
    });
    asked.collect()
}
