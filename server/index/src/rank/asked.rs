//! Asked: the terms of a query with their weights and where they are used; in alphabetical order.

use std::collections::BTreeMap;

use crate::index::Index;
use crate::postings::Postings;
use crate::token::{self, Cutter};

/// What a word below the first line counts: the first line says what is wanted, the rest explains.
const BELOW: f64 = 0.7;
/// What a guessed word counts. Set by hand, never fitted.
pub(super) const GUESSED: f64 = 0.5;

/// A term of the query.
pub(crate) struct Asked {
    pub(crate) term: String,
    /// The word of the query that it was cut from.
    pub(crate) word: String,
    pub(crate) weight: f64,
    pub(crate) postings: Postings,
}

/// The terms of `query`, and of `also` those that it does not have; those that no file uses too, since a message of a commit
/// may.
pub(crate) fn of<'q>(index: &Index, query: &'q str, also: &'q str) -> Vec<Asked> {
    let cutter = Cutter::default();
    let mut counts: BTreeMap<String, (f64, &'q str)> = BTreeMap::new();
    let mut worth = 1.0;
    for line in query.trim_start().lines() {
        for word in token::words(line) {
            cutter.terms(word, |term| {
                counts.entry(term).or_insert((0.0, word)).0 += worth
            });
        }
        worth = BELOW;
    }
    for word in token::words(also) {
        cutter.terms(word, |term| {
            counts.entry(term).or_insert((GUESSED, word));
        });
    }
    let asked = counts.into_iter().map(|(term, (count, word))| Asked {
        word: word.to_owned(),
        weight: if count > 1.0 { 1.0 + count.ln() } else { count },
        postings: index.vocabulary().get(&term).unwrap_or_default(),
        term,
    });
    asked.collect()
}
