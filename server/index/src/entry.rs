//! Entry: all that the index keeps of one file; a pure function of its path and text (I1), made for any text (I2).

use std::collections::HashMap;

use crate::chunk::{self, Chunk};
use crate::outline;
use crate::token::{self, Cutter};
use crate::{Symbol, SymbolKind};

/// A NUL within this many bytes means a binary file, which is found by its path alone.
const BINARY_WINDOW: usize = 8 << 10;

/// One file, read: symbols, chunks and counted terms. Making one is the costly part of an update, and needs no index.
#[derive(Debug, Clone)]
pub struct Entry {
    pub(crate) path: String,
    pub(crate) symbols: Vec<Symbol>,
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) terms: Vec<(String, Uses)>,
    /// Terms of the path.
    pub(crate) path_length: u32,
}

/// How often one file uses one term.
#[derive(Debug, Clone, Default)]
pub(crate) struct Uses {
    /// `(chunk, count)` in its text, by chunk.
    pub(crate) body: Vec<(u32, u32)>,
    /// `(chunk, count)` in the names that it defines, by chunk.
    pub(crate) names: Vec<(u32, u32)>,
    /// Count in its path.
    pub(crate) path: u32,
}

impl Entry {
    /// Reads `text`. `path` is relative to the root, with `/` between its parts.
    pub fn of(path: &str, text: &str) -> Entry {
        let window = text.len().min(BINARY_WINDOW);
        let text = match text.as_bytes()[..window].contains(&0) {
            true => "",
            false => text,
        };
        let outline = outline::read(path, text);
        let blank: Vec<bool> = text.lines().map(|line| line.trim().is_empty()).collect();
        let mut chunks = chunk::cut(&outline, &blank);
        let mut terms = Terms::default();

        let mut lines = (1..).zip(text.lines()).peekable();
        for (at, chunk) in (0..).zip(&mut chunks) {
            // Lines between chunks are blank.
            let end = chunk.end;
            let is_inside = |(number, _): &(u32, &str)| *number <= end;
            while let Some((_, line)) = lines.next_if(is_inside) {
                chunk.length += terms.count(line, |uses| add(&mut uses.body, at));
            }
        }
        for symbol in &outline.symbols {
            // An `impl` repeats the name of a type that is defined elsewhere.
            if symbol.kind == SymbolKind::Impl {
                continue;
            }
            let at = chunk::covering(&chunks, symbol.start);
            let number = u32::try_from(at).unwrap_or(u32::MAX);
            let count = terms.count(&symbol.name, |uses| add(&mut uses.names, number));
            if let Some(chunk) = chunks.get_mut(at) {
                chunk.name_length += count;
            }
        }
        let path_length = terms.count(path, |uses| uses.path += 1);

        Entry {
            path: path.to_owned(),
            symbols: outline.symbols,
            chunks,
            terms: terms.list,
            path_length,
        }
    }

    /// The path that it was read for.
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// Counts one more in `chunk`, which is never below the last one counted.
fn add(counts: &mut Vec<(u32, u32)>, chunk: u32) {
    match counts.last_mut() {
        Some((last, count)) if *last == chunk => *count += 1,
        _ => counts.push((chunk, 1)),
    }
}

/// The terms of one file, each word cut only once.
#[derive(Default)]
struct Terms {
    list: Vec<(String, Uses)>,
    by_term: HashMap<String, usize>,
    by_word: HashMap<String, Vec<usize>>,
    cutter: Cutter,
}

impl Terms {
    /// Hands each term of `text` to `note`, and returns how many there were.
    fn count(&mut self, text: &str, mut note: impl FnMut(&mut Uses)) -> u32 {
        let mut count = 0;
        for word in token::words(text) {
            if !self.by_word.contains_key(word) {
                let cut = self.cut(word);
                self.by_word.insert(word.to_owned(), cut);
            }
            for &term in self.by_word.get(word).into_iter().flatten() {
                if let Some((_, uses)) = self.list.get_mut(term) {
                    note(uses);
                    count += 1;
                }
            }
        }
        count
    }

    fn cut(&mut self, word: &str) -> Vec<usize> {
        let (list, by_term) = (&mut self.list, &mut self.by_term);
        let mut cut = Vec::new();
        self.cutter.terms(word, |term| {
            let id = *by_term.entry(term).or_insert_with_key(|term| {
                list.push((term.clone(), Uses::default()));
                list.len() - 1
            });
            cut.push(id);
        });
        cut
    }
}
