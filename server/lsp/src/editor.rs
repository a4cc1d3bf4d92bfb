//! Editor: the workspace as the client shows it. Open documents are read before files on disk; an edit names the
//! version it was made for and is believed only when the text comes back (L3).

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use lsp_types::request::Request;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout, timeout_at};
use tower_lsp::Client as Wire;
use workspace::{
    ChangeSet, Content, Disk, Documents, Error, FileEdit, Host, LandError, Landed, RelPath, Root,
};

use crate::addresses::Addresses;
use crate::apply::{self, Address};
use crate::features::Feature;
use crate::negotiate::Client;

/// How long the client may take to answer an edit: a person may have to look at it first.
const ANSWER: Duration = Duration::from_secs(60);
/// How long the new text may take to come back.
const CONFIRM: Duration = Duration::from_secs(5);
/// How long files that are not open may take before they are written to disk.
const UNSEEN: Duration = Duration::from_secs(2);
/// How often files that are not open are looked at meanwhile.
const LOOK: Duration = Duration::from_millis(100);

/// The client's workspace.
#[derive(Debug)]
pub struct Editor {
    wire: Wire,
    client: Arc<Client>,
    addresses: Addresses,
    documents: Documents,
    disk: Disk,
    /// One edit at a time.
    landing: Mutex<()>,
}

/// `workspace/applyEdit` with params that the typed form does not have.
enum ApplyEdit {}

impl Request for ApplyEdit {
    type Params = Value;
    type Result = Value;
    const METHOD: &'static str = "workspace/applyEdit";
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

    /// Version of a document, if it is open.
    pub fn version(&self, path: &RelPath) -> Option<i32> {
        self.documents.get(path).map(|document| document.version)
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
        if !there.is_empty()
            && let Err(error) = self.send(&there, label).await
        {
            if let Some(written) = written {
                self.disk.land(&written.invert(), label).await?;
            }
            return Err(error);
        }
        let paths = change.files.iter().map(|file| file.path.clone()).collect();
        Ok(Landed {
            paths,
            change: change.clone(),
        })
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
                let operates =
                    |feature| self.client.can(Feature::DocumentChanges) && self.client.can(feature);
                self.client.can(Feature::ApplyEdit) && operation.is_none_or(operates)
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

    /// Asks the client for the edit and waits until the new text is there.
    async fn send(&self, change: &ChangeSet, label: &str) -> Result<(), LandError> {
        let address = |path: &RelPath| Address {
            uri: self.addresses.uri(path),
            version: self.version(path),
        };
        let versions: Vec<Option<i32>> = change
            .files
            .iter()
            .map(|file| self.version(&file.path))
            .collect();
        let params = apply::params(change, label, &self.client, address).map_err(unreadable)?;
        // Nothing is awaited between this last look at the documents and the request.
        let stale: Vec<RelPath> = change
            .files
            .iter()
            .filter(|file| !self.is_base(file))
            .map(|file| file.path.clone())
            .collect();
        if !stale.is_empty() {
            return Err(LandError::Stale { paths: stale });
        }
        let _expected = Expecting::new(&self.documents, change);
        let answer = timeout(ANSWER, self.wire.send_request::<ApplyEdit>(params)).await;
        let refused = match answer {
            Err(_) => LandError::Timeout,
            Ok(Err(error)) => LandError::Refused(format!(
                "the editor answered with an error: {}",
                error.message
            )),
            Ok(Ok(answer)) if answer.get("applied") == Some(&Value::Bool(true)) => {
                return self.confirm(change).await;
            }
            Ok(Ok(answer)) => match answer.get("failureReason").and_then(Value::as_str) {
                Some(reason) if !reason.is_empty() => {
                    LandError::Refused(format!("the editor refused the edit: {reason}"))
                }
                _ => LandError::Refused(
                    "the editor refused the edit; accept the patch to try again".to_owned(),
                ),
            },
        };
        let moved: Vec<RelPath> = change
            .files
            .iter()
            .zip(versions)
            .filter(|(file, version)| self.version(&file.path) != *version)
            .map(|(file, _)| file.path.clone())
            .collect();
        // Either the person typed meanwhile, or the client did what it says it did not.
        match (self.missing(change).is_empty(), moved.is_empty()) {
            (true, _) => Ok(()),
            (false, true) => Err(refused),
            (false, false) => Err(LandError::Stale { paths: moved }),
        }
    }

    /// Whether an open document is still the text that the edit was made for. What is not open was looked at before.
    fn is_base(&self, file: &FileEdit) -> bool {
        let Some(document) = self.documents.get(&file.path) else {
            return true;
        };
        let base = file.base.as_ref();
        let same_version = base.is_some_and(|base| base.version == Some(document.version));
        same_version
            || base.is_some_and(|base| document.rope == *String::from_utf8_lossy(&base.bytes))
    }

    /// Waits until every file holds its new text. What the client says counts for nothing here.
    async fn confirm(&self, change: &ChangeSet) -> Result<(), LandError> {
        let deadline = Instant::now() + CONFIRM;
        let mut changed = self.documents.changed();
        loop {
            changed.borrow_and_update();
            let missing = self.missing(change);
            if missing.is_empty() || self.write_unseen(change, &missing, deadline).await {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let names: Vec<String> = missing.iter().map(|path| format!("`{path}`")).collect();
                return Err(LandError::Refused(format!(
                    "the editor says that it applied the edit, but the new text of {} did not come back within 5 s; \
                     undo what is there of the edit, then accept the patch again",
                    names.join(", ")
                )));
            }
            let _ = timeout_at(deadline.min(Instant::now() + LOOK), changed.changed()).await;
        }
    }

    /// A client may have applied the edit to files that it neither shows us nor saves (a hidden buffer that no server was
    /// attached to). Once it had its time, their new text is written to disk, where it was read from: what is claimed is then
    /// true there too, and the buffer holds the same text. Whether nothing else is missing.
    async fn write_unseen(
        &self,
        change: &ChangeSet,
        missing: &[RelPath],
        deadline: Instant,
    ) -> bool {
        if Instant::now() + CONFIRM - UNSEEN < deadline {
            return false;
        }
        let unseen =
            |file: &&FileEdit| missing.contains(&file.path) && self.version(&file.path).is_none();
        let files: Vec<FileEdit> = change.files.iter().filter(unseen).cloned().collect();
        if files.len() != missing.len() {
            return false;
        }
        self.disk
            .land(&ChangeSet { files }, "files that the editor does not show")
            .await
            .is_ok()
    }

    /// Files whose new text is neither in the open document nor, where none is open, on disk.
    fn missing(&self, change: &ChangeSet) -> Vec<RelPath> {
        let holds = |file: &FileEdit| match (self.documents.get(&file.path), &file.after) {
            (Some(document), Some(_)) => {
                self.documents.came(&file.path) || holds(file, &document.rope.to_string())
            }
            // A client may say late, or never, that it closed what it deleted.
            (Some(_), None) => matches!(self.disk.read(&file.path), Ok(None)),
            (None, after) => match (self.disk.read(&file.path), after) {
                (Ok(None), None) => true,
                (Ok(Some(now)), Some(after)) => {
                    now.bytes == *after || now.text().is_ok_and(|now| holds(file, now))
                }
                _ => false,
            },
        };
        change
            .files
            .iter()
            .filter(|file| !holds(file))
            .map(|file| file.path.clone())
            .collect()
    }
}

/// The documents' new texts, expected for as long as the edit is under way.
struct Expecting<'a> {
    documents: &'a Documents,
    paths: Vec<RelPath>,
}

