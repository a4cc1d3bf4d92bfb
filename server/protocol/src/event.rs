//! Event: one fact about a task. `seq` has no gaps, and exactly one `finished` a task is the last (P1).

use crate::{
    Approval, ApprovalId, ApprovalState, BreakerState, BudgetState, Compaction, Critique,
    EditReply, Failure, FinishReason, ModelCall, PatchState, PatchView, Phase, Plan, Scope,
    SessionId, TaskId, TaskRequest, TestReport, ToolCall, ToolResult, Usage,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The major version of the event stream.
pub const PROTOCOL_VERSION: u32 = 1;

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// [`PROTOCOL_VERSION`].
    pub v: u32,
    /// The task it belongs to.
    pub task: TaskId,
    /// The task's session.
    pub session: SessionId,
    /// Number within the task, from 0, without gaps.
    pub seq: u64,
    /// When, RFC 3339 in UTC with milliseconds.
    pub ts: String,
    /// What.
    pub update: Update,
}

/// Who wrote a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// A person.
    User,
    /// The agent itself, to keep the model going.
    Agent,
}

/// How loud a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warning,
    /// Something failed.
    Error,
}

/// What a task waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// A person's answer.
    Approval,
    /// A rate limit or a retry; `seconds` counts.
    RateLimit,
    /// Money.
    Budget,
}

/// What happened. Text of `message` and `thought` comes in pieces: join them in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Update {
    /// The task began.
    Started {
        /// What was asked.
        request: TaskRequest,
        /// The workspace's absolute path.
        root: String,
        /// The coder's model, as `provider/model`.
        model: String,
        /// Whether the model's answers come from a script.
        scripted: bool,
    },
    /// The task entered a phase.
    Phase {
        /// The new phase.
        phase: Phase,
        /// The phase before.
        from: Phase,
    },
    /// Words to the model that are not its own.
    Prompt {
        /// Who wrote them.
        by: Speaker,
        /// The words.
        text: String,
    },
    /// The plan, whole.
    Plan {
        /// Its steps.
        plan: Plan,
    },
    /// A piece of the model's answer.
    Message {
        /// The piece.
        text: String,
    },
    /// A piece of the model's reasoning.
    Thought {
        /// The piece.
        text: String,
    },
    /// The model's turn is over: what it said since the last turn is one message.
    Turn {
        /// Number of the turn in the task, from 1; 0 where the request asked for the calls.
        turn: u32,
        /// What the model said in this turn, where that is less than the pieces told: without the calls that it wrote into its text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// What the server wants back with this turn: opaque, for the model that said it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        carry: Option<serde_json::Value>,
    },
    /// A tool was called.
    ToolCall {
        /// The call.
        call: ToolCall,
    },
    /// A tool answered.
    ToolResult {
        /// The answer.
        result: ToolResult,
    },
    /// The draft changed.
    Draft {
        /// Revision of the draft, counting from 1.
        revision: u64,
        /// Paths that differ from the snapshot.
        paths: Vec<String>,
        /// Unified diff of what this change did.
        diff: String,
    },
    /// The critic spoke.
    Critique {
        /// What it said.
        critique: Critique,
    },
    /// A test run began or ended.
    Test {
        /// The run.
        report: TestReport,
    },
    /// A person is asked.
    Approval {
        /// The question.
        approval: Approval,
    },
    /// A question was answered.
    ApprovalResolved {
        /// Which.
        id: ApprovalId,
        /// How.
        state: ApprovalState,
        /// How far the answer reaches; absent where nobody answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scope: Option<Scope>,
    },
    /// The task waits.
    Waiting {
        /// For what.
        wait: Wait,
        /// For how long at most, in seconds, where known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<u64>,
        /// For a person.
        message: String,
    },
    /// An attempt at a model is over.
    ModelCall {
        /// How.
        call: ModelCall,
    },
    /// A model failed or may not be asked, and the next one is.
    Fallback {
        /// `planner`, `coder`, `critic` or `summariser`.
        role: String,
        /// Who failed, as `provider/model`.
        from: String,
        /// Who is asked now.
        to: String,
        /// Why, for a person.
        message: String,
    },
    /// A model that fails too often is left alone for a while, or is asked again.
    Breaker {
        /// As `provider/model`.
        model: String,
        /// What is let through now.
        state: BreakerState,
    },
    /// Money comes to its end, is used up, or a person gave more.
    Budget {
        /// What the budget is for: `run`, `session`, `day`, or a role.
        scope: String,
        /// How it stands.
        state: BudgetState,
        /// Millionths of a US dollar that were spent.
        spent_micro_usd: u64,
        /// Millionths of a US dollar that may be spent.
        limit_micro_usd: u64,
    },
    /// A model call ended, answered or not, and used this much.
    Usage {
        /// How much.
        usage: Usage,
    },
    /// An edit of the model could be applied, or not.
    EditReply {
        /// In which form it was, and what became of it.
        reply: EditReply,
    },
    /// The conversation was shortened: models are sent this from here on.
    Compacted {
        /// How.
        compaction: Compaction,
    },
    /// The patch, when proposed and when its state changes.
    Patch {
        /// The patch with its diff.
        patch: PatchView,
    },
    /// The patch's state changed within the task.
    PatchState {
        /// The new state.
        state: PatchState,
        /// Paths that changed in the user's files.
        paths: Vec<String>,
    },
    /// Something worth knowing.
    Notice {
        /// How loud.
        level: Level,
        /// For a person.
        message: String,
        /// What to do about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
    /// The end.
    Finished {
        /// How.
        reason: FinishReason,
        /// The exit code of `animus run`.
        exit_code: u8,
        /// One or two sentences for a person.
        summary: String,
        /// What went wrong, if something did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
        /// Tokens and money of the whole task; `role` and `model` are empty.
        usage: Usage,
        /// Measured wall time in milliseconds.
        duration_ms: u64,
    },
}
