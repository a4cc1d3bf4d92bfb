//! Udiff: unified diffs: of git (with its extended headers), plain, and hunks without line numbers as models write them.

mod names;
mod section;

use super::feed::{Given, Piece};
use super::{HunkSpec, LastLine, PatchError, Place, Returns, Site};
use crate::lines;
use names::{git_names, header_name};
use section::Section;
use std::collections::VecDeque;

/// The numbers of `@@ -a,b +c,d @@`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    pub old_start: u32,
    old: u32,
    new: u32,
}

/// Reads diffs line by line, two lines ahead.
#[derive(Default)]
pub(super) struct Reader {
    ahead: VecDeque<Given>,
    section: Option<Section>,
    hunk: Option<Hunk>,
    /// Whether a fence was seen: then what is not a diff's line is not just text below it.
    fenced: bool,
    /// The line is the second of a file's header.
    second: bool,
}

/// A hunk whose end is not seen yet.
struct Hunk {
    numbers: Option<Numbers>,
    at: usize,
    old: u32,
    new: u32,
    before: Vec<String>,
    after: Vec<String>,
    returns: Returns,
    sign: Option<char>,
    /// Blank lines that may stand below the hunk.
    blanks: u32,
    last: LastLine,
}

impl Reader {
    pub(super) fn line(
        &mut self,
        line: Given,
        place: Place<'_>,
        out: &mut Vec<Piece>,
    ) -> Result<(), PatchError> {
        self.ahead.push_back(line);
        match self.ahead.len() > 2 {
            true => self.step(place, out),
            false => Ok(()),
        }
    }

    pub(super) fn finish(
        mut self,
        place: Place<'_>,
        out: &mut Vec<Piece>,
    ) -> Result<(), PatchError> {
        while !self.ahead.is_empty() {
            self.step(place, out)?;
        }
        self.end_hunk(place, out)?;
        self.end_section(place, out)
    }

    fn step(&mut self, place: Place<'_>, out: &mut Vec<Piece>) -> Result<(), PatchError> {
        let Some(line) = self.ahead.pop_front() else {
            return Ok(());
        };
        self.fenced |= line.text.starts_with("```");
        if std::mem::take(&mut self.second) {
            return Ok(());
        }
        if self.hunk.is_some() && self.inside(&line)? {
            return Ok(());
        }
        self.end_hunk(place, out)?;
        self.outside(line, place, out)
    }

    fn next(&self, steps: usize) -> &str {
        self.ahead.get(steps).map_or("", |line| line.text.as_str())
    }

    /// Takes the line into the open hunk, if it belongs there.
    fn inside(&mut self, line: &Given) -> Result<bool, PatchError> {
        let (next, second) = (self.next(0).to_owned(), self.next(1).to_owned());
        let fenced = self.fenced;
        let Some(hunk) = &mut self.hunk else {
            return Ok(false);
        };
        let full = hunk.full();
        let text = line.text.as_str();
        if ends(text, &next, &second, full) {
            return Ok(false);
        }
        if hunk.blanks > 0 && !text.is_empty() {
            let goes_on = text.starts_with([' ', '+', '-']) && !is_file_header(text, &next);
            if !goes_on {
                return Ok(false);
            }
            hunk.take_blanks();
        }
        match text.chars().next() {
            None if full => hunk.blanks += 1,
            None => hunk.kept("", line.cr),
            Some(' ') => hunk.kept(&text[1..], line.cr),
            Some('-') => hunk.removed(&text[1..], line.cr),
            Some('+') => hunk.added(&text[1..], line.cr),
            Some('\\') => {
                hunk.last = match hunk.sign {
                    Some('-') => LastLine::Closed,
                    _ => LastLine::Open,
                };
            }
            Some(_) if hunk.numbers.is_some() && full && !fenced => return Ok(false),
            Some(_) => {
                return Err(PatchError::at(
                    line.at,
                    "a line in a hunk starts with ` ` (kept), `-` (removed) or `+` (added)",
                ));
            }
        }
        Ok(true)
    }

    /// A line that is in no hunk.
    fn outside(
        &mut self,
        line: Given,
        place: Place<'_>,
        out: &mut Vec<Piece>,
    ) -> Result<(), PatchError> {
        let text = line.text.as_str();
        if let Some(names) = text.strip_prefix("diff --git ") {
            self.end_section(place, out)?;
            let (old, new) = git_names(names);
            self.section = Some(Section::new(old, new, line.at));
        } else if is_file_header(text, self.next(0)) {
            let new = header_name(&self.next(0)[4..]);
            if self.section.as_ref().is_none_or(Section::has_hunks) {
                self.end_section(place, out)?;
            }
            let cr = line.cr;
            let section = self
                .section
                .get_or_insert_with(|| Section::new(None, None, line.at));
            section.named(header_name(&text[4..]), new, line.at, cr);
            self.second = true;
        } else if is_hunk_header(text) {
            self.section
                .get_or_insert_with(|| Section::new(None, None, line.at));
            self.hunk = Some(Hunk::new(text, line.at));
        } else if let Some(section) = &mut self.section {
            section.extended(text, line.at)?;
        }
        Ok(())
    }

