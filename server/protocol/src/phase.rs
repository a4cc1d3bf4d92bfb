//! Phase: where a task stands. The transitions between phases are the agent's (`agent::phase`); here are only the words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A step of the task's life, in the order a plain task passes through them.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The request is read and bounded.
    Intake,
    /// What the model must see is gathered.
    Context,
    /// The model states its steps; nothing may change.
    Plan,
    /// The model works on the draft.
    Act,
    /// A tool runs for the model.
    Tool,
    /// The draft is checked for damage before anybody judges it.
    Check,
    /// The critic reads the diff.
    Reflect,
    /// The tests run in the scratch tree.
    Test,
    /// Findings or failing tests go back to the model.
    Repair,
    /// The patch is shown.
    Propose,
    /// The patch becomes the user's files: one transaction, no model.
    Land,
    /// Waiting for a person, a budget or a rate limit.
    Waiting,
    /// The end; the finish reason says which.
    Finished,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Phase; 13] = [
        Phase::Intake,
        Phase::Context,
        Phase::Plan,
        Phase::Act,
        Phase::Tool,
        Phase::Check,
        Phase::Reflect,
        Phase::Test,
        Phase::Repair,
        Phase::Propose,
        Phase::Land,
        Phase::Waiting,
        Phase::Finished,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Intake => "intake",
            Phase::Context => "context",
            Phase::Plan => "plan",
            Phase::Act => "act",
            Phase::Tool => "tool",
            Phase::Check => "check",
            Phase::Reflect => "reflect",
            Phase::Test => "test",
            Phase::Repair => "repair",
            Phase::Propose => "propose",
            Phase::Land => "land",
            Phase::Waiting => "waiting",
            Phase::Finished => "finished",
        }
    }

    /// The phase of a word, if it is one.
    pub fn parse(word: &str) -> Option<Phase> {
        Phase::ALL.into_iter().find(|phase| phase.as_str() == word)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
