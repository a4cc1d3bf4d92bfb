//! Material: what the critic reads. It never has more bytes than the critic's context takes, and whatever is left out is said, to the
//! critic and to the user.

use crate::compaction::middle_out;
use crate::task::Task;
use crate::{critic, prompt};
use protocol::{Level, StepStatus, TestReport, TestVerdict, Update};
use std::fmt::Write;
use workspace::{Draft, FileView};

/// Bytes of diff that a critic reads at most; files past them are named only.
const MOST_DIFF: usize = 256 * 1024;
/// Bytes that count as a token: code has fewer than words.
const BYTES_A_TOKEN: u64 = 3;
/// The parts of the whole that the task's words and the list of files may have.
const TASK_PART: usize = 2;
const FILES_PART: usize = 8;
/// The part of it that the project's guides and memories may have.
const KNOWN_PART: usize = 6;

impl Task {
    /// Bytes that the critic reads, so that its answer fits behind them.
    pub(super) fn critic_bytes(&self, choice: Option<&str>) -> usize {
        let known = self.models.context_tokens(llm::Role::Critic, choice);
        let context = known.unwrap_or(self.shared.config.max_context_tokens);
        let bytes = self.without_answer(context).saturating_mul(BYTES_A_TOKEN);
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let fixed = prompt::CRITIC.len() + critic::asked().to_string().len();
        bytes.saturating_sub(fixed)
    }

    /// What the critic reads, in about `most` bytes: what is too long of the task, the files and the diff is cut, and it is said.
    pub(super) fn material(&self, draft: &Draft, most: usize) -> String {
        let request = prompt::request(&self.request);
        let request = llm::mask(&request);
        let mut text = format!(
            "Task:\n{}\n",
            middle_out(request.trim_end(), most / TASK_PART)
        );
        text.push_str(&llm::mask(&self.known_again(most / KNOWN_PART)));
        let seen = self.seen.lock().clone();
        if let Some(plan) = seen.plan.as_ref().filter(|plan| !plan.entries.is_empty()) {
            text.push_str("\nPlan:\n");
            for step in &plan.entries {
                let sign = match step.status {
                    StepStatus::Completed => "x",
                    StepStatus::InProgress => "~",
                    StepStatus::Pending => " ",
                };
                let _ = writeln!(text, "- [{sign}] {}", step.content);
            }
        }
        let _ = writeln!(
            text,
            "\nTests: {}",
            tests(seen.test.as_ref(), draft.revision())
        );
        let delta = self.diagnostics_delta(draft);
        let none = "no file has more or fewer syntax errors than before";
        let _ = writeln!(
            text,
            "Diagnostics: {}",
            if delta.is_empty() { none } else { &delta }
        );
        let view = draft.change_set().view();
        let files: Vec<String> = view
            .iter()
            .map(|file| format!("{} (+{} -{})", file.path, file.added, file.removed))
            .collect();
        let files = middle_out(&files.join("\n"), most / FILES_PART);
        let _ = writeln!(text, "\nFiles:\n{files}");
        if self.shared.config.enable_self_diff {
            text.push_str("\nDiff:\n");
            let left = most.saturating_sub(text.len()).min(MOST_DIFF);
            text.push_str(&self.shown_diffs(&view, left));
        }
        text
    }

    /// The diffs, keys masked in each by itself. What is too long is cut at its end, the longest first, and a person is told.
    fn shown_diffs(&self, view: &[FileView], most: usize) -> String {
        let mut by_size: Vec<usize> = (0..view.len()).collect();
        by_size.sort_by_key(|at| view[*at].diff.len());
        let (mut left, mut shown) = (most, vec![0; view.len()]);
        for (taken, at) in by_size.iter().enumerate() {
            let share = left / (view.len() - taken);
            shown[*at] = view[*at].diff.len().min(share);
            left -= shown[*at];
        }
        let mut text = String::new();
        for (file, most) in view.iter().zip(shown) {
            let end = file.diff.floor_char_boundary(most);
            text.push_str(&llm::mask(&file.diff[..end]));
            let rest = file.diff.len() - end;
            if rest > 0 {
                let _ = writeln!(
                    text,
                    "\n[{rest} more bytes of the diff of {} are not shown]",
                    file.path
                );
                self.emit(Update::Notice {
                    level: Level::Warning,
                    message: format!(
                        "the critic does not see the last {rest} bytes of the diff of {}",
                        file.path
                    ),
                    hint: Some("look at that file yourself".to_owned()),
                });
            }
        }
        text
    }

    /// Files whose number of syntax errors the draft changes.
    fn diagnostics_delta(&self, draft: &Draft) -> String {
        let count = |path: &str, bytes: Option<&[u8]>| {
            let text = std::str::from_utf8(bytes.unwrap_or_default()).ok()?;
            index::error_count(path, text)
        };
        let files = draft.change_set().files;
        let changed = files.iter().filter_map(|file| {
            let path = file.path.as_str();
            let before = count(path, file.base.as_ref().map(|base| base.bytes.as_ref()))?;
            let now = count(path, file.after.as_deref())?;
            (before != now).then(|| format!("{path}: {before} syntax errors before, {now} now"))
        });
        changed.collect::<Vec<_>>().join("; ")
    }
}

/// What the last run of the tests says about this revision.
fn tests(report: Option<&TestReport>, revision: u64) -> String {
    let Some(report) = report.filter(|report| report.revision == revision) else {
        return "none ran on this revision".to_owned();
    };
    let word = match report.verdict {
        TestVerdict::Passed => "passed",
        TestVerdict::Failed => "failed",
        TestVerdict::Broken | TestVerdict::Running => "could not be judged",
    };
    let mut text = format!("`{}` {word}", report.command);
    for (count, what) in [(report.passed, "passed"), (report.failed, "failed")] {
        if let Some(count) = count {
            let _ = write!(text, ", {count} {what}");
        }
    }
    if !report.failing.is_empty() {
        let _ = write!(text, ": {}", report.failing.join(", "));
    }
    text
}
