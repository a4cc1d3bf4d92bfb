//! Documents: the buffers that are open in the editor. Edits come in wire order and cost what ropey costs: no hash, no parse.

use crate::error::Error;
use crate::path::RelPath;
use parking_lot::RwLock;
use ropey::Rope;
use std::collections::BTreeMap;
use tokio::sync::watch;

/// One open document. Cheap to clone: the rope shares its text.
#[derive(Debug, Clone)]
pub struct Document {
    /// The text.
    pub rope: Rope,
    /// The editor's version of it.
    pub version: i32,
    /// Whether it was edited since it was opened or saved.
    pub dirty: bool,
    /// The editor's language id.
    pub language: Option<String>,
}

/// All open documents. Shared by reference; every method takes its lock for the length of one edit at most.
#[derive(Debug)]
pub struct Documents {
    open: RwLock<BTreeMap<RelPath, Document>>,
    changes: watch::Sender<u64>,
}

impl Default for Documents {
    fn default() -> Documents {
        Documents::new()
    }
}

impl Documents {
    /// Nothing open.
    pub fn new() -> Documents {
        Documents {
            open: RwLock::default(),
            changes: watch::Sender::new(0),
        }
    }

    /// A document was opened; an open one of that name is replaced.
    pub fn open(&self, path: RelPath, version: i32, text: &str, language: Option<String>) {
        let document = Document {
            rope: Rope::from_str(text),
            version,
            dirty: false,
            language,
        };
        self.open.write().insert(path, document);
        self.tell();
    }

    /// A document was edited. The version is taken as it comes: the wire's order is the truth.
    ///
    /// # Errors
    /// [`Error::NotOpen`].
    pub fn change(
        &self,
        path: &RelPath,
        version: i32,
        edit: impl FnOnce(&mut Rope),
    ) -> Result<(), Error> {
        {
            let mut open = self.open.write();
            let document = open
                .get_mut(path)
                .ok_or_else(|| Error::NotOpen(path.clone()))?;
            edit(&mut document.rope);
            document.version = version;
            document.dirty = true;
        }
        self.tell();
        Ok(())
    }

    /// A document was saved.
    pub fn save(&self, path: &RelPath) {
        if let Some(document) = self.open.write().get_mut(path) {
            document.dirty = false;
        }
        self.tell();
    }

    /// A document was closed.
    pub fn close(&self, path: &RelPath) {
        self.open.write().remove(path);
        self.tell();
    }

    /// A document as it is now.
    pub fn get(&self, path: &RelPath) -> Option<Document> {
        self.open.read().get(path).cloned()
    }

    /// The open documents, sorted.
    pub fn paths(&self) -> Vec<RelPath> {
        self.open.read().keys().cloned().collect()
    }

    /// The open documents that were edited and not saved, sorted.
    pub fn dirty(&self) -> Vec<RelPath> {
        let open = self.open.read();
        let dirty = open.iter().filter(|(_, document)| document.dirty);
        dirty.map(|(path, _)| path.clone()).collect()
    }

    /// Counts what happened to any document; to be awaited with `changed()`.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Returns once the document is as `wanted` says, now or after a later edit. Never by itself otherwise: put a time
    /// limit around it.
    pub async fn wait_for(&self, path: &RelPath, wanted: impl Fn(Option<&Document>) -> bool) {
        let mut changes = self.changed();
        loop {
            changes.borrow_and_update();
            if wanted(self.get(path).as_ref()) {
                return;
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn tell(&self) {
        self.changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_in_order_and_dirty_until_saved() {
        let documents = Documents::new();
        let path = RelPath::new("a.rs").unwrap();
        assert!(matches!(
            documents.change(&path, 1, |_| {}),
            Err(Error::NotOpen(_))
        ));
        documents.open(path.clone(), 1, "ab", Some("rust".to_owned()));
        let old = documents.get(&path).unwrap();
        documents
            .change(&path, 2, |rope| rope.insert(1, "x"))
            .unwrap();
        let new = documents.get(&path).unwrap();
        assert_eq!(
            (old.rope.to_string().as_str(), old.version, old.dirty),
            ("ab", 1, false)
        );
        assert_eq!(
            (new.rope.to_string().as_str(), new.version, new.dirty),
            ("axb", 2, true)
        );
        assert_eq!(documents.dirty(), std::slice::from_ref(&path));
        documents.save(&path);
        assert!(documents.dirty().is_empty());
        documents.close(&path);
        assert!(documents.get(&path).is_none());
    }

    #[tokio::test]
    async fn wait_for_sees_an_edit_that_comes_later_and_one_that_came_before() {
        let documents = std::sync::Arc::new(Documents::new());
        let path = RelPath::new("a").unwrap();
        documents.open(path.clone(), 1, "", None);
        let waiter = tokio::spawn({
            let (documents, path) = (documents.clone(), path.clone());
            async move {
                documents
                    .wait_for(&path, |document| document.is_some_and(|it| it.version == 3))
                    .await
            }
        });
        tokio::task::yield_now().await;
        documents.change(&path, 2, |_| {}).unwrap();
        documents.change(&path, 3, |_| {}).unwrap();
        waiter.await.unwrap();
        documents
            .wait_for(&path, |document| document.is_some_and(|it| it.version == 3))
            .await;
    }
}
