//! Hall: what everything behind the door shares, and whether new tasks are still taken.

use crate::metrics::Metrics;
use crate::seed::Names;
use crate::transport::Transports;
use agent::{Agent, Started};
use parking_lot::Mutex;
use protocol::{Code, Failure, TaskId, TaskRequest};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a task waits for the end of another in its session.
const TURN: Duration = Duration::from_secs(10);

/// Most tasks whose names in the other words are kept; the oldest go first.
const NAMED: usize = 4096;

/// Shared by all requests.
#[derive(Clone)]
pub struct Hall {
    /// Who works.
    pub agent: Agent,
    /// What happened so far, in figures.
    pub metrics: Arc<Metrics>,
    /// The figures of the wires.
    pub transports: Arc<Transports>,
    /// Cancelled once no new task is taken.
    pub draining: CancellationToken,
    /// Cancelled once every task is over: streams without an end of their own end now.
    pub over: CancellationToken,
    /// What the clients of the original program call their tasks. Ids sort by time.
    pub named: Arc<Mutex<BTreeMap<TaskId, Names>>>,
}

impl Hall {
    /// Whether a new task may begin.
    ///
    /// # Errors
    /// Not while the server is about to end.
    pub fn open(&self) -> Result<(), Failure> {
        match self.draining.is_cancelled() {
            true => Err(Failure::new(
                Code::Cancelled,
                "the server is about to end and takes no new task",
            )),
            false => Ok(()),
        }
    }

    /// Starts a task in a session that its client named. Tasks of one name run one after the other: where another one still runs,
    /// this waits for its end, but not for long.
    ///
    /// # Errors
    /// As [`Agent::start_named`]; `stale` where the other one does not end.
    pub async fn start_named(
        &self,
        request: TaskRequest,
        names: Names,
    ) -> Result<Started, Failure> {
        let end = Instant::now() + TURN;
        let started = loop {
            self.open()?;
            match self.agent.start_named(request.clone()) {
                Err(failure) if failure.code == Code::Stale && Instant::now() < end => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(failure) if failure.code == Code::Stale => {
                    return Err(failure.hint("try again when that task is over, or cancel it"));
                }
                started => break started?,
            }
        };
        let mut named = self.named.lock();
        named.insert(started.task.clone(), names);
        if named.len() > NAMED {
            named.pop_first();
        }
        Ok(started)
    }

    /// What the client of a task calls it, where it speaks the words of the original program.
    pub fn names(&self, task: &TaskId) -> Option<Names> {
        self.named.lock().get(task).cloned()
    }

    /// Takes no more tasks, gives those that run this long, then cancels them.
    pub async fn drain(&self, patience: Duration) {
        self.draining.cancel();
        self.agent.close();
        let end = Instant::now() + patience;
        while self.agent.status().running > 0 && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.agent.shutdown().await;
        self.over.cancel();
    }
}
