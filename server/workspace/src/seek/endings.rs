//! Endings: a hunk that says how its lines end, put in just so, where the file's lines end as it says. A patch that was
//! made for other endings, or lost them on its way, says nothing: then new lines end as their neighbours.

use super::ladder::Spot;
use super::{Edit, New};
use crate::lines::Line;
use crate::patch::{HunkSpec, LastLine};
use similar::{Algorithm, DiffOp, capture_diff_slices};

/// The edit at a place that the hunk's text matches as it is; `None` where endings are not said, or others.
pub(super) fn edit(
    file: &[Line<'_>],
    spot: &Spot,
    hunk: &HunkSpec,
    before: &[&str],
    after: &[&str],
) -> Option<Edit> {
    let said = hunk.returns.as_ref()?;
    let lines = file.get(spot.at.clone())?;
    let same = lines.len() == said.before.len()
        && said.after.len() == after.len()
        && lines
            .iter()
            .zip(before)
            .zip(&said.before)
            .all(|((line, text), cr)| {
                line.text == *text && (line.end.is_empty() || (line.end == "\r\n") == *cr)
            });
    if !same {
        return None;
    }
    // A last line that gets its newline is another line.
    let closes = |line: &Line<'_>| line.end.is_empty() && hunk.last == LastLine::Closed;
    let old: Vec<_> = lines
        .iter()
        .zip(&said.before)
        .map(|(line, cr)| (line.text, *cr, closes(line)))
        .collect();
    let new: Vec<_> = after
        .iter()
        .zip(&said.after)
        .map(|(text, cr)| (*text, *cr, false))
        .collect();
    let mut with = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, &old, &new) {
        match op {
            DiffOp::Equal { old_index, len, .. } => {
                with.extend((0..len).map(|step| New::Kept(spot.at.start + old_index + step)));
            }
            _ => with.extend(new[op.new_range()].iter().map(|(text, cr, _)| {
                let end = if *cr { "\r\n" } else { "\n" };
                New::Ended((*text).to_owned(), end)
            })),
        }
    }
    Some(Edit {
        at: spot.at.clone(),
        with,
    })
}
