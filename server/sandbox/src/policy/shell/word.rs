//! `Word`: one word of a command, as far as its value is known before it runs.
//!
//! Invariant: what the shell could turn into another word than the one judged is `Unknown`.

use tree_sitter::Node;

use super::{DEEPEST, Reader, Simple, quote};

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) enum Word {
    /// Its value is these characters.
    Literal(String),
    /// The names that match; quoted characters are escaped by `\`.
    Pattern(String),
    /// Text with the values of variables in it, and its source.
    Template(Vec<Piece>, String),
    /// A name that another command lists; this stands for it.
    Listed(String),
    /// Its value is known only when it runs; this is its source text.
    Unknown(String),
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) enum Piece {
    Text(String),
    /// Characters that match others.
    Glob(char),
    Variable(String, Quoting),
}

/// Whether a variable's value stays one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Quoting {
    Quoted,
    Bare,
}

impl Word {
    pub(in crate::policy) fn text(&self) -> &str {
        match self {
            Word::Literal(text)
            | Word::Pattern(text)
            | Word::Template(_, text)
            | Word::Listed(text)
            | Word::Unknown(text) => text,
        }
    }

    pub(in crate::policy) fn literal(&self) -> Option<&str> {
        match self {
            Word::Literal(text) => Some(text),
            _ => None,
        }
    }

    /// With variables put in; a variable that has no known value makes the word unknown.
    pub(in crate::policy) fn bound(&self, value: impl Fn(&str) -> Option<String>) -> Word {
        let Word::Template(pieces, _) = self else {
            return self.clone();
        };
        // Braces around a plain name say nothing.
        let shown = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Glob(c) => c.to_string(),
            Piece::Variable(name, _) => format!("${name}"),
        };
        let unknown = || Word::Unknown(pieces.iter().map(shown).collect());
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Glob(_) => return unknown(),
                Piece::Variable(name, quoting) => match value(name) {
                    Some(value) if *quoting == Quoting::Quoted || plain(&value) => {
                        text.push_str(&value)
                    }
                    _ => return unknown(),
                },
            }
        }
        Word::Literal(text)
    }
}

/// Whether a value stays one word, and itself, without quotes.
fn plain(value: &str) -> bool {
    !value.is_empty()
        && !value.contains(char::is_whitespace)
        && !value.contains(['*', '?', '[', '\\'])
}

impl Reader<'_> {
    /// The words that one makes: several where it has a list in braces.
    pub(super) fn words(&mut self, node: Node, depth: usize) -> Vec<Word> {
        match quote::several(self.source(node)) {
            Some(words) => words
                .into_iter()
                .map(|word| assembled(quote::bare(&word), word))
                .collect(),
            None => vec![self.word(node, depth)],
        }
    }

    pub(super) fn word(&mut self, node: Node, depth: usize) -> Word {
        let source = self.source(node).to_owned();
        assembled(self.pieces(node, depth), source)
    }

    /// The parts of a word; `None` where they are not known. Commands inside are read in any case.
    fn pieces(&mut self, node: Node, depth: usize) -> Option<Vec<Piece>> {
        let source = self.source(node);
        if depth > DEEPEST {
            self.ask("the line is nested too deeply".to_owned());
            return None;
        }
        match node.kind() {
            "word" | "number" | "extglob_pattern" | "regex" => quote::bare(source),
            "raw_string" => {
                let inner = source.strip_prefix('\'')?.strip_suffix('\'')?;
                Some(vec![Piece::Text(inner.to_owned())])
            }
            "string" => self.string(node, depth),
            "simple_expansion" | "expansion" => {
                let found = variable(source, Quoting::Bare);
                if found.is_none() {
                    self.inside(node, depth);
                }
                found.map(|piece| vec![piece])
            }
            "command_substitution" => self
                .substitution(node, depth, Quoting::Bare)
                .map(|piece| vec![piece]),
            "process_substitution" => {
                self.statement(node, depth + 1);
                // A file with the output of a command.
                let reads = source.starts_with("<(") && node.named_child_count() > 0;
                reads.then(|| vec![Piece::Text("/dev/stdin".to_owned())])
            }
            "arithmetic_expansion" => {
                self.ask("evaluates an arithmetic expression".to_owned());
                self.inside(node, depth);
                None
            }
            "concatenation" => {
                let mut cursor = node.walk();
                let parts: Vec<Node> = node.children(&mut cursor).collect();
                let mut end = node.start_byte();
                let mut pieces = Some(Vec::new());
                for part in parts {
                    // A gap would be text that no node stands for.
                    let joined = part.start_byte() == end && part.is_named();
                    end = part.end_byte();
                    let more = self.pieces(part, depth + 1).filter(|_| joined);
                    pieces = pieces.zip(more).map(|(mut all, more)| {
                        all.extend(more);
                        all
                    });
                }
                pieces.filter(|_| end == node.end_byte() && !quote::braces(source))
            }
            _ => {
                self.inside(node, depth);
                None
            }
        }
    }

    fn string(&mut self, node: Node, depth: usize) -> Option<Vec<Piece>> {
        let mut cursor = node.walk();
        let children: Vec<Node> = node.named_children(&mut cursor).collect();
        let (mut at, end) = (node.start_byte() + 1, node.end_byte().saturating_sub(1));
        let mut pieces = Some(Vec::new());
        let mut add = |more: Option<Vec<Piece>>| {
            pieces = pieces.take().zip(more).map(|(mut all, more)| {
                all.extend(more);
                all
            });
        };
        for child in children
            .iter()
            .filter(|child| child.kind() != "string_content")
        {
            add(self.between(at, child.start_byte()));
            at = child.end_byte();
            add(match child.kind() {
                "simple_expansion" | "expansion"
                    if variable(self.source(*child), Quoting::Quoted).is_some() =>
                {
                    variable(self.source(*child), Quoting::Quoted).map(|piece| vec![piece])
                }
                "command_substitution" => self
                    .substitution(*child, depth, Quoting::Quoted)
                    .map(|piece| vec![piece]),
                _ => {
                    self.inside(*child, depth);
                    None
                }
            });
        }
        add(self.between(at, end));
        pieces
    }

    fn between(&self, from: usize, to: usize) -> Option<Vec<Piece>> {
        let text = self.text.get(from..to)?;
        if text.contains('`') {
            return None;
        }
        quote::quoted(text).map(|text| vec![Piece::Text(text)])
    }

    /// Reads the commands of a substitution. A few of them print one plain word, so that another of the kind can stand for it.
    fn substitution(&mut self, node: Node, depth: usize, quoting: Quoting) -> Option<Piece> {
        let before = self.parsed.commands.len();
        self.statement(node, depth + 1);
        match &self.parsed.commands[before..] {
            [only] => printed(only, quoting),
            _ => None,
        }
    }
}

