//! Store: texts by their hash, one file each below `objects/`, so that the same text is kept once.

use crate::content::{Content, Hash};
use crate::error::Error;
use sandbox::{Kind, Tree};
use std::io::ErrorKind;
use std::sync::Arc;

const FOLDER: &str = "objects";

/// The texts of a lineage.
#[derive(Debug, Clone)]
pub(super) struct Store {
    tree: Arc<Tree>,
}

impl Store {
    pub(super) fn new(tree: Arc<Tree>) -> Store {
        Store { tree }
    }

    /// Keeps a text.
    pub(super) fn put(&self, content: &Content) -> Result<Hash, Error> {
        let place = place(content.hash);
        let io = |source| Error::io("cannot keep a file's text in the state folder", source);
        if self.tree.stat(&place).map_err(io)?.is_none() {
            self.tree
                .write(&place, &content.bytes, Some(0o600))
                .map_err(io)?;
        }
        Ok(content.hash)
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

fn place(hash: Hash) -> String {
    let name = hash.to_string();
    format!("{FOLDER}/{}/{}", &name[..2], &name[2..])
}
