//! Central: the definitions that most of the code uses, for a map of a workspace in few words.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::{Code, is_test};
use crate::{Definition, Genre, SymbolKind, genre, outline, token};

/// Bytes that a token stands for.
const TOKEN_BYTES: usize = 4;
/// What a line of the map costs besides its signature: numbers and spaces, in bytes.
const LINE_BYTES: usize = 8;
/// Methods of one file that a map names at most before all types are named.
const MOST_METHODS: usize = 12;

/// One file of a map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mapped {
    /// The file.
    pub path: String,
    /// Its most used definitions, in the order of its lines.
    pub symbols: Vec<MappedSymbol>,
}

/// One definition of a map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MappedSymbol {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: SymbolKind,
    /// Name of the definition around it.
    pub container: Option<String>,
    /// Its first line.
    pub start: u32,
    /// Its last line.
    pub end: u32,
    /// Its head, at most 200 characters.
    pub signature: String,
    /// How many files use its name.
    pub files: usize,
}

impl Code<'_> {
    /// The definitions of code that most files use, most used first, with how many files that are; tests are left out.
    ///
    /// A name counts for what it tells: a word that prose uses too, or a name with many definitions, for less. All files of
    /// code are read for it, none is parsed.
    pub fn central(&self) -> Vec<(Definition, usize)> {
        let mut all: Vec<Definition> = Vec::new();
        for path in self.index.paths() {
            if !is_test(path) && genre::of(path) == Genre::Code {
                let defined = self.index.defined_in(path).into_iter();
                all.extend(defined.filter(|it| weight(it.kind) > 0.0));
            }
        }
        let mut namesakes: HashMap<String, (usize, usize)> = HashMap::new();
        for it in &all {
            namesakes.entry(it.name.clone()).or_default().0 += 1;
        }
        for path in self.index.paths() {
            if genre::of(path) == Genre::Prose {
                continue;
            }
            let text = (self.texts)(path).unwrap_or_default();
            let words: HashSet<&str> = token::words(&text).collect();
            for word in words {
                if let Some((_, files)) = namesakes.get_mut(word) {
                    *files += 1;
                }
            }
        }
        let mut ranked: Vec<(f64, Definition, usize)> = Vec::with_capacity(all.len());
        for it in all {
            let (definitions, files) = namesakes.get(&it.name).copied().unwrap_or((1, 1));
            let telling = match token::is_compound(&it.name) {
                true => 1.0,
                false if it.name.len() < 3 => 0.01,
                false if it.name.starts_with(char::is_uppercase) => 0.5,
                false => 0.1,
            };
            let score = telling * weight(it.kind) * (files as f64) / (definitions as f64);
            ranked.push((score, it, files));
        }
        ranked.sort_by(|a, b| {
            let by_place = || (&a.1.path, a.1.start).cmp(&(&b.1.path, b.1.start));
            b.0.total_cmp(&a.0).then_with(by_place)
        });
        ranked
            .into_iter()
            .map(|(_, it, files)| (it, files))
            .collect()
    }

    /// A map in at most `budget` tokens of 4 bytes: the most used definitions with their signatures, by file, the file with
    /// the most used one first.
    pub fn map(&self, budget: usize) -> Vec<Mapped> {
        let mut left = budget.saturating_mul(TOKEN_BYTES);
        let mut outlines: HashMap<String, Vec<crate::Symbol>> = HashMap::new();
        let mut files: Vec<Mapped> = Vec::new();
        for (it, uses) in self.central() {
            if left < LINE_BYTES {
                break;
            }
            let symbols = outlines.entry(it.path.clone()).or_insert_with(|| {
                let text = (self.texts)(&it.path).unwrap_or_default();
                outline(&it.path, &text)
            });
            let here = |symbol: &&crate::Symbol| symbol.start == it.start && symbol.name == it.name;
            let Some(symbol) = symbols.iter().find(here) else {
                continue;
            };
            let known = files.iter().position(|file| file.path == it.path);
            let path_cost = known.map_or(it.path.len() + 2, |_| 0);
            let cost = symbol.signature.len() + LINE_BYTES + path_cost;
            let is_method = |kind| kind == SymbolKind::Method;
            let methods = known.and_then(|at| files.get(at)).map_or(0, |file| {
                file.symbols.iter().filter(|it| is_method(it.kind)).count()
            });
            if cost > left || is_method(it.kind) && methods >= MOST_METHODS {
                continue;
            }
            left -= cost;
            let mapped = MappedSymbol {
                name: it.name,
                kind: it.kind,
                container: it.container,
                start: it.start,
                end: it.end,
                signature: symbol.signature.clone(),
                files: uses,
            };
            match known.and_then(|at| files.get_mut(at)) {
                Some(file) => file.symbols.push(mapped),
                None => files.push(Mapped {
                    path: it.path,
                    symbols: vec![mapped],
                }),
            }
        }
        for file in &mut files {
            file.symbols
                .sort_by_key(|it| (it.start, std::cmp::Reverse(it.end)));
        }
        files
    }
}

/// What a kind of definition tells of a workspace.
fn weight(kind: SymbolKind) -> f64 {
    match kind {
        SymbolKind::Impl | SymbolKind::Test | SymbolKind::Module => 0.0,
        SymbolKind::Method => 0.4,
        SymbolKind::Function | SymbolKind::Macro => 0.8,
        SymbolKind::Const | SymbolKind::Static | SymbolKind::Variable | SymbolKind::Property => 0.3,
        SymbolKind::Struct
        | SymbolKind::Class
        | SymbolKind::Enum
        | SymbolKind::Trait
        | SymbolKind::Interface
        | SymbolKind::Type => 1.0,
    }
}
