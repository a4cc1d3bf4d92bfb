//! Built: the index with what it was built from.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use workspace::{CommitId, Hash, RelPath, Stamp};

/// All that is known.
#[derive(Default)]
pub struct Built {
    pub index: index::Index,
    pub history: index::History,
    /// What the history was read of.
    pub past: Past,
    pub files: HashMap<RelPath, Known>,
    /// Bytes of the files in the index.
    pub bytes: u64,
    /// How often a file came or went.
    pub changes: u64,
}

/// What tells whether the history has to be read again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// The commit that was checked out.
    pub head: Option<CommitId>,
    /// How many commits were asked for.
    pub commits: usize,
    /// Where a shallow clone ended (see [`workspace::git::shallow`]).
    pub shallow: Option<Hash>,
}

/// A file that was read, in the index or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    pub stamp: Stamp,
    pub hash: Hash,
    /// Its length where it is in the index; 0 where it is left out.
    pub bytes: u64,
}

/// A file that was read just now.
pub struct Read {
    pub path: RelPath,
    pub known: Known,
    /// What the index keeps of it; none where it is no source, or could not be parsed.
    pub entry: Option<Box<index::Entry>>,
}

impl Built {
    /// Puts a file in place of what was known of it.
    pub fn put(&mut self, read: Read) {
        self.forget(&read.path);
        self.changes += 1;
        if let Some(entry) = read.entry {
            self.index.insert(*entry);
            self.bytes += read.known.bytes;
        }
        self.files.insert(read.path, read.known);
    }

    /// Forgets a file; nothing happens where it is unknown.
    pub fn forget(&mut self, path: &RelPath) {
        if let Some(known) = self.files.remove(path) {
            self.index.remove(path.as_str());
            self.bytes -= known.bytes;
            self.changes += 1;
        }
    }

    /// The content that a file is known with.
    pub fn hash(&self, path: &RelPath) -> Option<Hash> {
        self.files.get(path).map(|known| known.hash)
    }
}
