//! Step: one file of a landing: what it was, what it shall be, and where it lies once links are followed. W1: that place is in the
//! workspace, and no two steps share it.

use super::Disk;
use crate::change::{ChangeSet, FileEdit};
use crate::error::Error;
use crate::host::{Host, LandError};
use crate::path::RelPath;
use sandbox::Kind;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::sync::Arc;

/// One file of a landing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// The change, under the name that was given.
    pub file: FileEdit,
    /// The file that the name leads to.
    pub at: RelPath,
    /// Permission bits before.
    pub mode: Option<u32>,
}

/// What stands where a step writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Now {
    /// What was there before the landing.
    Old,
    /// What the landing writes.
    New,
    /// Something else: somebody wrote it.
    Other,
}

/// The steps of a change; an error where one may not be made.
pub(super) fn all(disk: &Disk, change: &ChangeSet) -> Result<Vec<Step>, LandError> {
    let mut taken: BTreeMap<RelPath, RelPath> = BTreeMap::new();
    let mut steps = Vec::new();
    for file in &change.files {
        let step = one(disk, file)?;
        if let Some(other) = taken.insert(step.at.clone(), file.path.clone()) {
            return Err(LandError::Refused(format!(
                "`{other}` and `{}` are the same file through a link; change it under one name",
                file.path
            )));
        }
        steps.push(step);
    }
    Ok(steps)
}

fn one(disk: &Disk, file: &FileEdit) -> Result<Step, LandError> {
    let refused = |why: String| Err(LandError::Refused(why));
    let stat = disk.tree.stat(file.path.as_str()).ok().flatten();
    match stat.map(|stat| stat.kind) {
        Some(Kind::Symlink) if file.after.is_none() => {
            return refused(format!(
                "`{}` is a link; name the file it leads to, or remove the link by hand",
                file.path
            ));
        }
        Some(Kind::Dir) => return refused(format!("`{}` is a folder; name a file", file.path)),
        Some(Kind::Other) => {
            return refused(format!(
                "`{}` is a FIFO, a socket or a device; name a regular file",
                file.path
            ));
        }
        Some(Kind::File | Kind::Symlink) | None => {}
    }
    let at = match disk.place(&file.path) {
        Ok(at) => at,
        Err(error) => return refused(error.to_string()),
    };
    if stat.is_some_and(|stat| stat.links > 1) {
        tracing::info!(path = %file.path, "replaced; its other hard links keep the old bytes");
    }
    Ok(Step {
        mode: disk.mode(&at),
        file: file.clone(),
        at,
    })
}

/// Whether the bytes of a file are those of an image, as far as they have been seen.
struct Likeness<'image> {
    /// What has not been seen yet; `None` once it differs.
    rest: Option<&'image [u8]>,
}

impl<'image> Likeness<'image> {
    fn to(image: Option<&'image Arc<[u8]>>) -> Likeness<'image> {
        Likeness {
            rest: image.map(|bytes| &bytes[..]),
        }
    }

    fn see(&mut self, piece: &[u8]) {
        self.rest = self.rest.and_then(|rest| rest.strip_prefix(piece));
    }

    fn is_whole(&self) -> bool {
        self.rest.is_some_and(<[u8]>::is_empty)
    }
}

impl Step {
    /// What stands there now, by its bytes.
    pub(super) fn now(&self, disk: &Disk) -> Result<Now, Error> {
        let (old, new) = (
            self.file.base.as_ref().map(|base| &base.bytes),
            self.file.after.as_ref(),
        );
        let nothing = match (old, new) {
            (None, _) => Now::Old,
            (_, None) => Now::New,
            (Some(_), Some(_)) => Now::Other,
        };
        if !super::is_file(&disk.tree, &self.file.path, &self.at)? {
            return Ok(nothing);
        }
        let (mut as_old, mut as_new) = (Likeness::to(old), Likeness::to(new));
        let read = disk.tree.read_pieces(self.at.as_str(), |piece| {
            as_old.see(piece);
            as_new.see(piece);
            match as_old.rest.is_some() || as_new.rest.is_some() {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        });
        match read {
            Err(source) if source.kind() == ErrorKind::NotFound => return Ok(nothing),
            read => read
                .map_err(|source| Error::io(format!("cannot read `{}`", self.file.path), source))?,
        }
        Ok(if as_old.is_whole() {
            Now::Old
        } else if as_new.is_whole() {
            Now::New
        } else {
            Now::Other
        })
    }

    /// The folder of the file, `""` for the root.
    pub(super) fn folder(&self) -> &str {
        self.at.as_str().rsplit_once('/').map_or("", |(dir, _)| dir)
    }
}
