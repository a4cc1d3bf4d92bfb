//! `exec`: runs what a `Permit` names.
//!
//! Invariant (S4): an `Outcome` means that the program and everything it started is gone; so does dropping the future, a moment
//! later.

mod attend;

use std::os::unix::net::UnixStream;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub(crate) use attend::run;

use crate::output::Stream;
use crate::{Error, Permit};

/// Bounds of one execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest run, at most 30 days; then the tree is killed and the end is [`End::Timeout`].
    pub timeout: Duration,
    /// Bytes kept of each stream: the first half and the last.
    pub output_bytes: usize,
    /// Most processes and threads at once.
    pub processes: u64,
    /// Largest file that may be written, bytes.
    pub file_bytes: u64,
}

/// How an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The program exited with this code, 0 to 255.
    Exit(i32),
    /// A signal of this number ended it.
    Signal(i32),
    /// Its time was up.
    Timeout,
    /// The caller cancelled it.
    Cancelled,
}

/// What an execution did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// Standard output; invalid UTF-8 replaced.
    pub stdout: String,
    /// Standard error; invalid UTF-8 replaced.
    pub stderr: String,
    /// Whether a part of a stream's middle was left out.
    pub truncated: bool,
    /// Bytes left out of both streams.
    pub dropped_bytes: u64,
    /// The mechanisms that held it.
    pub enforced_by: Vec<String>,
    /// From start until all was gone.
    pub duration: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            timeout: Duration::from_secs(120),
            output_bytes: 1 << 20,
            processes: 1024,
            file_bytes: 4 << 30,
        }
    }
}

pub(crate) enum Message {
    Output(Stream, String),
    Ended(Result<Outcome, Error>),
}

/// Runs a permitted command to its end. `on_output` sees both streams as they come, whole characters only, until
/// [`Limits::output_bytes`]. `cancel`, like dropping the future, ends the whole process tree.
pub async fn exec(
    permit: Permit,
    cancel: CancellationToken,
    mut on_output: impl FnMut(Stream, &str),
) -> Result<Outcome, Error> {
    let (sender, mut messages) = tokio::sync::mpsc::unbounded_channel();
    let (line, theirs) = UnixStream::pair()?;
    let mut line = Some(line);
    // A thread of its own, not of a pool: the kernel ends the child when the thread that started it ends.
    std::thread::Builder::new()
        .name("exec".to_owned())
        .spawn(move || {
            let outcome = run(&permit, Some(&theirs), |stream, text| {
                let _ = sender.send(Message::Output(stream, text));
            });
            let (outcome, supervisor) = match outcome {
                Ok((outcome, supervisor)) => (Ok(outcome), Some(supervisor)),
                Err(error) => (Err(error), None),
            };
            let _ = sender.send(Message::Ended(outcome));
            // Nobody else will, and until then it stays a zombie.
            if let Some(mut supervisor) = supervisor {
                let _ = supervisor.wait();
            }
        })?;
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled(), if line.is_some() => line = None,
            message = messages.recv() => match message {
                Some(Message::Output(stream, text)) => on_output(stream, &text),
                Some(Message::Ended(outcome)) => return outcome,
                None => return Err(Error::Io(std::io::Error::other("the thread that watches the command is gone; run it again"))),
            },
        }
    }
}
