//! Host: who owns the user's files: the editor with its buffers, or the disk. W5: its `land` is the only way to change them.

use crate::change::ChangeSet;
use crate::content::Content;
use crate::disk::Recovered;
use crate::error::{Error, names};
use crate::path::{RelPath, Root};
use futures::future::BoxFuture;
use sandbox::Tree;
use std::sync::Arc;
use tokio::sync::watch;

/// The folder in which a workspace's state is kept, outside the user's files.
pub type StateFolder = Arc<Tree>;

/// The owner of the user's files.
pub trait Host: Send + Sync {
    /// The workspace folder.
    fn root(&self) -> &Root;

    /// The file as the user sees it now: the open buffer, else the disk. `None`: there is no such file.
    ///
    /// # Errors
    /// [`Error::Unreadable`] for what is not a regular file or too large, [`Error::Io`] where the disk says no.
    fn read(&self, path: &RelPath) -> Result<Option<Content>, Error>;

    /// Documents that are open in the editor, sorted.
    fn open(&self) -> Vec<RelPath>;

    /// Open documents that differ from the disk, sorted.
    fn dirty(&self) -> Vec<RelPath>;

    /// Counts what happens to open documents; `None` where none is ever open.
    fn changes(&self) -> Option<watch::Receiver<u64>> {
        None
    }

    /// Permission bits (0 to 0o777) of the file on disk.
    fn mode(&self, path: &RelPath) -> Option<u32> {
        file_mode(&self.root().absolute(path))
    }

    /// Makes the change whole, or nothing of it (W3): checks that each base is what stands there, writes, and confirms by
    /// what stands there afterwards.
    fn land<'a>(
        &'a self,
        change: &'a ChangeSet,
        label: &'a str,
    ) -> BoxFuture<'a, Result<Landed, LandError>>;

    /// From now on what this host writes to disk is kept in a journal below a state folder, and a landing that was cut short is
    /// finished or taken back now. A host that writes nothing has nothing to do.
    ///
    /// # Errors
    /// As [`Disk::recover`](crate::Disk::recover).
    fn journal(&self, state: &StateFolder) -> Result<Recovered, Error> {
        let _ = state;
        Ok(Recovered::default())
    }
}

/// What was really written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// The files, in order.
    pub paths: Vec<RelPath>,
    /// The change after its rebase, with the bases that it replaced: its inverse is the undo.
    pub change: ChangeSet,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum LandError {
    /// The files changed since their bases were read; a rebase may help.
    #[error("{} changed meanwhile; nothing was written, try again", names(.paths))]
    Stale {
        /// The files.
        paths: Vec<RelPath>,
    },
    /// The user's edits and the change touch the same lines.
    #[error("{} changed in the same lines meanwhile; nothing was written, run the task again on the new text", names(.paths))]
    Conflict {
        /// The files.
        paths: Vec<RelPath>,
        /// Each file's text with conflict markers, at most a few kilobytes.
        details: String,
    },
    /// The owner of the files said no.
    #[error("the change was not taken: {0}")]
    Refused(String),
    /// The owner of the files did not answer.
    #[error("the editor did not answer in time; look at the files before trying again")]
    Timeout,
    /// The disk said no; what was written was put back, except for what is named as left.
    #[error("the change could not be written and was taken back: {0}")]
    Io(String),
}

#[cfg(unix)]
fn file_mode(path: &camino::Utf8Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::symlink_metadata(path).ok()?;
    found.is_file().then(|| found.mode() & 0o777)
}

#[cfg(not(unix))]
fn file_mode(_: &camino::Utf8Path) -> Option<u32> {
    None
}
