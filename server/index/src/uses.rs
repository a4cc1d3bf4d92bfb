//! Uses: where a text uses names, and its import lines; read when somebody asks, never while indexing.
//!
//! Only code counts, not comments and strings. A text without a grammar, or one that cannot be parsed in bounds, is read
//! by whole words.

use serde::Serialize;
use tree_sitter::{Node, Tree};

use crate::{Language, parse};

/// What a use of a name does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UseKind {
    /// Calls it, as a function, method or macro.
    Call,
    /// Names it as a type.
    Type,
    /// Brings it into the file.
    Import,
    /// Anything else: reads, writes, fields.
    Other,
}

/// One use of a name. Lines count from 1, columns are bytes of UTF-8 from 0; the end is outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// Its line, from 1.
    pub line: u32,
    /// Where the name begins in its line, in bytes.
    pub column: u32,
    /// Where it ends in its line, in bytes, outside.
    pub end_column: u32,
    /// What is done with it.
    pub kind: UseKind,
}

/// The uses of `name` in `text`, in order. The name that a definition gives itself is no use.
pub fn references(path: &str, text: &str, name: &str) -> Vec<Reference> {
    if name.is_empty() || memchr::memmem::find(text.as_bytes(), name.as_bytes()).is_none() {
        return Vec::new();
    }
    let Some(tree) = parse::tree(Language::of(path), text) else {
        return by_words(text, name);
    };
    let mut found = Vec::new();
    names(&tree, text, |node, word| {
        if word == name && !is_defined_here(node) {
            found.push(reference(node));
        }
    });
    found
}

/// The names that lines `start..=end` of `text` use, each once with its strongest kind, in order of first use.
pub fn identifiers(path: &str, text: &str, start: u32, end: u32) -> Vec<(String, UseKind)> {
    let Some(tree) = parse::tree(Language::of(path), text) else {
        return Vec::new();
    };
    let mut order: Vec<(String, UseKind)> = Vec::new();
    let mut places: hashbrown::HashMap<String, usize> = hashbrown::HashMap::new();
    names(&tree, text, |node, word| {
        let line = row(node.start_position().row);
        if line < start || line > end || is_defined_here(node) {
            return;
        }
        let kind = kind(node);
        match places.get(word) {
            Some(&at) => {
                if let Some(known) = order.get_mut(at) {
                    known.1 = known.1.min(kind);
                }
            }
            None => {
                places.insert(word.to_owned(), order.len());
                order.push((word.to_owned(), kind));
            }
        }
    });
    order
}

/// The lines of the statements at the top level that bring names into `text`, both ends inside, in order.
pub fn imports(path: &str, text: &str) -> Vec<(u32, u32)> {
    let Some(tree) = parse::tree(Language::of(path), text) else {
        return Vec::new();
    };
    let mut cursor = tree.walk();
    let mut lines: Vec<(u32, u32)> = Vec::new();
    let mut at = cursor.goto_first_child();
    while at {
        let node = cursor.node();
        if is_import(node.kind()) {
            let last = node.end_position();
            let end = match last.column {
                0 => row(last.row).saturating_sub(1),
                _ => row(last.row),
            };
            lines.push((row(node.start_position().row), end));
        }
        at = cursor.goto_next_sibling();
    }
    lines
}

/// The name at a place of `text`: line from 1, column in bytes from 0. A place right behind a name means that name.
pub fn name_at(text: &str, line: u32, column: u32) -> Option<&str> {
    let line = text.lines().nth(line.checked_sub(1)? as usize)?;
    let at = line.floor_char_boundary(column as usize);
    let (before, behind) = line.split_at(at);
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let from = before.trim_end_matches(part).len();
    let to = line.len() - behind.trim_start_matches(part).len();
    line.get(from..to).filter(|name| !name.is_empty())
}

/// The name that is written before the one at a place, joined by `::` or `.`: what qualifies it.
pub(crate) fn qualifier_at(text: &str, line: u32, column: u32) -> Option<&str> {
    let line = text.lines().nth(line.checked_sub(1)? as usize)?;
    let (before, _) = line.split_at(line.floor_char_boundary(column as usize));
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let before = before.trim_end_matches(part);
    let outer = before
        .strip_suffix("::")
        .or_else(|| before.strip_suffix('.'))?;
    let from = outer.trim_end_matches(part).len();
    outer.get(from..).filter(|name| !name.is_empty())
}

