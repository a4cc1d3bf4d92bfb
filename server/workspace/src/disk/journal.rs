//! Journal: what a landing is about to do, in the state folder before the first file changes. One landing at a time: whoever holds
//! the lock. An entry is there whole or not at all.

mod entry;

pub(super) use entry::Entry;

use super::step::Step;
use crate::error::Error;
use sandbox::{Lock, Tree};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

const LOCK: &str = "journal.lock";
const FOLDER: &str = "journal";
/// A landing that is under way: to be finished.
const LANDING: &str = "journal/landing";
/// The same once it failed: to be taken back.
const BACK: &str = "journal/back";
/// Between two looks at a lock that another process holds.
const PAUSE: Duration = Duration::from_millis(5);

/// The journal of a workspace.
#[derive(Debug)]
pub(super) struct Journal {
    state: Arc<Tree>,
}

/// The journal while this process alone may land.
#[derive(Debug)]
pub(super) struct Held<'journal> {
    state: &'journal Tree,
    _lock: Lock,
}

/// What a landing that was cut short left to do.
#[derive(Debug)]
pub(super) enum Found {
    /// Finish it.
    Landing(Entry),
    /// Take it back.
    Back(Entry),
    /// Nothing, or an entry that was never whole, so that no file was changed.
    Nothing,
    /// An entry of another version of this program.
    Unknown(u32),
}

impl Journal {
    /// The journal below a state folder.
    pub(super) fn below(state: Arc<Tree>) -> Journal {
        Journal { state }
    }

    /// Waits for the journal; `None` where another holds it longer than that.
    pub(super) fn hold(&self, patience: Duration) -> Result<Option<Held<'_>>, Error> {
        let begun = Instant::now();
        loop {
            match self.state.lock(LOCK) {
                Ok(lock) => {
                    return Ok(Some(Held {
                        state: &self.state,
                        _lock: lock,
                    }));
                }
                Err(error) if error.kind() != ErrorKind::WouldBlock => {
                    return Err(Error::io("cannot lock the journal", error));
                }
                Err(_) if begun.elapsed() >= patience => return Ok(None),
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
    }
}

impl Held<'_> {
    /// Writes down what is about to be done; when this returns, it is there after a power cut.
    pub(super) fn write(
        &self,
        label: &str,
        folders: &[String],
        steps: &[Step],
    ) -> Result<(), Error> {
        let failed = |source| {
            Error::io(
                format!(
                    "cannot write the journal in `{}`; free space there, or set ANIMUS_STATE_DIR to a folder that can be written",
                    self.state.path()
                ),
                source,
            )
        };
        let entry = entry::encode(label, folders, steps).map_err(|error| failed(error.into()))?;
        let made = matches!(self.state.stat(FOLDER), Ok(None));
        self.state
            .write_parts(LANDING, &entry.parts(steps), Some(0o600))
            .and_then(|()| if made { self.state.sync("") } else { Ok(()) })
            .map_err(failed)
    }

    /// From now on the landing is to be taken back, not to be finished.
    pub(super) fn turn_back(&self) -> Result<(), Error> {
        self.state
            .rename(LANDING, BACK)
            .and_then(|()| self.state.sync(FOLDER))
            .map_err(|source| Error::io("cannot mark the journal", source))
    }

    /// Forgets the landing: it is whole, or nothing is left of it.
    pub(super) fn clear(&self) -> Result<(), Error> {
        let failed = |source| Error::io("cannot clear the journal", source);
        for place in [LANDING, BACK] {
            match self.state.remove(place) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        self.state.sync(FOLDER).map_err(failed)
    }

    /// What the last landing left to do.
    pub(super) fn read(&self) -> Result<Found, Error> {
        // Of a journal that was being written.
        let swept = self.state.sweep(FOLDER, Some(std::process::id()));
        swept.map_err(|source| Error::io("cannot clear the journal", source))?;
        for place in [BACK, LANDING] {
            let bytes = match self.state.read(place) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                bytes => bytes.map_err(|source| Error::io("cannot read the journal", source))?,
            };
            match entry::decode(&bytes) {
                Ok(entry) if place == BACK => return Ok(Found::Back(entry)),
                Ok(entry) => return Ok(Found::Landing(entry)),
                Err(entry::Broken::Version(version)) => return Ok(Found::Unknown(version)),
                Err(entry::Broken::Torn) => {
                    tracing::warn!("a torn journal is removed; no file was changed by it");
                    self.clear()?;
                }
            }
        }
        Ok(Found::Nothing)
    }
}
