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
    /// Refused.
    Refused,
}

/// One run of changed lines.
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

/// Where a patch stands.
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
    /// The files, by path.
    pub files: Vec<FileChange>,
}

/// What a person decides about a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// Bring it into the files.
    Accept,
    /// Leave the files alone.
    Refuse,
}
