//! `Tree`: a folder below which this process may read and write.
//!
//! Invariant (S3): no path given to a `Tree` reaches a file outside its folder, whatever symbolic links, `..` or concurrent
//! renames do, because every path is resolved from the open folder itself, never from its name.

mod copy;
mod keep;
mod open;
mod stage;
mod write;

pub use stage::Staged;

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{self, AtFlags, FileType, FlockOperation, Mode, OFlags};

/// An open folder. Paths given to its methods are relative to it, `/`-separated, UTF-8, without `..`.
#[derive(Debug)]
pub struct Tree {
    dir: OwnedFd,
    path: Utf8PathBuf,
}

/// What kind of thing a name in a folder is; links are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Dir,
    /// A symbolic link.
    Symlink,
    /// A FIFO, socket or device.
    Other,
}

/// What a name in a folder is like; links are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Length in bytes.
    pub len: u64,
    /// Permission bits, 0 to 0o7777.
    pub mode: u32,
    /// File, folder, link or other.
    pub kind: Kind,
    /// Number of hard links.
    pub links: u64,
    /// Time of the last change of the content.
    pub modified: SystemTime,
}

/// A file open for appending; each `write_all` goes out whole before the next begins.
#[derive(Debug)]
pub struct Appender {
    file: File,
}

/// An exclusive lock on a file, held until dropped (also by the kernel, when the process dies).
#[derive(Debug)]
pub struct Lock {
    file: OwnedFd,
}

impl Tree {
    /// Opens an existing folder. Links in `dir` itself are followed: it is the caller's own word.
    pub fn open(dir: &Utf8Path) -> io::Result<Tree> {
        let path = dir.canonicalize_utf8()?;
        let dir = fs::open(path.as_str(), open::FOLDER, Mode::empty())?;
        Ok(Tree { dir, path })
    }

