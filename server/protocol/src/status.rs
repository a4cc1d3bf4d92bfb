//! StatusView: what the server is and can do right now.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A model that a role would use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelView {
    /// `planner`, `coder`, `critic` or `summariser`.
    pub role: String,
    /// Name in the config.
    pub name: String,
    /// As `provider/model`.
    pub model: String,
    /// Whether its answers come from a script.
    pub scripted: bool,
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
    /// Why no task could start, if none can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}
