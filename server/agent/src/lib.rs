//! The agent: plan, act, reflect, test, over a draft of the user's files. It decides and has no effect of its own: files and
//! commands go through `workspace` and `sandbox`, words through `llm`, and everything it does is an event first (law 4).

mod approvals;
mod command;
mod compaction;
mod completion;
pub mod config;
mod context;
mod conversation;
mod critic;
mod desk;
mod edit_forms;
mod events;
mod failure;
mod feed;
mod guarded;
mod guides;
mod heal;
mod history;
pub mod insight;
mod knowledge;
mod mask;
mod memory;
pub mod navigate;
mod patches;
pub mod peers;
mod permission;
pub mod phase;
mod pieces;
mod prompt;
mod repeat;
pub mod rewrite;
pub mod session;
mod shared;
mod task;
mod tasks;
mod testing;
mod tools;
mod validate;
pub mod verbs;

pub use approvals::{Kept, KeptGrant, KeptTrust};
pub use command::reads_git;
pub use completion::{Completion, Cursor};
pub use config::{
    CompletionConfig, Config, EmbeddingsConfig, HistoryConfig, MemoryConfig, ToolsConfig,
};
pub use conversation::Conversation;
pub use feed::{Feed, Follower, Signal};
pub use insight::Insight;
pub use knowledge::{Found, Knowledge, Life, Progress, Stage, View};
pub use memory::{MOST_TEXT, MemoryUsage, Remembered};
pub use navigate::{About, Around};
pub use patches::{Decision, Page, PageLine, Proposal, Restore};
pub use session::{SessionDetail, SessionView};
pub use tools::{Output, Tool, Toolbox};

use protocol::{
    Approval, ApprovalId, Code, Event, Failure, ModelView, PatchId, PatchView, PermissionOption,
    Scope, SessionId, StatusView, TaskId, TaskView,
};
use shared::Shared;
use std::ops::ControlFlow;
use std::sync::Arc;

/// What an agent is made of.
pub struct Parts {
    /// The user's files.
    pub host: Arc<dyn workspace::Host>,
    /// Commands and writes.
    pub sandbox: Arc<sandbox::Sandbox>,
    /// Models, or why there are none: tasks are then refused with it.
    pub models: Result<Arc<llm::Models>, Failure>,
    /// A model that makes vectors of the code, if one is configured.
    pub embeddings: Option<llm::Embeddings>,
    /// The state folder of this workspace.
    pub state: Arc<sandbox::Tree>,
    /// The state folder that all workspaces of this user share; without one nothing can be allowed in all of them.
    pub home: Option<Arc<sandbox::Tree>>,
    /// The `agent` section.
    pub config: Config,
    /// The test command that the workspace's own configuration asks for: it runs once a person trusts it.
    pub wished_test_command: Option<String>,
    /// The `tools` section.
    pub tools: ToolsConfig,
    /// The `memory` section.
    pub memory: MemoryConfig,
    /// The `completion` section.
    pub completion: CompletionConfig,
    /// The whole configuration with secrets redacted, for `config/effective`; or what is wrong with it.
    pub effective: Result<serde_json::Value, Failure>,
    /// Version of the program.
    pub version: String,
}

/// A task that was just started.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Started {
    /// The task.
    pub task: TaskId,
    /// Its session.
    pub session: SessionId,
}

/// The agent of one workspace. Clones are the same agent.
#[derive(Clone)]
pub struct Agent {
    shared: Arc<Shared>,
}

impl Agent {
    /// Puts an agent together. Cheap: nothing is read, compiled or started.
    pub fn new(parts: Parts) -> Agent {
        Agent {
            shared: Arc::new(Shared::new(parts)),
        }
    }

    /// From now on this editor can be asked what it knows of the code; the first one stays.
    pub fn attach(&self, insight: Insight) {
        let _ = self.shared.insight.set(insight);
    }

    /// Every task of this process, oldest first.
    pub fn tasks(&self) -> Vec<TaskView> {
        self.shared.log.views()
    }

    /// One task.
    ///
    /// # Errors
    /// `not_found`.
    pub fn task(&self, id: &TaskId) -> Result<TaskView, Failure> {
        self.shared.log.view(id).ok_or_else(|| no_task(id))
    }

