//! Snapshot: the workspace at one moment: open buffers over the disk. W2: two reads of a path give the same text.

mod find;
mod walk;

pub use find::Match;
pub(crate) use find::find;
pub use walk::Entry;
pub(crate) use walk::{list, walker_below};

use crate::content::Content;
use crate::error::Error;
use crate::host::Host;
use crate::path::{RelPath, Root};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// The workspace at one moment. What was read once stays as it was read.
pub struct Snapshot {
    host: Arc<dyn Host>,
    read: Mutex<HashMap<RelPath, Option<Content>>>,
    files: Mutex<Option<Arc<[RelPath]>>>,
}

impl Snapshot {
    /// The workspace as its host has it from now on. Open documents are read at once, so that later typing is not seen.
    pub fn new(host: Arc<dyn Host>) -> Snapshot {
        let mut read = HashMap::new();
        for path in host.open() {
            if let Ok(content) = host.read(&path) {
                read.insert(path, content);
            }
        }
        Snapshot {
            host,
            read: Mutex::new(read),
            files: Mutex::new(None),
        }
    }

    /// The workspace folder.
    pub fn root(&self) -> &Root {
        self.host.root()
    }

    /// The owner of the files.
    pub fn host(&self) -> &Arc<dyn Host> {
        &self.host
    }

    /// The file; `None`: there is no such file.
    ///
    /// # Errors
    /// As [`Host::read`].
    pub fn read(&self, path: &RelPath) -> Result<Option<Content>, Error> {
        if let Some(content) = self.read.lock().get(path) {
            return Ok(content.clone());
        }
        let content = self.host.read(path)?;
        // Another thread may have read it meanwhile: the first read is the one that stays.
        let mut read = self.read.lock();
        Ok(read.entry(path.clone()).or_insert(content).clone())
    }

    /// As [`Snapshot::read`] for a pass over all files: what nobody read yet is not kept in memory.
    pub(crate) fn glance(&self, path: &RelPath) -> Result<Option<Content>, Error> {
        let known = self.read.lock().get(path).cloned();
        match known {
            Some(content) => Ok(content),
            None => self.host.read(path),
        }
    }

    /// The open documents whose content this snapshot holds.
    pub(crate) fn open(&self) -> Vec<RelPath> {
        self.host.open()
    }

    /// All files that are not ignored (`.gitignore`, `.ignore`, `.animusignore`, also without a git repository), hidden ones included, `.git`
    /// and files with secrets left out, open documents added; sorted.
    ///
    /// # Errors
    /// [`Error::Io`] where the root cannot be walked.
    pub fn files(&self) -> Result<Arc<[RelPath]>, Error> {
        let mut files = self.files.lock();
        if let Some(files) = files.as_ref() {
            return Ok(files.clone());
        }
        let found: Arc<[RelPath]> = walk::files(self.root(), &self.host.open())?.into();
        *files = Some(found.clone());
        Ok(found)
    }

    /// The files and folders below `dir` (the root without it), down to `depth` levels (from 1).
    ///
    /// # Errors
    /// As [`Snapshot::files`].
    pub fn list(&self, dir: Option<&RelPath>, depth: usize) -> Result<Vec<Entry>, Error> {
        Ok(list(&self.files()?, dir, depth))
    }

    /// Lines that match a regular expression, in files that match the glob, at most `max`.
    ///
    /// # Errors
    /// [`Error::Pattern`] for a pattern or glob that does not parse.
    pub fn find(&self, pattern: &str, glob: Option<&str>, max: usize) -> Result<Vec<Match>, Error> {
        find(&self.files()?, |path| self.glance(path), pattern, glob, max)
    }
}
