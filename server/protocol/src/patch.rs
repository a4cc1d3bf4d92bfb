//! PatchView: the change that a task proposes, as people and shims see it.

use crate::{PatchId, TaskId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileOp {
    /// It comes to be.
    Create,
    /// Its text changes.
    Modify,
    /// It goes.
    Delete,
}

/// What was decided about a hunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HunkState {
    /// Nobody decided yet.
    Pending,
    /// In the user's files.
    Accepted,
    /// Refused; nothing of it is in the user's files.
    Refused,
    /// Was in the user's files and was taken back.
    Undone,
}

/// Lines of the text as it stands in the editor, or on disk, now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// First line, from 1. Where `lines` is 0: the line above which the place is.
    pub start: u32,
    /// Lines.
    pub lines: u32,
}

/// One run of changed lines, decided as one. Runs that fewer than three kept lines part are one hunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hunk {
    /// Number in the file, from 0.
    pub index: u32,
    /// First line before the change, from 1.
    pub old_start: u32,
    /// Lines before the change.
    pub old_lines: u32,
    /// First line after the change, from 1.
    pub new_start: u32,
    /// Lines after the change.
    pub new_lines: u32,
    /// What was decided.
    pub state: HunkState,
    /// First line that it replaces, from 1, in the text that the patch was made for, context left out. Where `removed` is 0:
    /// the line above which it inserts.
    #[serde(default)]
    pub first: u32,
    /// Lines that it replaces, context left out.
    #[serde(default)]
    pub removed: u32,
    /// What it puts there: whole lines, endings included.
    #[serde(default)]
    pub text: String,
    /// Whether a person wrote `text`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub edited: bool,
    /// Where it is in the text as it stands now: the lines that it would replace, or, once accepted, those that it put there.
    /// Missing where the user has changed these very lines since, or the file is not text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Place>,
}

/// One file of a patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileChange {
    /// Relative to the workspace, `/` between parts.
    pub path: String,
    /// What happens to it.
    pub op: FileOp,
    /// Lines added.
    pub added: u32,
    /// Lines removed.
    pub removed: u32,
    /// Unified diff of this file with 3 lines of context; empty for a binary file.
    pub diff: String,
    /// The runs of changed lines.
    pub hunks: Vec<Hunk>,
}

/// Where a patch stands: `proposed` while a hunk is pending, else `landed` while a hunk is in the files, else `undone` where one
/// was, else `refused`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PatchState {
    /// Waits for a decision.
    Proposed,
    /// In the user's files.
    Landed,
    /// Refused; nothing of it is in the user's files.
    Refused,
    /// Was in the user's files and was taken back.
    Undone,
}

/// How a patch came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PatchKind {
    /// A task, or a patch on the terminal, made it.
    #[default]
    Change,
    /// It takes others back.
    Undo,
    /// It brings back what was taken back.
    Redo,
    /// It gives files an earlier text again.
    Restore,
    /// It stands for several that landed one after the other.
    Squash,
}

/// A patch with its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PatchView {
    /// Names the patch.
    pub id: PatchId,
    /// The task it came from.
    pub task: TaskId,
    /// One line for a person.
    pub title: String,
    /// Where it stands.
    pub state: PatchState,
    /// Whether a green test run newer than its last change stands behind it.
    pub verified: bool,
    /// When it was made, RFC 3339 in UTC.
    pub created: String,
    /// How it came to be.
    #[serde(default)]
    pub kind: PatchKind,
    /// The patch that landed before it in this workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<PatchId>,
    /// The patches that it undoes, brings back, restores or stands for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of: Vec<PatchId>,
    /// Number of the model call that made its last change, from 1, where a model made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    /// The model that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The files, by path.
    pub files: Vec<FileChange>,
}

/// What a person decides about hunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// Bring them into the files.
    Accept,
    /// Leave the files alone; what is in them already is taken back.
    Refuse,
    /// Bring `text` into the file in place of what the hunk has.
    Edit,
}

/// A decision about one hunk, one file or a whole patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Choice {
    /// The patch.
    pub patch: PatchId,
    /// The file; missing: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The hunk of that file, from 0; missing: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hunk: Option<u32>,
    /// What is decided.
    pub resolution: Resolution,
    /// The lines to put there, with `edit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Which landed hunks to take back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Undoing {
    /// The patch; missing: the newest that landed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<PatchId>,
    /// The file; missing: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The hunk of that file, from 0; missing: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hunk: Option<u32>,
}
