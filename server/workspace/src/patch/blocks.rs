//! Blocks: SEARCH/REPLACE blocks as Aider, Cline, Roo and others define them: markers of 5 to 9 characters, the file's name
//! above, in or after the fence (3 or 4 ticks); a block without a name is for the file of the block before.

pub(super) mod names;

use super::PatchError;
use super::feed::{Given, Piece};
use crate::lines;

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub name: Option<String>,
    pub search: Vec<String>,
    pub replace: Vec<String>,
    /// `:start_line:`, where it is given.
    pub line: Option<u32>,
    /// Index of the opening marker.
    pub at: usize,
}

/// Reads blocks and shell fences line by line.
pub(super) struct Reader {
    current: Option<String>,
    /// The last lines since the block or fence before, where a name may stand.
    above: Vec<String>,
    state: State,
}

enum State {
    Between,
    /// A shell fence, unless a block opens right below it.
    Fence(Vec<String>),
    Inside(Open),
}

/// A block whose end is not seen yet.
struct Open {
    at: usize,
    indent: usize,
    width: usize,
    lines: Vec<String>,
    /// Indices in `lines` and widths of what may be the divider.
    dividers: Vec<(usize, usize)>,
    /// Width of the markers of a block that is part of this one's text.
    nested: Option<usize>,
}

impl Reader {
    /// `file`: for blocks before the first name.
    pub(super) fn new(file: Option<&str>) -> Reader {
        Reader {
            current: file.map(str::to_owned),
            above: Vec::new(),
            state: State::Between,
        }
    }

    pub(super) fn line(&mut self, line: Given, out: &mut Vec<Piece>) {
        let Given { text, at, .. } = line;
        match std::mem::replace(&mut self.state, State::Between) {
            State::Between if head(&text).is_some() => self.open(&text, at),
            State::Between if names::is_shell(&text) => {
                self.keep(text);
                self.state = State::Fence(Vec::new());
            }
            State::Between => self.keep(text),
            State::Fence(script) if script.len() < 2 && head(&text).is_some() => {
                script.into_iter().for_each(|line| self.keep(line));
                self.open(&text, at);
            }
            State::Fence(script) if text.trim_start().starts_with("```") => {
                self.above.clear();
                out.push(Piece::Shell(lines::closed(&script)));
            }
            State::Fence(mut script) => {
                script.push(text);
                self.state = State::Fence(script);
            }
            State::Inside(open) => self.inside(open, text, at, out),
        }
    }

    pub(super) fn finish(self, out: &mut Vec<Piece>) {
        match self.state {
            State::Between => {}
            State::Fence(script) => out.push(Piece::Shell(lines::closed(&script))),
            State::Inside(open) => out.push(Piece::Broken(open.cut_off())),
        }
    }

    fn keep(&mut self, line: String) {
        if self.above.len() >= 4 {
            self.above.remove(0);
        }
        self.above.push(line);
    }

    fn open(&mut self, marker: &str, at: usize) {
        let above: Vec<&str> = self.above.iter().map(String::as_str).collect();
        if let Some(name) = names::above(&above, self.current.is_some()) {
            self.current = Some(name);
        }
        self.above.clear();
        let (indent, width) = head(marker).unwrap_or_default();
        self.state = State::Inside(Open {
            at,
            indent,
            width,
            lines: Vec::new(),
            dividers: Vec::new(),
            nested: None,
        });
    }

    fn inside(&mut self, mut open: Open, text: String, at: usize, out: &mut Vec<Piece>) {
        let same_place = lines::indent(&text).len() <= open.indent;
        match (head(&text), tail(&text)) {
            (Some((_, width)), _) if same_place && width != open.width => open.nested = Some(width),
            (Some(_), _) if same_place => {
                out.push(Piece::Broken(open.cut_off()));
                return self.open(&text, at);
            }
            (_, Some(width)) if same_place && open.nested == Some(width) => open.nested = None,
            (_, Some(_)) if same_place => {
                out.push(open.close(self.current.clone()));
                return;
            }
            _ => {
                if let Some(width) = divider(&text).filter(|_| same_place) {
                    open.dividers.push((open.lines.len(), width));
                }
            }
        }
        open.lines.push(text);
        self.state = State::Inside(open);
    }
}

impl Open {
    fn cut_off(&self) -> PatchError {
        let what = match self.dividers.is_empty() {
            true => {
                "the block has no `=======` line and no `>>>>>>> REPLACE` line; it may be cut off, send it again, whole"
            }
            false => {
                "the block has no `>>>>>>> REPLACE` line; it may be cut off, send it again, whole"
            }
        };
        PatchError::at(self.at, what)
    }

