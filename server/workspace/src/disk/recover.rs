//! Recover: what becomes of a landing that was cut short. The rule, file by file: *old* is what was there before, *new* what the
//! landing writes, anything else was written by somebody since and is never touched.
//!
//! - All files old: the landing never began; nothing is done. All files new: it was done; nothing is done.
//! - Old and new mixed: the old ones become new, so the landing is whole.
//! - Somebody wrote a file since: if each such file has the landing's edits in it (a merge of them changes nothing), the others
//!   become new. If not, the others become old; such a file is named, unless it has none of the edits in it either.
//! - What cannot be finished, and a landing that had failed already, is taken back. What cannot be taken back either stays in the
//!   journal for the next start, and nothing else lands before.

use super::Disk;
use super::journal::{Entry, Found, Held};
use super::landing::{Kept, put_back, sync, unmake, why};
use super::step::{Now, Step};
use crate::change::{ChangeSet, FileEdit};
use crate::error::Error;
use crate::host::Host;
use crate::merge::Tie;
use crate::path::RelPath;
use crate::rebase;
use sandbox::Staged;
use std::collections::BTreeSet;
use std::fmt;
use std::io::ErrorKind;

/// What was done about a landing that was cut short; empty where there was none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// What the landing was called.
    pub label: String,
    /// Files that got their new bytes now.
    pub finished: Vec<RelPath>,
    /// Files that got their old bytes back now.
    pub rolled_back: Vec<RelPath>,
    /// Files that are as somebody wrote them since, or that could not be written, with the reason.
    pub left: Vec<(RelPath, String)>,
    /// The change, where all of it is in the files now: finished, or cut short after its last file.
    pub landed: Option<ChangeSet>,
    /// Whether something is left to do, which the next start tries again.
    pub unfinished: bool,
}

/// Where a landing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Forward,
    Back,
}

impl Recovered {
    /// Whether no file was touched and none needs a look.
    pub fn is_empty(&self) -> bool {
        self.finished.is_empty()
            && self.rolled_back.is_empty()
            && self.left.is_empty()
            && !self.unfinished
    }
}

impl fmt::Display for Recovered {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an earlier change was cut short")?;
        if !self.label.is_empty() {
            write!(out, " ({})", self.label)?;
        }
        let list = |out: &mut fmt::Formatter<'_>, word: &str, paths: &[RelPath]| {
            if paths.is_empty() {
                return Ok(());
            }
            write!(out, "; {word} ")?;
            for (number, path) in paths.iter().enumerate() {
                write!(out, "{}`{path}`", if number > 0 { ", " } else { "" })?;
            }
            Ok(())
        };
        list(out, "finished now:", &self.finished)?;
        list(out, "taken back now:", &self.rolled_back)?;
        for (path, why) in &self.left {
            write!(out, "; `{path}` {why}")?;
        }
        Ok(())
    }
}

/// Finishes or takes back what the journal says, and clears it.
pub(super) fn under(disk: &Disk, held: &Held) -> Result<Recovered, Error> {
    let (entry, failed) = match held.read()? {
        Found::Nothing => return Ok(Recovered::default()),
        Found::Unknown(version) => {
            let source = std::io::Error::other(format!(
                "version {version} of its format is not known here; run the newer Animus once in this folder"
            ));
            return Err(Error::io("cannot read the journal", source));
        }
        Found::Landing(entry) => (entry, false),
        Found::Back(entry) => (entry, true),
    };
    sweep(disk, &entry);
    let mut done = Recovered {
        label: entry.label.clone(),
        ..Recovered::default()
    };
    let mut way = way(disk, &entry.steps, failed);
    if way == Way::Forward && !all(disk, &entry.steps, way, &mut done) {
        // Not possible; what was possible is undone, and said to be undone only where it was there before.
        way = Way::Back;
        let finished = std::mem::take(&mut done.finished);
        done.unfinished = !all(disk, &entry.steps, way, &mut done);
        done.rolled_back.retain(|path| !finished.contains(path));
    } else if way == Way::Back {
        done.unfinished = !all(disk, &entry.steps, way, &mut done);
    }
    let made = match way {
        Way::Forward => entry.folders,
        Way::Back => {
            unmake(disk, &entry.folders);
            Vec::new()
        }
    };
    let steps: Vec<&Step> = entry.steps.iter().collect();
    if let Err(error) = sync(disk, &steps, &made) {
        tracing::warn!(error, "after a landing that was cut short");
    }
    if way == Way::Forward && !done.unfinished {
        let files = entry.steps.into_iter().map(|step| step.file).collect();
        done.landed = Some(ChangeSet { files });
    }
    if !done.unfinished {
        held.clear()?;
    }
    Ok(done)
}

