//! StatusView: what the server is and can do right now.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A model that a role would use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelView {
    /// `planner`, `coder`, `critic`, `summariser` or `completer`.
    pub role: String,
    /// Name in the config.
    pub name: String,
    /// As `provider/model`.
    pub model: String,
    /// Whether its answers come from a script.
    pub scripted: bool,
}

/// How far an index has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IndexState {
    /// Switched off.
    #[default]
    Off,
    /// Nothing was read yet: it begins with the first document or search.
    Idle,
    /// Files are being read; a search answers from those that were.
    Building,
    /// All files are in.
    Ready,
}

/// The index over the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IndexView {
    /// How far it is.
    pub state: IndexState,
    /// Files that it holds.
    pub files: u64,
    /// Files that it will hold; as many as `files` once it is ready.
    pub total: u64,
    /// Earlier commits whose messages it knows.
    pub commits: u64,
    /// Bytes of the files that it holds.
    pub bytes: u64,
    /// The vectors of its code, where a model for them is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<MeaningView>,
}

/// Vectors of the code in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeaningView {
    /// Regions that have one.
    pub done: u64,
    /// Regions that are to have one.
    pub total: u64,
    /// Tokens that the server says it read in this run, for regions and for questions.
    pub tokens: u64,
    /// Whether nothing is to be done at the moment.
    pub ready: bool,
    /// Whether the server failed, so that search goes on without new ones until the next start.
    pub failed: bool,
}

/// Suggestions at the cursor since the process began.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompletionView {
    /// `provider/model` that is asked first; none where no model is named for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Times that the model was asked.
    pub asked: u64,
    /// Of those, answered with something to suggest.
    pub suggested: u64,
    /// Answered with nothing that fits.
    pub empty: u64,
    /// Given up, mostly since a key was pressed.
    pub given_up: u64,
    /// Failed.
    pub failed: u64,
    /// Suggestions that were given again from memory, which asks nobody.
    pub remembered: u64,
    /// Millionths of a dollar, as far as the price is known.
    pub spent_micro_usd: u64,
    /// Calls whose price is not known.
    pub unpriced_calls: u64,
}

/// The server's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusView {
    /// Version of the program.
    pub version: String,
    /// The workspace's absolute path.
    pub root: String,
    /// What confines commands, strongest first.
    pub sandbox: Vec<String>,
    /// The roles' first candidates.
    pub models: Vec<ModelView>,
    /// Tasks that are running.
    pub running: u32,
    /// The index over the code.
    pub index: IndexView,
    /// Suggestions at the cursor, where they are enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion: Option<CompletionView>,
    /// Why no task could start, if none can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}
