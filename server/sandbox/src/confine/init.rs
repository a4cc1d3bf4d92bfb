//! The two processes that outlive the program's start: the supervisor (the host's child) and the namespace's init.
//!
//! Invariant (S4): when the supervisor has exited, no process that the program started is left.

use std::io;

use super::{Plan, raw};

/// The supervisor: reaps, and on SIGTERM (sent by the host, or by the kernel when the host dies) ends the whole tree.
pub(super) unsafe fn supervise(child: i32, plan: &Plan) -> ! {
    unsafe {
        raw::close_all();
        let set = raw::supervised();
        loop {
            if libc::sigwaitinfo(&set, std::ptr::null_mut()) == libc::SIGTERM {
                if plan.layers.namespaces {
                    // Init's death is the end of all in its namespace.
                    libc::kill(child, libc::SIGKILL);
                } else {
                    end_all(child, plan);
                }
            }
            loop {
                let mut status = 0;
                match libc::waitpid(-1, &mut status, libc::WNOHANG) {
                    0 => break,
                    -1 => libc::_exit(0),
                    pid if pid == child => {
                        if !plan.layers.namespaces {
                            plan.record(status);
                            end_all(child, plan);
                        }
                        libc::_exit(0)
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Init of the pid namespace: reaps until the program ends, notes how it ended, and takes the rest with it.
pub(super) unsafe fn reap(program: i32, plan: &Plan) -> ! {
    unsafe {
        raw::close_all();
        let _ = raw::drop_capabilities();
        loop {
            let mut status = 0;
            match libc::waitpid(-1, &mut status, 0) {
                pid if pid == program => {
                    plan.record(status);
                    libc::_exit(0)
                }
                -1 if io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) => {
                    libc::_exit(1)
                }
                _ => {}
            }
        }
    }
}

/// Kills children until there are none: a dead child's children become ours, since we are their subreaper.
unsafe fn end_all(child: i32, plan: &Plan) {
    unsafe {
        libc::kill(-child, libc::SIGKILL);
        libc::kill(child, libc::SIGKILL);
        loop {
            kill_children();
            // One must be waited for; all others that are dead already too, before the next look: after a bomb they are thousands.
            let mut options = 0;
            loop {
                let mut status = 0;
                match libc::waitpid(-1, &mut status, options) {
                    -1 if io::Error::last_os_error().raw_os_error() == Some(libc::ECHILD) => return,
                    0 | -1 => break,
                    pid if pid == child => plan.record(status),
                    _ => {}
                }
                options = libc::WNOHANG;
            }
        }
    }
}

/// Sends SIGKILL to each direct child, as `/proc/thread-self/children` lists them: decimal ids, space-separated.
unsafe fn kill_children() {
    unsafe {
        let fd = libc::open(
            c"/proc/thread-self/children".as_ptr(),
            libc::O_RDONLY | libc::O_CLOEXEC,
        );
        if fd < 0 {
            return;
        }
        let mut id = 0i32;
        let mut bytes = [0u8; 4096];
        loop {
            let count = libc::read(fd, bytes.as_mut_ptr().cast(), bytes.len());
            if count <= 0 {
                break;
            }
            for byte in &bytes[..count as usize] {
                match byte {
                    b'0'..=b'9' => id = id.wrapping_mul(10).wrapping_add(i32::from(byte - b'0')),
                    _ => {
                        if id > 1 {
                            libc::kill(id, libc::SIGKILL);
                        }
                        id = 0;
                    }
                }
            }
        }
        libc::close(fd);
    }
}
