//! Scratch: a tree to run tests in: the disk, with open buffers over it, with the draft over those. It is kept between runs so
//! that build folders stay warm; a file that did not change keeps its time, one that did gets a new one. What a test run built is
//! kept only where the run was trusted, and what a command built is never there for a test.

mod dependencies;
mod legible;
mod reports;
mod sync;

use crate::content::Hash;
use crate::draft::Draft;
use crate::error::Error;
use crate::path::RelPath;
use crate::snapshot::Snapshot;
use camino::Utf8Path;
use dependencies::Installed;
use sandbox::{Lock, Tree};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;
use sync::{Builds, Synced, Written};

/// How many tasks can have a tree of one workspace at the same time.
const TREES: usize = 16;

/// What runs in a tree.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Tests,
    Commands,
    Unpatched,
    Legible,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Kind::Tests => "",
            Kind::Commands => "commands-",
            Kind::Unpatched => "unpatched-",
            Kind::Legible => "legible-",
        }
    }
}

/// Whether the build folders may stay; that is said for one time.
fn take_trust(state: &Tree, trusted: &str) -> Result<Builds, Error> {
    let failed = |error| Error::io("cannot refresh the scratch tree", error);
    if state.stat(trusted).map_err(failed)?.is_none() {
        return Ok(Builds::Dropped);
    }
    state.remove(trusted).map_err(failed)?;
    Ok(Builds::Kept)
}

/// A tree that holds what the user would have if the draft landed now. Nobody else has it until this is dropped.
#[derive(Debug)]
pub struct Scratch {
    tree: Tree,
    /// The file that says that the build folders may stay.
    trusted: String,
    files: BTreeMap<RelPath, Written>,
    installed: Vec<Installed>,
    _lock: Lock,
}

impl Scratch {
    /// Makes or refreshes a tree for tests in the state folder, without build folders unless [`Scratch::trust`] was called on it
    /// the last time. The second of two tasks at once gets a tree of its own.
    ///
    /// # Errors
    /// [`Error::Io`] where the disk says no or all trees are taken.
    pub fn prepare(state: &Tree, snapshot: &Snapshot, draft: &Draft) -> Result<Scratch, Error> {
        Scratch::named(state, snapshot, draft, Kind::Tests)
    }

    /// As [`Scratch::prepare`], for commands, in trees of their own: what a command leaves in a build folder must not be run by a
    /// test. Build folders always stay.
    ///
    /// # Errors
    /// As [`Scratch::prepare`].
    pub fn commands(state: &Tree, snapshot: &Snapshot, draft: &Draft) -> Result<Scratch, Error> {
        Scratch::named(state, snapshot, draft, Kind::Commands)
    }

    /// As [`Scratch::prepare`], without any draft and in trees of their own: what the tests said before a patch is asked again and
    /// again while the patch is worked on, and neither build shall spoil the other's.
    ///
    /// # Errors
    /// As [`Scratch::prepare`].
    pub fn unpatched(state: &Tree, snapshot: &Arc<Snapshot>) -> Result<Scratch, Error> {
        Scratch::named(
            state,
            snapshot,
            &Draft::new(snapshot.clone()),
            Kind::Unpatched,
        )
    }

    /// As [`Scratch::prepare`], for programs that nobody confines, such as an editor's language servers: sources in languages whose
    /// servers read and run nothing, with the settings of these languages, and no file that a tool would run. It has a new name each
    /// time, since editors hold on to what they read under an old one.
    ///
    /// # Errors
    /// As [`Scratch::prepare`].
    pub fn legible(state: &Tree, snapshot: &Snapshot, draft: &Draft) -> Result<Scratch, Error> {
        Scratch::named(state, snapshot, draft, Kind::Legible)
    }

    /// Whether a file of this name is in a tree of [`Scratch::legible`] and is no setting.
    pub fn is_legible(path: &RelPath) -> bool {
        legible::is_source(path)
    }

    fn named(
        state: &Tree,
        snapshot: &Snapshot,
        draft: &Draft,
        kind: Kind,
    ) -> Result<Scratch, Error> {
        let root = Hash::of(snapshot.root().path().as_str().as_bytes()).to_string();
        let mut last = std::io::Error::from(std::io::ErrorKind::WouldBlock);
        for number in 0..TREES {
            let folder = format!("scratch/{}/{}{number}", &root[..16], kind.prefix());
            match state.lock(&format!("{folder}/lock")) {
                Ok(lock) => {
                    let name = match kind {
                        Kind::Legible => legible::renamed(state, &folder)?,
                        _ => "tree".to_owned(),
                    };
                    let place = state.path().join(&folder).join(name);
                    let tree = Tree::create(&place)
                        .map_err(|source| Error::io(format!("cannot make `{place}`"), source))?;
                    let trusted = format!("{folder}/trusted");
                    let builds = match kind {
                        Kind::Tests => take_trust(state, &trusted)?,
                        Kind::Commands | Kind::Unpatched | Kind::Legible => Builds::Kept,
                    };
                    let taken: fn(&RelPath) -> bool = match kind {
                        Kind::Legible => legible::is_taken,
                        _ => |_| true,
                    };
                    let Synced { files, installed } = sync::sync(
                        state,
                        &format!("{folder}/files.json"),
                        (&tree, builds),
                        (snapshot, draft),
                        taken,
                    )?;
                    return Ok(Scratch {
                        tree,
                        trusted,
                        files,
                        installed,
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

    /// Lets the build folders stay for the next tests: nothing in this run gave cause to doubt them. `state` is the folder that the
    /// tree was made in. Where it cannot be noted the next build begins anew.
    pub fn trust(&self, state: &Tree) {
        if let Err(error) = state.write(&self.trusted, b"", Some(0o600)) {
            tracing::warn!(%error, "the build folders of the tests are not kept");
        }
    }

    /// The tree's folder, absolute.
    pub fn path(&self) -> &Utf8Path {
        self.tree.path()
    }

    /// Names the tree as it was made: the same for the same files with the same bytes beside the same installed packages.
    pub fn hash(&self) -> Hash {
        let mut all = String::new();
        for (path, written) in &self.files {
            all.push_str(&format!("{}\0{path}\n", written.hash));
        }
        for (place, time) in &self.installed {
            all.push_str(&format!("{place} {time:?}\n"));
        }
        Hash::of(all.as_bytes())
    }

    /// The texts of the reports in JUnit's form that a build wrote since a moment, where the usual tools put them.
    pub fn reports(&self, since: SystemTime) -> Vec<String> {
        reports::read(&self.tree, self.files.keys(), since)
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