    /// A task's events with a `seq` above `after`. Those of long finished tasks, and of tasks of earlier processes, are read from
    /// the history: call it where a file may be read.
    ///
    /// # Errors
    /// `not_found`, `io`.
    pub fn replay(&self, task: &TaskId, after: Option<u64>) -> Result<Vec<Arc<Event>>, Failure> {
        let known = self.shared.log.replay(task, after).or_else(|| {
            let session = history::holder(&self.shared.state, task)?;
            Some(events::Replay::InHistory(session))
        });
        match known.ok_or_else(|| no_task(task))? {
            events::Replay::Events(events) => Ok(events),
            events::Replay::InHistory(session) => {
                let mut events = Vec::new();
                history::scan(&self.shared.state, &session, |event| {
                    if event.task == *task && after.is_none_or(|seq| event.seq > seq) {
                        events.push(Arc::new(event));
                    }
                    ControlFlow::Continue(())
                })?;
                Ok(events)
            }
        }
    }

    /// The session whose history has a task: call it where files may be read.
    ///
    /// # Errors
    /// `not_found`.
    pub fn recorded_in(&self, task: &TaskId) -> Result<SessionId, Failure> {
        history::holder(&self.shared.state, task).ok_or_else(|| no_task(task))
    }

    /// A reader of one task, from the event behind `after` (its first, where absent) to its last.
    pub fn follow(&self, task: &TaskId, after: Option<u64>) -> Follower {
        self.shared.log.follow(task, after)
    }

    /// Every session on disk, newest first.
    pub fn sessions(&self) -> Vec<SessionView> {
        session::list(&self.shared.state)
    }

    /// How many sessions are on disk, and the bytes that their histories take.
    pub fn sessions_on_disk(&self) -> (u64, u64) {
        history::on_disk(&self.shared.state)
    }

    /// The ids of all sessions on disk, newest first.
    pub fn session_ids(&self) -> Vec<SessionId> {
        history::sessions(&self.shared.state)
    }

    /// One session with its tasks.
    ///
    /// # Errors
    /// `not_found`, `io`.
    pub fn session(&self, id: &SessionId) -> Result<SessionDetail, Failure> {
        session::detail(&self.shared.state, id)
    }

    /// Shows `each` the events of a session, oldest first, one at a time, until it has seen enough. Returns how many facts are
    /// damaged or missing, at least.
    ///
    /// # Errors
    /// `not_found`, `io`.
    pub fn recorded(
        &self,
        id: &SessionId,
        each: impl FnMut(Event) -> ControlFlow<()>,
    ) -> Result<u64, Failure> {
        history::scan(&self.shared.state, id, each).map(|damage| damage.count())
    }

    /// Makes a new session with the past of another: all of it, or up to the end of a task, or to an event of the last task. Its
    /// money is its own.
    ///
    /// # Errors
    /// `not_found`, `io`.
    pub fn fork_session(&self, id: &SessionId, at: Option<&str>) -> Result<SessionId, Failure> {
        session::fork(&self.shared.state, id, at)
    }

    /// Deletes a session with its history. Patches that it made stay.
    ///
    /// # Errors
    /// `not_found`; `invalid_input` while a task of it runs, in this process or another; `io`.
    pub fn delete_session(&self, id: &SessionId) -> Result<(), Failure> {
        history::delete(&self.shared.state, id)
    }

    /// Deletes every session that nobody worked on for so long; those that run or wait with changes in their draft stay. Returns
    /// what it deleted.
    pub fn delete_sessions(&self, older: std::time::Duration) -> Vec<SessionId> {
        history::delete_older(&self.shared.state, older)
    }

    /// Every patch, newest first.
    pub fn patches(&self) -> Vec<PatchView> {
        self.shared.patches.list()
    }

    /// One patch.
    ///
    /// # Errors
    /// `not_found`.
    pub fn patch(&self, id: &PatchId) -> Result<PatchView, Failure> {
        self.shared.patches.get(id)
    }

    /// The open questions, also of tasks that other processes of this workspace work on.
    pub fn approvals(&self) -> Vec<Approval> {
        let mut all = self.shared.approvals.open();
        all.extend(self.questions_elsewhere());
        all
    }