/// A word of these parts; unknown where they are not known.
fn assembled(pieces: Option<Vec<Piece>>, source: String) -> Word {
    let Some(pieces) = pieces else {
        return Word::Unknown(source);
    };
    let globs = pieces.iter().any(|piece| matches!(piece, Piece::Glob(_)));
    let variables = pieces
        .iter()
        .any(|piece| matches!(piece, Piece::Variable(..)));
    let mut text = String::new();
    for piece in &pieces {
        match piece {
            Piece::Text(part) if globs => {
                text.extend(part.chars().flat_map(|c| {
                    matches!(c, '*' | '?' | '[' | '\\')
                        .then_some('\\')
                        .into_iter()
                        .chain([c])
                }));
            }
            Piece::Text(part) => text.push_str(part),
            Piece::Glob(c) => text.push(*c),
            Piece::Variable(..) => {}
        }
    }
    // What is quoted in a set neither ends it nor means a range.
    let set = pieces.contains(&Piece::Glob('['));
    if set && source.contains(['\\', '"', '\'']) {
        return Word::Unknown(source);
    }
    match (variables, globs) {
        (true, _) => Word::Template(pieces, source),
        (false, true) => Word::Pattern(text),
        (false, false) => Word::Literal(text),
    }
}

/// A word of the kind that a command prints.
fn printed(command: &Simple, quoting: Quoting) -> Option<Piece> {
    let words = command.plain()?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let text = match words.as_slice() {
        ["nproc"] => "4",
        ["pwd"] => return Some(Piece::Variable("PWD".to_owned(), quoting)),
        // Hashes. Names of branches and tags may look like options; a word that is no revision is printed as it is.
        ["git", "rev-parse", "--short" | "--verify", only] if revision(only) => "HEAD",
        ["git", "rev-parse", only] if only.strip_prefix("HEAD").is_some_and(above) => "HEAD",
        ["git", "merge-base", one, other] if revision(one) && revision(other) => "HEAD",
        ["date", format] => format
            .strip_prefix('+')
            .filter(|format| digits(format))
            .map(|_| "2024")?,
        _ => return None,
    };
    Some(Piece::Text(text.to_owned()))
}

/// `~1`, `^`: a step up the history.
fn above(steps: &str) -> bool {
    steps
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"~^".contains(&byte))
}

fn revision(word: &str) -> bool {
    !word.starts_with('-')
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._/~^@-".contains(&byte))
}

/// Whether a format of `date` prints digits and what parts them, a digit first.
fn digits(format: &str) -> bool {
    let mut rest = format.chars();
    let conversion = |c: Option<char>| c.is_some_and(|c| "YmdHMSsFTj".contains(c));
    format.starts_with('%')
        && std::iter::from_fn(|| {
            rest.next()
                .map(|c| (c, if c == '%' { rest.next() } else { None }))
        })
        .all(|(c, next)| {
            if c == '%' {
                conversion(next)
            } else {
                "-_:".contains(c)
            }
        })
}

/// `$name` or `${name}`, and nothing more to it.
fn variable(source: &str, quoting: Quoting) -> Option<Piece> {
    let name = source.strip_prefix('$')?;
    let name = name
        .strip_prefix('{')
        .map_or(Some(name), |inner| inner.strip_suffix('}'))?;
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (plain && starts).then(|| Piece::Variable(name.to_owned(), quoting))
}
