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
    /// Yes, and not to be asked again for the same thing within a [`Scope`]; this session where none is named.
    AllowAlways,
    /// No, this time.
    RejectOnce,
    /// No, and not to be asked again in this session.
    RejectAlways,
}

/// How far an answer reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// This call.
    Once,
    /// This session, also after it is resumed.
    Session,
    /// Every session in this workspace, until it is taken back.
    Workspace,
    /// Every workspace of this user, until it is taken back.
    Always,
}

/// An answer that a question takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalOption {
    /// What it says.
    pub kind: PermissionOption,
    /// How far it reaches.
    pub scope: Scope,
    /// For a button: one line that says what is allowed, and for how long.
    pub name: String,
}

/// Commands that an answer beyond `once` covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Covered {
    /// The program, absolute.
    pub program: String,
    /// The words that must come first after it.
    pub prefix: Vec<String>,
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
    /// The call it is about; absent where the task itself asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
    /// One line for a person.
    pub title: String,
    /// What exactly would be done: parsed commands, one a line, control characters made visible.
    pub details: Vec<String>,
    /// Why policy asks.
    pub reasons: Vec<String>,
    /// The answers that it takes, the narrowest yes first, the noes last.
    #[serde(default)]
    pub options: Vec<ApprovalOption>,
    /// The commands that a yes beyond `once` covers; empty where that is exactly these details.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<Covered>,
    /// Where it stands.
    pub state: ApprovalState,
    /// Seconds until no answer means no: when it was asked, and in a list those that are left.
    pub deadline_seconds: u64,
}
