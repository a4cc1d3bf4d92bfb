//! Parsing of a shell line into the simple commands that it would start.
//!
//! Invariant: node kinds form a closed list; whatever is not on it, does not parse, is too long or too deep is reported for
//! asking, and still searched for commands.

mod condition;
mod loops;
mod misread;
mod quote;
mod redirect;
mod word;

use super::paths::Entering;
pub(super) use loops::ranges;
pub(super) use quote::hidden;
use std::borrow::Cow;
use tree_sitter::{Node, Parser, Tree};
pub(super) use word::Word;

/// Longest line, bytes.
const LONGEST: usize = 16 << 10;
/// Deepest nesting.
const DEEPEST: usize = 64;

/// One command with what surrounds it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Simple {
    pub(super) words: Vec<Word>,
    pub(super) assignments: Vec<String>,
    pub(super) writes: Vec<Word>,
    pub(super) reads: Vec<Word>,
    /// Commands of one pipeline share a number.
    pub(super) pipeline: Option<usize>,
    /// Its output becomes words of another command.
    pub(super) substituted: bool,
    /// The `for` loops around it, by their places in [`Parsed::loops`].
    pub(super) loops: Vec<usize>,
    /// May run more than once.
    pub(super) again: bool,
    /// What a `cd` here means for the commands after it.
    pub(super) entering: Entering,
    /// Holds a redirection of any kind.
    redirected: bool,
}

/// A `for` loop: its variable takes these words, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loop {
    pub(super) variable: String,
    pub(super) values: Vec<Word>,
}

#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) commands: Vec<Simple>,
    pub(super) loops: Vec<Loop>,
    pub(super) asks: Vec<String>,
    pub(super) denies: Vec<String>,
    /// The words, when the line is one command and nothing else.
    pub(super) plain: Option<Vec<String>>,
}

impl Simple {
    /// The words, when nothing else belongs to the command and the shell would hand them on as they are.
    pub(super) fn plain(&self) -> Option<Vec<String>> {
        let bare = self.assignments.is_empty()
            && !self.redirected
            && self.loops.is_empty()
            && !self.words.is_empty();
        bare.then(|| {
            self.words
                .iter()
                .map(|word| {
                    word.literal()
                        .filter(|text| {
                            !text.starts_with('~') && !text.contains("=~") && !text.contains(":~")
                        })
                        .map(str::to_owned)
                })
                .collect()
        })?
    }
}

/// Parses a line of bash.
pub(super) fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    if text.len() > LONGEST {
        parsed
            .asks
            .push(format!("the line is longer than {LONGEST} bytes"));
        return parsed;
    }
    parsed.asks.extend(hidden(text));
    if multiplies(text) {
        parsed
            .denies
            .push("starts itself without end (fork bomb)".to_owned());
    }
    let mut parser = Parser::new();
    let tree = match parser.set_language(&tree_sitter_bash::LANGUAGE.into()) {
        Ok(()) => parser.parse(&*within_latin(text), None),
        Err(_) => None,
    };
    let Some(tree) = tree else {
        parsed.asks.push("the line cannot be parsed".to_owned());
        return parsed;
    };
    if tree.root_node().has_error() {
        parsed
            .asks
            .push("the line is not clear shell grammar".to_owned());
    }
    parsed.asks.extend(misread::misread(&tree, text));
    let mut reader = Reader {
        text,
        parsed,
        pipelines: 0,
        pipeline: None,
        loops: Vec::new(),
        entering: if chained(tree.root_node()) {
            Entering::Surely
        } else {
            Entering::Perhaps
        },
        substituted: false,
        again: false,
    };
    reader.statement(tree.root_node(), 0);
    let mut parsed = reader.parsed;
    parsed.plain = match parsed.commands.as_slice() {
        [only] if alone(&tree, text) => only.plain(),
        _ => None,
    };
    parsed
}

