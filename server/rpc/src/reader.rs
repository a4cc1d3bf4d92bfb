//! Reader: one task's events for one client, to the last. The client's speed is its own (R1), and where the client owns the task,
//! a hang-up cancels it (R2).

use crate::transport::Active;
use agent::{Agent, Follower};
use protocol::{Code, Event, Failure, TaskId, Update};
use std::collections::VecDeque;
use std::sync::Arc;

/// What becomes of the task when its reader is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangUp {
    /// It is cancelled.
    Cancels,
    /// It goes on.
    Leaves,
}

/// A reader; dropping it is the hang-up.
pub struct Reader {
    agent: Agent,
    task: TaskId,
    live: Follower,
    /// Events of a task that the log has let go of.
    past: VecDeque<Arc<Event>>,
    next: u64,
    over: bool,
    hang_up: HangUp,
    _active: Active,
}

impl Reader {
    /// Of a task, from the event behind `after`.
    pub fn new(
        agent: Agent,
        task: TaskId,
        after: Option<u64>,
        hang_up: HangUp,
        active: Active,
    ) -> Reader {
        Reader {
            live: agent.follow(&task, after),
            past: VecDeque::new(),
            next: after.map_or(0, |seq| seq.saturating_add(1)),
            over: false,
            agent,
            task,
            hang_up,
            _active: active,
        }
    }

    /// The task.
    pub fn task(&self) -> &TaskId {
        &self.task
    }

    /// The agent that works on it.
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// The next event; none behind the last. Safe to drop while waiting.
    ///
    /// # Errors
    /// `io` where the history cannot be read.
    pub async fn next(&mut self) -> Result<Option<Arc<Event>>, Failure> {
        if self.over {
            return Ok(None);
        }
        if self.past.is_empty() {
            if let Some(event) = self.live.next().await {
                return Ok(Some(self.took(event)));
            }
            // The log keeps the newest tasks only; older ones are in the history. What another process works on is here from its
            // newest events on.
            let (agent, task) = (self.agent.clone(), self.task.clone());
            let after = self.next.checked_sub(1);
            let reading = tokio::task::spawn_blocking(move || agent.replay(&task, after));
            let rest = reading
                .await
                .map_err(|_| Failure::new(Code::Internal, "the history could not be read"))?;
            self.past = rest?.into();
            let behind = self.past.back().map(|last| last.seq);
            self.live = self.agent.follow(&self.task, behind.or(after));
        }
        match self.past.pop_front() {
            Some(event) => Ok(Some(self.took(event))),
            None => {
                self.over = true;
                Ok(None)
            }
        }
    }

    fn took(&mut self, event: Arc<Event>) -> Arc<Event> {
        self.next = event.seq + 1;
        self.over = matches!(event.update, Update::Finished { .. });
        event
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if self.hang_up == HangUp::Cancels && !self.over {
            self.agent.cancel(Some(&self.task));
        }
    }
}
