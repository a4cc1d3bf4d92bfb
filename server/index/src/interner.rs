//! Interner: strings by number, kept end to end in one text; the number of a forgotten string is used again.

use hashbrown::{DefaultHashBuilder, HashTable};
use serde::{Deserialize, Serialize};
use std::hash::BuildHasher;

/// Strings by number, each once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interner {
    text: String,
    /// Where each string stands in the text, by number.
    spans: Vec<Span>,
    by_text: HashTable<u32>,
    hasher: DefaultHashBuilder,
    free: Vec<u32>,
    /// Bytes of the text that belong to no string any more.
    dead: usize,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Span {
    at: u32,
    len: u32,
}

impl Interner {
    /// The number of a string that is here.
    pub(crate) fn get(&self, text: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(text);
        let is_it = |&number: &u32| self.text(number) == text;
        self.by_text.find(hash, is_it).copied()
    }

    /// The number of a string, new where it was not here.
    pub(crate) fn intern(&mut self, text: &str) -> u32 {
        if let Some(number) = self.get(text) {
            return number;
        }
        if self.dead > self.text.len() / 2 {
            self.compact();
        }
        let span = Span {
            at: number_of(self.text.len()),
            len: number_of(text.len()),
        };
        self.text.push_str(text);
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                self.spans.push(Span::default());
                number_of(self.spans.len() - 1)
            }
        };
        if let Some(slot) = self.spans.get_mut(number as usize) {
            *slot = span;
        }
        self.enter(number);
        number
    }

    /// The string with this number; empty for a number that is not in use.
    pub(crate) fn text(&self, number: u32) -> &str {
        let span = self.spans.get(number as usize).copied().unwrap_or_default();
        let (from, to) = (span.at as usize, span.at as usize + span.len as usize);
        self.text.get(from..to).unwrap_or_default()
    }

    /// Takes a string away; its number may come back for another.
    pub(crate) fn forget(&mut self, number: u32) {
        let hash = self.hasher.hash_one(self.text(number));
        if let Ok(entry) = self.by_text.find_entry(hash, |&it| it == number) {
            entry.remove();
            if let Some(span) = self.spans.get_mut(number as usize) {
                self.dead += span.len as usize;
                *span = Span::default();
            }
            self.free.push(number);
        }
    }

    /// How many strings are here.
    pub(crate) fn len(&self) -> usize {
        self.by_text.len()
    }

    /// The numbers in use, in no order.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.by_text.iter().copied()
    }

    /// One more than the greatest number that was ever given.
    pub(crate) fn bound(&self) -> usize {
        self.spans.len()
    }

    /// Gives back memory that growing took in advance.
    pub(crate) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.spans.shrink_to_fit();
    }

    fn enter(&mut self, number: u32) {
        let (text, spans, hasher) = (&self.text, &self.spans, &self.hasher);
        let hash_of = |&number: &u32| {
            let span = spans.get(number as usize).copied().unwrap_or_default();
            let (from, to) = (span.at as usize, span.at as usize + span.len as usize);
            hasher.hash_one(text.get(from..to).unwrap_or_default())
        };
        self.by_text
            .insert_unique(hash_of(&number), number, hash_of);
    }

    fn compact(&mut self) {
        (self.text, self.spans) = self.compacted();
        self.dead = 0;
    }

    /// The text without what belongs to no string any more, and where each string stands in it.
    fn compacted(&self) -> (String, Vec<Span>) {
        let mut text = String::with_capacity(self.text.len() - self.dead);
        let place = |span: &Span| {
            let (from, to) = (span.at as usize, span.at as usize + span.len as usize);
            let at = number_of(text.len());
            text.push_str(self.text.get(from..to).unwrap_or_default());
            Span { at, ..*span }
        };
        let spans = self.spans.iter().map(place).collect();
        (text, spans)
    }
}

/// Sizes here stay far below 4 GiB: a larger index would not fit into the limits on files.
fn number_of(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

/// As it is stored: the text and the spans; the table is made again. Nothing of a forgotten string is.
#[derive(Serialize, Deserialize)]
struct Stored<'s> {
    text: std::borrow::Cow<'s, str>,
    spans: std::borrow::Cow<'s, [Span]>,
    free: std::borrow::Cow<'s, [u32]>,
}

impl Serialize for Interner {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (text, spans) = self.compacted();
        let stored = Stored {
            text: text.into(),
            spans: spans.into(),
            free: self.free.as_slice().into(),
        };
        stored.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Interner {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(from)?;
        let mut interner = Interner {
            text: stored.text.into_owned(),
            spans: stored.spans.into_owned(),
            free: stored.free.into_owned(),
            ..Interner::default()
        };
        let free: std::collections::HashSet<u32> = interner.free.iter().copied().collect();
        interner.by_text =
            HashTable::with_capacity(interner.spans.len() - free.len().min(interner.spans.len()));
        for number in 0..number_of(interner.spans.len()) {
            if !free.contains(&number) {
                interner.enter(number);
            }
        }
        Ok(interner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_come_and_go() {
        let mut interner = Interner::default();
        let one = interner.intern("one");
        let two = interner.intern("two");
        assert_eq!((interner.intern("one"), interner.len()), (one, 2));
        interner.forget(one);
        interner.forget(one);
        assert_eq!((interner.get("one"), interner.text(one)), (None, ""));
        assert_eq!(interner.intern("three"), one);
        assert_eq!((interner.text(two), interner.text(one)), ("two", "three"));
        for round in 0..1_000 {
            let number = interner.intern(&format!("word{round}"));
            interner.forget(number);
        }
        assert!(interner.text.len() < 100, "{}", interner.text.len());
        assert_eq!(interner.get("three"), Some(one));
    }

    #[test]
    fn it_is_stored_whole() {
        let mut interner = Interner::default();
        for word in ["a", "", "schön", "gone"] {
            interner.intern(word);
        }
        let gone = interner.intern("gone");
        interner.forget(gone);
        let secret = interner.intern("hunter2");
        interner.forget(secret);
        let bytes = postcard::to_stdvec(&interner).unwrap();
        assert!(!bytes.windows(7).any(|part| part == b"hunter2"));
        let again: Interner = postcard::from_bytes(&bytes).unwrap();
        for word in ["a", "", "schön", "gone"] {
            assert_eq!(again.get(word), interner.get(word), "{word}");
        }
        assert_eq!(again.len(), 3);
    }
}
