//! FileView: a change as people and editors see it: unified diffs, hunks with line numbers, and edits by whole lines.

use super::FileEdit;
use super::hunks::{Hunk, HunkView, between, unified};
use crate::encoding;
use crate::merge::{Run, lines, runs};
use crate::path::RelPath;
use serde::{Deserialize, Serialize};
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
    let (old_lines, new_lines) = (lines(old.as_bytes()), lines(new.as_bytes()));
    let between: Vec<Hunk<'_>> = between(&old_lines, &new_lines)
        .into_iter()
        .map(|(old, new)| Hunk {
            old,
            new: new_lines[new].to_vec(),
        })
        .collect();
    let unified = unified(old.as_bytes(), &between);
    (view.added, view.removed) = (unified.added, unified.removed);
    view.hunks = unified.hunks;
    view.diff = format!("--- {from}\n+++ {to}\n{}", unified.text);
    view
}

pub(super) fn edits(file: &FileEdit) -> Vec<LineEdit> {
    if file.base.is_none() || file.after.is_none() {
        return Vec::new();
    }
    let Some((old, new)) = texts(file) else {
        return Vec::new();
    };
    let (old, new) = (lines(old.as_bytes()), lines(new.as_bytes()));
    let edit = |run: Run| LineEdit {
        start_line: count(run.old.start),
        end_line: count(run.old.end),
        // Whole lines of a text are text.
        text: String::from_utf8_lossy(&new[run.new].concat()).into_owned(),
    };
    runs(&old, &new).into_iter().map(edit).collect()
}

/// Both sides as text, in whatever encoding each is; a side that is not there is empty.
fn texts(file: &FileEdit) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let old = file.base.as_ref().map_or(&[][..], |base| &base.bytes);
    let new = file.after.as_deref().unwrap_or(&[]);
    let (old, _) = encoding::decode(old).ok()?;
    let (new, _) = encoding::decode(new).ok()?;
    Some((old, new))
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
