//! Outline: the definitions of one text in order of start, and which lines are tests; broken code gives fewer of
//! them, never an error (I2).

mod found;
mod lead;
mod signature;

use std::cmp::Reverse;
use std::ops::ControlFlow;
use std::time::Instant;

use streaming_iterator::StreamingIterator;
use tree_sitter::{Node, Query, QueryCursor, QueryCursorOptions, Tree};

pub(crate) use self::found::lines_of;
use self::found::{Body, Found};
use self::lead::{Lead, Leads};
use crate::language::Begins;
use crate::language::table::Tests;
use crate::parse;
use crate::test_path;
use crate::{Language, Symbol, SymbolKind};

/// How many half-matched patterns the query keeps at once; ordinary code needs a few.
const MOST_MATCHES: u32 = 256;

/// Shortest text that holds a definition, in bytes, as `a()=b` may in some language.
const SHORTEST: usize = 5;

/// Definitions below this many nodes are not looked for; ordinary code nests far less.
const MOST_DEPTH: u32 = 500;

/// What one text defines.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    pub(crate) symbols: Vec<Symbol>,
    /// Lines of tests and of modules that only tests see, both ends inside: apart from each other, in order.
    pub(crate) tests: Vec<(u32, u32)>,
}

/// Whether signatures are wanted: who only needs names and lines saves the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signatures {
    Built,
    Empty,
}

/// The definitions in `text`, outer before inner. Empty for plain text and for code that cannot be parsed in bounds.
pub fn outline(path: &str, text: &str) -> Vec<Symbol> {
    of(path, text, Signatures::Built).symbols
}

/// The definitions in `text`, outer before inner and without signatures, and its lines of tests.
pub(crate) fn read(path: &str, text: &str) -> Outline {
    of(path, text, Signatures::Empty)
}

/// The innermost definition, its leading comments included, that covers `line` (from 1).
pub fn symbol_at(path: &str, text: &str, line: u32) -> Option<Symbol> {
    outline(path, text)
        .into_iter()
        .filter(|symbol| (symbol.doc_start..=symbol.end).contains(&line))
        .min_by_key(|symbol| symbol.end - symbol.doc_start)
}

fn of(path: &str, text: &str, signatures: Signatures) -> Outline {
    let language = Language::of_text(path, text);
    let Some(tree) = parse::tree(language, text) else {
        return Outline::default();
    };
    let (found, leads) = captured(language, &tree, text);
    let surroundings = Surroundings::of(language, path);
    nested(&surroundings, found, &leads, text, signatures)
}

/// The bytes, in order, that the names of definitions end before; the name of an `impl` is a use of the type's.
pub(crate) fn name_ends(language: Language, tree: &Tree, text: &str) -> Vec<usize> {
    let (found, _) = captured(language, tree, text);
    let defined = found.iter().filter(|it| it.kind != SymbolKind::Impl);
    let mut ends: Vec<usize> = defined.map(|it| it.name_end).collect();
    ends.sort_unstable();
    ends
}

/// What the query finds, within bounds on its steps and on time. It is asked only about nodes that a pattern begins at.
fn captured<'t>(language: Language, tree: &'t Tree, text: &'t str) -> (Vec<Found<'t>>, Leads) {
    let (mut found, mut leads) = (Vec::new(), Leads::default());
    let Some(definitions) = language.definitions() else {
        return (found, leads);
    };
    let mut asked = Asked::new(&definitions.query, text);
    let mut cursor = tree.walk();
    let mut depth = 0;
    loop {
        let node = cursor.node();
        match definitions.begins(node.kind_id()) {
            Begins::Nothing => {}
            Begins::Lead => leads.note(language, node, text),
            Begins::Pattern if !may_match(language, node, text) => {}
            Begins::Pattern => asked.about(language, node, &mut found, &mut leads),
        }
        let holds = node.end_byte() - node.start_byte() >= SHORTEST && depth < MOST_DEPTH;
        if holds && cursor.goto_first_child() {
            depth += 1;
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return (found, leads);
            }
            depth -= 1;
        }
    }
}

/// Whether the query is to be asked about `node`: calls are many, and few run tests.
fn may_match(language: Language, node: Node, text: &str) -> bool {
    let words = match language.row().map(|row| row.tests) {
        Some(Tests::Calls(words)) if node.kind() == "call_expression" => words,
        _ => return true,
    };
    let call = text.get(node.start_byte()..).unwrap_or_default();
    words.iter().any(|word| call.starts_with(word))
}

/// The query over one text, with what is left of its allowance.
struct Asked<'t> {
    query: &'static Query,
    cursor: QueryCursor,
    text: &'t str,
    left: usize,
    started: Instant,
}

