//! TestReport: one run of the tests in the scratch tree.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestVerdict {
    /// Started.
    Running,
    /// The command exited with 0.
    Passed,
    /// It ran and did not pass.
    Failed,
    /// It could not run to an end (timeout, sandbox, no such program).
    Broken,
}

/// What ran, on what, and what came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestReport {
    /// How it ended.
    pub verdict: TestVerdict,
    /// The command line that ran.
    pub command: String,
    /// Revision of the draft that it ran on; a verdict counts only for that revision.
    pub revision: u64,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Exit code where it exited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Tests that passed, where the output says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<u32>,
    /// Tests that failed, where the output says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<u32>,
    /// Names of failing tests, where the output says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failing: Vec<String>,
    /// The end of its output, bounded.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
    /// What confined it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enforced_by: Vec<String>,
    /// Measured wall time in milliseconds.
    pub duration_ms: u64,
}
