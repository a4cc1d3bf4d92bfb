//! Blocks: updates that are whole lines by themselves, one function each.

use super::style::{BAD, DIM, GOOD, Painted, STRONG, WARN, clean, clip, line};
use super::wrap::paragraph;
use protocol::{Approval, ApprovalState, Level, PatchState, PatchView, TaskRequest};
use std::fmt::Write;

/// What was asked, where, and of which model.
pub fn started(
    request: &TaskRequest,
    root: &str,
    model: &str,
    scripted: bool,
    width: usize,
) -> String {
    let task = match (request.prompt.trim(), &request.target) {
        ("", Some(target)) => format!("{:?} {}:{}", request.intent, target.path, target.start_line),
        (prompt, _) => prompt.to_owned(),
    };
    let task = paragraph(&clean(&task), width, "");
    let script = if scripted {
        ", whose answers were written beforehand"
    } else {
        ""
    };
    let place = format!("{}\nmodel {}{script}", line(root), line(model));
    format!("{}\n{}\n", Painted(STRONG, task), Painted(DIM, place))
}

/// What the agent itself said to the model.
pub fn nudge(text: &str, width: usize, indent: &str) -> String {
    let text = clip(text, width.saturating_sub(2));
    format!("{indent}{}\n", Painted(DIM, format!("↻ {text}")))
}

/// What the person said meanwhile, whole.
pub fn said(text: &str, width: usize, indent: &str) -> String {
    let text = paragraph(&clean(text.trim()), width.saturating_sub(2), "    ");
    let text = text.trim();
    format!("{indent}{}\n", Painted(STRONG, format!("› {text}")))
}

/// The files of a patch.
pub fn patch(patch: &PatchView, indent: &str) -> String {
    let mut out = String::new();
    for file in &patch.files {
        let (added, removed) = (format!("+{}", file.added), format!("−{}", file.removed));
        let path = line(&file.path);
        let _ = writeln!(
            out,
            "{indent}{path}  {} {}",
            Painted(GOOD, added),
            Painted(BAD, removed)
        );
    }
    out
}

/// Where a patch stands now.
pub fn state(state: PatchState, paths: &[String], indent: &str) -> String {
    let paths: Vec<String> = paths.iter().map(|path| line(path)).collect();
    let paths = paths.join(", ");
    match state {
        PatchState::Proposed => format!("{indent}{}\n", Painted(WARN, "waits for your decision")),
        PatchState::Landed => format!("{indent}{} {paths}\n", Painted(GOOD, "✔ in your files:")),
        PatchState::Refused => format!(
            "{indent}{}\n",
            Painted(WARN, "refused; your files are as they were")
        ),
        PatchState::Undone => format!("{indent}{} {paths}\n", Painted(WARN, "taken back:")),
    }
}

/// A question to the person.
pub fn question(approval: &Approval, indent: &str) -> String {
    let mut out = format!(
        "{indent}{}\n",
        Painted(WARN, format!("? {}", line(&approval.title)))
    );
    // One detail that the title says already is enough; what a line starts is always shown one by one.
    let said = approval.details.first().is_some_and(|first| {
        approval.title.ends_with(first.as_str()) && line(first) == first.as_str()
    });
    for detail in approval.details.iter().skip(usize::from(said)) {
        let _ = writeln!(out, "{indent}    {}", Painted(STRONG, line(detail)));
    }
    for reason in &approval.reasons {
        let _ = writeln!(out, "{indent}  {}", Painted(DIM, line(reason)));
    }
    out
}

/// How a question was answered.
pub fn answered(state: ApprovalState, indent: &str) -> String {
    let (style, word) = match state {
        ApprovalState::Allowed => (GOOD, "allowed"),
        ApprovalState::Rejected => (WARN, "refused"),
        ApprovalState::Pending => (DIM, "asked"),
    };
    format!("{indent}{}\n", Painted(style, word))
}

/// What is waited for.
pub fn waiting(seconds: Option<u64>, message: &str, indent: &str) -> String {
    let limit = seconds
        .map(|seconds| format!(" (at most {seconds} s)"))
        .unwrap_or_default();
    format!(
        "{indent}{}\n",
        Painted(WARN, format!("… {}{limit}", line(message)))
    )
}

/// Something worth knowing.
pub fn notice(level: Level, message: &str, hint: Option<&str>, indent: &str) -> String {
    let (style, sign) = match level {
        Level::Info => (DIM, "·"),
        Level::Warning => (WARN, "!"),
        Level::Error => (BAD, "✗"),
    };
    let mut out = format!(
        "{indent}{}\n",
        Painted(style, format!("{sign} {}", clean(message)))
    );
    if let Some(hint) = hint {
        let _ = writeln!(out, "{indent}  {}", Painted(DIM, clean(hint)));
    }
    out
}
