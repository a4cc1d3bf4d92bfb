//! Place: where a hunk is in the text that the user has now.

use super::{FileReview, Verdict, count, range};
use crate::merge::{Run, lines, runs};
use std::ops::Range;

/// Lines of the live text, counted from 0 as LSP counts lines, end exclusive. An empty range is the place above its line.
pub type Place = Range<u32>;

impl FileReview {
    /// Where each hunk is in the live text: the lines that it put there once it is accepted, the lines that it would replace
    /// otherwise. `None` where the user has changed these very lines, or the file is decided on as a whole.
    pub fn places(&self, live: &[u8]) -> Vec<Option<Place>> {
        let nowhere = || vec![None; self.hunks.len()];
        let Some(text) = self.text().filter(|_| !self.is_whole()) else {
            return nowhere();
        };
        let (now, live) = (lines(&text), lines(live));
        let moves = match now == live {
            true => Vec::new(),
            false => runs(&now, &live),
        };
        let mut drift = 0isize;
        let place = |hunk: &super::HunkReview| {
            let old = range(&hunk.old);
            let start = old.start.saturating_add_signed(drift);
            let height = match hunk.verdict {
                Verdict::Accepted => {
                    let new = lines(&self.replacement(hunk)).len();
                    drift += signed(new) - signed(old.len());
                    new
                }
                Verdict::Pending | Verdict::Refused | Verdict::Undone => old.len(),
            };
            moved(&(start..start + height), &moves)
        };
        self.hunks.iter().map(place).collect()
    }
}

/// Lines of the decided text as they are numbered in the live one; `None` where a move is of these very lines.
fn moved(lines: &Range<usize>, moves: &[Run]) -> Option<Place> {
    let mut drift = 0isize;
    for run in moves {
        let above = run.old.end <= lines.start;
        let below = run.old.start >= lines.end;
        match (above, below) {
            // Where both are empty the person's text stands first, as merging has it.
            (true, _) => drift += signed(run.new.len()) - signed(run.old.len()),
            (false, true) => break,
            (false, false) => return None,
        }
    }
    let line = |at: usize| count(at.saturating_add_signed(drift));
    Some(line(lines.start)..line(lines.end))
}

fn signed(n: usize) -> isize {
    isize::try_from(n).unwrap_or(isize::MAX)
}
