//! Select: which regions a reader gets for so many tokens: the best hits whole, with the heads of what is around them.
//!
//! A hit grows to the definition that it is a part of. The best hits bring the head of the container around them and, where
//! these are short, the imports of their file. What does not fit whole is left out, and smaller ones behind it may still
//! fit. Nothing is told twice: overlaps and near neighbours become one region.

use std::sync::Arc;

use hashbrown::HashMap;
use serde::Serialize;

use crate::definition::opening;
use crate::query::Texts;
use crate::rank::Hit;
use crate::{Definition, Index, SymbolKind};

/// Bytes that a token stands for.
const TOKEN_BYTES: usize = 4;
/// What naming a region costs besides its path, in bytes.
const REGION_BYTES: usize = 12;
/// Regions of one file become one where at most so many lines are between them.
const GAP: u32 = 2;
/// A hit grows to the definition around it where this has at most so many lines.
const MOST_WHOLE: u32 = 120;
/// So many of the best hits bring the lines around them along; measured: with more of them the budget is spent on heads.
const FIRST: usize = 10;
/// Imports that have more lines together are left out.
const MOST_IMPORTS: u32 = 15;
/// Lines that the head of a container has at most.
const MOST_HEAD: u32 = 3;

/// Lines of one file that are worth their tokens.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Region {
    /// Path as it was given to the index.
    pub path: String,
    /// First line, from 1.
    pub start: u32,
    /// Last line, inside.
    pub end: u32,
    /// That of its best hit; lines around a hit have that of the hit.
    pub score: f64,
    /// Why it is here, for people and models.
    pub why: Vec<String>,
    /// The lines, whole.
    #[serde(skip)]
    pub text: String,
}

/// Chooses from `hits`, best first, what fits into `budget` tokens of 4 bytes. Each region pays its lines, its path and 12
/// bytes. The answer is in the order of the best hit of each region; a file that cannot be read has none.
pub fn select(index: &Index, hits: &[Hit], texts: &Texts<'_>, budget: usize) -> Vec<Region> {
    let mut choice = Choice {
        index,
        texts,
        files: HashMap::new(),
        left: budget.saturating_mul(TOKEN_BYTES),
    };
    for (rank, hit) in hits.iter().enumerate() {
        choice.take(rank, hit);
    }
    choice.told()
}

/// A selection while it is made.
struct Choice<'i> {
    index: &'i Index,
    texts: &'i Texts<'i>,
    files: HashMap<String, Option<File>>,
    /// Bytes.
    left: usize,
}

struct File {
    text: Arc<str>,
    /// Where each line begins, and the end of the text.
    starts: Vec<usize>,
    definitions: Vec<Definition>,
    has_imports: bool,
    /// What is chosen of it, apart from each other.
    pieces: Vec<Piece>,
}

/// Chosen lines of one file.
#[derive(Clone)]
struct Piece {
    start: u32,
    end: u32,
    score: f64,
    why: Vec<String>,
    /// The rank of its best hit, and its place among what that hit brought.
    order: (usize, usize),
}

/// Lines that are wanted, and why.
struct Wanted {
    start: u32,
    end: u32,
    why: Vec<String>,
}

