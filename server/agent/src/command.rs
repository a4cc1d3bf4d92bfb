//! Commands: what the model runs, where it runs and under which limits. Policy is asked first, then a person
//! where policy says so; only then is there a permit (S2).

use crate::approvals::Answer;
use crate::desk::Desk;
use crate::failure::of_workspace;
use crate::task::{End, Task};
use crate::tools::Output;
use protocol::{Approval, ApprovalId, ApprovalState, CallId, Code, Failure, Phase, Update, Wait};
use sandbox::{Access, Limits, Line, Outcome, RefusalKind};
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
    // The scratch tree has no repository, so a lone git reads the user's; nothing there can change either way.
    let lone_git = matches!(verdict.commands.as_slice(), [argv] if argv.first().is_some_and(|name| name == "git"));
    let scratch = match acting && !lone_git {
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
    let permit = match permit_with(sandbox::Approval::None) {
        Ok(permit) => permit,
        Err(refusal) if refusal.kind == RefusalKind::Ask => {
            ask(desk, text, &verdict, &refusal.reasons).await?;
            permit_with(sandbox::Approval::Given).map_err(of_refusal)?
        }
        Err(refusal) => return Err(of_refusal(refusal)),
    };
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

/// A scratch tree of disk, unsaved buffers and the draft. Copying is no work for the runtime's threads, and a cancel does not
/// wait for it.
pub(crate) async fn prepare(task: &Task, draft: &Draft) -> Result<Scratch, Failure> {
    let (state, draft) = (task.shared.state.clone(), draft.clone());
    let job =
        tokio::task::spawn_blocking(move || Scratch::prepare(&state, draft.snapshot(), &draft));
    tokio::select! {
        made = job => match made {
            Ok(scratch) => scratch.map_err(of_workspace),
            Err(_) => Err(Failure::new(Code::Internal, "the scratch tree could not be made")),
        },
        () = task.cancel.cancelled() => Err(Failure::new(Code::Cancelled, "cancelled")),
    }
}

async fn ask(
    desk: &Desk<'_>,
    line: &str,
    verdict: &sandbox::Verdict,
    reasons: &[String],
) -> Result<(), Failure> {
    let (task, approvals) = (desk.task, &desk.shared.approvals);
    // The line as it will run comes first; what it was understood to start follows where that is more than one thing.
    let mut details = vec![visible(line)];
    if verdict.commands.len() > 1 {
        details.extend(verdict.commands.iter().map(|argv| visible(&argv.join(" "))));
    }
    let denied = |why: &str| {
        let message = format!("{why}: {}", reasons.join("; "));
        Failure::new(Code::Denied, message)
            .hint("find a way that needs no permission, or end and say what you need")
    };
    match approvals.remembered(&task.session, &details) {
        Some(Answer::Yes) => return Ok(()),
        Some(Answer::No) => return Err(denied("permission was refused before")),
        None => {}
    }
    let deadline = desk.shared.config.approval_timeout_seconds;
    let mut approval = Approval {
        id: ApprovalId(uuid::Uuid::now_v7().simple().to_string()),
        task: task.id.clone(),
        call: CallId(desk.call.to_string()),
        title: format!("Run {}", details[0]),
        details,
        reasons: reasons.to_vec(),
        state: ApprovalState::Pending,
        deadline_seconds: deadline,
    };
    let internal = |end: End| Failure::new(Code::Internal, end.summary);
    let answer = approvals.ask(&task.session, approval.clone());
    task.enter(Phase::Waiting).map_err(internal)?;
    desk.emit(Update::Approval {
        approval: approval.clone(),
    });
    desk.emit(Update::Waiting {
        wait: Wait::Approval,
        seconds: Some(deadline),
        message: approval.title.clone(),
    });
    let answer = tokio::select! {
        answer = answer => answer.ok(),
        () = tokio::time::sleep(Duration::from_secs(deadline)) => None,
        () = task.cancel.cancelled() => None,
    };
    approvals.close(&approval.id);
    approval.state = if answer == Some(Answer::Yes) {
        ApprovalState::Allowed
    } else {
        ApprovalState::Rejected
    };
    desk.emit(Update::ApprovalResolved {
        id: approval.id,
        state: approval.state,
    });
    task.enter(Phase::Tool).map_err(internal)?;
    match answer {
        Some(Answer::Yes) => Ok(()),
        Some(Answer::No) => Err(denied("permission was refused")),
        None if task.cancel.is_cancelled() => Err(Failure::new(Code::Cancelled, "cancelled")),
        None => Err(denied("nobody answered in time")),
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

/// Control characters and bidirectional overrides as escapes: what is shown is what runs.
fn visible(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|c| {
            if hidden(c) {
                c.escape_unicode().to_string()
            } else {
                c.to_string()
            }
        })
        .collect()
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
