//! Editor: the workspace as the client shows it. Open documents are read before files on disk; an edit names the
//! version it was made for and is believed only when the text comes back (L3).

mod attempt;
mod mend;
mod trace;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use ropey::Rope;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tower_lsp::Client as Wire;
use workspace::{
    ChangeSet, Content, Disk, Documents, Error, FileEdit, Host, LandError, Landed, Recovered,
    RelPath, Root, StateFolder,
};

use crate::addresses::Addresses;
use crate::features::Feature;
use crate::negotiate::Client;
use attempt::Verdict;
use trace::Traces;

/// What is said behind an answer comes so much later: Emacs 28 lets lie what it read together with an answer until the next
/// message comes, and there may be none.
pub const APART: Duration = Duration::from_millis(100);

/// The client's workspace.
#[derive(Debug)]
pub struct Editor {
    wire: Wire,
    client: Arc<Client>,
    addresses: Addresses,
    documents: Documents,
    disk: Disk,
    /// The texts of documents that are edited just now.
    traces: Traces,
    /// When the person last gave a command.
    commanded: parking_lot::Mutex<Option<Instant>>,
    /// One edit at a time.
    landing: Mutex<()>,
}

impl Editor {
    /// The workspace at the root that the client gave.
    ///
    /// # Errors
    /// Says what is wrong with the root.
    pub fn open(wire: Wire, client: Arc<Client>, root: &str) -> Result<Editor, String> {
        let addresses = Addresses::open(root)?;
        let disk = Disk::open(addresses.root().clone()).map_err(|error| error.to_string())?;
        Ok(Editor {
            wire,
            client,
            addresses,
            documents: Documents::default(),
            disk,
            traces: Traces::default(),
            commanded: parking_lot::Mutex::default(),
            landing: Mutex::new(()),
        })
    }

    /// The book of URIs.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The open documents.
    pub fn documents(&self) -> &Documents {
        &self.documents
    }

    /// The other end.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A document has a new text; said for each step of a change, in order.
    pub fn note(&self, path: &RelPath, text: &Rope) {
        self.traces.note(path, text);
    }

    /// The person gave a command.
    pub fn commanded(&self) {
        *self.commanded.lock() = Some(Instant::now());
    }

    /// Version of a document, if it is open.
    pub fn version(&self, path: &RelPath) -> Option<i32> {
        self.documents.get(path).map(|document| document.version)
    }

    /// A file as it is where it is not open.
    pub(crate) fn read_disk(&self, path: &RelPath) -> Option<Content> {
        self.disk.read(path).ok()?
    }

    async fn land_all(&self, change: &ChangeSet, label: &str) -> Result<Landed, LandError> {
        let _one = self.landing.lock().await;
        self.check(change)?;
        let (here, there) = self.split(change)?;
        // Files that the client cannot create come first: an edit of the others can still be refused, and then they go again.
        let written = match here.files.is_empty() {
            true => None,
            false => Some(self.disk.land(&here, label).await?.change),
        };
        let mut files = written
            .iter()
            .flat_map(|written| written.files.clone())
            .collect::<Vec<_>>();
        if !there.is_empty() {
            match self.send(&there, label).await {
                Ok(landed) => files.extend(landed.files),
                Err(error) => {
                    if let Some(written) = written {
                        self.disk.land(&written.invert(), label).await?;
                    }
                    return Err(error);
                }
            }
        }
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Landed {
            paths: files.iter().map(|file| file.path.clone()).collect(),
            change: ChangeSet { files },
        })
    }

    /// Asks the client for the edit until the new text is there or nothing of it is. What really landed is returned.
    async fn send(&self, change: &ChangeSet, label: &str) -> Result<ChangeSet, LandError> {
        let mut attempt = self.ask(change, label).await?;
        match attempt.judge().await {
            Verdict::Landed => Ok(change.clone()),
            Verdict::Skipped(paths) => Err(LandError::Stale { paths }),
            Verdict::Mixed => self.mend(change, attempt, label).await,
            Verdict::Refused(error) => Err(error),
        }
    }

    /// Whether every file is still what the change was made for.
    fn check(&self, change: &ChangeSet) -> Result<(), LandError> {
        let mut stale = Vec::new();
        for file in &change.files {
            let now = self.read(&file.path).map_err(unreadable)?;
            if now.as_ref().map(|content| content.hash)
                != file.base.as_ref().map(|content| content.hash)
            {
                stale.push(file.path.clone());
            }
        }
        if stale.is_empty() {
            Ok(())
        } else {
            Err(LandError::Stale { paths: stale })
        }
    }

    /// What we write ourselves, and what the client is asked for.
    fn split(&self, change: &ChangeSet) -> Result<(ChangeSet, ChangeSet), LandError> {
        let (there, here): (Vec<FileEdit>, Vec<FileEdit>) =
            change.files.iter().cloned().partition(|file| {
                let operation = match (&file.base, &file.after) {
                    (None, _) => Some(Feature::CreateFile),
                    (_, None) => Some(Feature::DeleteFile),
                    (Some(_), Some(_)) => None,
                };
                let is_shown =
                    !self.client.can(Feature::TypedEdits) || self.version(&file.path).is_some();
                let operates =
                    |feature| self.client.can(Feature::DocumentChanges) && self.client.can(feature);
                self.client.can(Feature::ApplyEdit) && operation.map_or(is_shown, operates)
            });
        let open = here
            .iter()
            .filter(|file| self.version(&file.path).is_some());
        let open: Vec<String> = open.map(|file| format!("`{}`", file.path)).collect();
        if open.is_empty() {
            return Ok((ChangeSet { files: here }, ChangeSet { files: there }));
        }
        Err(LandError::Refused(format!(
            "the editor cannot make this change by itself, and these files are open in it: {}; save and close them, then \
             accept the patch again",
            open.join(", ")
        )))
    }
}

fn unreadable(error: Error) -> LandError {
    LandError::Io(error.to_string())
}

impl Host for Editor {
    fn root(&self) -> &Root {
        self.addresses.root()
    }

    fn read(&self, path: &RelPath) -> Result<Option<Content>, Error> {
        match self.documents.get(path) {
            Some(document) => {
                // The name in the editor may be a link to a secret, or out of the workspace: no more is seen of it than on disk.
                self.disk.place(path)?;
                let bytes = document.rope.to_string().into_bytes();
                Ok(Some(Content::new(bytes, Some(document.version))))
            }
            None => self.disk.read(path),
        }
    }

    fn open(&self) -> Vec<RelPath> {
        self.documents.paths()
    }

    fn dirty(&self) -> Vec<RelPath> {
        let dirty = |path: &RelPath| {
            self.documents
                .get(path)
                .is_some_and(|document| document.dirty)
        };
        self.documents.paths().into_iter().filter(dirty).collect()
    }

    fn changes(&self) -> Option<tokio::sync::watch::Receiver<u64>> {
        Some(self.documents.changed())
    }

    fn land<'a>(
        &'a self,
        change: &'a ChangeSet,
        label: &'a str,
    ) -> BoxFuture<'a, Result<Landed, LandError>> {
        Box::pin(self.land_all(change, label))
    }

    fn journal(&self, state: &StateFolder) -> Result<Recovered, Error> {
        self.disk.journal(state)
    }
}
