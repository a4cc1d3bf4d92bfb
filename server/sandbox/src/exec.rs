//! `exec`: runs what a `Permit` names.
//!
//! Invariant (S4): an `Outcome` means that the program and everything it started is gone; so does dropping the future, a moment
//! later.

mod attend;
#[cfg(target_os = "linux")]
mod census;
mod meter;
#[cfg(all(test, target_os = "linux"))]
mod tests;

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
    /// Most bytes over both streams, shown or not; then the tree is killed and the end is [`End::Output`].
    pub most_output: u64,
    /// Most memory of the whole tree, bytes, what is in its private `/tmp` included; then the tree is killed and the end is
    /// [`End::Memory`]. `sandbox.memory_mb` bounds it too.
    pub memory_bytes: u64,
    /// Most processes and threads at once; beyond it the kernel starts no more, the tree is killed and the end is
    /// [`End::Processes`].
    pub processes: u64,
    /// Largest file that may be written, bytes.
    pub file_bytes: u64,
    /// Fewest bytes that may be left on the disk of the tree that can be written, or half of what is left at the start where that
    /// is less; below it the tree is killed and the end is [`End::Disk`].
    pub disk_left: u64,
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
    /// It took more than this much memory, bytes.
    Memory(u64),
    /// It wrote more than this much to its streams, bytes.
    Output(u64),
    /// It had more than this many processes and threads.
    Processes(u64),
    /// Less than this was left on the disk, bytes.
    Disk(u64),
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
            most_output: 256 << 20,
            memory_bytes: u64::MAX,
            processes: 1024,
            file_bytes: 4 << 30,
            disk_left: 512 << 20,
        }
    }
}

impl End {
    /// One word, for machines.
    pub fn word(self) -> &'static str {
        match self {
            End::Exit(_) => "exit",
            End::Signal(_) => "signal",
            End::Timeout => "timeout",
            End::Cancelled => "cancelled",
            End::Memory(_) => "memory",
            End::Output(_) => "output",
            End::Processes(_) => "processes",
            End::Disk(_) => "disk",
        }
    }

    /// Which limit stopped it, for people; time is the caller's to tell.
    pub fn limit(self) -> Option<String> {
        match self {
            End::Memory(bytes) => Some(format!("stopped: more than {} MiB of memory", bytes >> 20)),
            End::Output(bytes) => Some(format!("stopped: more than {} MiB of output", bytes >> 20)),
            End::Processes(count) => {
                Some(format!("stopped: more than {count} processes and threads"))
            }
            End::Disk(bytes) => Some(format!(
                "stopped: less than {} MiB left on the disk",
                bytes >> 20
            )),
            End::Exit(_) | End::Signal(_) | End::Timeout | End::Cancelled => None,
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