impl Choice<'_> {
    fn take(&mut self, rank: usize, hit: &Hit) {
        let (index, texts) = (self.index, self.texts);
        let file = self
            .files
            .entry_ref(hit.path.as_str())
            .or_insert_with(|| File::read(index, texts, &hit.path));
        let Some(file) = file else { return };
        let end = hit.end.min(file.lines());
        if hit.start > end {
            return;
        }
        let (from, to) = file.whole(hit.start, end);
        let mut around = Vec::new();
        if rank < FIRST {
            around = file.imports(&hit.path);
            around.extend(file.heads(from, to));
        }
        let lines = |start, end| Wanted {
            start,
            end,
            why: hit.why.clone(),
        };
        around.push(lines(from, to));
        // Rather the definition alone than nothing, and rather a part of it.
        let _ = self.add(rank, hit, around)
            || self.add(rank, hit, vec![lines(from, to)])
            || self.add(rank, hit, vec![lines(hit.start, end)]);
    }

    /// Adds all of `wanted` to the chosen lines, or nothing where that is too much.
    fn add(&mut self, rank: usize, hit: &Hit, wanted: Vec<Wanted>) -> bool {
        let Some(Some(file)) = self.files.get_mut(hit.path.as_str()) else {
            return false;
        };
        let brings_more = wanted.len() > 1;
        let mut pieces = file.pieces.clone();
        let (mut paid, mut saved) = (0, 0);
        for (at, it) in wanted.into_iter().enumerate() {
            let piece = Piece {
                start: it.start,
                end: it.end,
                score: hit.score,
                why: it.why,
                order: (rank, at),
            };
            let (more, less) = file.join(&mut pieces, hit.path.len(), piece);
            (paid, saved) = (paid + more, saved + less);
        }
        let Some(left) = (self.left + saved).checked_sub(paid) else {
            return false;
        };
        file.has_imports |= brings_more;
        (self.left, file.pieces) = (left, pieces);
        true
    }

    fn told(self) -> Vec<Region> {
        let mut told: Vec<((usize, usize), Region)> = Vec::new();
        for (path, file) in &self.files {
            let Some(file) = file else { continue };
            for it in &file.pieces {
                let region = Region {
                    path: path.clone(),
                    start: it.start,
                    end: it.end,
                    score: it.score,
                    why: it.why.clone(),
                    text: file.lines_of(it.start, it.end).to_owned(),
                };
                told.push((it.order, region));
            }
        }
        told.sort_by_key(|it| it.0);
        told.into_iter().map(|(_, region)| region).collect()
    }
}

impl File {
    fn read(index: &Index, texts: &Texts<'_>, path: &str) -> Option<File> {
        let text = texts(path)?;
        let ends = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1);
        let mut starts: Vec<usize> = std::iter::once(0).chain(ends).collect();
        if starts.last() != Some(&text.len()) {
            starts.push(text.len());
        }
        Some(File {
            definitions: index.defined_in(path),
            text,
            starts,
            has_imports: false,
            pieces: Vec::new(),
        })
    }

    fn lines(&self) -> u32 {
        u32::try_from(self.starts.len() - 1).unwrap_or(u32::MAX)
    }

    fn lines_of(&self, start: u32, end: u32) -> &str {
        let at = |line: u32| {
            let start = self.starts.get(line as usize).or(self.starts.last());
            start.copied().unwrap_or(0)
        };
        self.text
            .get(at(start.saturating_sub(1))..at(end))
            .unwrap_or_default()
    }

    /// Lines `start..=end` with all of the definitions that they are a part of, where these are not too long.
    fn whole(&self, start: u32, end: u32) -> (u32, u32) {
        let (mut from, mut to) = (start, end);
        for it in &self.definitions {
            let is_cut =
                it.doc_start < start && it.end >= start || it.doc_start <= end && it.end > end;
            if is_cut && !holds_others(it.kind) && it.end - it.doc_start < MOST_WHOLE {
                from = from.min(it.doc_start);
                to = to.max(it.end.min(self.lines()));
            }
        }
        (from, to)
    }

    /// The imports, if nobody has them yet and they are short.
    fn imports(&self, path: &str) -> Vec<Wanted> {
        if self.has_imports {
            return Vec::new();
        }
        let imports = crate::imports(path, opening(&self.text, &self.definitions));
        let lines: u32 = imports.iter().map(|(start, end)| end - start + 1).sum();
        if lines > MOST_IMPORTS {
            return Vec::new();
        }
        let wanted = imports.into_iter().map(|(start, end)| Wanted {
            start,
            end: end.min(self.lines()),
            why: vec!["imports of the file".to_owned()],
        });
        wanted.collect()
    }

    /// The first lines of the containers around `start..=end`, outermost first.
    fn heads(&self, start: u32, end: u32) -> Vec<Wanted> {
        let around = self
            .definitions
            .iter()
            .filter(|it| it.start < start && it.end >= end && holds_others(it.kind));
        let head = |it: &Definition| {
            let opens = |line: u32| {
                let line = self.lines_of(line, line).trim_end();
                line.ends_with(['{', ':', ';'])
            };
            let furthest = start.min(it.start + MOST_HEAD) - 1;
            let end = (it.start..furthest).find(|&line| opens(line));
            Wanted {
                start: it.start,
                end: end.unwrap_or(furthest),
                why: vec![format!("around it: {} {}", it.kind.as_str(), it.name)],
            }
        };
        around.map(head).collect()
    }

    /// Puts a piece among others, one with those that it touches. Returns the bytes that it takes and those that they took.
    fn join(&self, pieces: &mut Vec<Piece>, path: usize, mut piece: Piece) -> (usize, usize) {
        let price = |it: &Piece| self.lines_of(it.start, it.end).len() + path + REGION_BYTES;
        let mut saved = 0;
        // A piece that grew may touch one that it passed.
        while let Some(at) = pieces.iter().position(|it| {
            it.start <= piece.end.saturating_add(GAP + 1)
                && piece.start <= it.end.saturating_add(GAP + 1)
        }) {
            let other = pieces.remove(at);
            saved += price(&other);
            piece.start = piece.start.min(other.start);
            piece.end = piece.end.max(other.end);
            piece.score = piece.score.max(other.score);
            piece.order = piece.order.min(other.order);
            let new = std::mem::replace(&mut piece.why, other.why);
            for word in new {
                if !piece.why.contains(&word) {
                    piece.why.push(word);
                }
            }
        }
        let paid = price(&piece);
        pieces.push(piece);
        (paid, saved)
    }
}

