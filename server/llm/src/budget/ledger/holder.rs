//! `Holder`: the process that reserved money, and whether it may still settle.
//!
//! Invariant: a number that another process got later is not mistaken for the one that reserved, where the system tells when a process
//! began.

use serde::{Deserialize, Serialize};

/// A process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    pid: u32,
    /// When it began, in ticks since the start of the machine; absent where the system does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    began: Option<u64>,
}

impl Holder {
    /// This process.
    pub(super) fn own() -> Holder {
        let pid = std::process::id();
        let began = began(pid);
        Holder { pid, began }
    }

    /// Whether it runs. Where the system does not say when it began, only this process is known to.
    pub(super) fn is_alive(self) -> bool {
        match self.began {
            Some(_) => began(self.pid) == self.began,
            None => self.pid == std::process::id(),
        }
    }
}

/// Field 22 of Linux's `/proc/PID/stat` (proc_pid_stat(5)); none of a process that is over.
fn began(pid: u32) -> Option<u64> {
    #[allow(
        clippy::disallowed_methods,
        reason = "the kernel's table of processes is no file of the user's work"
    )]
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program, in brackets, may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let is_over = matches!(state, "Z" | "X" | "x");
    fields.nth(18).filter(|_| !is_over)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_lives_as_long_as_its_process() {
        let own = Holder::own();
        assert!(own.is_alive());
        assert!(!cfg!(target_os = "linux") || own.began.is_some());
        let later = Holder {
            began: Some(1),
            ..own
        };
        assert!(!later.is_alive(), "another process got its number");
        let gone = Holder {
            pid: u32::MAX,
            ..own
        };
        assert!(!gone.is_alive());
    }
}
