//! History: a session's events as NDJSON in the state folder, one value a line, appended before anybody is told. A torn last
//! line (power cut, kill) is cut off when the file is next opened; nothing before it is lost.

use protocol::{Code, Event, Failure, SessionId};
use sandbox::{Appender, Lock, Tree};
use std::sync::Arc;

const FOLDER: &str = "sessions";

/// An open session file. While it is open, nobody else has the session.
#[derive(Debug)]
pub struct History {
    file: Appender,
    _lock: Lock,
}

impl History {
    /// Opens a session's file to append to it; makes it where it is missing.
    ///
    /// # Errors
    /// `WouldBlock` while another task has the session, in this process or another; what the disk says.
    pub fn open(state: &Arc<Tree>, session: &SessionId) -> std::io::Result<History> {
        let path = path_of(session)?;
        let lock = state.lock(&format!("{FOLDER}/{session}.lock"))?;
        if let Ok(bytes) = state.read(&path)
            && bytes.last().is_some_and(|last| *last != b'\n')
        {
            let whole = bytes
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
            state.write(&path, &bytes[..whole], Some(0o600))?;
        }
        Ok(History {
            file: state.append(&path)?,
            _lock: lock,
        })
    }

    /// Appends an event, and makes it durable where what it announces must not happen unrecorded.
    ///
    /// # Errors
    /// What the disk says.
    pub fn append(&mut self, event: &Event) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        if must_be_durable(event) {
            self.file.sync()
        } else {
            Ok(())
        }
    }
}

/// Facts that must be on disk before what they announce happens, and the end.
fn must_be_durable(event: &Event) -> bool {
    use protocol::{Phase, Update};
    matches!(
        &event.update,
        Update::Phase {
            phase: Phase::Land,
            ..
        } | Update::PatchState { .. }
            | Update::Finished { .. }
    )
}

/// Every session on disk, newest first.
pub fn sessions(state: &Tree) -> Vec<SessionId> {
    let mut names: Vec<String> = state
        .entries(FOLDER)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(name, _)| name.strip_suffix(".ndjson").map(str::to_owned))
        .collect();
    names.sort_unstable_by(|a, b| b.cmp(a));
    names.into_iter().map(SessionId).collect()
}

/// A session's events, oldest first. A line that is no event (of a newer version, or damaged) is left out and logged.
///
/// # Errors
/// `not_found` for an unknown session, `io` for a file that cannot be read.
pub fn load(state: &Tree, session: &SessionId) -> Result<Vec<Event>, Failure> {
    let path = path_of(session).map_err(|_| unknown(session))?;
    let bytes = state.read(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => unknown(session),
        _ => Failure::new(
            Code::Io,
            format!("session {session} cannot be read: {error}"),
        ),
    })?;
    let lines = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let event = |line: &[u8]| {
        serde_json::from_slice(line)
            .inspect_err(
                |error| tracing::warn!(%session, %error, "a line of the history is left out"),
            )
            .ok()
    };
    Ok(lines.filter_map(event).collect())
}

/// Whether there is such a session.
///
/// # Errors
/// `not_found`.
pub fn exists(state: &Tree, session: &SessionId) -> Result<(), Failure> {
    let path = path_of(session).map_err(|_| unknown(session))?;
    match state.stat(&path) {
        Ok(Some(_)) => Ok(()),
        _ => Err(unknown(session)),
    }
}

fn unknown(session: &SessionId) -> Failure {
    Failure::new(Code::NotFound, format!("there is no session {session}"))
        .hint("`animus session list` shows them")
}

/// Session ids come from outside, so they may hold only what ours hold.
fn path_of(session: &SessionId) -> std::io::Result<String> {
    let id = session.as_str();
    let plain = !id.is_empty()
        && id.len() <= 64
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    match plain {
        true => Ok(format!("{FOLDER}/{id}.ndjson")),
        false => Err(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            "a session id is letters, digits, - and _",
        )),
    }
}
