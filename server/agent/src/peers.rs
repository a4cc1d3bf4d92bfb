//! Peers: the other processes that work on the same workspace. What they do is told here too, and what is said here to one of
//! their tasks becomes an errand to them. One of them leads: it holds a lock in the state folder, which dies with it.

use crate::Agent;
use crate::approvals::Asked;
use crate::events::Mirrored;
use crate::history;
use camino::Utf8PathBuf;
use parking_lot::Mutex;
use protocol::{
    Approval, ApprovalId, ApprovalState, Code, Event, Failure, SessionId, TaskId, TaskView, Update,
};
use sandbox::Tree;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

const LOCK: &str = "peers.lock";
const SOCKET: &str = "peers.sock";
const TOKEN: &str = "peers.token";

/// Longest path of a Unix socket, in bytes (unix(7): `sun_path` with its end).
const SOCKET_PATH: usize = 107;

/// Something to say to the process that works on a task.
#[derive(Debug, Clone)]
pub struct Errand {
    /// One of [`crate::verbs::ALL`].
    pub verb: &'static str,
    /// Its parameters; they name the task or the question.
    pub params: Value,
}

/// Where the processes of a workspace meet.
#[derive(Debug, Clone)]
pub struct Place {
    /// The leader's socket.
    pub socket: Utf8PathBuf,
    /// What everyone shows there; the children of commands cannot read it.
    pub token: String,
}

/// The right to lead; it ends when dropped.
#[derive(Debug)]
pub struct Lead {
    /// Where to listen: nothing is there.
    pub place: Place,
    _lock: sandbox::Lock,
}

/// What is known of the other processes.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    errands: Mutex<Option<mpsc::UnboundedSender<Errand>>>,
    questions: Mutex<HashMap<ApprovalId, (TaskId, Asked)>>,
    /// Tasks that another process had started here.
    for_others: Mutex<HashSet<TaskId>>,
    /// Set once this process ends.
    leaving: AtomicBool,
}

impl Peers {
    /// This process ends: from now on tasks of others are left to them.
    pub(crate) fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
    }

    /// Whether a task goes on in the process that had it started, so that nothing is said of its end here.
    pub(crate) fn gives_back(&self, task: &TaskId) -> bool {
        self.leaving.load(Ordering::Acquire) && self.for_others.lock().contains(task)
    }
}

/// Takes the right to lead, unless somebody has it.
///
/// # Errors
/// `io` where the state folder cannot be written.
pub fn lead(state: &Tree) -> Result<Option<Lead>, Failure> {
    let broken = |error: std::io::Error| {
        Failure::new(
            Code::Io,
            format!("the processes of this workspace cannot meet: {error}"),
        )
    };
    let lock = match state.lock(LOCK) {
        Ok(lock) => lock,
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(None),
        Err(error) => return Err(broken(error)),
    };
    // Left by a leader that died; with the lock, nobody listens there.
    if state.stat(SOCKET).map_err(broken)?.is_some() {
        state.remove(SOCKET).map_err(broken)?;
    }
    let token = uuid::Uuid::new_v4().simple().to_string();
    state
        .write(TOKEN, token.as_bytes(), Some(0o600))
        .map_err(broken)?;
    let socket = socket(state).ok_or_else(|| {
        let long = format!("{}/{SOCKET} is too long a name for a socket", state.path());
        Failure::new(Code::Io, long).hint("set ANIMUS_STATE_DIR to a shorter path")
    })?;
    let place = Place { socket, token };
    Ok(Some(Lead { place, _lock: lock }))
}

/// Where the leader listens, if there seems to be one.
pub fn place(state: &Tree) -> Option<Place> {
    state.stat(SOCKET).ok()??;
    let token = String::from_utf8(state.read(TOKEN).ok()?).ok()?;
    Some(Place {
        socket: socket(state)?,
        token,
    })
}

/// What stands where the processes of a workspace meet and is none of theirs: its path, and what it is.
pub fn obstacle(state: &Tree) -> Option<(Utf8PathBuf, &'static str)> {
    use sandbox::Kind;
    let kinds = [
        (SOCKET, Kind::Other),
        (TOKEN, Kind::File),
        (LOCK, Kind::File),
    ];
    kinds.into_iter().find_map(|(name, ours)| {
        let stat = state.stat(name).ok()??;
        let is = match stat.kind {
            kind if kind == ours => return None,
            Kind::Dir => "a folder",
            Kind::Symlink => "a link",
            Kind::File => "a file",
            Kind::Other => "a FIFO, socket or device",
        };
        Some((state.path().join(name), is))
    })
}

/// The socket by a name that is short enough, where there is one.
fn socket(state: &Tree) -> Option<Utf8PathBuf> {
    let path = state.path().join(SOCKET);
    if path.as_str().len() <= SOCKET_PATH {
        return Some(path);
    }
    state.short_path(SOCKET)
}

impl Agent {
    /// The right to lead the processes of this workspace; see [`lead`].
    ///
    /// # Errors
    /// As [`lead`].
    pub fn lead(&self) -> Result<Option<Lead>, Failure> {
        lead(&self.shared.state)
    }

    /// Where the leader listens, if there seems to be one.
    pub fn meeting_place(&self) -> Option<Place> {
        place(&self.shared.state)
    }

    /// What is to be said to other processes from now on. Until it is called, and after its receiver is gone, their tasks
    /// cannot be reached.
    pub fn errands(&self) -> mpsc::UnboundedReceiver<Errand> {
        let (sender, receiver) = mpsc::unbounded_channel();
        *self.shared.peers.errands.lock() = Some(sender);
        receiver
    }