/// The line with a run of `x` for each character beyond U+00FF, at the same bytes. To a shell they are letters of a word like others,
/// and this grammar's lexer looks them up in a table of 256 (`isdigit`), which ends the process.
fn within_latin(text: &str) -> Cow<'_, str> {
    if text.chars().all(|char| char <= '\u{ff}') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\u{0}'..='\u{ff}' => plain.push(char),
            wide => plain.extend(std::iter::repeat_n('x', wide.len_utf8())),
        }
    }
    Cow::Owned(plain)
}

struct Reader<'a> {
    text: &'a str,
    parsed: Parsed,
    pipelines: usize,
    pipeline: Option<usize>,
    loops: Vec<usize>,
    entering: Entering,
    substituted: bool,
    again: bool,
}

impl<'a> Reader<'a> {
    fn source(&self, node: Node) -> &'a str {
        &self.text[node.byte_range()]
    }

    fn ask(&mut self, reason: String) {
        if !self.parsed.asks.contains(&reason) {
            self.parsed.asks.push(reason);
        }
    }

    fn statement(&mut self, node: Node, depth: usize) {
        if depth > DEEPEST {
            return self.ask("the line is nested too deeply".to_owned());
        }
        let around = self.entering;
        // Elsewhere a `cd` may be in a shell of its own, or not be run.
        if !matches!(
            node.kind(),
            "program" | "list" | "redirected_statement" | "command"
        ) {
            self.entering = Entering::Perhaps;
        }
        self.statement_of(node, depth);
        self.entering = around;
    }

    fn statement_of(&mut self, node: Node, depth: usize) {
        match node.kind() {
            "program" | "list" | "subshell" | "compound_statement" | "negated_command"
            | "if_statement" | "elif_clause" | "else_clause" | "do_group" => {
                self.children(node, depth)
            }
            "for_statement" => self.each(node, depth),
            "while_statement" => {
                if !self.reads_lines(node) {
                    self.ask("loops until something happens".to_owned());
                }
                let around = std::mem::replace(&mut self.again, true);
                self.children(node, depth);
                self.again = around;
            }
            "command_substitution" | "process_substitution" => {
                let around = (self.pipeline.take(), self.substituted);
                self.substituted = true;
                self.children(node, depth);
                (self.pipeline, self.substituted) = around;
            }
            "pipeline" => {
                let around = self.pipeline;
                if around.is_none() {
                    self.pipelines += 1;
                    self.pipeline = Some(self.pipelines);
                }
                self.children(node, depth);
                self.pipeline = around;
            }
            "redirected_statement" => self.redirected(node, depth),
            "command" => self.command(node, depth),
            "variable_assignment" | "variable_assignments" => self.command(node, depth),
            "test_command" => self.condition(node, depth),
            "comment" => {}
            kind => {
                self.ask(format!(
                    "uses shell grammar that is not judged ({})",
                    kind.replace('_', " ")
                ));
                self.children(node, depth);
            }
        }
    }

    fn children(&mut self, node: Node, depth: usize) {
        let mut cursor = node.walk();
        let children: Vec<Node> = node.children(&mut cursor).collect();
        for child in children {
            if child.is_named() {
                self.statement(child, depth + 1);
            } else if child.kind() == "&" {
                self.ask("leaves a command in the background".to_owned());
            }
        }
    }

    fn command(&mut self, node: Node, depth: usize) {
        let mut command = Simple {
            pipeline: self.pipeline,
            loops: self.loops.clone(),
            again: self.again,
            substituted: self.substituted,
            entering: self.entering,
            ..Simple::default()
        };
        if node.kind() == "variable_assignment" {
            self.assignment(node, &mut command, depth);
        }
        let mut cursor = node.walk();
        let children: Vec<Node> = node.children(&mut cursor).collect();
        self.one_line(&children);
        for child in children {
            match child.kind() {
                "variable_assignment" => self.assignment(child, &mut command, depth),
                kind if kind.ends_with("_redirect") => self.redirect(child, &mut command, depth),
                "command_name" => match child
                    .named_child(0)
                    .filter(|inner| inner.byte_range() == child.byte_range())
                {
                    Some(inner) => command.words.push(self.word(inner, depth)),
                    None => command
                        .words
                        .push(Word::Unknown(self.source(child).to_owned())),
                },
                _ if node.kind() != "command" => {}
                _ if child.is_named() => {
                    let words = self.words(child, depth);
                    command.words.extend(words);
                }
                // `=~`, `==`, `$` and the like, which the grammar gives no node of their own.
                _ => command
                    .words
                    .push(Word::Unknown(self.source(child).to_owned())),
            }
        }
        self.parsed.commands.push(command);
    }

    /// The grammar lets a command go on after a line break where bash does not, and takes some words apart: then they disagree
    /// about what is run.
    fn one_line(&mut self, parts: &[Node]) {
        for pair in parts.windows(2) {
            let gap = self
                .text
                .get(pair[0].end_byte()..pair[1].start_byte())
                .unwrap_or_default();
            let gap = gap.replace("\\\n", "");
            if gap.contains('\n') {
                self.ask("a command goes on after a line break".to_owned());
            }
            let word = |node: &Node| {
                let kind = node.kind();
                node.is_named() && !kind.ends_with("_redirect") && kind != "file_descriptor"
            };
            if gap.is_empty() && pair.iter().all(word) {
                self.ask("words follow each other without a blank".to_owned());
            }
        }
    }

    fn assignment(&mut self, node: Node, command: &mut Simple, depth: usize) {
        let name = self
            .source(node)
            .split(['=', '+', '['])
            .next()
            .unwrap_or_default();
        command.assignments.push(name.to_owned());
        self.inside(node, depth);
    }

    /// Commands hidden in the parts of a word.
    fn inside(&mut self, node: Node, depth: usize) {
        if depth > DEEPEST {
            return self.ask("the line is nested too deeply".to_owned());
        }
        let mut cursor = node.walk();
        let children: Vec<Node> = node.named_children(&mut cursor).collect();
        for child in children {
            match child.kind() {
                "command_substitution" | "process_substitution" => self.statement(child, depth + 1),
                "arithmetic_expansion" => {
                    self.ask("evaluates an arithmetic expression".to_owned());
                    self.inside(child, depth + 1);
                }
                _ => self.inside(child, depth + 1),
            }
        }
    }
}

