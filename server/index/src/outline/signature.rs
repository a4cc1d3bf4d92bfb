//! Signature: the head of a definition without its body, white space folded.

use tree_sitter::Node;

use super::found::Found;
use crate::{Language, SymbolKind};

/// Longest signature, in characters.
const MOST_SIGNATURE: usize = 200;
/// How many nodes may stand between a definition and the function that it names.
const MOST_STEPS: usize = 4;

pub(super) fn of(language: Language, kind: SymbolKind, it: &Found, text: &str) -> String {
    let node = it.node;
    let until = body_of(node)
        .filter(|body| body.kind() != "ordered_field_declaration_list")
        .map(|body| body.start_byte());
    let head = text
        .get(it.head..until.unwrap_or(it.to))
        .unwrap_or_default();
    let head = match kind {
        SymbolKind::Const | SymbolKind::Static | SymbolKind::Variable | SymbolKind::Property => {
            head.lines().next().unwrap_or_default()
        }
        _ if until.is_some() => head.trim_end().trim_end_matches(['{', ':', '=']),
        _ => head.split('{').next().unwrap_or_default(),
    };
    // A Go specification stands after the keyword of its group.
    let keyword = match (language, node.kind()) {
        (Language::Go, "type_spec" | "type_alias") => "type ",
        (Language::Go, "const_spec") => "const ",
        (Language::Go, "var_spec") => "var ",
        _ => "",
    };
    folded(keyword, head)
}

/// The body, also of a function that is the value of a name.
fn body_of(node: Node) -> Option<Node> {
    let mut node = node;
    for _ in 0..MOST_STEPS {
        if let Some(body) = node.child_by_field_name("body") {
            return Some(body);
        }
        node = match node.kind() {
            "lexical_declaration" | "variable_declaration" | "expression_statement" => {
                node.named_child(0)?
            }
            "assignment_expression" => node.child_by_field_name("right")?,
            "variable_declarator" | "field_definition" | "public_field_definition" | "pair" => {
                node.child_by_field_name("value")?
            }
            _ => return None,
        };
    }
    None
}

fn folded(keyword: &str, head: &str) -> String {
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
