//! Redirections of a command: which files it would read and write.

use super::{Reader, Simple, Word};
use tree_sitter::Node;

impl Reader<'_> {
    pub(super) fn redirected(&mut self, node: Node, depth: usize) {
        let mut extra = Simple {
            redirected: true,
            loops: self.loops.clone(),
            again: self.again,
            substituted: self.substituted,
            entering: self.entering,
            ..Simple::default()
        };
        let mut cursor = node.walk();
        let children: Vec<Node> = node.named_children(&mut cursor).collect();
        self.one_line(&children);
        for child in children {
            if child.kind().ends_with("_redirect") {
                self.redirect(child, &mut extra, depth);
            } else {
                self.statement(child, depth + 1);
            }
        }
        self.parsed.commands.push(extra);
    }

    pub(super) fn redirect(&mut self, node: Node, command: &mut Simple, depth: usize) {
        command.redirected = true;
        if node.kind() == "herestring_redirect" {
            // Whatever it says is only input; a command that runs its input is asked about anyway.
            let mut cursor = node.walk();
            let words: Vec<Node> = node.children(&mut cursor).collect();
            self.one_line(&words);
            return words
                .into_iter()
                .filter(Node::is_named)
                .for_each(|word| drop(self.word(word, depth)));
        }
        if node.kind() != "file_redirect" {
            self.ask("feeds a here-document to a command".to_owned());
            return self.inside(node, depth);
        }
        let mut cursor = node.walk();
        let children: Vec<Node> = node.children(&mut cursor).collect();
        self.one_line(&children);
        let operator = children
            .iter()
            .find(|child| !child.is_named())
            .map_or("?", |child| child.kind());
        let mut fields = node.walk();
        let targets: Vec<Node> = node
            .children_by_field_name("destination", &mut fields)
            .collect();
        // The grammar takes words of the command after a redirection for more targets.
        if targets.len() != 1 && !(targets.is_empty() && matches!(operator, ">&-" | "<&-")) {
            self.ask("redirects to something unclear".to_owned());
        }
        for target in targets {
            let word = self.word(target, depth);
            match (operator, word) {
                // Another descriptor, not a file.
                (">&" | "<&", Word::Literal(to))
                    if to.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => {}
                ("<" | "<&", word) => command.reads.push(word),
                (_, word) => command.writes.push(word),
            }
        }
    }
}
