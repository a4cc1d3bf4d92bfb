//! TestReport: one run of the tests in the scratch tree.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestVerdict {
    /// Started.
    Running,
    /// The command exited with 0, or what fails failed before the patch as well.
    Passed,
    /// It ran and did not pass.
    Failed,
    /// It could not run to an end (timeout, sandbox, no such program).
    Broken,
}

/// What the patch has to do with a failing test.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It passed before the patch, or was not there.
    Introduced,
    /// It failed before the patch as well.
    PreExisting,
    /// It failed, and passed when the same files were tested again.
    Flaky,
    /// It failed before the patch and passes now.
    Fixed,
}

/// A test that fails, or that the patch fixed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestFailure {
    /// What the runner calls it; `build` for a build that broke.
    pub name: String,
    /// What the patch has to do with it.
    pub standing: Standing,
    /// What was wrong, bounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The workspace's file where it failed, relative to the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The line there in the tested text, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// How many tests have which standing; more than are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Standings {
    /// See [`Standing::Introduced`].
    pub introduced: u32,
    /// See [`Standing::PreExisting`].
    pub pre_existing: u32,
    /// See [`Standing::Flaky`].
    pub flaky: u32,
    /// See [`Standing::Fixed`].
    pub fixed: u32,
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
    /// The failing tests with what the patch has to do with them, the introduced ones first, and those that it fixed; at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<TestFailure>,
    /// How many there are of each, where the tests were compared with those of the files without the patch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standings: Option<Standings>,
    /// The end of its output, bounded.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
    /// What confined it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enforced_by: Vec<String>,
    /// Measured wall time in milliseconds.
    pub duration_ms: u64,
}