    /// Opens a folder, made with its parents if missing; what is made gets mode 0700, and is there after a power cut.
    pub fn create(dir: &Utf8Path) -> io::Result<Tree> {
        use std::os::unix::fs::DirBuilderExt;
        let made: Vec<&Utf8Path> = dir.ancestors().take_while(|dir| !dir.is_dir()).collect();
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)?;
        for parent in made.into_iter().filter_map(Utf8Path::parent) {
            let parent = if parent.as_str().is_empty() {
                Utf8Path::new(".")
            } else {
                parent
            };
            open::sync(&fs::open(parent.as_str(), open::FOLDER, Mode::empty())?)?;
        }
        Tree::open(dir)
    }

    /// The canonical path of the folder.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Another name of what lies here, however deep the folder is, while this `Tree` lives; none where the system has no such
    /// names (proc(5), `/proc/pid/fd`).
    pub fn short_path(&self, name: &str) -> Option<Utf8PathBuf> {
        use std::os::fd::AsRawFd;
        let folder = format!("/proc/{}/fd/{}", std::process::id(), self.dir.as_raw_fd());
        Utf8Path::new(&folder)
            .is_dir()
            .then(|| Utf8PathBuf::from(folder).join(name))
    }

    /// The bytes of a regular file. A link is followed while it stays inside; FIFOs and devices are refused, never waited for.
    pub fn read(&self, rel: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader(rel)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// As [`Tree::read`], in pieces of at most 64 KiB, until `more` has seen enough (`Break`).
    pub fn read_pieces(
        &self,
        rel: &str,
        mut more: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let mut file = self.reader(rel)?;
        let mut piece = vec![0; 64 * 1024];
        loop {
            match file.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(length) if more(&piece[..length]).is_break() => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// At most `most` bytes of a regular file from byte `from` on; fewer at its end.
    pub fn read_at(&self, rel: &str, from: u64, most: usize) -> io::Result<Vec<u8>> {
        let mut file = self.reader(rel)?;
        file.seek(io::SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(most as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// What `rel` is, or `None` when there is nothing of that name.
    pub fn stat(&self, rel: &str) -> io::Result<Option<Stat>> {
        let found = match open::split(rel)? {
            None => fs::fstat(&self.dir),
            Some((parent, name)) => match open::folder(&self.dir, parent) {
                Ok(dir) => fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW),
                Err(error) => Err(error),
            },
        };
        match found {
            Ok(stat) => Ok(Some(Stat::of(&stat))),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a path is surely what it says, without a link in it; `false` also where that cannot be told cheaply.
    pub fn is_plain(&self, rel: &str) -> bool {
        open::is_plain(&self.dir, rel)
    }

    /// Replaces or makes a file whole: a temporary file in the same folder, fsync, rename, fsync of the folder. Missing
    /// parents are made. Without `mode` an existing file keeps its own; owner and extended attributes stay where they may. Other hard links of the file keep the old bytes;
    /// links, folders, FIFOs and devices are refused.
    pub fn write(&self, rel: &str, bytes: &[u8], mode: Option<u32>) -> io::Result<()> {
        write::replace(self, rel, &[bytes], mode)
    }

    /// As [`Tree::write`], of parts one after the other.
    pub fn write_parts(&self, rel: &str, parts: &[&[u8]], mode: Option<u32>) -> io::Result<()> {
        write::replace(self, rel, parts, mode)
    }

    /// Opens a file (made with mode 0600 if missing, parents included) for appending.
    pub fn append(&self, rel: &str) -> io::Result<Appender> {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE;
        Ok(Appender {
            file: self.own_file(rel, flags)?,
        })
    }

    /// Takes an exclusive lock on a file (made if missing) without waiting: `WouldBlock` when another holds it.
    pub fn lock(&self, rel: &str) -> io::Result<Lock> {
        let file = self.own_file(rel, OFlags::RDWR | OFlags::CREATE)?;
        fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Lock { file: file.into() })
    }

    /// Removes a file, a link or an empty folder.
    pub fn remove(&self, rel: &str) -> io::Result<()> {
        let (parent, name) = self.place(rel)?;
        let stat = fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let flags = match Stat::of(&stat).kind {
            Kind::Dir => AtFlags::REMOVEDIR,
            Kind::File | Kind::Symlink | Kind::Other => AtFlags::empty(),
        };
        Ok(fs::unlinkat(&parent, name, flags)?)
    }

    /// Renames within the tree, replacing what stands at `to`; missing parents of `to` are made.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (old, old_name) = self.place(from)?;
        let (parent, new_name) = open::split(to)?.ok_or_else(open::not_a_name)?;
        let new = open::folder_made(&self.dir, parent)?;
        Ok(fs::renameat(&old, old_name, &new, new_name)?)
    }

    /// Removes a file or a folder with all below it; links are removed, not followed. Nothing there is no error.
    pub fn remove_all(&self, rel: &str) -> io::Result<()> {
        match self.stat(rel)? {
            None => Ok(()),
            Some(stat) if stat.kind == Kind::Dir => {
                for (name, _) in self.entries(rel)? {
                    self.remove_all(&format!("{rel}/{name}"))?;
                }
                self.remove(rel)
            }
            Some(_) => self.remove(rel),
        }
    }

    /// Makes a folder with its parents; one that exists already is no error.
    pub fn create_dir(&self, rel: &str) -> io::Result<()> {
        open::folder_made(&self.dir, rel)?;
        Ok(())
    }

    /// Makes a symbolic link at `rel`, replacing a link (and nothing else) that stands there.
    pub fn symlink(&self, rel: &str, target: &Utf8Path) -> io::Result<()> {
        copy::link(self, rel, target)
    }

    /// Copies one file from the same place in another tree: by reflink where the file system can, else byte by byte. Mode and
    /// modification time are kept. A link is copied as a link when it is relative and stays inside, and refused otherwise.
    pub fn copy_from(&self, source: &Tree, rel: &str) -> io::Result<()> {
        copy::file(self, source, rel)
    }

    /// Names in a folder with their kinds, sorted; `""` is the tree itself. Names that are not UTF-8 are left out.
    pub fn entries(&self, rel: &str) -> io::Result<Vec<(String, Kind)>> {
        let dir = open::folder(&self.dir, rel)?;
        let mut found = Vec::new();
        for entry in fs::Dir::read_from(&dir)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => match fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => Stat::of(&stat).kind,
                    Err(_) => continue,
                },
                known => Kind::of(known),
            };
            found.push((name.to_owned(), kind));
        }
        found.sort();
        Ok(found)
    }

    /// A regular file, open for reading.
    fn reader(&self, rel: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let fd = open::beneath(&self.dir, rel, flags, Mode::empty())?;
        regular(&fd, rel)?;
        Ok(File::from(fd))
    }

    /// A regular file of the agent's own (never through a link), made 0600 with its parents.
    fn own_file(&self, rel: &str, flags: OFlags) -> io::Result<File> {
        let (parent, name) = open::split(rel)?.ok_or_else(open::not_a_name)?;
        let parent = open::folder_made(&self.dir, parent)?;
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let fd = fs::openat(&parent, name, flags, Mode::from_raw_mode(0o600))?;
        regular(&fd, rel)?;
        Ok(File::from(fd))
    }

    /// The open parent folder of `rel`, and its last name.
    fn place<'a>(&self, rel: &'a str) -> io::Result<(OwnedFd, &'a str)> {
        let (parent, name) = open::split(rel)?.ok_or_else(open::not_a_name)?;
        Ok((open::folder(&self.dir, parent)?, name))
    }
}

impl Appender {
    /// Appends all bytes, or says why not.
    pub fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// How long the file is, in bytes.
    pub fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Takes away everything from byte `length` on.
    pub fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.file.sync_data()
    }

    /// Returns when everything appended has reached the disk.
    pub fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a child that is being started holds a copy of the descriptor until its exec.
        let _ = fs::flock(&self.file, FlockOperation::Unlock);
    }
}

impl Kind {
    fn of(kind: FileType) -> Kind {
        match kind {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Dir,
            FileType::Symlink => Kind::Symlink,
            _ => Kind::Other,
        }
    }
}

impl Stat {
    // The widths of these fields differ between systems.
    #[allow(clippy::unnecessary_cast, clippy::cast_sign_loss)]
    fn of(stat: &fs::Stat) -> Stat {
        let seconds = Duration::new(stat.st_mtime.max(0) as u64, stat.st_mtime_nsec as u32);
        Stat {
            len: stat.st_size.max(0) as u64,
            mode: Mode::from_raw_mode(stat.st_mode).as_raw_mode() as u32 & 0o7777,
            kind: Kind::of(FileType::from_raw_mode(stat.st_mode)),
            links: stat.st_nlink as u64,
            modified: UNIX_EPOCH + seconds,
        }
    }
}

fn regular(fd: &OwnedFd, rel: &str) -> io::Result<Stat> {
    let stat = Stat::of(&fs::fstat(fd)?);
    match stat.kind {
        Kind::File => Ok(stat),
        Kind::Dir | Kind::Symlink | Kind::Other => Err(not_regular(rel)),
    }
}

fn not_regular(rel: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("{rel} is not a regular file; name a file, not a folder, link, FIFO or device"),
    )
}
