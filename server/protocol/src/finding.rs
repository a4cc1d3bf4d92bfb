//! Critique: what the critic says of a diff, as findings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Should be looked at.
    Warning,
    /// Must not land; blocks under `block_on_critical` (A4).
    Critical,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, for a person.
    pub message: String,
    /// File, relative to the workspace, `/` between parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Line in the patched file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// The critic's verdict.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Critique {
    /// The critic's own word for the whole: `good`, `fair`, `poor`, or `unknown` where its answer could not be read.
    pub quality: String,
    /// The findings, as the critic ordered them.
    pub findings: Vec<Finding>,
    /// Anything else it said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
}

impl Critique {
    /// Whether any finding is critical.
    pub fn is_critical(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.severity == Severity::Critical)
    }
}
