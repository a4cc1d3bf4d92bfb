//! Entry: all that the index keeps of one file; a pure function of its path and text (I1), made for any text (I2).

use hashbrown::HashMap;

use crate::chunk::{self, Chunk};
use crate::outline;
use crate::postings::{self, Uses};
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
    terms: Terms,
    /// Terms of the path.
    pub(crate) path_length: u32,
}

/// The terms of one file with their packed records, end to end.
#[derive(Debug, Clone, Default)]
struct Terms {
    text: String,
    records: Vec<u8>,
    /// Where each term and its record end.
    ends: Vec<(u32, u32)>,
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
        let mut counts = Counts::default();

        let mut lines = (1..).zip(text.lines()).peekable();
        for (at, chunk) in (0..).zip(&mut chunks) {
            // Lines between chunks are blank.
            let end = chunk.end;
            let is_inside = |(number, _): &(u32, &str)| *number <= end;
            while let Some((_, line)) = lines.next_if(is_inside) {
                chunk.length += counts.count(line, |uses| add(&mut uses.body, at));
            }
        }
        for symbol in &outline.symbols {
            // An `impl` repeats the name of a type that is defined elsewhere.
            if symbol.kind == SymbolKind::Impl {
                continue;
            }
            let at = chunk::covering(&chunks, symbol.start);
            let number = u32::try_from(at).unwrap_or(u32::MAX);
            let count = counts.count(&symbol.name, |uses| add(&mut uses.names, number));
            if let Some(chunk) = chunks.get_mut(at) {
                chunk.name_length += count;
            }
        }
        let path_length = counts.count(path, |uses| uses.path += 1);
        let terms = counts.packed();

        Entry {
            path: path.to_owned(),
            symbols: outline.symbols,
            chunks,
            terms,
            path_length,
        }
    }

    /// The path that it was read for.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The terms with their packed records.
    pub(crate) fn terms(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let Terms {
            text,
            records,
            ends,
        } = &self.terms;
        let mut from = (0, 0);
        ends.iter().filter_map(move |&to| {
            let term = text.get(from.0..to.0 as usize);
            let record = records.get(from.1..to.1 as usize);
            from = (to.0 as usize, to.1 as usize);
            Some((term?, record?))
        })
    }
}

/// Counts one more in `chunk`, which is never below the last one counted.
fn add(counts: &mut Vec<(u32, u32)>, chunk: u32) {
    match counts.last_mut() {
        Some((last, count)) if *last == chunk => *count += 1,
        _ => counts.push((chunk, 1)),
    }
}

/// The terms of one file while they are counted, each word cut only once.
#[derive(Default)]
struct Counts<'t> {
    by_term: HashMap<String, u32>,
    /// By the number of a term.
    uses: Vec<Uses>,
    /// Where the terms of a word begin and end in `cuts`.
    by_word: HashMap<&'t str, (usize, usize)>,
    cuts: Vec<u32>,
    cutter: Cutter,
}

impl<'t> Counts<'t> {
    /// Hands each term of `text` to `note`, and returns how many there were.
    fn count(&mut self, text: &'t str, mut note: impl FnMut(&mut Uses)) -> u32 {
        let mut count = 0;
        for word in token::words(text) {
            let (by_term, uses, cuts) = (&mut self.by_term, &mut self.uses, &mut self.cuts);
            let &mut (from, to) = self.by_word.entry(word).or_insert_with(|| {
                let from = cuts.len();
                self.cutter.terms(word, |term| {
                    let number = *by_term.entry(term).or_insert_with(|| {
                        uses.push(Uses::default());
                        u32::try_from(uses.len() - 1).unwrap_or(u32::MAX)
                    });
                    cuts.push(number);
                });
                (from, cuts.len())
            });
            for &term in self.cuts.get(from..to).unwrap_or_default() {
                if let Some(uses) = self.uses.get_mut(term as usize) {
                    note(uses);
                    count += 1;
                }
            }
        }
        count
    }

    fn packed(self) -> Terms {
        let mut names = vec![""; self.uses.len()];
        for (term, &number) in &self.by_term {
            if let Some(name) = names.get_mut(number as usize) {
                *name = term;
            }
        }
        let mut terms = Terms::default();
        for (term, uses) in names.into_iter().zip(&self.uses) {
            terms.text.push_str(term);
            postings::pack(uses, &mut terms.records);
            let end = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
            terms
                .ends
                .push((end(terms.text.len()), end(terms.records.len())));
        }
        terms
    }
}