/// Whether it is a container: read by its parts, not as a whole.
pub(crate) fn holds_others(kind: SymbolKind) -> bool {
    matches!(
        kind,
        SymbolKind::Impl
            | SymbolKind::Module
            | SymbolKind::Trait
            | SymbolKind::Interface
            | SymbolKind::Class
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "src/cart.rs";

    fn text() -> String {
        let filler = "        let total = 1;\n".repeat(45);
        format!(
            "use std::fmt;\n\n/// Sums.\npub struct Cart {{\n    lines: Vec<Line>,\n}}\n\nimpl Cart {{\n    /// Long.\n    fn sum(&self) -> u64 {{\n{filler}{filler}        total\n    }}\n\n    fn short(&self) {{\n{filler}    }}\n}}\n"
        )
    }

    fn chosen(hits: &[(u32, u32)], budget: usize) -> Vec<(u32, u32)> {
        let (text, mut index) = (text(), Index::new());
        index.update(PATH, &text);
        let hits: Vec<Hit> = hits
            .iter()
            .map(|&(start, end)| Hit {
                path: PATH.to_owned(),
                start,
                end,
                score: 1.0,
                why: vec!["text: sum".to_owned()],
            })
            .collect();
        let shared: Arc<str> = text.as_str().into();
        let regions = select(&index, &hits, &|_| Some(shared.clone()), budget);
        let cost: usize = regions
            .iter()
            .map(|it| it.text.len() + it.path.len() + REGION_BYTES)
            .sum();
        assert!(cost <= budget * TOKEN_BYTES, "{cost} of {budget} tokens");
        for it in &regions {
            let lines = text.split_inclusive('\n').skip(it.start as usize - 1);
            let lines: String = lines.take((it.end - it.start + 1) as usize).collect();
            assert_eq!(it.text, lines);
            assert!(!it.why.is_empty());
        }
        regions.iter().map(|it| (it.start, it.end)).collect()
    }

    #[test]
    fn a_part_becomes_the_whole_with_its_surroundings() {
        // The method, whole with its comment and joined to the head of its impl; the imports apart.
        assert_eq!(chosen(&[(40, 60)], 4_000), [(1, 1), (8, 102)]);
        assert_eq!(chosen(&[(110, 120)], 4_000), [(1, 1), (8, 8), (104, 150)]);
    }

    #[test]
    fn what_does_not_fit_whole_is_skipped() {
        // 93 lines of 23 bytes are too much, their part is not.
        assert_eq!(chosen(&[(40, 60)], 300), [(40, 60)]);
        assert_eq!(chosen(&[(40, 60), (3, 6)], 60), [(1, 6)]);
        assert_eq!(chosen(&[(40, 60)], 10), []);
    }

    #[test]
    fn neighbours_are_told_once() {
        assert_eq!(
            chosen(&[(3, 6), (104, 150), (9, 102), (104, 150)], 9_000),
            [(1, 150)]
        );
        assert_eq!(chosen(&[(400, 500)], 9_000), []);
    }
}
