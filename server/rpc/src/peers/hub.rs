//! Hub: the side of the one that leads. It tells every process what the others do, and brings what is said of a task to the
//! process that works on it. What a process started elsewhere is cancelled when it goes (R2).

mod errands;

use super::roll::Roll;
use super::wire::{Hello, Line, Reader, Writer, welcome};
use super::{Member, Met};
use agent::peers::{Errand, Lead, Place};
use agent::{Agent, Signal};
use parking_lot::Mutex;
use protocol::{Event, Failure, TaskId, TaskView, Update};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Most processes at once.
const MOST: usize = 64;

/// Pause after a connection that could not be taken.
const PAUSE: Duration = Duration::from_millis(100);

/// Leads for as long as the future lives.
pub async fn lead(agent: &Agent, member: &Member, lead: Lead) -> Met {
    let listener = match UnixListener::bind(&lead.place.socket) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::debug!(%error, "the processes of this workspace cannot meet");
            return Met::Not;
        }
    };
    let hub = Arc::new(Hub {
        agent: agent.clone(),
        member: member.clone(),
        place: lead.place.clone(),
        roll: Roll::call(agent),
        table: Mutex::default(),
    });
    tokio::select! {
        () = accept(&hub, listener) => {}
        () = hand_out(&hub, agent.errands()) => {}
        () = async { hub.roll.close(agent).await; std::future::pending().await } => {}
    }
    Met::Yes
}

/// Takes an event in. Missed ones are read from a file, so not on a thread that serves the wire.
pub async fn mirror(agent: &Agent, event: Arc<Event>) {
    let agent = agent.clone();
    // It only fails where the runtime ends.
    let _ = tokio::task::spawn_blocking(move || agent.mirror(event)).await;
}

/// Tasks that somebody works on, here or elsewhere.
pub fn under_way(agent: &Agent) -> impl Iterator<Item = TaskView> {
    let tasks = agent.tasks().into_iter();
    tasks.filter(|view| view.finished.is_none())
}

/// A task as it is told to one that comes.
pub fn told(agent: &Agent, view: TaskView) -> Line {
    let mut questions = agent.approvals();
    questions.retain(|one| one.task == view.id);
    Line::Task {
        view: Box::new(view),
        questions,
    }
}

/// Carries out what another process asks for. What it starts goes on there if this process ends first.
pub async fn carried_out(agent: &Agent, verb: &str, params: Value) -> Result<Value, Failure> {
    let result = agent::verbs::call(agent, verb, params).await;
    if let (true, Ok(answer)) = (starts(verb), &result)
        && let Some(task) = answer.get("task").and_then(Value::as_str)
    {
        agent.works_for_another(&TaskId::from(task.to_owned()));
    }
    result
}

fn starts(verb: &str) -> bool {
    matches!(verb, "task/start" | "session/resume")
}

type PeerId = u64;

struct Hub {
    agent: Agent,
    member: Member,
    place: Place,
    roll: Roll,
    table: Mutex<Table>,
}

/// Who is there, and who works on what.
#[derive(Default)]
struct Table {
    peers: HashMap<PeerId, Peer>,
    owners: HashMap<TaskId, PeerId>,
    /// Calls that were passed on, with who waits for their answers.
    calls: HashMap<u64, Call>,
    /// Tasks whose process went while somebody else waits for them: that one hears no end of them.
    left: HashSet<TaskId>,
    next: u64,
}

struct Peer {
    hello: Hello,
    lines: mpsc::UnboundedSender<Line>,
    /// Tasks of others that end with it.
    started: HashSet<TaskId>,
}

/// A call that another process carries out.
struct Call {
    by: PeerId,
    asked: Option<(PeerId, u64)>,
    starts: bool,
}

/// Who carries a verb out.
enum Doer {
    Us,
    Peer(PeerId),
}

async fn accept(hub: &Arc<Hub>, listener: UnixListener) {
    // They end with the leading.
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) if connections.len() < MOST => {
                connections.spawn(connection(hub.clone(), stream));
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "a process could not be met");
                tokio::time::sleep(PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(hub: Arc<Hub>, stream: UnixStream) {
    let us = Hello::new(&hub.place, hub.member.door, &hub.member.config);
    let Some((hello, reader, writer)) = welcome(stream, &hub.place, us).await else {
        return;
    };
    let (lines, said) = mpsc::unbounded_channel();
    let id = {
        let mut table = hub.table.lock();
        table.next += 1;
        let id = table.next;
        let peer = Peer {
            hello,
            lines,
            started: HashSet::new(),
        };
        table.peers.insert(id, peer);
        id
    };
    tokio::select! {
        () = hear(&hub, id, reader) => {}
        () = tell(&hub, id, writer, said) => {}
    }
    hub.left(id);
}

async fn hear(hub: &Arc<Hub>, id: PeerId, mut reader: Reader) {
    while let Some(line) = reader.next().await {
        match line {
            Line::Task { view, questions } => {
                hub.roll.seen(&view.id);
                hub.table.lock().owners.insert(view.id.clone(), id);
                hub.agent.adopt(*view, questions);
            }
            Line::Event { event } => {
                hub.roll.seen(&event.task);
                let ends = matches!(event.update, Update::Finished { .. });
                let task = event.task.clone();
                hub.table.lock().owners.insert(task.clone(), id);
                mirror(&hub.agent, event).await;
                if ends {
                    hub.table.lock().owners.remove(&task);
                }
            }
            Line::Call {
                id: call,
                verb,
                params,
            } => hub.carry_out(Some((id, call)), &verb, params),
            Line::Answer { id: call, value } => hub.answered(id, call, Ok(value)),
            Line::Refusal { id: call, failure } => hub.answered(id, call, Err(failure)),
            Line::Hello(_) | Line::Gone { .. } => {}
        }
    }
}

async fn tell(
    hub: &Arc<Hub>,
    id: PeerId,
    mut writer: Writer,
    mut said: mpsc::UnboundedReceiver<Line>,
) {
    // Before the tasks are listed: what happens meanwhile is told twice rather than not.
    let mut feed = hub.agent.feed();
    for view in under_way(&hub.agent) {
        if !hub.works_on(id, &view.id) && !writer.say(&told(&hub.agent, view)).await {
            return;
        }
    }
    loop {
        let line = tokio::select! {
            signal = feed.next() => match signal {
                Signal::Event(event) => Line::Event { event },
                Signal::Elsewhere(event) if hub.tells(id, &event.task) => Line::Event { event },
                Signal::Elsewhere(_) | Signal::Patch(_) | Signal::Notice { .. } => continue,
            },
            Some(line) = said.recv() => line,
        };
        if !writer.say(&line).await {
            return;
        }
    }
}

/// What is said here to tasks of others.
async fn hand_out(hub: &Arc<Hub>, mut errands: mpsc::UnboundedReceiver<Errand>) {
    while let Some(Errand { verb, params }) = errands.recv().await {
        hub.carry_out(None, verb, params);
    }
    std::future::pending().await
}

impl Hub {
    fn works_on(&self, peer: PeerId, task: &TaskId) -> bool {
        self.table.lock().owners.get(task) == Some(&peer)
    }

    /// Whether a peer hears of a task: not of its own, nor of the end of one that it takes up.
    fn tells(&self, peer: PeerId, task: &TaskId) -> bool {
        let table = self.table.lock();
        let waits = |peer: &Peer| peer.started.contains(task);
        table.owners.get(task) != Some(&peer)
            && !(table.left.contains(task) && table.peers.get(&peer).is_some_and(waits))
    }
}
