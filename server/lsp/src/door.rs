//! Door: what one connection holds. The agent is made when it is first needed, never before `initialize` is answered.

mod show;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use agent::Agent;
use parking_lot::{Mutex, RwLock};
use protocol::{Code, Failure, TaskId};
use serde_json::Value;
use tokio::sync::{Notify, OnceCell, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower_lsp::Client as Wire;
use workspace::Host;

use crate::board::Board;
use crate::completion::{self, Completions};
use crate::editor::Editor;
use crate::negotiate::Client;
use crate::review::{Reviews, shelf};
use crate::{indexing, insight, navigate, stream, verbs};

/// Makes the agent of a workspace.
pub type MakeAgent = Box<dyn FnOnce(Opened) -> Result<Agent, Failure> + Send>;

/// What an agent is made for.
pub struct Opened {
    /// The client's workspace: the user's files, unsaved text included.
    pub host: Arc<dyn Host>,
    /// The editor's settings, as the client sent them in `initializationOptions.animus.config`: configuration keys as JSON;
    /// null where it sent none.
    pub settings: Value,
}

/// What is left of the client's patience when it is answered.
const MARGIN: Duration = Duration::from_secs(1);

/// Most tasks with acknowledgements that nobody has looked at.
const ACKS: usize = 1_024;

/// Log lines that wait for a slow client; more are dropped.
const NOTES: usize = 64;

/// One connection.
pub struct Door {
    wire: Wire,
    met: RwLock<Option<Arc<Met>>>,
    make: Mutex<Option<MakeAgent>>,
    agent: OnceCell<Result<Agent, Failure>>,
    board: RwLock<Board>,
    reviews: Reviews,
    completions: Completions,
    acks: Mutex<Vec<(TaskId, u64)>>,
    acked: Notify,
    notes: mpsc::Sender<String>,
    stage: AtomicU8,
    /// Cancelled when the client said `exit` or its end of the pipe closed.
    ended: CancellationToken,
    work: Mutex<JoinSet<()>>,
}

/// The client and its workspace, known from `initialize` on.
#[derive(Debug)]
pub struct Met {
    /// The client.
    pub client: Arc<Client>,
    /// Its workspace, or why there is none.
    pub editor: Result<Arc<Editor>, Failure>,
}

/// How far the connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// Before `initialize`.
    Fresh = 0,
    /// After `initialize`.
    Open = 1,
    /// After `shutdown`.
    ShutDown = 2,
    /// After `exit` without `shutdown`.
    LeftAbruptly = 3,
    /// After `shutdown` and `exit`.
    Left = 4,
}

impl Door {
    /// A connection at its beginning. The receiver gets what is to be logged on the client's side.
    pub fn new(
        wire: Wire,
        make: MakeAgent,
        ended: CancellationToken,
    ) -> (Arc<Door>, mpsc::Receiver<String>) {
        let (notes, receiver) = mpsc::channel(NOTES);
        let door = Door {
            wire,
            met: RwLock::new(None),
            make: Mutex::new(Some(make)),
            agent: OnceCell::new(),
            board: RwLock::default(),
            reviews: Reviews::default(),
            completions: Completions::default(),
            acks: Mutex::default(),
            acked: Notify::new(),
            notes,
            stage: AtomicU8::new(Stage::Fresh as u8),
            ended,
            work: Mutex::default(),
        };
        (Arc::new(door), receiver)
    }

    /// The way to the client.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Reads the raw params of `initialize`.
    pub fn meet(&self, params: &Value) {
        let client = Arc::new(Client::of(params));
        tracing::info!(client = client.name, encoding = ?client.encoding, profile = ?client.profile, "a client came");
        let none = || {
            Failure::new(
                Code::NotFound,
                "there is no workspace folder, so there is nothing to work on",
            )
            .hint("open a folder in the editor, then ask again")
        };
        let editor = match &client.root {
            None => Err(none()),
            Some(root) => Editor::open(self.wire.clone(), client.clone(), root)
                .map(Arc::new)
                .map_err(|why| {
                    Failure::new(Code::Io, why).hint("open an existing local folder in the editor")
                }),
        };
        *self.met.write() = Some(Arc::new(Met { client, editor }));
    }

    /// The client and its workspace, once `initialize` came.
    pub fn met(&self) -> Option<Arc<Met>> {
        self.met.read().clone()
    }

    /// The workspace.
    ///
    /// # Errors
    /// Why there is none.
    pub fn editor(&self) -> Result<Arc<Editor>, Failure> {
        match self.met() {
            Some(met) => met.editor.clone(),
            None => Err(Failure::new(
                Code::InvalidInput,
                "the connection is not initialized",
            )),
        }
    }

