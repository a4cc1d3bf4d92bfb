//! Lineage: every patch that was proposed or landed here, with what it was, what was decided and what became of the files. W6: it
//! writes below the state folder, and, where the workspace is a git repository, objects and `refs/animus/*`; nothing else.

mod blame;
mod bound;
mod node;
mod refs;
mod store;
mod stored;

pub use blame::{Blame, Origin};
pub use bound::{Bound, Usage};
pub use node::{Head, Image, Kind, Node, NodeState};

use crate::content::Hash;
use crate::error::Error;
use crate::path::Root;
use sandbox::{Kind as Entry, Tree};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::SystemTime;
use store::Store;
use stored::Stored;

const FOLDER: &str = "patches";

/// All patches of a workspace.
#[derive(Debug, Clone)]
pub struct Lineage {
    tree: Arc<Tree>,
    store: Store,
}

impl Lineage {
    /// The lineage kept below a state folder.
    pub fn open(tree: Arc<Tree>) -> Lineage {
        Lineage {
            store: Store::new(tree.clone()),
            tree,
        }
    }

    /// Writes a patch, new or again, atomically: its texts first, each once however many patches have it.
    ///
    /// # Errors
    /// [`Error::NoPatch`] for an id that cannot name a file, [`Error::Io`] where the disk says no.
    pub fn record(&self, node: &Node) -> Result<(), Error> {
        place(&node.id)?;
        let texts = node.texts();
        self.alone(|| {
            self.store.keep(&texts.iter().collect::<Vec<_>>())?;
            self.write(&node.id, &Stored::of(node))
        })
    }

    /// Writes a landed patch to the git repository that the workspace is in, as `refs/animus/patches/<id>`; gives back the
    /// ref's name, or `None` where there is no repository. Done again it replaces what was there.
    ///
    /// # Errors
    /// [`Error::Git`].
    pub fn export(&self, root: &Root, node: &Node) -> Result<Option<String>, Error> {
        refs::export(root, node)
    }

    /// Removes a patch's ref from the repository, if there is one.
    ///
    /// # Errors
    /// [`Error::Git`].
    pub fn unexport(&self, root: &Root, id: &str) -> Result<(), Error> {
        refs::forget(root, id)
    }

    /// All patches, oldest first. One that cannot be read is left out and logged.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Node>, Error> {
        let mut nodes = Vec::new();
        for id in self.ids()? {
            match self.get(&id) {
                Ok(node) => nodes.push(node),
                Err(error) => tracing::warn!(id, %error, "a patch is left out"),
            }
        }
        nodes.sort_by(|a, b| (&a.created, &a.id).cmp(&(&b.created, &b.id)));
        Ok(nodes)
    }

    /// All patches without their texts, oldest first. One that cannot be read is left out and logged.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder cannot be read.
    pub fn heads(&self) -> Result<Vec<Head>, Error> {
        let mut heads = Vec::new();
        for id in self.ids()? {
            match self.stored(&id) {
                Ok(stored) => heads.push(stored.head()),
                Err(error) => tracing::warn!(id, %error, "a patch is left out"),
            }
        }
        heads.sort_by(|a, b| (&a.created, &a.id).cmp(&(&b.created, &b.id)));
        Ok(heads)
    }

    /// Those that are or were in the user's files, in the order in which they last came there, without their texts.
    ///
    /// # Errors
    /// As [`Lineage::heads`].
    pub fn landed(&self) -> Result<Vec<Head>, Error> {
        let mut heads = self.heads()?;
        heads.retain(|head| head.landed.is_some());
        heads.sort_by(|a, b| (&a.landed, &a.id).cmp(&(&b.landed, &b.id)));
        Ok(heads)
    }

    /// One patch.
    ///
    /// # Errors
    /// [`Error::NoPatch`], or [`Error::Io`] where it cannot be read or parsed.
    pub fn get(&self, id: &str) -> Result<Node, Error> {
        self.stored(id)?.node(&self.store)
    }

    /// The same on another parent.
    ///
    /// # Errors
    /// As [`Lineage::get`] and [`Lineage::record`].
    pub fn reparent(&self, id: &str, parent: Option<String>) -> Result<(), Error> {
        // Read under the lock: a decision that another process writes meanwhile must not be lost.
        self.alone(|| self.write(id, &self.stored(id)?.on(parent)))
    }

    fn stored(&self, id: &str) -> Result<Stored, Error> {
        let bytes = match self.tree.read(&place(id)?) {
            Err(source) if source.kind() == ErrorKind::NotFound => {
                return Err(Error::NoPatch(id.to_owned()));
            }
            bytes => bytes
                .map_err(|source| Error::io(format!("cannot read the patch `{id}`"), source))?,
        };
        serde_json::from_slice(&bytes)
            .map_err(|error| Error::io(format!("the patch `{id}` does not parse"), error.into()))
    }

    fn write(&self, id: &str, stored: &Stored) -> Result<(), Error> {
        let json = serde_json::to_vec(stored)
            .map_err(|error| Error::io("cannot write the patch", error.into()))?;
        let io = |source| Error::io(format!("cannot write the patch `{id}`"), source);
        self.tree.write(&place(id)?, &json, Some(0o600)).map_err(io)
    }

    /// Forgets a patch. The user's files stay as they are; what landed on top of it counts as landed on what it landed on.
    ///
    /// # Errors
    /// As [`Lineage::get`] and [`Lineage::record`].
    pub fn drop(&self, id: &str) -> Result<(), Error> {
        let gone = self.stored(id)?.head();
        for head in self.heads()? {
            if head.parent.as_deref() == Some(id) {
                self.reparent(&head.id, gone.parent.clone())?;
            }
        }
        self.tree
            .remove(&place(id)?)
            .map_err(|source| Error::io(format!("cannot remove the patch `{id}`"), source))?;
        self.sweep()
    }

    /// When a patch was last written or removed, as far as the file system's clock can tell; `None` before the first.
    pub fn changed(&self) -> Option<SystemTime> {
        let stat = self.tree.stat(FOLDER).ok().flatten();
        stat.map(|stat| stat.modified)
    }

    /// Every patch with a hash of its record: another hash, another record.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder cannot be read.
    pub fn marks(&self) -> Result<BTreeMap<String, Hash>, Error> {
        let mut marks = BTreeMap::new();
        for id in self.ids()? {
            if let Ok(bytes) = self.tree.read(&place(&id)?) {
                marks.insert(id, Hash::of(&bytes));
            }
        }
        Ok(marks)
    }

    fn ids(&self) -> Result<Vec<String>, Error> {
        let entries = match self.tree.entries(FOLDER) {
            Err(source) if source.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|source| Error::io("cannot read the patches", source))?,
        };
        let id = |(name, kind): (String, Entry)| {
            let id = name.strip_suffix(".json")?;
            (kind == Entry::File).then(|| id.to_owned())
        };
        Ok(entries.into_iter().filter_map(id).collect())
    }
}

fn place(id: &str) -> Result<String, Error> {
    let fits = !id.is_empty()
        && id.len() <= 100
        && id
            .chars()
            .all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_'));
    match fits {
        true => Ok(format!("{FOLDER}/{id}.json")),
        false => Err(Error::NoPatch(id.chars().take(100).collect())),
    }
}
