//! Commands: what the model runs, where it runs and under which limits. Policy is asked first, then a person
//! where policy says so; only then is there a permit (S2).

use crate::approvals::Covers;
use crate::desk::Desk;
use crate::failure::of_workspace;
use crate::permission::{self, Question};
use crate::task::Task;
use crate::tools::Output;
use protocol::{Code, Failure, Level, Phase, Update};
use sandbox::{Access, Limits, Line, Outcome, Permit, Refusal, RefusalKind};
use std::time::Duration;
use workspace::{Draft, Scratch};

/// Bytes of output that a model reads.
pub(crate) const SHOWN: usize = 16 * 1024;

/// Runs a command of the model.
///
/// # Errors
/// `denied` by policy or a person, `timeout`, `cancelled`, `sandbox_unavailable`; a command that ran and failed is an answer.
pub async fn run(desk: &mut Desk<'_>, text: &str, timeout: Option<u64>) -> Result<Output, Failure> {
    let tools = &desk.shared.tools;
    if !tools.allow_exec {
        return Err(Failure::new(
            Code::Denied,
            "commands are switched off (tools.allow_exec)",
        ));
    }
    let limit = tools.exec_timeout_seconds;
    let seconds = timeout.unwrap_or(limit).clamp(1, limit.max(1));
    let limits = Limits {
        timeout: Duration::from_secs(seconds),
        ..Limits::default()
    };
    let acting = matches!(desk.phase, Phase::Act | Phase::Repair);
    let line = Line::Shell(text.to_owned());
    let verdict = desk
        .shared
        .sandbox
        .policy()
        .judge(&line, desk.shared.host.root().path());
    let scratch = match acting && !reads_git(&verdict) {
        true => Some(prepare(desk.task, desk.draft).await?),
        false => None,
    };
    let (access, cwd) = match &scratch {
        Some(scratch) => (
            Access::Scratch(scratch.path().to_owned()),
            scratch.path().to_owned(),
        ),
        None if acting => (Access::Draft, desk.shared.host.root().path().to_owned()),
        None => (Access::ReadOnly, desk.shared.host.root().path().to_owned()),
    };
    let permit_with = |approval| {
        desk.shared
            .sandbox
            .permit(line.clone(), access.clone(), approval, limits, &cwd, &[])
    };
    let mut permit = permit_with(sandbox::Approval::None);
    if is_asked(&permit) && granted(desk, &line, &verdict)? {
        permit = permit_with(sandbox::Approval::Remembered);
    }
    let permit = match permit {
        Err(refusal) if refusal.kind == RefusalKind::Ask => {
            let question = question(text, &verdict, refusal.reasons);
            permission::ask(desk.task, Some(desk.call), question).await?;
            permit_with(sandbox::Approval::Given)
        }
        other => other,
    };
    let permit = permit.map_err(of_refusal)?;
    let outcome = sandbox::exec(permit, desk.task.cancel.clone(), |_, _| {})
        .await
        .map_err(of_sandbox)?;
    let mut output = told(outcome, seconds)?;
    if !acting && output.exit_code != Some(0) {
        output.text.push_str(&format!(
            "\n[in phase {} nothing can be written; once update_plan has stated the plan, commands run in a writable copy]",
            desk.phase
        ));
    }
    Ok(output)
}

/// Whether a line is git with at most filters behind it: the scratch tree has no repository, so it reads the user's, where nothing
/// can change.
pub fn reads_git(verdict: &sandbox::Verdict) -> bool {
    const FILTERS: [&str; 12] = [
        "head", "tail", "grep", "wc", "sort", "uniq", "cut", "tr", "cat", "nl", "echo", "true",
    ];
    let names = || verdict.commands.iter().filter_map(|argv| argv.first());
    names().any(|name| name == "git")
        && names().all(|name| name == "git" || FILTERS.contains(&name.as_str()))
}

fn is_asked(permit: &Result<Permit, Refusal>) -> bool {
    matches!(permit, Err(refusal) if refusal.kind == RefusalKind::Ask)
}