impl<'a> Expecting<'a> {
    fn new(documents: &'a Documents, change: &ChangeSet) -> Expecting<'a> {
        let mut paths = Vec::new();
        for file in change.files.iter().filter(|file| file.after.is_some()) {
            if let Ok(text) = apply::after_text(file) {
                documents.expect(&file.path, apply::bare(text));
                paths.push(file.path.clone());
            }
        }
        Expecting { documents, paths }
    }
}

impl Drop for Expecting<'_> {
    fn drop(&mut self) {
        for path in &self.paths {
            self.documents.forget(path);
        }
    }
}

/// Whether the text is the new one, or the new one with something that a person typed since.
fn holds(file: &FileEdit, now: &str) -> bool {
    let Ok(after) = apply::after_text(file) else {
        return false;
    };
    let base = file
        .base
        .as_ref()
        .and_then(|base| base.text().ok())
        .unwrap_or_default();
    if apply::same(base, after) {
        // Only line endings or the BOM change: nothing less than the very text proves that.
        return now == after;
    }
    apply::same(now, after)
        || (!apply::same(base, now)
            && diffy::merge(base, after, now).is_ok_and(|merged| merged == now))
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
            Some(document) => Ok(Some(Content::new(
                document.rope.to_string().into_bytes(),
                Some(document.version),
            ))),
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

    fn land<'a>(
        &'a self,
        change: &'a ChangeSet,
        label: &'a str,
    ) -> BoxFuture<'a, Result<Landed, LandError>> {
        Box::pin(self.land_all(change, label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l3_only_the_new_text_proves_an_edit() {
        let file = |base: &str, after: &str| FileEdit {
            path: RelPath::new("a").unwrap(),
            base: Some(Content::new(base.as_bytes(), Some(1))),
            after: Some(after.as_bytes().into()),
            mode: None,
        };
        for (base, after, now, expected) in [
            ("a\n\n\nb\n", "A\n\n\nb\n", "A\n\n\nb\n", true),
            ("a\n\n\nb\n", "A\n\n\nb\n", "a\n\n\nb\n", false),
            ("a\n\n\nb\n", "A\n\n\nb\n", "A\r\n\r\n\r\nb", true),
            ("a\n\n\nb\n", "A\n\n\nb\n", "A\n\n\nb typed\n", true),
            ("a\n\n\nb\n", "A\n\n\nb\n", "a\n\n\nb typed\n", false),
            ("a\n\n\nb\n", "A\n\n\nB\n", "A\n\n\nb\n", false),
            ("a\n", "a\r\n", "a\n", false),
            ("a\n", "a\r\n", "a\r\n", true),
        ] {
            assert_eq!(
                holds(&file(base, after), now),
                expected,
                "{base:?} {after:?} {now:?}"
            );
        }
    }
}
