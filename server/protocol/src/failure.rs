//! Failure: why something did not happen. Programs match on `code` only (P3); `message` and `hint` are for people.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The closed set of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request, arguments or tool input are wrong; every violation is in the message.
    InvalidInput,
    /// No such task, session, patch, tool, file or verb.
    NotFound,
    /// The path leaves the workspace or is otherwise not ours to touch.
    PathRefused,
    /// The tool may not run in this phase.
    PhaseRefused,
    /// Policy or a person said no.
    Denied,
    /// The base changed since it was read and does not merge.
    Stale,
    /// A hunk does not match exactly one place.
    NoMatch,
    /// The file is binary, too large or not text in a known encoding.
    Unreadable,
    /// The command ended badly.
    CommandFailed,
    /// A deadline passed.
    Timeout,
    /// Somebody cancelled.
    Cancelled,
    /// The sandbox cannot give what is required.
    SandboxUnavailable,
    /// The model's server refused the key.
    Auth,
    /// The model's server says to slow down.
    RateLimited,
    /// The money or token budget is used up.
    BudgetExhausted,
    /// The model's server failed or answered nonsense.
    Provider,
    /// A configuration file is wrong; line and key are in the message.
    Config,
    /// The editor did not take the edit.
    EditRefused,
    /// Reading or writing failed.
    Io,
    /// A defect of ours.
    Internal,
}

impl Code {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::InvalidInput => "invalid_input",
            Code::NotFound => "not_found",
            Code::PathRefused => "path_refused",
            Code::PhaseRefused => "phase_refused",
            Code::Denied => "denied",
            Code::Stale => "stale",
            Code::NoMatch => "no_match",
            Code::Unreadable => "unreadable",
            Code::CommandFailed => "command_failed",
            Code::Timeout => "timeout",
            Code::Cancelled => "cancelled",
            Code::SandboxUnavailable => "sandbox_unavailable",
            Code::Auth => "auth",
            Code::RateLimited => "rate_limited",
            Code::BudgetExhausted => "budget_exhausted",
            Code::Provider => "provider",
            Code::Config => "config",
            Code::EditRefused => "edit_refused",
            Code::Io => "io",
            Code::Internal => "internal",
        }
    }
}

/// What went wrong and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// For programs.
    pub code: Code,
    /// For people: what happened.
    pub message: String,
    /// For people: what to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
        }
    }

    /// The same failure, saying what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hint {
            Some(hint) => write!(f, "{} ({hint})", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Failure {}
