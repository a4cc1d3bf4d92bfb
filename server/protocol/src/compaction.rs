//! Compaction: how a conversation was shortened, exactly, so that a fold of the events gives the same messages again (A3).

use crate::CallId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a compaction went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CompactionStep {
    /// Results that a later one makes needless, or that are long, became references.
    Shortened,
    /// The oldest turns gave way to a summary.
    Summarised,
    /// The oldest turns were left out, since no summary could be had.
    Dropped,
}

/// One shortening of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Compaction {
    /// How far it went.
    pub step: CompactionStep,
    /// Results of calls that models read in this form from here on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<ShortOutput>,
    /// Words to models that stand in this form from here on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<ShortPrompt>,
    /// How many of the oldest messages `text` takes the place of.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: u64,
    /// What stands first instead of them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Tokens of the whole request before.
    pub tokens_before: u64,
    /// Tokens after; always our estimate.
    pub tokens_after: u64,
    /// Whether `tokens_before` is our estimate too, in part or whole.
    pub estimated: bool,
}

/// A result of a call as models read it from now on. The whole stays in the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShortOutput {
    /// The call.
    pub id: CallId,
    /// What takes the place of its output.
    pub output: String,
}

/// Words to a model that are not its own, as models read them from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShortPrompt {
    /// Which message of the conversation before this shortening, from 0.
    pub at: u64,
    /// What takes its place.
    pub text: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
