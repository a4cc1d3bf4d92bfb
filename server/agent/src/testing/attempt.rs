//! Attempt: the test command run once in one tree, and what came out. It decides nothing.

use super::ended;
use super::report::{self, Extent, Reading};
use crate::command::{join, of_refusal, of_sandbox};
use crate::task::{End, Task};
use protocol::{Failure, FinishReason};
use sandbox::{Access, Limits, Line, Permit, RefusalKind};
use std::time::{Duration, SystemTime};
use workspace::Scratch;

/// How far the runners came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// To the end, as far as one can see.
    End,
    /// One began and did not end.
    Short,
}

/// What came out.
pub struct Attempt {
    /// How the command ended.
    pub end: sandbox::End,
    /// Both streams, without escape codes and without the tree's own path.
    pub text: String,
    /// What the output and the reports that the build wrote say.
    pub reading: Reading,
    /// Whether a runner began and did not come to its end.
    pub reach: Reach,
    /// What confined it.
    pub enforced_by: Vec<String>,
    /// Measured wall time.
    pub duration: Duration,
}

/// Runs a command line in a tree. The inner error says why it could not run.
///
/// # Errors
/// An end: cancelled, or a sandbox that cannot confine it.
pub async fn attempt(
    task: &Task,
    scratch: &Scratch,
    command: &str,
) -> Result<Result<Attempt, Failure>, End> {
    let permit = match permit(task, scratch, command)? {
        Ok(permit) => permit,
        Err(failure) => return Ok(Err(failure)),
    };
    let began = SystemTime::now();
    let outcome = match sandbox::exec(permit, task.cancel.clone(), |_, _| {}).await {
        Ok(outcome) => outcome,
        Err(error) => return Ok(Err(of_sandbox(error))),
    };
    if outcome.end == sandbox::End::Cancelled {
        return Err(End::cancelled());
    }
    // Names and places are to be the same whichever tree they were tested in.
    let inside = format!("{}/", scratch.path());
    let said = join(&outcome);
    let text = report::plain_text(&said).replace(&inside, "");
    // File systems keep times more coarsely than the clock.
    let files = scratch.reports(began - Duration::from_millis(20));
    let files: Vec<String> = files.iter().map(|xml| xml.replace(&inside, "")).collect();
    let mut reading = report::read(&text, &files);
    // Of a text without its middle the beginnings and ends do not tell.
    let reach = match outcome.truncated {
        false if ended::is_cut_short(&text) => Reach::Short,
        _ => Reach::End,
    };
    if outcome.truncated || report::swallows(&said) {
        reading.extent = Extent::Cut;
    }
    Ok(Ok(Attempt {
        end: outcome.end,
        reading,
        text,
        reach,
        enforced_by: outcome.enforced_by,
        duration: outcome.duration,
    }))
}

fn permit(task: &Task, scratch: &Scratch, command: &str) -> Result<Result<Permit, Failure>, End> {
    let timeout = Duration::from_secs(task.shared.config.test_timeout_seconds);
    let permit = task.shared.sandbox.permit(
        Line::Shell(command.to_owned()),
        Access::Tests(scratch.path().to_owned()),
        sandbox::Approval::Configured,
        Limits {
            timeout,
            ..Limits::default()
        },
        scratch.path(),
        &[],
    );
    match permit {
        Ok(permit) => Ok(Ok(permit)),
        Err(refusal) if refusal.kind == RefusalKind::Unavailable => Err(End::failed(
            FinishReason::SandboxUnavailable,
            of_refusal(refusal),
        )),
        Err(refusal) => Ok(Err(of_refusal(refusal))),
    }
}
