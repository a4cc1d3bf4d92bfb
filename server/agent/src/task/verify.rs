//! Judgement of a draft: does it still parse, what does the critic say, do the tests pass. Only a green run on exactly this
//! revision makes it verified (law 2).

use super::{End, Task};
use crate::config::Profile;
use crate::insight::{self, Delta};
use crate::prompt;
use crate::testing::{self, Step};
use crate::tools::diagnostics;
use protocol::{
    Code, Failure, FinishReason, Intent, Level, Phase, Standing, TestReport, TestVerdict, Update,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use workspace::{Draft, Snapshot};

/// What judgement says.
pub(super) enum Verdict {
    /// It may be proposed.
    Good {
        /// Whether a green test run stands behind it.
        verified: bool,
    },
    /// Back to the model, with these words.
    Again(String),
}

impl Task {
    /// Judges the draft. `repairs` is how often it went back to the model already.
    pub(super) async fn verify(
        &self,
        draft: &mut Draft,
        answer: &str,
        repairs: u32,
    ) -> Result<Verdict, End> {
        self.check_cancelled()?;
        // Judged is what the user would have: the draft on the text of now. What does not merge is for the landing to say.
        let live = Arc::new(Snapshot::new(self.shared.host.clone()));
        if let Ok(moved) = draft.rebase(live) {
            *draft = moved;
        }
        if draft.is_empty() {
            return Err(End::new(FinishReason::NoChange, first_lines(answer)));
        }
        self.enter(Phase::Check)?;
        self.name_changed_tests(draft);
        let may_repair = repairs < self.shared.config.test_retries;
        let broken = self.syntax_errors(draft);
        if !broken.is_empty() {
            if may_repair {
                return Ok(Verdict::Again(prompt::broken_syntax(&broken)));
            }
            let failure = Failure::new(
                Code::InvalidInput,
                format!("the draft has new syntax errors:\n{broken}"),
            );
            return Err(End::failed(FinishReason::TestFailed, failure));
        }
        if let Some(words) = self.new_errors(draft, may_repair).await? {
            return Ok(Verdict::Again(words));
        }
        let tests = self.judge_by_tests(draft, repairs).await?;
        let red = matches!(tests, Verdict::Again(_));
        if red && self.shared.config.profile == Profile::TestFirst {
            return Ok(tests);
        }
        // The critic knows what the tests say; what both say goes back to the model at once.
        Ok(
            match (self.judge_by_critic(draft, may_repair).await?, tests) {
                (Some(Verdict::Again(findings)), Verdict::Again(failures)) => {
                    Verdict::Again(format!("{failures}\n\n{findings}"))
                }
                (Some(again), Verdict::Good { .. }) => again,
                (_, tests) => tests,
            },
        )
    }

    /// A green run means less where the patch changes the tests: a person should know.
    fn name_changed_tests(&self, draft: &Draft) {
        if self.request.intent == Intent::Tests {
            return;
        }
        let command = self.request.test_command.as_deref().or(self
            .shared
            .config
            .test_command
            .as_deref());
        let changed = draft
            .change_set()
            .files
            .into_iter()
            .filter(|file| file.base.is_some());
        let tests: Vec<String> = changed
            .map(|file| file.path.to_string())
            .filter(|path| {
                testing::is_test(path)
                    || command.is_some_and(|command| command.contains(path.as_str()))
            })
            .collect();
        if !tests.is_empty() {
            self.emit(Update::Notice {
                level: Level::Warning,
                message: format!("the patch changes tests: {}", tests.join(", ")),
                hint: Some("look whether they still test what they should".into()),
            });
        }
    }

    /// Files of the draft that have more syntax errors than the user's text, one a line.
    fn syntax_errors(&self, draft: &Draft) -> String {
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
        let worse = draft.change_set().files.into_iter().filter_map(|file| {
            let after = text(file.after.as_deref()?)?;
            let path = file.path.as_str();
            let now = index::error_count(path, &after)?;
            let before = file
                .base
                .as_ref()
                .and_then(|base| text(&base.bytes))
                .and_then(|text| index::error_count(path, &text));
            (now > before.unwrap_or(0)).then(|| {
                format!(
                    "- {path}: {now} syntax errors, {} before",
                    before.unwrap_or(0)
                )
            })
        });
        worse.collect::<Vec<_>>().join("\n")
    }

    /// What the editor's language servers call an error in the draft and did not before, in words for the model. The same errors go
    /// back once: a server may be wrong, and the tests have the last word.
    async fn new_errors(&self, draft: &Draft, may_repair: bool) -> Result<Option<String>, End> {
        if !self.editor_answers.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let asked = insight::delta(&self.shared, draft);
        let Some(delta) = self.cancel.run_until_cancelled(asked).await else {
            return Err(End::cancelled());
        };
        let new = match delta {
            Delta::Unasked => return Ok(None),
            Delta::Unanswered(why) => {
                // Nobody waits for it a second time.
                self.editor_answers.store(false, Ordering::Relaxed);
                self.emit(Update::Notice {
                    level: Level::Info,
                    message: format!("the draft was not checked by the editor: {why}"),
                    hint: None,
                });
                return Ok(None);
            }
            Delta::Checked(checked) => checked.errors,
        };
        if new.is_empty() {
            return Ok(None);
        }
        let list: String = new.iter().map(diagnostics::line_of).collect();
        let is_known = std::mem::replace(&mut *self.told_errors.lock(), list.clone()) == list;
        if may_repair && !is_known {
            return Ok(Some(prompt::new_errors(&list)));
        }
        self.emit(Update::Notice {
            level: Level::Warning,
            message: format!(
                "the editor's language servers see new errors:\n{}",
                list.trim_end()
            ),
            hint: None,
        });
        Ok(None)
    }

    async fn judge_by_tests(&self, draft: &Draft, repairs: u32) -> Result<Verdict, End> {
        let Some(report) = self.test(draft, repairs + 1).await? else {
            return Ok(Verdict::Good { verified: false });
        };
        match report.verdict {
            TestVerdict::Passed => Ok(Verdict::Good { verified: true }),
            TestVerdict::Failed | TestVerdict::Running => {
                let blamed = testing::blamed(&self.request, &report);
                let limit = self.shared.config.test_retries;
                let mut progress = self.progress.lock();
                match progress.after(&report, draft, &blamed, limit) {
                    Step::Again => Ok(Verdict::Again(testing::request(&report, &blamed, draft))),
                    Step::Stop => {
                        let mut end = tests_failed(&report);
                        let (best, said) = match progress.best() {
                            Some((best, said)) => (best.clone(), format!(" {said}")),
                            None => (draft.clone(), String::new()),
                        };
                        drop(progress);
                        // Work that is nearly right is not thrown away.
                        self.keep(&best)?;
                        end.summary = format!(
                            "{}{said} The patch is kept: look at it, and accept it if you know better.",
                            end.summary
                        );
                        Err(end)
                    }
                }
            }
            TestVerdict::Broken => {
                let last = report
                    .output
                    .lines()
                    .rev()
                    .find(|line| !line.trim().is_empty());
                let why = last.unwrap_or("no output").trim().trim_matches(['[', ']']);
                *self.doubt.lock() =
                    format!("the tests could not be judged ({}: {why})", report.command);
                Ok(Verdict::Good { verified: false })
            }
        }
    }

    /// Runs the tests on the draft. None where there is no command or they are switched off; it is said why.
    pub(super) async fn test(
        &self,
        draft: &Draft,
        attempt: u32,
    ) -> Result<Option<TestReport>, End> {
        let config = &self.shared.config;
        if !config.enable_test_run {
            *self.doubt.lock() = "test runs are switched off".to_owned();
            return Ok(None);
        }
        if !self.shared.tools.allow_exec {
            *self.doubt.lock() = "commands are switched off".to_owned();
            self.emit(Update::Notice {
                level: Level::Warning,
                message: "commands are switched off, so nothing can be verified".into(),
                hint: Some("set tools.allow_exec".into()),
            });
            return Ok(None);
        }
        let Some(found) = self.test_line(draft).await? else {
            *self.doubt.lock() = "no test command is known for this project".to_owned();
            self.emit(Update::Notice {
                level: Level::Warning,
                message: "no test command is known for this project, so nothing can be verified"
                    .into(),
                hint: Some("set agent.test_command".into()),
            });
            return Ok(None);
        };
        self.enter(Phase::Test)?;
        let mut report = TestReport {
            verdict: TestVerdict::Running,
            command: testing::thorough(&found.line),
            revision: draft.revision(),
            attempt,
            exit_code: None,
            passed: None,
            failed: None,
            failing: Vec::new(),
            failures: Vec::new(),
            standings: None,
            output: String::new(),
            enforced_by: Vec::new(),
            duration_ms: 0,
        };
        self.emit(Update::Test {
            report: report.clone(),
        });
        let mut ended = testing::run(self, draft, &mut report).await;
        if let (Ok(()), Some(line)) = (&ended, found.without_pytest)
            && report.verdict == TestVerdict::Broken
            && report.output.contains("No module named pytest")
        {
            report.command = line;
            ended = testing::run(self, draft, &mut report).await;
        }
        if ended.is_err() {
            report.verdict = TestVerdict::Broken;
        }
        self.emit(Update::Test {
            report: report.clone(),
        });
        self.name_other_failures(&report);
        ended.map(|()| Some(report))
    }

    /// The command of the request or the configuration, what the workspace's own configuration asks for where that is trusted, and
    /// else what the project's files say.
    async fn test_line(&self, draft: &Draft) -> Result<Option<testing::Found>, End> {
        let asked = self.request.test_command.clone();
        let line = match asked.or_else(|| self.shared.config.test_command.clone()) {
            Some(line) => Some(line),
            None => self.trusted_test_command().await?,
        };
        if let Some(line) = line {
            return Ok(Some(testing::Found {
                line,
                without_pytest: None,
            }));
        }
        let changed = draft.change_set().files;
        let changed: Vec<_> = changed.into_iter().map(|file| file.path).collect();
        Ok(testing::discover(draft.snapshot(), &changed))
    }

    /// Says which tests fail although the patch passed.
    fn name_other_failures(&self, report: &TestReport) {
        let of = |standing: Standing| {
            let own = report
                .failures
                .iter()
                .filter(move |failure| failure.standing == standing);
            own.map(|failure| failure.name.as_str())
                .take(8)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let counts = report.standings.unwrap_or_default();
        if report.verdict != TestVerdict::Passed || counts.pre_existing + counts.flaky == 0 {
            return;
        }
        let mut said = Vec::new();
        if counts.pre_existing > 0 {
            said.push(format!(
                "{}, as before the patch: {}",
                plural(counts.pre_existing),
                of(Standing::PreExisting)
            ));
        }
        if counts.flaky > 0 {
            said.push(format!(
                "{} failed once and not the second time: {}",
                counts.flaky,
                of(Standing::Flaky)
            ));
        }
        self.emit(Update::Notice {
            level: Level::Warning,
            message: said.join("; "),
            hint: None,
        });
    }
}

/// The end of a task whose tests stay red.
pub(super) fn tests_failed(report: &TestReport) -> End {
    let own = report
        .failures
        .iter()
        .filter(|failure| failure.standing == Standing::Introduced);
    let own: Vec<&str> = own.map(|failure| failure.name.as_str()).collect();
    let (count, names) = match (report.standings, own.is_empty()) {
        (Some(counts), false) => {
            let others = match counts.pre_existing {
                0 => String::new(),
                number => format!(" and {number} failed before"),
            };
            let count = plural(counts.introduced);
            (format!("{count} that passed before{others}"), own)
        }
        _ => {
            let names = report.failing.iter().map(String::as_str).collect();
            let count = report.failed.filter(|failed| *failed > 0);
            (
                count.map_or_else(|| "the tests fail".to_owned(), plural),
                names,
            )
        }
    };
    let names = match names.as_slice() {
        [] => String::new(),
        names => format!(": {}", names.join(", ")),
    };
    End::new(
        FinishReason::TestFailed,
        format!("On the patch {count}{names}. Your files are as they were."),
    )
}

fn plural(number: u32) -> String {
    match number {
        1 => "1 test fails".to_owned(),
        number => format!("{number} tests fail"),
    }
}

fn first_lines(answer: &str) -> String {
    let answer = answer.trim();
    let end = answer
        .char_indices()
        .nth(400)
        .map_or(answer.len(), |(at, _)| at);
    answer[..end].to_owned()
}
