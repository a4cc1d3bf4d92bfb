//! Loops of a shell line: over which words a `for` goes, and which loops end by themselves.

use super::{Loop, Reader};
use tree_sitter::Node;

impl Reader<'_> {
    /// `for NAME in WORD…; do …; done`.
    pub(super) fn each(&mut self, node: Node, depth: usize) {
        let mut fields = node.walk();
        let values: Vec<Node> = node.children_by_field_name("value", &mut fields).collect();
        let variable = node
            .child_by_field_name("variable")
            .map(|name| self.source(name));
        let (Some(variable), Some(body)) = (variable, node.child_by_field_name("body")) else {
            return self.ask("loops over something unclear".to_owned());
        };
        if !self.source(node).starts_with("for ") || values.is_empty() || !ordinary(variable) {
            self.ask("loops in a way that is not judged".to_owned());
        }
        self.one_line(&values);
        if values
            .iter()
            .any(|value| ranges(self.source(*value)) && !short(self.source(*value)))
        {
            self.ask("loops over a long range".to_owned());
        }
        let values = values
            .into_iter()
            .flat_map(|value| self.words(value, depth))
            .collect();
        self.parsed.loops.push(Loop {
            variable: variable.to_owned(),
            values,
        });
        self.loops.push(self.parsed.loops.len() - 1);
        let around = std::mem::replace(&mut self.again, true);
        self.statement(body, depth + 1);
        self.again = around;
        self.loops.pop();
    }

    /// `while read NAME…`: ends with its input. Other loops may not end.
    pub(super) fn reads_lines(&self, node: Node) -> bool {
        let condition = node
            .child_by_field_name("condition")
            .map(|condition| self.source(condition));
        self.source(node).starts_with("while ")
            && condition.is_some_and(|condition| {
                condition
                    .strip_prefix("IFS= ")
                    .unwrap_or(condition)
                    .split_whitespace()
                    .next()
                    == Some("read")
            })
    }
}

/// Whether a word may be a range of many words.
pub(in crate::policy) fn ranges(source: &str) -> bool {
    source.contains('{') && source.contains("..")
}

/// Whether a range is one of numbers below 1000.
fn short(source: &str) -> bool {
    let inner = source
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    inner.is_some_and(|inner| {
        inner
            .split("..")
            .all(|end| end.len() <= 3 && end.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// A variable that no program and no shell obeys: a loop may set it.
fn ordinary(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && !name.ends_with("_proxy")
}
