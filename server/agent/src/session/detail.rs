//! Detail: one session as somebody who looks at it sees it: its tasks, what they cost, and whether it can go on.

use super::{SessionView, is_zero};
use crate::events::{fold, fresh_view};
use crate::history;
use protocol::{Event, Failure, SessionId, TaskView, Update};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// A session with its tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionDetail {
    /// As lists show it.
    pub session: SessionView,
    /// Its tasks, oldest first.
    pub tasks: Vec<TaskView>,
    /// What its model calls cost, in millionths of a US dollar; calls without a known price are not in it.
    pub spent_micro_usd: u64,
    /// How many model calls have no known price; absent where none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unpriced_calls: u64,
    /// How many events it has.
    pub events: u64,
}

#[derive(Default)]
struct Reading {
    title: String,
    created: String,
    tasks: Vec<TaskView>,
    spent: u64,
    unpriced: u64,
    events: u64,
}

/// Reads a session one event at a time.
///
/// # Errors
/// `not_found`, `io`.
pub fn detail(state: &sandbox::Tree, id: &SessionId) -> Result<SessionDetail, Failure> {
    let mut reading = Reading::default();
    let damage = history::scan(state, id, |event| {
        reading.take(&event);
        ControlFlow::Continue(())
    })?;
    let session = SessionView {
        id: id.clone(),
        title: reading.title,
        created: reading.created,
        tasks: u32::try_from(reading.tasks.len()).unwrap_or(u32::MAX),
        finished: reading.tasks.last().and_then(|task| task.finished),
        damaged: damage.count(),
    };
    Ok(SessionDetail {
        session,
        tasks: reading.tasks,
        spent_micro_usd: reading.spent,
        unpriced_calls: reading.unpriced,
        events: reading.events,
    })
}

impl Reading {
    fn take(&mut self, event: &Event) {
        self.events += 1;
        if self.created.is_empty() {
            self.created.clone_from(&event.ts);
        }
        if self.tasks.last().is_none_or(|last| last.id != event.task) {
            let mut fresh = fresh_view(event.task.clone(), event.session.clone(), String::new());
            fresh.created.clone_from(&event.ts);
            self.tasks.push(fresh);
        }
        if let Some(task) = self.tasks.last_mut() {
            fold(task, event);
            if let Update::Started { request, .. } = &event.update {
                task.title = crate::prompt::title(request);
            }
        }
        match &event.update {
            Update::Started { request, .. } if self.title.is_empty() => {
                self.title = crate::prompt::title(request);
            }
            Update::Usage { usage } => match usage.cost_micro_usd {
                Some(cost) => self.spent = self.spent.saturating_add(cost),
                None => self.unpriced += 1,
            },
            _ => {}
        }
    }
}
