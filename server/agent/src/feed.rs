//! Feed and Follower: readers of the log. A slow reader never slows a writer and loses nothing (R1): readers hold a position
//! and pull.

use crate::events::Log;
use protocol::{Event, Level, PatchView, TaskId, Update};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use tokio::sync::watch;

/// What a reader of everything gets.
#[derive(Debug, Clone)]
pub enum Signal {
    /// A fact about a task.
    Event(Arc<Event>),
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

/// Signals that some reader has not seen yet.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    signals: VecDeque<Signal>,
    /// Position of the first signal.
    first: u64,
    readers: Vec<Weak<AtomicU64>>,
}

impl Queue {
    /// A new reader's position: behind everything there is.
    pub(crate) fn join(&mut self) -> Arc<AtomicU64> {
        let at = Arc::new(AtomicU64::new(self.first + self.signals.len() as u64));
        self.readers.push(Arc::downgrade(&at));
        at
    }

    /// Queues a signal and lets go of what every reader has seen.
    pub(crate) fn push(&mut self, signal: Signal) {
        self.readers.retain(|reader| reader.strong_count() > 0);
        let positions = self.readers.iter().filter_map(Weak::upgrade);
        let slowest = positions.map(|at| at.load(Ordering::Acquire)).min();
        let keep_from = slowest.unwrap_or(u64::MAX);
        while self.first < keep_from && self.signals.pop_front().is_some() {
            self.first += 1;
        }
        match slowest {
            Some(_) => self.signals.push_back(signal),
            None => self.first += 1,
        }
    }

    /// Signals that are kept.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.signals.len()
    }

    fn take(&self, at: &AtomicU64) -> Option<Signal> {
        let position = at.load(Ordering::Acquire);
        let index = usize::try_from(position.checked_sub(self.first)?).ok()?;
        let signal = self.signals.get(index)?.clone();
        at.store(position + 1, Ordering::Release);
        Some(signal)
    }
}

/// A reader of everything since it was made.
#[derive(Debug)]
pub struct Feed {
    log: Arc<Log>,
    at: Arc<AtomicU64>,
    written: watch::Receiver<u64>,
}

impl Feed {
    pub(crate) fn new(log: Arc<Log>, at: Arc<AtomicU64>, written: watch::Receiver<u64>) -> Feed {
        Feed { log, at, written }
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

    /// The next signal, if there is one already.
    pub fn try_next(&mut self) -> Option<Signal> {
        self.log.queue.lock().take(&self.at)
    }
}

/// A reader of one task. It keeps nothing in memory that the log does not keep anyway.
#[derive(Debug)]
pub struct Follower {
    log: Arc<Log>,
    task: TaskId,
    next: u64,
    over: bool,
    written: watch::Receiver<u64>,
}

impl Follower {
    pub(crate) fn new(log: Arc<Log>, task: TaskId, written: watch::Receiver<u64>) -> Follower {
        Follower {
            log,
            task,
            next: 0,
            over: false,
            written,
        }
    }

    /// The task's next event; none after its `finished`, or if the log let its events go. Safe to drop while waiting.
    pub async fn next(&mut self) -> Option<Arc<Event>> {
        while !self.over {
            self.written.borrow_and_update();
            if let Some(event) = self.log.event(&self.task, self.next) {
                self.next += 1;
                self.over = matches!(event.update, Update::Finished { .. });
                return Some(event);
            }
            if self
                .log
                .view(&self.task)
                .is_none_or(|view| view.finished.is_some() && view.seq < self.next)
            {
                break;
            }
            if !matches!(
                self.log.replay(&self.task, None),
                Some(crate::events::Replay::Events(_))
            ) {
                break;
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
