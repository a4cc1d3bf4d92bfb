//! EditReply: one edit that a model wrote, by its form and whether it could be applied.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a model writes its edits, the richest form first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EditForm {
    /// `*** Begin Patch`, or a unified diff.
    Patch,
    /// SEARCH/REPLACE blocks.
    Blocks,
    /// `{"path", "old", "new"}`.
    Replace,
    /// The whole file.
    Whole,
}

/// What became of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EditOutcome {
    /// It was applied to the draft.
    Good,
    /// It was no edit in any known form, or fitted no place in the file.
    Malformed,
}

/// One edit of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EditReply {
    /// Who wrote it, as `provider/model`.
    pub model: String,
    /// In which form.
    pub form: EditForm,
    /// What became of it.
    pub outcome: EditOutcome,
    /// The simpler form that the model is told to use from now on, where this one was too much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<EditForm>,
}
