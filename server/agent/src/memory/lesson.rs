//! Lesson: what a task teaches without asking a model: what made red tests green, the test command that worked, a command in the place
//! of one that could not run, and rules that a person gave while it ran. A fold of the task's events, so equal tasks teach the same.

use super::{Remembered, words};
use protocol::{
    FinishReason, Intent, MemoryAuthor, MemoryKind, Speaker, Standing, TaskId, TaskRequest,
    TestReport, TestVerdict, ToolCall, ToolResult, Update,
};
use serde_json::Value;
use workspace::{ChangeSet, Content, RelPath};

/// Tests, files and names in a file that are named at most.
const MOST_TESTS: usize = 3;
const MOST_FILES: usize = 5;
const MOST_NAMES: usize = 4;
/// Bytes of an error that are quoted, and of a command and of a rule that are kept at all.
const LONGEST_ERROR: usize = 160;
const LONGEST_COMMAND: usize = 200;
const LONGEST_RULE: usize = 240;
/// Commands and rules that one task teaches at most.
const MOST_COMMANDS: usize = 3;
const MOST_RULES: usize = 3;

/// What happened so far, as far as it can teach something.
#[derive(Debug, Clone, Default)]
pub(crate) struct Course {
    /// The first red run.
    red: Option<TestReport>,
    green: Option<TestReport>,
    calls: Vec<ToolCall>,
    /// A command that could not run as it was written, and the last line of what it said.
    broken: Option<(String, String)>,
    /// Such a command with one that ran in its place.
    mended: Vec<(String, String, String)>,
    opened: bool,
    rules: Vec<String>,
    changed: Vec<Changed>,
}

/// A file that the patch changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Changed {
    path: String,
    /// The definitions in it that are new or not what they were.
    names: Vec<String>,
}

impl Course {
    /// Takes one more fact in.
    pub(crate) fn apply(&mut self, update: &Update) {
        match update {
            Update::Test { report } => match report.verdict {
                TestVerdict::Failed if self.red.is_none() => self.red = Some(report.clone()),
                TestVerdict::Passed => self.green = Some(report.clone()),
                _ => {}
            },
            Update::ToolCall { call } if call.name == "run_command" => {
                self.calls.push(call.clone())
            }
            Update::ToolResult { result } => self.answered(result),
            // With another draft it is not the command that made the difference.
            Update::Draft { .. } => self.broken = None,
            Update::Prompt {
                by: Speaker::User,
                text,
            } if self.opened => self.rules.extend(rules(text)),
            Update::Prompt {
                by: Speaker::User, ..
            } => self.opened = true,
            _ => {}
        }
    }

    /// Takes in what the patch changes.
    pub(crate) fn changed(&mut self, change: &ChangeSet) {
        self.changed = change.files.iter().map(changed).collect();
    }

    fn answered(&mut self, result: &ToolResult) {
        let Some(at) = self.calls.iter().position(|call| call.id == result.id) else {
            return;
        };
        let call = self.calls.remove(at);
        let (Some(line), Some(code)) = (
            call.input.get("command").and_then(Value::as_str),
            result.exit_code,
        ) else {
            return;
        };
        let line = line.trim();
        if line.contains('\n') || line.len() > LONGEST_COMMAND {
            return;
        }
        if code != 0 {
            if could_not_run(code, &result.output) {
                self.broken = Some((line.to_owned(), last_line(&result.output)));
            }
            return;
        }
        if let Some((failed, said)) = self.broken.take_if(|(failed, _)| is_variant(failed, line)) {
            self.mended.push((failed, said, line.to_owned()));
        }
    }

    /// What it teaches, once it has ended so.
    pub(crate) fn lessons(
        &self,
        task: &TaskId,
        request: &TaskRequest,
        end: FinishReason,
    ) -> Vec<Remembered> {
        use FinishReason::{BlockedByCritic, NoChange, TestFailed, Unverified, Verified};
        let learnt = |kind, text, paths: Vec<String>| Remembered {
            kind: Some(kind),
            text,
            paths,
            by: MemoryAuthor::Agent,
            task: Some(task.clone()),
        };
        let mut lessons = Vec::new();
        if end == Verified
            && let Some(green) = &self.green
        {
            let paths: Vec<String> = self.changed.iter().map(|file| file.path.clone()).collect();
            let (kind, text) = self.what_helped(request, green);
            if !paths.is_empty() {
                lessons.push(learnt(kind, text, paths));
            }
            if green.command.len() <= LONGEST_COMMAND && !green.command.contains('\n') {
                let text = format!("The tests run with `{}`.", green.command);
                lessons.push(learnt(MemoryKind::Command, text, Vec::new()));
            }
        }
        if matches!(
            end,
            Verified | Unverified | NoChange | TestFailed | BlockedByCritic
        ) {
            for (failed, said, worked) in self.mended.iter().take(MOST_COMMANDS) {
                let why = if said.is_empty() {
                    String::new()
                } else {
                    format!(" ({said})")
                };
                let text = format!("`{failed}` does not run here{why}; `{worked}` does.");
                lessons.push(learnt(MemoryKind::Command, text, Vec::new()));
            }
            for rule in self.rules.iter().take(MOST_RULES) {
                let text = format!("The user said while the agent worked: {rule}");
                lessons.push(learnt(MemoryKind::Convention, text, Vec::new()));
            }
        }
        lessons
    }

