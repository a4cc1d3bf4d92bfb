//! Run: the tests of a draft, judged. The exit code decides; where it is not 0, or the output speaks against it, the same tests without
//! the patch say which failures are the patch's own. A run that passed on other text than the draft's does not count (law 2).

use super::absent::{Absent, absent};
use super::attempt::{Attempt, Reach, attempt};
use super::baseline::{Why, baseline};
use super::explain::{Trial, explain};
use super::report::Outcome;
use super::standing::{self, Compared};
use super::{ended, lost, places, steps, wanted};
use crate::command::{SHOWN, off_thread, tail};
use crate::failure::of_workspace;
use crate::task::{End, Task};
use protocol::{Code, Standing, TestFailure, TestReport, TestVerdict};
use sandbox::Line;
use std::collections::BTreeSet;
use workspace::{Draft, RelPath, Scratch};

/// Files that build tools bring up to date by themselves; a run may change them.
const LOCKS: [&str; 6] = [
    "Cargo.lock",
    "go.sum",
    "package-lock.json",
    "pnpm-lock.yaml",
    "poetry.lock",
    "yarn.lock",
];

/// Failures that a report lists.
const LISTED: usize = 50;

/// Runs the command of `report` on the draft and fills the report in. What keeps it from running makes it `broken`.
///
/// # Errors
/// An end: cancelled, or a sandbox that cannot confine it.
pub async fn run(task: &Task, draft: &Draft, report: &mut TestReport) -> Result<(), End> {
    let Some((scratch, ran)) = once(task, draft, report).await? else {
        return Ok(());
    };
    judge(task, &ran, report);
    let trial = Trial { scratch, ran };
    let scratch = match report.verdict {
        TestVerdict::Passed => question(task, draft, trial, report).await?,
        TestVerdict::Failed => {
            let reading = &trial.ran.reading;
            let is_named = reading.failing().next().is_some() || reading.build.is_some();
            match trial.ran.end {
                sandbox::End::Exit(_) if is_named => {
                    explain(task, draft, trial, Why::Red, report).await?
                }
                _ => None,
            }
        }
        TestVerdict::Broken => {
            let missing = missing(task, &trial.ran, &report.command);
            if missing == Some(Absent::Tests) && taken_away(task, draft, report).await? {
                report.verdict = TestVerdict::Failed;
                report
                    .output
                    .push_str("\n[without the patch there are tests]");
            }
            None
        }
        TestVerdict::Running => None,
    };
    // What was built stays for the next run only where this one leaves no doubt.
    if let Some(scratch) = scratch.filter(|_| report.verdict == TestVerdict::Passed) {
        scratch.trust(&task.shared.state);
    }
    Ok(())
}

/// Whether what ended with 0 is green: it names no failure, came to its end, and ran what ran before.
async fn question(
    task: &Task,
    draft: &Draft,
    trial: Trial,
    report: &mut TestReport,
) -> Result<Option<Scratch>, End> {
    if let Some(why) = changed_sources(&trial.scratch) {
        refuse(report, &why);
        return Ok(None);
    }
    let reading = &trial.ran.reading;
    if standing::is_red(reading) {
        return explain(task, draft, trial, Why::Red, report).await;
    }
    let is_short = trial.ran.reach == Reach::Short;
    if is_short && !was_short(task, draft, report).await? {
        report.verdict = TestVerdict::Failed;
        report
            .output
            .push_str("\n[the tests began and did not come to their end]");
        return Ok(None);
    }
    let ran_none = reading.passed == Some(0)
        && reading
            .cases
            .iter()
            .all(|case| case.outcome != Outcome::Passed);
    let changes = draft.change_set().files;
    let is_mute = ended::is_silent(&trial.ran) || ended::has_mute_file(&trial.ran);
    if !ran_none && !is_short && !is_mute && !changes.iter().any(lost::is_possible) {
        return Ok(Some(trial.scratch));
    }
    let scratch = explain(task, draft, trial, Why::Fewer, report).await?;
    if ran_none && report.verdict == TestVerdict::Passed {
        refuse(report, "no test ran");
    }
    Ok(scratch)
}

/// Whether the tests look broken off without the patch as well: then it is their way to print.
async fn was_short(task: &Task, draft: &Draft, report: &TestReport) -> Result<bool, End> {
    let known = baseline(task, draft, &report.command, Why::Fewer).await?;
    Ok(known.is_some_and(|known| known.baseline.is_short()))
}

/// Whether there are tests without the patch, and the task did not ask to take them out.
async fn taken_away(task: &Task, draft: &Draft, report: &TestReport) -> Result<bool, End> {
    if wanted::takes_out_tests(&task.request) {
        return Ok(false);
    }
    let known = baseline(task, draft, &report.command, Why::Red).await?;
    Ok(known.is_some_and(|known| known.baseline.has_passing()))
}