/// Hands each name of the tree to `take`, in order; no recursion.
fn names<'t>(tree: &Tree, text: &'t str, mut take: impl FnMut(Node, &'t str)) {
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        if node.child_count() == 0
            && node.is_named()
            && is_name(node.kind())
            && let Some(word) = text.get(node.byte_range())
        {
            take(node, word);
        }
        if !is_silent(node.kind()) && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

fn reference(node: Node) -> Reference {
    let (start, end) = (node.start_position(), node.end_position());
    let column = |it: usize| u32::try_from(it).unwrap_or(u32::MAX);
    Reference {
        line: row(start.row),
        column: column(start.column),
        end_column: column(end.column),
        kind: kind(node),
    }
}

fn is_name(kind: &str) -> bool {
    kind.ends_with("identifier") || matches!(kind, "constant" | "word" | "name")
}

/// Nothing in it is a name of code.
fn is_silent(kind: &str) -> bool {
    kind.ends_with("comment")
}

fn is_import(kind: &str) -> bool {
    kind.starts_with("import_")
        || kind.starts_with("use_")
        || kind.starts_with("package_")
        || kind.starts_with("preproc_include")
        || kind.starts_with("using_")
        || kind.starts_with("namespace_use_")
        || kind == "extern_crate_declaration"
        || kind == "future_import_statement"
}

/// Whether `node` is the name that a definition gives itself.
fn is_defined_here(node: Node) -> bool {
    let Some(parent) = node.parent() else {
        return false;
    };
    let is_definition = ["_item", "_declaration", "_definition", "_spec", "_elem"]
        .iter()
        .any(|end| parent.kind().ends_with(end))
        || parent.kind() == "type_alias"
        || parent.kind() == "method";
    is_definition
        && !is_import(parent.kind())
        && parent
            .child_by_field_name("name")
            .is_some_and(|name| name.id() == node.id())
}

fn kind(node: Node) -> UseKind {
    if node.kind().starts_with("type_") {
        return UseKind::Type;
    }
    let mut inner = node;
    // `a.b.c()` calls `c`: the name is the last part of what is called.
    for _ in 0..3 {
        let Some(outer) = inner.parent() else { break };
        let field = |name: &str| outer.child_by_field_name(name).map(|it| it.id());
        let it = Some(inner.id());
        if field("function") == it || field("macro") == it || field("constructor") == it {
            return UseKind::Call;
        }
        if outer.kind().contains("call") && (field("name") == it || field("method") == it) {
            return UseKind::Call;
        }
        if is_import(outer.kind()) {
            return UseKind::Import;
        }
        let is_last = ["field", "name", "attribute", "property"]
            .iter()
            .any(|name| field(name) == it);
        let is_generic = outer.kind().starts_with("generic_");
        if !is_last && !is_generic {
            break;
        }
        inner = outer;
    }
    let mut outer = node.parent();
    for _ in 0..6 {
        let Some(it) = outer else { break };
        if is_import(it.kind()) {
            return UseKind::Import;
        }
        outer = it.parent();
    }
    UseKind::Other
}

/// The whole words of `text` that are `name`.
pub(crate) fn by_words(text: &str, name: &str) -> Vec<Reference> {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for (at, _) in line.match_indices(name) {
            let end = at + name.len();
            let before = line.get(..at).and_then(|it| it.chars().next_back());
            let behind = line.get(end..).and_then(|it| it.chars().next());
            if before.is_some_and(part) || behind.is_some_and(part) {
                continue;
            }
            let column = |it: usize| u32::try_from(it).unwrap_or(u32::MAX);
            found.push(Reference {
                line: number,
                column: column(at),
                end_column: column(end),
                kind: UseKind::Other,
            });
        }
    }
    found
}

fn row(row: usize) -> u32 {
    u32::try_from(row + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUST: &str = "use std::fmt::Write;\nuse crate::price;\n\n/// price is a word here\nfn price(a: Money) -> Money {\n    let text = \"price\";\n    price(a.price()); total!(price)\n}\n";

    #[test]
    fn uses_are_code_and_not_the_definition() {
        let found: Vec<_> = references("a.rs", RUST, "price")
            .into_iter()
            .map(|it| (it.line, it.column, it.kind))
            .collect();
        assert_eq!(
            found,
            [
                (2, 11, UseKind::Import),
                (7, 4, UseKind::Call),
                (7, 12, UseKind::Call),
                (7, 29, UseKind::Other)
            ]
        );
        assert!(references("a.rs", RUST, "rice").is_empty());
        let words = references("a.md", "price, prices: `price`", "price");
        assert_eq!(words.len(), 2);
    }

    #[test]
    fn go_has_uses_too() {
        let text = "package a\n\nimport (\n\t\"fmt\"\n)\n\ntype Money struct{}\n\nfunc Price(m Money) { fmt.Println(m); Price(m) }\n";
        let kinds = |name| -> Vec<UseKind> {
            let found = references("a.go", text, name);
            found.into_iter().map(|it| it.kind).collect()
        };
        assert_eq!(kinds("Price"), [UseKind::Call]);
        assert_eq!(kinds("Money"), [UseKind::Type]);
        assert_eq!(kinds("Println"), [UseKind::Call]);
        assert_eq!(imports("a.go", text), [(1, 1), (3, 5)]);
        assert_eq!(imports("a.rs", RUST), [(1, 1), (2, 2)]);
    }

    #[test]
    fn names_in_lines() {
        let found = identifiers("a.rs", RUST, 5, 8);
        assert_eq!(
            found,
            [
                ("a".to_owned(), UseKind::Other),
                ("Money".to_owned(), UseKind::Type),
                ("text".to_owned(), UseKind::Other),
                ("price".to_owned(), UseKind::Call),
                ("total".to_owned(), UseKind::Call),
            ]
        );
    }

    #[test]
    fn a_place_has_a_name() {
        for (column, name) in [
            (0, Some("let")),
            (4, Some("größe")),
            (11, Some("größe")),
            (12, None),
        ] {
            assert_eq!(name_at("x\nlet größe  = 1", 2, column), name, "{column}");
        }
        assert_eq!(name_at("x", 9, 0), None);
        assert_eq!(name_at("x", 0, 0), None);
    }
}
