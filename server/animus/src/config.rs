//! Settings: everything a person can configure, in layers: defaults < user file < editor's settings < project file
//! (only tightens) < environment.

mod check;
mod editor;
mod env;
mod load;
mod project;
mod schema;
mod stated;
mod suggest;
mod tree;
mod workspaces;

pub use load::{Loaded, Places, load};
pub use schema::Schema;
pub use suggest::question;
pub use workspaces::Project;

use protocol::{Code, Failure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The settings; every key of the configuration file.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Animus configuration")]
pub struct Settings {
    /// Version of the file's format: 1.
    pub version: Option<Version>,
    /// What the program writes to stderr about itself.
    pub logging: Logging,
    /// The network door (`animus serve`).
    pub server: rpc::Config,
    /// Model servers by a name of your choice.
    pub providers: BTreeMap<String, llm::ProviderConfig>,
    /// Models by a name of your choice.
    pub models: BTreeMap<String, llm::ModelConfig>,
    /// Which model does what.
    pub strategy: llm::StrategyConfig,
    /// What models may cost.
    pub budget: llm::Budget,
    /// What commands may do.
    pub sandbox: sandbox::Config,
    /// What the agent's tools may do.
    pub tools: agent::ToolsConfig,
    /// What is remembered of a project.
    pub memory: agent::MemoryConfig,
    /// Suggestions at the cursor while you type.
    pub completion: agent::CompletionConfig,
    /// How the agent works.
    pub agent: agent::Config,
    /// Traces for an OpenTelemetry collector.
    pub telemetry: rpc::traces::Config,
    /// Settings of one folder and what lies below it, by its path (absolute, or below `~/`).
    pub projects: BTreeMap<String, Project>,
}

/// A version, as a number or as text.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Version {
    /// `1`
    Number(u32),
    /// `"1"` or `"1.0"`
    Text(String),
}

/// What the program writes to stderr about itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Logging {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: LogLevel,
    /// `text` or `json`.
    pub format: LogFormat,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Failures only.
    Error,
    /// What should be looked at.
    #[default]
    #[serde(alias = "warning")]
    Warn,
    /// What happens.
    Info,
    /// How.
    Debug,
    /// Everything.
    Trace,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    #[serde(alias = "console", alias = "plain")]
    Text,
    /// One JSON object a line.
    Json,
}

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub origin: tree::Origin,
    /// Which key, levels joined by `.`; empty for the file as a whole.
    pub key: String,
    /// What is wrong, and what was probably meant.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.origin, self.message),
            key => write!(f, "{}: `{key}`: {}", self.origin, self.message),
        }
    }
}

/// All problems as the one failure that the doors show.
pub fn failure(problems: &[Problem]) -> Failure {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    Failure::new(Code::Config, lines.join("\n"))
        .hint("mend the configuration, then look at it with `animus config check`; all keys: `animus config schema`")
}

#[cfg(test)]
mod tests;
