//! Splice: edits put into a file's lines. Kept lines are copied byte for byte; an added line ends as the line it replaces
//! or follows; a file without a final newline stays without one, unless the patch says otherwise.

use super::{Edit, New};
use crate::lines::{self, BOM, Line};
use crate::patch::LastLine;
use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::collections::HashSet;

/// A line on its way out.
struct Out<'a> {
    text: &'a str,
    end: &'a str,
    from: Origin,
}

/// Where a line comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The file.
    Kept,
    /// The patch, in place of one of the file's.
    InPlace,
    /// The patch, beyond the lines that it replaces.
    Beyond,
}

/// The file's text with the edits, which are in order and apart.
pub(super) fn splice(file: &[Line<'_>], edits: &[Edit], last: LastLine) -> String {
    let usual = lines::usual_end(file);
    let open = file.last().is_some_and(|line| line.end.is_empty());
    let mut out: Vec<Out<'_>> = Vec::with_capacity(file.len() + 16);
    let keep = |index: usize| Out {
        text: file[index].text,
        end: file[index].end,
        from: Origin::Kept,
    };
    let mut at = 0;
    for edit in edits {
        out.extend((at..edit.at.start).map(keep));
        let mut next = edit.at.start;
        let kept: HashSet<usize> = edit.with.iter().filter_map(index).collect();
        for line in &edit.with {
            match line {
                New::Kept(index) => {
                    out.push(keep(*index));
                    next = index + 1;
                }
                New::Added(text) | New::Ended(text, _) => {
                    let replaced = file.get(next).filter(|_| next < edit.at.end);
                    let above = next.checked_sub(1).and_then(|index| file.get(index));
                    let near = replaced
                        .or(above)
                        .or(file.get(next))
                        .map(|line| line.end)
                        .filter(|end| !end.is_empty())
                        .unwrap_or(usual);
                    let end = match line {
                        New::Ended(_, end) => end,
                        _ => near,
                    };
                    out.push(Out {
                        text,
                        end,
                        from: match replaced {
                            Some(_) => Origin::InPlace,
                            None => Origin::Beyond,
                        },
                    });
                    // One added line stands for one replaced line, as far as they go.
                    if replaced.is_some() && !kept.contains(&next) {
                        next += 1;
                    }
                }
            }
        }
        at = edit.at.end;
    }
    out.extend((at..file.len()).map(keep));
    let reaches_end = edits.last().is_some_and(|edit| edit.at.end == file.len());
    joined(out, usual, open, reaches_end, last)
}

fn index(line: &New) -> Option<usize> {
    match line {
        New::Kept(index) => Some(*index),
        New::Added(_) | New::Ended(..) => None,
    }
}

/// `open`: the file had no final newline. `reaches_end`: the last edit goes up to the end.
fn joined<'a>(
    mut out: Vec<Out<'a>>,
    usual: &'a str,
    open: bool,
    reaches_end: bool,
    last: LastLine,
) -> String {
    let count = out.len();
    for (index, line) in out.iter_mut().enumerate() {
        if index + 1 < count {
            if line.end.is_empty() {
                line.end = usual;
            }
        } else {
            line.end = match last {
                LastLine::Keep if open && line.from != Origin::Kept => "",
                LastLine::Added if open && line.from == Origin::InPlace => "",
                LastLine::Open if reaches_end => "",
                LastLine::Closed if reaches_end && line.end.is_empty() => usual,
                LastLine::Keep | LastLine::Added | LastLine::Open | LastLine::Closed => line.end,
            };
        }
    }
    let mut text = String::with_capacity(out.iter().map(|line| line.text.len() + 2).sum());
    for line in out {
        text.push_str(line.text);
        text.push_str(line.end);
    }
    text
}

/// A whole new text for a file: its unchanged lines keep the old bytes, the others end as the old ones did.
/// `last`: whether it ends in a newline; [`LastLine::Keep`]: as the file did.
pub(crate) fn rewrite(old: &str, new: &str, last: LastLine) -> String {
    let (mark, body) = match old.strip_prefix(BOM) {
        Some(body) => ("\u{feff}", body),
        None => ("", old),
    };
    let new = new.strip_prefix(BOM).unwrap_or(new);
    let (file, wanted) = (lines::split(body), lines::split(new));
    let open = file.last().is_some_and(|line| line.end.is_empty());
    let last = match last {
        LastLine::Keep if open => LastLine::Open,
        LastLine::Keep | LastLine::Added | LastLine::Closed => LastLine::Closed,
        LastLine::Open => LastLine::Open,
    };
    if file.is_empty() || wanted.iter().any(|line| line.end == "\r\n") {
        let new = match last {
            LastLine::Open => new
                .strip_suffix("\r\n")
                .or_else(|| new.strip_suffix('\n'))
                .unwrap_or(new),
            _ => new,
        };
        return format!("{mark}{new}");
    }
    let ours: Vec<&str> = file.iter().map(|line| line.text).collect();
    let theirs: Vec<&str> = wanted.iter().map(|line| line.text).collect();
    let mut with = Vec::with_capacity(theirs.len());
    for op in capture_diff_slices(Algorithm::Myers, &ours, &theirs) {
        match op {
            DiffOp::Equal { old_index, len, .. } => {
                with.extend((old_index..old_index + len).map(New::Kept))
            }
            _ => with.extend(
                theirs[op.new_range()]
                    .iter()
                    .map(|line| New::Added((*line).to_owned())),
            ),
        }
    }
    let edit = Edit {
        at: 0..file.len(),
        with,
    };
    let text = splice(&file, &[edit], last);
    format!("{mark}{text}")
}
