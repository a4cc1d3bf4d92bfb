//! Client: a terminal that lets a running server do its work. It has no tasks of its own; what it started ends with it (R2).

use super::Door;
use super::wire::{Hello, Line, Reader, Writer, greet};
use agent::peers::Place;
use protocol::{Code, Event, Failure, TaskId};
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::Instant;

/// How long a server that listens may take to answer; what it starts after that ends with the connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to the processes of a workspace.
pub struct Client {
    reader: Reader,
    writer: Writer,
    door: Door,
    calls: u64,
    early: VecDeque<Told>,
}

/// What is heard.
#[derive(Debug, Clone)]
pub enum Told {
    /// A fact about some task.
    Event(Arc<Event>),
    /// Something that was said was not taken.
    Refused(Failure),
    /// Nobody works on this task any more.
    Gone(TaskId),
}

impl Client {
    /// Connects; none where nobody listens.
    pub async fn connect(place: &Place, config: &str) -> Option<Client> {
        let stream = UnixStream::connect(&place.socket).await.ok()?;
        let us = Hello::new(place, Door::Run, config);
        let (hello, reader, writer) = greet(stream, place, us).await?;
        Some(Client {
            reader,
            writer,
            door: hello.door,
            calls: 0,
            early: VecDeque::new(),
        })
    }

    /// What the process that leads is.
    pub fn door(&self) -> Door {
        self.door
    }

    /// A verb with its answer.
    ///
    /// # Errors
    /// What the verb says; `not_found` where no server of the same configuration has this workspace open, or the connection ends.
    pub async fn call(&mut self, verb: &str, params: Value) -> Result<Value, Failure> {
        let gone = || Failure::new(Code::NotFound, "the server of this workspace is gone");
        let id = self.tell(verb, params).await.ok_or_else(gone)?;
        let end = Instant::now() + PATIENCE;
        loop {
            let line = tokio::time::timeout_at(end, self.reader.next()).await;
            match line.ok().flatten().ok_or_else(gone)? {
                Line::Answer { id: of, value } if of == id => return Ok(value),
                Line::Refusal { id: of, failure } if of == id => return Err(failure),
                line => self.early.extend(told(line)),
            }
        }
    }

    /// A verb without waiting for what comes of it: a refusal is heard later. Its number, or none where nobody hears.
    pub async fn tell(&mut self, verb: &str, params: Value) -> Option<u64> {
        self.calls += 1;
        let call = Line::Call {
            id: self.calls,
            verb: verb.to_owned(),
            params,
        };
        self.writer.say(&call).await.then_some(self.calls)
    }

    /// What is heard next; none once the server is gone. Safe to drop while waiting.
    pub async fn next(&mut self) -> Option<Told> {
        if let Some(early) = self.early.pop_front() {
            return Some(early);
        }
        loop {
            if let Some(told) = told(self.reader.next().await?) {
                return Some(told);
            }
        }
    }
}

fn told(line: Line) -> Option<Told> {
    match line {
        Line::Event { event } => Some(Told::Event(event)),
        Line::Refusal { failure, .. } => Some(Told::Refused(failure)),
        Line::Gone { task } => Some(Told::Gone(task)),
        Line::Hello(_) | Line::Task { .. } | Line::Call { .. } | Line::Answer { .. } => None,
    }
}