impl<'t> Asked<'t> {
    fn new(query: &'static Query, text: &'t str) -> Asked<'t> {
        let mut cursor = QueryCursor::new();
        cursor.set_match_limit(MOST_MATCHES);
        cursor.set_max_start_depth(Some(0));
        Asked {
            query,
            cursor,
            text,
            left: parse::allowance(text.len()),
            started: Instant::now(),
        }
    }

    /// Adds the matches that begin at `node`.
    fn about(
        &mut self,
        language: Language,
        node: Node<'t>,
        found: &mut Vec<Found<'t>>,
        leads: &mut Leads,
    ) {
        let (query, text) = (self.query, self.text);
        let (left, started) = (&mut self.left, self.started);
        if *left == 0 {
            return;
        }
        let mut report = |_: &tree_sitter::QueryCursorState| {
            *left = left.saturating_sub(1);
            if *left == 0 || started.elapsed() > parse::MOST_TIME {
                *left = 0;
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        };
        let options = QueryCursorOptions::new().progress_callback(&mut report);
        let cursor = &mut self.cursor;
        let mut matches = cursor.matches_with_options(query, node, text.as_bytes(), options);
        let names = query.capture_names();
        while let Some(matched) = matches.next() {
            let (mut name, mut container, mut definition) = (None, None, None);
            for capture in matched.captures() {
                match names.get(capture.index as usize).copied() {
                    Some("name") => name = Some(capture.node),
                    Some("container") => container = text.get(capture.node.byte_range()),
                    Some("doc") => leads.note(language, capture.node, text),
                    Some(kind) => {
                        let kind = SymbolKind::of_capture(kind).map(|kind| (kind, capture.node));
                        definition = definition.or(kind);
                    }
                    None => {}
                }
            }
            if let (Some(name), Some((kind, node))) = (name, definition) {
                let at = matched.pattern_index;
                found.push(Found::new(at, kind, node, name, container, text));
            }
        }
    }
}

/// What is known of a file around its definitions.
struct Surroundings {
    language: Language,
    tests: Tests,
}

impl Surroundings {
    fn of(language: Language, path: &str) -> Surroundings {
        let tests = match language.row().map(|row| row.tests) {
            Some(Tests::InFiles(_)) if !test_path::is_test(path) => Tests::Unnamed,
            Some(tests) => tests,
            None => Tests::Unnamed,
        };
        Surroundings { language, tests }
    }

    /// The kind of a definition within `outer`.
    fn kind(&self, it: &Found, outer: Option<SymbolKind>, lead: Lead) -> SymbolKind {
        if !matches!(it.kind, SymbolKind::Function | SymbolKind::Method) {
            return it.kind;
        }
        if lead == Lead::Test || self.is_test(it) {
            return SymbolKind::Test;
        }
        let in_module = self.language == Language::Ruby && outer == Some(SymbolKind::Module);
        match it.container.is_some() || outer.is_some_and(SymbolKind::has_methods) || in_module {
            true => SymbolKind::Method,
            false => it.kind,
        }
    }

    fn is_test(&self, it: &Found) -> bool {
        match self.tests {
            Tests::Unnamed | Tests::Calls(_) => false,
            Tests::Words(words) => {
                it.kind == SymbolKind::Function
                    && words.iter().any(|word| {
                        it.name
                            .strip_prefix(word)
                            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_lowercase()))
                    })
            }
            Tests::InFiles(word) => it.name.starts_with(word),
        }
    }
}

/// A definition that others may be in: its bytes, kind and name.
type Around<'f> = (usize, usize, SymbolKind, &'f str);

/// Nests what was found and names its containers, with a stack of its own.
fn nested(
    surroundings: &Surroundings,
    mut found: Vec<Found>,
    leads: &Leads,
    text: &str,
    signatures: Signatures,
) -> Outline {
    // A test is nothing else: what calls a test runner may look like a function to another pattern.
    let is_more = |it: &Found| it.kind != SymbolKind::Test;
    found.sort_by_key(|it| (it.from, Reverse(it.to), is_more(it), it.pattern));
    found.dedup_by(|next, kept| {
        (next.from, next.to) == (kept.from, kept.to)
            && (next.name == kept.name || kept.kind == SymbolKind::Test)
    });
    let mut around: Vec<Around> = Vec::new();
    let mut outline = Outline::default();
    for it in &found {
        // Names of one specification share its range: neither is around the other.
        let is_over = |&(from, to, ..): &Around| to <= it.from || (from, to) == (it.from, it.to);
        while around.last().is_some_and(is_over) {
            around.pop();
        }
        let outer = around.last().copied();
        let (doc_start, lead) = leads.above(it.start);
        let outer_kind = outer.map(|(.., kind, _)| kind);
        let kind = surroundings.kind(it, outer_kind, lead);
        if it.body == Body::Closed {
            around.push((it.from, it.to, kind, &it.name));
        }
        let is_local = it.is_prototype() && outer_kind.is_some_and(SymbolKind::is_callable);
        if it.name.is_empty() || it.name == "_" || is_local {
            continue;
        }
        let is_test = match kind {
            SymbolKind::Test => true,
            SymbolKind::Module => lead == Lead::TestBuild,
            _ => false,
        };
        let doc_start = doc_start.min(it.first);
        // Definitions come in order, so a test within another ends before it.
        let covered = outline.tests.last().map_or(0, |&(_, end)| end);
        if is_test && it.end > covered {
            let start = doc_start.max(covered + 1);
            outline.tests.push((start, it.end));
        }
        let outer_name = outer.map(|(.., name)| name).filter(|name| !name.is_empty());
        outline.symbols.push(Symbol {
            name: it.name.clone().into_owned(),
            kind,
            doc_start,
            start: it.start,
            end: it.end,
            container: it.container.or(outer_name).map(str::to_owned),
            signature: match signatures {
                Signatures::Built => signature::of(surroundings.language, kind, it, text),
                Signatures::Empty => String::new(),
            },
        });
    }
    outline
}
