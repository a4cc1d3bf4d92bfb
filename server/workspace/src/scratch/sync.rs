//! Sync: a scratch tree brought up to date with the least writing. What it wrote is on record, with the time that the system
//! gave it (which a program cannot set), so that a source changed by a test run is noticed and written again.

use super::dependencies::{self, Installed};
use crate::content::Hash;
use crate::draft::Draft;
use crate::error::Error;
use crate::path::RelPath;
use crate::snapshot::Snapshot;
use camino::Utf8Path;
use sandbox::{Kind, Tree};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::UNIX_EPOCH;

/// Folders that builds fill: not cleaned where they may stay, so that the next build is quick. Python's `__pycache__` is none of them: it knows a source
/// by its length and the second of its time, so two edits within a second that keep the length would be tested as one.
const BUILT: [&str; 11] = [
    "target",
    "node_modules",
    "build",
    "dist",
    "out",
    ".venv",
    "venv",
    ".pytest_cache",
    ".cache",
    ".gradle",
    "vendor",
];

/// A source in the tree, on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    pub hash: Hash,
    /// Permission bits it was given; `None`: those of any new file.
    mode: Option<u32>,
    /// Length and time of the workspace's file, where it was copied from there.
    source: Option<(u64, u128)>,
    /// Length and change time of the copy.
    copy: (u64, i128),
}

/// What becomes of the build folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Builds {
    Kept,
    Dropped,
}

/// What is in the tree now.
#[derive(Debug)]
pub(super) struct Synced {
    pub files: BTreeMap<RelPath, Written>,
    pub installed: Vec<Installed>,
}

/// Where a source comes from.
enum Wanted {
    Disk,
    Bytes(std::sync::Arc<[u8]>, Option<u32>),
}

pub(super) fn sync(
    state: &Tree,
    record: &str,
    (tree, builds): (&Tree, Builds),
    (snapshot, draft): (&Snapshot, &Draft),
    taken: fn(&RelPath) -> bool,
) -> Result<Synced, Error> {
    let workspace = snapshot.root().path();
    let source = Tree::open(workspace)
        .map_err(|error| Error::io(format!("cannot open `{workspace}`"), error))?;
    let mut old: BTreeMap<RelPath, Written> = state
        .read(record)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    // Until this run is over the record would promise too much.
    if !old.is_empty() {
        state
            .remove(record)
            .map_err(|error| Error::io("cannot refresh the scratch tree", error))?;
    }
    let mut wanted = wanted(snapshot, draft)?;
    wanted.retain(|path, _| taken(path));
    clean(tree, &wanted, builds)?;
    let mut files = BTreeMap::new();
    for (path, wanted) in &wanted {
        if let Some(written) = one(tree, &source, path, wanted, old.remove(path))? {
            files.insert(path.clone(), written);
        }
    }
    let installed = dependencies::bring(tree, &source, wanted.keys())?;
    let json = serde_json::to_vec(&files)
        .map_err(|error| Error::io("cannot record the scratch tree", error.into()))?;
    state
        .write(record, &json, Some(0o600))
        .map_err(|error| Error::io("cannot record the scratch tree", error))?;
    Ok(Synced { files, installed })
}

fn wanted(snapshot: &Snapshot, draft: &Draft) -> Result<BTreeMap<RelPath, Wanted>, Error> {
    let mut wanted: BTreeMap<RelPath, Wanted> = snapshot
        .files()?
        .iter()
        .map(|path| (path.clone(), Wanted::Disk))
        .collect();
    for path in snapshot.open() {
        match snapshot.read(&path)? {
            Some(content) if wanted.contains_key(&path) => {
                let mode = snapshot.host().mode(&path);
                wanted.insert(path, Wanted::Bytes(content.bytes, mode));
            }
            _ => {}
        }
    }
    for (path, content, mode) in draft.changed() {
        match content {
            Some(content) => {
                wanted.insert(path.clone(), Wanted::Bytes(content.bytes.clone(), mode));
            }
            None => {
                wanted.remove(path);
            }
        }
    }
    Ok(wanted)
}

