//! Reference: a place in code that uses a name; found on demand, never while indexing.

use hashbrown::HashMap;
use schemars::JsonSchema;
use serde::Serialize;
use tree_sitter::{Node, Tree};

use crate::Language;
use crate::import;
use crate::language::table::Row;
use crate::outline;
use crate::parse;

/// Longest list of type arguments that may stand between a name and the bracket of its call, in bytes.
const MOST_ARGUMENTS: usize = 120;

/// What a place does with a name, by the code right around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceKind {
    /// Calls it, or makes an element of it.
    Call,
    /// Names it as a type.
    Type,
    /// Names it in an import.
    Import,
    /// Anything else: reads it, writes it, names a member by it.
    Other,
}

/// One place that uses a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// Its line, from 1.
    pub line: u32,
    /// Where in the line it begins, in bytes from 0.
    pub column_bytes: u32,
    /// Where it ends, in bytes from 0; this byte is not part of it.
    pub end_column_bytes: u32,
    /// What the place does with the name.
    pub kind: ReferenceKind,
}

/// A name that some lines use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identifier {
    /// As it stands in the code.
    pub name: String,
    /// The first in the order of [`ReferenceKind`] of all that the lines do with it.
    pub kind: ReferenceKind,
}

/// The places in the code of `text` that use `name`, in order: names of definitions, comments and strings are none. In
/// plain text, and in code that cannot be parsed in bounds, every whole word counts. A text without `name` is not parsed.
pub fn references(path: &str, text: &str, name: &str) -> Vec<Reference> {
    let places = words(text, name);
    if places.is_empty() {
        return Vec::new();
    }
    let language = Language::of_text(path, text);
    let kinds = match (language.row(), parse::tree(language, text)) {
        (Some(row), Some(tree)) => in_code(row, &tree, text, &places, name.len()),
        _ => places.iter().map(|_| Some(ReferenceKind::Other)).collect(),
    };
    let mut references = Vec::new();
    let (mut line, mut line_start, mut read) = (1, 0, 0);
    for (&at, kind) in places.iter().zip(kinds) {
        for newline in memchr::memchr_iter(b'\n', &text.as_bytes()[read..at]) {
            (line, line_start) = (line + 1, read + newline + 1);
        }
        read = at;
        let column = |at: usize| u32::try_from(at - line_start).unwrap_or(u32::MAX);
        if let Some(kind) = kind {
            references.push(Reference {
                line,
                column_bytes: column(at),
                end_column_bytes: column(at + name.len()),
                kind,
            });
        }
    }
    references
}

/// Where a definition in `lines` (from 1, both ends inside) has its name `name`, and where none has, the first use in code there:
/// line from 1, column in bytes. In what cannot be parsed the first whole word.
pub fn named(path: &str, text: &str, name: &str, lines: (u32, u32)) -> Option<(u32, u32)> {
    let language = Language::of_text(path, text);
    let (mut start, mut range) = (0, None);
    for (row, line) in (1..).zip(text.split_inclusive('\n')) {
        let end = start + line.len();
        if row >= lines.0 && row <= lines.1 {
            let (from, _) = range.unwrap_or((start, end));
            range = Some((from, end));
        }
        start = end;
    }
    let (from, to) = range?;
    let place = |at: usize| {
        let before = &text[..at];
        let line = memchr::memchr_iter(b'\n', before.as_bytes()).count() + 1;
        let column = at - before.rfind('\n').map_or(0, |at| at + 1);
        Some((u32::try_from(line).ok()?, u32::try_from(column).ok()?))
    };
    let places = words(text, name);
    let is_here = |at: &usize| (from..to).contains(at);
    let (Some(row), Some(tree)) = (language.row(), parse::tree(language, text)) else {
        return place(places.into_iter().find(is_here)?);
    };
    let defined = outline::name_ends(language, &tree, text);
    let is_name = |at: &usize| defined.binary_search(&(at + name.len())).is_ok();
    let mut heads = places.iter().copied().filter(is_here);
    if let Some(at) = heads.find(is_name) {
        return place(at);
    }
    let kinds = in_code(row, &tree, text, &places, name.len());
    let mut uses = places.iter().zip(kinds).filter(|(_, kind)| kind.is_some());
    let (at, _) = uses.find(|(at, _)| is_here(at))?;
    place(*at)
}

