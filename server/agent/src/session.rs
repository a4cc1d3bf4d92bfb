//! Session: tasks that share a conversation, rebuilt from history alone (A3).

use crate::conversation::Conversation;
use crate::events::{fold, fresh_view, now};
use crate::history;
use protocol::{
    CallId, Code, Event, Failure, FinishReason, PatchState, Phase, SessionId, TaskId, Update,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

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
}

/// How far a task came with its landing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Landing {
    NotBegun,
    Begun,
    Done,
}

/// A session's past.
#[derive(Debug, Default)]
pub struct Past {
    /// Everything that happened, oldest first.
    pub events: Vec<Event>,
}

impl Past {
    /// Reads a session.
    ///
    /// # Errors
    /// `not_found`, `io`.
    pub fn load(state: &sandbox::Tree, session: &SessionId) -> Result<Past, Failure> {
        history::load(state, session).map(|events| Past { events })
    }

    /// What models were told and said.
    pub fn conversation(&self) -> Conversation {
        Conversation::fold(&self.events)
    }

    /// What a dead process left open, brought to an end: a result for every call (A5) and the last task's `finished` (P1).
    pub fn seal(&self) -> Vec<Event> {
        let Some(last) = self.interrupted() else {
            return Vec::new();
        };
        let why = "the program ended before the task did";
        let answered: HashSet<_> = self.of(&last.task).filter_map(answer).collect();
        let calls = self.of(&last.task).filter_map(|event| match &event.update {
            Update::ToolCall { call } if !answered.contains(&call.id) => Some(call.id.clone()),
            _ => None,
        });
        let results = calls.map(|id| Update::ToolResult {
            result: protocol::ToolResult {
                id,
                status: protocol::ToolStatus::Failed,
                output: why.into(),
                failure: Some(Failure::new(Code::Cancelled, why)),
                exit_code: None,
                enforced_by: Vec::new(),
                duration_ms: 0,
            },
        });
        let files = match self.landing(&last.task) {
            Landing::NotBegun => "your files are as they were",
            Landing::Begun => {
                "it was landing its patch: look at your files, and at `animus patch list`"
            }
            Landing::Done => "its patch is in your files",
        };
        let finished = Update::Finished {
            reason: FinishReason::Cancelled,
            exit_code: FinishReason::Cancelled.exit_code(),
            summary: format!("{why}; {files}"),
            failure: None,
            usage: protocol::Usage::default(),
            duration_ms: 0,
        };
        let updates = results.chain([finished]);
        updates
            .zip(last.seq + 1..)
            .map(|(update, seq)| Event {
                seq,
                ts: now(),
                update,
                ..last.clone()
            })
            .collect()
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

    /// The request of the interrupted task, if one was interrupted and its patch had not landed.
    pub fn unfinished(&self) -> Option<&protocol::TaskRequest> {
        let last = self.interrupted()?;
        if self.landing(&last.task) == Landing::Done {
            return None;
        }
        self.of(&last.task).find_map(|event| match &event.update {
            Update::Started { request, .. } => Some(request),
            _ => None,
        })
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

    fn landing(&self, task: &TaskId) -> Landing {
        let mut landing = Landing::NotBegun;
        for event in self.of(task) {
            match &event.update {
                Update::Phase {
                    phase: Phase::Land, ..
                } => landing = Landing::Begun,
                Update::PatchState {
                    state: PatchState::Landed,
                    ..
                } => landing = Landing::Done,
                _ => {}
            }
        }
        landing
    }

    /// As lists show it.
    pub fn view(&self, id: &SessionId) -> Option<SessionView> {
        let first = self.events.first()?;
        let mut tasks = BTreeMap::new();
        let mut title = String::new();
        for event in &self.events {
            if let (Update::Started { request, .. }, true) = (&event.update, title.is_empty()) {
                title = crate::prompt::title(request);
            }
            let fresh = || fresh_view(event.task.clone(), id.clone(), String::new());
            fold(tasks.entry(event.task.clone()).or_insert_with(fresh), event);
        }
        let last: &TaskId = &self.events.last()?.task;
        Some(SessionView {
            id: id.clone(),
            title,
            created: first.ts.clone(),
            tasks: u32::try_from(tasks.len()).unwrap_or(u32::MAX),
            finished: tasks.get(last).and_then(|view| view.finished),
        })
    }
}

/// Every session on disk, newest first.
pub fn list(state: &sandbox::Tree) -> Vec<SessionView> {
    let sessions = history::sessions(state).into_iter();
    sessions
        .filter_map(|id| Past::load(state, &id).ok()?.view(&id))
        .collect()
}

fn answer(event: &Event) -> Option<CallId> {
    match &event.update {
        Update::ToolResult { result } => Some(result.id.clone()),
        _ => None,
    }
}
