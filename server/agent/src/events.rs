//! Log: the one list of events, numbered per task without gaps, `finished` last (P1). Everything else is a fold of it (law 4).
//! A slow reader never slows a writer and loses nothing (R1): readers hold a position and pull.

use crate::history::History;
use parking_lot::Mutex;
use protocol::{Event, Level, PROTOCOL_VERSION, PatchView, SessionId, TaskId, TaskView, Update};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use tokio::sync::watch;

/// What a reader gets.
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

/// The log of one agent.
#[derive(Debug)]
pub struct Log {
    inner: Mutex<Inner>,
    written: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    tasks: HashMap<TaskId, TaskLog>,
    order: Vec<TaskId>,
    queue: VecDeque<Signal>,
    /// Position of the queue's first signal.
    first: u64,
    readers: Vec<Weak<AtomicU64>>,
}

#[derive(Debug)]
struct TaskLog {
    events: Vec<Arc<Event>>,
    view: TaskView,
    history: Option<History>,
}

impl Log {
    /// An empty log.
    pub fn new() -> Self {
        Self {
            inner: Mutex::default(),
            written: watch::Sender::new(0),
        }
    }

    /// Makes room for a task. Its events go to `history` too, where there is one.
    pub fn open(&self, view: TaskView, history: Option<History>) {
        let mut inner = self.inner.lock();
        inner.order.push(view.id.clone());
        inner.tasks.insert(
            view.id.clone(),
            TaskLog {
                events: Vec::new(),
                view,
                history,
            },
        );
    }

    /// Appends a fact and returns it as an event. Nothing follows a `finished` and nothing is said of unknown tasks.
    pub fn append(&self, task: &TaskId, update: Update) -> Option<Arc<Event>> {
        let mut inner = self.inner.lock();
        let log = inner.tasks.get_mut(task)?;
        if log.view.finished.is_some() {
            return None;
        }
        let event = Arc::new(Event {
            v: PROTOCOL_VERSION,
            task: task.clone(),
            session: log.view.session.clone(),
            seq: log.events.len() as u64,
            ts: now(),
            update,
        });
        if let Some(history) = &mut log.history {
            history.append(&event);
        }
        fold(&mut log.view, &event);
        log.events.push(event.clone());
        inner.push(Signal::Event(event.clone()));
        drop(inner);
        self.written.send_modify(|count| *count += 1);
        Some(event)
    }

    /// Says something that belongs to no running task.
    pub fn say(&self, signal: Signal) {
        self.inner.lock().push(signal);
        self.written.send_modify(|count| *count += 1);
    }

    /// A task as it stands.
    pub fn view(&self, task: &TaskId) -> Option<TaskView> {
        self.inner
            .lock()
            .tasks
            .get(task)
            .map(|log| log.view.clone())
    }

    /// Every task, oldest first.
    pub fn views(&self) -> Vec<TaskView> {
        let inner = self.inner.lock();
        inner
            .order
            .iter()
            .filter_map(|id| inner.tasks.get(id))
            .map(|log| log.view.clone())
            .collect()
    }

    /// A task's events with a `seq` above `after`.
    pub fn replay(&self, task: &TaskId, after: Option<u64>) -> Option<Vec<Arc<Event>>> {
        let inner = self.inner.lock();
        let events = &inner.tasks.get(task)?.events;
        let from = after.map_or(0, |seq| {
            usize::try_from(seq.saturating_add(1)).unwrap_or(usize::MAX)
        });
        Some(events.get(from..).unwrap_or_default().to_vec())
    }

    /// A reader of everything from now on.
    pub fn feed(self: &Arc<Self>) -> Feed {
        let mut inner = self.inner.lock();
        let at = Arc::new(AtomicU64::new(inner.end()));
        inner.readers.push(Arc::downgrade(&at));
        Feed {
            log: self.clone(),
            at,
            written: self.written.subscribe(),
        }
    }
}

impl Inner {
    fn end(&self) -> u64 {
        self.first + self.queue.len() as u64
    }

    /// Queues a signal and lets go of what every reader has seen.
    fn push(&mut self, signal: Signal) {
        self.readers.retain(|reader| reader.strong_count() > 0);
        let slowest = self
            .readers
            .iter()
            .filter_map(Weak::upgrade)
            .map(|at| at.load(Ordering::Acquire))
            .min();
        let keep_from = slowest.unwrap_or_else(|| self.end());
        while self.first < keep_from && self.queue.pop_front().is_some() {
            self.first += 1;
        }
        match slowest {
            Some(_) => self.queue.push_back(signal),
            None => self.first += 1,
        }
    }
}

