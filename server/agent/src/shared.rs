//! Shared: what every task of one agent uses. Locks in here are never held across an await.

use crate::approvals::Approvals;
use crate::completion::Completion;
use crate::config::{Config, ToolsConfig};
use crate::edit_forms::Kept;
use crate::events::Log;
use crate::insight::{Insight, Verb};
use crate::knowledge::{Knowledge, Life};
use crate::memory::Memories;
use crate::patches::Patches;
use crate::peers::Peers;
use crate::tools::Toolbox;
use parking_lot::Mutex;
use protocol::{Failure, TaskId};
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// The parts.
pub struct Shared {
    /// The user's files.
    pub host: Arc<dyn workspace::Host>,
    /// Commands and writes.
    pub sandbox: Arc<sandbox::Sandbox>,
    /// Models, or why there are none.
    pub models: Result<Arc<llm::Models>, Failure>,
    /// This workspace's state folder.
    pub state: Arc<sandbox::Tree>,
    /// The `agent` section.
    pub config: Config,
    /// The test command that the workspace's own configuration asks for.
    pub wished_test_command: Option<String>,
    /// The `tools` section.
    pub tools: ToolsConfig,
    /// The whole configuration, secrets redacted.
    pub effective: Result<serde_json::Value, Failure>,
    /// Version of the program.
    pub version: String,
    /// The one list of events.
    pub log: Arc<Log>,
    /// Open questions.
    pub approvals: Approvals,
    /// The index.
    pub knowledge: Arc<Knowledge>,
    /// Suggestions at the cursor.
    pub(crate) completion: Arc<Completion>,
    /// Forms of edits, over tasks.
    pub(crate) edit_forms: Kept,
    /// What is known of the project beyond a task.
    pub(crate) memories: Memories,
    /// Proposed and landed patches.
    pub patches: Patches,
    /// The other processes of this workspace.
    pub(crate) peers: Peers,
    /// The editor, where one is attached that knows of the code.
    pub(crate) insight: OnceLock<Insight>,
    /// Running tasks.
    pub running: Mutex<HashMap<TaskId, Running>>,
    /// Set once; then no task starts any more. Read and set under `running`'s lock.
    pub closing: AtomicBool,
    /// Whether old sessions were looked for: once, on the first task.
    pub retained: AtomicBool,
    /// Compiled on the first task: starting a server must not pay for it.
    toolbox: OnceLock<Result<Toolbox, Failure>>,
}

/// How to reach a running task.
#[derive(Clone)]
pub struct Running {
    /// Ends it.
    pub cancel: CancellationToken,
    /// Words of a person for its next turn.
    pub steer: mpsc::UnboundedSender<String>,
    /// True once it is over and its children are gone.
    pub done: watch::Receiver<bool>,
}

impl Shared {
    /// Puts the parts together; reads and starts nothing.
    pub fn new(parts: crate::Parts) -> Shared {
        let knowledge = Arc::new(Knowledge::with_embeddings(
            parts.host.clone(),
            parts.tools.clone(),
            Some(parts.state.clone()),
            Life::Lasting,
            parts.embeddings,
        ));
        let log = Arc::new(Log::new());
        Shared {
            completion: Arc::new(Completion::new(
                parts.completion,
                parts.models.as_ref(),
                knowledge.clone(),
                log.clone(),
                parts.host.root().clone(),
            )),
            patches: Patches::new(parts.state.clone(), parts.host.clone(), parts.config.keep()),
            edit_forms: Kept::new(parts.state.clone()),
            memories: Memories::new(
                parts.state.clone(),
                parts.memory,
                parts.host.root().path().to_owned(),
            ),
            knowledge,
            host: parts.host,
            sandbox: parts.sandbox,
            models: parts.models,
            state: parts.state.clone(),
            config: parts.config,
            wished_test_command: parts.wished_test_command,
            tools: parts.tools,
            effective: parts.effective,
            version: parts.version,
            log,
            approvals: Approvals::new(parts.state.clone(), parts.home),
            peers: Peers::default(),
            insight: OnceLock::new(),
            running: Mutex::default(),
            closing: AtomicBool::new(false),
            retained: AtomicBool::new(false),
            toolbox: OnceLock::new(),
        }
    }

    /// The tools.
    ///
    /// # Errors
    /// `internal` where a tool's schema is broken.
    pub fn toolbox(&self) -> Result<&Toolbox, Failure> {
        self.toolbox
            .get_or_init(|| {
                let editor = self
                    .insight(Verb::Diagnostics)
                    .or(self.insight(Verb::Rename));
                Toolbox::with(self.memories.is_on(), editor.is_some())
            })
            .as_ref()
            .map_err(Clone::clone)
    }
}
