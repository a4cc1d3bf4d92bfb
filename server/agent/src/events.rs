//! Log: the one list of events, numbered per task without gaps, `finished` last (P1). Everything else is a fold of it (law 4).
//! Writing a task's history never holds up a reader or another task.

use crate::feed::{Feed, Follower, Queue, Signal};
use crate::history::History;
use parking_lot::Mutex;
use protocol::{Event, Level, PROTOCOL_VERSION, SessionId, TaskId, TaskView, Update};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::watch;

/// Finished tasks whose events stay in memory; older ones are in the history.
const KEPT: usize = 64;

/// The log of one agent.
#[derive(Debug)]
pub struct Log {
    tasks: Mutex<Tasks>,
    pub(crate) queue: Mutex<Queue>,
    written: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Tasks {
    by_id: HashMap<TaskId, Arc<TaskLog>>,
    order: Vec<TaskId>,
    finished: VecDeque<TaskId>,
}

#[derive(Debug)]
struct TaskLog {
    /// Held while an event is written, so that order on disk, in memory and to readers is one.
    writer: Mutex<Writer>,
    told: Mutex<Told>,
}

#[derive(Debug)]
struct Writer {
    next: u64,
    history: Option<History>,
}

#[derive(Debug)]
struct Told {
    view: TaskView,
    /// None once they are in the history only.
    events: Option<Vec<Arc<Event>>>,
}

/// Where a task's events are.
#[derive(Debug)]
pub enum Replay {
    /// Here.
    Events(Vec<Arc<Event>>),
    /// In this session's history.
    InHistory(SessionId),
}

impl Log {
    /// An empty log.
    pub fn new() -> Self {
        Self {
            tasks: Mutex::default(),
            queue: Mutex::default(),
            written: watch::Sender::new(0),
        }
    }

    /// Makes room for a task. Its events go to `history` too, where there is one.
    pub fn open(&self, view: TaskView, history: Option<History>) {
        let id = view.id.clone();
        let log = TaskLog {
            writer: Mutex::new(Writer { next: 0, history }),
            told: Mutex::new(Told {
                view,
                events: Some(Vec::new()),
            }),
        };
        let mut tasks = self.tasks.lock();
        tasks.order.push(id.clone());
        tasks.by_id.insert(id, Arc::new(log));
    }

    /// Appends a fact and returns it as an event. Nothing follows a `finished` and nothing is said of unknown tasks.
    pub fn append(&self, task: &TaskId, update: Update) -> Option<Arc<Event>> {
        let log = self.task(task)?;
        let mut writer = log.writer.lock();
        let session = {
            let told = log.told.lock();
            if told.view.finished.is_some() {
                return None;
            }
            told.view.session.clone()
        };
        let ends = matches!(update, Update::Finished { .. });
        let event = Arc::new(Event {
            v: PROTOCOL_VERSION,
            task: task.clone(),
            session,
            seq: writer.next,
            ts: now(),
            update,
        });
        writer.next += 1;
        let trouble = writer
            .history
            .as_mut()
            .and_then(|history| history.append(&event).err());
        if ends || trouble.is_some() {
            // Closes the file and lets the session go.
            writer.history = None;
        }
        {
            let mut told = log.told.lock();
            fold(&mut told.view, &event);
            if let Some(events) = &mut told.events {
                events.push(event.clone());
            }
        }
        self.queue.lock().push(Signal::Event(event.clone()));
        drop(writer);
        self.written.send_modify(|count| *count += 1);
        if ends {
            self.forget_old(task);
        } else if let Some(error) = trouble {
            let message = format!(
                "the history cannot be written ({error}); this session cannot be resumed later"
            );
            self.append(
                task,
                Update::Notice {
                    level: Level::Warning,
                    message,
                    hint: None,
                },
            );
        }
        Some(event)
    }

    /// Says something that belongs to no running task.
    pub fn say(&self, signal: Signal) {
        self.queue.lock().push(signal);
        self.written.send_modify(|count| *count += 1);
    }

    /// A task as it stands.
    pub fn view(&self, task: &TaskId) -> Option<TaskView> {
        self.task(task).map(|log| log.told.lock().view.clone())
    }

