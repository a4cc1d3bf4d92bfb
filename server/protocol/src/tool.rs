//! ToolCall and ToolResult: one use of a tool. Every call gets exactly one result, also on cancel and crash (A5).

use crate::{CallId, Failure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a tool does, in the Agent Client Protocol's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolKind {
    /// Reads files.
    Read,
    /// Changes the draft.
    Edit,
    /// Finds files, text or code.
    Search,
    /// Runs a command.
    Execute,
    /// Notes a plan or a thought.
    Think,
    /// Anything else.
    Other,
}

/// How a call stands, in the Agent Client Protocol's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolStatus {
    /// Announced.
    Pending,
    /// Running.
    InProgress,
    /// Ended well.
    Completed,
    /// Ended badly; `failure` says how.
    Failed,
}

/// A call as the model made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolCall {
    /// Names the call; its result carries the same id.
    pub id: CallId,
    /// The tool's name.
    pub name: String,
    /// What it does.
    pub kind: ToolKind,
    /// One line for a person.
    pub title: String,
    /// The arguments; a string where the model's JSON could not be parsed.
    pub input: serde_json::Value,
    /// The arguments to the byte as the model wrote them, where they are whole JSON and `input` would be written otherwise: what is
    /// sent back to it, so that its server finds the prefix it knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    /// What was wrong with the arguments as the model wrote them, and was put right before `input`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub healed: Vec<String>,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolResult {
    /// The call it answers.
    pub id: CallId,
    /// `completed` or `failed`.
    pub status: ToolStatus,
    /// The text that the model reads (UTF-8, bounded).
    pub output: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Exit code of the command, where one ran and exited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// What confined the command, strongest first; empty where nothing ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enforced_by: Vec<String>,
    /// Measured wall time in milliseconds.
    pub duration_ms: u64,
}
