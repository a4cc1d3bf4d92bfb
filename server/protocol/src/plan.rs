//! Plan: the steps a task means to take, each with a state. Statuses are the Agent Client Protocol's words.

use crate::Recalled;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Not begun.
    #[default]
    Pending,
    /// Being worked on.
    InProgress,
    /// Done.
    Completed,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What will be done, one sentence.
    pub content: String,
    /// Where it stands.
    #[serde(default)]
    pub status: StepStatus,
}

/// The steps in order. A later plan replaces the earlier one whole.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The steps; none before the model has stated any.
    pub entries: Vec<Step>,
    /// What earlier tasks and people left to know about the project, as far as this task was shown it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recalled: Vec<Recalled>,
}