    /// Every task, oldest first.
    pub fn views(&self) -> Vec<TaskView> {
        let tasks = self.tasks.lock();
        let logs = tasks.order.iter().filter_map(|id| tasks.by_id.get(id));
        logs.map(|log| log.told.lock().view.clone()).collect()
    }

    /// A task's events with a `seq` above `after`.
    pub fn replay(&self, task: &TaskId, after: Option<u64>) -> Option<Replay> {
        let log = self.task(task)?;
        let told = log.told.lock();
        let Some(events) = &told.events else {
            return Some(Replay::InHistory(told.view.session.clone()));
        };
        let from = after.map_or(0, |seq| {
            usize::try_from(seq.saturating_add(1)).unwrap_or(usize::MAX)
        });
        Some(Replay::Events(
            events.get(from..).unwrap_or_default().to_vec(),
        ))
    }

    /// One event of a task, if it has been told and is still in memory.
    pub(crate) fn event(&self, task: &TaskId, seq: u64) -> Option<Arc<Event>> {
        let log = self.task(task)?;
        let told = log.told.lock();
        told.events
            .as_ref()?
            .get(usize::try_from(seq).ok()?)
            .cloned()
    }

    /// A reader of everything from now on.
    pub fn feed(self: &Arc<Self>) -> Feed {
        let at = self.queue.lock().join();
        Feed::new(self.clone(), at, self.written.subscribe())
    }

    /// A reader of one task, from its first event to its last.
    pub fn follow(self: &Arc<Self>, task: &TaskId) -> Follower {
        Follower::new(self.clone(), task.clone(), self.written.subscribe())
    }

    fn task(&self, id: &TaskId) -> Option<Arc<TaskLog>> {
        self.tasks.lock().by_id.get(id).cloned()
    }

    /// Keeps the memory of a long-lived server bounded.
    fn forget_old(&self, finished: &TaskId) {
        let mut tasks = self.tasks.lock();
        tasks.finished.push_back(finished.clone());
        if tasks.finished.len() <= KEPT {
            return;
        }
        if let Some(log) = tasks
            .finished
            .pop_front()
            .and_then(|oldest| tasks.by_id.get(&oldest))
        {
            log.told.lock().events = None;
        }
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

    pub(crate) fn log_with(task: &str) -> Arc<Log> {
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

    fn replayed(log: &Log, task: &TaskId, after: Option<u64>) -> Vec<u64> {
        match log.replay(task, after).unwrap() {
            Replay::Events(events) => events.iter().map(|event| event.seq).collect(),
            Replay::InHistory(_) => panic!("in memory"),
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
        assert_eq!(replayed(&log, &task, None), [0, 1, 2]);
        assert_eq!(replayed(&log, &task, Some(1)), [2]);
        assert!(replayed(&log, &task, Some(u64::MAX)).is_empty());
    }

    #[test]
    fn events_of_old_tasks_leave_the_memory() {
        let log = log_with("0");
        for n in 1..=KEPT {
            log.open(
                fresh_view(n.to_string().into(), "s".into(), String::new()),
                None,
            );
        }
        for n in 0..=KEPT {
            log.append(&TaskId::from(n.to_string()), finished());
        }
        assert!(matches!(
            log.replay(&"0".into(), None),
            Some(Replay::InHistory(_))
        ));
        assert!(matches!(
            log.replay(&"1".into(), None),
            Some(Replay::Events(_))
        ));
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
        assert!(log.queue.lock().len() <= 1);
        drop((slow, quick));
        log.append(&task, prompt("y"));
        assert_eq!(log.queue.lock().len(), 0);
    }

    #[tokio::test]
    async fn a_follower_reads_one_task_to_its_end() {
        let log = log_with("t");
        let task = TaskId::from("t");
        log.append(&task, prompt("early"));
        let mut follower = log.follow(&task);
        log.append(&task, finished());
        assert_eq!(follower.next().await.unwrap().seq, 0);
        assert_eq!(follower.next().await.unwrap().seq, 1);
        assert!(follower.next().await.is_none());
        assert_eq!(log.queue.lock().len(), 0, "it holds nothing back");
    }
}
