//! Task: one request of a person, and how it ended.

use crate::{PatchId, Phase, Plan, SessionId, TaskId, Usage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What kind of work is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Whatever the prompt says.
    #[default]
    Do,
    /// Change the structure, keep the behaviour.
    Refactor,
    /// Make a diagnostic go away by mending its cause.
    Fix,
    /// Write documentation comments.
    Document,
    /// Write tests.
    Tests,
    /// Answer in words; no edit is expected.
    Explain,
}

/// What to do with a patch once it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LandMode {
    /// Bring it into the files at once; it can be undone.
    Auto,
    /// Leave it proposed until somebody accepts it.
    Review,
}

/// The place in the code that a request is about.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Relative to the workspace, `/` between parts.
    pub path: String,
    /// First line, from 1.
    pub start_line: u32,
    /// Last line, from 1, inclusive.
    pub end_line: u32,
    /// The symbol there, if the caller knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// Diagnostics there, as `severity: message`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<String>,
}

/// A call that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskedCall {
    /// The tool, by our name or by that of the original program.
    pub name: String,
    /// Its arguments, an object.
    #[serde(default)]
    pub args: serde_json::Value,
}

/// A request. Only `prompt` or a target with an intent is needed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TaskRequest {
    /// What to do, in plain words.
    #[serde(default)]
    pub prompt: String,
    /// What kind of work it is.
    #[serde(default)]
    pub intent: Intent,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// Files and folders the model should see, relative to the workspace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<String>,
    /// Go on in this session; a new one where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// What to do with the patch; the configured way where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub land: Option<LandMode>,
    /// Coder model for this run, a name of the config's `models`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Planner model for this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planner_model: Option<String>,
    /// Critic model for this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critic_model: Option<String>,
    /// Most that this run may cost, in millionths of a US dollar; a lower cap of the configuration holds all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_micro_usd: Option<u64>,
    /// Calls that run before the model's first turn, under the same policy as its own; it is shown what they gave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<AskedCall>,
    /// Test command for this run, judged by policy like any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_command: Option<String>,
}

/// How a task ended: a closed set, one exit code each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// A green test run newer than the last change.
    Verified,
    /// Nothing had to change; the answer is in the messages.
    NoChange,
    /// There is a patch, and no green test run stands behind it.
    Unverified,
    /// The tests fail on the patch; the files are as they were.
    TestFailed,
    /// The critic found something critical; the files are as they were.
    BlockedByCritic,
    /// The step limit.
    MaxSteps,
    /// The same calls with the same results, over and over.
    LoopDetected,
    /// The budget.
    BudgetExhausted,
    /// The model's server.
    ProviderError,
    /// The model's server says to slow down for longer than we wait.
    RateLimited,
    /// A person must decide: an approval was not given, or the patch did not merge with newer edits.
    NeedsUser,
    /// The sandbox cannot give what is required.
    SandboxUnavailable,
    /// A configuration file is wrong.
    ConfigError,
    /// Somebody cancelled.
    Cancelled,
    /// A defect of ours.
    Internal,
}

impl FinishReason {
    /// Every reason.
    pub const ALL: [FinishReason; 15] = [
        FinishReason::Verified,
        FinishReason::NoChange,
        FinishReason::Unverified,
        FinishReason::TestFailed,
        FinishReason::BlockedByCritic,
        FinishReason::MaxSteps,
        FinishReason::LoopDetected,
        FinishReason::BudgetExhausted,
        FinishReason::ProviderError,
        FinishReason::RateLimited,
        FinishReason::NeedsUser,
        FinishReason::SandboxUnavailable,
        FinishReason::ConfigError,
        FinishReason::Cancelled,
        FinishReason::Internal,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            FinishReason::Verified => "verified",
            FinishReason::NoChange => "no_change",
            FinishReason::Unverified => "unverified",
            FinishReason::TestFailed => "test_failed",
            FinishReason::BlockedByCritic => "blocked_by_critic",
            FinishReason::MaxSteps => "max_steps",
            FinishReason::LoopDetected => "loop_detected",
            FinishReason::BudgetExhausted => "budget_exhausted",
            FinishReason::ProviderError => "provider_error",
            FinishReason::RateLimited => "rate_limited",
            FinishReason::NeedsUser => "needs_user",
            FinishReason::SandboxUnavailable => "sandbox_unavailable",
            FinishReason::ConfigError => "config_error",
            FinishReason::Cancelled => "cancelled",
            FinishReason::Internal => "internal",
        }
    }

    /// The exit code of `animus run`.
    pub fn exit_code(self) -> u8 {
        match self {
            FinishReason::Verified | FinishReason::NoChange => 0,
            FinishReason::Unverified => 3,
            FinishReason::TestFailed => 4,
            FinishReason::BlockedByCritic => 5,
            FinishReason::MaxSteps | FinishReason::LoopDetected => 6,
            FinishReason::BudgetExhausted => 7,
            FinishReason::ProviderError | FinishReason::RateLimited => 8,
            FinishReason::NeedsUser => 9,
            FinishReason::SandboxUnavailable => 10,
            FinishReason::ConfigError => 11,
            FinishReason::Cancelled => 130,
            FinishReason::Internal => 70,
        }
    }
}

impl fmt::Display for FinishReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A task as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskView {
    /// Names the task.
    pub id: TaskId,
    /// Its session.
    pub session: SessionId,
    /// One line for a person.
    pub title: String,
    /// Where it stands.
    pub phase: Phase,
    /// How it ended, once it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<FinishReason>,
    /// The coder's model, as `provider/model`; absent before it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What it has used so far, of all models; `role` and `model` are empty. Without a cost where the price of a call is not
    /// known; absent before the first call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Its latest plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// Its patch, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<PatchId>,
    /// When it began, RFC 3339 in UTC.
    pub created: String,
    /// Sequence number of its latest event.
    pub seq: u64,
}
