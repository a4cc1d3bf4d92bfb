//! Elsewhere: tasks that another process of the same workspace works on, as the log here tells them. Their history is that
//! process's own; here they are folded and told, each event once and in order (P1).

use super::{Home, Log, TaskLog, Told, Window, Writer, fold, fresh_view, now};
use crate::feed::Signal;
use parking_lot::Mutex;
use protocol::{Event, FinishReason, PROTOCOL_VERSION, Phase, TaskId, TaskView, Update, Usage};
use std::sync::Arc;

/// What became of an event of another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mirrored {
    /// It was told.
    Told,
    /// It had been told before, or its task is ours or over.
    Known,
    /// Events from this number up to it were not told yet.
    Gap(u64),
}

impl Log {
    /// Takes in a task of another process as it stands; its events so far are in its history.
    pub fn adopt(&self, view: TaskView) {
        let mut tasks = self.tasks.lock();
        if !tasks.by_id.contains_key(&view.id) {
            let next = match view.phase {
                // Nothing was told of it yet.
                Phase::Intake if view.seq == 0 => 0,
                _ => view.seq + 1,
            };
            tasks.order.push(view.id.clone());
            tasks
                .by_id
                .insert(view.id.clone(), Arc::new(of_another(view, next)));
        }
    }

    /// Takes in an event of another process. Behind a gap nothing changes.
    pub fn mirror(&self, event: &Arc<Event>) -> Mirrored {
        let log = {
            let mut tasks = self.tasks.lock();
            let known = tasks.by_id.get(&event.task).cloned();
            known.unwrap_or_else(|| {
                let view = fresh_view(event.task.clone(), event.session.clone(), String::new());
                let log = Arc::new(of_another(view, 0));
                tasks.order.push(event.task.clone());
                tasks.by_id.insert(event.task.clone(), log.clone());
                log
            })
        };
        let mut writer = log.writer.lock();
        let over = log.told.lock().view.finished.is_some();
        if over || log.home == Home::Here || event.seq < writer.next {
            return Mirrored::Known;
        }
        if event.seq > writer.next {
            return Mirrored::Gap(writer.next);
        }
        self.tell(&log, &mut writer, event.clone());
        drop(writer);
        self.written.send_modify(|count| *count += 1);
        Mirrored::Told
    }

    /// Lets a task of another process go on from this number: what lies before is lost to us.
    pub fn skip_to(&self, task: &TaskId, seq: u64) {
        if let Some(log) = self.elsewhere(task) {
            let mut writer = log.writer.lock();
            if seq > writer.next {
                writer.next = seq;
                log.told.lock().events = Window::borrowed(seq);
            }
        }
    }

    /// Ends a task whose process is gone, for the readers here. Its session says the same once it is resumed.
    pub fn orphan(&self, task: &TaskId) {
        let Some(log) = self.elsewhere(task) else {
            return;
        };
        let mut writer = log.writer.lock();
        let (over, session) = {
            let told = log.told.lock();
            (told.view.finished.is_some(), told.view.session.clone())
        };
        if over {
            return;
        }
        let summary = format!(
            "the program that worked on this task is gone; `animus session resume {session}` goes on with it"
        );
        let event = Event {
            v: PROTOCOL_VERSION,
            task: task.clone(),
            session,
            seq: writer.next,
            ts: now(),
            update: Update::Finished {
                reason: FinishReason::Cancelled,
                exit_code: FinishReason::Cancelled.exit_code(),
                summary,
                failure: None,
                usage: Usage::default(),
                duration_ms: 0,
            },
        };
        self.tell(&log, &mut writer, Arc::new(event));
        drop(writer);
        self.written.send_modify(|count| *count += 1);
    }

    /// Whether another process works on a task, or did.
    pub fn is_elsewhere(&self, task: &TaskId) -> bool {
        self.elsewhere(task).is_some()
    }

    fn elsewhere(&self, task: &TaskId) -> Option<Arc<TaskLog>> {
        self.task(task).filter(|log| log.home == Home::Elsewhere)
    }

