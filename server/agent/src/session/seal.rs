//! Seal: what a dead process left open, brought to an end by what the history has of it: a result for every call (A5) and a
//! `finished` (P1). A patch that landed stays landed, and its task ends as its tests say.

use super::Past;
use crate::events::{fold, fresh_view, now};
use protocol::{
    CallId, Code, Event, Failure, FinishReason, PatchId, PatchState, Phase, TaskId, TaskView,
    TestVerdict, Update,
};
use std::collections::HashSet;

const WHY: &str = "the program ended before the task did";

/// How far a task came with its landing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Landing {
    NotBegun,
    Begun,
    Done,
}

impl Past {
    /// The end of the interrupted task: results of its open calls, what its call under way may have used, its `finished`. `record`
    /// is what the record of its patch says of it, where there is one: whether what landed is what the tests saw.
    pub fn seal(&self, used: Option<protocol::Usage>, record: Option<bool>) -> Vec<Event> {
        let Some(last) = self.interrupted() else {
            return Vec::new();
        };
        let answered: HashSet<_> = self.of(&last.task).filter_map(answer).collect();
        let calls = self.of(&last.task).filter_map(|event| match &event.update {
            Update::ToolCall { call } if !answered.contains(&call.id) => Some(call.id.clone()),
            _ => None,
        });
        let results = calls.map(|id| Update::ToolResult {
            result: protocol::ToolResult {
                id,
                status: protocol::ToolStatus::Failed,
                output: WHY.into(),
                failure: Some(Failure::new(Code::Cancelled, WHY)),
                exit_code: None,
                enforced_by: Vec::new(),
                duration_ms: 0,
            },
        });
        let (reason, summary) = self.end(&last.task, record);
        let finished = Update::Finished {
            reason,
            exit_code: reason.exit_code(),
            summary,
            failure: None,
            usage: protocol::Usage::default(),
            duration_ms: 0,
        };
        let used = used.map(|usage| Update::Usage { usage });
        let updates = results.chain(used).chain([finished]);
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

    /// The interrupted task as it stands, where its patch has landed: there is nothing left to do but to say so.
    pub fn landed(&self) -> Option<TaskView> {
        let last = self.interrupted()?;
        if self.landing(&last.task) != Landing::Done {
            return None;
        }
        let title = self.requested(&last.task).map(crate::prompt::title);
        let title = title.unwrap_or_default();
        let mut view = fresh_view(last.task.clone(), last.session.clone(), title);
        let first = self.of(&last.task).next();
        view.created
            .clone_from(&first.map_or(last, |first| first).ts);
        self.of(&last.task).for_each(|event| fold(&mut view, event));
        Some(view)
    }

    /// The newest patch of the interrupted task.
    pub fn patch(&self) -> Option<&PatchId> {
        let last = self.interrupted()?;
        let mut newest = None;
        for event in self.of(&last.task) {
            if let Update::Patch { patch } = &event.update {
                newest = Some(&patch.id);
            }
        }
        newest
    }

    pub(super) fn landing(&self, task: &TaskId) -> Landing {
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

    fn end(&self, task: &TaskId, record: Option<bool>) -> (FinishReason, String) {
        let cancelled = |files: &str| (FinishReason::Cancelled, format!("{WHY}; {files}"));
        match self.landing(task) {
            Landing::NotBegun => cancelled("your files are as they were"),
            Landing::Begun => cancelled(
                "it was landing its patch: look at your files, and at `animus patch list`",
            ),
            Landing::Done if self.is_proven(task) && record.unwrap_or(true) => (
                FinishReason::Verified,
                format!("{WHY}; its patch is in your files, and its tests had passed"),
            ),
            Landing::Done => (
                FinishReason::Unverified,
                format!(
                    "Not verified: no green test run stands behind what landed. {WHY}; its patch is in your files"
                ),
            ),
        }
    }

    /// Whether the last test run before the landing was green, and newer than the last change of the draft.
    fn is_proven(&self, task: &TaskId) -> bool {
        let mut green = false;
        for event in self.of(task) {
            match &event.update {
                Update::Draft { .. } => green = false,
                Update::Test { report } => green = report.verdict == TestVerdict::Passed,
                Update::PatchState {
                    state: PatchState::Landed,
                    ..
                } => return green,
                _ => {}
            }
        }
        false
    }
}

fn answer(event: &Event) -> Option<CallId> {
    match &event.update {
        Update::ToolResult { result } => Some(result.id.clone()),
        _ => None,
    }
}
