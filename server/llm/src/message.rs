//! `Request`: what is asked of a model, in no server's dialect.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The job that a model is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Makes the plan.
    Planner,
    /// Calls tools and writes patches.
    Coder,
    /// Judges a patch.
    Critic,
    /// Shortens a history.
    Summariser,
    /// Fills the gap at the cursor while a person types; answers only where a model is named for it.
    Completer,
}

/// One message of the conversation, oldest first; the system prompt is apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Message {
    /// The user, or the agent on the user's behalf.
    User {
        /// What was said.
        text: String,
    },
    /// An earlier reply of the model.
    Assistant {
        /// What was said; may be empty beside calls.
        text: String,
        /// Tools it asked for.
        calls: Vec<Call>,
        /// What its server wants back with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        carry: Option<Carry>,
    },
    /// The result of one call; follows the message with that call.
    Tool {
        /// The id of the call.
        id: String,
        /// The name of the tool.
        name: String,
        /// What the tool said.
        output: String,
        /// Whether the tool failed.
        failed: bool,
    },
}

/// What a server wants back with an earlier reply of its own, unread: signatures of thoughts, encrypted reasoning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carry {
    /// `provider/model` that gave it; nobody else gets it.
    pub model: String,
    /// In the dialect of that server; null where only its ids of calls are its own.
    pub value: serde_json::Value,
}

/// A tool that the model wants to be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Unique in its conversation.
    pub id: String,
    /// As in [`ToolSpec::name`].
    pub name: String,
    /// Everything the model sent as arguments: JSON text as a rule, but models err, so the caller validates. Never cut short.
    pub arguments: String,
}

/// A tool that the model may ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// Any text; characters that a server refuses are mapped on the wire and back.
    pub name: String,
    /// For the model.
    pub description: String,
    /// JSON Schema of the arguments, an object.
    pub schema: serde_json::Value,
}

/// One question.
#[derive(Debug, Clone)]
pub struct Request {
    /// The system prompt.
    pub system: Arc<str>,
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// The tools on offer.
    pub tools: Arc<[ToolSpec]>,
    /// JSON Schema that the text of the answer must fit; asked of servers that offer it, so the caller checks all the same.
    pub answer_schema: Option<Arc<serde_json::Value>>,
    /// Limit of output tokens; the smallest of this and the configured ones counts.
    pub max_tokens: Option<u32>,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 5] = [
        Role::Planner,
        Role::Coder,
        Role::Critic,
        Role::Summariser,
        Role::Completer,
    ];

    /// The role in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Planner => "planner",
            Role::Coder => "coder",
            Role::Critic => "critic",
            Role::Summariser => "summariser",
            Role::Completer => "completer",
        }
    }
}

impl Message {
    /// What was said or returned.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Message::User { text } | Message::Assistant { text, .. } => text,
            Message::Tool { output, .. } => output,
        }
    }
}
