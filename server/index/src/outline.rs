//! Outline: the definitions of one text in order of start, and which lines are tests; broken code gives fewer of
//! them, never an error (I2).

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::Instant;

use streaming_iterator::StreamingIterator;
use tree_sitter::{Node, QueryCursor, QueryCursorOptions};

use crate::parse;
use crate::{Language, Symbol, SymbolKind};

/// Longest signature, in characters.
const MOST_SIGNATURE: usize = 200;

/// How many half-matched patterns the query keeps at once; ordinary code needs a few.
const MOST_MATCHES: u32 = 256;

/// Definitions below this many nodes are not looked for; ordinary code nests far less.
const MOST_DEPTH: u32 = 500;

/// What one text defines.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    pub(crate) symbols: Vec<Symbol>,
    /// Lines of tests and of modules that only tests see, both ends inside: apart from each other, in order.
    pub(crate) tests: Vec<(u32, u32)>,
}

/// The definitions in `text`, outer before inner. Empty for plain text and for code that cannot be parsed in bounds.
pub fn outline(path: &str, text: &str) -> Vec<Symbol> {
    read(path, text).symbols
}

/// The definitions in `text`, outer before inner, and its lines of tests.
pub(crate) fn read(path: &str, text: &str) -> Outline {
    let language = Language::of(path);
    let (Some(query), Some(tree)) = (language.definitions(), parse::tree(language, text)) else {
        return Outline::default();
    };
    let names = query.capture_names();
    let mut left = parse::allowance(text.len());
    let started = Instant::now();
    let mut report = |_: &tree_sitter::QueryCursorState| {
        left = left.saturating_sub(1);
        if left == 0 || started.elapsed() > parse::MOST_TIME {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    let mut cursor = QueryCursor::new();
    cursor.set_match_limit(MOST_MATCHES);
    cursor.set_max_start_depth(Some(MOST_DEPTH));
    let options = QueryCursorOptions::new().progress_callback(&mut report);
    let mut matches =
        cursor.matches_with_options(query, tree.root_node(), text.as_bytes(), options);

    let mut found = Vec::new();
    let mut leads = Leads::default();
    while let Some(matched) = matches.next() {
        let mut name = None;
        let mut definition = None;
        for capture in matched.captures() {
            match names.get(capture.index as usize).copied() {
                Some("name") => name = text.get(capture.node.byte_range()),
                Some("doc") => leads.note(capture.node, text),
                Some(kind) => {
                    definition = SymbolKind::of_capture(kind).map(|kind| (kind, capture.node));
                }
                None => {}
            }
        }
        if let (Some(name), Some((kind, node))) = (name, definition) {
            found.push(Found::new(matched.pattern_index, kind, node, name, text));
        }
    }
    symbols(language, found, &leads)
}

/// The innermost definition, its leading comments included, that covers `line` (from 1).
pub fn symbol_at(path: &str, text: &str, line: u32) -> Option<Symbol> {
    outline(path, text)
        .into_iter()
        .filter(|symbol| (symbol.doc_start..=symbol.end).contains(&line))
        .min_by_key(|symbol| symbol.end - symbol.doc_start)
}

/// A definition as the query found it, before its surroundings are known.
struct Found<'t> {
    pattern: usize,
    kind: SymbolKind,
    from: usize,
    to: usize,
    start: u32,
    end: u32,
    name: &'t str,
    receiver: Option<&'t str>,
    body: Body,
    signature: String,
}

/// Whether the text says where a definition ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    Closed,
    /// Its last bracket is missing, and what follows may well stand beside it.
    Open,
}

impl<'t> Found<'t> {
    fn new(pattern: usize, kind: SymbolKind, node: Node, name: &'t str, text: &'t str) -> Self {
        let (start, end) = lines_of(node);
        let receiver = node
            .child_by_field_name("receiver")
            .and_then(|receiver| text.get(receiver.byte_range()));
        Found {
            pattern,
            kind,
            from: node.start_byte(),
            to: node.end_byte(),
            start,
            end,
            name: bare_name(name),
            receiver: receiver.map(receiver_type),
            body: body(node),
            signature: signature(kind, node, text),
        }
    }
}

