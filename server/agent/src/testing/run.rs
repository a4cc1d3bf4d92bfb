//! One run of the tests, in a fresh scratch tree. A run that passed on other text than the draft's does not count (law 2).

use crate::command::{SHOWN, join, of_refusal, of_sandbox, prepare, tail};
use crate::failure::of_workspace;
use crate::task::{End, Task};
use protocol::{Code, FinishReason, TestReport, TestVerdict};
use sandbox::{Access, Limits, Line, Outcome, Permit, RefusalKind};
use std::time::Duration;
use workspace::{Draft, Scratch};

/// Files that build tools bring up to date by themselves; a run may change them.
const LOCKS: [&str; 6] = [
    "Cargo.lock",
    "go.sum",
    "package-lock.json",
    "pnpm-lock.yaml",
    "poetry.lock",
    "yarn.lock",
];

/// Runs the command of `report` on the draft and fills the report in. What keeps it from running makes it `broken`.
///
/// # Errors
/// An end: cancelled, or a sandbox that cannot confine it.
pub async fn run(task: &Task, draft: &Draft, report: &mut TestReport) -> Result<(), End> {
    let scratch = match prepare(task, draft).await {
        Ok(scratch) => scratch,
        Err(failure) if failure.code == Code::Cancelled => return Err(End::cancelled()),
        Err(failure) => {
            report.verdict = TestVerdict::Broken;
            report.output = failure.to_string();
            return Ok(());
        }
    };
    let Some(permit) = permit(task, &scratch, report)? else {
        return Ok(());
    };
    match sandbox::exec(permit, task.cancel.clone(), |_, _| {}).await {
        Ok(outcome) => judge(task, &outcome, report)?,
        Err(error) => {
            report.verdict = TestVerdict::Broken;
            report.output = of_sandbox(error).to_string();
        }
    }
    if report.verdict == TestVerdict::Passed {
        check_sources(scratch, report).await;
    }
    Ok(())
}

fn permit(task: &Task, scratch: &Scratch, report: &mut TestReport) -> Result<Option<Permit>, End> {
    let timeout = Duration::from_secs(task.shared.config.test_timeout_seconds);
    let permit = task.shared.sandbox.permit(
        Line::Shell(report.command.clone()),
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
        Ok(permit) => Ok(Some(permit)),
        Err(refusal) if refusal.kind == RefusalKind::Unavailable => Err(End::failed(
            FinishReason::SandboxUnavailable,
            of_refusal(refusal),
        )),
        Err(refusal) => {
            report.verdict = TestVerdict::Broken;
            report.output = of_refusal(refusal).to_string();
            Ok(None)
        }
    }
}

fn judge(task: &Task, outcome: &Outcome, report: &mut TestReport) -> Result<(), End> {
    report.duration_ms = u64::try_from(outcome.duration.as_millis()).unwrap_or(u64::MAX);
    report.enforced_by.clone_from(&outcome.enforced_by);
    let text = join(outcome);
    super::read_counts(&text, report);
    report.output = tail(&text, SHOWN);
    report.verdict = match outcome.end {
        sandbox::End::Exit(0) => TestVerdict::Passed,
        sandbox::End::Exit(_) if super::cannot_run(&text, &programs(task, &report.command)) => {
            TestVerdict::Broken
        }
        sandbox::End::Exit(_) | sandbox::End::Signal(_) => TestVerdict::Failed,
        sandbox::End::Timeout => {
            let seconds = task.shared.config.test_timeout_seconds;
            report.output.push_str(&format!(
                "\n[stopped after {seconds} s: agent.test_timeout_seconds]"
            ));
            TestVerdict::Failed
        }
        sandbox::End::Cancelled => return Err(End::cancelled()),
    };
    report.exit_code = match outcome.end {
        sandbox::End::Exit(code) => Some(code),
        _ => None,
    };
    Ok(())
}

/// The programs that the command itself names.
fn programs(task: &Task, command: &str) -> Vec<String> {
    let line = Line::Shell(command.to_owned());
    let verdict = task
        .shared
        .sandbox
        .policy()
        .judge(&line, task.shared.host.root().path());
    verdict
        .commands
        .into_iter()
        .filter_map(|argv| argv.into_iter().next())
        .collect()
}

/// A run that wrote over sources (a formatter, a code generator, a test that mends what it tests) passed on its own text.
async fn check_sources(scratch: Scratch, report: &mut TestReport) {
    let job = tokio::task::spawn_blocking(move || scratch.changed_sources());
    let changed = match job.await {
        Ok(changed) => changed.map_err(of_workspace),
        Err(_) => return,
    };
    let why = match changed {
        Ok(paths) => {
            let paths: Vec<String> = paths
                .iter()
                .filter(|path| !LOCKS.contains(&path.name()))
                .map(ToString::to_string)
                .collect();
            match paths.is_empty() {
                true => return,
                false => format!(
                    "the run changed {}: it passed on other text than the patch has",
                    paths.join(", ")
                ),
            }
        }
        Err(failure) => failure.to_string(),
    };
    report.verdict = TestVerdict::Broken;
    report.output.push_str(&format!("\n[{why}]"));
}
