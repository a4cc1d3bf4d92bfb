//! Judgement of a draft: does it still parse, what does the critic say, do the tests pass. Only a green run on exactly this
//! revision makes it verified (law 2).

use super::{End, Task};
use crate::config::{Profile, ReflectionPolicy};
use crate::{critic, prompt};
use protocol::{
    Code, Critique, Failure, FinishReason, Level, Phase, TestReport, TestVerdict, Update, Usage,
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
        let request = llm::Request {
            system: Arc::from(prompt::CRITIC),
            messages: vec![llm::Message::User { text }],
            tools: Arc::from([]),
            max_tokens: self.shared.config.max_tokens,
        };
        let choice = self.request.critic_model.as_deref();
        match self
            .models
            .complete(
                llm::Role::Critic,
                choice,
                &request,
                &self.cancel,
                &mut |_| {},
            )
            .await
        {
            Ok(reply) => {
                self.count(Usage {
                    role: llm::Role::Critic.as_str().to_owned(),
                    model: reply.model.clone(),
                    input_tokens: reply.usage.input,
                    cached_tokens: reply.usage.cached,
                    output_tokens: reply.usage.output,
                    cost_micro_usd: reply.cost_micro_usd,
                    estimated: reply.usage.estimated,
                });
                Ok(critic::read(&reply.text).unwrap_or_else(|| {
                    self.emit(Update::Notice {
                        level: Level::Warning,
                        message: "the critic's answer could not be read, so it blocks nothing"
                            .into(),
                        hint: None,
                    });
                    critic::unreadable(&reply.text)
                }))
            }
            Err(llm::Error::Cancelled) => Err(End::cancelled()),
            Err(error) => {
                // The tests still decide; a silent critic must not cost the user the work.
                let message = format!(
                    "the critic could not be asked: {}",
                    crate::failure::of_model(&error).message
                );
                self.emit(Update::Notice {
                    level: Level::Warning,
                    message,
                    hint: None,
                });
                Ok(Critique {
                    quality: "unknown".into(),
                    ..Critique::default()
                })
            }
        }
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
            TestVerdict::Broken => Ok(Verdict::Good { verified: false }),
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
            return Ok(None);
        }
        if !self.shared.tools.allow_exec {
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
