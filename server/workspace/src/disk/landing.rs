//! Landing: a change brought onto the disk whole, or not at all (W3). In this order: all bases are checked; the journal is on the
//! disk; all new bytes are on the disk beside their files; each file is renamed into place while it still is what the change was
//! made for; the folders are on the disk; the journal goes. Before the first rename nothing of the user's has changed; after it,
//! a failure takes back what was written, never over what the user saved since.

use super::Disk;
use super::journal::{Held, Journal};
use super::recover;
use super::step::{self, Now, Step};
use crate::change::ChangeSet;
use crate::error::{Error, names};
use crate::host::{LandError, Landed};
use sandbox::Staged;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::time::Duration;

/// How long a landing waits for that of another process.
const PATIENCE: Duration = Duration::from_secs(10);
/// Files that are written at the same time: a disk syncs many together about as fast as one.
const WRITERS: usize = 8;

/// A step and its new bytes, synced beside their place; none where the file goes.
pub(super) type Ready<'disk> = (&'disk Step, Option<Staged<'disk>>);

/// Lands a change.
pub(super) fn land(disk: &Disk, change: &ChangeSet, label: &str) -> Result<Landed, LandError> {
    let held = disk.journal.get().map(hold).transpose()?;
    if let Some(held) = &held {
        finish_earlier(disk, held)?;
    }
    let steps = step::all(disk, change)?;
    check(disk, &steps)?;
    let folders = missing(disk, &steps);
    if let Some(held) = &held {
        held.write(label, &folders, &steps).map_err(|error| {
            // What is there of it is torn at most.
            let _ = held.clear();
            io(error)
        })?;
    }
    let ready = stage(disk, &steps).inspect_err(|_| {
        unmake(disk, &folders);
        forget(held.as_ref());
    })?;
    commit(disk, held.as_ref(), &folders, steps.iter().zip(ready))?;
    Ok(Landed {
        paths: change.files.iter().map(|file| file.path.clone()).collect(),
        change: change.clone(),
    })
}

/// Puts all in place, or takes it back.
pub(super) fn commit<'disk>(
    disk: &Disk,
    held: Option<&Held>,
    folders: &[String],
    ready: impl Iterator<Item = Ready<'disk>>,
) -> Result<(), LandError> {
    match put(disk, ready).and_then(|done| synced(disk, done, folders)) {
        Ok(()) => {
            forget(held);
            Ok(())
        }
        Err((done, failed)) => Err(turn_back(disk, held, &done, failed, folders)),
    }
}

fn hold(journal: &Journal) -> Result<Held<'_>, LandError> {
    journal.hold(PATIENCE).map_err(io)?.ok_or_else(|| {
        LandError::Refused(
            "another process is writing a change in this workspace; try again when it is done"
                .to_owned(),
        )
    })
}

/// What an earlier landing left is done first: two in one journal could not be told apart.
fn finish_earlier(disk: &Disk, held: &Held) -> Result<(), LandError> {
    let earlier = recover::under(disk, held).map_err(io)?;
    if !earlier.is_empty() {
        tracing::warn!("{earlier}");
    }
    match earlier.unfinished {
        false => Ok(()),
        true => Err(LandError::Refused(earlier.to_string())),
    }
}

/// All files together, so that a change that cannot land is known before anything is written.
fn check(disk: &Disk, steps: &[Step]) -> Result<(), LandError> {
    let mut paths = Vec::new();
    let mut left = BTreeSet::new();
    for step in steps {
        let now = step.now(disk);
        if now.map_err(|error| LandError::Refused(error.to_string()))? != Now::Old {
            paths.push(step.file.path.clone());
        }
        if step.file.after.is_none() {
            left.insert(step.folder());
        }
    }
    if !paths.is_empty() {
        return Err(LandError::Stale { paths });
    }
    // Whether a file can be made in a folder is seen when it is staged; whether one can go is asked here.
    for folder in left {
        disk.tree
            .may_change(folder)
            .map_err(|source| LandError::Io(why(folder, &source)))?;
    }
    Ok(())
}

