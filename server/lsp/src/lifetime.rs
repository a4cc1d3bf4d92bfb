//! Exit: how a connection ends. The server never outlives its client: not after `exit`, not after the client closed our
//! input, not after its process is gone.

use std::sync::Arc;
use std::time::Duration;

use crate::door::{Door, Stage};

/// How often the client's process is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How soon after `initialize` it is looked at first.
const FIRST_LOOK: Duration = Duration::from_millis(20);
/// How long answers that are under way may take after the end.
pub const GRACE: Duration = Duration::from_millis(500);
/// How long the agent may take to end its tasks and their children.
pub const SHUTDOWN: Duration = Duration::from_millis(1400);

/// How the connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// `shutdown`, then `exit`.
    Clean,
    /// `exit` without `shutdown`.
    Abrupt,
    /// The client closed our input.
    Closed,
    /// The client's process is gone.
    Orphaned,
}

impl Exit {
    /// The exit code that LSP asks for.
    pub fn code(self) -> u8 {
        match self {
            Exit::Clean => 0,
            Exit::Abrupt | Exit::Closed | Exit::Orphaned => 1,
        }
    }
}

/// How the connection ended, once its input did.
pub fn of(stage: Stage) -> Exit {
    match stage {
        Stage::Left => Exit::Clean,
        Stage::LeftAbruptly => Exit::Abrupt,
        Stage::Fresh | Stage::Open | Stage::ShutDown => Exit::Closed,
    }
}

/// Waits until the client's process is gone. A process that is not there from the start is in another namespace or not
/// the client's own, and is not watched.
pub async fn orphaned(door: Arc<Door>) {
    let mut watched = None;
    loop {
        let pause = if watched.is_some() { LOOK } else { FIRST_LOOK };
        tokio::time::sleep(pause).await;
        match (watched, door.met().and_then(|met| met.client.process)) {
            (Some(process), _) if !is_alive(process) => return,
            (None, Some(process)) if is_alive(process) => watched = Some(process),
            (None, Some(_)) => std::future::pending().await,
            _ => {}
        }
    }
}

#[cfg(unix)]
fn is_alive(process: u32) -> bool {
    let id = i32::try_from(process)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    // A process that we may not signal is alive.
    id.is_some_and(|id| rustix::process::test_kill_process(id) != Err(rustix::io::Errno::SRCH))
}

#[cfg(not(unix))]
fn is_alive(_: u32) -> bool {
    true
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_shutdown_before_exit_is_clean() {
        let codes = [
            Stage::Fresh,
            Stage::Open,
            Stage::ShutDown,
            Stage::LeftAbruptly,
            Stage::Left,
        ]
        .map(|stage| of(stage).code());
        assert_eq!(codes, [1, 1, 1, 1, 0]);
    }

    #[test]
    fn a_live_process_is_told_from_a_dead_one() {
        assert!(is_alive(std::process::id()));
        assert!(is_alive(1));
        assert!(!is_alive(0));
        assert!(!is_alive(0x3fff_ffff));
    }
}
