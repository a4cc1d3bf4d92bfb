//! Permission: asks a person about one action of the model and waits for the word. What is shown is what would be done, with
//! nothing hidden in it.

use crate::approvals::{Answer, Covers};
use crate::task::{End, Task};
use camino::Utf8Path;
use protocol::{
    Approval, ApprovalId, ApprovalOption, ApprovalState, CallId, Code, Covered, Failure,
    PermissionOption, Phase, Scope, Update, Wait,
};
use sandbox::Grant;
use std::time::Duration;

/// What is to be decided.
pub(crate) struct Question {
    /// One line for a person.
    pub title: String,
    /// What exactly would be done, one a line.
    pub details: Vec<String>,
    /// Why it is asked.
    pub reasons: Vec<String>,
    /// What an answer beyond `once` is about.
    pub covers: Covers,
}

/// Asks, unless the session knows the answer.
///
/// # Errors
/// `denied` where the answer is no or does not come, `cancelled`.
pub(crate) async fn ask(
    task: &Task,
    call: Option<&CallId>,
    question: Question,
) -> Result<(), Failure> {
    let approvals = &task.shared.approvals;
    let reasons = question.reasons.join("; ");
    let denied = |why: &str| {
        Failure::new(Code::Denied, format!("{why}: {reasons}"))
            .hint("find a way that needs no permission, or end and say what you need")
    };
    let details: Vec<String> = question.details.iter().map(|text| visible(text)).collect();
    match approvals.remembered(&task.session, &details) {
        Some(Answer::Yes(_)) => return Ok(()),
        Some(Answer::No(_)) => return Err(denied("permission was refused before")),
        None => {}
    }
    let deadline = task.shared.config.approval_timeout_seconds;
    let approval = Approval {
        id: ApprovalId(uuid::Uuid::now_v7().simple().to_string()),
        task: task.id.clone(),
        call: call.cloned(),
        title: visible(&question.title),
        details,
        reasons: question.reasons.iter().map(|text| visible(text)).collect(),
        options: options(&question.covers, task),
        covers: match &question.covers {
            Covers::Grants(grants) => grants.iter().map(covered).collect(),
            Covers::Once | Covers::Details | Covers::Setting { .. } => Vec::new(),
        },
        state: ApprovalState::Pending,
        deadline_seconds: deadline,
    };
    let internal = |end: End| Failure::new(Code::Internal, end.summary);
    let answer = approvals.ask(&task.session, approval.clone(), question.covers);
    let back = task.phase();
    task.enter(Phase::Waiting).map_err(internal)?;
    task.emit(Update::Approval {
        approval: approval.clone(),
    });
    task.emit(Update::Waiting {
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
    let (state, scope) = match answer {
        Some(Answer::Yes(scope)) => (ApprovalState::Allowed, Some(scope)),
        Some(Answer::No(scope)) => (ApprovalState::Rejected, Some(scope)),
        None => (ApprovalState::Rejected, None),
    };
    task.emit(Update::ApprovalResolved {
        id: approval.id,
        state,
        scope,
    });
    task.enter(back).map_err(internal)?;
    match answer {
        Some(Answer::Yes(_)) => Ok(()),
        Some(Answer::No(_)) => Err(denied("permission was refused")),
        None if task.cancel.is_cancelled() => Err(Failure::new(Code::Cancelled, "cancelled")),
        None => Err(denied("nobody answered in time")),
    }
}

/// The answers that a question takes. What no grant can name can be allowed again in this session only.
fn options(covers: &Covers, task: &Task) -> Vec<ApprovalOption> {
    use PermissionOption::{AllowAlways, AllowOnce, RejectAlways, RejectOnce};
    let option = |kind, scope, name: &str| ApprovalOption {
        kind,
        scope,
        name: name.to_owned(),
    };
    let root = task.shared.host.root().path();
    let mut options = vec![option(AllowOnce, Scope::Once, "Allow once")];
    let mut lasting_no = option(RejectAlways, Scope::Session, "Deny for this session");
    match covers {
        Covers::Once => {
            options.push(option(RejectOnce, Scope::Once, "Deny"));
            return options;
        }
        Covers::Details => {
            let name = "Allow exactly this for this session";
            options.push(option(AllowAlways, Scope::Session, name));
        }
        Covers::Grants(grants) => {
            let what: Vec<String> = grants.iter().map(|grant| shown(grant, root)).collect();
            let what = what.join(" and ");
            // What lies in one workspace means nothing in another.
            let local = grants.iter().any(|grant| grant.program.starts_with(root));
            let everywhere = task.shared.approvals.reaches_everywhere() && !local;
            for (scope, place) in [
                (Scope::Session, "for this session"),
                (Scope::Workspace, "in this workspace"),
                (Scope::Always, "in every workspace"),
            ] {
                if scope != Scope::Always || everywhere {
                    options.push(option(AllowAlways, scope, &format!("Allow {what} {place}")));
                }
            }
        }
        Covers::Setting { .. } => {
            let name = "Trust this workspace with it, until it changes";
            options.push(option(AllowAlways, Scope::Workspace, name));
            lasting_no = option(RejectAlways, Scope::Workspace, "Never, until it changes");
        }
    }
    options.push(option(RejectOnce, Scope::Once, "Deny"));
    options.push(lasting_no);
    options
}

/// A grant in a person's words: ``` `npm install …` ```.
fn shown(grant: &Grant, root: &Utf8Path) -> String {
    let name = grant.program.file_name().unwrap_or_default();
    let words = [&[name.to_owned()], grant.prefix.as_slice()].concat();
    let words: Vec<String> = words.iter().map(|word| visible(word)).collect();
    let open = grant.is_open() && !grant.program.starts_with(root);
    let more = if open { " …" } else { "" };
    format!("`{}{more}`", words.join(" "))
}

fn covered(grant: &Grant) -> Covered {
    Covered {
        program: grant.program.to_string(),
        prefix: grant.prefix.clone(),
    }
}

/// Control characters, invisible ones and bidirectional overrides as escapes: what is shown is what runs.
pub(crate) fn visible(text: &str) -> String {
    let sign = |c: char| match sandbox::is_unseen(c) && c != '\t' {
        true => c.escape_unicode().to_string(),
        false => c.to_string(),
    };
    text.chars().map(sign).collect()
}
