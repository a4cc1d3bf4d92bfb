//! Repair: what the model is told of failing tests, and how long it may go on. It is told of its own failures only.

use super::wanted;
use crate::command::tail;
use crate::prompt;
use protocol::{Standing, TaskRequest, TestFailure, TestReport};
use std::collections::BTreeSet;
use std::fmt::Write;
use workspace::{Draft, RelPath, is_secret};

/// Failures that are told in full.
const TOLD: usize = 10;
/// Lines of the source on each side of the place.
const AROUND: u32 = 3;
/// Bytes of the end of the output, where all failures are the patch's own.
const TAIL: usize = 2 * 1024;
/// Bytes of a line of source.
const LINE: usize = 300;

/// How the rounds of mending went.
pub struct Progress<D> {
    rounds: u32,
    revision: Option<u64>,
    last: BTreeSet<String>,
    best: Option<Best<D>>,
}

/// The draft with the fewest failures of its own.
struct Best<D> {
    draft: D,
    attempt: u32,
    names: BTreeSet<String>,
}

/// What comes after a red run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The model may try again.
    Again,
    /// It had its rounds, or the last one changed nothing.
    Stop,
}

impl<D> Default for Progress<D> {
    fn default() -> Self {
        Progress {
            rounds: 0,
            revision: None,
            last: BTreeSet::new(),
            best: None,
        }
    }
}

impl<D: Clone> Progress<D> {
    /// Notes a red run and says whether another round makes sense: `limit` rounds at most, none on the same draft, and none after
    /// one that left the same tests red.
    pub fn after(
        &mut self,
        report: &TestReport,
        draft: &D,
        blamed: &[&TestFailure],
        limit: u32,
    ) -> Step {
        let names: BTreeSet<String> = blamed.iter().map(|failure| failure.name.clone()).collect();
        let is_same = self.revision == Some(report.revision);
        let is_stuck = !names.is_empty() && self.last == names;
        let is_better = self
            .best
            .as_ref()
            .is_none_or(|best| names.len() < best.names.len());
        if !names.is_empty() && is_better {
            self.best = Some(Best {
                draft: draft.clone(),
                attempt: report.attempt,
                names: names.clone(),
            });
        }
        (self.revision, self.last) = (Some(report.revision), names);
        if self.rounds >= limit || is_same || is_stuck {
            return Step::Stop;
        }
        self.rounds += 1;
        Step::Again
    }

    /// An earlier draft that was better than the last one, and what to say of it.
    pub fn best(&self) -> Option<(&D, String)> {
        let best = self
            .best
            .as_ref()
            .filter(|best| best.names.len() < self.last.len())?;
        let names: Vec<&str> = best.names.iter().map(String::as_str).collect();
        let said = format!(
            "The best draft was that of attempt {}, with {} failing: {}.",
            best.attempt,
            names.len(),
            names.join(", ")
        );
        Some((&best.draft, said))
    }
}

/// The failures that the model has to mend: the introduced ones, those that the task asks for, and all where there are no such.
pub fn blamed<'a>(request: &TaskRequest, report: &'a TestReport) -> Vec<&'a TestFailure> {
    let red = |failure: &&TestFailure| {
        matches!(
            failure.standing,
            Standing::Introduced | Standing::PreExisting
        )
    };
    let own = |failure: &&TestFailure| {
        failure.standing == Standing::Introduced || wanted::asks_for(request, failure)
    };
    let red: Vec<&TestFailure> = report.failures.iter().filter(red).collect();
    let own: Vec<&TestFailure> = red.iter().copied().filter(own).collect();
    if own.is_empty() { red } else { own }
}