    /// What was wrong, as far as that is known, and what changed.
    fn what_helped(&self, request: &TaskRequest, green: &TestReport) -> (MemoryKind, String) {
        let title = crate::prompt::title(request);
        let files = files(&self.changed);
        let fixed: Vec<&str> = green
            .failures
            .iter()
            .filter(|one| one.standing == Standing::Fixed)
            .map(|one| one.name.as_str())
            .collect();
        let diagnostic = request.target.as_ref().and_then(|target| {
            let one = target.diagnostics.first()?;
            (request.intent == Intent::Fix)
                .then(|| format!("{}: {}", target.path, words::cut(one, LONGEST_ERROR)))
        });
        let wrong = match (&self.red, fixed.as_slice(), diagnostic) {
            (Some(red), ..) => Some(failing(red)),
            (None, [], Some(diagnostic)) => Some(diagnostic),
            (None, [], None) => None,
            (None, fixed, _) => Some(named(fixed)),
        };
        match wrong {
            Some(wrong) => (
                MemoryKind::Fix,
                format!(
                    "{wrong} was wrong in the task \"{title}\"; it was right with changes in {files}."
                ),
            ),
            None => (
                MemoryKind::Note,
                format!("\"{title}\" was done with changes in {files}, and the tests passed."),
            ),
        }
    }
}

/// The failing tests of a run with what the first of them said, else the last line of its output.
fn failing(report: &TestReport) -> String {
    let own = report
        .failures
        .iter()
        .filter(|one| one.standing == Standing::Introduced);
    let own: Vec<&str> = own.map(|one| one.name.as_str()).collect();
    let names = match own.as_slice() {
        [] => report.failing.iter().map(String::as_str).collect(),
        _ => own,
    };
    let said = report
        .failures
        .iter()
        .find_map(|one| one.message.as_deref());
    let said = said.map(|said| {
        words::cut(
            said.trim().lines().next().unwrap_or_default(),
            LONGEST_ERROR,
        )
    });
    match (names.as_slice(), said.filter(|said| !said.is_empty())) {
        ([], _) => match last_line(&report.output).as_str() {
            "" => format!("`{}`", report.command),
            line => format!("`{}` ({line})", report.command),
        },
        (names, None) => named(names),
        (names, Some(said)) => format!("{} ({said})", named(names)),
    }
}

fn named(names: &[&str]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(MOST_TESTS)
        .map(|name| words::cut(name, LONGEST_ERROR))
        .collect();
    match names.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn files(changed: &[Changed]) -> String {
    let mut shown: Vec<String> = Vec::new();
    for file in changed.iter().take(MOST_FILES) {
        shown.push(match file.names.as_slice() {
            [] => file.path.clone(),
            names => format!("{} ({})", file.path, names.join(", ")),
        });
    }
    if changed.len() > MOST_FILES {
        shown.push(format!("{} more files", changed.len() - MOST_FILES));
    }
    shown.join(", ")
}

fn changed(file: &workspace::FileEdit) -> Changed {
    let after = file.after.clone().map(|bytes| Content::new(bytes, None));
    let old = definitions(&file.path, file.base.as_ref());
    let mut names: Vec<String> = Vec::new();
    for one in definitions(&file.path, after.as_ref()) {
        if !old.contains(&one) && !names.contains(&one.0) {
            names.push(one.0);
        }
    }
    names.truncate(MOST_NAMES);
    Changed {
        path: file.path.to_string(),
        names,
    }
}

/// Definitions with their text.
fn definitions(path: &RelPath, content: Option<&Content>) -> Vec<(String, String)> {
    let Some(Ok((text, _))) = content.map(|content| content.decoded_of(path)) else {
        return Vec::new();
    };
    let lines: Vec<&str> = text.lines().collect();
    let symbols = index::outline(path.as_str(), &text).into_iter();
    symbols
        .map(|it| {
            let end = (it.end as usize).min(lines.len());
            let own = lines
                .get((it.start.max(1) as usize - 1)..end)
                .unwrap_or_default();
            (it.name, own.join("\n"))
        })
        .collect()
}

/// Whether a command failed by the way it was written, not by what it found: no such program, no such option.
fn could_not_run(code: i32, output: &str) -> bool {
    const SIGNS: [&str; 12] = [
        "command not found",
        "no such option",
        "unknown option",
        "unrecognized option",
        "unrecognized argument",
        "unknown command",
        "unknown flag",
        "invalid option",
        "unexpected argument",
        "missing script",
        "no module named",
        "no such subcommand",
    ];
    if matches!(code, 126 | 127) {
        return true;
    }
    let tail = crate::command::tail(output, 2_000).to_lowercase();
    SIGNS.iter().any(|sign| tail.contains(sign))
}

/// Whether a command is another way to write one that failed: by the same program, or with half of its words.
fn is_variant(failed: &str, worked: &str) -> bool {
    let words = |line: &str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (a, b) = (words(failed), words(worked));
    if a == b || a.is_empty() || b.is_empty() {
        return false;
    }
    let shared = a.iter().filter(|word| b.contains(word)).count();
    a.first() == b.first() || shared * 2 >= a.len().min(b.len()).max(2)
}

fn last_line(output: &str) -> String {
    let lines = output.lines().rev().map(str::trim);
    let last = lines
        .into_iter()
        .find(|line| !line.is_empty() && !line.starts_with('['));
    words::cut(last.unwrap_or_default(), LONGEST_ERROR)
}

/// Sentences of a person that give a rule: those that begin with "always" or "never".
fn rules(text: &str) -> Vec<String> {
    let lines = text
        .lines()
        .map(|line| line.trim_start_matches(['-', '*', '>', ' ', '\t']));
    let sentences = lines.flat_map(|line| {
        line.split_inclusive(". ")
            .flat_map(|part| part.split_inclusive("! "))
            .map(str::trim)
    });
    sentences
        .filter(|one| {
            let first = one.split_whitespace().next().unwrap_or_default();
            let is_rule = ["always", "never"]
                .iter()
                .any(|word| first.eq_ignore_ascii_case(word));
            is_rule && one.len() <= LONGEST_RULE && one.split_whitespace().count() >= 3
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests;
