//! Vocabulary: every term in use with its postings; a term that no file uses any more is forgotten (I1).

use std::collections::HashMap;
use std::sync::Arc;

use crate::entry::Uses;

/// Where a term is used: in `chunk` of `file`, `count` times. Ordered by file, then chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Posting {
    pub(crate) file: u32,
    pub(crate) chunk: u32,
    pub(crate) count: u32,
}

/// The postings of one term. In `paths` the chunk is always 0.
#[derive(Debug, Clone, Default)]
pub(crate) struct Postings {
    pub(crate) body: Vec<Posting>,
    pub(crate) names: Vec<Posting>,
    pub(crate) paths: Vec<Posting>,
}

/// Terms by text and by number. Numbers of forgotten terms are used again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vocabulary {
    numbers: HashMap<Arc<str>, u32>,
    terms: Vec<(Arc<str>, Postings)>,
    free: Vec<u32>,
}

impl Vocabulary {
    /// The postings of `term`, if any file uses it.
    pub(crate) fn get(&self, term: &str) -> Option<&Postings> {
        let number = *self.numbers.get(term)?;
        self.terms
            .get(number as usize)
            .map(|(_, postings)| postings)
    }

    /// Adds what `file`, of which nothing is here yet, uses of `term`; returns the term's number.
    pub(crate) fn add(&mut self, file: u32, term: &str, uses: &Uses) -> u32 {
        let number = self.number(term);
        if let Some((_, postings)) = self.terms.get_mut(number as usize) {
            splice(&mut postings.body, file, &uses.body);
            splice(&mut postings.names, file, &uses.names);
            let path = [(0, uses.path)];
            splice(
                &mut postings.paths,
                file,
                if uses.path == 0 { &[] } else { &path },
            );
        }
        number
    }

    /// Takes away all that `file` uses of the term with this number.
    pub(crate) fn remove(&mut self, file: u32, number: u32) {
        let Some((text, postings)) = self.terms.get_mut(number as usize) else {
            return;
        };
        for list in [&mut postings.body, &mut postings.names, &mut postings.paths] {
            list.drain(range_of(list, file));
        }
        if postings.body.is_empty() && postings.names.is_empty() && postings.paths.is_empty() {
            self.numbers.remove(text);
            *postings = Postings::default();
            self.free.push(number);
        }
    }

    /// How many terms are in use.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    fn number(&mut self, term: &str) -> u32 {
        if let Some(&number) = self.numbers.get(term) {
            return number;
        }
        let text: Arc<str> = term.into();
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                self.terms.push((text.clone(), Postings::default()));
                u32::try_from(self.terms.len() - 1).unwrap_or(u32::MAX)
            }
        };
        if let Some(slot) = self.terms.get_mut(number as usize) {
            slot.0 = text.clone();
        }
        self.numbers.insert(text, number);
        number
    }
}

/// Where the postings of `file` stand in a list.
pub(crate) fn range_of(list: &[Posting], file: u32) -> std::ops::Range<usize> {
    let from = list.partition_point(|posting| posting.file < file);
    let count = list[from..].partition_point(|posting| posting.file == file);
    from..from + count
}

fn splice(list: &mut Vec<Posting>, file: u32, counts: &[(u32, u32)]) {
    let at = list.partition_point(|posting| posting.file < file);
    let new = counts
        .iter()
        .map(|&(chunk, count)| Posting { file, chunk, count });
    list.splice(at..at, new);
}
