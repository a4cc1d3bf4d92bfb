//! `Staged`: a file's new bytes, on the disk beside the file and not yet in its place. Putting it there is one rename; dropped, it
//! leaves nothing.

use std::io;

use rustix::fs::{self, Access, AtFlags};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::{Kind, Tree, open, write};

/// New bytes for one file, written and synced beside it. Holds no descriptor, so that there may be many.
#[derive(Debug)]
pub struct Staged<'tree> {
    tree: &'tree Tree,
    folder: String,
    name: String,
    temporary: String,
    before: Before,
}

/// What stood at the target when the bytes were staged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    File,
}

impl Tree {
    /// Writes bytes beside `rel`, synced, with the mode (0 to 0o777), owner and extended attributes of the file that they shall
    /// replace, or with `mode`. Missing parents are made. Links, folders, FIFOs and devices are refused.
    pub fn stage(&self, rel: &str, bytes: &[u8], mode: Option<u32>) -> io::Result<Staged<'_>> {
        let (folder, name) = open::split(rel)?.ok_or_else(open::not_a_name)?;
        let parent = open::folder_made(&self.dir, folder)?;
        let old = write::target(&parent, name, rel)?;
        let pending = write::filled(parent, name, old, &[bytes], mode)?;
        Ok(Staged {
            tree: self,
            folder: folder.to_owned(),
            name: name.to_owned(),
            temporary: pending.left(),
            before: match old {
                Some(_) => Before::File,
                None => Before::Nothing,
            },
        })
    }

    /// Returns when what was made, renamed and removed in a folder (`""`: the tree itself) has reached the disk.
    pub fn sync(&self, folder: &str) -> io::Result<()> {
        open::sync(&open::folder(&self.dir, folder)?)
    }

    /// Whether names in a folder may be made and removed; an error that says why not.
    pub fn may_change(&self, folder: &str) -> io::Result<()> {
        let dir = open::folder(&self.dir, folder)?;
        let access = Access::WRITE_OK | Access::EXEC_OK;
        Ok(fs::accessat(&dir, ".", access, AtFlags::EACCESS)?)
    }

    /// Removes what crashed processes left in a folder: temporary files of this crate by name, whose process is `over` or lives no
    /// more. Returns how many. A folder that is not there has none.
    pub fn sweep(&self, folder: &str, over: Option<u32>) -> io::Result<usize> {
        let entries = match self.entries(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            entries => entries?,
        };
        let mut swept = 0;
        for (name, kind) in entries {
            let gone = write::maker(&name)
                .is_some_and(|process| u32::try_from(process).ok() == over || !lives(process));
            if kind == Kind::File && gone {
                let dir = open::folder(&self.dir, folder)?;
                fs::unlinkat(&dir, &name, AtFlags::empty())?;
                swept += 1;
            }
        }
        Ok(swept)
    }
}

impl Staged<'_> {
    /// Puts the bytes in place: over the file that was there, or, where none was, only if there still is none
    /// (`AlreadyExists`). Sync the folder afterwards, once for all its files.
    pub fn place(mut self) -> io::Result<()> {
        let dir = open::folder(&self.tree.dir, &self.folder)?;
        match self.before {
            Before::Nothing => fresh(&dir, &self.temporary, &self.name)?,
            Before::File => fs::renameat(&dir, &self.temporary, &dir, &self.name)?,
        }
        self.temporary.clear();
        Ok(())
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if !self.temporary.is_empty()
            && let Ok(dir) = open::folder(&self.tree.dir, &self.folder)
        {
            let _ = fs::unlinkat(&dir, &self.temporary, AtFlags::empty());
        }
    }
}

/// Renames to a name that must be free.
fn fresh(dir: &std::os::fd::OwnedFd, from: &str, to: &str) -> Result<(), Errno> {
    #[cfg(target_os = "linux")]
    match fs::renameat_with(dir, from, dir, to, fs::RenameFlags::NOREPLACE) {
        // Not every file system knows the flag.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
        done => return done,
    }
    match fs::linkat(dir, from, dir, to, AtFlags::empty()) {
        Ok(()) => return fs::unlinkat(dir, from, AtFlags::empty()),
        Err(Errno::EXIST) => return Err(Errno::EXIST),
        // Nor does every one know hard links.
        Err(_) => {}
    }
    match fs::statat(dir, to, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Err(Errno::EXIST),
        Err(Errno::NOENT) => fs::renameat(dir, from, dir, to),
        Err(error) => Err(error),
    }
}

fn lives(process: i32) -> bool {
    Pid::from_raw(process).is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}
