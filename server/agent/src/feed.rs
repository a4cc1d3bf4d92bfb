//! Feed and Follower: readers of the log. A slow reader never slows a writer and loses nothing (R1): readers hold a position
//! and pull, and what memory does not hold any more they read back from the history.

mod lane;
mod reel;

pub(crate) use lane::Queue;
pub(crate) use reel::{Next, Reel};

use crate::events::Log;
use lane::{Item, Lane};
use parking_lot::Mutex;
use protocol::{Event, Level, PatchView, TaskId, Update};
use std::sync::Arc;
use tokio::sync::watch;

/// What a reader of everything gets.
#[derive(Debug, Clone)]
pub enum Signal {
    /// A fact about a task.
    Event(Arc<Event>),
    /// A fact about a task that another process of this workspace works on.
    Elsewhere(Arc<Event>),
    /// A patch changed outside its task: somebody accepted, refused or undid it.
    Patch(PatchView),
    /// Work outside a task has something to say.
    Notice {
        /// How loud.
        level: Level,
        /// For a person.
        message: String,
    },
}

/// A reader of everything since it was made. The events of one task come in their order; a reader that is far behind may get
/// those of another task earlier or later among them than they happened.
#[derive(Debug)]
pub struct Feed {
    log: Arc<Log>,
    lane: Arc<Mutex<Lane>>,
    reel: Reel,
    written: watch::Receiver<u64>,
}

impl Feed {
    pub(crate) fn new(
        log: Arc<Log>,
        lane: Arc<Mutex<Lane>>,
        written: watch::Receiver<u64>,
    ) -> Feed {
        Feed {
            log,
            lane,
            reel: Reel::default(),
            written,
        }
    }

    /// The next signal; waits for it. Safe to drop while waiting.
    pub async fn next(&mut self) -> Signal {
        loop {
            self.written.borrow_and_update();
            if let Some(signal) = self.try_next() {
                return signal;
            }
            wait(&mut self.written).await;
        }
    }

    /// The next signal, if there is one already. It may read a bounded piece of a file.
    pub fn try_next(&mut self) -> Option<Signal> {
        let (task, seq) = match self.lane.lock().take()? {
            Item::Said(signal) => return Some(*signal),
            Item::Event { task, seq } => (task, seq),
        };
        Some(match self.reel.get(&self.log, &task, seq) {
            Next::Event(event) => Signal::Event(event),
            Next::NotYet | Next::Gone => Signal::Notice {
                level: Level::Error,
                message: format!("event {seq} of task {task} cannot be read back"),
            },
        })
    }
}

/// A reader of one task. It keeps nothing in memory but a piece of what it reads.
#[derive(Debug)]
pub struct Follower {
    log: Arc<Log>,
    task: TaskId,
    next: u64,
    over: bool,
    reel: Reel,
    written: watch::Receiver<u64>,
}

impl Follower {
    pub(crate) fn new(
        log: Arc<Log>,
        task: TaskId,
        next: u64,
        written: watch::Receiver<u64>,
    ) -> Follower {
        Follower {
            log,
            task,
            next,
            over: false,
            reel: Reel::default(),
            written,
        }
    }

    /// The task's next event; none after its `finished`, or if nobody has its events. Safe to drop while waiting.
    pub async fn next(&mut self) -> Option<Arc<Event>> {
        while !self.over {
            self.written.borrow_and_update();
            match self.reel.get(&self.log, &self.task, self.next) {
                Next::Event(event) => {
                    self.next += 1;
                    self.over = matches!(event.update, Update::Finished { .. });
                    return Some(event);
                }
                Next::NotYet => {
                    let view = self.log.view(&self.task);
                    if view.is_none_or(|view| view.finished.is_some() && view.seq < self.next) {
                        break;
                    }
                }
                Next::Gone => break,
            }
            wait(&mut self.written).await;
        }
        None
    }

    /// Whether it has read the task's last event.
    pub fn is_over(&self) -> bool {
        self.over
    }
}

async fn wait(written: &mut watch::Receiver<u64>) {
    if written.changed().await.is_err() {
        // The sender lives in the log that the reader holds, so it cannot be gone; waiting loses nothing.
        std::future::pending::<()>().await;
    }
}
