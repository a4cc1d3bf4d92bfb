//! Landlock rules: what may be read and written, by the open files themselves (linux/landlock.h).
//!
//! Invariant: what is not named is refused. Raw calls, because the rules name files that exist only after the child's mounts.

use std::ffi::CString;
use std::io;
use std::mem::size_of;

use super::{Layers, Network, View, c_path, raw};

const READ: u64 = 0b1101;
const FILE_ONLY: u64 = 0b111 | TRUNCATE | IOCTL_DEV;
const MAKE_CHAR: u64 = 1 << 6;
const MAKE_BLOCK: u64 = 1 << 11;
const TRUNCATE: u64 = 1 << 14;
const IOCTL_DEV: u64 = 1 << 15;

/// System folders that any program may read; secrets in them are hidden by the mounts.
const SYSTEM: [&str; 15] = [
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/proc",
    "/sys", "/nix", "/gnu", "/var/lib", "/dev",
];

#[derive(Debug, Clone)]
pub(super) struct Rules {
    paths: Vec<(CString, u64)>,
    ruleset: Ruleset,
    size: usize,
}

#[derive(Debug, Clone)]
#[repr(C)]
struct Ruleset {
    handled_fs: u64,
    handled_net: u64,
    scoped: u64,
}

#[repr(C, packed)]
struct Beneath {
    allowed: u64,
    parent: i32,
}

/// The kernel's Landlock version, or `None` where it is off.
pub(crate) fn abi() -> Option<u32> {
    let none = std::ptr::null::<u8>();
    let abi = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, none, 0usize, 1u32) };
    u32::try_from(abi).ok().filter(|abi| *abi > 0)
}

impl Rules {
    pub(super) fn new(view: &View, layers: Layers, abi: u32) -> io::Result<Rules> {
        let all = match abi {
            1 => (1 << 13) - 1,
            2 => (1 << 14) - 1,
            3 | 4 => (1 << 15) - 1,
            _ => (1 << 16) - 1,
        };
        let write = all & !(MAKE_CHAR | MAKE_BLOCK);
        let mut paths = Vec::new();
        for path in SYSTEM {
            paths.push((CString::new(path)?, READ));
        }
        for path in &view.readable {
            paths.push((c_path(path)?, READ));
        }
        for path in &view.writable {
            paths.push((c_path(path)?, write));
        }
        for device in [
            "null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts",
        ] {
            paths.push((CString::new(format!("/dev/{device}"))?, write));
        }
        if layers.namespaces {
            paths.push((CString::new("/dev/shm")?, write));
            for path in &view.masked {
                paths.push((c_path(path)?, write));
            }
        }
        let alone = view.network == Network::Off && !layers.namespaces;
        let ruleset = Ruleset {
            handled_fs: all,
            handled_net: if abi >= 4 && alone { 0b11 } else { 0 },
            scoped: if abi >= 6 { 0b11 } else { 0 },
        };
        let size = match abi {
            1..=3 => 8,
            4 | 5 => 16,
            _ => size_of::<Ruleset>(),
        };
        Ok(Rules {
            paths,
            ruleset,
            size,
        })
    }

    pub(super) unsafe fn enforce(&self) -> io::Result<()> {
        unsafe {
            let ruleset: *const Ruleset = &self.ruleset;
            let set = raw::check(libc::syscall(
                libc::SYS_landlock_create_ruleset,
                ruleset,
                self.size,
                0u32,
            ))? as i32;
            for (path, allowed) in &self.paths {
                let fd = libc::open(path.as_ptr(), libc::O_PATH | libc::O_CLOEXEC);
                if fd < 0 {
                    // What does not exist needs no rule.
                    continue;
                }
                let done = add(set, fd, *allowed).or_else(|_| add(set, fd, *allowed & FILE_ONLY));
                libc::close(fd);
                done?;
            }
            let done = raw::check(libc::syscall(libc::SYS_landlock_restrict_self, set, 0u32));
            libc::close(set);
            done.map(drop)
        }
    }
}

unsafe fn add(set: i32, parent: i32, allowed: u64) -> io::Result<()> {
    const PATH_BENEATH: u32 = 1;
    let rule = Beneath { allowed, parent };
    let rule: *const Beneath = &rule;
    raw::check(unsafe { libc::syscall(libc::SYS_landlock_add_rule, set, PATH_BENEATH, rule, 0u32) })
        .map(drop)
}
