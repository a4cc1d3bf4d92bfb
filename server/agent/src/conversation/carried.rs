//! Carried: what must outlive every shortening of a conversation, told by code and never by a model: the user's words, the plan, what
//! still fails, and the files. A fold of events like the conversation itself. The words of the running task are never cut; what is
//! cut of others is said.

mod shares;

use crate::compaction::middle_out;
use crate::critic;
use crate::prompt;
use protocol::{
    Critique, FinishReason, Plan, StepStatus, TaskRequest, TestReport, TestVerdict, ToolCall,
    ToolResult, ToolStatus, Update,
};
use std::fmt::Write;

/// Failures that are told, and bytes of each.
const MOST_FAILURES: usize = 8;
const LONGEST_FAILURE: usize = 700;
/// Paths that are told of each kind.
const MOST_PATHS: usize = 60;
/// Bytes of the room for words for each failure and each path: a small room holds fewer.
const ROOM_A_FAILURE: usize = 16;
const ROOM_A_PATH: usize = 100;

/// The facts so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Carried {
    /// Each task, oldest first.
    asked: Vec<Asked>,
    /// Whether the next words of a person are the task's opening, which has its request again.
    opens: bool,
    /// Files that the user pointed at.
    context: Vec<String>,
    plan: Option<Plan>,
    test: Option<TestReport>,
    critique: Option<Critique>,
    /// What was tried and failed, with what it said.
    failures: Vec<(String, String)>,
    read: Vec<String>,
    changed: Vec<String>,
}

/// What a person wanted with one task.
#[derive(Debug, Clone)]
struct Asked {
    /// The words of its request.
    words: String,
    /// What was said while it ran.
    said: Vec<String>,
    course: Course,
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// It runs, or was cut off: the next one goes on with it.
    Open,
    /// It came to an end of its own.
    Over,
}

/// What is carried, as a text for the model.
pub(crate) struct Told {
    /// The text.
    pub(crate) text: String,
    /// Bytes of a person's words that it leaves out.
    pub(crate) cut: usize,
}

impl Carried {
    /// Takes one more fact in.
    pub(super) fn apply(&mut self, update: &Update) {
        match update {
            Update::Started { request, .. } => self.begin(request),
            Update::Prompt {
                by: protocol::Speaker::User,
                text,
            } => match std::mem::take(&mut self.opens) {
                true => {}
                false => self.said(text),
            },
            Update::Finished { reason, .. } if is_over(*reason) => {
                self.asked
                    .iter_mut()
                    .for_each(|one| one.course = Course::Over);
            }
            // Before it states a step, a plan says only what is remembered.
            Update::Plan { plan } if !plan.entries.is_empty() => self.plan = Some(plan.clone()),
            Update::Test { report } => {
                self.test = (report.verdict == TestVerdict::Failed).then(|| report.clone());
            }
            Update::Critique { critique } => {
                self.critique = critique.is_critical().then(|| critique.clone());
            }
            Update::Draft { paths, .. } => self.changed.clone_from(paths),
            _ => {}
        }
    }

    /// The words of the request, where these are the opening of its task.
    pub(super) fn opening(&self, update: &Update) -> Option<String> {
        let opens = self.opens
            && matches!(
                update,
                Update::Prompt {
                    by: protocol::Speaker::User,
                    ..
                }
            );
        let newest = || self.asked.last().map(|one| one.words.clone());
        opens.then(newest).flatten()
    }

    fn said(&mut self, text: &str) {
        if let Some(one) = self.asked.last_mut() {
            one.said.push(text.to_owned());
        }
    }

    fn begin(&mut self, request: &TaskRequest) {
        let newest = self.asked.last();
        let goes_on = newest.is_some_and(|one| one.course == Course::Open);
        if !goes_on {
            (self.plan, self.test, self.critique) = (None, None, None);
            self.failures.clear();
        }
        self.changed.clear();
        self.opens = true;
        self.context.clone_from(&request.context);
        let words = prompt::request(request);
        // A task that is taken up again is no other task.
        let is_same = goes_on && newest.is_some_and(|one| one.words == words);
        if !is_same {
            self.asked.push(Asked {
                words,
                said: Vec::new(),
                course: Course::Open,
            });
        }
    }

    /// Takes in what came of a call.
    pub(super) fn answer(&mut self, call: &ToolCall, result: &ToolResult) {
        let subject = crate::compaction::subject(&call.name, &call.input);
        self.failures.retain(|(of, _)| *of != subject);
        let failed = result.status == ToolStatus::Failed;
        if failed || result.exit_code.is_some_and(|code| code != 0) {
            let said = crate::command::tail(&result.output, LONGEST_FAILURE);
            self.failures
                .push((subject, format!("{}: {said}", call.title)));
            return;
        }
        if subject.starts_with("edit ") {
            self.failures.retain(|(of, _)| of != "edit ");
        }
        if crate::tools::canonical(&call.name) == "read_file"
            && let Some(path) = call.input.get("path").and_then(|path| path.as_str())
        {
            self.read.retain(|known| known != path);
            self.read.push(path.to_owned());
        }
    }