/// The names that the code of `lines` (from 1, both ends inside) uses, each once, in order of first use; what is defined
/// there is left out. Empty for plain text and for code that cannot be parsed in bounds.
pub fn identifiers(path: &str, text: &str, lines: (u32, u32)) -> Vec<Identifier> {
    let language = Language::of_text(path, text);
    let (Some(row), Some(tree)) = (language.row(), parse::tree(language, text)) else {
        return Vec::new();
    };
    let defined = outline::name_ends(language, &tree, text);
    let rows = (
        lines.0.saturating_sub(1) as usize,
        lines.1.saturating_sub(1) as usize,
    );
    let mut used: Vec<Identifier> = Vec::new();
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let is_near =
        |node: Node| node.start_position().row <= rows.1 && node.end_position().row >= rows.0;
    walk(row, &tree, text, is_near, |node, kind| {
        if defined.binary_search(&node.end_byte()).is_ok() {
            return;
        }
        let name = text.get(node.byte_range()).unwrap_or_default();
        if name == "_" || !name.starts_with(|c: char| c.is_alphabetic() || "_$@".contains(c)) {
            return;
        }
        let number = *numbers.entry(name).or_insert(used.len());
        match used.get_mut(number) {
            Some(it) => it.kind = it.kind.min(kind),
            None => used.push(Identifier {
                name: name.to_owned(),
                kind,
            }),
        }
    });
    used
}

/// Where `name` stands in `text` as a whole word, in bytes.
fn words(text: &str, name: &str) -> Vec<usize> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (first, last) = (name.chars().next(), name.chars().next_back());
    let (Some(first), Some(last)) = (first, last) else {
        return Vec::new();
    };
    let mut places: Vec<usize> = Vec::new();
    for at in memchr::memmem::find_iter(text.as_bytes(), name.as_bytes()) {
        let before = text.get(..at).and_then(|it| it.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|it| it.chars().next());
        let opens = !is_word(first) || !before.is_some_and(is_word);
        let closes = !is_word(last) || !after.is_some_and(is_word);
        if opens && closes {
            places.push(at);
        }
    }
    places
}

/// What each of `places` does; `None` for definitions and for what is no code.
fn in_code(
    row: &Row,
    tree: &Tree,
    text: &str,
    places: &[usize],
    length: usize,
) -> Vec<Option<ReferenceKind>> {
    let mut kinds = vec![None; places.len()];
    // A node is looked into when the first place behind its start is within it.
    let next = |from: usize| places.partition_point(|&at| at < from);
    let is_near = |node: Node| {
        let place = places.get(next(node.start_byte()));
        place.is_some_and(|&at| at + length <= node.end_byte())
    };
    walk(row, tree, text, is_near, |node, kind| {
        let at = next(node.start_byte());
        let range = places.get(at).map(|&from| from..from + length);
        if let (true, Some(it)) = (range == Some(node.byte_range()), kinds.get_mut(at)) {
            *it = Some(kind);
        }
    });
    if kinds.iter().any(Option::is_some) {
        let defined = outline::name_ends(row.language, tree, text);
        for (at, kind) in places.iter().zip(&mut kinds) {
            if defined.binary_search(&(at + length)).is_ok() {
                *kind = None;
            }
        }
    }
    kinds
}