/// What the model is told of a red run.
pub fn request(report: &TestReport, blamed: &[&TestFailure], draft: &Draft) -> String {
    if blamed.is_empty() {
        return prompt::tests_failed(&report.command, &report.output);
    }
    let mut text = String::new();
    for (number, failure) in blamed.iter().take(TOLD).enumerate() {
        let since = match failure.standing {
            Standing::PreExisting => " (it failed before your draft as well)",
            _ => "",
        };
        let _ = writeln!(text, "{}. {}{since}", number + 1, failure.name);
        if let Some(message) = &failure.message {
            let _ = writeln!(text, "{message}");
        }
        if let Some(snippet) = snippet(failure, draft) {
            text.push_str(&snippet);
        }
        text.push('\n');
    }
    let more: Vec<&str> = blamed
        .iter()
        .skip(TOLD)
        .map(|failure| failure.name.as_str())
        .collect();
    if !more.is_empty() {
        let _ = writeln!(text, "Also failing: {}", more.join(", "));
    }
    let is_told = |failure: &TestFailure| blamed.contains(&failure);
    let others = report.failures.iter().filter(|failure| {
        !is_told(failure) && matches!(failure.standing, Standing::PreExisting | Standing::Flaky)
    });
    let others: Vec<&str> = others.map(|failure| failure.name.as_str()).collect();
    // The end of the output would tell of the others.
    let end = match others.is_empty() {
        true => tail(&report.output, TAIL),
        false => String::new(),
    };
    prompt::tests_to_mend(&report.command, text.trim_end(), &others.join(", "), &end)
}

/// The lines around the place, as the draft has them.
fn snippet(failure: &TestFailure, draft: &Draft) -> Option<String> {
    let path = RelPath::new(failure.path.as_deref()?).ok()?;
    if is_secret(&path) {
        return None;
    }
    let line = failure.line?;
    let content = draft.read(&path).ok()??;
    let (text, _) = content.decoded().ok()?;
    let first = line.saturating_sub(AROUND).max(1);
    let mut out = format!("{path}:{line}\n");
    let skipped = usize::try_from(first - 1).ok()?;
    let wanted = usize::try_from(line.saturating_add(AROUND) - first + 1).ok()?;
    let mut number = first;
    for source in text.lines().skip(skipped).take(wanted) {
        let mark = if number == line { '>' } else { ' ' };
        let source = &source[..source.floor_char_boundary(LINE)];
        let _ = writeln!(out, "{mark} {number:>4} | {source}");
        number += 1;
    }
    (number > first).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::TestVerdict;

    fn report(revision: u64, names: &[&str]) -> TestReport {
        let failure = |name: &&str| TestFailure {
            name: (*name).to_owned(),
            standing: Standing::Introduced,
            message: None,
            path: None,
            line: None,
        };
        TestReport {
            verdict: TestVerdict::Failed,
            command: "t".into(),
            revision,
            attempt: u32::try_from(revision).unwrap(),
            exit_code: Some(1),
            passed: None,
            failed: None,
            failing: Vec::new(),
            failures: names.iter().map(failure).collect(),
            standings: None,
            output: String::new(),
            enforced_by: Vec::new(),
            duration_ms: 0,
        }
    }

    fn after(progress: &mut Progress<u64>, revision: u64, names: &[&str], limit: u32) -> Step {
        let report = report(revision, names);
        let blamed = blamed(&TaskRequest::default(), &report);
        progress.after(&report, &revision, &blamed, limit)
    }

    #[test]
    fn rounds_end_by_number_by_the_same_draft_and_without_progress() {
        let mut progress = Progress::default();
        assert_eq!(after(&mut progress, 1, &["a", "b"], 2), Step::Again);
        assert_eq!(after(&mut progress, 2, &["a"], 2), Step::Again);
        assert_eq!(after(&mut progress, 3, &["c"], 2), Step::Stop);
        let mut progress = Progress::default();
        assert_eq!(after(&mut progress, 1, &["a"], 9), Step::Again);
        assert_eq!(after(&mut progress, 1, &["b"], 9), Step::Stop);
        let mut progress = Progress::default();
        assert_eq!(after(&mut progress, 1, &["a"], 9), Step::Again);
        assert_eq!(after(&mut progress, 2, &["a"], 9), Step::Stop);
        // What has no names cannot be told apart.
        let mut progress = Progress::default();
        assert_eq!(after(&mut progress, 1, &[], 9), Step::Again);
        assert_eq!(after(&mut progress, 2, &[], 9), Step::Again);
    }

    #[test]
    fn the_best_draft_is_named_where_the_last_is_worse() {
        let mut progress = Progress::default();
        after(&mut progress, 1, &["a"], 2);
        assert_eq!(progress.best(), None);
        after(&mut progress, 2, &["a", "b"], 2);
        let (draft, said) = progress.best().unwrap();
        assert_eq!(*draft, 1);
        assert!(said.contains("attempt 1, with 1 failing: a"), "{said}");
    }
}