/// Removes what is neither wanted nor built: sources that vanished, and what an earlier run left behind.
fn clean(tree: &Tree, wanted: &BTreeMap<RelPath, Wanted>, builds: Builds) -> Result<(), Error> {
    let stays = |name: &str| builds == Builds::Kept && BUILT.contains(&name);
    let mut folders: BTreeSet<&str> = BTreeSet::new();
    for path in wanted.keys() {
        folders.extend(
            path.as_str()
                .match_indices('/')
                .map(|(at, _)| &path.as_str()[..at]),
        );
    }
    let mut open = vec![String::new()];
    while let Some(folder) = open.pop() {
        let entries = tree
            .entries(&folder)
            .map_err(|error| Error::io("cannot read the scratch tree", error))?;
        for (name, kind) in entries {
            let place = match folder.is_empty() {
                true => name.clone(),
                false => format!("{folder}/{name}"),
            };
            let is_file = RelPath::new(&place).is_ok_and(|path| wanted.contains_key(&path));
            let is_folder = folders.contains(place.as_str());
            match kind {
                Kind::Dir if is_folder => open.push(place),
                Kind::Dir if !is_file && stays(&name) => {}
                Kind::File | Kind::Symlink if is_file => {}
                _ => tree.remove_all(&place).map_err(|error| {
                    Error::io(
                        format!("cannot remove `{place}` from the scratch tree"),
                        error,
                    )
                })?,
            }
        }
    }
    Ok(())
}

/// Brings one source up to date; `None` where it went away meanwhile or leads outside.
fn one(
    tree: &Tree,
    source: &Tree,
    path: &RelPath,
    wanted: &Wanted,
    old: Option<Written>,
) -> Result<Option<Written>, Error> {
    let failed = |error| {
        Error::io(
            format!("cannot write `{path}` into the scratch tree"),
            error,
        )
    };
    let intact = |old: &Written| copy_stamp(tree, path) == Some(old.copy);
    let (bytes, mode, stamp) = match wanted {
        Wanted::Bytes(bytes, mode) => (bytes.clone(), *mode, None),
        Wanted::Disk => {
            let Some(stat) = source.stat(path.as_str()).map_err(failed)? else {
                return Ok(None);
            };
            let time = stat
                .modified
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_nanos();
            let stamp = Some((stat.len, time));
            let mode = Some(stat.mode & 0o777);
            // A new mode leaves a file's own time alone.
            if let Some(old) = old
                .as_ref()
                .filter(|old| old.source == stamp && old.mode == mode && intact(old))
            {
                return Ok(Some(old.clone()));
            }
            let Ok(bytes) = source.read(path.as_str()) else {
                return Ok(None);
            };
            (bytes.into(), mode, stamp)
        }
    };
    let hash = Hash::of(&bytes);
    let same = old
        .as_ref()
        .is_some_and(|old| old.hash == hash && old.mode == mode && intact(old));
    if !same {
        match (wanted, &old) {
            // Nothing was built from it yet, so the workspace's own time is right (and tests may look at links).
            (Wanted::Disk, None) if tree.stat(path.as_str()).map_err(failed)?.is_none() => {
                if tree.copy_from(source, path.as_str()).is_err() {
                    tree.write(path.as_str(), &bytes, mode).map_err(failed)?;
                }
            }
            _ => {
                let found = tree.stat(path.as_str()).map_err(failed)?;
                // A write without a mode would keep the one that is there.
                if found.is_some_and(|stat| stat.kind != Kind::File || mode.is_none()) {
                    tree.remove_all(path.as_str()).map_err(failed)?;
                }
                tree.write(path.as_str(), &bytes, mode).map_err(failed)?;
            }
        }
    }
    let copy = copy_stamp(tree, path).ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))?;
    Ok(Some(Written {
        hash,
        mode,
        source: stamp,
        copy,
    }))
}

/// Whether a source still has the bytes that were written.
pub(super) fn is_as_written(tree: &Tree, path: &RelPath, written: &Written) -> Result<bool, Error> {
    if copy_stamp(tree, path) == Some(written.copy) {
        return Ok(true);
    }
    match tree.read(path.as_str()) {
        Ok(bytes) => Ok(Hash::of(&bytes) == written.hash),
        Err(_) => Ok(false),
    }
}

/// Length and change time of a file in the tree.
fn copy_stamp(tree: &Tree, path: &RelPath) -> Option<(u64, i128)> {
    stamp(&tree.path().join(path.as_str()))
}

#[cfg(unix)]
fn stamp(path: &Utf8Path) -> Option<(u64, i128)> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::symlink_metadata(path).ok()?;
    let time = i128::from(found.ctime()) * 1_000_000_000 + i128::from(found.ctime_nsec());
    (!found.is_dir()).then_some((found.len(), time))
}

#[cfg(not(unix))]
fn stamp(path: &Utf8Path) -> Option<(u64, i128)> {
    let found = std::fs::symlink_metadata(path).ok()?;
    let time = found
        .modified()
        .ok()?
        .duration_since(UNIX_EPOCH)
        .ok()?
        .as_nanos();
    (!found.is_dir()).then(|| (found.len(), i128::try_from(time).unwrap_or(0)))
}
