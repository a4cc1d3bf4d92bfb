//! Disk: the host without an editor. A change lands whole or not at all, also when the process is killed or the power fails; what a
//! person saved meanwhile is never overwritten.

mod journal;
mod landing;
mod recover;
mod step;

pub use recover::Recovered;

use crate::change::ChangeSet;
use crate::content::Content;
use crate::error::Error;
use crate::host::{Host, LandError, Landed, StateFolder};
use crate::path::{RelPath, Root};
use crate::secret::is_secret;
use futures::future::BoxFuture;
use journal::Journal;
use sandbox::{Kind, Tree};
use std::io::ErrorKind;
use std::sync::OnceLock;
use std::time::Duration;

/// Largest file that is read, in bytes.
const LARGEST: u64 = 32 * 1024 * 1024;

/// The files below a folder, without an editor: contents have no version and nothing is open.
#[derive(Debug)]
pub struct Disk {
    root: Root,
    tree: Tree,
    journal: OnceLock<Journal>,
}

impl Disk {
    /// Opens the workspace folder.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder cannot be opened.
    pub fn open(root: Root) -> Result<Disk, Error> {
        let tree = Tree::open(root.path()).map_err(|source| {
            Error::io(format!("cannot open the folder `{}`", root.path()), source)
        })?;
        Ok(Disk {
            root,
            tree,
            journal: OnceLock::new(),
        })
    }

    /// The same disk, whose landings are kept in a journal below a state folder: one that is cut short, even by a power cut, is
    /// finished or taken back by [`Disk::recover`], and only one process lands at a time.
    pub fn journalled(self, state: StateFolder) -> Disk {
        self.journal.get_or_init(|| Journal::below(state));
        self
    }

    /// Finishes or takes back a landing that was cut short, by the rule in `disk/recover.rs`. Does nothing without a journal, and
    /// nothing while another process lands.
    ///
    /// # Errors
    /// [`Error::Io`] where the journal cannot be read or cleared; then it is as before, and the next call tries again.
    pub fn recover(&self) -> Result<Recovered, Error> {
        let Some(journal) = self.journal.get() else {
            return Ok(Recovered::default());
        };
        match journal.hold(Duration::ZERO)? {
            Some(held) => recover::under(self, &held),
            None => Ok(Recovered::default()),
        }
    }

    /// The guarded folder.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// W1: the file that a path leads to once links in it are followed; it must be in the workspace, not in `.git`, and no secret.
    ///
    /// # Errors
    /// [`Error::Secret`], and [`Error::Unreadable`] for what lies outside.
    pub fn place(&self, path: &RelPath) -> Result<RelPath, Error> {
        if self.tree.is_plain(path.as_str()) {
            return Ok(path.clone());
        }
        match self.root.leads_to(path) {
            Some(target) if target != *path && is_secret(&target) => {
                Err(Error::Secret(path.clone()))
            }
            Some(target) => Ok(target),
            None => Err(Error::Unreadable {
                path: path.to_string(),
                why: "a link in it leads outside the workspace or into `.git`".to_owned(),
            }),
        }
    }
}

impl Host for Disk {
    fn root(&self) -> &Root {
        &self.root
    }

    fn read(&self, path: &RelPath) -> Result<Option<Content>, Error> {
        read(&self.tree, path, &self.place(path)?)
    }

    fn open(&self) -> Vec<RelPath> {
        Vec::new()
    }

    fn dirty(&self) -> Vec<RelPath> {
        Vec::new()
    }

    fn land<'a>(
        &'a self,
        change: &'a ChangeSet,
        label: &'a str,
    ) -> BoxFuture<'a, Result<Landed, LandError>> {
        tracing::debug!(label, files = change.files.len(), "landing on disk");
        Box::pin(async move { blocking(|| landing::land(self, change, label)) })
    }

    fn journal(&self, state: &StateFolder) -> Result<Recovered, Error> {
        self.journal.get_or_init(|| Journal::below(state.clone()));
        self.recover()
    }
}

/// A landing waits for the disk: other tasks of the runtime go on meanwhile, where it has threads for them.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// The regular file at the place that a path leads to (W1: it must be inside); `None` where nothing is.
fn read(tree: &Tree, path: &RelPath, at: &RelPath) -> Result<Option<Content>, Error> {
    if !is_file(tree, path, at)? {
        return Ok(None);
    }
    match tree.read(at.as_str()) {
        Ok(bytes) => Ok(Some(Content::new(bytes, None))),
        Err(source) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::io(format!("cannot read `{path}`"), source)),
    }
}

/// Whether a regular file that may be read is at a place, or nothing; an error for anything else.
fn is_file(tree: &Tree, path: &RelPath, at: &RelPath) -> Result<bool, Error> {
    let unreadable = |why: &str| {
        Err(Error::Unreadable {
            path: path.to_string(),
            why: why.to_owned(),
        })
    };
    let stat = tree
        .stat(at.as_str())
        .map_err(|source| Error::io(format!("cannot read `{path}`"), source))?;
    match stat {
        None => Ok(false),
        Some(stat) => match stat.kind {
            Kind::Dir => unreadable("it is a folder"),
            Kind::Other => unreadable("it is not a regular file"),
            Kind::Symlink => unreadable("it is a link that leads nowhere"),
            Kind::File if stat.len > LARGEST => unreadable("it is larger than 32 MiB"),
            Kind::File => Ok(true),
        },
    }
}

#[cfg(test)]
mod tests;
