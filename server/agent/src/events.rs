//! Log: the one list of events, numbered per task without gaps, `finished` last (P1). Everything else is a fold of it (law 4).
//! Writing a task's history never holds up a reader or another task. Memory holds the newest events of each task; older ones are
//! read back from its history.

mod elsewhere;
mod window;

pub use elsewhere::Mirrored;
pub(crate) use window::Found;

use crate::feed::{Feed, Follower, Next, Queue, Reel, Signal};
use crate::history::History;
use parking_lot::Mutex;
use protocol::{Event, Level, PROTOCOL_VERSION, SessionId, TaskId, TaskView, Update};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::watch;
use window::Window;

/// Finished tasks whose newest events stay in memory; those of older ones are in the history only.
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

/// Which process works on a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Home {
    Here,
    Elsewhere,
}

#[derive(Debug)]
struct TaskLog {
    home: Home,
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
    events: Window,
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
        let events = Window::new(history.as_ref().map(History::place));
        let log = TaskLog {
            home: Home::Here,
            writer: Mutex::new(Writer { next: 0, history }),
            told: Mutex::new(Told { view, events }),
        };
        let mut tasks = self.tasks.lock();
        tasks.order.push(id.clone());
        tasks.by_id.insert(id, Arc::new(log));
    }

    /// Makes room for the end of a task that a dead process left; what it said is in its history.
    pub fn reopen(&self, view: TaskView, history: Option<History>) {
        let (id, next) = (view.id.clone(), view.seq + 1);
        let log = TaskLog {
            home: Home::Here,
            writer: Mutex::new(Writer { next, history }),
            told: Mutex::new(Told {
                view,
                events: Window::borrowed(next),
            }),
        };
        let mut tasks = self.tasks.lock();
        if tasks.by_id.insert(id.clone(), Arc::new(log)).is_none() {
            tasks.order.push(id);
        }
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
        let written = writer
            .history
            .as_mut()
            .map(|history| history.append(&event));
        let (line, trouble) = match written.transpose() {
            Ok(line) => (line, None),
            Err(error) => (None, Some(error)),
        };
        if ends || trouble.is_some() {
            // Closes the file and lets the session go.
            writer.history = None;
        }
        {
            let mut told = log.told.lock();
            fold(&mut told.view, &event);
            told.events.push(event.clone(), line);
        }
        self.queue.lock().event(task, event.seq);
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
        self.queue.lock().say(&signal);
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
        let (mut seq, session) = (
            after.map_or(0, |seq| seq.saturating_add(1)),
            log.told.lock().view.session.clone(),
        );
        if log.home == Home::Elsewhere {
            return Some(Replay::InHistory(session));
        }
        let mut reel = Reel::default();
        let mut events = Vec::new();
        loop {
            match reel.get(self, task, seq) {
                Next::Event(event) => events.push(event),
                Next::NotYet => return Some(Replay::Events(events)),
                Next::Gone => return Some(Replay::InHistory(session)),
            }
            seq += 1;
        }
    }

    /// Where one event of a task is.
    pub(crate) fn find(&self, task: &TaskId, seq: u64) -> Found {
        let Some(log) = self.task(task) else {
            return Found::Gone;
        };
        let told = log.told.lock();
        told.events.find(seq)
    }

    /// A reader of everything from now on.
    pub fn feed(self: &Arc<Self>) -> Feed {
        let lane = self.queue.lock().join();
        Feed::new(self.clone(), lane, self.written.subscribe())
    }

    /// A reader of one task, from the event behind `after` to its last.
    pub fn follow(self: &Arc<Self>, task: &TaskId, after: Option<u64>) -> Follower {
        let next = after.map_or(0, |seq| seq.saturating_add(1));
        Follower::new(self.clone(), task.clone(), next, self.written.subscribe())
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
        let Some(oldest) = tasks.finished.pop_front() else {
            return;
        };
        let Some(log) = tasks.by_id.get(&oldest).cloned() else {
            return;
        };
        let only_copy = log.told.lock().events.is_only_copy();
        if only_copy && self.queue.lock().names(&oldest) {
            // Some reader has still to see them; they go with a later one.
            tasks.finished.push_back(oldest);
            return;
        }
        log.told.lock().events.forget();
    }
}

