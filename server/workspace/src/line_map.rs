//! `LineMap`: where the lines of one text stand in another version of it. A line that was changed stands nowhere.

use crate::merge::{Run, lines, runs};

/// The lines that two texts share, both ways. Lines count from 0.
#[derive(Debug, Clone)]
pub struct LineMap {
    changed: Vec<Run>,
    /// How many lines each has.
    lengths: (usize, usize),
}

impl LineMap {
    /// Compares two texts.
    pub fn of(old: &str, new: &str) -> LineMap {
        let (old, new) = (lines(old.as_bytes()), lines(new.as_bytes()));
        LineMap {
            changed: runs(&old, &new),
            lengths: (old.len(), new.len()),
        }
    }

    /// The line of the new text that is this one of the old.
    pub fn to_new(&self, line: usize) -> Option<usize> {
        let sides = |run: &Run| (run.old.clone(), run.new.clone());
        other(self.changed.iter().map(sides), line, self.lengths.0)
    }

    /// The line of the old text that is this one of the new.
    pub fn to_old(&self, line: usize) -> Option<usize> {
        let sides = |run: &Run| (run.new.clone(), run.old.clone());
        other(self.changed.iter().map(sides), line, self.lengths.1)
    }
}

fn other(
    runs: impl Iterator<Item = (std::ops::Range<usize>, std::ops::Range<usize>)>,
    line: usize,
    length: usize,
) -> Option<usize> {
    let (mut from, mut to) = (0, 0);
    for (here, there) in runs {
        if line < here.start {
            break;
        }
        if here.contains(&line) {
            return None;
        }
        (from, to) = (here.end, there.end);
    }
    (line < length).then(|| to + (line - from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_in_the_other_text_unless_it_changed() {
        let map = LineMap::of("a\nb\nc\nd\ne\n", "new\na\nB\nc\ne\n");
        let there: Vec<_> = (0..6).map(|line| map.to_new(line)).collect();
        assert_eq!(there, [Some(1), None, Some(3), None, Some(4), None]);
        let back: Vec<_> = (0..6).map(|line| map.to_old(line)).collect();
        assert_eq!(back, [None, Some(0), None, Some(2), Some(4), None]);
    }
}