    /// The agent, made on first use. Waits for nothing but its making.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn agent(self: &Arc<Self>) -> Result<Agent, Failure> {
        if let Some(made) = self.agent.get() {
            return made.clone();
        }
        // A request can be cancelled at any time; the making then goes on for those that come after it.
        let door = self.clone();
        let made =
            tokio::spawn(async move { door.agent.get_or_init(|| door.make_agent()).await.clone() });
        made.await.unwrap_or_else(|error| Err(unmade(&error)))
    }

    async fn make_agent(self: &Arc<Self>) -> Result<Agent, Failure> {
        let editor = self.editor()?;
        let Some(make) = self.make.lock().take() else {
            return Err(Failure::new(Code::Internal, "the agent was made before"));
        };
        let opened = Opened {
            settings: editor.client().settings.clone(),
            host: editor,
        };
        // It may read configuration files: not on a thread that serves the wire.
        let agent = tokio::task::spawn_blocking(move || make(opened))
            .await
            .map_err(|error| unmade(&error))??;
        self.attach(&agent);
        let feed = agent.feed();
        self.spawn(stream::run(self.clone(), agent.clone(), feed));
        self.spawn(shelf::run(self.clone(), agent.clone()));
        self.spawn(indexing::run(self.clone(), agent.clone()));
        self.spawn(completion::offer(self.clone(), agent.clone()));
        if self
            .editor()
            .is_ok_and(|editor| !editor.documents().paths().is_empty())
        {
            agent.knowledge().start();
        }
        Ok(agent)
    }

    /// Lets the agent ask what the editor knows of the code, where the client says that it answers.
    fn attach(self: &Arc<Self>, agent: &Agent) {
        let Ok(editor) = self.editor() else { return };
        let verbs = insight::promised(editor.client());
        if !verbs.is_empty() {
            let (way, questions) = agent::Insight::new(editor.client().editor(), verbs);
            agent.attach(way);
            self.spawn(insight::run(self.clone(), questions));
        }
    }

    /// The agent, if it was made.
    pub fn agent_if_made(&self) -> Option<Agent> {
        self.agent
            .get()
            .and_then(|made| made.as_ref().ok())
            .cloned()
    }

    /// One verb of the agent.
    ///
    /// # Errors
    /// Whatever the verb fails with.
    pub async fn call(self: &Arc<Self>, verb: &str, params: Value) -> Result<Value, Failure> {
        let editor = self.editor()?;
        let call = async {
            let agent = self.agent().await?;
            if verb == "patch/review" {
                return self.show_review(&agent, params).await;
            }
            let params = verbs::translate(&editor, verb, params)?;
            let answer = agent::verbs::call(&agent, verb, params).await?;
            Ok(match navigate::is_one(verb) {
                true => navigate::answered(editor.clone(), answer).await,
                false => answer,
            })
        };
        let Some(patience) = editor.client().patience() else {
            return call.await;
        };
        // An answer that nobody waits for any more is worse than a late one.
        match tokio::time::timeout(patience.saturating_sub(MARGIN), call).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::new(
                Code::Timeout,
                format!(
                    "`{verb}` takes longer than {} waits for an answer",
                    editor.client().editor()
                ),
            )
            .hint("ask again in a moment; what was begun goes on")),
        }
    }

    /// The patches that can be decided on.
    pub fn reviews(&self) -> &Reviews {
        &self.reviews
    }

    /// The completions that wait for a model.
    pub fn completions(&self) -> &Completions {
        &self.completions
    }

    /// What code actions must know of the agent.
    pub fn board(&self) -> &RwLock<Board> {
        &self.board
    }

    /// The client has read a task's events up to and including `seq`.
    pub fn ack(&self, task: TaskId, seq: u64) {
        // The highest of a task says all; a client that makes tasks up finds no room.
        let mut acks = self.acks.lock();
        let room = acks.len() < ACKS;
        match acks.iter_mut().find(|(of, _)| *of == task) {
            Some((_, known)) => *known = seq.max(*known),
            None if room => acks.push((task, seq)),
            None => return,
        }
        drop(acks);
        self.acked.notify_one();
    }

    /// Waits for acknowledgements.
    pub async fn acks(&self) -> Vec<(TaskId, u64)> {
        loop {
            let acks = std::mem::take(&mut *self.acks.lock());
            if !acks.is_empty() {
                return acks;
            }
            self.acked.notified().await;
        }
    }

    /// A line for the client's log. Never waits: a line that finds no room is dropped there and stays in our own log.
    pub fn note(&self, line: String) {
        tracing::warn!("{line}");
        let _ = self.notes.try_send(line);
    }

    /// Runs something that belongs to the connection and ends with it.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut set = self.work.lock();
        while set.try_join_next().is_some() {}
        set.spawn(work);
    }

    /// Ends what [`Door::spawn`] began.
    pub fn stop(&self) {
        self.work.lock().abort_all();
    }

    /// `initialize` was answered well.
    pub fn agree(&self) {
        self.stage.store(Stage::Open as u8, Ordering::Release);
    }

    /// The client said `shutdown`: what runs is cancelled, so that nothing more is asked of it.
    pub fn shut_down(&self) {
        if let Some(agent) = self.agent_if_made() {
            agent.leave();
        }
        self.stage.store(Stage::ShutDown as u8, Ordering::Release);
        self.completions().end();
    }

    /// The client said `exit`.
    pub fn leave(&self) {
        let next = match self.stage() {
            Stage::ShutDown | Stage::Left => Stage::Left,
            Stage::Fresh | Stage::Open | Stage::LeftAbruptly => Stage::LeftAbruptly,
        };
        self.stage.store(next as u8, Ordering::Release);
        self.ended.cancel();
    }

    /// How far the connection has come.
    pub fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            1 => Stage::Open,
            2 => Stage::ShutDown,
            3 => Stage::LeftAbruptly,
            4 => Stage::Left,
            _ => Stage::Fresh,
        }
    }
}

fn unmade(error: &tokio::task::JoinError) -> Failure {
    Failure::new(
        Code::Internal,
        format!("the agent could not be made: {error}"),
    )
    .hint("restart the server; if it happens again, the log on stderr says more")
}