/// Folders that the change makes, deepest first.
fn missing(disk: &Disk, steps: &[Step]) -> Vec<String> {
    let mut missing = BTreeSet::new();
    for step in steps.iter().filter(|step| step.file.base.is_none()) {
        let mut folder = step.folder();
        while !folder.is_empty() && !missing.contains(folder) {
            if !matches!(disk.tree.stat(folder), Ok(None)) {
                break;
            }
            missing.insert(folder.to_owned());
            folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }
    // A folder sorts before what is in it.
    missing.into_iter().rev().collect()
}

/// Removes the folders again, as far as nobody put something into them.
pub(super) fn unmake(disk: &Disk, folders: &[String]) {
    for folder in folders {
        let _ = disk.tree.remove(folder);
    }
}

/// All new bytes beside their places.
pub(super) fn stage<'disk>(
    disk: &'disk Disk,
    steps: &[Step],
) -> Result<Vec<Option<Staged<'disk>>>, LandError> {
    let one = |step: &Step| -> Result<Option<Staged<'disk>>, LandError> {
        let Some(bytes) = &step.file.after else {
            return Ok(None);
        };
        let staged = disk.tree.stage(step.at.as_str(), bytes, step.file.mode);
        staged
            .map(Some)
            .map_err(|source| LandError::Io(why(step.file.path.as_str(), &source)))
    };
    let each = steps.len().div_ceil(WRITERS).max(1);
    let parts: Vec<Result<Vec<_>, LandError>> = std::thread::scope(|scope| {
        let started: Vec<_> = steps
            .chunks(each)
            .map(|part| {
                let work = move || part.iter().map(one).collect();
                // One file, or no more threads to be had: here and now.
                match steps.len() {
                    0 | 1 => Err(work()),
                    _ => std::thread::Builder::new()
                        .spawn_scoped(scope, work)
                        .map_err(|_| work()),
                }
            })
            .collect();
        let joined = started.into_iter().map(|part| match part {
            Ok(thread) => thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(done) => done,
        });
        joined.collect()
    });
    let parts: Result<Vec<Vec<_>>, LandError> = parts.into_iter().collect();
    Ok(parts?.into_iter().flatten().collect())
}

/// Puts the files in place in turn, each only while it still is what the change was made for. The error has those that may have
/// been written.
fn put<'disk>(
    disk: &Disk,
    ready: impl Iterator<Item = Ready<'disk>>,
) -> Result<Vec<&'disk Step>, (Vec<&'disk Step>, LandError)> {
    let mut done = Vec::new();
    for (step, staged) in ready {
        let path = &step.file.path;
        let stale = || LandError::Stale {
            paths: vec![path.clone()],
        };
        // The user may have saved it while the ones before it were written.
        match step.now(disk) {
            Ok(Now::Old) => {}
            Ok(Now::New | Now::Other) => return Err((done, stale())),
            Err(error) => return Err((done, LandError::Refused(error.to_string()))),
        }
        let put = match staged {
            Some(staged) => staged.place(),
            None => disk.tree.remove(step.at.as_str()),
        };
        match put {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err((done, stale())),
            Err(error) => {
                let error = LandError::Io(why(path.as_str(), &error));
                done.push(step);
                return Err((done, error));
            }
            Ok(()) => done.push(step),
        }
        if !matches!(step.now(disk), Ok(Now::New)) {
            let error = LandError::Io(format!("`{path}` does not hold what was written"));
            return Err((done, error));
        }
    }
    Ok(done)
}

fn synced<'disk>(
    disk: &Disk,
    done: Vec<&'disk Step>,
    folders: &[String],
) -> Result<(), (Vec<&'disk Step>, LandError)> {
    match sync(disk, &done, folders) {
        Ok(()) => Ok(()),
        Err(error) => Err((done, LandError::Io(error))),
    }
}

