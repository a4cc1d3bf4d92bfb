//! Approvals: questions to a person, and what was answered for longer than once. No answer before the deadline, a cancel or an
//! end of the task means no.

mod kept;

pub use kept::{Kept, KeptGrant, KeptTrust};

use parking_lot::Mutex;
use protocol::{
    Approval, ApprovalId, ApprovalState, Code, Covered, Event, Failure, PermissionOption, Scope,
    SessionId, Update,
};
use sandbox::{Grant, Tree};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;

/// What somebody answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Go ahead.
    Yes(Scope),
    /// Do not.
    No(Scope),
}

/// The open questions and what is remembered.
pub struct Approvals {
    open: Mutex<HashMap<ApprovalId, Open>>,
    sessions: Mutex<HashMap<SessionId, Memory>>,
    workspace: Kept,
    home: Option<Kept>,
}

/// What an answer beyond `once` is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Covers {
    /// Nothing: the next time is another question.
    Once,
    /// Exactly the details of the question.
    Details,
    /// Commands.
    Grants(Vec<Grant>),
    /// A key of the workspace's own configuration with exactly this value.
    Setting {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
    },
}

/// What a session remembers.
#[derive(Debug, Clone, Default)]
struct Memory {
    /// Answers to exactly these details.
    exact: HashMap<Vec<String>, Answer>,
    grants: Vec<Grant>,
}

/// A question, and when this process heard of it.
#[derive(Debug)]
pub(crate) struct Asked {
    approval: Approval,
    since: Instant,
}

impl Asked {
    /// A question that is asked now.
    pub(crate) fn now(approval: Approval) -> Asked {
        Asked {
            approval,
            since: Instant::now(),
        }
    }

    /// The question with the seconds that are left.
    pub(crate) fn left(&self) -> Approval {
        let mut approval = self.approval.clone();
        let gone = self.since.elapsed().as_secs();
        approval.deadline_seconds = approval.deadline_seconds.saturating_sub(gone);
        approval
    }
}

struct Open {
    asked: Asked,
    covers: Covers,
    session: SessionId,
    answer: oneshot::Sender<Answer>,
}

impl Approvals {
    /// Over the workspace's state folder and the one that all workspaces share.
    pub fn new(state: Arc<Tree>, home: Option<Arc<Tree>>) -> Approvals {
        Approvals {
            open: Mutex::default(),
            sessions: Mutex::default(),
            workspace: Kept::new(state),
            home: home.map(Kept::new),
        }
    }

    /// What the session remembers about exactly this.
    pub fn remembered(&self, session: &SessionId, details: &[String]) -> Option<Answer> {
        let sessions = self.sessions.lock();
        sessions.get(session)?.exact.get(details).copied()
    }

    /// Everything that was granted and holds in this session.
    ///
    /// # Errors
    /// `io` where what is kept cannot be read; then nothing counts as granted.
    pub fn grants(&self, session: &SessionId) -> Result<Vec<Grant>, Failure> {
        let mut grants = match self.sessions.lock().get(session) {
            Some(memory) => memory.grants.clone(),
            None => Vec::new(),
        };
        for kept in [Some(&self.workspace), self.home.as_ref()]
            .into_iter()
            .flatten()
        {
            grants.extend(kept.list()?.into_iter().map(|one| one.grant));
        }
        Ok(grants)
    }

    /// What was said of a key of the workspace's own configuration with exactly this value.
    ///
    /// # Errors
    /// `io` where what is kept cannot be read.
    pub fn trusted(&self, key: &str, value: &str) -> Result<Option<bool>, Failure> {
        let all = self.workspace.trusted()?;
        let said = all.iter().find(|one| one.key == key && one.value == value);
        Ok(said.map(|one| one.allowed))
    }

    /// Whether anything can be granted for every workspace.
    pub fn reaches_everywhere(&self) -> bool {
        self.home.is_some()
    }

    /// Brings back what a session remembered, from its history (A3).
    pub fn recall(&self, session: &SessionId, events: &[Event]) {
        let mut asked = HashMap::new();
        let mut memory = Memory::default();
        for event in events {
            match &event.update {
                Update::Approval { approval } => drop(asked.insert(&approval.id, approval)),
                Update::ApprovalResolved {
                    id,
                    state,
                    scope: Some(scope @ Scope::Session),
                } => {
                    if let Some(approval) = asked.get(id) {
                        let answer = match state {
                            ApprovalState::Allowed => Answer::Yes(*scope),
                            ApprovalState::Rejected | ApprovalState::Pending => Answer::No(*scope),
                        };
                        memory.note(approval, answer);
                    }
                }
                _ => {}
            }
        }
        self.sessions.lock().insert(session.clone(), memory);
    }

