//! Scratch: a tree to run tests in: the disk, with open buffers over it, with the draft over those. It is kept between runs so
//! that build folders stay warm; a file that did not change keeps its time, one that did gets a new one.

mod sync;

use crate::content::Hash;
use crate::draft::Draft;
use crate::error::Error;
use crate::path::RelPath;
use crate::snapshot::Snapshot;
use camino::Utf8Path;
use sandbox::{Lock, Tree};
use std::collections::BTreeMap;
use sync::Written;

/// How many tasks can have a tree of one workspace at the same time.
const TREES: usize = 16;

/// A tree that holds what the user would have if the draft landed now. Nobody else has it until this is dropped.
#[derive(Debug)]
pub struct Scratch {
    tree: Tree,
    files: BTreeMap<RelPath, Written>,
    _lock: Lock,
}

impl Scratch {
    /// Makes or refreshes a tree in the state folder. The second of two tasks at once gets a tree of its own.
    ///
    /// # Errors
    /// [`Error::Io`] where the disk says no or all trees are taken.
    pub fn prepare(state: &Tree, snapshot: &Snapshot, draft: &Draft) -> Result<Scratch, Error> {
        let root = Hash::of(snapshot.root().path().as_str().as_bytes()).to_string();
        let mut last = std::io::Error::from(std::io::ErrorKind::WouldBlock);
        for number in 0..TREES {
            let folder = format!("scratch/{}/{number}", &root[..16]);
            match state.lock(&format!("{folder}/lock")) {
                Ok(lock) => {
                    let place = state.path().join(&folder).join("tree");
                    let tree = Tree::create(&place)
                        .map_err(|source| Error::io(format!("cannot make `{place}`"), source))?;
                    let files = sync::sync(
                        state,
                        &format!("{folder}/files.json"),
                        &tree,
                        snapshot,
                        draft,
                    )?;
                    return Ok(Scratch {
                        tree,
                        files,
                        _lock: lock,
                    });
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => last = error,
                Err(source) => return Err(Error::io("cannot lock a scratch tree", source)),
            }
        }
        Err(Error::io(
            format!(
                "all {TREES} scratch trees of this workspace are in use; wait for a task to end"
            ),
            last,
        ))
    }

    /// The tree's folder, absolute.
    pub fn path(&self) -> &Utf8Path {
        self.tree.path()
    }

    /// Names the sources as they were when the tree was made: the same for the same files with the same bytes.
    pub fn hash(&self) -> Hash {
        let mut all = String::new();
        for (path, written) in &self.files {
            all.push_str(&format!("{}\0{path}\n", written.hash));
        }
        Hash::of(all.as_bytes())
    }

    /// The sources that are no longer as the tree was made: what a test run wrote over or removed.
    ///
    /// # Errors
    /// [`Error::Io`] where the tree cannot be read.
    pub fn changed_sources(&self) -> Result<Vec<RelPath>, Error> {
        let mut changed = Vec::new();
        for (path, written) in &self.files {
            if !sync::is_as_written(&self.tree, path, written)? {
                changed.push(path.clone());
            }
        }
        Ok(changed)
    }
}
