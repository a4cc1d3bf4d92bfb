//! Hunk: one run of changed lines, as it is decided on and as a unified diff shows it. Runs that fewer than three kept lines part are
//! one hunk, so every hunk has a kept line between itself and the next, and its own `@@` in the diff.

use crate::merge::{lines, runs};
use std::ops::Range;

/// Kept lines between two runs that make them two hunks.
const APART: usize = 3;
/// Most lines of context on either side (GNU diffutils manual, "Unified Format").
const CONTEXT: usize = 3;

/// Lines of the old text, and what shall stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hunk<'a> {
    /// In the old text; counted from 0, end exclusive.
    pub old: Range<usize>,
    /// The new lines, endings included.
    pub new: Vec<&'a [u8]>,
}

/// One hunk of the diff. Lines from 1; a side without lines has the number of the line before, as in a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HunkView {
    /// First line before the change.
    pub old_start: u32,
    /// Lines before the change.
    pub old_lines: u32,
    /// First line after the change.
    pub new_start: u32,
    /// Lines after the change.
    pub new_lines: u32,
}

/// A unified diff without its file header.
#[derive(Debug, Default)]
pub(crate) struct Unified {
    pub text: String,
    pub hunks: Vec<HunkView>,
    pub added: u32,
    pub removed: u32,
}

/// The hunks between two texts, as ranges of lines of each.
pub(crate) fn between(old: &[&[u8]], new: &[&[u8]]) -> Vec<(Range<usize>, Range<usize>)> {
    let mut hunks: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for run in runs(old, new) {
        match hunks.last_mut() {
            Some((from, to)) if run.old.start < from.end + APART => {
                from.end = run.old.end;
                to.end = run.new.end;
            }
            _ => hunks.push((run.old, run.new)),
        }
    }
    hunks
}

/// The diff that these hunks of a text make. They are in order and apart.
pub(crate) fn unified(old: &[u8], hunks: &[Hunk<'_>]) -> Unified {
    let old = lines(old);
    let mut out = Unified::default();
    let mut drift = 0isize;
    for (index, hunk) in hunks.iter().enumerate() {
        let above = match index.checked_sub(1).map(|before| &hunks[before]) {
            Some(before) => (hunk.old.start - before.old.end) / 2,
            None => hunk.old.start,
        };
        let below = match hunks.get(index + 1) {
            Some(next) => (next.old.start - hunk.old.end).div_ceil(2),
            None => old.len() - hunk.old.end,
        };
        let shown = hunk.old.start - above.min(CONTEXT)..hunk.old.end + below.min(CONTEXT);
        let kept = shown.len() - hunk.old.len();
        let new_start = shown.start.saturating_add_signed(drift);
        let view = HunkView {
            old_start: number(shown.start, shown.len()),
            old_lines: count(shown.len()),
            new_start: number(new_start, kept + hunk.new.len()),
            new_lines: count(kept + hunk.new.len()),
        };
        out.head(view);
        for line in &old[shown.start..hunk.old.start] {
            out.line(' ', line);
        }
        out.body(&old[hunk.old.clone()], &hunk.new);
        for line in &old[hunk.old.end..shown.end] {
            out.line(' ', line);
        }
        drift += signed(hunk.new.len()) - signed(hunk.old.len());
    }
    out
}

impl Unified {
    fn head(&mut self, view: HunkView) {
        let side = |start: u32, lines: u32| match lines {
            1 => start.to_string(),
            _ => format!("{start},{lines}"),
        };
        self.text.push_str(&format!(
            "@@ -{} +{} @@\n",
            side(view.old_start, view.old_lines),
            side(view.new_start, view.new_lines)
        ));
        self.hunks.push(view);
    }

    fn body(&mut self, old: &[&[u8]], new: &[&[u8]]) {
        let mut at = 0;
        for run in runs(old, new) {
            for line in &old[at..run.old.start] {
                self.line(' ', line);
            }
            for line in &old[run.old.clone()] {
                self.removed += 1;
                self.line('-', line);
            }
            for line in &new[run.new] {
                self.added += 1;
                self.line('+', line);
            }
            at = run.old.end;
        }
        for line in &old[at..] {
            self.line(' ', line);
        }
    }

    fn line(&mut self, sign: char, line: &[u8]) {
        self.text.push(sign);
        self.text.push_str(&String::from_utf8_lossy(line));
        if !line.ends_with(b"\n") {
            self.text.push('\n');
            if !line.ends_with(b"\r") {
                self.text.push_str("\\ No newline at end of file\n");
            }
        }
    }
}

/// A diff's number of a line that is counted from 0.
fn number(start: usize, lines: usize) -> u32 {
    count(start) + u32::from(lines > 0)
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn signed(n: usize) -> isize {
    isize::try_from(n).unwrap_or(isize::MAX)
}