    /// Opens a question. The receiver gets the answer; dropping it closes the question.
    pub fn ask(
        &self,
        session: &SessionId,
        approval: Approval,
        covers: Covers,
    ) -> oneshot::Receiver<Answer> {
        let (answer, receiver) = oneshot::channel();
        let open = Open {
            asked: Asked::now(approval.clone()),
            covers,
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
            .map(|open| open.asked.left())
            .collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// Takes an answer. Without a `scope` it reaches as far as the narrowest option of its kind.
    ///
    /// # Errors
    /// `not_found` for a question that is not open; `invalid_input` for an answer that it does not take, and `io` where one
    /// cannot be kept: the question then stays open.
    pub fn resolve(
        &self,
        id: &ApprovalId,
        option: PermissionOption,
        scope: Option<Scope>,
    ) -> Result<(), Failure> {
        let gone = || Failure::new(Code::NotFound, format!("there is no open question {id}"));
        let (approval, covers) = match self.open.lock().get(id) {
            Some(open) if !open.answer.is_closed() => {
                (open.asked.approval.clone(), open.covers.clone())
            }
            Some(_) | None => return Err(gone()),
        };
        let answer = answer(&approval, option, scope)?;
        self.keep(&approval, &covers, answer)?;
        let open = self.open.lock().remove(id).ok_or_else(gone)?;
        // Only an answer that came in time is remembered.
        open.answer.send(answer).map_err(|_| gone())?;
        // What reaches further is kept elsewhere, and can be taken back there.
        if matches!(
            answer,
            Answer::Yes(Scope::Session) | Answer::No(Scope::Session)
        ) {
            let mut sessions = self.sessions.lock();
            sessions
                .entry(open.session)
                .or_default()
                .note(&open.asked.approval, answer);
        }
        Ok(())
    }

    /// Writes down what reaches beyond the session.
    fn keep(&self, approval: &Approval, covers: &Covers, answer: Answer) -> Result<(), Failure> {
        let (Answer::Yes(scope) | Answer::No(scope)) = answer;
        let kept = match scope {
            Scope::Once | Scope::Session => return Ok(()),
            Scope::Workspace => &self.workspace,
            Scope::Always => self.home.as_ref().ok_or_else(|| {
                Failure::new(
                    Code::Io,
                    "there is no folder to keep it in for all workspaces",
                )
            })?,
        };
        let line = approval.details.first().map_or("", String::as_str);
        match covers {
            Covers::Details | Covers::Once => Ok(()),
            Covers::Grants(grants) => kept.add(grants, line),
            Covers::Setting { key, value } => {
                kept.trust(key, value, matches!(answer, Answer::Yes(_)))
            }
        }
    }
}

impl Memory {
    fn note(&mut self, approval: &Approval, answer: Answer) {
        match answer {
            Answer::Yes(_) if !approval.covers.is_empty() => {
                self.grants.extend(granted(&approval.covers));
            }
            _ => drop(self.exact.insert(approval.details.clone(), answer)),
        }
    }
}

/// The answer that is meant, if the question takes it.
fn answer(
    approval: &Approval,
    kind: PermissionOption,
    scope: Option<Scope>,
) -> Result<Answer, Failure> {
    let fits = approval
        .options
        .iter()
        .find(|offered| offered.kind == kind && scope.is_none_or(|scope| scope == offered.scope));
    let Some(option) = fits else {
        let offered: Vec<&str> = approval
            .options
            .iter()
            .map(|option| option.name.as_str())
            .collect();
        let failure = Failure::new(
            Code::InvalidInput,
            "this question does not take that answer",
        );
        return Err(failure.hint(format!("it takes: {}", offered.join("; "))));
    };
    Ok(match kind {
        PermissionOption::AllowOnce | PermissionOption::AllowAlways => Answer::Yes(option.scope),
        PermissionOption::RejectOnce | PermissionOption::RejectAlways => Answer::No(option.scope),
    })
}

fn granted(covers: &[Covered]) -> Vec<Grant> {
    let grant = |covered: &Covered| Grant {
        program: covered.program.clone().into(),
        prefix: covered.prefix.clone(),
    };
    covers.iter().map(grant).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_list_tells_the_seconds_that_are_left() {
        let approval: Approval = serde_json::from_value(serde_json::json!({
            "id": "a", "task": "t", "title": "Run x", "details": [], "reasons": [],
            "state": "pending", "deadlineSeconds": 120,
        }))
        .unwrap();
        let mut asked = Asked::now(approval);
        assert!(asked.left().deadline_seconds > 60);
        for (gone, left) in [(50, 70), (200, 0)] {
            asked.since = Instant::now() - Duration::from_secs(gone);
            assert_eq!(asked.left().deadline_seconds, left);
        }
    }
}