/// Whether a line is a command from its first character to its last: no `!` before it, no `;` or `&` behind it.
fn alone(tree: &Tree, text: &str) -> bool {
    let start = text.len() - text.trim_start().len();
    let first = tree.root_node().named_child(0);
    first.is_some_and(|node| {
        node.kind() == "command" && node.byte_range() == (start..text.trim_end().len())
    })
}

/// Whether a line is the well-known one that starts itself without end.
fn multiplies(text: &str) -> bool {
    let dense: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    dense.contains("(){:|:&};:")
}

/// Whether a line is commands joined by `&&` alone, so that each runs after all before it worked, in the same shell.
fn chained(node: Node) -> bool {
    let mut cursor = node.walk();
    let children: Vec<Node> = node.children(&mut cursor).collect();
    let inner = |child: &Node| match child.kind() {
        "command" => true,
        "list" => chained(*child),
        "redirected_statement" => child
            .child_by_field_name("body")
            .is_some_and(|body| body.kind() == "command"),
        kind => matches!(kind, "pipeline" | "&&"),
    };
    let whole = node.kind() != "program" || children.len() == 1;
    whole && children.iter().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_beyond_the_lexers_table_ends_nothing() {
        for wide in ['\u{100}', '\u{1f600}', '\u{e010d}', '\u{10ffff}'] {
            for line in [
                format!("x{{{wide}}}"),
                format!("echo {{{wide}..3}} ${{{wide}a}}"),
            ] {
                parse(&line);
            }
            let parsed = parse(&format!("frob{wide} a{{{wide},b}}"));
            let program = parsed.commands[0].words[0].literal().map(str::to_owned);
            assert_eq!(program, Some(format!("frob{wide}")));
        }
    }
}