/// Hands each name in the code to `note`, in order, with what its place does; only nodes that are `near` are looked into.
fn walk<'t>(
    row: &Row,
    tree: &'t Tree,
    text: &str,
    is_near: impl Fn(Node) -> bool,
    mut note: impl FnMut(Node<'t>, ReferenceKind),
) {
    let mut cursor = tree.walk();
    let mut around: Vec<Node> = Vec::new();
    // How many nodes are around the import that the cursor is in.
    let mut import = None;
    loop {
        let node = cursor.node();
        let near = is_near(node);
        if near && is_name(node) {
            let kind = match import {
                Some(_) => ReferenceKind::Import,
                None => kind(&around, cursor.field_name(), node, text),
            };
            note(node, kind);
        }
        if near && cursor.goto_first_child() {
            if import.is_none() && import::is_import(&row.imports, node, text) {
                import = Some(around.len());
            }
            around.push(node);
            continue;
        }
        while !cursor.goto_next_sibling() {
            around.pop();
            if import.is_some_and(|depth| around.len() <= depth) {
                import = None;
            }
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

/// Whether a leaf is a name in code.
fn is_name(node: Node) -> bool {
    let kind = node.kind();
    let is_name_kind = kind.ends_with("identifier")
        || matches!(kind, "name" | "word" | "constant" | "variable_name");
    is_name_kind && node.is_named() && node.child_count() == 0
}

/// What the place of a leaf does, by the nodes `around` it, outer first.
fn kind(around: &[Node], field: Option<&str>, node: Node, text: &str) -> ReferenceKind {
    let mut outer = around.iter().rev().map(|node| node.kind());
    let (parent, grandparent) = (
        outer.next().unwrap_or_default(),
        outer.next().unwrap_or_default(),
    );
    let is_type = |kind: &str| {
        matches!(
            kind,
            "type"
                | "named_type"
                | "user_type"
                | "generic_name"
                | "type_argument_list"
                | "base_list"
                | "superclass"
                | "base_clause"
                | "class_interface_clause"
                | "type_list"
        )
    };
    let is_type_field = matches!(
        field,
        Some("type" | "returns" | "superclass" | "return_type")
    );
    let behind = text.get(node.end_byte()..).unwrap_or_default();
    let is_annotation = grandparent == "type" || outer.next() == Some("type");
    if node.kind() == "type_identifier" || is_type_field || is_type(parent) || is_annotation {
        return ReferenceKind::Type;
    }
    let is_callee = match parent {
        "command_name" | "jsx_opening_element" | "jsx_self_closing_element" => true,
        "call" | "method_call" => field == Some("method"),
        "macro_invocation" => field == Some("macro"),
        _ => false,
    };
    let name = text.get(node.byte_range()).unwrap_or_default();
    if is_callee || is_called(behind) {
        ReferenceKind::Call
    } else if has_members(name, behind) {
        ReferenceKind::Type
    } else {
        ReferenceKind::Other
    }
}

/// Whether `name` looks like a type of which a member is named, as in `Item::new`, `Item.of`.
fn has_members(name: &str, behind: &str) -> bool {
    name.starts_with(char::is_uppercase)
        && name.contains(char::is_lowercase)
        && (behind.starts_with("::") || behind.starts_with('.'))
}

/// Whether what stands `behind` a name calls it: `(`, perhaps behind type arguments, as in `::<A>(`.
fn is_called(behind: &str) -> bool {
    let behind = behind.trim_start_matches(' ');
    let behind = behind.strip_prefix("::").unwrap_or(behind);
    let Some(arguments) = behind.strip_prefix('<') else {
        return behind.starts_with('(');
    };
    let mut depth = 1;
    for (at, byte) in arguments.bytes().enumerate().take(MOST_ARGUMENTS) {
        match byte {
            b'<' => depth += 1,
            b'>' => depth -= 1,
            b';' | b'{' | b'\n' => return false,
            _ => {}
        }
        if depth == 0 {
            return arguments.as_bytes().get(at + 1) == Some(&b'(');
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_count() {
        assert_eq!(words("a ab a_b a.a éa aé", "a"), [0, 9, 11]);
        assert_eq!(words("empty? empty", "empty?"), [0]);
        assert!(words("a", "").is_empty());
    }

    #[test]
    fn a_name_stands_where_the_parser_has_it() {
        for (path, text, name, lines, place) in [
            (
                "g.go",
                "package g\n\nfunc (total *T) total() int { return 1 }\n",
                "total",
                (3, 3),
                Some((3, 16)),
            ),
            (
                "t.ts",
                "class A {\n  @Input('size') size(a: number) { return a }\n}\n",
                "size",
                (2, 2),
                Some((2, 17)),
            ),
            (
                "d.py",
                "@total\ndef total(a):\n    return a\n",
                "total",
                (1, 3),
                Some((2, 4)),
            ),
            (
                "l.c",
                "struct list *list(struct list *a) { return a; }\n",
                "list",
                (1, 1),
                Some((1, 13)),
            ),
            // A use, where nothing there is defined so.
            (
                "u.rs",
                "fn sums() {}\n// sum\nfn f() { let é = \"sum\"; sum(x); }\n",
                "sum",
                (2, 3),
                Some((3, 25)),
            ),
            ("u.rs", "fn sums() {}\n", "sum", (1, 1), None),
            ("u.rs", "// sum\n", "sum", (1, 1), None),
            ("u.rs", "fn sum() {}\n", "sum", (9, 12), None),
            ("u.rs", "fn sum() {}\n", "sum", (0, 0), None),
            ("notes", "a sum\n", "sum", (1, 9), Some((1, 2))),
        ] {
            assert_eq!(named(path, text, name, lines), place, "{path}: {text}");
        }
    }

    #[test]
    fn calls_are_told_by_what_stands_behind() {
        for behind in ["(", " (", "::<A<B>>(", "<A>()"] {
            assert!(is_called(behind), "{behind}");
        }
        for behind in ["", ".a(", " < b", "<a; b>(", "::b("] {
            assert!(!is_called(behind), "{behind}");
        }
    }
}
