//! Fresh: the open documents, as the index has them. Brought up to date before each answer, so that what was just typed is found.

use super::read::Outcome;
use super::{Inner, Wake};
use std::collections::BTreeSet;
use std::time::Duration;
use workspace::{RelPath, Stamp, Told, is_source};

/// How long an answer waits for another one's documents.
const WAIT: Duration = Duration::from_millis(50);
/// Documents of more bytes are read on the thread of the index: an answer does not wait for them.
const LONGEST: usize = 512 << 10;

/// What was seen of the open documents.
#[derive(Default)]
pub struct Fresh {
    /// The count of changes that the index has; none where it may have anything.
    pub count: Option<u64>,
    open: BTreeSet<RelPath>,
}

impl Inner {
    /// Brings the index up to the open documents, unless nothing happened to them.
    pub(super) fn refresh_documents(&self) {
        let Some(changes) = self.host.changes() else {
            return;
        };
        let Some(mut fresh) = self.fresh.try_lock_for(WAIT) else {
            return;
        };
        let count = *changes.borrow();
        if fresh.count == Some(count) {
            return;
        }
        let open: BTreeSet<RelPath> = self.host.open().into_iter().filter(is_source).collect();
        for path in &open {
            self.refresh(path);
        }
        for path in fresh.open.difference(&open) {
            self.refresh(path);
            // Only a walk tells whether it would be in the index without having been open.
            let _ = self.wake.send(Wake::Told(Told::Unsure));
        }
        fresh.count = Some(count);
        fresh.open = open;
    }

    /// One file, read now: the open document, else the disk. One that is as the index has it is left alone.
    fn refresh(&self, path: &RelPath) {
        let stamp = workspace::stamp(self.host.root(), path).unwrap_or(Stamp::UNKNOWN);
        let Ok(Some(content)) = self.host.read(path) else {
            return self.take(path, Outcome::Gone);
        };
        let known = self.built.read().hash(path);
        if known == Some(content.hash) {
            return;
        }
        // Also here the text as it is open counts, not the file.
        if content.bytes.len() > LONGEST {
            let _ = self.wake.send(Wake::Told(Told::File(path.clone())));
            return;
        }
        self.take(path, self.compared(path, stamp, known, &content));
    }

    /// Files were taken in without regard to what is open.
    pub(super) fn unsettle_documents(&self) {
        self.fresh.lock().count = None;
        self.refresh_documents();
    }
}
