//! Code: ways from name to name: where it is defined, who uses it, what it uses.
//!
//! The index says which files may use a name; only those are read. Names are compared, not types: two methods of one name
//! are told apart by their container, their file and what the file imports, as far as these tell.

mod central;
mod neighbours;
mod place;

use std::collections::HashMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::definition::opening;
use crate::query::Texts;
use crate::{Definition, Genre, Index, ReferenceKind, genre};

pub use self::central::{Mapped, MappedSymbol};
pub use self::neighbours::{Neighbour, Neighbours, User};
pub use self::place::Place;

/// Definitions that uses may be near to.
const MOST_HOMES: usize = 64;
/// Files that are read for one name at most, and bytes that are parsed for it: under half a second of work.
const MOST_FILES: usize = 1_000;
const MOST_BYTES: usize = 4 << 20;
/// Longest line that is told of a use, in characters.
const MOST_LINE: usize = 160;

/// The index with the texts that it was made from.
#[derive(Clone, Copy)]
pub struct Code<'i> {
    index: &'i Index,
    texts: &'i Texts<'i>,
}

/// One use of a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Use {
    /// The file.
    pub path: String,
    /// Line from 1.
    pub line: u32,
    /// Where the name begins in its line, in bytes of UTF-8 from 0.
    pub column: u32,
    /// Where it ends, in bytes, outside.
    pub end_column: u32,
    /// What is done with it.
    pub kind: ReferenceKind,
    /// The definition around it, as `Container::name`.
    pub within: Option<String>,
    /// Its line without indentation, at most 160 characters.
    pub text: String,
}

/// Uses in order, and whether there are more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Uses {
    /// The nearest first: the files that define the name, their folders, others; tests last in each.
    pub uses: Vec<Use>,
    /// Whether there are more than were asked for, or more files than are read.
    pub more: bool,
}

/// A definition with its head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Signed {
    /// The definition.
    #[serde(flatten)]
    pub definition: Definition,
    /// Its head without the body, at most 200 characters; empty where the text cannot be read any more.
    pub signature: String,
}

