//! Moved: a draft on a newer snapshot, so that it can be tested on the text that it will land on.

use super::{Changed, Draft};
use crate::change::ChangeSet;
use crate::content::{Content, Hash};
use crate::host::LandError;
use crate::merge::Tie;
use crate::rebase::{RebaseError, onto};
use crate::snapshot::Snapshot;
use std::sync::Arc;

impl Draft {
    /// The same changes over `live`, merged with what was edited there. Where that gives the same texts from the same bases the
    /// revision stays, and with it every verdict on it; otherwise it grows: it is another text.
    ///
    /// # Errors
    /// [`LandError::Conflict`] where both sides touch the same lines, [`LandError::Io`] where a file cannot be read.
    pub fn rebase(&self, live: Arc<Snapshot>) -> Result<Draft, LandError> {
        let before = self.change_set();
        let moved =
            onto(&before, |path| live.read(path), Tie::Conflict).map_err(|error| match error {
                RebaseError::Conflict { paths, details } => LandError::Conflict { paths, details },
                RebaseError::Read(error) => LandError::Io(error.to_string()),
            })?;
        let grown = u64::from(!same_texts(&before, &moved));
        let host = live.host().clone();
        let changed = moved.files.into_iter().map(|file| {
            let content = file.after.map(|bytes| Content::new(bytes, None));
            let was = host.mode(&file.path).filter(|_| file.base.is_some());
            let mode = file.mode.or(was);
            (file.path, Changed { content, mode, was })
        });
        Ok(Draft {
            snapshot: live,
            files: changed.collect(),
            revision: self.revision + grown,
        })
    }

    /// What differs between an earlier state of this draft and this one.
    pub fn since(&self, earlier: &Draft) -> ChangeSet {
        let mut paths: Vec<_> = self
            .files
            .keys()
            .chain(earlier.files.keys())
            .cloned()
            .collect();
        paths.sort();
        paths.dedup();
        let edit = |path: crate::path::RelPath| crate::change::FileEdit {
            base: earlier.read(&path).ok().flatten(),
            after: self.read(&path).ok().flatten().map(|content| content.bytes),
            mode: None,
            path,
        };
        let files = paths
            .into_iter()
            .map(edit)
            .filter(crate::change::FileEdit::is_change)
            .collect();
        ChangeSet { files }
    }
}

/// Whether two changes make the same bytes from the same bytes. The editor's versions do not count: they grow with every key,
/// also where the text comes back.
fn same_texts(one: &ChangeSet, other: &ChangeSet) -> bool {
    let base = |file: &crate::change::FileEdit| -> Option<Hash> {
        file.base.as_ref().map(|base| base.hash)
    };
    one.files.len() == other.files.len()
        && one.files.iter().zip(&other.files).all(|(one, other)| {
            one.path == other.path && base(one) == base(other) && one.after == other.after
        })
}
