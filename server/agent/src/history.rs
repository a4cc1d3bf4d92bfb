//! History: a session's events as NDJSON in the state folder, one value a line with its checksum, appended before anybody is
//! told. What a power cut or a kill tore off the end is put aside when the file is next opened; what is damaged in the middle is
//! counted and said, never passed on as an event and never silently dropped.

mod line;
mod read;
mod repair;
mod retention;

pub use read::{Damage, Place, holder, load, scan};
pub(crate) use retention::{delete_older, retain};

use protocol::{Code, Event, Failure, SessionId};
use sandbox::{Appender, Lock, Tree};
use std::sync::Arc;

const FOLDER: &str = "sessions";

/// An open session file. While it is open, nobody else has the session.
#[derive(Debug)]
pub struct History {
    file: Appender,
    /// Where the next line begins.
    end: u64,
    place: Place,
    /// Bytes that were torn off the end when it was opened.
    pub torn: u64,
    _lock: Lock,
}

/// Whether a session should be there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// It is made.
    Fresh,
    /// It must be there.
    Known,
}

impl History {
    /// Opens a session's file to append to it, and mends its end.
    ///
    /// # Errors
    /// `WouldBlock` while another task has the session, in this process or another; `NotFound` for a known one that is gone;
    /// what the disk says.
    pub fn open(
        state: &Arc<Tree>,
        session: &SessionId,
        opening: Opening,
    ) -> std::io::Result<History> {
        let path = path_of(session)?;
        let lock = state.lock(&format!("{FOLDER}/{session}.lock"))?;
        if opening == Opening::Known && state.stat(&path)?.is_none() {
            return Err(std::io::ErrorKind::NotFound.into());
        }
        let mut file = state.append(&path)?;
        let torn = repair::mend(state, &path, &format!("{FOLDER}/{session}.torn"), &mut file)?;
        Ok(History {
            end: file.length()?,
            file,
            place: Place::new(state.clone(), path),
            torn,
            _lock: lock,
        })
    }

    /// Appends an event, and makes it durable where what it announces must not happen unrecorded. Returns where its line is:
    /// its first byte, and its length.
    ///
    /// # Errors
    /// What the disk says.
    pub fn append(&mut self, event: &Event) -> std::io::Result<(u64, usize)> {
        let line = line::write(event)?;
        self.file.write_all(&line)?;
        if must_be_durable(event) {
            self.file.sync()?;
        }
        let at = self.end;
        self.end += line.len() as u64;
        Ok((at, line.len()))
    }

    /// Where its events can be read back.
    pub fn place(&self) -> Place {
        self.place.clone()
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

/// How many sessions are on disk, and the bytes that their files take.
pub fn on_disk(state: &Tree) -> (u64, u64) {
    let (mut sessions, mut bytes) = (0, 0);
    for (name, _) in state.entries(FOLDER).unwrap_or_default() {
        sessions += u64::from(name.ends_with(".ndjson"));
        if let Ok(Some(stat)) = state.stat(&format!("{FOLDER}/{name}")) {
            bytes += stat.len;
        }
    }
    (sessions, bytes)
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

/// Deletes a session with all that belongs to it.
///
/// # Errors
/// `not_found`; `invalid_input` while a task of it runs, in this process or another; `io`.
pub fn delete(state: &Tree, session: &SessionId) -> Result<(), Failure> {
    exists(state, session)?;
    let lock_path = format!("{FOLDER}/{session}.lock");
    let lock = state
        .lock(&lock_path)
        .map_err(|error| taken(session, &error))?;
    for ending in ["ndjson", "torn", "lock"] {
        let removed = state.remove_all(&format!("{FOLDER}/{session}.{ending}"));
        removed.map_err(|error| failed(session, "deleted", &error))?;
    }
    drop(lock);
    Ok(())
}

/// Why a session cannot be had.
pub(crate) fn taken(session: &SessionId, error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::WouldBlock => {
            Failure::new(Code::Stale, format!("session {session} has a running task"))
                .hint("wait for its end, steer or cancel it, or start without a session")
        }
        std::io::ErrorKind::NotFound => unknown(session),
        _ => failed(session, "opened", error),
    }
}

/// What the disk said.
pub(crate) fn failed(session: &SessionId, done: &str, error: &std::io::Error) -> Failure {
    Failure::new(
        Code::Io,
        format!("session {session} cannot be {done}: {error}"),
    )
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

#[cfg(test)]
mod tests;
