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
    /// Rules with examples. The strictest that matches wins, also against the built-in ones: deny, then ask, then allow.
    pub rules: Vec<CommandRule>,
    /// Folder in which commands start, relative to the workspace; empty: the workspace itself.
    pub working_dir: Option<String>,
    /// Longest time for one command, seconds, at least 1.
    pub timeout_seconds: u64,
    /// Most memory for one command with all that it starts, MiB, at least 16. Default: half of the machine's, but at least 2048
    /// and at most 8192.
    pub memory_mb: u64,
    /// What to do where the kernel cannot confine.
    pub degrade: Degrade,
}

/// One rule about commands that begin with certain words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandRule {
    /// What becomes of them.
    pub decision: RuleDecision,
    /// The program's name and leading words; a list in the place of a word holds alternatives: `[git, [push, fetch]]`.
    pub prefix: Vec<RuleWord>,
    /// Lines that the rule must take; checked when the configuration is read.
    #[serde(default)]
    pub r#match: Vec<String>,
    /// Lines that the rule must leave alone; checked when the configuration is read.
    #[serde(default)]
    pub not_match: Vec<String>,
    /// Shown with the decision.
    #[serde(default)]
    pub reason: Option<String>,
}

impl CommandRule {
    /// Whether the rule can only make policy stricter, so that a project's file may have it.
    pub fn tightens(&self) -> bool {
        matches!(self.decision, RuleDecision::Ask | RuleDecision::Deny)
    }
}

/// What a rule decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleDecision {
    /// Runs without a question, as long as its words name no secret, protected or outside path.
    Allow,
    /// A person decides each time.
    Ask,
    /// Never runs.
    Deny,
}

/// A word of a rule's prefix.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RuleWord {
    /// This word.
    One(String),
    /// Any of these words.
    Either(Vec<String>),
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
            rules: Vec::new(),
            working_dir: None,
            timeout_seconds: 120,
            memory_mb: half_of_memory(),
            degrade: Degrade::Refuse,
        }
    }
}

/// MiB, within bounds that suit a build.
fn half_of_memory() -> u64 {
    let count = |name| u64::try_from(unsafe { libc::sysconf(name) }).unwrap_or(0);
    let bytes = count(libc::_SC_PHYS_PAGES).saturating_mul(count(libc::_SC_PAGESIZE));
    ((bytes / 2) >> 20).clamp(2048, 8192)
}
