//! Reel: events of a task read back from its history in their order, a bounded piece at a time, so that a reader that is far
//! behind reads the file once.

use crate::events::{Found, Log};
use protocol::{Event, TaskId};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

/// Most bytes that are read at once, unless one event is longer. Small enough to be read between two polls.
const PIECE: usize = 64 * 1024;

/// What a reader gets.
#[derive(Debug)]
pub(crate) enum Next {
    /// It.
    Event(Arc<Event>),
    /// It has not happened yet.
    NotYet,
    /// Nobody has it any more, or nobody can read it.
    Gone,
}

/// A reader's place in one task's history.
#[derive(Debug, Default)]
pub(crate) struct Reel {
    task: Option<TaskId>,
    /// Read and not taken yet.
    read: VecDeque<Arc<Event>>,
    /// The event behind them: its number, and where its line begins.
    next: (u64, u64),
}

impl Reel {
    /// One event of a task.
    pub(crate) fn get(&mut self, log: &Log, task: &TaskId, seq: u64) -> Next {
        if self.task.as_ref() == Some(task) {
            while self.read.front().is_some_and(|event| event.seq < seq) {
                self.read.pop_front();
            }
            if self.read.front().is_some_and(|event| event.seq == seq) {
                return self.read.pop_front().map_or(Next::Gone, Next::Event);
            }
        }
        match log.find(task, seq) {
            Found::Here(event) => Next::Event(event),
            Found::NotYet => Next::NotYet,
            Found::Gone => Next::Gone,
            Found::Filed {
                place,
                from,
                seq: at,
            } => {
                let goes_on = self.task.as_ref() == Some(task) && self.next.0 == seq;
                if !goes_on {
                    self.task = Some(task.clone());
                    self.next = (at, from);
                }
                self.read.clear();
                match self.read_to(&place, seq) {
                    Ok(event) => Next::Event(event),
                    Err(error) => {
                        tracing::error!(%task, seq, %error, "an event cannot be read back");
                        self.task = None;
                        Next::Gone
                    }
                }
            }
        }
    }

    fn read_to(&mut self, place: &crate::history::Place, seq: u64) -> io::Result<Arc<Event>> {
        loop {
            let (events, next) = place.events(self.next.1, PIECE)?;
            let count = events.len() as u64;
            if events.first().is_none_or(|first| first.seq != self.next.0) {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.next = (self.next.0 + count, next);
            self.read = events
                .into_iter()
                .filter(|event| event.seq >= seq)
                .map(Arc::new)
                .collect();
            if let Some(event) = self.read.pop_front() {
                return Ok(event);
            }
        }
    }
}
