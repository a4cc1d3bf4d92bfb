//! Anchor: the lines that a patch names above a hunk (`@@ class A`), and the block that they open.

use crate::lines::indent;
use std::ops::Range;

/// The lines below the anchors, up to the end of the innermost anchor's block by indentation. `None` without anchors,
/// and where one of them stands nowhere or in several places.
pub(super) fn block(file: &[&str], scope: &[String]) -> Option<Range<usize>> {
    if scope.is_empty() {
        return None;
    }
    let mut range = 0..file.len();
    for name in scope {
        let name = name.trim();
        let hits = |test: &dyn Fn(&str) -> bool| -> Vec<usize> {
            range
                .clone()
                .filter(|index| test(file[*index].trim()))
                .collect()
        };
        let mut found = hits(&|line| line == name);
        if found.is_empty() {
            found = hits(&|line| line.starts_with(name));
        }
        if found.is_empty() {
            found = hits(&|line| line.contains(name));
        }
        let [at] = found[..] else {
            return None;
        };
        range = at + 1..block_end(file, at).min(range.end);
    }
    Some(range)
}

/// The first line after the block that the line at `at` opens.
fn block_end(file: &[&str], at: usize) -> usize {
    let depth = indent(file[at]).len();
    let outside = |line: &str| {
        let body = line.trim_start();
        !body.is_empty() && indent(line).len() <= depth && !body.starts_with(['}', ')', ']', '{'])
    };
    let stop = (at + 1..file.len()).find(|index| outside(file[*index]));
    stop.unwrap_or(file.len())
}
