//! Found: a definition as the query found it, before its surroundings are known.

use std::borrow::Cow;

use tree_sitter::Node;

use crate::SymbolKind;

/// Longest name that a test is given in words, in bytes.
const MOST_NAME: usize = 120;

pub(super) struct Found<'t> {
    /// Number of the pattern that found it.
    pub(super) pattern: usize,
    pub(super) kind: SymbolKind,
    pub(super) node: Node<'t>,
    /// Its bytes.
    pub(super) from: usize,
    pub(super) to: usize,
    /// The byte and line, from 1, that it begins with behind its decorators.
    pub(super) head: usize,
    pub(super) start: u32,
    /// The line that it begins with, decorators included.
    pub(super) first: u32,
    pub(super) end: u32,
    pub(super) name: Cow<'t, str>,
    /// The byte that the name ends before in the text.
    pub(super) name_end: usize,
    /// What it belongs to by its own words.
    pub(super) container: Option<&'t str>,
    pub(super) body: Body,
}

/// Whether the text says where a definition ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Closed,
    /// Its last bracket is missing, and what follows may well stand beside it.
    Open,
}

impl<'t> Found<'t> {
    pub(super) fn new(
        pattern: usize,
        kind: SymbolKind,
        node: Node<'t>,
        name: Node<'t>,
        container: Option<&'t str>,
        text: &'t str,
    ) -> Self {
        let name_end = name.end_byte();
        let name = text.get(name.byte_range()).unwrap_or_default();
        let (first, end) = lines_of(node);
        let (head, row) = behind_decorators(node);
        let receiver = match kind {
            SymbolKind::Method => node
                .child_by_field_name("receiver")
                .and_then(|receiver| text.get(receiver.byte_range())),
            _ => None,
        };
        let (scope, name) = match kind {
            SymbolKind::Test => (None, in_words(name)),
            SymbolKind::Function | SymbolKind::Method => {
                let (scope, name) = unqualified(name);
                (scope, Cow::Borrowed(bare_name(name)))
            }
            _ => (None, Cow::Borrowed(bare_name(name))),
        };
        Found {
            pattern,
            kind,
            node,
            from: node.start_byte(),
            to: node.end_byte(),
            head,
            start: line(row).min(end),
            first,
            end,
            name,
            name_end,
            container: receiver
                .map(receiver_type)
                .or(container.or(scope).map(bare_name))
                .filter(|name| !name.is_empty()),
            body: body(node),
        }
    }

    /// Whether it is a declaration of C without a body, which looks like a variable with arguments.
    pub(super) fn is_prototype(&self) -> bool {
        self.kind == SymbolKind::Function && self.node.kind() == "declaration"
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
pub(crate) fn lines_of(node: Node) -> (u32, u32) {
    let (from, to) = (node.start_position(), node.end_position());
    let last = match to.column {
        0 if to.row > from.row => to.row - 1,
        _ => to.row,
    };
    (line(from.row), line(last))
}

fn line(row: usize) -> u32 {
    u32::try_from(row + 1).unwrap_or(u32::MAX)
}

/// The byte and row of a definition's first word behind the decorators, annotations and attributes that are part of it.
fn behind_decorators(node: Node) -> (usize, usize) {
    let mut at = node.start_byte();
    let mut row = node.start_position().row;
    let mut cursor = node.walk();
    let mut inside = cursor.goto_first_child();
    while inside {
        let child = cursor.node();
        let is_decorator = match child.kind() {
            "modifiers" if cursor.goto_first_child() => continue,
            "decorator" | "annotation" | "marker_annotation" | "attribute_list" | "attribute"
            | "comment" | "line_comment" | "block_comment" => true,
            _ => false,
        };
        if !is_decorator {
            (at, row) = (child.start_byte(), child.start_position().row);
            break;
        }
        inside = cursor.goto_next_sibling() || cursor.goto_parent() && cursor.goto_next_sibling();
    }
    (at, row)
}

/// What stands before the last `::` that is in no generics, and what behind it: `a::Map<b::K>::get` -> `a::Map<b::K>`, `get`.
fn unqualified(name: &str) -> (Option<&str>, &str) {
    let operator = name.find("operator").unwrap_or(name.len());
    let mut depth = 0usize;
    let mut split = None;
    for (at, byte) in name.bytes().enumerate().take(operator) {
        match byte {
            b'<' => depth += 1,
            b'>' => depth = depth.saturating_sub(1),
            b':' if depth == 0 && name[at..].starts_with("::") => split = Some(at),
            _ => {}
        }
    }
    match split {
        Some(at) => (Some(&name[..at]), name[at + 2..].trim_start()),
        None => (None, name),
    }
}

/// `&'a fmt::Map<K, V>` -> `Map`.
fn bare_name(name: &str) -> &str {
    let is_sign = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    if name.strip_prefix("operator").is_some_and(is_sign) {
        return name;
    }
    if let Some(quoted) = name.strip_prefix(['`', '"', '\'']) {
        return quoted.trim_end_matches(['`', '"', '\'']);
    }
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

/// The name of a test: `"adds two"` -> `adds two`, `(Suite, Adds)` -> `Suite.Adds`; one line of it.
fn in_words(name: &str) -> Cow<'_, str> {
    let inside = ["\"\"", "''", "``", "()"].iter().find_map(|pair| {
        let (open, close) = pair.split_at(1);
        name.strip_prefix(open)?.strip_suffix(close)
    });
    let inside = inside.unwrap_or(name);
    let line = inside.lines().next().unwrap_or_default().trim();
    let line = &line[..line.floor_char_boundary(MOST_NAME)];
    match name.starts_with('(') {
        true => Cow::Owned(line.split(',').map(str::trim).collect::<Vec<_>>().join(".")),
        false => Cow::Borrowed(line),
    }
}
