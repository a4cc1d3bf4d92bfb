//! FileView: a change as people and editors see it: unified diffs, hunks with line numbers, and edits by whole lines.

use super::FileEdit;
use crate::encoding;
use crate::path::RelPath;
use serde::{Deserialize, Serialize};
use similar::{Algorithm, ChangeTag, DiffTag, TextDiff, capture_diff_slices};
use std::borrow::Cow;

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileOp {
    /// It comes to be.
    Create,
    /// Its bytes change.
    Modify,
    /// It goes.
    Delete,
}

/// One file of a change, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileView {
    /// The file.
    pub path: RelPath,
    /// What happens to it.
    pub op: FileOp,
    /// Lines added.
    pub added: u32,
    /// Lines removed.
    pub removed: u32,
    /// Unified diff with 3 lines of context; for a file that is not text one line that says so.
    pub diff: String,
    /// The runs of changed lines with their context, as in `diff`.
    pub hunks: Vec<HunkView>,
}

/// One hunk of the diff. Lines from 1; a side without lines has the number of the line before, as in a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// Whole lines to replace, counted as LSP counts lines (`\n`, `\r\n` and `\r` end one), from 0, end exclusive. Where the file
/// has no final newline `end_line` may be one more than its last line: the edit then goes up to the end of the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineEdit {
    /// First line.
    pub start_line: u32,
    /// Line after the last.
    pub end_line: u32,
    /// What shall stand there, endings included.
    pub text: String,
}

pub(super) fn file(file: &FileEdit) -> FileView {
    let op = match (&file.base, &file.after) {
        (None, _) => FileOp::Create,
        (Some(_), Some(_)) => FileOp::Modify,
        (Some(_), None) => FileOp::Delete,
    };
    let mut view = FileView {
        path: file.path.clone(),
        op,
        added: 0,
        removed: 0,
        diff: String::new(),
        hunks: Vec::new(),
    };
    let (from, to) = match op {
        FileOp::Create => ("/dev/null".to_owned(), format!("b/{}", file.path)),
        FileOp::Modify => (format!("a/{}", file.path), format!("b/{}", file.path)),
        FileOp::Delete => (format!("a/{}", file.path), "/dev/null".to_owned()),
    };
    let Some((old, new)) = texts(file) else {
        view.diff = format!("Binary files {from} and {to} differ\n");
        return view;
    };
    let diff = TextDiff::from_lines(&*old, &*new);
    for change in diff.iter_all_changes() {
        match change.tag() {
            ChangeTag::Insert => view.added += 1,
            ChangeTag::Delete => view.removed += 1,
            ChangeTag::Equal => {}
        }
    }
    let mut unified = diff.unified_diff();
    unified.context_radius(3).header(&from, &to);
    for hunk in unified.iter_hunks() {
        let (Some(first), Some(last)) = (hunk.ops().first(), hunk.ops().last()) else {
            continue;
        };
        let old = first.old_range().start..last.old_range().end;
        let new = first.new_range().start..last.new_range().end;
        view.hunks.push(HunkView {
            old_start: count(old.start) + u32::from(!old.is_empty()),
            old_lines: count(old.len()),
            new_start: count(new.start) + u32::from(!new.is_empty()),
            new_lines: count(new.len()),
        });
    }
    view.diff = match view.hunks.is_empty() {
        true => format!("--- {from}\n+++ {to}\n"),
        false => unified.to_string(),
    };
    view
}

pub(super) fn edits(file: &FileEdit) -> Vec<LineEdit> {
    if file.base.is_none() || file.after.is_none() {
        return Vec::new();
    }
    let Some((old, new)) = texts(file) else {
        return Vec::new();
    };
    let (old, new) = (editor_lines(&old), editor_lines(&new));
    let ops = capture_diff_slices(Algorithm::Myers, &old, &new);
    let mut edits: Vec<LineEdit> = Vec::new();
    for op in ops.iter().filter(|op| op.tag() != DiffTag::Equal) {
        let (from, to) = (op.old_range(), op.new_range());
        let text: String = new[to].concat();
        match edits.last_mut() {
            Some(last) if last.end_line == count(from.start) => {
                last.end_line = count(from.end);
                last.text.push_str(&text);
            }
            _ => edits.push(LineEdit {
                start_line: count(from.start),
                end_line: count(from.end),
                text,
            }),
        }
    }
    edits
}

/// Both sides as text, in whatever encoding each is; a side that is not there is empty.
fn texts(file: &FileEdit) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let old = file.base.as_ref().map_or(&[][..], |base| &base.bytes);
    let new = file.after.as_deref().unwrap_or(&[]);
    let (old, _) = encoding::decode(old).ok()?;
    let (new, _) = encoding::decode(new).ok()?;
    Some((old, new))
}

/// Lines as LSP counts them, endings included.
fn editor_lines(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut lines = Vec::new();
    let mut start = 0;
    for (index, byte) in bytes.iter().enumerate() {
        let ends = *byte == b'\n' || (*byte == b'\r' && bytes.get(index + 1) != Some(&b'\n'));
        if ends {
            lines.push(&text[start..=index]);
            start = index + 1;
        }
    }
    if start < text.len() {
        lines.push(&text[start..]);
    }
    lines
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