impl<'i> Code<'i> {
    /// Ways through what `index` holds. `texts` gives a file's text as it was indexed.
    pub fn of(index: &'i Index, texts: &'i Texts<'i>) -> Code<'i> {
        Code { index, texts }
    }

    /// Definitions of a symbol, at most `most`: by name, by `Container::name` or `Container.name`; where there is none, those
    /// whose name is the same but for case and underscores, then those that begin with it, then those that contain it; at last
    /// the name in any container.
    pub fn symbols(&self, name: &str, most: usize) -> Vec<Definition> {
        let mut found = self.definitions(name, None);
        if found.is_empty() {
            found = self.like(name);
        }
        // Rather the name in another container than nothing.
        if let (true, (Some(_), bare)) = (found.is_empty(), crate::index::split(name)) {
            found = self.definitions(bare, None);
        }
        found.truncate(most);
        found
    }

    /// Definitions with their heads, in the same order; each file is parsed once.
    pub fn signed(&self, definitions: Vec<Definition>) -> Vec<Signed> {
        let mut outlines: HashMap<String, Vec<crate::Symbol>> = HashMap::new();
        let sign = |definition: Definition| {
            let symbols = outlines.entry(definition.path.clone()).or_insert_with(|| {
                let text = (self.texts)(&definition.path).unwrap_or_default();
                crate::outline(&definition.path, &text)
            });
            let here = symbols
                .iter()
                .find(|it| it.start == definition.start && it.name == definition.name);
            Signed {
                signature: here.map(|it| it.signature.clone()).unwrap_or_default(),
                definition,
            }
        };
        definitions.into_iter().map(sign).collect()
    }

    /// The name at a place.
    pub fn name_at(&self, place: Place<'_>) -> Option<String> {
        let text = (self.texts)(place.path)?;
        place::name_at(&text, place.line, place.column).map(str::to_owned)
    }

    /// Where the name at a place is defined; the likeliest first.
    pub fn definitions_at(&self, place: Place<'_>) -> Vec<Definition> {
        let Some(name) = self.name_at(place) else {
            return Vec::new();
        };
        let mut found = self.definitions(&name, Some(place.path));
        let text = (self.texts)(place.path).unwrap_or_default();
        if let Some(outer) = place::qualifier_at(&text, place.line, place.column) {
            let fits = |it: &Definition| {
                it.container.as_deref() == Some(outer) || module_of(&it.path) == outer
            };
            // Stable: among those that fit, the nearest stays first.
            found.sort_by_key(|it| !fits(it));
        }
        found
    }

    /// Where a name is defined, the nearest to the file at `from` first: the file itself, what it imports, its folder, others;
    /// tests last in each.
    pub fn definitions(&self, name: &str, from: Option<&str>) -> Vec<Definition> {
        let mut found = self.index.definitions(name);
        if found.len() < 2 {
            return found;
        }
        let imports = from.map(|path| self.imports_of(path)).unwrap_or_default();
        found.sort_by_cached_key(|it| {
            let distance = from.map_or(0, |from| distance(from, it, &imports));
            (distance, is_test(&it.path), it.path.clone(), it.start)
        });
        found
    }

    /// The uses of a name, at most `most`; the definitions' own names are none. With `Container::name`, files that name the
    /// container come first.
    pub fn references(&self, name: &str, most: usize) -> Uses {
        self.references_where(name, most, false)
    }

    /// As [`Code::references`]; `strict` leaves out files that do not name the container.
    fn references_where(&self, name: &str, most: usize, strict: bool) -> Uses {
        let homes: Vec<String> = self
            .index
            .definitions(name)
            .into_iter()
            .map(|it| it.path)
            .collect();
        let (outer, bare) = crate::index::split(name);
        let mut paths = self.index.candidates(bare);
        let knows_outer: Option<Vec<&str>> = outer.map(|outer| self.index.candidates(outer));
        let is_stranger = |path: &str| {
            let known = knows_outer.as_ref();
            known.is_some_and(|known| known.binary_search(&path).is_err())
        };
        if strict {
            paths.retain(|path| !is_stranger(path));
        }
        paths.sort_by_cached_key(|path| {
            let near = homes.iter().take(MOST_HOMES);
            let distance = near.map(|home| nearness(home, path)).min();
            (
                is_stranger(path),
                distance.unwrap_or(0),
                is_test(path),
                (*path).to_owned(),
            )
        });
        let mut found = Uses {
            more: paths.len() > MOST_FILES,
            ..Uses::default()
        };
        let mut bytes_left = MOST_BYTES;
        for path in paths.into_iter().take(MOST_FILES) {
            let Some(text) = (self.texts)(path) else {
                continue;
            };
            if memchr::memmem::find(text.as_bytes(), bare.as_bytes()).is_none() {
                continue;
            }
            let Some(left) = bytes_left.checked_sub(text.len()) else {
                found.more = true;
                return found;
            };
            bytes_left = left;
            let references = crate::references(path, &text, bare);
            if references.is_empty() {
                continue;
            }
            let definitions = self.index.defined_in(path);
            let lines: Vec<&str> = text.lines().collect();
            for it in references {
                if found.uses.len() == most {
                    found.more = true;
                    return found;
                }
                let line = lines.get(it.line as usize - 1).copied().unwrap_or_default();
                found.uses.push(Use {
                    path: path.to_owned(),
                    line: it.line,
                    column: it.column_bytes,
                    end_column: it.end_column_bytes,
                    kind: it.kind,
                    within: around(&definitions, it.line).map(Definition::full_name),
                    text: line.trim().chars().take(MOST_LINE).collect(),
                });
            }
        }
        found
    }

    fn like(&self, name: &str) -> Vec<Definition> {
        let (outer, bare) = crate::index::split(name.trim());
        let wanted = folded(bare);
        if wanted.is_empty() {
            return Vec::new();
        }
        let mut names: Vec<(u8, usize, &str)> = self
            .index
            .names()
            .filter_map(|(name, _)| {
                let folded = folded(name);
                let rank = match folded.find(&wanted)? {
                    0 if folded.len() == wanted.len() => 0,
                    0 => 1,
                    _ => 2,
                };
                Some((rank, name.len(), name))
            })
            .collect();
        names.sort_unstable();
        let outer = outer.map(folded);
        names
            .into_iter()
            .flat_map(|(.., name)| self.definitions(name, None))
            .filter(|it| {
                let container = it.container.as_deref().map(folded);
                outer.is_none() || container == outer
            })
            .take(200)
            .collect()
    }

    /// The text of the import lines of a file; empty where it has none or cannot be read.
    fn imports_of(&self, path: &str) -> String {
        let text: Arc<str> = match (self.texts)(path) {
            Some(text) => text,
            None => return String::new(),
        };
        let lines: Vec<&str> = text.lines().collect();
        let opening = opening(&text, &self.index.defined_in(path));
        let imports = crate::imports(path, opening).into_iter();
        let imports = imports.flat_map(|(start, end)| {
            let lines = lines.get(start as usize - 1..(end as usize).min(lines.len()));
            lines.unwrap_or_default().iter().copied()
        });
        imports.collect::<Vec<_>>().join("\n")
    }

    fn texts_of<'t>(
        &self,
        cache: &'t mut HashMap<String, Arc<str>>,
        path: &str,
    ) -> Option<&'t str> {
        if !cache.contains_key(path) {
            cache.insert(path.to_owned(), (self.texts)(path)?);
        }
        cache.get(path).map(|text| &**text)
    }
}

