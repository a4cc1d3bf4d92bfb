//! Store: texts by their hash, one file each below `objects/`, so that the same text is kept once.

use crate::content::{Content, Hash};
use crate::error::Error;
use sandbox::{Kind, Tree};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::sync::Arc;

const FOLDER: &str = "objects";
/// Files that are written at the same time.
const WRITERS: usize = 8;

/// The texts of a lineage.
#[derive(Debug, Clone)]
pub(super) struct Store {
    tree: Arc<Tree>,
}

impl Store {
    pub(super) fn new(tree: Arc<Tree>) -> Store {
        Store { tree }
    }

    /// Keeps texts, each once. They are on the disk when this returns.
    pub(super) fn keep(&self, texts: &[&Content]) -> Result<(), Error> {
        let io = |source| Error::io("cannot keep a file's text in the state folder", source);
        let mut new: BTreeMap<Hash, &Content> = BTreeMap::new();
        for text in texts {
            if self.tree.stat(&place(text.hash)).map_err(io)?.is_none() {
                new.insert(text.hash, text);
            }
        }
        let new: Vec<(Hash, &Content)> = new.into_iter().collect();
        each(&new, |(hash, text)| {
            self.tree
                .stage(&place(*hash), &text.bytes, Some(0o600))?
                .place()
        })
        .map_err(io)?;
        let folders: BTreeSet<String> = new.iter().map(|(hash, _)| folder(*hash)).collect();
        let folders: Vec<String> = folders.into_iter().collect();
        each(&folders, |folder| self.tree.sync(folder)).map_err(io)?;
        match folders.is_empty() {
            true => Ok(()),
            false => self.tree.sync(FOLDER).map_err(io),
        }
    }

    /// A text that was kept; its hash is proved.
    pub(super) fn get(&self, hash: Hash) -> Result<Content, Error> {
        let io = |source| Error::io(format!("cannot read the kept text {hash}"), source);
        let content = Content::new(self.tree.read(&place(hash)).map_err(io)?, None);
        match content.hash == hash {
            true => Ok(content),
            false => Err(io(ErrorKind::InvalidData.into())),
        }
    }

    /// Every text with its length in bytes.
    pub(super) fn all(&self) -> Result<Vec<(Hash, u64)>, Error> {
        let io = |source| Error::io("cannot read the state folder", source);
        let mut found = Vec::new();
        let folders = match self.tree.entries(FOLDER) {
            Err(source) if source.kind() == ErrorKind::NotFound => return Ok(found),
            entries => entries.map_err(io)?,
        };
        for (folder, _) in folders.into_iter().filter(|(_, kind)| *kind == Kind::Dir) {
            let within = format!("{FOLDER}/{folder}");
            for (name, kind) in self.tree.entries(&within).map_err(io)? {
                let Ok(hash) = Hash::try_from(format!("{folder}{name}")) else {
                    continue;
                };
                let stat = self.tree.stat(&place(hash)).map_err(io)?;
                if let (Kind::File, Some(stat)) = (kind, stat) {
                    found.push((hash, stat.len));
                }
            }
        }
        Ok(found)
    }

    /// Removes what processes that are no more left half written, in the records too.
    pub(super) fn clean(&self) -> Result<(), Error> {
        let io = |source| Error::io("cannot clean the state folder", source);
        let texts = match self.tree.entries(FOLDER) {
            Err(source) if source.kind() == ErrorKind::NotFound => Vec::new(),
            entries => entries.map_err(io)?,
        };
        let texts = texts.into_iter().filter(|(_, kind)| *kind == Kind::Dir);
        let texts = texts.map(|(name, _)| format!("{FOLDER}/{name}"));
        for folder in texts.chain([super::FOLDER.to_owned()]) {
            self.tree.sweep(&folder, None).map_err(io)?;
        }
        Ok(())
    }

    /// Lets go of a text.
    pub(super) fn remove(&self, hash: Hash) -> Result<(), Error> {
        match self.tree.remove(&place(hash)) {
            Err(source) if source.kind() != ErrorKind::NotFound => {
                Err(Error::io("cannot clean the state folder", source))
            }
            _ => Ok(()),
        }
    }
}

/// Does something with each, several at the same time: a disk syncs many files together about as fast as one.
fn each<T: Sync>(all: &[T], work: impl Fn(&T) -> io::Result<()> + Sync) -> io::Result<()> {
    let share = all.len().div_ceil(WRITERS).max(1);
    std::thread::scope(|scope| {
        let work = &work;
        let writers: Vec<_> = all
            .chunks(share)
            .map(|chunk| scope.spawn(move || chunk.iter().try_for_each(work)))
            .collect();
        let mut ended = writers.into_iter().map(|writer| {
            let broken = || Err(io::Error::other("a writer stopped"));
            writer.join().unwrap_or_else(|_| broken())
        });
        ended.try_fold((), |(), ended| ended)
    })
}

fn folder(hash: Hash) -> String {
    format!("{FOLDER}/{}", &hash.to_string()[..2])
}

fn place(hash: Hash) -> String {
    format!("{}/{}", folder(hash), &hash.to_string()[2..])
}
