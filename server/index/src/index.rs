//! Index: the entries of a set of files; equal sets answer equally, whatever order they came in (I1).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::chunk::Chunk;
use crate::defined::Defined;
use crate::postings::Numbers;
use crate::query::Query;
use crate::rank::{self, Hit};
use crate::vocabulary::Vocabulary;
use crate::{Definition, Entry, Genre, SymbolKind, genre};

/// Search over a set of files. Keeps postings, names and line ranges, no text.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Index {
    numbers: BTreeMap<Arc<str>, u32>,
    /// By number; `None` is a number to use again, listed in `free`.
    files: Vec<Option<File>>,
    free: Vec<u32>,
    vocabulary: Vocabulary,
    defined: Defined,
    /// Of code, of prose: each is judged among its own kind.
    totals: [Totals; 2],
}

/// One indexed file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct File {
    pub(crate) path: Arc<str>,
    rows: Box<[Row]>,
    pub(crate) chunks: Box<[Chunk]>,
    terms: Numbers,
    pub(crate) path_length: u32,
    pub(crate) genre: Genre,
}

/// One definition, its names by number.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Row {
    name: u32,
    /// One more than the number of its container's name; 0 for none.
    container: u32,
    kind: SymbolKind,
    doc_start: u32,
    start: u32,
    end: u32,
}

/// A range of lines that is searched as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// First line, from 1.
    pub start: u32,
    /// Last line, inside.
    pub end: u32,
    /// What it is likely to be asked for.
    pub genre: Genre,
}