/// The innermost definition at a line that is more than a container.
fn around(definitions: &[Definition], line: u32) -> Option<&Definition> {
    let inside = definitions
        .iter()
        .filter(|it| (it.doc_start..=it.end).contains(&line));
    inside.min_by_key(|it| {
        let holds = crate::select::holds_others(it.kind);
        (holds, it.end - it.doc_start, std::cmp::Reverse(it.start))
    })
}

/// How far a definition is from a file: 0 the same file, 1 imported by it, 2 its folder, 3 elsewhere.
fn distance(from: &str, it: &Definition, imports: &str) -> u8 {
    match nearness(from, &it.path) {
        0 => 0,
        near => {
            let module = module_of(&it.path);
            let has = |word: &str| has_word(imports, word);
            let outer = it.container.as_deref().unwrap_or(&it.name);
            match has(outer) || has(&it.name) || !module.is_empty() && has(module) {
                true => 1,
                false => near + 1,
            }
        }
    }
}

/// 0 the same file, 1 the same folder, 2 elsewhere.
fn nearness(a: &str, b: &str) -> u8 {
    let folder = |path: &'_ str| path.rfind('/').map_or(0, |at| at + 1);
    match a == b {
        true => 0,
        false if a[..folder(a)] == b[..folder(b)] => 1,
        false => 2,
    }
}

/// The word by which imports name a file: its name without an end, or its folder's for `mod.rs`, `lib.rs`, `index.ts` and Go.
fn module_of(path: &str) -> &str {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = name.split('.').next().unwrap_or(name);
    let is_folder = matches!(stem, "mod" | "lib" | "main" | "index" | "__init__");
    match is_folder || name.ends_with(".go") {
        true => {
            let folder = folder.strip_suffix("/src").unwrap_or(folder);
            folder.rsplit('/').next().unwrap_or(folder)
        }
        false => stem,
    }
}

fn is_test(path: &str) -> bool {
    genre::of(path) == Genre::Test
}

/// Whether a text has a whole word.
fn has_word(text: &str, word: &str) -> bool {
    let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.any(|it| it == word)
}

/// Lower case, without underscores.
fn folded(name: &str) -> String {
    let chars = name.chars().filter(|c| *c != '_');
    chars.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests;
