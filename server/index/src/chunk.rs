//! Chunk: a range of lines that is searched and shown as one; the chunks of a text are in order, apart from each other,
//! and cover each of its lines but for blank ones between them.

use serde::{Deserialize, Serialize};

use crate::outline::Outline;
use crate::{Symbol, SymbolKind};

/// Longest chunk, in lines.
const MOST_LINES: u32 = 60;
/// Neighbours are merged while they fit into this many lines.
const MERGED_LINES: u32 = 36;

/// A range of lines from 1, both ends inside, and how many terms it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chunk {
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// Terms of its text.
    pub(crate) length: u32,
    /// Terms of the names defined in it.
    pub(crate) name_length: u32,
    /// Whether it is part of a test; no chunk is so in part.
    pub(crate) is_test: bool,
}

/// Cuts a text of `blank.len()` lines at the borders of its innermost definitions, comments included, and of its tests.
/// `blank` says of each line whether it is empty. A text of blank lines has one chunk of one line.
pub(crate) fn cut(outline: &Outline, blank: &[bool]) -> Vec<Chunk> {
    let last = u32::try_from(blank.len()).unwrap_or(u32::MAX).max(1);
    let mut pieces: Vec<(u32, u32)> = Vec::new();
    let mut next = 1;
    for (start, end) in leaves(&outline.symbols) {
        let (start, end) = (start.max(next), end.min(last));
        if start > end {
            continue;
        }
        shorten(next, start - 1, blank, &mut pieces);
        shorten(start, end, blank, &mut pieces);
        next = end + 1;
    }
    shorten(next, last, blank, &mut pieces);

    let mut chunks: Vec<Chunk> = Vec::with_capacity(pieces.len());
    for (start, end, is_test) in parted(&pieces, &outline.tests) {
        let lines = blank.get(start as usize - 1..end as usize);
        if lines.is_some_and(|lines| lines.iter().all(|&is_blank| is_blank)) {
            continue;
        }
        match chunks.last_mut() {
            Some(before) if before.is_test == is_test && end - before.start < MERGED_LINES => {
                before.end = end;
            }
            _ => chunks.push(Chunk::of(start, end, is_test)),
        }
    }
    if chunks.is_empty() {
        chunks.push(Chunk::of(1, 1, false));
    }
    chunks
}

impl Chunk {
    fn of(start: u32, end: u32, is_test: bool) -> Chunk {
        Chunk {
            start,
            end,
            length: 0,
            name_length: 0,
            is_test,
        }
    }
}

/// The index of the chunk that covers `line`, or comes next; the last one for lines beyond the end.
pub(crate) fn covering(chunks: &[Chunk], line: u32) -> usize {
    chunks
        .partition_point(|chunk| chunk.end < line)
        .min(chunks.len().saturating_sub(1))
}

/// Parts the pieces at the borders of the tests, and says which parts are tests. Both lists are in order.
fn parted(pieces: &[(u32, u32)], tests: &[(u32, u32)]) -> Vec<(u32, u32, bool)> {
    let mut tests = tests.iter().copied().peekable();
    let mut parts = Vec::with_capacity(pieces.len());
    for &(start, end) in pieces {
        let mut start = start;
        while start <= end {
            while tests.next_if(|&(_, test_end)| test_end < start).is_some() {}
            let (stop, is_test) = match tests.peek() {
                Some(&(from, to)) if from <= start => (to.min(end), true),
                Some(&(from, _)) => ((from - 1).min(end), false),
                None => (end, false),
            };
            parts.push((start, stop, is_test));
            start = stop + 1;
        }
    }
    parts
}