/// Whether a person has allowed all of this before.
fn granted(desk: &Desk<'_>, line: &Line, verdict: &sandbox::Verdict) -> Result<bool, Failure> {
    if verdict.decision != sandbox::Decision::Ask {
        return Ok(false);
    }
    let grants = match desk.shared.approvals.grants(&desk.task.session) {
        Ok(grants) => grants,
        Err(failure) => {
            desk.emit(Update::Notice {
                level: Level::Warning,
                message: format!(
                    "what you allowed before does not count: {}",
                    failure.message
                ),
                hint: failure.hint,
            });
            return Ok(false);
        }
    };
    let root = desk.shared.host.root().path();
    let policy = desk.shared.sandbox.policy();
    Ok(policy.judge_granted(line, root, &grants).decision == sandbox::Decision::Allow)
}

/// The line as it will run comes first; what it was understood to start follows where that is more than one thing.
fn question(line: &str, verdict: &sandbox::Verdict, reasons: Vec<String>) -> Question {
    let mut details = vec![line.to_owned()];
    if verdict.commands.len() > 1 {
        details.extend(verdict.commands.iter().map(|argv| argv.join(" ")));
    }
    Question {
        title: format!("Run {line}"),
        details,
        reasons,
        covers: match verdict.grants() {
            [] => Covers::Details,
            grants => Covers::Grants(grants.to_vec()),
        },
    }
}

/// A scratch tree of disk, unsaved buffers and the draft, which no test ever runs in.
async fn prepare(task: &Task, draft: &Draft) -> Result<Scratch, Failure> {
    let (state, draft) = (task.shared.state.clone(), draft.clone());
    off_thread(task, move || {
        Scratch::commands(&state, draft.snapshot(), &draft)
    })
    .await
}

/// Makes a tree. Copying is no work for the runtime's threads, and a cancel does not wait for it.
pub(crate) async fn off_thread<T: Send + 'static>(
    task: &Task,
    make: impl FnOnce() -> Result<T, workspace::Error> + Send + 'static,
) -> Result<T, Failure> {
    tokio::select! {
        made = tokio::task::spawn_blocking(make) => match made {
            Ok(made) => made.map_err(of_workspace),
            Err(_) => Err(Failure::new(Code::Internal, "the scratch tree could not be made")),
        },
        () = task.cancel.cancelled() => Err(Failure::new(Code::Cancelled, "cancelled")),
    }
}

fn told(outcome: Outcome, seconds: u64) -> Result<Output, Failure> {
    let text = tail(&join(&outcome), SHOWN);
    let head = match outcome.end {
        sandbox::End::Exit(code) => format!("exit code {code}"),
        sandbox::End::Signal(signal) => format!("ended by signal {signal}"),
        sandbox::End::Timeout => {
            let failure = Failure::new(
                Code::Timeout,
                format!("stopped after {seconds} s; output so far:\n{text}"),
            );
            return Err(failure.hint("narrow the command, or give timeout_seconds"));
        }
        sandbox::End::Cancelled => return Err(Failure::new(Code::Cancelled, "cancelled")),
        over => over.limit().unwrap_or_default(),
    };
    let exit_code = match outcome.end {
        sandbox::End::Exit(code) => Some(code),
        _ => None,
    };
    Ok(Output {
        text: format!("{head}\n{text}"),
        exit_code,
        enforced_by: outcome.enforced_by,
    })
}

pub(crate) fn join(outcome: &Outcome) -> String {
    match (outcome.stdout.is_empty(), outcome.stderr.is_empty()) {
        (_, true) => outcome.stdout.clone(),
        (true, false) => outcome.stderr.clone(),
        (false, false) => format!(
            "{}\n[stderr]\n{}",
            outcome.stdout.trim_end(),
            outcome.stderr
        ),
    }
}

/// The last `limit` bytes, from a line's start.
pub(crate) fn tail(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let from = text.ceil_char_boundary(text.len() - limit);
    let from = text[from..].find('\n').map_or(from, |at| from + at + 1);
    format!("[{from} bytes before this are left out]\n{}", &text[from..])
}

pub(crate) fn of_refusal(refusal: sandbox::Refusal) -> Failure {
    let code = match refusal.kind {
        RefusalKind::Ask | RefusalKind::Deny => Code::Denied,
        RefusalKind::Unavailable => Code::SandboxUnavailable,
    };
    let failure = Failure::new(code, refusal.reasons.join("; "));
    match refusal.kind {
        RefusalKind::Unavailable => failure
            .hint("`animus doctor` shows what is missing; sandbox.degrade: allow runs without it"),
        RefusalKind::Ask | RefusalKind::Deny => failure,
    }
}

pub(crate) fn of_sandbox(error: sandbox::Error) -> Failure {
    Failure::new(Code::CommandFailed, error.to_string())
}