/// Sums over all files: whole numbers, so that taking away undoes adding exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
        let terms = entry.terms();
        let terms = terms.map(|(term, record)| self.vocabulary.add(number, term, record));
        let terms = Numbers::of(terms.collect());
        let path: Arc<str> = entry.path.into();
        let rows = entry.symbols.iter().map(|symbol| Row {
            name: self.defined.add(number, &symbol.name),
            container: match &symbol.container {
                Some(container) => self.defined.add(number, container) + 1,
                None => 0,
            },
            kind: symbol.kind,
            doc_start: symbol.doc_start,
            start: symbol.start,
            end: symbol.end,
        });
        let file = File {
            rows: rows.collect(),
            genre: genre::of(&path),
            path: path.clone(),
            chunks: entry.chunks.into(),
            terms,
            path_length: entry.path_length,
        };
        let totals = &mut self.totals[file.kind()];
        *totals = totals.plus(file.totals());
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
            let totals = &mut self.totals[file.kind()];
            *totals = totals.minus(file.totals());
            for row in &file.rows {
                self.defined.remove(number, row.name);
                if let Some(container) = row.container.checked_sub(1) {
                    self.defined.remove(number, container);
                }
            }
            for term in file.terms.iter() {
                self.vocabulary.remove(number, term);
            }
        }
        self.free.push(number);
    }

    /// Gives back memory that growing took in advance: for when a build is over.
    pub fn shrink(&mut self) {
        self.vocabulary.shrink();
        self.defined.shrink();
        self.files.shrink_to_fit();
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

    /// The `k` best regions for a query, best first; equal scores by path, then line.
    pub fn search(&self, query: &Query<'_>, k: usize) -> Vec<Hit> {
        rank::search(self, query, k)
    }

    /// Where `name` is defined, by path, then line. `Type::name` and `Type.name` ask for `name` within `Type`.
    /// `impl` blocks are not definitions of their type, and are left out.
    pub fn definitions(&self, name: &str) -> Vec<Definition> {
        let (container, name) = split(name);
        let mut found: Vec<Definition> = self
            .defined
            .files(name)
            .into_iter()
            .filter_map(|number| self.files.get(number as usize)?.as_ref())
            .flat_map(|file| file.rows.iter().map(|row| self.definition(file, row)))
            .filter(|it| it.name == name && it.kind != SymbolKind::Impl)
            .filter(|it| container.is_none() || it.container.as_deref() == container)
            .collect();
        found.sort_by(|a, b| (&a.path, a.start).cmp(&(&b.path, b.start)));
        found
    }

    /// What the file at `path` defines, outer before inner; nothing for an unknown one.
    pub fn defined_in(&self, path: &str) -> Vec<Definition> {
        let Some(file) = self.file(path) else {
            return Vec::new();
        };
        let rows = file.rows.iter();
        rows.map(|row| self.definition(file, row)).collect()
    }

    /// The pieces that the file at `path` is searched in, in order; nothing for an unknown one.
    pub fn pieces(&self, path: &str) -> Vec<Piece> {
        let Some(file) = self.file(path) else {
            return Vec::new();
        };
        let piece = |chunk: &Chunk| Piece {
            start: chunk.start,
            end: chunk.end,
            genre: match chunk.is_test && file.genre == Genre::Code {
                true => Genre::Test,
                false => file.genre,
            },
        };
        file.chunks.iter().map(piece).collect()
    }

    /// Every name that is defined, or contains a definition, with how often; in no order.
    pub fn names(&self) -> impl Iterator<Item = (&str, usize)> {
        self.defined.names()
    }

    /// The files whose text may use the identifier `name`, by path: all that do, and some that use the same words.
    pub fn candidates(&self, name: &str) -> Vec<&str> {
        // The last term of a word is the whole of it.
        let mut whole = None;
        let cutter = crate::token::Cutter::default();
        for word in crate::token::words(name) {
            cutter.terms(word, |term| whole = Some(term));
        }
        let Some(whole) = whole else {
            return self.paths().collect();
        };
        let files = self.vocabulary.files(&whole);
        let mut paths: Vec<&str> = files
            .filter_map(|number| Some(&*self.files.get(number as usize)?.as_ref()?.path))
            .collect();
        paths.sort_unstable();
        paths
    }

    /// The whole index, packed, for [`Index::from_bytes`] of the same version of this crate.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// An index as it was packed; `None` for bytes that hold none. Damaged bytes may hold a wrong one: guard them by a
    /// checksum.
    pub fn from_bytes(bytes: &[u8]) -> Option<Index> {
        postcard::from_bytes(bytes).ok()
    }

    pub(crate) fn defined_files(&self, name: &str) -> Vec<u32> {
        self.defined.files(name)
    }

    /// Files by number; `None` where a number is not in use.
    pub(crate) fn files(&self) -> &[Option<File>] {
        &self.files
    }

    pub(crate) fn number(&self, path: &str) -> Option<u32> {
        self.numbers.get(path).copied()
    }

    pub(crate) fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Of code, of prose.
    pub(crate) fn totals(&self) -> [Totals; 2] {
        self.totals
    }

    fn file(&self, path: &str) -> Option<&File> {
        self.files.get(self.number(path)? as usize)?.as_ref()
    }

    fn definition(&self, file: &File, row: &Row) -> Definition {
        let container = row.container.checked_sub(1);
        Definition {
            path: file.path.to_string(),
            name: self.defined.name(row.name).to_owned(),
            kind: row.kind,
            container: container.map(|number| self.defined.name(number).to_owned()),
            doc_start: row.doc_start,
            start: row.start,
            end: row.end,
        }
    }
}

/// `a::Type::name` and `a.Type.name` -> `Type`, `name`.
pub(crate) fn split(name: &str) -> (Option<&str>, &str) {
    let name = name.trim();
    match name.rsplit_once("::").or_else(|| name.rsplit_once('.')) {
        Some((outer, name)) => {
            let inner = outer.rsplit([':', '.']).next().unwrap_or(outer);
            (Some(inner), name)
        }
        None => (None, name),
    }
}

impl File {
    /// 0 for code, 1 for prose.
    pub(crate) fn kind(&self) -> usize {
        usize::from(self.genre == Genre::Prose)
    }

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