    fn close(self, name: Option<String>) -> Piece {
        let same_width: Vec<usize> = self
            .dividers
            .iter()
            .filter(|(_, width)| *width == self.width)
            .map(|(index, _)| *index)
            .collect();
        let middle = match (same_width.as_slice(), self.dividers.as_slice()) {
            ([one], _) | ([], [(one, _)]) => *one,
            ([], []) => {
                return Piece::Broken(PatchError::at(
                    self.at,
                    "the block has no `=======` line between search and replacement",
                ));
            }
            _ => {
                return Piece::Broken(PatchError::at(
                    self.at,
                    "the block has more than one `=======` line, so where the search ends is not clear; write `\\=======` for one that is text, or use markers of another length (5 to 9) for the block",
                ));
            }
        };
        let leaked = |line: &String| {
            let line = line.trim();
            line.starts_with(":start_line:") || line.starts_with(":end_line:")
        };
        if let Some(at) = self.lines[middle + 1..].iter().position(leaked) {
            return Piece::Broken(PatchError::at(
                self.at + middle + at + 2,
                "`:start_line:` and `:end_line:` stand in the search part only; leave them out of the replacement, or write a backslash before one that is text",
            ));
        }
        let mut lines = self.lines;
        let replace: Vec<String> = lines.split_off(middle + 1).into_iter().map(plain).collect();
        lines.truncate(middle);
        let line = numbered(&mut lines);
        Piece::Block(Block {
            name,
            search: lines.into_iter().map(plain).collect(),
            replace,
            line,
            at: self.at,
        })
    }
}

pub(super) fn opens(line: &str) -> bool {
    head(line).is_some()
}

pub(super) fn nameless(at: usize) -> PatchError {
    PatchError::at(
        at,
        "the block names no file; write the file's path alone on the line above the block",
    )
}

/// A line of a block's text; a backslash before a marker makes it text.
fn plain(line: String) -> String {
    match line.strip_prefix('\\') {
        Some(rest) if is_marker(rest) => rest.to_owned(),
        _ => line,
    }
}

fn is_marker(line: &str) -> bool {
    head(line).is_some()
        || tail(line).is_some()
        || divider(line).is_some()
        || line.starts_with(":start_line:")
        || line.starts_with(":end_line:")
        || ["<<<<<<<", ">>>>>>>", "-------", "+++++++"].contains(&line.trim_end())
}

/// Takes `:start_line:7`, `:end_line:9` and the rule below them off the search text.
fn numbered(search: &mut Vec<String>) -> Option<u32> {
    let line = search
        .first()?
        .trim()
        .strip_prefix(":start_line:")?
        .trim()
        .parse()
        .ok()?;
    let rule = search
        .iter()
        .take(3)
        .position(|line| line.len() >= 5 && line.chars().all(|sign| sign == '-'))
        .or_else(|| {
            search
                .iter()
                .take(2)
                .rposition(|line| line.starts_with(':'))
        })?;
    search.drain(..=rule);
    Some(line)
}

/// Indent and width of an opening marker.
fn head(line: &str) -> Option<(usize, usize)> {
    let body = line.trim();
    let sign = body
        .chars()
        .next()
        .filter(|sign| matches!(sign, '<' | '-'))?;
    let width = body.chars().take_while(|next| *next == sign).count();
    let word = body[width..].trim();
    let is_head = (5..=9).contains(&width) && matches!(word, "SEARCH" | "SEARCH>" | "ORIGINAL");
    is_head.then(|| (lines::indent(line).len(), width))
}

fn divider(line: &str) -> Option<usize> {
    let body = line.trim();
    let is_divider = (5..=9).contains(&body.len()) && body.bytes().all(|byte| byte == b'=');
    is_divider.then_some(body.len())
}

fn is_tail(line: &str) -> bool {
    tail(line).is_some()
}

/// Width of a closing marker.
fn tail(line: &str) -> Option<usize> {
    let body = line.trim();
    let sign = body
        .chars()
        .next()
        .filter(|sign| matches!(sign, '>' | '+'))?;
    let width = body.chars().take_while(|next| *next == sign).count();
    let is_tail = (5..=9).contains(&width)
        && matches!(body[width..].trim(), "REPLACE" | "<REPLACE" | "UPDATED");
    is_tail.then_some(width)
}