    /// What the history has of a task with a `seq` above `after`.
    ///
    /// # Errors
    /// `not_found` for an unknown session, `io`.
    pub fn rest_of(
        &self,
        session: &SessionId,
        task: &TaskId,
        after: Option<u64>,
    ) -> Result<Vec<Event>, Failure> {
        let (mut events, _) = history::load(&self.shared.state, session)?;
        events.retain(|event| event.task == *task && after.is_none_or(|seq| event.seq > seq));
        Ok(events)
    }

    /// Notes that another process had a task started here: where this one ends first, the other goes on with it.
    pub fn works_for_another(&self, task: &TaskId) {
        self.shared.peers.for_others.lock().insert(task.clone());
    }

    /// Takes in a task of another process as it stands, with its open questions.
    pub fn adopt(&self, view: TaskView, questions: Vec<Approval>) {
        let mut known = self.shared.peers.questions.lock();
        known.extend(
            questions
                .into_iter()
                .map(|one| (one.id.clone(), (view.id.clone(), Asked::now(one)))),
        );
        drop(known);
        self.shared.log.adopt(view);
    }

    /// Takes in an event of another process. Events that were missed are read from its history first: call it where a file may
    /// be read.
    pub fn mirror(&self, event: Arc<Event>) {
        if let Mirrored::Gap(from) = self.shared.log.mirror(&event) {
            let past = history::load(&self.shared.state, &event.session);
            let missed = past
                .into_iter()
                .flat_map(|(events, _)| events)
                .filter(|one| one.task == event.task && (from..event.seq).contains(&one.seq));
            for one in missed {
                self.mirror_next(Arc::new(one));
            }
            self.mirror_next(event);
        } else {
            self.note(&event);
        }
    }

    fn mirror_next(&self, event: Arc<Event>) {
        self.shared.log.skip_to(&event.task, event.seq);
        self.shared.log.mirror(&event);
        self.note(&event);
    }

    /// Keeps the open questions of other processes.
    fn note(&self, event: &Event) {
        let mut questions = self.shared.peers.questions.lock();
        match &event.update {
            Update::Approval { approval } if approval.state == ApprovalState::Pending => {
                questions
                    .entry(approval.id.clone())
                    .or_insert_with(|| (event.task.clone(), Asked::now(approval.clone())));
            }
            Update::ApprovalResolved { id, .. } => drop(questions.remove(id)),
            Update::Finished { .. } => questions.retain(|_, (task, _)| *task != event.task),
            _ => {}
        }
    }

    /// Ends a task whose process is gone, for the readers here. What that process still wrote down is told first: call it where a
    /// file may be read.
    pub fn orphan(&self, task: &TaskId) {
        if let Some(view) = self
            .shared
            .log
            .view(task)
            .filter(|view| view.finished.is_none())
        {
            let rest = self.rest_of(&view.session, task, Some(view.seq));
            for event in rest.unwrap_or_default() {
                self.mirror_next(Arc::new(event));
            }
        }
        self.shared.log.orphan(task);
        let mut questions = self.shared.peers.questions.lock();
        questions.retain(|_, (of, _)| of != task);
    }

    /// Whether another process works on a task, or did.
    pub fn is_elsewhere(&self, task: &TaskId) -> bool {
        self.shared.log.is_elsewhere(task)
    }

    /// The task that asks an open question of another process.
    pub fn asked_elsewhere(&self, id: &ApprovalId) -> Option<TaskId> {
        let questions = self.shared.peers.questions.lock();
        questions.get(id).map(|(task, _)| task.clone())
    }

    pub(crate) fn questions_elsewhere(&self) -> Vec<Approval> {
        let questions = self.shared.peers.questions.lock();
        let mut all: Vec<Approval> = questions.values().map(|(_, one)| one.left()).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// Hands something over to the process that works on `task`; a refusal there comes back as a notice.
    ///
    /// # Errors
    /// `not_found` where no process can be reached.
    pub(crate) fn hand_over(
        &self,
        task: &TaskId,
        verb: &'static str,
        params: Value,
    ) -> Result<(), Failure> {
        let errands = self.shared.peers.errands.lock();
        errands
            .as_ref()
            .and_then(|sender| sender.send(Errand { verb, params }).ok())
            .ok_or_else(|| {
                Failure::new(
                    Code::NotFound,
                    format!("the process that works on task {task} cannot be reached"),
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_leads_and_what_it_left_is_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let path = camino::Utf8Path::from_path(folder.path()).unwrap();
        let state = Tree::open(path).unwrap();
        assert!(place(&state).is_none());
        let first = lead(&state).unwrap().unwrap();
        assert!(lead(&state).unwrap().is_none());
        state.write(SOCKET, b"", None).unwrap();
        let met = place(&state).unwrap();
        assert_eq!(
            (met.socket, met.token),
            (first.place.socket.clone(), first.place.token.clone())
        );
        drop(first);
        let second = lead(&state).unwrap().unwrap();
        assert!(place(&state).is_none(), "nothing is where it will listen");
        drop(second);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_deep_state_folder_has_a_short_name_too() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d".repeat(120));
        let state = Tree::create(camino::Utf8Path::from_path(&deep).unwrap()).unwrap();
        let lead = lead(&state).unwrap().unwrap();
        assert!(lead.place.socket.as_str().len() <= SOCKET_PATH);
        let _listener = std::os::unix::net::UnixListener::bind(&lead.place.socket).unwrap();
        assert!(place(&state).is_some());
        std::os::unix::net::UnixStream::connect(lead.place.socket).unwrap();
    }
}
