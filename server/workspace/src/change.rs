//! ChangeSet: what shall be written, with what it was made for. W3: it carries (version, hash) of each base, applies whole or
//! not at all, and its inverse restores the bytes.

pub(crate) mod hunks;
mod image;
mod view;

pub use hunks::HunkView;
pub use view::{FileOp, FileView, LineEdit};

use crate::content::{Content, Hash};
use crate::path::RelPath;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Files before and after, sorted by path, each path once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChangeSet {
    /// The files; none has the same bytes before and after.
    pub files: Vec<FileEdit>,
}

/// One file before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "image::Stored", into = "image::Stored")]
pub struct FileEdit {
    /// The file.
    pub path: RelPath,
    /// What it was; `None`: it is made.
    pub base: Option<Content>,
    /// What it shall be; `None`: it is removed.
    pub after: Option<Arc<[u8]>>,
    /// The permission bits of a file that is made or removed, where they are known. Of one that stays: the bits that it shall get,
    /// `None`: those that it has.
    pub mode: Option<u32>,
}

impl FileEdit {
    /// The same change backwards.
    pub fn invert(&self) -> FileEdit {
        FileEdit {
            path: self.path.clone(),
            base: self.after.clone().map(|bytes| Content::new(bytes, None)),
            after: self.base.as_ref().map(|base| base.bytes.clone()),
            mode: self.mode,
        }
    }

    /// Whether something changes at all.
    pub fn is_change(&self) -> bool {
        self.base.as_ref().map(|base| &base.bytes) != self.after.as_ref()
    }
}

impl ChangeSet {
    /// The change that undoes this one: its bases are what this one writes.
    pub fn invert(&self) -> ChangeSet {
        ChangeSet {
            files: self.files.iter().map(FileEdit::invert).collect(),
        }
    }

    /// Makes the change in a set of files in memory, whole or not at all.
    ///
    /// # Errors
    /// The paths whose bytes are not the base's; then nothing was changed.
    pub fn apply(&self, files: &mut BTreeMap<RelPath, Arc<[u8]>>) -> Result<(), Vec<RelPath>> {
        let stale: Vec<RelPath> = self
            .files
            .iter()
            .filter(|file| {
                files.get(&file.path).map(|bytes| Hash::of(bytes))
                    != file.base.as_ref().map(|base| base.hash)
            })
            .map(|file| file.path.clone())
            .collect();
        if !stale.is_empty() {
            return Err(stale);
        }
        for file in &self.files {
            match &file.after {
                Some(bytes) => files.insert(file.path.clone(), bytes.clone()),
                None => files.remove(&file.path),
            };
        }
        Ok(())
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The files as people see them.
    pub fn view(&self) -> Vec<FileView> {
        self.files.iter().map(view::file).collect()
    }

    /// The whole change as one unified diff.
    pub fn diff(&self) -> String {
        self.view().into_iter().map(|file| file.diff).collect()
    }

    /// The smallest edits by whole lines that make the file's base its new text, in order and apart. Empty for a file that
    /// is made, removed or not text: those are whole-file operations.
    pub fn edits(&self, file: &FileEdit) -> Vec<LineEdit> {
        view::edits(file)
    }
}