    fn end_hunk(&mut self, place: Place<'_>, out: &mut Vec<Piece>) -> Result<(), PatchError> {
        let (Some(hunk), Some(section)) = (self.hunk.take(), self.section.as_mut()) else {
            return Ok(());
        };
        if hunk.sign.is_none() {
            return Err(PatchError::at(
                hunk.at,
                "the hunk is empty; give ` `, `-` and `+` lines",
            ));
        }
        section.hunk(hunk.spec(), place, out)
    }

    fn end_section(&mut self, place: Place<'_>, out: &mut Vec<Piece>) -> Result<(), PatchError> {
        match self.section.take() {
            Some(section) => section.finish(place, out),
            None => Ok(()),
        }
    }
}

impl Hunk {
    fn new(header: &str, at: usize) -> Hunk {
        Hunk {
            numbers: numbers(header),
            at,
            old: 0,
            new: 0,
            before: Vec::new(),
            after: Vec::new(),
            returns: Returns::default(),
            sign: None,
            blanks: 0,
            last: LastLine::Keep,
        }
    }

    /// Whether it has as many lines as its header says.
    fn full(&self) -> bool {
        self.numbers
            .is_none_or(|count| self.old >= count.old && self.new >= count.new)
    }

    fn kept(&mut self, line: &str, cr: bool) {
        self.returns.before.push(cr);
        self.returns.after.push(cr);
        self.before.push(line.to_owned());
        self.after.push(line.to_owned());
        (self.old, self.new) = (self.old.saturating_add(1), self.new.saturating_add(1));
        self.sign = Some(' ');
    }

    fn removed(&mut self, line: &str, cr: bool) {
        self.returns.before.push(cr);
        self.before.push(line.to_owned());
        self.old = self.old.saturating_add(1);
        self.sign = Some('-');
    }

    fn added(&mut self, line: &str, cr: bool) {
        self.after.push(line.to_owned());
        self.new = self.new.saturating_add(1);
        self.returns.after.push(cr);
        self.sign = Some('+');
    }

    fn take_blanks(&mut self) {
        for _ in 0..std::mem::take(&mut self.blanks) {
            self.kept("", false);
        }
    }

    fn spec(self) -> HunkSpec {
        HunkSpec {
            before: lines::closed(&self.before),
            after: lines::closed(&self.after),
            line: self.numbers.map(|numbers| numbers.old_start),
            site: Site::Below,
            last: self.last,
            returns: Some(self.returns),
            ..HunkSpec::default()
        }
    }
}

/// Whether a line opens a diff, alone. A file's header does so too: see [`is_file_header`].
pub(super) fn opens(line: &str) -> bool {
    line.starts_with("diff --git ") || is_hunk_header(line)
}

pub(super) fn is_file_header(line: &str, next: &str) -> bool {
    line.starts_with("--- ") && next.starts_with("+++ ")
}

fn is_hunk_header(line: &str) -> bool {
    numbers(line).is_some()
        || line.trim_end() == "@@"
        || (line.starts_with("@@ ") && line.trim_end().ends_with("@@"))
}

/// Reads `@@ -a,b +c,d @@`.
pub(super) fn numbers(line: &str) -> Option<Numbers> {
    let body = line.strip_prefix("@@ -")?;
    let (body, _) = body.split_once("@@")?;
    let (old, new) = body.trim().split_once(" +")?;
    let range = |text: &str| -> Option<(u32, u32)> {
        match text.trim().split_once(',') {
            Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
            None => Some((text.trim().parse().ok()?, 1)),
        }
    };
    let ((old_start, old), (_, new)) = (range(old)?, range(new)?);
    Some(Numbers {
        old_start,
        old,
        new,
    })
}

/// Whether a line is no longer the hunk's. `full`: the hunk has as many lines as its header says.
fn ends(line: &str, next: &str, second: &str, full: bool) -> bool {
    // `-- x` removed and `++ y` added look like a header; the line below, or a full count, tells.
    let sure = full || is_hunk_header(second);
    let header = line.starts_with("diff --git ")
        || is_hunk_header(line)
        || (is_file_header(line, next) && sure);
    let signature = matches!(line, "-- " | "--") && full;
    header || signature || line.starts_with("```")
}
