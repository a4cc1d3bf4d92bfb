//! Conditions: `[ … ]` and `[[ … ]]`.
//!
//! Invariant: read as bash reads them, word by word; the grammar takes operators inside `[ … ]` for parts of an expression where
//! bash ends the command.

use tree_sitter::Node;

use super::{Reader, Simple, Word};

impl Reader<'_> {
    pub(super) fn condition(&mut self, node: Node, depth: usize) {
        let before = self.parsed.commands.len();
        let words = self.condition_words(node, depth);
        if self.parsed.commands.len() == before {
            self.inside(node, depth);
        }
        match words {
            Some(words) => self.parsed.commands.push(Simple {
                words,
                loops: self.loops.clone(),
                again: self.again,
                pipeline: self.pipeline,
                ..Simple::default()
            }),
            None => self.ask("tests an expression that is evaluated when it runs".to_owned()),
        }
    }

    /// The words between the brackets, program first; `None` where any of them is not plain.
    fn condition_words(&mut self, node: Node, depth: usize) -> Option<Vec<Word>> {
        let source = self.source(node);
        let (open, close) = if source.starts_with("[[") {
            ("[[", "]]")
        } else {
            ("[", "]")
        };
        let inner = source.strip_prefix(open)?.strip_suffix(close)?;
        let mut strings = Vec::new();
        collect(node, &mut strings);
        let mut words = vec![Word::Literal(open.to_owned())];
        let start = node.start_byte() + open.len();
        let mut at = start;
        let end = start + inner.len();
        if !inner.starts_with(' ') || !inner.ends_with(' ') {
            return None;
        }
        while at < end {
            let rest = self.text.get(at..end)?;
            if rest.starts_with(' ') {
                at += 1;
                continue;
            }
            let string = strings.iter().find(|string| string.start_byte() == at);
            let length = match string {
                Some(string) => string.end_byte() - at,
                None => rest.find(' ').unwrap_or(rest.len()),
            };
            let text = rest.get(..length)?;
            words.push(match string {
                Some(string) => self.word(*string, depth),
                None if open == "[[" && matches!(text, "&&" | "||") => {
                    Word::Literal(text.to_owned())
                }
                None if text
                    .chars()
                    .all(|c| c.is_alphanumeric() || "_./:@%+,=!^-".contains(c)) =>
                {
                    Word::Literal(text.to_owned())
                }
                None => return None,
            });
            at += length;
            // Something glued to a string is not read here.
            if !self.text.get(at..end)?.starts_with(' ') {
                return None;
            }
        }
        words.push(Word::Literal(close.to_owned()));
        Some(words)
    }
}

/// The quoted parts of an expression.
fn collect<'t>(node: Node<'t>, strings: &mut Vec<Node<'t>>) {
    let mut cursor = node.walk();
    for child in node.named_children(&mut cursor) {
        match child.kind() {
            "string" | "raw_string" => strings.push(child),
            "command_substitution" | "process_substitution" => {}
            _ => collect(child, strings),
        }
    }
}
