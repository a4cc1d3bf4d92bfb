//! Draft: the agent's own copy of what it changes, over a snapshot. W5: nothing of it is in the user's files before `land` or
//! `land_exact`.

mod apply;
mod land;
mod moved;
mod ranges;

pub use apply::{Applied, Matching, Mode};

use crate::change::{ChangeSet, FileEdit};
use crate::content::Content;
use crate::encoding::Encoding;
use crate::error::Error;
use crate::patch::LastLine;
use crate::path::RelPath;
use crate::secret::is_secret;
use crate::seek;
use crate::snapshot::{self, Entry, Match, Snapshot};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Changes that nobody but the agent sees yet.
#[derive(Clone)]
pub struct Draft {
    snapshot: Arc<Snapshot>,
    files: BTreeMap<RelPath, Changed>,
    revision: u64,
}

/// A file that is not as the snapshot has it.
#[derive(Clone)]
struct Changed {
    content: Option<Content>,
    mode: Option<u32>,
    /// The file's mode when the draft first changed it.
    was: Option<u32>,
}

impl Changed {
    /// The mode to write: that of a file that comes or goes, and one that was asked for. A file whose text changes keeps the mode
    /// that it has when that lands.
    fn wanted_mode(&self) -> Option<u32> {
        let kept = self.content.is_some() && self.mode == self.was;
        self.mode.filter(|_| !kept)
    }
}

impl Draft {
    /// Nothing changed yet.
    pub fn new(snapshot: Arc<Snapshot>) -> Draft {
        Draft {
            snapshot,
            files: BTreeMap::new(),
            revision: 0,
        }
    }

    /// What the draft is over.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Grows with every change; a test run is newer than the draft if it began at the same revision.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether nothing differs from the snapshot.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The file with the draft's changes; `None`: there is no such file.
    ///
    /// # Errors
    /// [`Error::Secret`], and as [`Snapshot::read`].
    pub fn read(&self, path: &RelPath) -> Result<Option<Content>, Error> {
        if is_secret(path) {
            return Err(Error::Secret(path.clone()));
        }
        match self.files.get(path) {
            Some(changed) => Ok(changed.content.clone()),
            None => self.snapshot.read(path),
        }
    }

    /// Gives the file this text, new or not. Lines that it had already keep their bytes, and its line endings and BOM stay.
    ///
    /// # Errors
    /// [`Error::Secret`], [`Error::Unreadable`] where a file that is not text would be replaced, [`Error::Unencodable`] where
    /// its encoding cannot hold the text, and as [`Draft::read`].
    pub fn write(&mut self, path: &RelPath, text: &str) -> Result<(), Error> {
        let last = match text.ends_with('\n') {
            true => LastLine::Closed,
            false => LastLine::Open,
        };
        self.rewrite(path, text, last)
    }

    /// As [`Draft::write`]; `last` says what becomes of the newline at the end.
    fn rewrite(&mut self, path: &RelPath, text: &str, last: LastLine) -> Result<(), Error> {
        let (text, encoding) = match self.read(path)? {
            Some(old) => {
                let (old, encoding) = old.decoded_of(path)?;
                (seek::rewrite(&old, text, last), encoding)
            }
            None => {
                self.room_for(path)?;
                (text.to_owned(), Encoding::UTF_8)
            }
        };
        let mode = self.mode(path);
        self.put_text(path, &text, encoding, mode)
    }

    /// Gives the file a text in the encoding that it has.
    fn put_text(
        &mut self,
        path: &RelPath,
        text: &str,
        encoding: Encoding,
        mode: Option<u32>,
    ) -> Result<(), Error> {
        let bytes = encoding.encode(text).map_err(|sign| Error::Unencodable {
            path: path.clone(),
            encoding: encoding.name(),
            sign,
        })?;
        self.put(path, Some(bytes), mode)
    }

    /// Removes the file.
    ///
    /// # Errors
    /// [`Error::Missing`], and as [`Draft::read`].
    pub fn delete(&mut self, path: &RelPath) -> Result<(), Error> {
        if self.read(path)?.is_none() {
            return Err(Error::Missing(path.clone()));
        }
        let mode = self.mode(path);
        self.put(path, None, mode)
    }

    /// Moves the file over whatever is at `to`; its mode goes with it.
    ///
    /// # Errors
    /// [`Error::Missing`], and as [`Draft::read`].
    pub fn rename(&mut self, from: &RelPath, to: &RelPath) -> Result<(), Error> {
        let content = self
            .read(from)?
            .ok_or_else(|| Error::Missing(from.clone()))?;
        if from == to {
            return Ok(());
        }
        if self.read(to)?.is_none() {
            self.room_for(to)?;
        }
        let mode = self.mode(from);
        self.put(from, None, mode)?;
        self.put(to, Some(content.bytes.to_vec()), mode)
    }

