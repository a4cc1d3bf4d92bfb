//! Indexing: one line for a person whose task runs while the index of a large folder is still being built.

use super::Worker;
use crate::cli::Output;
use agent::{Progress, Stage};
use std::io::{self, IsTerminal};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// A build that is over by then is not spoken of.
const SOON: Duration = Duration::from_secs(2);

/// What becomes of the index; nothing where no person watches.
pub struct Indexing {
    progress: Option<watch::Receiver<Progress>>,
    begun: Instant,
}

impl Indexing {
    /// Of the worker whose task begins now; a server has its index already.
    pub fn of(worker: &Worker, output: Output) -> Indexing {
        let is_watched = output == Output::Text && io::stderr().is_terminal();
        let progress = match worker {
            Worker::Here(agent, _) if is_watched => Some(agent.knowledge().progress()),
            Worker::Here(..) | Worker::There(_) => None,
        };
        Indexing {
            progress,
            begun: Instant::now(),
        }
    }

    /// Waits for the line; there is one at most. May be dropped and asked again.
    pub async fn line(&mut self) -> String {
        tokio::time::sleep_until(self.begun + SOON).await;
        if let Some(progress) = &mut self.progress {
            let reading = progress.wait_for(|now| now.stage == Stage::Files && now.total > 0);
            let now = reading.await.map(|now| *now);
            self.progress = None;
            if let Ok(Progress { done, total, .. }) = now {
                return format!("indexing the code for search: {done} of {total} files so far");
            }
        }
        std::future::pending().await
    }
}
