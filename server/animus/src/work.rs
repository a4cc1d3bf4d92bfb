//! Work: one task of the terminal, done by a server that has the workspace open with the same configuration, else by this
//! process. When the server dies, this process goes on with the session.

use crate::cli::Output;
use crate::compose::Compose;
use crate::config::Loaded;
use crate::follow::{Ending, Surface, Worker, follow};
use crate::print;
use crate::render::style::{DIM, Painted};
use crate::roster::Roster;
use crate::telemetry;
use agent::{Agent, Started};
use protocol::{Code, Event, Failure, SessionId, TaskId, TaskRequest, Update};
use rpc::peers::{Client, Door, Member, meet};
use rpc::traces::Exporter;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::task::JoinHandle;

/// How often a session that a dead server still holds is tried again, and after what time.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// What is wanted.
#[derive(Debug, Clone)]
pub enum Wish {
    /// A new task.
    Start(Box<TaskRequest>),
    /// A session goes on, with new words or without.
    Resume(SessionId, Option<String>),
}

/// Who may do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A running server, where there is one.
    Anyone,
    /// This process.
    Us,
}

/// Does it. The exit code is the finish reason's.
///
/// # Errors
/// Why no task can start.
pub async fn work(
    compose: &Compose,
    loaded: &Loaded,
    roster: Roster,
    wish: Wish,
    by: By,
) -> Result<u8, Failure> {
    let config = fingerprint(loaded, Some(&roster));
    if by == By::Anyone
        && let Some((client, started)) = handed_over(compose, &config, &wish).await?
    {
        let mut worker = Worker::There(Box::new(client));
        print::warning(
            &Painted(DIM, "a server has this workspace open; it does the work").to_string(),
        );
        return match follow(&mut worker, &started, compose.output(), compose.program()).await {
            Ending::Finished(code) => Ok(code),
            Ending::ServerGone(last) => {
                print::warning("the server is gone; this program goes on with the session");
                go_on(compose, loaded, roster, &started, last).await
            }
        };
    }
    let ours = Ours::begin(compose, loaded, roster)?;
    let feed = ours.agent.feed();
    let started = match wish {
        Wish::Start(request) => ours.agent.start(*request)?,
        Wish::Resume(session, prompt) => ours.agent.resume(&session, prompt)?,
    };
    Ok(ours.end(compose, feed, &started).await)
}

/// The agent of this process, with what goes on beside its task.
struct Ours {
    agent: Agent,
    meeting: JoinHandle<()>,
    traces: Option<Exporter>,
}

impl Ours {
    fn begin(compose: &Compose, loaded: &Loaded, roster: Roster) -> Result<Ours, Failure> {
        let config = fingerprint(loaded, Some(&roster));
        let agent = compose.agent(compose.disk()?, Ok(loaded), Ok(roster.models))?;
        Ok(Ours {
            meeting: join(&agent, Door::Run, config),
            traces: telemetry::start(compose, &loaded.settings, &agent),
            agent,
        })
    }

    /// Watches a task to its end, and ends the rest.
    async fn end(self, compose: &Compose, feed: agent::Feed, started: &Started) -> u8 {
        let code = watched(compose, self.agent.clone(), feed, started).await;
        self.close().await;
        code
    }

    async fn close(self) {
        self.agent.shutdown().await;
        self.meeting.abort();
        telemetry::finish(self.traces).await;
    }
}

/// Lets an agent meet the other processes of its workspace, in the background.
pub fn join(agent: &Agent, door: Door, config: String) -> JoinHandle<()> {
    tokio::spawn(meet(agent.clone(), Member { door, config }))
}

/// Stands for this version and the whole configuration, secrets left out.
pub fn fingerprint(loaded: &Loaded, roster: Option<&Roster>) -> String {
    let all = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "settings": &loaded.settings,
        "test_command": &loaded.wished_test_command,
        "models": roster.map(Roster::as_configured),
    });
    blake3::hash(all.to_string().as_bytes())
        .to_hex()
        .to_string()
}

/// The task, if a server took it.
async fn handed_over(
    compose: &Compose,
    config: &str,
    wish: &Wish,
) -> Result<Option<(Client, Started)>, Failure> {
    let Ok(state) = compose.state(compose.root()) else {
        return Ok(None);
    };
    let Some(place) = agent::peers::place(&state) else {
        return Ok(None);
    };
    let Some(mut client) = Client::connect(&place, config).await else {
        return Ok(None);
    };
    let (verb, params) = match wish {
        Wish::Start(request) => ("task/start", json!(request)),
        Wish::Resume(session, prompt) => {
            let mut params = json!({ "session": session });
            if let Some(prompt) = prompt {
                params["prompt"] = json!(prompt);
            }
            ("session/resume", params)
        }
    };
    match client.call(verb, params).await {
        Ok(answer) => {
            let word = |key: &str| answer.get(key).and_then(Value::as_str).map(str::to_owned);
            let started = word("task").zip(word("session"));
            Ok(started.map(|(task, session)| {
                let started = Started {
                    task: TaskId::from(task),
                    session: SessionId(session),
                };
                (client, started)
            }))
        }
        // Nobody there can, or it ends just now: what is really missing is said here.
        Err(failure) if matches!(failure.code, Code::NotFound | Code::Cancelled) => {
            let why = format!("{}; this program does the work", failure.message);
            print::warning(&Painted(DIM, why).to_string());
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}

/// Goes on with what a dead server left; where the task was over but for the word, says how it ended.
async fn go_on(
    compose: &Compose,
    loaded: &Loaded,
    roster: Roster,
    left: &Started,
    last: Option<u64>,
) -> Result<u8, Failure> {
    let ours = Ours::begin(compose, loaded, roster)?;
    ours.agent.settle().await;
    let feed = ours.agent.feed();
    let rest = || ours.agent.rest_of(&left.session, &left.task, last);
    let mut tries = 0;
    let resumed = loop {
        match ours.agent.resume(&left.session, None) {
            // The server wrote the end that it could not tell any more, or somebody else did.
            Err(_) if rest().is_ok_and(|rest| ended(&rest).is_some()) => break Ok(left.clone()),
            // The lock goes with the process, which may still be on its way.
            Err(failure) if failure.code == Code::Stale && tries < TRIES => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            resumed => break resumed,
        }
    };
    let is_over = resumed.as_ref().is_ok_and(|it| it.task == left.task);
    let rest = rest()?;
    if is_over || compose.output() == Output::Json {
        // How the history ends the task that the server began.
        let mut surface = Surface::new(compose.output(), compose.program());
        rest.iter().for_each(|event| surface.show(event));
    }
    let resumed = resumed?;
    if let (true, Some(code)) = (is_over, ended(&rest)) {
        ours.close().await;
        return Ok(code);
    }
    Ok(ours.end(compose, feed, &resumed).await)
}

/// The exit code of a task whose last event is among these.
fn ended(events: &[Event]) -> Option<u8> {
    events.iter().find_map(|event| match event.update {
        Update::Finished { exit_code, .. } => Some(exit_code),
        _ => None,
    })
}

/// Watches a task of this process to its end.
pub async fn watched(compose: &Compose, agent: Agent, feed: agent::Feed, started: &Started) -> u8 {
    let mut worker = Worker::Here(agent, feed);
    match follow(&mut worker, started, compose.output(), compose.program()).await {
        Ending::Finished(code) => code,
        // This process is the server.
        Ending::ServerGone(_) => 70,
    }
}