    /// Makes the file as the snapshot has it again.
    pub fn restore(&mut self, path: &RelPath) {
        if self.files.remove(path).is_some() {
            self.revision += 1;
        }
    }

    /// All files, the draft's own included, those it removed left out; sorted.
    ///
    /// # Errors
    /// As [`Snapshot::files`].
    pub fn files(&self) -> Result<Vec<RelPath>, Error> {
        let gone = |path: &RelPath| {
            self.files
                .get(path)
                .is_some_and(|changed| changed.content.is_none())
        };
        let mut files: Vec<RelPath> = self
            .snapshot
            .files()?
            .iter()
            .filter(|path| !gone(path))
            .cloned()
            .collect();
        files.extend(
            self.files
                .iter()
                .filter(|(_, changed)| changed.content.is_some())
                .map(|(path, _)| path.clone()),
        );
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// As [`Snapshot::list`], with the draft's changes.
    ///
    /// # Errors
    /// As [`Snapshot::files`].
    pub fn list(&self, dir: Option<&RelPath>, depth: usize) -> Result<Vec<Entry>, Error> {
        Ok(snapshot::list(&self.files()?, dir, depth))
    }

    /// As [`Snapshot::find`], with the draft's changes.
    ///
    /// # Errors
    /// As [`Snapshot::find`].
    pub fn find(&self, pattern: &str, glob: Option<&str>, max: usize) -> Result<Vec<Match>, Error> {
        let read = |path: &RelPath| match self.files.get(path) {
            Some(changed) => Ok(changed.content.clone()),
            None => self.snapshot.glance(path),
        };
        snapshot::find(&self.files()?, read, pattern, glob, max)
    }

    /// The draft's changes with the snapshot's contents as bases.
    pub fn change_set(&self) -> ChangeSet {
        let edit = |(path, changed): (&RelPath, &Changed)| FileEdit {
            path: path.clone(),
            base: self.snapshot.read(path).ok().flatten(),
            after: changed
                .content
                .as_ref()
                .map(|content| content.bytes.clone()),
            mode: changed.wanted_mode(),
        };
        ChangeSet {
            files: self
                .files
                .iter()
                .map(edit)
                .filter(FileEdit::is_change)
                .collect(),
        }
    }

    /// The paths that differ from the snapshot, with their bytes (`None`: removed) and permission bits (`None`: not known, as of a
    /// file that is new).
    pub(crate) fn changed(
        &self,
    ) -> impl Iterator<Item = (&RelPath, Option<&Content>, Option<u32>)> {
        self.files
            .iter()
            .map(|(path, changed)| (path, changed.content.as_ref(), changed.mode))
    }

    fn mode(&self, path: &RelPath) -> Option<u32> {
        match self.files.get(path) {
            Some(changed) => changed.mode,
            None => self.snapshot.host().mode(path),
        }
    }

    /// A new file needs folders, not files, above it, and no folder in its place.
    fn room_for(&self, path: &RelPath) -> Result<(), Error> {
        for (at, _) in path.as_str().match_indices('/') {
            let above = RelPath::new(&path.as_str()[..at])?;
            // A folder cannot be read as a file, which is as it should be.
            if let Ok(Some(_)) = self.read(&above) {
                return Err(Error::Exists(above));
            }
        }
        Ok(())
    }

    fn put(
        &mut self,
        path: &RelPath,
        bytes: Option<Vec<u8>>,
        mode: Option<u32>,
    ) -> Result<(), Error> {
        if is_secret(path) {
            return Err(Error::Secret(path.clone()));
        }
        let owned = |path: &RelPath| sandbox::guard(path.as_str()) == Some(sandbox::Guard::Owned);
        if owned(path)
            || self
                .snapshot
                .root()
                .leads_to(path)
                .is_some_and(|real| owned(&real))
        {
            return Err(Error::Owned(path.clone()));
        }
        let base = self.snapshot.read(path)?;
        self.revision += 1;
        if base.as_ref().map(|base| &base.bytes[..]) == bytes.as_deref() {
            self.files.remove(path);
            return Ok(());
        }
        let was = match self.files.get(path) {
            Some(changed) => changed.was,
            None => self.snapshot.host().mode(path).filter(|_| base.is_some()),
        };
        let content = bytes.map(|bytes| Content::new(bytes, None));
        self.files
            .insert(path.clone(), Changed { content, mode, was });
        Ok(())
    }
}