/// Temporary files beside the targets.
fn sweep(disk: &Disk, entry: &Entry) {
    let folders: BTreeSet<&str> = entry.steps.iter().map(Step::folder).collect();
    for folder in folders {
        if let Err(error) = disk.tree.sweep(folder, Some(entry.process)) {
            tracing::warn!(%error, folder, "cannot remove temporary files");
        }
    }
}

/// What stands at each step's place; what cannot be read is not ours to write.
fn look(disk: &Disk, step: &Step) -> Now {
    step.now(disk).unwrap_or(Now::Other)
}

fn way(disk: &Disk, steps: &[Step], failed: bool) -> Way {
    let (mut began, mut all_have_it) = (false, true);
    for step in steps {
        let now = look(disk, step);
        began |= now != Now::Old;
        all_have_it &= now != Now::Other || holds(disk, step, &step.file);
    }
    match began && all_have_it && !failed {
        true => Way::Forward,
        false => Way::Back,
    }
}

/// Takes all files one way; whether none is left that should have been written and could not be.
fn all(disk: &Disk, steps: &[Step], way: Way, done: &mut Recovered) -> bool {
    let mut whole = true;
    for step in steps {
        whole &= one(disk, step, way, done);
    }
    whole
}

/// Whether all edits are in a file that somebody wrote since: merging them into it changes nothing.
fn holds(disk: &Disk, step: &Step, edits: &FileEdit) -> bool {
    let change = ChangeSet {
        files: vec![edits.clone()],
    };
    rebase::onto(&change, |_| disk.read(&step.at), Tie::Conflict)
        .is_ok_and(|moved| moved.is_empty())
}

/// As [`all`], for one file.
fn one(disk: &Disk, step: &Step, way: Way, done: &mut Recovered) -> bool {
    let path = step.file.path.clone();
    let written = match (way, look(disk, step)) {
        (Way::Forward, Now::New | Now::Other) | (Way::Back, Now::Old) => return true,
        // None of the landing's edits are in it: it goes with the others.
        (Way::Back, Now::Other) if holds(disk, step, &step.file.invert()) => return true,
        (Way::Back, Now::Other) => Err(Kept::ByUser),
        (Way::Forward, Now::Old) => put_new(disk, step),
        (Way::Back, Now::New) => put_back(disk, step),
    };
    let why = match (written, way) {
        (Ok(()), Way::Forward) => {
            done.finished.push(path);
            return true;
        }
        (Ok(()), Way::Back) => {
            done.rolled_back.push(path);
            return true;
        }
        (Err(Kept::ByUser), _) => {
            let why = "was saved since and is left as it is; look at it".to_owned();
            done.left.push((path, why));
            return true;
        }
        (Err(Kept::ByDisk(why)), Way::Forward) => format!("could not be finished: {why}"),
        (Err(Kept::ByDisk(why)), Way::Back) => format!("could not be taken back: {why}"),
    };
    done.left.push((path, why));
    false
}

/// Gives a file that still is old its new bytes.
fn put_new(disk: &Disk, step: &Step) -> Result<(), Kept> {
    if !matches!(step.now(disk), Ok(Now::Old)) {
        return Err(Kept::ByUser);
    }
    let at = step.at.as_str();
    let put = match &step.file.after {
        Some(bytes) => disk
            .tree
            .stage(at, bytes, step.file.mode)
            .and_then(Staged::place),
        None => disk.tree.remove(at),
    };
    match put {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Kept::ByUser),
        put => put.map_err(|source| Kept::ByDisk(why(at, &source))),
    }
}

#[cfg(test)]
mod tests;
