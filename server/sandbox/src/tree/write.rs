//! Replacing a file whole: readers see the old bytes or the new ones, never a mixture, also after a crash.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::{Kind, Stat, Tree, not_regular, open};

/// A temporary file beside its target; removed again unless it is put in place.
pub(super) struct Pending {
    pub(super) file: File,
    parent: OwnedFd,
    name: String,
}

/// See [`Tree::write`].
pub(super) fn replace(tree: &Tree, rel: &str, bytes: &[u8], mode: Option<u32>) -> io::Result<()> {
    let (parent, name) = open::split(rel)?.ok_or_else(open::not_a_name)?;
    let parent = open::folder_made(&tree.dir, parent)?;
    let kept = target(&parent, name, rel)?.map(|stat| stat.mode & 0o777);
    let mut pending = Pending::beside(parent)?;
    pending.file.write_all(bytes)?;
    if let Some(mode) = mode.or(kept) {
        fs::fchmod(&pending.file, Mode::from_raw_mode(mode & 0o777))?;
    }
    pending.file.sync_data()?;
    let parent = pending.into_place(name)?;
    Ok(fs::fsync(&parent)?)
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

impl Pending {
    pub(super) fn beside(parent: OwnedFd) -> io::Result<Pending> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!(".animus-{}-{count}.tmp", std::process::id());
            match fs::openat(&parent, &name, flags, Mode::from_raw_mode(0o666)) {
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
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            let _ = fs::unlinkat(&self.parent, &self.name, AtFlags::empty());
        }
    }
}