/// What an event changes about the task as lists show it.
pub(crate) fn fold(view: &mut TaskView, event: &Event) {
    view.seq = event.seq;
    match &event.update {
        Update::Started { model, .. } => view.model = Some(model.clone()),
        Update::Usage { usage } => view.usage.get_or_insert_default().add(usage),
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
        model: None,
        usage: None,
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
pub(crate) mod tests {
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
    fn a_view_sums_what_the_task_used_and_an_unknown_price_stays_unknown() {
        let log = log_with("t");
        let task = TaskId::from("t");
        let call = |cost| Update::Usage {
            usage: Usage {
                input_tokens: 10,
                output_tokens: 2,
                cost_micro_usd: cost,
                ..Usage::default()
            },
        };
        assert_eq!(log.view(&task).unwrap().usage, None);
        log.append(&task, call(Some(5)));
        log.append(&task, call(Some(6)));
        let usage = log.view(&task).unwrap().usage.unwrap();
        assert_eq!((usage.input_tokens, usage.cost_micro_usd), (20, Some(11)));
        log.append(&task, call(None));
        log.append(&task, call(Some(1)));
        let usage = log.view(&task).unwrap().usage.unwrap();
        assert_eq!((usage.output_tokens, usage.cost_micro_usd), (8, None));
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
        let mut late = log.feed();
        assert!(late.try_next().is_none());
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
        assert_eq!(log.queue.lock().len(), 2, "one reference a reader");
        drop((slow, quick));
        log.append(&task, prompt("y"));
        assert_eq!(log.queue.lock().len(), 0);
    }

    #[tokio::test]
    async fn r1_what_left_the_memory_is_read_back_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = camino::Utf8Path::from_path(folder.path()).unwrap();
        let state = Arc::new(sandbox::Tree::create(path).unwrap());
        let log = Arc::new(Log::new());
        let task = TaskId::from("t");
        let open = crate::history::Opening::Fresh;
        let history = History::open(&state, &"s".into(), open).unwrap();
        log.open(
            fresh_view("t".into(), "s".into(), String::new()),
            Some(history),
        );
        let mut stalled = log.feed();
        let mut follower = log.follow(&task, None);
        let count: u64 = 3_000;
        let text = |seq: u64| "x".repeat(usize::try_from(seq % 700).unwrap()) + &seq.to_string();
        for seq in 0..count {
            // Now and then one that is longer than the window and a piece together.
            let long = if seq % 1_000 == 17 { 200_000 } else { 0 };
            log.append(&task, prompt(&(text(seq) + &"y".repeat(long))));
            if seq == 100 {
                for seq in 0..50 {
                    assert_eq!(follower.next().await.unwrap().seq, seq);
                }
            }
        }
        log.append(&task, finished());
        assert_eq!(log.queue.lock().len(), 1, "one run");
        let bytes = log.task(&task).unwrap().told.lock().events.bytes();
        assert!(bytes <= window::WINDOW, "{bytes}");
        let is_right = |event: &Event| match &event.update {
            Update::Prompt { text: said, .. } => said.trim_end_matches('y') == text(event.seq),
            update => event.seq == count && matches!(update, Update::Finished { .. }),
        };
        for seq in 0..=count {
            let Signal::Event(event) = stalled.next().await else {
                panic!("an event")
            };
            assert!(event.seq == seq && is_right(&event), "{seq}");
        }
        for seq in 50..=count {
            let event = follower.next().await.unwrap();
            assert!(event.seq == seq && is_right(&event), "{seq}");
        }
        assert!(follower.next().await.is_none());
        let all = replayed(&log, &task, Some(9));
        assert_eq!(all, (10..=count).collect::<Vec<_>>());
        for number in 0..=KEPT {
            let name = format!("other{number}");
            log.open(
                fresh_view(name.as_str().into(), "o".into(), String::new()),
                None,
            );
            log.append(&name.as_str().into(), finished());
        }
        let mut late = log.follow(&task, Some(count - 1));
        assert_eq!(late.next().await.unwrap().seq, count, "also of old tasks");
    }

    #[tokio::test]
    async fn a_follower_reads_one_task_to_its_end() {
        let log = log_with("t");
        let task = TaskId::from("t");
        log.append(&task, prompt("early"));
        let mut follower = log.follow(&task, None);
        log.append(&task, finished());
        assert_eq!(follower.next().await.unwrap().seq, 0);
        assert_eq!(follower.next().await.unwrap().seq, 1);
        assert!(follower.next().await.is_none());
        assert_eq!(log.queue.lock().len(), 0, "it holds nothing back");
    }
}