    /// Answers a question; without a scope as narrowly as its options allow.
    ///
    /// # Errors
    /// `not_found` for one that is not open, `invalid_input` for an answer that it does not take, `io` where it cannot be kept.
    pub fn resolve_approval(
        &self,
        id: &ApprovalId,
        option: PermissionOption,
        scope: Option<Scope>,
    ) -> Result<(), Failure> {
        if let Some(task) = self.asked_elsewhere(id) {
            let mut answer = serde_json::json!({ "approval": id, "option": option });
            if let Some(scope) = scope {
                answer["scope"] = serde_json::json!(scope);
            }
            return self.hand_over(&task, "approval/resolve", answer);
        }
        self.shared.approvals.resolve(id, option, scope)
    }

    /// What the agent is and can do right now.
    pub fn status(&self) -> StatusView {
        StatusView {
            version: self.shared.version.clone(),
            root: self.shared.host.root().path().to_string(),
            sandbox: self.shared.sandbox.report().enforced_by(),
            models: self
                .shared
                .models
                .as_ref()
                .map(|models| models_of(models))
                .unwrap_or_default(),
            running: u32::try_from(self.shared.running.lock().len()).unwrap_or(u32::MAX),
            index: self.shared.knowledge.status(),
            completion: self.shared.completion.view(),
            problem: self.shared.models.as_ref().err().map(ToString::to_string),
        }
    }

    /// The best regions of code for a query, out of what the index holds now.
    pub async fn search(&self, query: &str, k: usize) -> Found {
        self.shared.knowledge.search_at_once(query, k).await
    }

    /// The index over the code.
    pub fn knowledge(&self) -> &Arc<Knowledge> {
        &self.shared.knowledge
    }

    /// Millionths of a dollar that models cost today, in every process that shares the ledger; 0 without a model.
    pub fn spent_today(&self) -> u64 {
        let models = self.shared.models.as_ref();
        models.map_or(0, |models| models.spent().day)
    }

    /// Suggestions at the cursor.
    pub fn completion(&self) -> &Arc<Completion> {
        &self.shared.completion
    }

    /// An answer to a question about names, out of what the index holds now; see [`navigate`].
    ///
    /// # Errors
    /// What `work` says, `path_refused` for a path that may not be read, `denied` where code search is off.
    pub async fn navigate<T: Send + 'static>(
        &self,
        about: About,
        work: fn(&index::Code, &About) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let about = navigate::checked(about)?;
        navigate::ask_at_once(&self.shared, move |code| work(code, &about)).await
    }

    /// A file's definitions, unsaved text included.
    ///
    /// # Errors
    /// `path_refused`, `not_found`, `unreadable`.
    pub fn outline(&self, path: &str) -> Result<Vec<index::Symbol>, Failure> {
        let path = navigate::readable(path)?;
        let content = self
            .shared
            .host
            .read(&path)
            .map_err(failure::of_workspace)?;
        let content = content
            .ok_or_else(|| Failure::new(Code::NotFound, format!("there is no file {path}")))?;
        let (text, _) = content.decoded_of(&path).map_err(failure::of_workspace)?;
        Ok(index::outline(path.as_str(), &text))
    }

    /// The configuration with secrets redacted.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn effective(&self) -> Result<&serde_json::Value, &Failure> {
        self.shared.effective.as_ref()
    }

    /// A reader of everything from now on.
    pub fn feed(&self) -> Feed {
        self.shared.log.feed()
    }

    /// Tells something that belongs to no running task.
    pub fn say(&self, signal: Signal) {
        self.shared.log.say(signal);
    }
}

fn models_of(models: &llm::Models) -> Vec<ModelView> {
    let view = |(role, name, model, scripted): (llm::Role, String, String, bool)| ModelView {
        role: role.as_str().to_owned(),
        name,
        model,
        scripted,
    };
    models.view().into_iter().map(view).collect()
}

fn no_task(id: &TaskId) -> Failure {
    Failure::new(Code::NotFound, format!("there is no task {id}"))
        .hint("`animus/task/list` shows them")
}

/// A new id: sorts by time.
fn new_id() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

/// Every tool with its JSON Schema, and the names of the original program, for `GET /tools/schemas`.
///
/// # Errors
/// `internal` where a schema is broken.
pub fn tool_schemas() -> Result<serde_json::Value, Failure> {
    let toolbox = Toolbox::new()?;
    let tool = |spec: &llm::ToolSpec| serde_json::json!({ "name": spec.name, "description": spec.description, "schema": spec.schema });
    let specs = toolbox.specs();
    let tools = specs.iter().map(tool).chain(tools::aliases::listed());
    Ok(serde_json::json!({ "tools": tools.collect::<Vec<_>>() }))
}