/// One run in a fresh tree; what keeps it from running is said in the report.
pub(super) async fn once(
    task: &Task,
    draft: &Draft,
    report: &mut TestReport,
) -> Result<Option<(Scratch, Attempt)>, End> {
    let (state, copy) = (task.shared.state.clone(), draft.clone());
    let made = off_thread(task, move || {
        Scratch::prepare(&state, copy.snapshot(), &copy)
    });
    let scratch = match made.await {
        Ok(scratch) => scratch,
        Err(failure) if failure.code == Code::Cancelled => return Err(End::cancelled()),
        Err(failure) => {
            report.verdict = TestVerdict::Broken;
            report.output = failure.to_string();
            return Ok(None);
        }
    };
    match attempt(task, &scratch, &report.command).await? {
        Ok(ran) => Ok(Some((scratch, ran))),
        Err(failure) => {
            report.verdict = TestVerdict::Broken;
            report.output = failure.to_string();
            Ok(None)
        }
    }
}

/// What the run alone says.
fn judge(task: &Task, ran: &Attempt, report: &mut TestReport) {
    report.duration_ms = u64::try_from(ran.duration.as_millis()).unwrap_or(u64::MAX);
    report.enforced_by.clone_from(&ran.enforced_by);
    report.output = tail(&ran.text, SHOWN);
    (report.passed, report.failed) = (ran.reading.passed, ran.reading.failed);
    let labels = ran.reading.failing().map(|case| ran.reading.label(case));
    let labels: BTreeSet<String> = labels.take(4 * LISTED).collect();
    report.failing = labels.into_iter().take(LISTED).collect();
    report.exit_code = exit_code(ran);
    report.verdict = match ran.end {
        sandbox::End::Exit(0) => TestVerdict::Passed,
        sandbox::End::Exit(_) if missing(task, ran, &report.command).is_some() => {
            TestVerdict::Broken
        }
        sandbox::End::Exit(_) | sandbox::End::Signal(_) | sandbox::End::Cancelled => {
            TestVerdict::Failed
        }
        sandbox::End::Timeout => {
            let seconds = task.shared.config.test_timeout_seconds;
            report.output.push_str(&format!(
                "\n[stopped after {seconds} s: agent.test_timeout_seconds]"
            ));
            TestVerdict::Failed
        }
        over => {
            let limit = over.limit().unwrap_or_default();
            report.output.push_str(&format!("\n[{limit}]"));
            TestVerdict::Failed
        }
    };
}

/// The code of a command that ended by itself.
pub(super) fn exit_code(ran: &Attempt) -> Option<i32> {
    match ran.end {
        sandbox::End::Exit(code) => Some(code),
        _ => None,
    }
}

/// Puts the failures into the report, with the workspace's files in place of the runner's paths.
pub(super) fn fill(draft: &Draft, last: &Attempt, compared: &Compared, report: &mut TestReport) {
    report.standings = Some(compared.counts());
    let shown = compared.failing.iter().take(LISTED);
    let files = draft.files().unwrap_or_default();
    report.failures = shown
        .map(|(case, standing)| {
            let place = case.place.as_ref();
            let path = place.and_then(|place| places::resolve(&files, &place.path));
            TestFailure {
                name: last.reading.label(case),
                standing: *standing,
                message: case.message.clone(),
                line: place.map(|place| place.line).filter(|_| path.is_some()),
                path: path.map(|path| path.to_string()),
            }
        })
        .collect();
    let room = LISTED - report.failures.len();
    let fixed = compared.fixed.iter().take(room).map(|name| TestFailure {
        name: name.clone(),
        standing: Standing::Fixed,
        message: None,
        path: None,
        line: None,
    });
    report.failures.extend(fixed);
}

/// What the command's own steps may have left out.
pub(super) fn left_out(
    task: &Task,
    draft: &Draft,
    command: &str,
    output: &str,
) -> Option<&'static str> {
    steps::hidden(&commands(task, command), output, |path| {
        let content = draft.read(&RelPath::new(path).ok()?).ok()??;
        content.text().ok().map(str::to_owned)
    })
}

fn missing(task: &Task, ran: &Attempt, command: &str) -> Option<Absent> {
    absent(ran, &programs(&commands(task, command)))
}

fn programs(commands: &[Vec<String>]) -> Vec<String> {
    commands
        .iter()
        .filter_map(|argv| argv.first().cloned())
        .collect()
}

/// The commands that the line itself names.
fn commands(task: &Task, command: &str) -> Vec<Vec<String>> {
    let line = Line::Shell(command.to_owned());
    let policy = task.shared.sandbox.policy();
    policy.judge(&line, task.shared.host.root().path()).commands
}

/// A run that wrote over sources (a formatter, a code generator, a test that mends what it tests) passed on its own text.
pub(super) fn changed_sources(scratch: &Scratch) -> Option<String> {
    let paths = match scratch.changed_sources().map_err(of_workspace) {
        Ok(paths) => paths,
        Err(failure) => return Some(failure.to_string()),
    };
    let paths: Vec<String> = paths
        .iter()
        .filter(|path| !LOCKS.contains(&path.name()))
        .map(ToString::to_string)
        .collect();
    (!paths.is_empty()).then(|| {
        format!(
            "the run changed {}: it passed on other text than the patch has",
            paths.join(", ")
        )
    })
}

pub(super) fn refuse(report: &mut TestReport, why: &str) {
    report.verdict = TestVerdict::Broken;
    report.output.push_str(&format!("\n[{why}]"));
}
