//! Commands: what the model or the project runs, where it runs and under which limits. Policy is asked first, then a person
//! where policy says so; only then is there a permit (S2).

use crate::approvals::Answer;
use crate::desk::Desk;
use crate::failure::of_workspace;
use crate::task::{End, Task};
use crate::tools::Output;
use protocol::{
    Approval, ApprovalId, ApprovalState, CallId, Code, Failure, FinishReason, Phase, TestReport,
    TestVerdict, Update, Wait,
};
use sandbox::{Access, Limits, Line, Outcome, RefusalKind};
use std::time::Duration;
use workspace::{Draft, Scratch};

/// Bytes of output that a model reads.
const SHOWN: usize = 16 * 1024;

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
    // The scratch tree has no repository, so git reads the user's; nothing there can change either way.
    let scratch = match acting && !text.trim_start().starts_with("git ") {
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
    let line = Line::Shell(text.to_owned());
    let permit_with = |approval| {
        desk.shared
            .sandbox
            .permit(line.clone(), access.clone(), approval, limits, &cwd, &[])
    };
    let permit = match permit_with(sandbox::Approval::None) {
        Ok(permit) => permit,
        Err(refusal) if refusal.kind == RefusalKind::Ask => {
            let verdict = desk.shared.sandbox.policy().judge(&line, &cwd);
            ask(desk, text, &verdict).await?;
            permit_with(sandbox::Approval::Given).map_err(of_refusal)?
        }
        Err(refusal) => return Err(of_refusal(refusal)),
    };
    let outcome = sandbox::exec(permit, desk.task.cancel.clone(), |_, _| {})
        .await
        .map_err(of_sandbox)?;
    told(outcome, seconds)
}

/// Runs the tests on a fresh scratch tree and fills in the report.
///
/// # Errors
/// An end: cancelled, or a sandbox that cannot confine them.
pub async fn test(task: &Task, draft: &Draft, report: &mut TestReport) -> Result<(), End> {
    let shared = &task.shared;
    let seconds = shared.config.test_timeout_seconds;
    let scratch = prepare(task, draft).await.map_err(End::of)?;
    let permit = shared.sandbox.permit(
        Line::Shell(report.command.clone()),
        Access::Scratch(scratch.path().to_owned()),
        sandbox::Approval::Configured,
        Limits {
            timeout: Duration::from_secs(seconds),
            ..Limits::default()
        },
        scratch.path(),
        &[],
    );
    let permit = match permit {
        Ok(permit) => permit,
        Err(refusal) if refusal.kind == RefusalKind::Unavailable => {
            return Err(End::failed(
                FinishReason::SandboxUnavailable,
                of_refusal(refusal),
            ));
        }
        Err(refusal) => {
            report.verdict = TestVerdict::Broken;
            report.output = of_refusal(refusal).to_string();
            return Ok(());
        }
    };
    let outcome = match sandbox::exec(permit, task.cancel.clone(), |_, _| {}).await {
        Ok(outcome) => outcome,
        Err(error) => {
            report.verdict = TestVerdict::Broken;
            report.output = of_sandbox(error).to_string();
            return Ok(());
        }
    };
    report.duration_ms = u64::try_from(outcome.duration.as_millis()).unwrap_or(u64::MAX);
    report.enforced_by = outcome.enforced_by.clone();
    let text = join(&outcome);
    crate::testing::read_counts(&text, report);
    report.output = tail(&text, SHOWN);
    report.verdict = match outcome.end {
        sandbox::End::Exit(0) => TestVerdict::Passed,
        // 126 and 127 are a shell's words for a program that is not there or cannot start.
        sandbox::End::Exit(126 | 127) => TestVerdict::Broken,
        sandbox::End::Exit(_) | sandbox::End::Signal(_) => TestVerdict::Failed,
        sandbox::End::Timeout => {
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

/// A scratch tree of disk, unsaved buffers as they are now, and the draft. Copying is no work for the runtime's threads.
async fn prepare(task: &Task, draft: &Draft) -> Result<Scratch, Failure> {
    let (state, draft) = (task.shared.state.clone(), draft.clone());
    let job =
        tokio::task::spawn_blocking(move || Scratch::prepare(&state, draft.snapshot(), &draft));
    match job.await {
        Ok(scratch) => scratch.map_err(of_workspace),
        Err(_) => Err(Failure::new(
            Code::Internal,
            "the scratch tree could not be made",
        )),
    }
}

async fn ask(desk: &Desk<'_>, line: &str, verdict: &sandbox::Verdict) -> Result<(), Failure> {
    let (task, approvals) = (desk.task, &desk.shared.approvals);
    // The line as it will run comes first; what it was understood to start follows where that is more than one thing.
    let mut details = vec![visible(line)];
    if verdict.commands.len() > 1 {
        details.extend(verdict.commands.iter().map(|argv| visible(&argv.join(" "))));
    }
    let denied = |why: &str| {
        let message = format!("{why}: {}", verdict.reasons.join("; "));
        Failure::new(Code::Denied, message)
            .hint("find a way that needs no permission, or end and say what you need")
    };
    match approvals.remembered(&task.session, &details) {
        Some(Answer::Yes) => return Ok(()),
        Some(Answer::No) => return Err(denied("the user said no to this before")),
        None => {}
    }
    let deadline = desk.shared.config.approval_timeout_seconds;
    let mut approval = Approval {
        id: ApprovalId(uuid::Uuid::now_v7().simple().to_string()),
        task: task.id.clone(),
        call: CallId(desk.call.to_string()),
        title: format!("Run {}", details[0]),
        details,
        reasons: verdict.reasons.clone(),
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
        Some(Answer::No) => Err(denied("the user said no")),
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

fn join(outcome: &Outcome) -> String {
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
fn tail(text: &str, limit: usize) -> String {
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

fn of_refusal(refusal: sandbox::Refusal) -> Failure {
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

fn of_sandbox(error: sandbox::Error) -> Failure {
    Failure::new(Code::CommandFailed, error.to_string())
}
