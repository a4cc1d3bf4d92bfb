//! Approvals: questions to a person. No answer before the deadline, a cancel or an end of the task means no.

use parking_lot::Mutex;
use protocol::{Approval, ApprovalId, Code, Failure, PermissionOption, SessionId};
use std::collections::HashMap;
use tokio::sync::oneshot;

/// What somebody answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Go ahead.
    Yes,
    /// Do not.
    No,
}

/// The open questions and what a session remembers.
#[derive(Debug, Default)]
pub struct Approvals {
    open: Mutex<HashMap<ApprovalId, Open>>,
    remembered: Mutex<HashMap<(SessionId, Vec<String>), Answer>>,
}

#[derive(Debug)]
struct Open {
    approval: Approval,
    session: SessionId,
    answer: oneshot::Sender<Answer>,
}

impl Approvals {
    /// What the session remembers about exactly this.
    pub fn remembered(&self, session: &SessionId, details: &[String]) -> Option<Answer> {
        self.remembered
            .lock()
            .get(&(session.clone(), details.to_vec()))
            .copied()
    }

    /// Opens a question. The receiver gets the answer; dropping it closes the question.
    pub fn ask(&self, session: &SessionId, approval: Approval) -> oneshot::Receiver<Answer> {
        let (answer, receiver) = oneshot::channel();
        let open = Open {
            approval: approval.clone(),
            session: session.clone(),
            answer,
        };
        self.open.lock().insert(approval.id, open);
        receiver
    }

    /// Forgets a question that nobody waits for any more.
    pub fn close(&self, id: &ApprovalId) {
        self.open.lock().remove(id);
    }

    /// The open questions, in a stable order.
    pub fn open(&self) -> Vec<Approval> {
        let mut all: Vec<Approval> = self
            .open
            .lock()
            .values()
            .map(|open| open.approval.clone())
            .collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// Takes an answer.
    ///
    /// # Errors
    /// `not_found` for a question that is not open.
    pub fn resolve(&self, id: &ApprovalId, option: PermissionOption) -> Result<(), Failure> {
        let gone = || Failure::new(Code::NotFound, format!("there is no open question {id}"));
        let open = self.open.lock().remove(id).ok_or_else(gone)?;
        let answer = match option {
            PermissionOption::AllowOnce | PermissionOption::AllowAlways => Answer::Yes,
            PermissionOption::RejectOnce | PermissionOption::RejectAlways => Answer::No,
        };
        open.answer.send(answer).map_err(|_| gone())?;
        // Only an answer that came in time is remembered.
        if matches!(
            option,
            PermissionOption::AllowAlways | PermissionOption::RejectAlways
        ) {
            self.remembered
                .lock()
                .insert((open.session, open.approval.details), answer);
        }
        Ok(())
    }
}
