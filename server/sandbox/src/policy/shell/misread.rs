//! Misread: where the grammar and bash may take a line apart at other places.
//!
//! Invariant: asked about wherever it stands in the line; at worst something that both read alike is asked about too.

use tree_sitter::Tree;

/// Why the grammar and bash may take a line apart at other places: a comment that bash does not see, or a word with a blank in it.
pub(super) fn misread(tree: &Tree, text: &str) -> Option<String> {
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        let source = text.get(node.byte_range()).unwrap_or_default();
        let before = text.get(..node.start_byte()).unwrap_or_default();
        let problem = match node.kind() {
            "comment" => {
                (!starts_word(before)).then_some("holds a comment that is not one for bash")
            }
            // Quoted text may hold anything.
            "string" | "string_content" | "raw_string" | "ansi_c_string" | "heredoc_body" => None,
            _ if node.is_named() && node.child_count() == 0 => {
                parted(source).then_some("holds a blank or a line break in one word")
            }
            _ => None,
        };
        if let Some(problem) = problem {
            return Some(format!("the line {problem}"));
        }
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return None;
            }
        }
    }
}

/// Whether bash begins a new word after this text.
fn starts_word(before: &str) -> bool {
    let mut last = before.chars().rev();
    match last.next() {
        None => true,
        Some(c) => " \t\n;&|()".contains(c) && last.next() != Some('\\'),
    }
}

/// Whether a word holds a blank or a line break that no backslash takes its meaning.
fn parted(word: &str) -> bool {
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            ' ' | '\t' | '\n' => return true,
            _ => {}
        }
    }
    false
}
