//! Index: the entries of a set of files; equal sets answer equally, whatever order they came in (I1).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::chunk::Chunk;
use crate::defined::Defined;
use crate::rank::{self, Hit};
use crate::test_path::is_test;
use crate::vocabulary::Vocabulary;
use crate::{Entry, Symbol, SymbolKind};

/// Search over a set of files. Keeps postings, symbols and line ranges, no text.
#[derive(Debug, Clone, Default)]
pub struct Index {
    numbers: BTreeMap<Arc<str>, u32>,
    /// By number; `None` is a number to use again, listed in `free`.
    files: Vec<Option<File>>,
    free: Vec<u32>,
    vocabulary: Vocabulary,
    defined: Defined,
    totals: Totals,
}

/// One indexed file.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) path: Arc<str>,
    pub(crate) symbols: Vec<Symbol>,
    pub(crate) chunks: Vec<Chunk>,
    terms: Vec<u32>,
    pub(crate) path_length: u32,
    pub(crate) is_test: bool,
}

/// Sums over all files: whole numbers, so that taking away undoes adding exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) files: u64,
    pub(crate) chunks: u64,
    /// Terms of all texts, of all defined names, of all paths.
    pub(crate) body: u64,
    pub(crate) names: u64,
    pub(crate) paths: u64,
}

impl Index {
    /// An index of no files.
    pub fn new() -> Index {
        Index::default()
    }

    /// Reads `text` and puts it in place of what the index knew of `path`.
    pub fn update(&mut self, path: &str, text: &str) {
        self.insert(Entry::of(path, text));
    }

    /// Puts an entry in place of what the index knew of its path.
    pub fn insert(&mut self, entry: Entry) {
        self.remove(&entry.path);
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                self.files.push(None);
                u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
            }
        };
        let terms = entry
            .terms
            .iter()
            .map(|(term, uses)| self.vocabulary.add(number, term, uses))
            .collect();
        let path: Arc<str> = entry.path.into();
        let mut file = File {
            is_test: is_test(&path),
            path: path.clone(),
            symbols: entry.symbols,
            chunks: entry.chunks,
            terms,
            path_length: entry.path_length,
        };
        file.symbols.shrink_to_fit();
        self.defined.add(number, defined_names(&file.symbols));
        self.totals = self.totals.plus(file.totals());
        self.numbers.insert(path, number);
        if let Some(slot) = self.files.get_mut(number as usize) {
            *slot = Some(file);
        }
    }

    /// Forgets `path`; nothing happens where it is unknown.
    pub fn remove(&mut self, path: &str) {
        let Some(number) = self.numbers.remove(path) else {
            return;
        };
        if let Some(file) = self.files.get_mut(number as usize).and_then(Option::take) {
            self.totals = self.totals.minus(file.totals());
            self.defined.remove(number, defined_names(&file.symbols));
            for &term in &file.terms {
                self.vocabulary.remove(number, term);
            }
        }
        self.free.push(number);
    }

    /// How many files it holds.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether it holds no file.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// How many distinct terms its files use: a measure of its size.
    pub fn terms(&self) -> usize {
        self.vocabulary.len()
    }

    /// The paths of its files, sorted by bytes.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.numbers.keys().map(|path| &**path)
    }

    /// The `k` best regions for a query in plain words or identifiers, best first; equal scores by path, then line.
    pub fn search(&self, query: &str, k: usize) -> Vec<Hit> {
        rank::search(self, query, k)
    }

    /// Where `name` is defined, by path, then line. `Type::name` and `Type.name` ask for `name` within `Type`.
    /// `impl` blocks are not definitions of their type, and are left out.
    pub fn definitions(&self, name: &str) -> Vec<(String, Symbol)> {
        let name = name.trim();
        let (container, name) = match name.rsplit_once("::").or_else(|| name.rsplit_once('.')) {
            Some((outer, name)) => {
                let inner = outer.rsplit([':', '.']).next().unwrap_or(outer);
                (Some(inner), name)
            }
            None => (None, name),
        };
        let is_meant = |symbol: &&Symbol| {
            symbol.name == name
                && symbol.kind != SymbolKind::Impl
                && (container.is_none() || symbol.container.as_deref() == container)
        };
        let files = self.defined.files(name).iter();
        let mut files: Vec<&File> = files
            .filter_map(|&number| self.files.get(number as usize)?.as_ref())
            .collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files
            .into_iter()
            .flat_map(|file| {
                let symbols = file.symbols.iter().filter(is_meant);
                symbols.map(|symbol| (file.path.to_string(), symbol.clone()))
            })
            .collect()
    }

    /// Every file with its symbols, by path; files without symbols included.
    pub fn map(&self) -> Vec<(String, Vec<Symbol>)> {
        self.in_order()
            .map(|file| (file.path.to_string(), file.symbols.clone()))
            .collect()
    }

    /// Files by number; `None` where a number is not in use.
    pub(crate) fn files(&self) -> &[Option<File>] {
        &self.files
    }

    pub(crate) fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }

    fn in_order(&self) -> impl Iterator<Item = &File> {
        self.numbers
            .values()
            .filter_map(|&number| self.files.get(number as usize)?.as_ref())
    }
}

/// The names that count as defined: an `impl` repeats the name of a type that is defined elsewhere.
fn defined_names(symbols: &[Symbol]) -> impl Iterator<Item = &str> {
    symbols
        .iter()
        .filter(|symbol| symbol.kind != SymbolKind::Impl)
        .map(|symbol| symbol.name.as_str())
}

impl File {
    /// Terms of its text.
    pub(crate) fn length(&self) -> u64 {
        self.chunks.iter().map(|it| u64::from(it.length)).sum()
    }

    /// Terms of the names that it defines.
    pub(crate) fn name_length(&self) -> u64 {
        self.chunks.iter().map(|it| u64::from(it.name_length)).sum()
    }

    fn totals(&self) -> Totals {
        Totals {
            files: 1,
            chunks: self.chunks.len() as u64,
            body: self.length(),
            names: self.name_length(),
            paths: u64::from(self.path_length),
        }
    }
}

impl Totals {
    fn plus(self, other: Totals) -> Totals {
        Totals {
            files: self.files + other.files,
            chunks: self.chunks + other.chunks,
            body: self.body + other.body,
            names: self.names + other.names,
            paths: self.paths + other.paths,
        }
    }

    fn minus(self, other: Totals) -> Totals {
        Totals {
            files: self.files - other.files,
            chunks: self.chunks - other.chunks,
            body: self.body - other.body,
            names: self.names - other.names,
            paths: self.paths - other.paths,
        }
    }
}
