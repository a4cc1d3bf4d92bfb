//! ModelCall: one attempt at one model, over: who was asked, how it ended and how long it took. Beside it, what stands between
//! the agent and a model: a breaker, a budget.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One attempt. A call of the agent is one or more of them: retries at one model, then the fallbacks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelCall {
    /// `planner`, `coder`, `critic` or `summariser`.
    pub role: String,
    /// Who was asked, as `provider/model`.
    pub model: String,
    /// Number of the attempt at this model within the call, from 1.
    pub attempt: u32,
    /// `answered`, or the class of the failure (docs/models.md lists them).
    pub outcome: String,
    /// What failed, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Milliseconds to the first piece of the answer; absent where none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_piece_ms: Option<u64>,
    /// Milliseconds until it was over.
    pub duration_ms: u64,
}

/// What a breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Every call.
    Closed,
    /// One call, as a probe.
    HalfOpen,
    /// None.
    Open,
}

/// How a budget stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BudgetState {
    /// It comes to its end.
    Warning,
    /// It does not allow the next call.
    Exhausted,
    /// A person raised it.
    Raised,
}