/// One reader's place in the log.
#[derive(Debug)]
pub struct Feed {
    log: Arc<Log>,
    at: Arc<AtomicU64>,
    written: watch::Receiver<u64>,
}

impl Feed {
    /// The next signal; waits for it. Safe to drop while waiting.
    pub async fn next(&mut self) -> Signal {
        loop {
            self.written.borrow_and_update();
            if let Some(signal) = self.try_next() {
                return signal;
            }
            if self.written.changed().await.is_err() {
                // The sender lives in `self.log`, so it cannot be gone; waiting is the answer that loses nothing.
                std::future::pending::<()>().await;
            }
        }
    }

    /// The next signal, if there is one already.
    pub fn try_next(&mut self) -> Option<Signal> {
        let inner = self.log.inner.lock();
        let at = self.at.load(Ordering::Acquire);
        let signal = inner
            .queue
            .get(usize::try_from(at.checked_sub(inner.first)?).ok()?)?
            .clone();
        self.at.store(at + 1, Ordering::Release);
        Some(signal)
    }
}

/// What an event changes about the task as lists show it.
pub(crate) fn fold(view: &mut TaskView, event: &Event) {
    view.seq = event.seq;
    match &event.update {
        Update::Phase { phase, .. } => view.phase = *phase,
        Update::Plan { plan } => view.plan = Some(plan.clone()),
        Update::Patch { patch } => view.patch = Some(patch.id.clone()),
        Update::Finished { reason, .. } => {
            view.phase = protocol::Phase::Finished;
            view.finished = Some(*reason);
        }
        _ => {}
    }
}

/// The view of a task before its first event.
pub(crate) fn fresh_view(id: TaskId, session: SessionId, title: String) -> TaskView {
    TaskView {
        id,
        session,
        title,
        phase: protocol::Phase::Intake,
        finished: None,
        plan: None,
        patch: None,
        created: now(),
        seq: 0,
    }
}

/// RFC 3339 in UTC with milliseconds.
pub(crate) fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{FinishReason, Speaker, Usage};

    fn log_with(task: &str) -> Arc<Log> {
        let log = Arc::new(Log::new());
        log.open(fresh_view(task.into(), "s".into(), String::new()), None);
        log
    }

    fn prompt(text: &str) -> Update {
        Update::Prompt {
            by: Speaker::Agent,
            text: text.into(),
        }
    }

    fn finished() -> Update {
        Update::Finished {
            reason: FinishReason::NoChange,
            exit_code: 0,
            summary: String::new(),
            failure: None,
            usage: Usage::default(),
            duration_ms: 0,
        }
    }

    #[test]
    fn p1_seq_has_no_gaps_and_finished_is_last() {
        let log = log_with("t");
        let task = TaskId::from("t");
        for text in ["a", "b"] {
            log.append(&task, prompt(text));
        }
        log.append(&task, finished());
        assert!(log.append(&task, prompt("late")).is_none());
        let seqs: Vec<u64> = log
            .replay(&task, None)
            .unwrap()
            .iter()
            .map(|event| event.seq)
            .collect();
        assert_eq!(seqs, [0, 1, 2]);
        assert_eq!(log.replay(&task, Some(1)).unwrap().len(), 1);
        assert_eq!(log.replay(&task, Some(u64::MAX)).unwrap().len(), 0);
    }

    #[tokio::test]
    async fn r1_a_slow_reader_loses_nothing_and_read_signals_are_let_go() {
        let log = log_with("t");
        let task = TaskId::from("t");
        let mut slow = log.feed();
        let mut quick = log.feed();
        for n in 0..100 {
            log.append(&task, prompt(&n.to_string()));
            quick.next().await;
        }
        for n in 0..100u64 {
            let Signal::Event(event) = slow.next().await else {
                panic!("an event")
            };
            assert_eq!(event.seq, n);
        }
        log.append(&task, prompt("x"));
        assert!(log.inner.lock().queue.len() <= 1);
        drop((slow, quick));
        log.append(&task, prompt("y"));
        assert!(log.inner.lock().queue.is_empty());
    }
}
