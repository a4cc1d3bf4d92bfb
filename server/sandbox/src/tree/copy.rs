//! Copying one name from tree to tree so that a build tool takes the copy for the original: same bytes, mode and time.

use std::io;

use camino::{Utf8Component, Utf8Path};
use rustix::fs::{self, AtFlags, Mode, Timespec, Timestamps};
use rustix::io::Errno;

use super::{Kind, Tree, open, write};

/// See [`Tree::copy_from`].
pub(super) fn file(tree: &Tree, source: &Tree, rel: &str) -> io::Result<()> {
    if source
        .stat(rel)?
        .is_some_and(|stat| stat.kind == Kind::Symlink)
    {
        let (parent, name) = source.place(rel)?;
        let target = fs::readlinkat(&parent, name, Vec::new())?;
        let target = target.to_str().map_err(io::Error::other)?;
        if !stays(rel, target) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{rel} is a link that leaves the folder ({target}); it is not copied"),
            ));
        }
        return link(tree, rel, Utf8Path::new(target));
    }
    let mut from = source.reader(rel)?;
    let stat = fs::fstat(&from)?;
    let (parent, name) = open::split(rel)?.ok_or_else(open::not_a_name)?;
    let parent = open::folder_made(&tree.dir, parent)?;
    write::target(&parent, name, rel)?;
    let mut pending = write::Pending::beside(parent, write::Access::Owner)?;
    if !reflink(&pending.file, &from) {
        io::copy(&mut from, &mut pending.file)?;
    }
    fs::fchmod(&pending.file, Mode::from_raw_mode(stat.st_mode & 0o777))?;
    let time = Timespec {
        tv_sec: stat.st_mtime as _,
        tv_nsec: stat.st_mtime_nsec as _,
    };
    fs::futimens(
        &pending.file,
        &Timestamps {
            last_access: time,
            last_modification: time,
        },
    )?;
    pending.into_place(name)?;
    Ok(())
}

/// See [`Tree::symlink`].
pub(super) fn link(tree: &Tree, rel: &str, target: &Utf8Path) -> io::Result<()> {
    let (parent, name) = open::split(rel)?.ok_or_else(open::not_a_name)?;
    let parent = open::folder_made(&tree.dir, parent)?;
    match fs::symlinkat(target.as_str(), &parent, name) {
        Err(Errno::EXIST) => {}
        done => return Ok(done?),
    }
    if tree
        .stat(rel)?
        .is_some_and(|stat| stat.kind != Kind::Symlink)
    {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("{rel} exists and is not a link"),
        ));
    }
    fs::unlinkat(&parent, name, AtFlags::empty())?;
    Ok(fs::symlinkat(target.as_str(), &parent, name)?)
}

/// Whether a link at `rel` with this target stays inside, judged by its words.
fn stays(rel: &str, target: &str) -> bool {
    let mut depth = Utf8Path::new(rel).components().count() as i64 - 1;
    Utf8Path::new(target).components().all(|part| {
        match part {
            Utf8Component::Normal(_) => depth += 1,
            Utf8Component::ParentDir => depth -= 1,
            Utf8Component::CurDir => {}
            Utf8Component::RootDir | Utf8Component::Prefix(_) => return false,
        }
        depth >= 0
    })
}

#[cfg(target_os = "linux")]
fn reflink(to: &std::fs::File, from: &std::fs::File) -> bool {
    fs::ioctl_ficlone(to, from).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn reflink(_: &std::fs::File, _: &std::fs::File) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::stays;

    #[test]
    fn a_link_stays_or_leaves_by_its_words() {
        for (rel, target, inside) in [
            ("a", "b", true),
            ("d/a", "../b", true),
            ("a", "../b", false),
            ("d/a", "../../b", false),
            ("a", "/etc", false),
            ("d/a", "x/../../../y", false),
        ] {
            assert_eq!(stays(rel, target), inside, "{rel} -> {target}");
        }
    }
}
