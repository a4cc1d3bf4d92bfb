//! Parsing of a shell line into the simple commands that it would start.
//!
//! Invariant: node kinds form a closed list; whatever is not on it, does not parse, is too long or too deep is reported for
//! asking, and still searched for commands.

mod quote;

pub(super) use quote::hidden;
use tree_sitter::{Node, Parser};

/// Longest line, bytes.
const LONGEST: usize = 16 << 10;
/// Deepest nesting.
const DEEPEST: usize = 64;

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// Its value is these characters.
    Literal(String),
    /// Its value is known only when it runs; this is its source text.
    Unknown(String),
}

/// One command with what surrounds it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Simple {
    pub(super) words: Vec<Word>,
    pub(super) assignments: Vec<String>,
    pub(super) writes: Vec<Word>,
    pub(super) reads: Vec<Word>,
    /// Commands of one pipeline share a number.
    pub(super) pipeline: Option<usize>,
    /// Holds a redirection of any kind.
    redirected: bool,
}

#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) commands: Vec<Simple>,
    pub(super) asks: Vec<String>,
    pub(super) denies: Vec<String>,
}

impl Word {
    pub(super) fn text(&self) -> &str {
        match self {
            Word::Literal(text) | Word::Unknown(text) => text,
        }
    }

    pub(super) fn literal(&self) -> Option<&str> {
        match self {
            Word::Literal(text) => Some(text),
            Word::Unknown(_) => None,
        }
    }
}

impl Simple {
    /// The words, when nothing else belongs to the command and none could have been a glob.
    pub(super) fn plain(&self) -> Option<Vec<String>> {
        let bare = self.assignments.is_empty() && !self.redirected && !self.words.is_empty();
        bare.then(|| {
            self.words
                .iter()
                .map(|word| {
                    word.literal()
                        .filter(|text| !text.contains(GLOB))
                        .map(str::to_owned)
                })
                .collect()
        })?
    }
}

const GLOB: [char; 4] = ['*', '?', '[', '~'];

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
    let dense: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if dense.contains("(){:|:&};:") {
        parsed
            .denies
            .push("starts itself without end (fork bomb)".to_owned());
    }
    let mut parser = Parser::new();
    let tree = match parser.set_language(&tree_sitter_bash::LANGUAGE.into()) {
        Ok(()) => parser.parse(text, None),
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
    let mut reader = Reader {
        text,
        parsed,
        pipelines: 0,
        pipeline: None,
    };
    reader.statement(tree.root_node(), 0);
    reader.parsed
}

struct Reader<'a> {
    text: &'a str,
    parsed: Parsed,
    pipelines: usize,
    pipeline: Option<usize>,
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
        match node.kind() {
            "program" | "list" | "subshell" | "compound_statement" | "negated_command" => {
                self.children(node, depth)
            }
            "command_substitution" | "process_substitution" => {
                let around = self.pipeline.take();
                self.children(node, depth);
                self.pipeline = around;
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
            "test_command" => self.test(node, depth),
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

    fn redirected(&mut self, node: Node, depth: usize) {
        let mut extra = Simple {
            redirected: true,
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

    fn redirect(&mut self, node: Node, command: &mut Simple, depth: usize) {
        command.redirected = true;
        if node.kind() != "file_redirect" {
            self.ask("feeds a here-document or here-string to a command".to_owned());
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
        if targets.is_empty() && !matches!(operator, ">&-" | "<&-") {
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

    fn command(&mut self, node: Node, depth: usize) {
        let mut command = Simple {
            pipeline: self.pipeline,
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
                _ if child.is_named() => command.words.push(self.word(child, depth)),
                // `=~`, `==`, `$` and the like, which the grammar gives no node of their own.
                _ => command
                    .words
                    .push(Word::Unknown(self.source(child).to_owned())),
            }
        }
        self.parsed.commands.push(command);
    }

    /// The grammar lets a command go on after a line break where bash does not: then they disagree about what is run.
    fn one_line(&mut self, parts: &[Node]) {
        for pair in parts.windows(2) {
            let gap = self
                .text
                .get(pair[0].end_byte()..pair[1].start_byte())
                .unwrap_or_default();
            if gap.replace("\\\n", "").contains('\n') {
                self.ask("a command goes on after a line break".to_owned());
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

    /// `[ … ]` with literal words; `[[ … ]]` evaluates what it compares.
    fn test(&mut self, node: Node, depth: usize) {
        let source = self.source(node);
        let inner = source
            .strip_prefix("[ ")
            .and_then(|rest| rest.strip_suffix(" ]"));
        match inner.filter(|inner| {
            !inner.contains(['[', '$', '`', '(', '<', '>', '*', '?', '{', '~', '\n'])
        }) {
            Some(inner) => {
                let words = ["["]
                    .into_iter()
                    .chain(inner.split_whitespace())
                    .chain(["]"]);
                let words = words
                    .map(|word| Word::Literal(word.trim_matches(['"', '\'']).to_owned()))
                    .collect();
                self.parsed.commands.push(Simple {
                    words,
                    ..Simple::default()
                });
            }
            None => {
                self.ask("tests an expression that is evaluated when it runs".to_owned());
                self.inside(node, depth);
            }
        }
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
                _ => self.inside(child, depth + 1),
            }
        }
    }

    fn word(&mut self, node: Node, depth: usize) -> Word {
        let source = self.source(node);
        match self.value(node, depth) {
            Some(value) => Word::Literal(value),
            None => {
                match node.kind() {
                    "command_substitution" | "process_substitution" => {
                        self.statement(node, depth + 1)
                    }
                    "arithmetic_expansion" => {
                        self.ask("evaluates an arithmetic expression".to_owned())
                    }
                    _ => {}
                }
                if !matches!(node.kind(), "command_substitution" | "process_substitution") {
                    self.inside(node, depth);
                }
                Word::Unknown(source.to_owned())
            }
        }
    }

    /// The literal value of a word, if it has one.
    fn value(&mut self, node: Node, depth: usize) -> Option<String> {
        let source = self.source(node);
        if depth > DEEPEST {
            return None;
        }
        match node.kind() {
            "word" | "number" | "extglob_pattern" | "regex" => quote::bare(source),
            "raw_string" => source
                .strip_prefix('\'')?
                .strip_suffix('\'')
                .map(str::to_owned),
            "string" => {
                let mut cursor = node.walk();
                let plain = node
                    .named_children(&mut cursor)
                    .all(|child| child.kind() == "string_content");
                let inner = source.strip_prefix('"')?.strip_suffix('"')?;
                (plain && !inner.contains('`'))
                    .then(|| quote::quoted(inner))
                    .flatten()
            }
            "concatenation" => {
                let mut cursor = node.walk();
                let parts: Vec<Node> = node.children(&mut cursor).collect();
                let mut end = node.start_byte();
                let mut value = String::new();
                for part in parts {
                    // A gap would be text that no node stands for.
                    if part.start_byte() != end || !part.is_named() {
                        return None;
                    }
                    end = part.end_byte();
                    value.push_str(&self.value(part, depth + 1)?);
                }
                (end == node.end_byte() && !quote::expands(source)).then_some(value)
            }
            _ => None,
        }
    }
}
