//! Fork: a new session with the past of another up to a chosen event. Its money is its own: what the other one spent, its caps and
//! what was allowed for the length of that session do not come along.

use crate::history::{self, History, Opening};
use crate::new_id;
use protocol::{Code, Event, Failure, Scope, SessionId, TaskId, Update};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Where the past of a fork ends.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// With all of this task.
    Task(TaskId),
    /// With this event of this task.
    Event(TaskId, u64),
}

/// Makes the new session. `at` is a task, or the number of an event of the last task; everything where absent.
///
/// # Errors
/// `not_found` for a session or a place in it that is not there, `io`.
pub(crate) fn fork(
    state: &Arc<sandbox::Tree>,
    session: &SessionId,
    at: Option<&str>,
) -> Result<SessionId, Failure> {
    let end = end(state, session, at)?;
    let id = SessionId(new_id());
    let mut copy = History::open(state, &id, Opening::Fresh)
        .map_err(|error| history::failed(&id, "opened", &error))?;
    let mut writing = Writing {
        session: id.clone(),
        task: None,
        next: 0,
    };
    let mut passed = false;
    let mut trouble = None;
    history::scan(state, session, |event| {
        let of_end = event.task == *end.task();
        if passed && !of_end {
            return ControlFlow::Break(());
        }
        passed |= of_end;
        let last = matches!(&end, End::Event(_, seq) if of_end && event.seq >= *seq);
        let written = writing.own(event).map(|event| copy.append(&event));
        trouble = written.and_then(Result::err);
        match trouble.is_some() || last {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })?;
    if let Some(error) = trouble {
        drop(copy);
        history::delete(state, &id)?;
        return Err(history::failed(&id, "written", &error));
    }
    Ok(id)
}

fn end(state: &sandbox::Tree, session: &SessionId, at: Option<&str>) -> Result<End, Failure> {
    let mut tasks: Vec<(TaskId, u64)> = Vec::new();
    history::scan(state, session, |event| {
        match tasks.last_mut() {
            Some((task, last)) if *task == event.task => *last = event.seq,
            _ => tasks.push((event.task, event.seq)),
        }
        ControlFlow::Continue(())
    })?;
    let Some((newest, last)) = tasks.last() else {
        return Err(Failure::new(
            Code::NotFound,
            format!("nothing of session {session} is whole"),
        ));
    };
    let Some(at) = at else {
        return Ok(End::Task(newest.clone()));
    };
    if tasks.iter().any(|(task, _)| task.as_str() == at) {
        return Ok(End::Task(at.into()));
    }
    match at.parse() {
        Ok(seq) if seq <= *last => Ok(End::Event(newest.clone(), seq)),
        _ => Err(Failure::new(
            Code::NotFound,
            format!("session {session} has no task {at}, and its last task no event {at}"),
        )
        .hint(
            "`animus session show` lists the tasks; events of the last task are numbered from 0",
        )),
    }
}

impl End {
    fn task(&self) -> &TaskId {
        match self {
            End::Task(task) | End::Event(task, _) => task,
        }
    }
}

/// Numbers the copy's events anew, since some are left out.
struct Writing {
    session: SessionId,
    task: Option<TaskId>,
    next: u64,
}

impl Writing {
    /// The event as the new session has it; none for what does not come along.
    fn own(&mut self, mut event: Event) -> Option<Event> {
        match &mut event.update {
            Update::Usage { .. } | Update::Budget { .. } => return None,
            Update::ApprovalResolved { scope, .. } if *scope == Some(Scope::Session) => {
                *scope = Some(Scope::Once);
            }
            Update::Started { request, .. } => request.session = Some(self.session.clone()),
            _ => {}
        }
        if self.task.as_ref() != Some(&event.task) {
            self.task = Some(event.task.clone());
            self.next = 0;
        }
        event.session = self.session.clone();
        event.seq = self.next;
        self.next += 1;
        Some(event)
    }
}
