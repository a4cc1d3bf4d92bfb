//! Ending: the last lines of a task: how it ended, what it cost, where the patch is and how to undo it.

use super::figure;
use super::style::{BAD, DIM, GOOD, Painted, STRONG, WARN, clean};
use super::wrap::paragraph;
use protocol::{Failure, FinishReason, PatchId, PatchState, Usage};
use std::fmt::Write;

/// What `finished` says.
pub struct Ending<'a> {
    /// How it ended.
    pub reason: FinishReason,
    /// One or two sentences.
    pub summary: &'a str,
    /// What went wrong, if something did.
    pub failure: Option<&'a Failure>,
    /// Tokens and money of the whole task.
    pub usage: &'a Usage,
    /// Measured wall time.
    pub duration_ms: u64,
}

impl Ending<'_> {
    /// The lines, text at most `width` columns wide after the indent.
    pub fn lines(&self, width: usize, indent: &'static str) -> String {
        let (style, sign) = match self.reason {
            FinishReason::Verified | FinishReason::NoChange => (GOOD, "✔"),
            FinishReason::Unverified | FinishReason::NeedsUser | FinishReason::Cancelled => {
                (WARN, "!")
            }
            _ => (BAD, "✘"),
        };
        let word = self.reason.as_str().replace('_', " ");
        let mut out = format!("\n{}\n", Painted(style.bold(), format!("{sign} {word}")));
        let summary = self.summary.trim();
        if !summary.is_empty() {
            let _ = writeln!(out, "{}", paragraph(&clean(summary), width, indent));
        }
        if let Some(failure) = self.failure {
            if failure.message.trim() != summary {
                let _ = writeln!(
                    out,
                    "{}",
                    Painted(BAD, paragraph(&clean(&failure.message), width, indent))
                );
            }
            if let Some(hint) = &failure.hint {
                let _ = writeln!(out, "{}", paragraph(&clean(hint), width, indent));
            }
        }
        let spent = format!(
            "{} · {}",
            figure::cost(self.usage),
            figure::time(self.duration_ms)
        );
        let _ = writeln!(out, "{indent}{}", Painted(DIM, spent));
        out
    }
}

/// What a person can do with the patch next. `program` is how the commands begin.
pub fn next_steps(id: &PatchId, state: PatchState, program: &str, indent: &str) -> String {
    let id = short(id.as_str());
    let mut steps = vec![("see the patch", format!("{program} patch show {id}"))];
    match state {
        PatchState::Landed => steps.push(("undo it", format!("{program} patch undo {id}"))),
        PatchState::Proposed => steps.push(("take it", format!("{program} patch accept {id}"))),
        PatchState::Refused | PatchState::Undone => {}
    }
    let mut out = "\n".to_owned();
    for (label, command) in steps {
        let _ = writeln!(
            out,
            "{indent}{} {}",
            Painted(DIM, format!("{label:<14}")),
            Painted(STRONG, command)
        );
    }
    out
}

/// As much of an id as names it in its workspace: the time part of our own ids, other ids whole.
fn short(id: &str) -> &str {
    match id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => &id[..12],
        false => id,
    }
}