/// Comments and attributes that open a line, by the line they end on: what may lead a definition.
#[derive(Default)]
struct Leads {
    by_end: HashMap<u32, (u32, Lead)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lead {
    Prose,
    /// Makes a function a test.
    Test,
    /// Leaves a module out of all but test builds.
    TestBuild,
}

impl Leads {
    fn note(&mut self, node: Node, text: &str) {
        let Some(body) = text.get(node.byte_range()) else {
            return;
        };
        let before = text.get(..node.start_byte()).unwrap_or_default();
        let blank = |c: char| c == ' ' || c == '\t';
        let opens_line = matches!(
            before.trim_end_matches(blank).chars().next_back(),
            None | Some('\n' | '\r')
        );
        // Inner comments speak of the file around them, not of what follows.
        if !opens_line || body.starts_with("//!") || body.starts_with("/*!") {
            return;
        }
        let (start, end) = lines_of(node);
        self.by_end.insert(end, (start, lead_of(body)));
    }

    /// First line of what leads the definition at `start`, and what it makes of it.
    fn above(&self, start: u32) -> (u32, Lead) {
        let mut first = start;
        let mut lead = Lead::Prose;
        while let Some(&(above, kind)) = first.checked_sub(1).and_then(|end| self.by_end.get(&end))
        {
            // A later node may start above a line that an earlier one ends on; never go down again.
            if above >= first {
                break;
            }
            first = above;
            if kind != Lead::Prose {
                lead = kind;
            }
        }
        (first, lead)
    }
}

/// Nests what was found and names its containers, with a stack of its own.
fn symbols(language: Language, mut found: Vec<Found>, leads: &Leads) -> Outline {
    found.sort_by_key(|it| (it.from, std::cmp::Reverse(it.to), it.pattern));
    found.dedup_by(|next, kept| (next.from, next.to, next.name) == (kept.from, kept.to, kept.name));
    let mut around: Vec<(usize, usize, SymbolKind, &str)> = Vec::new();
    let mut outline = Outline::default();
    for it in &found {
        // Names of one specification share its range: neither is around the other.
        let is_over = |&(from, to, ..): &(usize, usize, SymbolKind, &str)| {
            to <= it.from || (from, to) == (it.from, it.to)
        };
        while around.last().is_some_and(is_over) {
            around.pop();
        }
        let outer = around.last().copied();
        if it.body == Body::Closed {
            around.push((it.from, it.to, it.kind, it.name));
        }
        if it.name.is_empty() || it.name == "_" {
            continue;
        }
        let (doc_start, lead) = leads.above(it.start);
        let outer_name = outer.map(|(.., name)| name).filter(|name| !name.is_empty());
        let kind = refined(language, it, outer.map(|(.., kind, _)| kind), lead);
        let is_test = match kind {
            SymbolKind::Test => true,
            SymbolKind::Module => lead == Lead::TestBuild,
            _ => false,
        };
        // Definitions come in order, so a test within another ends before it.
        let covered = outline.tests.last().map_or(0, |&(_, end)| end);
        if is_test && it.end > covered {
            let start = doc_start.max(covered + 1);
            outline.tests.push((start, it.end));
        }
        outline.symbols.push(Symbol {
            name: it.name.to_owned(),
            kind,
            doc_start,
            start: it.start,
            end: it.end,
            container: it.receiver.or(outer_name).map(str::to_owned),
            signature: it.signature.clone(),
        });
    }
    outline
}

/// The kind once the surroundings are known.
fn refined(language: Language, it: &Found, outer: Option<SymbolKind>, lead: Lead) -> SymbolKind {
    match (language, it.kind) {
        (Language::Rust, SymbolKind::Function) if lead == Lead::Test => SymbolKind::Test,
        (Language::Rust, SymbolKind::Function)
            if matches!(outer, Some(SymbolKind::Impl | SymbolKind::Trait)) =>
        {
            SymbolKind::Method
        }
        (Language::Go, SymbolKind::Function) if is_go_test(it.name) => SymbolKind::Test,
        (_, kind) => kind,
    }
}

fn body(node: Node) -> Body {
    let last = node.child_by_field_name("body").and_then(|body| {
        let last = body.child_count().checked_sub(1)?;
        body.child(last)
    });
    match last {
        Some(last) if last.is_missing() => Body::Open,
        _ => Body::Closed,
    }
}

/// Lines from 1, both inside. A node that takes its line end along ends on that line.
fn lines_of(node: Node) -> (u32, u32) {
    let (from, to) = (node.start_position(), node.end_position());
    let last = match to.column {
        0 if to.row > from.row => to.row,
        _ => to.row + 1,
    };
    let line = |row: usize| u32::try_from(row).unwrap_or(u32::MAX);
    (line(from.row + 1), line(last))
}

/// `&'a fmt::Map<K, V>` -> `Map`.
fn bare_name(name: &str) -> &str {
    let head = name.split(['<', '[']).next().unwrap_or(name);
    let word = head.split_whitespace().next_back().unwrap_or(head);
    word.rsplit("::")
        .next()
        .unwrap_or(word)
        .trim_start_matches(['&', '*', '(', '$'])
        .trim_end_matches([')', ','])
}

/// `(s *Server[T])` -> `Server`.
fn receiver_type(receiver: &str) -> &str {
    bare_name(receiver.trim_matches(['(', ')']))
}

fn signature(kind: SymbolKind, node: Node, text: &str) -> String {
    let until = node
        .child_by_field_name("body")
        .filter(|body| body.kind() != "ordered_field_declaration_list")
        .map_or(node.end_byte(), |body| body.start_byte());
    let head = text.get(node.start_byte()..until).unwrap_or_default();
    let head = match kind {
        SymbolKind::Const | SymbolKind::Static | SymbolKind::Variable => {
            head.lines().next().unwrap_or_default()
        }
        _ => head.split('{').next().unwrap_or_default(),
    };
    // A Go specification stands after the keyword of its group.
    let keyword = match (kind, node.kind()) {
        (_, "type_spec" | "type_alias") => "type ",
        (_, "const_spec") => "const ",
        (_, "var_spec") => "var ",
        _ => "",
    };
    let mut folded = String::from(keyword);
    let mut count = folded.len();
    for (at, word) in head.split_whitespace().enumerate() {
        let space = if at == 0 { "" } else { " " };
        for c in space.chars().chain(word.chars()) {
            if count == MOST_SIGNATURE {
                return folded;
            }
            folded.push(c);
            count += 1;
        }
    }
    folded
}

/// What a comment or attribute makes of the definition below it: a test by `#[test]`, `#[tokio::test(…)]`, `#[bench]`,
/// `#[rstest]`; for test builds by `#[cfg(test)]`, `#[cfg(all(test, …))]`.
fn lead_of(text: &str) -> Lead {
    let Some(inside) = text.strip_prefix("#[") else {
        return Lead::Prose;
    };
    let path = inside.split(['(', ']', '=']).next().unwrap_or_default();
    let last = path.rsplit("::").next().unwrap_or(path).trim();
    match last {
        "test" | "bench" | "rstest" | "test_case" => Lead::Test,
        "cfg" => {
            let condition: String = inside.split_whitespace().collect();
            let holds = ["cfg(test)", "cfg(all(test,", "cfg(all(test)"];
            match holds.iter().any(|it| condition.starts_with(it)) {
                true => Lead::TestBuild,
                false => Lead::Prose,
            }
        }
        _ => Lead::Prose,
    }
}

/// Whether `go test` runs a function of this name.
fn is_go_test(name: &str) -> bool {
    ["Test", "Benchmark", "Fuzz", "Example"].iter().any(|word| {
        name.strip_prefix(word)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_lowercase()))
    })
}
