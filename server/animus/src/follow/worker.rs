//! Worker: where a task is worked on: in this process, or in a server that has the workspace open already.

use agent::{Agent, Feed, Signal};
use protocol::{ApprovalId, Code, Event, Failure, PermissionOption, Scope, TaskId};
use rpc::peers::{Client, Told};
use serde_json::{Value, json};
use std::sync::Arc;

/// Who works.
pub enum Worker {
    /// This process; the feed was opened before the task started.
    Here(Agent, Feed),
    /// A server.
    There(Box<Client>),
}

/// What is heard from it.
pub enum Heard {
    /// A fact about some task.
    Event(Arc<Event>),
    /// It did not take what was said.
    Refused(Failure),
    /// Nobody works on this task any more.
    Left(TaskId),
    /// The server is gone.
    Gone,
}

impl Worker {
    /// What it says next. Safe to drop while waiting.
    pub async fn next(&mut self) -> Heard {
        match self {
            Worker::Here(_, feed) => loop {
                if let Signal::Event(event) = feed.next().await {
                    return Heard::Event(event);
                }
            },
            Worker::There(client) => match client.next().await {
                Some(Told::Event(event)) => Heard::Event(event),
                Some(Told::Refused(failure)) => Heard::Refused(failure),
                Some(Told::Gone(task)) => Heard::Left(task),
                None => Heard::Gone,
            },
        }
    }

    /// Cancels a task.
    pub async fn cancel(&mut self, task: &TaskId) {
        match self {
            Worker::Here(agent, _) => drop(agent.cancel(Some(task))),
            // Where nobody hears, the task is over with its process.
            Worker::There(client) => {
                let _ = client.tell("task/cancel", json!({ "task": task })).await;
            }
        }
    }

    /// Says something to a running task.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn steer(&mut self, task: &TaskId, words: &str) -> Result<(), Failure> {
        match self {
            Worker::Here(agent, _) => agent.steer(task, words),
            Worker::There(client) => {
                let said = json!({ "task": task, "text": words });
                tell(client, "task/steer", said).await
            }
        }
    }

    /// Answers a question.
    ///
    /// # Errors
    /// As `Agent::resolve_approval`; from a server they are heard later.
    pub async fn answer(
        &mut self,
        id: &ApprovalId,
        option: PermissionOption,
        scope: Option<Scope>,
    ) -> Result<(), Failure> {
        match self {
            Worker::Here(agent, _) => agent.resolve_approval(id, option, scope),
            Worker::There(client) => {
                let mut said = json!({ "approval": id, "option": option });
                if let Some(scope) = scope {
                    said["scope"] = json!(scope);
                }
                tell(client, "approval/resolve", said).await
            }
        }
    }

    /// Waits until everything that it started here is over.
    pub async fn shutdown(&self) {
        if let Worker::Here(agent, _) = self {
            agent.shutdown().await;
        }
    }
}

async fn tell(client: &mut Client, verb: &str, params: Value) -> Result<(), Failure> {
    let gone = || Failure::new(Code::NotFound, "the server of this workspace is gone");
    client.tell(verb, params).await.map(drop).ok_or_else(gone)
}
