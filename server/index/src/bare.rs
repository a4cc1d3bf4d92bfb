//! Bare: a parse with nothing around it, the floor that benchmarks compare with.

use tree_sitter::Parser;

use crate::Language;

/// Parses `text` as tree-sitter alone does, without bounds, and throws the tree away. False for plain text, which is not
/// parsed.
pub fn bare_parse(path: &str, text: &str) -> bool {
    let Some(row) = Language::of_text(path, text).row() else {
        return false;
    };
    let mut parser = Parser::new();
    parser.set_language(&(row.grammar)()).is_ok() && parser.parse(text, None).is_some()
}