    fn tell(&self, log: &TaskLog, writer: &mut Writer, event: Arc<Event>) {
        writer.next = event.seq + 1;
        let mut told = log.told.lock();
        if let Update::Started { request, .. } = &event.update {
            told.view.title = crate::prompt::title(request);
        }
        fold(&mut told.view, &event);
        told.events.push(event.clone(), None);
        drop(told);
        self.queue.lock().say(&Signal::Elsewhere(event));
    }
}

fn of_another(view: TaskView, next: u64) -> TaskLog {
    TaskLog {
        home: Home::Elsewhere,
        writer: Mutex::new(Writer {
            next,
            history: None,
        }),
        told: Mutex::new(Told {
            view,
            events: Window::borrowed(next),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::tests::log_with;

    fn event(seq: u64, update: Update) -> Arc<Event> {
        Arc::new(Event {
            v: PROTOCOL_VERSION,
            task: "far".into(),
            session: "s".into(),
            seq,
            ts: now(),
            update,
        })
    }

    fn phase(seq: u64, phase: Phase) -> Arc<Event> {
        let from = Phase::Intake;
        event(seq, Update::Phase { phase, from })
    }

    #[tokio::test]
    async fn an_event_is_told_once_and_a_gap_is_named() {
        let log = log_with("near");
        let far = TaskId::from("far");
        let mut feed = log.feed();
        assert_eq!(log.mirror(&phase(0, Phase::Context)), Mirrored::Told);
        assert_eq!(log.mirror(&phase(0, Phase::Context)), Mirrored::Known);
        assert_eq!(log.mirror(&phase(2, Phase::Act)), Mirrored::Gap(1));
        log.skip_to(&far, 2);
        assert_eq!(log.mirror(&phase(2, Phase::Act)), Mirrored::Told);
        assert_eq!(log.view(&far).unwrap().phase, Phase::Act);
        for seq in [0, 2] {
            let Signal::Elsewhere(event) = feed.next().await else {
                panic!("of another process")
            };
            assert_eq!(event.seq, seq);
        }
        assert!(log.is_elsewhere(&far) && !log.is_elsewhere(&"near".into()));
    }

    #[tokio::test]
    async fn a_reader_follows_a_task_of_another_process_and_is_told_where_it_must_read_itself() {
        let log = log_with("near");
        let far = TaskId::from("far");
        log.mirror(&phase(0, Phase::Context));
        let mut reader = log.follow(&far, None);
        assert_eq!(reader.next().await.unwrap().seq, 0);
        log.mirror(&phase(1, Phase::Act));
        assert_eq!(reader.next().await.unwrap().seq, 1);
        log.skip_to(&far, 5);
        log.mirror(&phase(5, Phase::Test));
        assert!(reader.next().await.is_none(), "2 to 4 were never here");
        let mut reader = log.follow(&far, Some(4));
        assert_eq!(reader.next().await.unwrap().seq, 5);
        log.orphan(&far);
        assert_eq!(reader.next().await.unwrap().seq, 6);
        assert!(reader.next().await.is_none() && reader.is_over());
    }

    #[test]
    fn a_task_is_adopted_as_it_stands_and_ends_with_its_process() {
        let log = log_with("near");
        let far = TaskId::from("far");
        let mut view = fresh_view(far.clone(), "s".into(), "Far".into());
        (view.seq, view.phase) = (7, Phase::Act);
        log.adopt(view);
        assert_eq!(log.mirror(&phase(7, Phase::Act)), Mirrored::Known);
        assert_eq!(log.mirror(&phase(8, Phase::Test)), Mirrored::Told);
        log.orphan(&far);
        log.orphan(&far);
        let view = log.view(&far).unwrap();
        assert_eq!(
            (view.seq, view.finished),
            (9, Some(FinishReason::Cancelled))
        );
        log.orphan(&"near".into());
        assert_eq!(log.view(&"near".into()).unwrap().finished, None);
    }
}
