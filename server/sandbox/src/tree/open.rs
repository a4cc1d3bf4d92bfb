//! Opening below a folder: the step in which a path becomes a descriptor, and the only one.
//!
//! Invariant: with openat2 the kernel refuses to leave the folder; without it no link is followed at all.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;

pub(super) const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// Parent and last name of a relative path; `None` for the folder itself (`""`, `"."`).
pub(super) fn split(rel: &str) -> io::Result<Option<(&str, &str)>> {
    let trimmed = rel.trim_end_matches('/');
    if rel.starts_with('/') || rel.contains('\0') || trimmed.split('/').any(|part| part == "..") {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{rel:?} is not a path below the folder; use a relative path without `..`"),
        ));
    }
    if trimmed
        .split('/')
        .all(|part| part.is_empty() || part == ".")
    {
        return Ok(None);
    }
    Ok(Some(trimmed.rsplit_once('/').unwrap_or(("", trimmed))))
}

pub(super) fn not_a_name() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "the path names the folder itself; name a file below it",
    )
}

/// Opens a folder below `dir`; `""` is `dir` again.
pub(super) fn folder(dir: &OwnedFd, rel: &str) -> Result<OwnedFd, Errno> {
    beneath(dir, rel, FOLDER, Mode::empty())
}

/// Opens a folder below `dir`, making it and its parents where missing (mode 0777 less umask).
pub(super) fn folder_made(dir: &OwnedFd, rel: &str) -> io::Result<OwnedFd> {
    match folder(dir, rel) {
        Err(Errno::NOENT) => {}
        found => return Ok(found?),
    }
    let Some((parent, name)) = split(rel)? else {
        return Ok(folder(dir, "")?);
    };
    let parent = folder_made(dir, parent)?;
    match fs::mkdirat(&parent, name, Mode::from_raw_mode(0o777)) {
        Ok(()) | Err(Errno::EXIST) => Ok(folder(&parent, name)?),
        Err(error) => Err(error.into()),
    }
}

/// Returns when a folder's names have reached the disk, on file systems that can say so.
pub(super) fn sync(dir: &OwnedFd) -> io::Result<()> {
    match fs::fsync(dir) {
        Ok(()) | Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Opens a path that cannot leave `dir`.
pub(super) fn beneath(
    dir: &OwnedFd,
    rel: &str,
    flags: OFlags,
    mode: Mode,
) -> Result<OwnedFd, Errno> {
    if split(rel).is_err() {
        return Err(Errno::INVAL);
    }
    let flags = flags | OFlags::CLOEXEC;
    match by_kernel(dir, rel, flags, mode) {
        Err(Errno::NOSYS | Errno::PERM) => by_steps(dir, rel, flags, mode),
        done => done,
    }
}

/// Whether the way to a name, and the name itself, is surely free of links, in one step. What is not there is no link.
#[cfg(target_os = "linux")]
pub(super) fn is_plain(dir: &OwnedFd, rel: &str) -> bool {
    use rustix::fs::ResolveFlags;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    split(rel).is_ok_and(|split| split.is_some())
        && matches!(
            fs::openat2(dir, rel, flags, Mode::empty(), resolve),
            Ok(_) | Err(Errno::NOENT)
        )
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_plain(_: &OwnedFd, _: &str) -> bool {
    false
}

#[cfg(target_os = "linux")]
fn by_kernel(dir: &OwnedFd, rel: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    use rustix::fs::ResolveFlags;
    let rel = if rel.is_empty() { "." } else { rel };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    // EAGAIN says that a rename raced with the walk, so the kernel could not be sure.
    let mut tries = 0;
    loop {
        match fs::openat2(dir, rel, flags, mode, resolve) {
            Err(Errno::AGAIN) if tries < 64 => tries += 1,
            done => return done,
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn by_kernel(_: &OwnedFd, _: &str, _: OFlags, _: Mode) -> Result<OwnedFd, Errno> {
    Err(Errno::NOSYS)
}

fn by_steps(dir: &OwnedFd, rel: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    let mut at = fs::openat(dir, ".", FOLDER, Mode::empty())?;
    let parts: Vec<&str> = rel
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let Some((last, parents)) = parts.split_last() else {
        return Ok(at);
    };
    for part in parents {
        at = fs::openat(&at, *part, FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
    }
    fs::openat(&at, *last, flags | OFlags::NOFOLLOW, mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s3_without_openat2_no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("in")).unwrap();
        std::fs::write(dir.path().join("in/f"), "x").unwrap();
        std::os::unix::fs::symlink("/etc", dir.path().join("out")).unwrap();
        std::os::unix::fs::symlink("in/f", dir.path().join("l")).unwrap();
        let fd = fs::open(dir.path(), FOLDER, Mode::empty()).unwrap();
        let open = |rel| by_steps(&fd, rel, OFlags::RDONLY, Mode::empty());
        assert!(open("in/f").is_ok());
        assert!(open("./in//f").is_ok());
        assert_eq!(open("out/passwd").unwrap_err(), Errno::NOTDIR);
        assert_eq!(open("l").unwrap_err(), Errno::LOOP);
    }

    #[test]
    fn split_names_the_last_part_and_refuses_what_leaves() {
        let ok = |rel| split(rel).unwrap();
        assert_eq!(ok("a/b"), Some(("a", "b")));
        assert_eq!(ok("a/"), Some(("", "a")));
        assert_eq!(ok("."), None);
        assert_eq!(ok(""), None);
        for bad in ["../a", "a/../b", "/a", "a/..", "a\0b"] {
            assert!(split(bad).is_err(), "{bad:?}");
        }
    }
}
