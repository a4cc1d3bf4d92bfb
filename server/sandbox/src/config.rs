//! `Config`: the `sandbox` section of the configuration. Invariant: its default is the strict one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `sandbox` section.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Confine commands by the kernel. Off: process-tree kill, timeout and limits only, and every execution says so.
    pub enabled: bool,
    /// Let test commands reach the network. Other phases never do.
    pub allow_network: bool,
    /// Let commands that write be judged by their targets; off: each of them asks.
    pub allow_write: bool,
    /// Commands that run without a question: program name and leading words, such as `cargo test`.
    pub allowed_commands: Vec<String>,
    /// Commands that never run: program name and leading words, such as `git push`. Stronger than every allowance.
    pub denied_commands: Vec<String>,
    /// Folder in which commands start, relative to the workspace; empty: the workspace itself.
    pub working_dir: Option<String>,
    /// Longest time for one command, seconds, at least 1.
    pub timeout_seconds: u64,
    /// What to do where the kernel cannot confine.
    pub degrade: Degrade,
}

/// What to do when a needed layer of confinement is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Degrade {
    /// Run nothing, and say what is missing.
    #[default]
    Refuse,
    /// Run with what is there, and say in each execution what that was.
    Allow,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            enabled: true,
            allow_network: false,
            allow_write: true,
            allowed_commands: Vec::new(),
            denied_commands: Vec::new(),
            working_dir: None,
            timeout_seconds: 120,
            degrade: Degrade::Refuse,
        }
    }
}
