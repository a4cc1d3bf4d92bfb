//! Approval: a question to a person about one action. No answer in time means no.

use crate::{ApprovalId, CallId, TaskId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answers, in the Agent Client Protocol's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PermissionOption {
    /// Yes, this time.
    AllowOnce,
    /// Yes, and not to be asked again for the same thing in this session.
    AllowAlways,
    /// No, this time.
    RejectOnce,
    /// No, and not to be asked again in this session.
    RejectAlways,
}

/// Where the question stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// Waits for an answer.
    Pending,
    /// Answered yes.
    Allowed,
    /// Answered no, or not in time, or the task ended.
    Rejected,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// Names the question.
    pub id: ApprovalId,
    /// The task that asks.
    pub task: TaskId,
    /// The call it is about.
    pub call: CallId,
    /// One line for a person.
    pub title: String,
    /// What exactly would be done: parsed commands, one a line, control characters made visible.
    pub details: Vec<String>,
    /// Why policy asks.
    pub reasons: Vec<String>,
    /// Where it stands.
    pub state: ApprovalState,
    /// Seconds until no answer means no.
    pub deadline_seconds: u64,
}
