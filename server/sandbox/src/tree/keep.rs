//! What a file keeps when its bytes are replaced: owner, group and extended attributes (access lists too), as far as this process
//! may set them. Best effort: none of it is a reason not to write, and no right is ever wider than before.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{self, AtFlags, Gid, Mode, OFlags, Uid, XattrFlags};

/// The access list of a file: it names rights of its group too.
const ACCESS_LIST: &str = "system.posix_acl_access";

/// Whose the new file is, as far as its mode is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// The old file's group.
    Kept,
    /// Another, which may have no more rights than all others had.
    Other,
}

/// Most bytes of attribute names, and of one value.
const MOST: usize = 64 * 1024;

/// Gives the new file the owner and group of the one that stands at `name`; before its mode is set, which this may narrow.
pub(super) fn owner(new: &File, parent: &OwnedFd, name: &str) -> Group {
    let (Ok(old), Ok(now)) = (
        fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW),
        fs::fstat(new),
    ) else {
        return Group::Other;
    };
    let group = if now.st_gid == old.st_gid
        || fs::fchown(new, None, Some(Gid::from_raw(old.st_gid))).is_ok()
    {
        Group::Kept
    } else {
        Group::Other
    };
    if now.st_uid != old.st_uid {
        let _ = fs::fchown(new, Some(Uid::from_raw(old.st_uid)), None);
    }
    group
}

impl Group {
    /// The mode for the new file: a group that is not the old one has the rights of all others.
    pub(super) fn mode(self, mode: u32) -> u32 {
        match self {
            Group::Kept => mode,
            Group::Other => mode & !0o070 | mode & (mode & 0o007) << 3,
        }
    }
}

/// Gives the new file the extended attributes of the one that stands at `name`, less those that vouch for its bytes.
pub(super) fn attributes(new: &File, parent: &OwnedFd, name: &str, group: Group) {
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let Ok(old) = fs::openat(parent, name, flags, Mode::empty()) else {
        return;
    };
    for attribute in names(&old) {
        let vouches = ["security.capability", "security.ima", "security.evm"];
        let widens = group == Group::Other && attribute == ACCESS_LIST;
        if widens || vouches.contains(&attribute.as_str()) {
            continue;
        }
        let mut value = vec![0; MOST];
        if let Ok(length) = fs::fgetxattr(&old, &attribute, &mut value) {
            let _ = fs::fsetxattr(new, &attribute, &value[..length], XattrFlags::empty());
        }
    }
}

fn names(file: impl AsFd) -> Vec<String> {
    let mut list = vec![0; MOST];
    let length = fs::flistxattr(file, &mut list).unwrap_or(0);
    list.truncate(length);
    list.split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .filter_map(|name| String::from_utf8(name.to_vec()).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Group;

    #[test]
    fn another_group_has_no_more_rights_than_others_had() {
        for (mode, kept, other) in [
            (0o664, 0o664, 0o644),
            (0o660, 0o660, 0o600),
            (0o750, 0o750, 0o700),
            (0o755, 0o755, 0o755),
            (0o606, 0o606, 0o606),
        ] {
            assert_eq!(Group::Kept.mode(mode), kept);
            assert_eq!(Group::Other.mode(mode), other, "{mode:o}");
        }
    }
}
