//! Import: a statement at the top level of a file that names other files, packages or modules.

use tree_sitter::Node;

use crate::Language;
use crate::language::table::Imports;
use crate::outline::lines_of;
use crate::parse;

/// How deep top levels may nest, as conditions of a preprocessor do.
const MOST_DEPTH: u32 = 16;

/// The lines (from 1, both ends inside) of the imports in `text`, in order; neighbouring statements are one range.
/// Empty for plain text and for code that cannot be parsed in bounds. Parses the text each time.
pub fn imports(path: &str, text: &str) -> Vec<(u32, u32)> {
    let language = Language::of_text(path, text);
    let Some(row) = language.row() else {
        return Vec::new();
    };
    let Some(tree) = parse::tree(language, text) else {
        return Vec::new();
    };
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    let mut cursor = tree.walk();
    let mut inside = cursor.goto_first_child();
    while inside {
        let node = cursor.node();
        if is_import(&row.imports, node, text) {
            let (start, end) = lines_of(node);
            match ranges.last_mut() {
                Some(last) if start <= last.1 + 1 => last.1 = last.1.max(end),
                _ => ranges.push((start, end)),
            }
        } else if cursor.depth() < MOST_DEPTH
            && row.imports.within.contains(&node.kind())
            && cursor.goto_first_child()
        {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                inside = false;
                break;
            }
        }
    }
    ranges
}

/// Whether `node` is an import of a language with these.
pub(crate) fn is_import(imports: &Imports, node: Node, text: &str) -> bool {
    let kind = node.kind();
    if imports.nodes.contains(&kind) {
        return true;
    }
    // Re-exports of ECMAScript have a source, and a namespace with a body is none.
    if kind == "export_statement" && node.child_by_field_name("source").is_some() {
        return true;
    }
    let mut words = imports.calls.iter().filter(|(it, _)| *it == kind);
    let line = || {
        let text = text.get(node.byte_range()).unwrap_or_default();
        text.lines().next().unwrap_or_default()
    };
    words.any(|(_, word)| match word.ends_with('(') {
        true => line().contains(word),
        false => line().starts_with(word) && node.child_by_field_name("body").is_none(),
    })
}