    /// All of it, for the model, with at most about `most` bytes of words beside those of the running task.
    pub(super) fn told(&self, most: usize) -> Told {
        let mut text = String::new();
        let cut = self.words(&mut text, most);
        if let Some(plan) = &self.plan {
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
        self.open(&mut text, LONGEST_FAILURE.min(most / ROOM_A_FAILURE));
        let most = MOST_PATHS.min(most / ROOM_A_PATH + 1);
        paths(&mut text, "The user pointed at", &self.context, most);
        paths(&mut text, "Changed in your draft", &self.changed, most);
        let read = "Read so far (read again what you need)";
        paths(&mut text, read, &self.read, most);
        Told { text, cut }
    }

    /// The words of people; how many bytes of them were left out.
    fn words(&self, text: &mut String, most: usize) -> usize {
        let Some((task, earlier)) = self.asked.split_last() else {
            return 0;
        };
        let _ = writeln!(text, "Task:\n{}", task.words.trim_end());
        let over = earlier
            .iter()
            .rposition(|one| one.course == Course::Over)
            .map_or(0, |at| at + 1);
        let (over, open) = earlier.split_at(over);
        let mut left = most;
        let mut cut = 0;
        let mut list = |title: &str, words: Vec<&str>| {
            let shares = shares::of(&words, left);
            if words.is_empty() {
                return;
            }
            let _ = writeln!(text, "\n{title}");
            if shares.dropped > 0 {
                let dropped = shares.dropped;
                let _ = writeln!(text, "- [{dropped} older ones are left out]");
                cut += words[..dropped].iter().map(|one| one.len()).sum::<usize>();
            }
            for (words, most) in words[shares.dropped..].iter().zip(shares.bytes) {
                let words = words.trim_end();
                let _ = writeln!(text, "- {}", middle_out(words, most));
                cut += words.len().saturating_sub(most);
                left = left.saturating_sub(words.len().min(most));
            }
        };
        list(
            "It goes on with what was not finished:",
            open.iter().map(|one| one.words.as_str()).collect(),
        );
        let running = open.iter().chain([task]);
        list(
            "The user said since, the newest last; this counts:",
            running.flat_map(Asked::all_said).collect(),
        );
        list(
            "Earlier tasks of this session, done or ended, and what the user said then; rules for the session still count:",
            over.iter()
                .flat_map(|one| [one.words.as_str()].into_iter().chain(one.all_said()))
                .collect(),
        );
        cut
    }

    /// What still fails.
    fn open(&self, text: &mut String, longest: usize) {
        if let Some(report) = &self.test {
            let _ = writeln!(
                text,
                "\nThe tests failed when they ran last: {}",
                report.command
            );
            for failure in newest(&report.failures, MOST_FAILURES) {
                let said = failure.message.as_deref().unwrap_or_default();
                let _ = writeln!(text, "- {}: {}", failure.name, cut(said, longest));
            }
            let named = |name: &String| report.failures.iter().any(|one| one.name == *name);
            for name in report
                .failing
                .iter()
                .filter(|name| !named(name))
                .take(MOST_PATHS)
            {
                let _ = writeln!(text, "- {name}");
            }
        }
        if let Some(critique) = &self.critique {
            let _ = writeln!(text, "\nA reviewer found:\n{}", critic::as_list(critique));
        }
        if !self.failures.is_empty() {
            text.push_str("\nWhat failed and was not done since:\n");
            for (_, said) in newest(&self.failures, MOST_FAILURES) {
                let _ = writeln!(text, "- {}", middle_out(said.trim_end(), longest));
            }
        }
    }
}

impl Asked {
    fn all_said(&self) -> impl Iterator<Item = &str> {
        self.said.iter().map(String::as_str)
    }
}

/// Whether a task that ends so is done with, and the next one is another.
fn is_over(reason: FinishReason) -> bool {
    use FinishReason::{
        BlockedByCritic, BudgetExhausted, Cancelled, ConfigError, Internal, LoopDetected, MaxSteps,
        NeedsUser, NoChange, ProviderError, RateLimited, SandboxUnavailable, TestFailed,
        Unverified, Verified,
    };
    match reason {
        Verified | NoChange | Unverified | TestFailed | BlockedByCritic | LoopDetected => true,
        MaxSteps | BudgetExhausted | ProviderError | RateLimited | NeedsUser
        | SandboxUnavailable | ConfigError | Cancelled | Internal => false,
    }
}

fn newest<T>(all: &[T], most: usize) -> &[T] {
    &all[all.len().saturating_sub(most)..]
}

fn paths(text: &mut String, what: &str, paths: &[String], most: usize) {
    if paths.is_empty() {
        return;
    }
    let shown = newest(paths, most);
    let more = match paths.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let _ = writeln!(text, "\n{what}: {}{more}", shown.join(", "));
}

fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}