/// Lines of the definitions that are one region each: callables whole, others where nothing is defined inside them.
fn leaves(symbols: &[Symbol]) -> impl Iterator<Item = (u32, u32)> {
    let mut covered = 0;
    symbols.iter().enumerate().filter_map(move |(at, symbol)| {
        // Symbols come outer before inner, so the next one tells whether this one holds any.
        let inner = symbols
            .get(at + 1)
            .filter(|inner| inner.start <= symbol.end && inner.end <= symbol.end);
        let is_region = match inner {
            // A named group of tests is none.
            Some(inner) if symbol.kind == SymbolKind::Test => inner.kind != SymbolKind::Test,
            Some(_) => symbol.kind.is_callable(),
            None => true,
        };
        if symbol.end <= covered || !is_region {
            return None;
        }
        covered = symbol.end;
        Some((symbol.doc_start, symbol.end))
    })
}

/// Cuts `start..=end` into pieces of at most [`MOST_LINES`], behind an empty line where one is near.
fn shorten(start: u32, end: u32, blank: &[bool], pieces: &mut Vec<(u32, u32)>) {
    let mut start = start;
    while start <= end {
        let mut stop = end;
        if end - start >= MOST_LINES {
            let furthest = start + MOST_LINES - 1;
            stop = (start + MOST_LINES / 2..=furthest)
                .rev()
                .find(|&line| blank.get(line as usize - 1).copied().unwrap_or(false))
                .unwrap_or(furthest);
        }
        pieces.push((start, stop));
        start = stop + 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::outline::read;

    fn symbol(kind: SymbolKind, doc_start: u32, start: u32, end: u32) -> Symbol {
        Symbol {
            name: "x".into(),
            kind,
            doc_start,
            start,
            end,
            container: None,
            signature: String::new(),
        }
    }

    fn outline(symbols: &[Symbol], tests: &[(u32, u32)]) -> Outline {
        Outline {
            symbols: symbols.to_vec(),
            tests: tests.to_vec(),
        }
    }

    fn ranges(symbols: &[Symbol], blank: &[bool]) -> Vec<(u32, u32)> {
        let chunks = cut(&outline(symbols, &[]), blank);
        chunks
            .iter()
            .map(|chunk| (chunk.start, chunk.end))
            .collect()
    }

    #[test]
    fn borders_follow_definitions() {
        let symbols = [
            symbol(SymbolKind::Impl, 10, 10, 110),
            symbol(SymbolKind::Method, 11, 13, 50),
            symbol(SymbolKind::Method, 52, 52, 105),
            symbol(SymbolKind::Function, 112, 112, 114),
            symbol(SymbolKind::Function, 115, 115, 117),
        ];
        assert_eq!(
            ranges(&symbols, &[false; 120]),
            [(1, 10), (11, 50), (51, 51), (52, 105), (106, 120)],
        );
    }

    #[test]
    fn long_texts_are_cut_behind_empty_lines() {
        let mut blank = [false; 130];
        blank[49] = true;
        assert_eq!(ranges(&[], &blank), [(1, 50), (51, 110), (111, 130)]);
        assert_eq!(ranges(&[], &[]), [(1, 1)]);
        assert_eq!(ranges(&[], &[true; 200]), [(1, 1)]);
    }

    #[test]
    fn blank_lines_alone_are_no_chunk() {
        let symbols = [
            symbol(SymbolKind::Method, 1, 1, 40),
            symbol(SymbolKind::Method, 42, 42, 81),
        ];
        let mut blank = [false; 90];
        blank[40] = true;
        blank[81..].fill(true);
        assert_eq!(ranges(&symbols, &blank), [(1, 40), (42, 81)]);
    }

    #[test]
    fn tests_are_apart_from_what_they_test() {
        let symbols = [
            symbol(SymbolKind::Function, 1, 1, 3),
            symbol(SymbolKind::Module, 5, 6, 12),
            symbol(SymbolKind::Test, 8, 9, 11),
            symbol(SymbolKind::Function, 13, 13, 14),
        ];
        let chunks = cut(&outline(&symbols, &[(5, 12)]), &[false; 15]);
        let shown: Vec<_> = chunks
            .iter()
            .map(|it| (it.start, it.end, it.is_test))
            .collect();
        assert_eq!(shown, [(1, 4, false), (5, 12, true), (13, 15, false)]);
    }

    /// The first line of each chunk of a text, its white space around left out.
    fn heads(path: &str, text: &str) -> Vec<String> {
        let lines: Vec<&str> = text.lines().collect();
        let blank: Vec<bool> = lines.iter().map(|line| line.trim().is_empty()).collect();
        let chunks = cut(&read(path, text), &blank);
        let head = |chunk: &Chunk| lines[chunk.start as usize - 1].trim().to_owned();
        chunks.iter().map(head).collect()
    }

    #[test]
    fn definitions_of_classes_are_chunks_with_what_leads_them() {
        let body = "        x = 1\n".repeat(40);
        let python = format!(
            "class A:\n    \"\"\"Doc.\"\"\"\n\n    # One.\n    @cached\n    def one(self):\n{body}\n    def two(self):\n{body}"
        );
        assert_eq!(
            heads("a.py", &python),
            ["class A:", "# One.", "def two(self):"]
        );
        let typescript = format!(
            "export class A {{\n  a = 1;\n\n  /** One. */\n  @Log()\n  one() {{\n{body}  }}\n\n  two = () => {{\n{body}  }};\n}}\n"
        );
        let found = heads("a.ts", &typescript);
        assert_eq!(
            found,
            ["export class A {", "/** One. */", "two = () => {", "}"]
        );
        let tests = format!(
            "describe('a', () => {{\n  it('b', () => {{\n{body}  }});\n\n  it('c', () => {{\n{body}  }});\n}});\n"
        );
        let found = heads("a.test.ts", &tests);
        assert_eq!(
            found,
            [
                "describe('a', () => {",
                "it('b', () => {",
                "it('c', () => {",
                "});"
            ]
        );
        let script = format!("#!/bin/sh\nset -e\n\n# One.\none() {{\n{body}}}\none\n");
        assert_eq!(heads("run", &script), ["#!/bin/sh", "# One.", "one"]);
    }

    proptest! {
        #[test]
        fn each_line_but_blank_ones_is_covered_once(
            spans in prop::collection::vec((0u32..4, 1u32..300, 0u32..90, any::<bool>()), 0..20),
            blank in prop::collection::vec(any::<bool>(), 1..400),
            tests in prop::collection::vec((1u32..60, 0u32..40), 0..8),
        ) {
            let mut symbols: Vec<Symbol> = spans
                .into_iter()
                .map(|(doc, start, lines, callable)| {
                    let kind = if callable { SymbolKind::Function } else { SymbolKind::Impl };
                    symbol(kind, start.saturating_sub(doc).max(1), start, start + lines)
                })
                .collect();
            symbols.sort_by_key(|symbol| (symbol.start, std::cmp::Reverse(symbol.end)));
            let mut end = 0;
            let tests: Vec<(u32, u32)> = tests
                .into_iter()
                .map(|(gap, lines)| {
                    let start = end + gap;
                    end = start + lines;
                    (start, end)
                })
                .collect();
            let chunks = cut(&outline(&symbols, &tests), &blank);
            let is_blank = |from: u32, to: u32| (from..to).all(|line| blank[line as usize - 1]);
            let mut next = 1;
            for (at, chunk) in chunks.iter().enumerate() {
                prop_assert!(chunk.start >= next && is_blank(next, chunk.start));
                prop_assert!(chunks.len() == 1 || !is_blank(chunk.start, chunk.end + 1));
                for line in chunk.start..=chunk.end {
                    let is_test = tests.iter().any(|&(from, to)| (from..=to).contains(&line));
                    prop_assert!(is_blank(line, line + 1) || is_test == chunk.is_test);
                }
                prop_assert!(chunk.end >= chunk.start && chunk.end - chunk.start < MOST_LINES);
                prop_assert_eq!(covering(&chunks, chunk.start), at);
                prop_assert_eq!(covering(&chunks, chunk.end), at);
                next = chunk.end + 1;
            }
            prop_assert!(is_blank(next, blank.len() as u32 + 1));
        }
    }
}
