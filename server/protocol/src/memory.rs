//! Memory: one thing that is known of a project beyond a single task: said by a person, or seen by the agent. It is material for
//! models, never an instruction, and allows nothing.

use crate::TaskId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a memory is about.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum MemoryKind {
    /// Anything worth knowing.
    #[default]
    Note,
    /// What made something right that was wrong.
    Fix,
    /// How things are done here.
    Convention,
    /// A command that works here.
    Command,
}

/// Who said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemoryAuthor {
    /// A person.
    Person,
    /// The agent, or the model that it asked.
    Agent,
}

/// One thing that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// Names it.
    pub id: String,
    /// What it is about.
    pub kind: MemoryKind,
    /// The words: one line, without keys and hidden characters.
    pub text: String,
    /// Files and folders that it is about, relative to the workspace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Who said so.
    pub by: MemoryAuthor,
    /// The task that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// When it was first kept, RFC 3339 in UTC.
    pub created: String,
    /// How many tasks it was shown to.
    #[serde(default)]
    pub used: u64,
}

/// A memory that a task was shown, as its plan tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Recalled {
    /// The memory's id.
    pub id: String,
    /// What it is about.
    pub kind: MemoryKind,
    /// Its words.
    pub text: String,
}

impl MemoryKind {
    /// Every kind.
    pub const ALL: [MemoryKind; 4] = [
        MemoryKind::Note,
        MemoryKind::Fix,
        MemoryKind::Convention,
        MemoryKind::Command,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            MemoryKind::Note => "note",
            MemoryKind::Fix => "fix",
            MemoryKind::Convention => "convention",
            MemoryKind::Command => "command",
        }
    }

    /// The kind that a word names.
    pub fn parse(word: &str) -> Option<MemoryKind> {
        MemoryKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for MemoryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl MemoryAuthor {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            MemoryAuthor::Person => "person",
            MemoryAuthor::Agent => "agent",
        }
    }
}

impl From<&Memory> for Recalled {
    fn from(memory: &Memory) -> Recalled {
        Recalled {
            id: memory.id.clone(),
            kind: memory.kind,
            text: memory.text.clone(),
        }
    }
}
