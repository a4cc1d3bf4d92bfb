//! Replacing a file whole: readers see the old bytes or the new ones, never a mixture, also after a crash.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::{Kind, Stat, Tree, keep, not_regular, open};

/// A temporary file beside its target; removed again unless it is put in place.
pub(super) struct Pending {
    pub(super) file: File,
    parent: OwnedFd,
    name: String,
}

/// Who may read a temporary file before its mode is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Its owner alone: its mode is still to come.
    Owner,
    /// Whoever may read new files.
    Umask,
}

/// See [`Tree::write_parts`].
pub(super) fn replace(
    tree: &Tree,
    rel: &str,
    parts: &[&[u8]],
    mode: Option<u32>,
) -> io::Result<()> {
    let (parent, name) = open::split(rel)?.ok_or_else(open::not_a_name)?;
    let parent = open::folder_made(&tree.dir, parent)?;
    let old = target(&parent, name, rel)?;
    let pending = filled(parent, name, old, parts, mode)?;
    open::sync(&pending.into_place(name)?)
}

/// A temporary file that holds the bytes, on the disk for good, as much like the old file as may be.
pub(super) fn filled(
    parent: OwnedFd,
    name: &str,
    old: Option<Stat>,
    parts: &[&[u8]],
    mode: Option<u32>,
) -> io::Result<Pending> {
    let mode = mode.or(old.map(|stat| stat.mode));
    let access = match mode {
        Some(_) => Access::Owner,
        None => Access::Umask,
    };
    let mut pending = Pending::beside(parent, access)?;
    for bytes in parts {
        pending.file.write_all(bytes)?;
    }
    let group = match old {
        Some(_) => keep::owner(&pending.file, &pending.parent, name),
        None => keep::Group::Kept,
    };
    if let Some(mode) = mode {
        let mode = group.mode(mode & 0o777);
        fs::fchmod(&pending.file, Mode::from_raw_mode(mode as fs::RawMode))?;
    }
    if old.is_some() {
        keep::attributes(&pending.file, &pending.parent, name, group);
    }
    pending.file.sync_all()?;
    Ok(pending)
}

/// What stands at the target, if it may be replaced.
pub(super) fn target(parent: &OwnedFd, name: &str, rel: &str) -> io::Result<Option<Stat>> {
    match fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => match Stat::of(&stat) {
            stat if stat.kind == Kind::File => Ok(Some(stat)),
            _ => Err(not_regular(rel)),
        },
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The process that made a temporary file of this name; `None` for any other name.
pub(super) fn maker(name: &str) -> Option<i32> {
    let numbers = name.strip_prefix(".animus-")?.strip_suffix(".tmp")?;
    let (process, count) = numbers.split_once('-')?;
    count.parse::<u64>().ok()?;
    process.parse().ok().filter(|process| *process > 0)
}

impl Pending {
    pub(super) fn beside(parent: OwnedFd, access: Access) -> io::Result<Pending> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(match access {
            Access::Owner => 0o600,
            Access::Umask => 0o666,
        });
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!(".animus-{}-{count}.tmp", std::process::id());
            match fs::openat(&parent, &name, flags, mode) {
                Ok(fd) => {
                    return Ok(Pending {
                        file: File::from(fd),
                        parent,
                        name,
                    });
                }
                // Left over from a crash of a process with this id.
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Renames the file over `name`; gives the folder back, to be synced where that matters.
    pub(super) fn into_place(mut self, name: &str) -> io::Result<OwnedFd> {
        fs::renameat(&self.parent, &self.name, &self.parent, name)?;
        self.name.clear();
        self.parent.try_clone()
    }

    /// Closes the file and leaves it where it is; its name from now on is the caller's to remove.
    pub(super) fn left(mut self) -> String {
        std::mem::take(&mut self.name)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            let _ = fs::unlinkat(&self.parent, &self.name, AtFlags::empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::maker;

    #[test]
    fn only_our_own_temporary_files_have_a_maker() {
        for (name, process) in [
            (".animus-17-3.tmp", Some(17)),
            (".animus-17.tmp", None),
            (".animus-17-x.tmp", None),
            (".animus--1-3.tmp", None),
            (".animus-0-3.tmp", None),
            (".animus-99999999999-3.tmp", None),
            ("animus-17-3.tmp", None),
            (".animus-17-3.tmp~", None),
        ] {
            assert_eq!(maker(name), process, "{name}");
        }
    }
}
