//! Raw system calls that are safe between fork and exec: no allocation, no lock, an errno for every failure.

use std::ffi::CStr;
use std::io;
use std::mem::{size_of, zeroed};

/// Turns -1 into the errno.
pub(super) fn check(result: i64) -> io::Result<i64> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        value => Ok(value),
    }
}

pub(super) unsafe fn prctl(option: i32, value: usize) -> io::Result<()> {
    check(unsafe { libc::prctl(option, value, 0usize, 0usize, 0usize) }.into()).map(drop)
}

pub(super) unsafe fn fork() -> io::Result<i32> {
    // The plain system call: libc's wrapper would run handlers that other libraries have registered.
    check(unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) })
        .map(|pid| pid as i32)
}

pub(super) unsafe fn write(path: &CStr, bytes: &[u8]) -> io::Result<()> {
    unsafe {
        let fd = check(libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC).into())? as i32;
        let done = check(libc::write(fd, bytes.as_ptr().cast(), bytes.len()) as i64);
        libc::close(fd);
        done.map(drop)
    }
}

/// The signals that a supervisor takes one by one instead of being interrupted.
pub(super) unsafe fn supervised() -> libc::sigset_t {
    unsafe {
        let mut set = zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGCHLD);
        libc::sigaddset(&mut set, libc::SIGTERM);
        set
    }
}

pub(super) unsafe fn block_signals() -> io::Result<()> {
    unsafe {
        // An ignored SIGCHLD would make the kernel reap children unseen.
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        libc::signal(libc::SIGTERM, libc::SIG_DFL);
        check(libc::sigprocmask(libc::SIG_BLOCK, &supervised(), std::ptr::null_mut()).into())
            .map(drop)
    }
}

pub(super) unsafe fn unblock_signals() -> io::Result<()> {
    unsafe {
        let mut none: libc::sigset_t = zeroed();
        libc::sigemptyset(&mut none);
        check(libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut()).into()).map(drop)
    }
}

/// The type of `RLIMIT_*` differs between C libraries.
#[cfg(target_env = "gnu")]
pub(super) type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
pub(super) type Resource = libc::c_int;

pub(super) unsafe fn limit(which: Resource, value: u64) -> io::Result<()> {
    unsafe {
        let mut now: libc::rlimit = zeroed();
        check(libc::getrlimit(which, &mut now).into())?;
        let hard = now.rlim_max.min(value);
        let new = libc::rlimit {
            rlim_cur: hard.min(now.rlim_cur.max(hard)),
            rlim_max: hard,
        };
        check(libc::setrlimit(which, &new).into()).map(drop)
    }
}

pub(super) unsafe fn close_all() {
    unsafe { libc::syscall(libc::SYS_close_range, 0u32, u32::MAX, 0u32) };
}

pub(super) unsafe fn close_on_exec() -> io::Result<()> {
    const CLOSE_RANGE_CLOEXEC: u32 = 1 << 2;
    check(unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, CLOSE_RANGE_CLOEXEC) })
        .map(drop)
}

pub(super) unsafe fn loopback_up() -> io::Result<()> {
    unsafe {
        let socket =
            check(libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0).into())?
                as i32;
        let mut request: libc::ifreq = zeroed();
        request.ifr_name[0] = b'l' as _;
        request.ifr_name[1] = b'o' as _;
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as _;
        let done = check(libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &request).into());
        libc::close(socket);
        done.map(drop)
    }
}

/// Gives up every capability for good: also for uid 0, also over exec (SECURITY: a new user namespace hands out all of them).
pub(super) unsafe fn drop_capabilities() -> io::Result<()> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    // linux/securebits.h: NOROOT, NO_SETUID_FIXUP, KEEP_CAPS off, NO_CAP_AMBIENT_RAISE, each with its lock.
    const SECUREBITS: usize = 0b11 | 0b1100 | 0b10_0000 | 0b1100_0000;
    const VERSION_3: u32 = 0x2008_0522;
    unsafe {
        // Fails only for a process that has nothing to drop.
        for capability in 0..64 {
            if prctl(libc::PR_CAPBSET_DROP, capability).is_err() {
                break;
            }
        }
        let _ = prctl(libc::PR_SET_SECUREBITS, SECUREBITS);
        let _ = prctl(
            libc::PR_CAP_AMBIENT,
            libc::PR_CAP_AMBIENT_CLEAR_ALL as usize,
        );
        let header = Header {
            version: VERSION_3,
            pid: 0,
        };
        let none = [0u32; 6];
        check(libc::syscall(libc::SYS_capset, &header, none.as_ptr())).map(drop)
    }
}

/// Arguments of mount_setattr(2).
#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

pub(super) const RDONLY: u64 = 1;
pub(super) const NOSUID: u64 = 2;
pub(super) const NODEV: u64 = 4;

const AT_RECURSIVE: u32 = 0x8000;

/// Sets mount flags on the whole tree at `fd`, or at `path` when given.
pub(super) unsafe fn mount_flags(fd: i32, path: &CStr, set: u64) -> io::Result<()> {
    let attr = MountAttr {
        set,
        clear: 0,
        propagation: 0,
        userns_fd: 0,
    };
    let flags = AT_RECURSIVE
        | if path.is_empty() {
            libc::AT_EMPTY_PATH as u32
        } else {
            0
        };
    let size = size_of::<MountAttr>();
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            fd,
            path.as_ptr(),
            flags,
            &attr,
            size,
        )
    })
    .map(drop)
}

/// A detached copy of the mounts at `path`.
pub(super) unsafe fn mount_copy(path: &CStr) -> io::Result<i32> {
    const OPEN_TREE_CLONE: u32 = 1;
    let flags = OPEN_TREE_CLONE | AT_RECURSIVE | libc::O_CLOEXEC as u32;
    check(unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) })
        .map(|fd| fd as i32)
}

/// Puts a detached copy in place.
pub(super) unsafe fn mount_attach(fd: i32, path: &CStr) -> io::Result<()> {
    const FROM_EMPTY: u32 = 4;
    let at = libc::AT_FDCWD;
    check(unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            fd,
            c"".as_ptr(),
            at,
            path.as_ptr(),
            FROM_EMPTY,
        )
    })?;
    unsafe { libc::close(fd) };
    Ok(())
}
