//! Judgement of a draft: does it still parse, what does the critic say, do the tests pass. Only a green run on exactly this
//! revision makes it verified (law 2).

use super::{End, Task};
use crate::config::{Profile, ReflectionPolicy};
use crate::{critic, prompt};
use protocol::{
    Code, Critique, Failure, FinishReason, Intent, Level, Phase, TestReport, TestVerdict, Update,
};
use std::sync::Arc;
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
        match self.shared.config.profile {
            Profile::TestFirst => {
                let verified = match self.judge_by_tests(draft, repairs).await? {
                    Verdict::Good { verified } => verified,
                    again => return Ok(again),
                };
                Ok(self
                    .judge_by_critic(draft, may_repair)
                    .await?
                    .unwrap_or(Verdict::Good { verified }))
            }
            Profile::Safe | Profile::Default => {
                match self.judge_by_critic(draft, may_repair).await? {
                    Some(again) => Ok(again),
                    None => self.judge_by_tests(draft, repairs).await,
                }
            }
        }
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
                crate::testing::is_test(path)
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

    /// Asks the critic. Some where the draft goes back to the model.
    async fn judge_by_critic(
        &self,
        draft: &Draft,
        may_repair: bool,
    ) -> Result<Option<Verdict>, End> {
        let config = &self.shared.config;
        if !config.enable_reflect {
            return Ok(None);
        }
        self.enter(Phase::Reflect)?;
        let critique = self.ask_critic(draft).await?;
        let critical = critique.is_critical();
        let list = critic::as_list(&critique);
        self.emit(Update::Critique { critique });
        if !critical || config.reflection_policy != ReflectionPolicy::BlockOnCritical {
            return Ok(None);
        }
        match may_repair {
            true => Ok(Some(Verdict::Again(prompt::findings(&list)))),
            false => Err(End::new(
                FinishReason::BlockedByCritic,
                format!(
                    "The critic found something critical; your files are as they were.\n{list}"
                ),
            )),
        }
    }

    async fn ask_critic(&self, draft: &Draft) -> Result<Critique, End> {
        let change = draft.change_set();
        let view = change.view();
        let files = view
            .iter()
            .map(|file| format!("{} (+{} -{})", file.path, file.added, file.removed));
        let files = files.collect::<Vec<_>>().join("\n");
        let diff = match self.shared.config.enable_self_diff {
            true => view
                .iter()
                .map(|file| file.diff.as_str())
                .collect::<Vec<_>>()
                .concat(),
            false => String::new(),
        };
        let text = format!(
            "Task:\n{}\nFiles:\n{files}\n\nDiff:\n{diff}",
            prompt::request(&self.request)
        );
        let mut messages = vec![llm::Message::User { text }];
        for last in [false, true] {
            let request = llm::Request {
                system: Arc::from(prompt::CRITIC),
                messages: messages.clone(),
                tools: Arc::from([]),
                max_tokens: self.shared.config.max_tokens,
            };
            let choice = self.request.critic_model.as_deref();
            let mut unheard = |_: llm::Chunk<'_>| {};
            let asked = self.models.complete(
                llm::Role::Critic,
                choice,
                &request,
                &self.cancel,
                &mut unheard,
            );
            let trouble = match asked.await {
                Ok(reply) => {
                    self.count(crate::failure::usage_of(&reply, llm::Role::Critic));
                    if let Some(critique) = critic::read(&reply.text) {
                        return Ok(critique);
                    }
                    if !last {
                        messages.push(llm::Message::Assistant {
                            text: reply.text,
                            calls: Vec::new(),
                        });
                        messages.push(llm::Message::User {
                            text: prompt::CRITIC_AGAIN.to_owned(),
                        });
                        continue;
                    }
                    let critique = critic::unreadable(&reply.text);
                    self.critic_silent("its answer could not be read, twice");
                    return Ok(critique);
                }
                Err(llm::Error::Cancelled) => return Err(End::cancelled()),
                Err(error) => crate::failure::of_model(&error).message,
            };
            // The tests still decide; a silent critic must not cost the user the work.
            self.critic_silent(&trouble);
            break;
        }
        Ok(Critique {
            quality: "unknown".into(),
            ..Critique::default()
        })
    }

    fn critic_silent(&self, why: &str) {
        self.emit(Update::Notice {
            level: Level::Warning,
            message: format!("the critic said nothing that counts: {why}"),
            hint: Some("the tests alone decide; read the patch yourself".into()),
        });
    }

    async fn judge_by_tests(&self, draft: &Draft, repairs: u32) -> Result<Verdict, End> {
        let Some(report) = self.test(draft, repairs + 1).await? else {
            return Ok(Verdict::Good { verified: false });
        };
        match report.verdict {
            TestVerdict::Passed => Ok(Verdict::Good { verified: true }),
            TestVerdict::Failed
                if repairs < self.shared.config.test_retries && !self.same_draft_failed(draft) =>
            {
                self.note_failed(draft);
                Ok(Verdict::Again(prompt::tests_failed(
                    &report.command,
                    &report.output,
                )))
            }
            TestVerdict::Failed | TestVerdict::Running => Err(tests_failed(&report)),
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
        let configured = self
            .request
            .test_command
            .clone()
            .or_else(|| config.test_command.clone());
        let found = || crate::testing::discover(draft.snapshot()).map(str::to_owned);
        let Some(line) = configured.or_else(found) else {
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
            command: line,
            revision: draft.revision(),
            attempt,
            exit_code: None,
            passed: None,
            failed: None,
            failing: Vec::new(),
            output: String::new(),
            enforced_by: Vec::new(),
            duration_ms: 0,
        };
        self.emit(Update::Test {
            report: report.clone(),
        });
        let ended = crate::testing::run(self, draft, &mut report).await;
        if ended.is_err() {
            report.verdict = TestVerdict::Broken;
        }
        self.emit(Update::Test {
            report: report.clone(),
        });
        ended.map(|()| Some(report))
    }

    /// Whether this very revision has failed already: the model changed nothing since, so asking again cannot help.
    fn same_draft_failed(&self, draft: &Draft) -> bool {
        *self.failed_revision.lock() == Some(draft.revision())
    }

    fn note_failed(&self, draft: &Draft) {
        *self.failed_revision.lock() = Some(draft.revision());
    }
}

/// The end of a task whose tests stay red.
pub(super) fn tests_failed(report: &TestReport) -> End {
    let names = match report.failing.as_slice() {
        [] => String::new(),
        names => format!(": {}", names.join(", ")),
    };
    let count = report.failed.map_or_else(
        || "the tests fail".to_owned(),
        |n| format!("{n} tests fail"),
    );
    End::new(
        FinishReason::TestFailed,
        format!("On the patch {count}{names}. Your files are as they were."),
    )
}

fn first_lines(answer: &str) -> String {
    let answer = answer.trim();
    let end = answer
        .char_indices()
        .nth(400)
        .map_or(answer.len(), |(at, _)| at);
    answer[..end].to_owned()
}
