//! Query: what is asked of an index, and what it may look at beside its own postings.

use std::sync::Arc;

use crate::{History, Signal};

/// Bytes of a query that are looked at: a pasted log does not say more by being longer.
const MOST_BYTES: usize = 16 << 10;

/// The text of a file of the index as it was inserted; `None` for one that cannot be read now.
pub type Texts<'t> = dyn Fn(&str) -> Option<Arc<str>> + 't;

/// How near in meaning the lines of a file from `start` to `end` (both from 1, both inside) are to what is asked, at best 1;
/// `None` where that is not known.
pub type Meaning<'m> = dyn Fn(&str, u32, u32) -> Option<f32> + 'm;

/// Plain words or identifiers, with what helps to judge them.
///
/// An answer is a function of the files, of the history and of the query; without texts, signals that need them stay
/// silent.
#[derive(Clone, Copy)]
pub struct Query<'q> {
    pub(crate) text: &'q str,
    pub(crate) also: &'q str,
    pub(crate) texts: Option<&'q Texts<'q>>,
    pub(crate) history: Option<&'q History>,
    pub(crate) meaning: Option<&'q Meaning<'q>>,
    pub(crate) without: &'q [Signal],
}

impl<'q> Query<'q> {
    /// Asks by the postings alone.
    pub fn of(text: &'q str) -> Query<'q> {
        Query {
            text: &text[..text.floor_char_boundary(MOST_BYTES)],
            also: "",
            texts: None,
            history: None,
            meaning: None,
            without: &[],
        }
    }

    /// Asks for more words that somebody guessed. The words of the query keep their weight; each other one counts as a part
    /// of a word of its first line, however often it is there.
    pub fn also(self, words: &'q str) -> Query<'q> {
        Query {
            also: words,
            ..self
        }
    }

    /// Lets the best files be read: which words stand side by side, literals, and what the best regions say.
    pub fn texts(self, texts: &'q Texts<'q>) -> Query<'q> {
        Query {
            texts: Some(texts),
            ..self
        }
    }

    /// Lets messages of earlier commits speak for the files that they changed.
    pub fn history(self, history: &'q History) -> Query<'q> {
        Query {
            history: Some(history),
            ..self
        }
    }

    /// Lets regions speak that are near in meaning; those that are nearest count also where they share no word.
    pub fn meaning(self, meaning: &'q Meaning<'q>) -> Query<'q> {
        Query {
            meaning: Some(meaning),
            ..self
        }
    }

    /// Leaves signals out, to measure what they are worth.
    pub fn without(self, signals: &'q [Signal]) -> Query<'q> {
        Query {
            without: signals,
            ..self
        }
    }
}
