//! Session: tasks that share a conversation, rebuilt from history alone (A3).

mod detail;
mod fork;
mod seal;
mod under_way;

pub use detail::{SessionDetail, detail};
pub(crate) use fork::fork;

use crate::conversation::Conversation;
use crate::events::{fold, fresh_view};
use crate::history::{self, Damage};
use protocol::{
    ApprovalId, AskedCall, BudgetState, CallId, Event, Failure, FinishReason, Phase, Plan,
    SessionId, TaskId, TaskView, ToolCall, Update,
};
use schemars::JsonSchema;
use seal::Landing;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// A session as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// Names the session.
    pub id: SessionId,
    /// Title of its first task.
    pub title: String,
    /// When its first task began, RFC 3339 in UTC.
    pub created: String,
    /// How many tasks it has.
    pub tasks: u32,
    /// How the last of them ended; absent where the process died under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<FinishReason>,
    /// How many facts of its history are damaged or missing, at least; absent where none is.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub damaged: u64,
}

/// A session's past.
#[derive(Debug, Default)]
pub struct Past {
    /// Everything that happened, oldest first, as far as it is whole.
    pub events: Vec<Event>,
    /// What is not whole.
    pub damage: Damage,
}

impl Past {
    /// Reads a session.
    ///
    /// # Errors
    /// `not_found`, `io`.
    pub fn load(state: &sandbox::Tree, session: &SessionId) -> Result<Past, Failure> {
        history::load(state, session).map(|(events, damage)| Past { events, damage })
    }

    /// What models were told and said.
    pub fn conversation(&self) -> Conversation {
        Conversation::fold(&self.events)
    }

    /// The role whose model a dead process was asking when it ended, with the request of its task.
    pub fn under_way(&self) -> Option<(llm::Role, &protocol::TaskRequest)> {
        let last = self.interrupted()?;
        let role = under_way::asked(self.of(&last.task))?;
        self.requested(&last.task).map(|request| (role, request))
    }

    /// The changes that the interrupted task made to its draft, as unified diffs in order; none once it began to land.
    pub fn draft(&self) -> Vec<String> {
        let Some(last) = self.interrupted() else {
            return Vec::new();
        };
        if self.landing(&last.task) != Landing::NotBegun {
            return Vec::new();
        }
        let diff = |event: &Event| match &event.update {
            Update::Draft { diff, .. } => Some(diff.clone()),
            _ => None,
        };
        self.of(&last.task).filter_map(diff).collect()
    }

    /// The plan of the interrupted task, once it was past its planning and unless it was landing.
    pub fn plan(&self) -> Option<Plan> {
        let last = self.interrupted()?;
        if self.landing(&last.task) != Landing::NotBegun {
            return None;
        }
        let (mut plan, mut worked) = (None, false);
        for event in self.of(&last.task) {
            match &event.update {
                Update::Plan { plan: newest } => plan = Some(newest.clone()),
                Update::Phase {
                    phase: Phase::Act, ..
                } => worked = true,
                _ => {}
            }
        }
        plan.filter(|_| worked)
    }

    /// The request of the interrupted task, if one was interrupted and its patch had not landed.
    pub fn unfinished(&self) -> Option<&protocol::TaskRequest> {
        let last = self.interrupted()?;
        if self.landing(&last.task) == Landing::Done {
            return None;
        }
        self.requested(&last.task)
    }

    /// The calls of the interrupted task that waited for a person's word: they did not run, so they may be asked for again. One with
    /// a masked key is left out, since nobody has its input any more.
    pub fn waiting_calls(&self) -> Vec<AskedCall> {
        let Some(last) = self.interrupted() else {
            return Vec::new();
        };
        let mut calls: Vec<&ToolCall> = Vec::new();
        let mut open: Vec<(&ApprovalId, &CallId)> = Vec::new();
        for event in self.of(&last.task) {
            match &event.update {
                Update::ToolCall { call } => calls.push(call),
                Update::Approval { approval } => {
                    open.extend(approval.call.as_ref().map(|call| (&approval.id, call)));
                }
                Update::ApprovalResolved { id, .. } => open.retain(|(of, _)| *of != id),
                Update::ToolResult { result } => open.retain(|(_, call)| **call != result.id),
                _ => {}
            }
        }
        let waits = |call: &&ToolCall| open.iter().any(|(_, id)| **id == call.id);
        let whole = |call: &&ToolCall| !call.input.to_string().contains(llm::MASK);
        let asked = calls.into_iter().filter(waits).filter(whole);
        asked
            .map(|call| AskedCall {
                name: call.name.clone(),
                args: call.input.clone(),
            })
            .collect()
    }

    fn requested<'a>(&'a self, task: &'a TaskId) -> Option<&'a protocol::TaskRequest> {
        self.of(task).find_map(|event| match &event.update {
            Update::Started { request, .. } => Some(request),
            _ => None,
        })
    }

    /// What a person raised the session's cap to, in micro-dollars.
    pub fn raised_to(&self) -> Option<u64> {
        let raised = |event: &Event| match &event.update {
            Update::Budget {
                scope,
                state: BudgetState::Raised,
                limit_micro_usd,
                ..
            } if *scope == llm::Scope::Session.to_string() => Some(*limit_micro_usd),
            _ => None,
        };
        self.events.iter().filter_map(raised).max()
    }

    /// The last event, where it is not the end of its task.
    fn interrupted(&self) -> Option<&Event> {
        self.events
            .last()
            .filter(|last| !matches!(last.update, Update::Finished { .. }))
    }

    fn of<'a>(&'a self, task: &'a TaskId) -> impl Iterator<Item = &'a Event> {
        self.events.iter().filter(move |event| event.task == *task)
    }

    /// What its model calls cost so far, in micro-dollars; calls without a known price count nothing.
    pub fn spent(&self) -> u64 {
        let cost = |event: &Event| match &event.update {
            Update::Usage { usage } => usage.cost_micro_usd,
            _ => None,
        };
        self.events
            .iter()
            .filter_map(cost)
            .fold(0, u64::saturating_add)
    }
}

/// A session as lists show it, read one event at a time.
///
/// # Errors
/// `not_found`, `io`.
pub fn view(state: &sandbox::Tree, id: &SessionId) -> Result<SessionView, Failure> {
    let mut view = SessionView {
        id: id.clone(),
        title: String::new(),
        created: String::new(),
        tasks: 0,
        finished: None,
        damaged: 0,
    };
    let mut tasks = HashSet::new();
    let mut last: Option<TaskView> = None;
    let damage = history::scan(state, id, |event| {
        if view.created.is_empty() {
            view.created.clone_from(&event.ts);
        }
        if let (Update::Started { request, .. }, true) = (&event.update, view.title.is_empty()) {
            view.title = crate::prompt::title(request);
        }
        tasks.insert(event.task.clone());
        let same = last.take().filter(|last| last.id == event.task);
        let fresh = || fresh_view(event.task.clone(), id.clone(), String::new());
        let mut task = same.unwrap_or_else(fresh);
        fold(&mut task, &event);
        last = Some(task);
        ControlFlow::Continue(())
    })?;
    view.tasks = u32::try_from(tasks.len()).unwrap_or(u32::MAX);
    view.finished = last.and_then(|task| task.finished);
    view.damaged = damage.count();
    Ok(view)
}

/// Every session on disk that says something or is damaged, newest first.
pub fn list(state: &sandbox::Tree) -> Vec<SessionView> {
    let sessions = history::sessions(state).into_iter();
    sessions
        .filter_map(|id| view(state, &id).ok())
        .filter(|view| view.tasks > 0 || view.damaged > 0)
        .collect()
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