/// Every folder that got or lost a name, once.
pub(super) fn sync(disk: &Disk, steps: &[&Step], made: &[String]) -> Result<(), String> {
    let above = made
        .iter()
        .map(|folder| folder.rsplit_once('/').map_or("", |(above, _)| above));
    let folders: BTreeSet<&str> = steps
        .iter()
        .map(|step| step.folder())
        .chain(above)
        .collect();
    for folder in folders {
        match disk.tree.sync(folder) {
            // Gone again: nothing of it is to be kept.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            synced => synced.map_err(|source| why(folder, &source))?,
        }
    }
    Ok(())
}

/// Takes back what was written, last first, and gives the error again; where a file is not as it was before, another that says which.
fn turn_back(
    disk: &Disk,
    held: Option<&Held>,
    done: &[&Step],
    failed: LandError,
    folders: &[String],
) -> LandError {
    // Should this be cut short too, the next start takes back the rest.
    if let Some(Err(error)) = held.map(Held::turn_back) {
        tracing::warn!(%error, "taking back a landing");
    }
    let mut left = String::new();
    let mut whole = true;
    for step in done.iter().rev() {
        match put_back(disk, step) {
            Ok(()) => {}
            Err(Kept::ByUser) => left.push_str(&format!(
                "; and `{}` was saved meanwhile and is left as it is now; look at it",
                step.file.path
            )),
            Err(Kept::ByDisk(why)) => {
                whole = false;
                left.push_str(&format!(
                    "; and `{}` could not be put back: {why}",
                    step.file.path
                ));
            }
        }
    }
    unmake(disk, folders);
    if let Err(error) = sync(disk, done, &[]) {
        tracing::warn!(error, "taking back a landing");
    }
    if whole {
        forget(held);
    }
    if left.is_empty() {
        return failed;
    }
    let what = match failed {
        LandError::Stale { paths } => format!("{} changed meanwhile", names(&paths)),
        LandError::Io(what) | LandError::Refused(what) => what,
        LandError::Conflict { .. } | LandError::Timeout => failed.to_string(),
    };
    LandError::Io(what + &left)
}

/// Why a file does not have its old bytes again.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Somebody saved it since.
    ByUser,
    /// It could not be read or written.
    ByDisk(String),
}

/// Only what still holds the bytes that were written here gets its old ones.
pub(super) fn put_back(disk: &Disk, step: &Step) -> Result<(), Kept> {
    match step.now(disk) {
        Ok(Now::Old) => return Ok(()),
        Ok(Now::New) => {}
        Ok(Now::Other) => return Err(Kept::ByUser),
        Err(error) => return Err(Kept::ByDisk(error.to_string())),
    }
    let at = step.at.as_str();
    let put = match &step.file.base {
        Some(base) => disk
            .tree
            .stage(at, &base.bytes, step.mode.or(step.file.mode))
            .and_then(Staged::place),
        None => disk.tree.remove(at),
    };
    match put {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Kept::ByUser),
        put => put.map_err(|source| Kept::ByDisk(why(at, &source))),
    }
}

/// The landing is over. Where the journal cannot be cleared, the next start finds nothing to do and clears it.
fn forget(held: Option<&Held>) {
    if let Some(Err(error)) = held.map(Held::clear) {
        tracing::warn!(%error, "after a landing");
    }
}

fn io(error: Error) -> LandError {
    LandError::Io(match &error {
        Error::Io { what, source } => format!("{what}: {source}"),
        _ => error.to_string(),
    })
}

/// Why a place could not be written, and what to do.
pub(super) fn why(path: &str, source: &std::io::Error) -> String {
    let place = if path.is_empty() { "." } else { path };
    let hint = match source.kind() {
        ErrorKind::PermissionDenied => "make it and its folder writable, then try again",
        ErrorKind::ReadOnlyFilesystem => "mount it for writing, then try again",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "free space or raise the limit, then try again"
        }
        ErrorKind::NotADirectory => "a file stands where a folder is needed; move it away",
        _ => "look at the file and its folder, then try again",
    };
    format!("cannot write `{place}`: {source}; {hint}")
}
