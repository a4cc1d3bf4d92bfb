//! Peers: the processes that have one workspace open, met at one socket. One leads and the others join it; each tells its tasks
//! to all and carries out what is said to them. When the leader dies, another one leads, and every task goes on.

mod client;
mod hub;
mod join;
mod roll;
mod wire;

pub use client::{Client, Told};

use agent::Agent;
use std::time::Duration;

/// How long a process that found nobody waits before it looks again.
const AGAIN: Duration = Duration::from_millis(100);

/// Longest wait where there is no way to meet.
const LONGEST: Duration = Duration::from_secs(30);

/// What kind of process one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// A language server: it stays, and has the editor's unsaved text.
    Lsp,
    /// A server for programs: it stays.
    Serve,
    /// A terminal: it leaves with its task.
    Run,
}

impl Door {
    /// Whether tasks of others can be worked on there.
    fn stays(self) -> bool {
        matches!(self, Door::Lsp | Door::Serve)
    }
}

/// What a process says of itself.
#[derive(Debug, Clone)]
pub struct Member {
    /// What it is.
    pub door: Door,
    /// Stands for the version and all of the configuration: tasks are handed over between equals only.
    pub config: String,
}

/// Meets the others for as long as the future lives.
pub async fn meet(agent: Agent, member: Member) {
    let mut wait = AGAIN;
    loop {
        let met = match agent.lead() {
            Ok(Some(lead)) => hub::lead(&agent, &member, lead).await,
            Ok(None) => join::join(&agent, &member).await,
            Err(failure) => {
                tracing::debug!("{failure}");
                Met::Not
            }
        };
        wait = match met {
            Met::Yes => AGAIN,
            Met::Not => (wait * 2).min(LONGEST),
        };
        tokio::time::sleep(wait).await;
    }
}

/// Whether anybody was met before it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    Yes,
    Not,
}
