//! What stands within something else: a comment, a quotation, a code span, a pair of tags, or a thought whose beginning is not
//! told, as where a chat template wrote it into the prompt.
//!
//! Invariant: one walk over what is said; the texts of calls are not looked into.

use super::{Kind, LEFTOVERS, Part, tags::THOUGHTS};

/// Open tags that are kept in mind.
const MOST_OPEN: usize = 256;

/// Signs that begin and end a quotation on lines of their own.
const SIGNS: [&str; 6] = ["\"", "'", "\"\"\"", "'''", "`", "``"];

/// Of each part, whether it is a call within something else.
pub(super) fn within(text: &str, parts: &[Part]) -> Vec<bool> {
    let mut walk = Walk {
        within: vec![false; parts.len()],
        ..Walk::default()
    };
    for (at, part) in parts.iter().enumerate() {
        let said = &text[part.range.clone()];
        match part.kind {
            Kind::Calls(_) => walk.call(at),
            Kind::Plain => {
                walk.marks(said, at);
                walk.quotations(said);
            }
            Kind::Code => walk.end_of_code(said),
            Kind::Thought => {}
        }
    }
    walk.within
}

#[derive(Debug, Default)]
struct Walk {
    within: Vec<bool>,
    /// The newest part with calls.
    newest: Option<usize>,
    in_comment: bool,
    /// Names of open tags, each with the number of its part.
    open: Vec<(String, usize)>,
    /// Typographic quotations that are open.
    deep: u32,
    on_lines: bool,
    /// Signs since the last empty line.
    quotes: usize,
    ticks: usize,
}

impl Walk {
    fn call(&mut self, at: usize) {
        self.newest = Some(at);
        let in_line = self.quotes % 2 == 1 || self.ticks % 2 == 1;
        self.within[at] |= self.in_comment || self.deep > 0 || self.on_lines || in_line;
    }

    /// All calls from the part `from` on are within something.
    fn enclose(&mut self, from: usize) {
        if let Some(newest) = self.newest.filter(|newest| *newest >= from) {
            self.within[from..=newest].fill(true);
        }
    }

    /// Comments and tags.
    fn marks(&mut self, said: &str, at: usize) {
        let mut here = 0;
        while here < said.len() {
            if self.in_comment {
                let Some(end) = said[here..].find("-->") else {
                    return;
                };
                (here, self.in_comment) = (here + end + 3, false);
            }
            let Some(next) = said[here..].find(['<', '[']) else {
                return;
            };
            here += next;
            let rest = &said[here..];
            here += 1;
            if rest.starts_with("<!--") {
                (here, self.in_comment) = (here + 3, true);
            } else if let Some(name) = closed(rest).filter(|_| !is_leftover(rest)) {
                let known = self.open.iter().rposition(|(open, _)| *open == name);
                let from = known.map_or(0, |known| self.open[known].1);
                self.open.truncate(known.unwrap_or(self.open.len()));
                self.enclose(from);
            } else if let Some(name) = opened(rest).filter(|_| self.open.len() < MOST_OPEN) {
                self.open.push((name, at));
            }
        }
    }

    fn end_of_code(&mut self, code: &str) {
        (self.quotes, self.ticks) = (0, 0);
        // In code nothing is a tag but the end of the thought that holds the code.
        if THOUGHTS.iter().any(|(_, close)| code.contains(close)) {
            self.enclose(0);
        }
    }

    fn quotations(&mut self, said: &str) {
        for line in said.split_inclusive('\n') {
            let word = line.trim();
            // The end of a line that began in an earlier part is no empty line.
            if word.is_empty() && line.len() > 1 || line == "\n" {
                (self.quotes, self.ticks) = (0, 0);
            } else if SIGNS.contains(&word) {
                self.on_lines = !self.on_lines;
            } else {
                self.quotes += line.matches('"').count();
                self.ticks += line.matches('`').count();
            }
            for sign in line.chars() {
                match sign {
                    '“' | '«' | '„' => self.deep += 1,
                    '”' | '»' => self.deep = self.deep.saturating_sub(1),
                    _ => {}
                }
            }
        }
    }
}

fn is_leftover(rest: &str) -> bool {
    LEFTOVERS.iter().any(|word| rest.starts_with(word))
}

/// The name in a closing tag.
fn closed(rest: &str) -> Option<String> {
    let inside = rest
        .strip_prefix("</")
        .or_else(|| rest.strip_prefix("[/"))?;
    let (name, rest) = name(inside)?;
    rest.trim_start().starts_with(['>', ']']).then_some(name)
}

/// The name in an opening tag that wants to be closed.
fn opened(rest: &str) -> Option<String> {
    let (name, rest) = name(rest.strip_prefix('<')?)?;
    let line = rest.lines().next()?;
    let inside = &line[..line.find('>')?];
    let is_tag = inside.is_empty() || inside.starts_with([' ', '\t', '=']);
    (is_tag && !inside.ends_with('/')).then_some(name)
}

fn name(inside: &str) -> Option<(String, &str)> {
    let letter = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    let end = inside.find(|c| !letter(c)).unwrap_or(inside.len());
    let name = &inside[..end];
    name.starts_with(char::is_alphabetic)
        .then(|| (name.to_lowercase(), &inside[end..]))
}
