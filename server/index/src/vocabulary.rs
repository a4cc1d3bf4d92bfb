//! Vocabulary: every term in use with its postings; a term that no file uses any more is forgotten (I1).

use serde::{Deserialize, Serialize};

use crate::interner::Interner;
use crate::postings::{Packed, Postings};

/// Terms by text and by number, with their postings.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Vocabulary {
    terms: Interner,
    /// By number of the term.
    lists: Vec<Packed>,
}

impl Vocabulary {
    /// The postings of `term`, if any file uses it.
    pub(crate) fn get(&self, term: &str) -> Option<Postings> {
        self.packed(term).map(Packed::read)
    }

    /// The numbers of the files that use `term`, in order.
    pub(crate) fn files(&self, term: &str) -> impl Iterator<Item = u32> {
        self.packed(term).into_iter().flat_map(Packed::files)
    }

    /// Adds the packed record of `file`, of which nothing is here yet; returns the term's number.
    pub(crate) fn add(&mut self, file: u32, term: &str, record: &[u8]) -> u32 {
        let number = self.terms.intern(term);
        if self.lists.len() < self.terms.bound() {
            self.lists.resize_with(self.terms.bound(), Packed::default);
        }
        if let Some(list) = self.lists.get_mut(number as usize) {
            list.add(file, record);
        }
        number
    }

    /// Takes away all that `file` uses of the term with this number.
    pub(crate) fn remove(&mut self, file: u32, number: u32) {
        let Some(list) = self.lists.get_mut(number as usize) else {
            return;
        };
        list.remove(file);
        if list.is_empty() {
            *list = Packed::default();
            self.terms.forget(number);
        }
    }

    /// How many terms are in use.
    pub(crate) fn len(&self) -> usize {
        self.terms.len()
    }

    /// Gives back memory that growing took in advance.
    pub(crate) fn shrink(&mut self) {
        self.terms.shrink();
        self.lists.iter_mut().for_each(Packed::shrink);
        self.lists.shrink_to_fit();
    }

    fn packed(&self, term: &str) -> Option<&Packed> {
        self.lists.get(self.terms.get(term)? as usize)
    }
}
