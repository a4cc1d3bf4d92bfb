//! Roll: the tasks of other processes that nobody has answered for since the leader changed. Whose process does not come back
//! in time is over.

use agent::Agent;
use parking_lot::Mutex;
use protocol::TaskId;
use std::collections::HashSet;
use std::time::Duration;

/// How long a process has to come back.
const GRACE: Duration = Duration::from_secs(5);

/// Who is missing.
pub struct Roll {
    missing: Mutex<HashSet<TaskId>>,
}

impl Roll {
    /// Everybody is missing at first.
    pub fn call(agent: &Agent) -> Roll {
        let running = agent
            .tasks()
            .into_iter()
            .filter(|view| view.finished.is_none() && agent.is_elsewhere(&view.id));
        Roll {
            missing: Mutex::new(running.map(|view| view.id).collect()),
        }
    }

    /// Somebody works on it.
    pub fn seen(&self, task: &TaskId) {
        self.missing.lock().remove(task);
    }

    /// Waits for those that come back, and ends the tasks of the others.
    pub async fn close(&self, agent: &Agent) {
        tokio::time::sleep(GRACE).await;
        let gone = std::mem::take(&mut *self.missing.lock());
        gone.iter().for_each(|task| agent.orphan(task));
    }
}
