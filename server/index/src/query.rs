//! Query: what is asked of an index, and what it may look at beside its own postings.

use std::sync::Arc;

use crate::{History, Signal};

/// The text of a file of the index as it was inserted; `None` for one that cannot be read now.
pub type Texts<'t> = dyn Fn(&str) -> Option<Arc<str>> + 't;

/// Plain words or identifiers, with what helps to judge them.
///
/// An answer is a function of the files, of the history and of the query; without texts, signals that need them stay
/// silent.
#[derive(Clone, Copy)]
pub struct Query<'q> {
    pub(crate) text: &'q str,
    pub(crate) texts: Option<&'q Texts<'q>>,
    pub(crate) history: Option<&'q History>,
    pub(crate) without: &'q [Signal],
}

impl<'q> Query<'q> {
    /// Asks by the postings alone.
    pub fn of(text: &'q str) -> Query<'q> {
        Query {
            text,
            texts: None,
            history: None,
            without: &[],
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

    /// Leaves signals out, to measure what they are worth.
    pub fn without(self, signals: &'q [Signal]) -> Query<'q> {
        Query {
            without: signals,
            ..self
        }
    }
}
