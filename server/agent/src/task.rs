//! Task: one request from `started` to `finished`. It owns its phase, its conversation and its draft; everything it does is
//! told as events first. It always ends with exactly one `finished` (P1) and leaves no call without a result (A5).

mod act;
mod ask;
pub(crate) mod asked;
mod call;
mod deliver;
mod drive;
mod edit_reply;
mod glance;
mod known;
mod reflect;
mod room;
mod trust;
mod verify;

use crate::conversation::Conversation;
use crate::edit_forms::EditForms;
use crate::guides::Guides;
use crate::mask;
use crate::memory::Course;
use crate::phase;
use crate::repeat::Repeats;
use crate::shared::Shared;
use crate::testing::Progress;
use futures::FutureExt;
use parking_lot::Mutex;
use protocol::{
    CallId, Code, Failure, FinishReason, Level, Memory, Phase, Plan, SessionId, TaskId,
    TaskRequest, TestReport, ToolCall, ToolResult, ToolStatus, Update, Usage,
};
use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// One request being worked on.
pub struct Task {
    pub(crate) shared: Arc<Shared>,
    /// With this run's own allowance of expensive calls.
    pub(crate) models: llm::Models,
    pub(crate) id: TaskId,
    pub(crate) session: SessionId,
    pub(crate) request: TaskRequest,
    pub(crate) cancel: CancellationToken,
    pub(crate) started: Instant,
    phase: Mutex<Phase>,
    conversation: Mutex<Conversation>,
    interrupted: Vec<String>,
    planned: Option<Plan>,
    recorded: bool,
    notices: Vec<String>,
    usage: Mutex<Usage>,
    steering: Mutex<mpsc::UnboundedReceiver<String>>,
    repeats: Mutex<Repeats>,
    turns: Mutex<u32>,
    /// Definitions whose users the model was told of after an edit.
    pub(crate) told: Mutex<HashSet<String>>,
    /// How the rounds of mending red tests went.
    progress: Mutex<Progress<workspace::Draft>>,
    /// Why there is no verdict, where there is none.
    doubt: Mutex<String>,
    seen: Mutex<Seen>,
    /// The revision that the critic refused, with its findings.
    refused_draft: Mutex<Option<(u64, String)>>,
    room: Mutex<room::Room>,
    /// Who gave the newest answer, as `provider/model`.
    answered_by: Mutex<String>,
    edit_forms: Mutex<EditForms>,
    /// The input of calls as it runs, where the event and the conversation have it with a key masked.
    unmasked: Mutex<HashMap<CallId, serde_json::Value>>,
    /// What was said in this task about the test command that the workspace asks for.
    test_trust: Mutex<Option<bool>>,
    guides: Mutex<Guides>,
    /// The memories that it was shown.
    offered: Mutex<Vec<Memory>>,
    /// What it may teach.
    course: Mutex<Course>,
    known: OnceLock<llm::Known>,
    /// Whether the editor answered so far when it was asked about the draft.
    editor_answers: AtomicBool,
    /// The errors that it saw in the draft the last time.
    told_errors: Mutex<String>,
}

/// The last word on what a critic should know.
#[derive(Debug, Clone, Default)]
struct Seen {
    plan: Option<Plan>,
    test: Option<TestReport>,
}

/// What a task begins with.
#[derive(Debug, Default)]
pub(crate) struct Before {
    /// The session so far.
    pub conversation: Conversation,
    /// Changes to the draft that an interrupted task had made, as unified diffs in order.
    pub draft: Vec<String>,
    /// The plan that an interrupted task had when it was past its planning.
    pub plan: Option<Plan>,
    /// Whether a history takes its events.
    pub recorded: bool,
    /// What is wrong with the session so far, for a person.
    pub notices: Vec<String>,
}

/// How a task ended.
#[derive(Debug, Clone)]
pub(crate) struct End {
    pub reason: FinishReason,
    pub summary: String,
    pub failure: Option<Failure>,
}

impl End {
    pub(crate) fn new(reason: FinishReason, summary: impl Into<String>) -> End {
        End {
            reason,
            summary: summary.into(),
            failure: None,
        }
    }

    pub(crate) fn failed(reason: FinishReason, failure: Failure) -> End {
        End {
            reason,
            summary: failure.message.clone(),
            failure: Some(failure),
        }
    }

    pub(crate) fn cancelled() -> End {
        End::new(
            FinishReason::Cancelled,
            "Cancelled. Your files are as they were.",
        )
    }

    /// The end that a failure outside the model's reach means.
    pub(crate) fn of(failure: Failure) -> End {
        let reason = match failure.code {
            Code::Cancelled => return End::cancelled(),
            Code::RateLimited => FinishReason::RateLimited,
            Code::BudgetExhausted => FinishReason::BudgetExhausted,
            Code::Auth | Code::Provider | Code::Timeout => FinishReason::ProviderError,
            Code::Config => FinishReason::ConfigError,
            Code::SandboxUnavailable => FinishReason::SandboxUnavailable,
            Code::EditRefused | Code::Stale | Code::NoMatch => FinishReason::NeedsUser,
            _ => FinishReason::Internal,
        };
        End::failed(reason, failure)
    }
}

impl Task {
    /// A task that has not begun.
    pub(crate) fn new(
        shared: Arc<Shared>,
        models: llm::Models,
        id: TaskId,
        session: SessionId,
        request: TaskRequest,
        before: Before,
        steering: mpsc::UnboundedReceiver<String>,
    ) -> Task {
        Task {
            shared,
            models,
            id,
            session,
            request,
            cancel: CancellationToken::new(),
            started: Instant::now(),
            phase: Mutex::new(Phase::Intake),
            conversation: Mutex::new(before.conversation),
            interrupted: before.draft,
            planned: before.plan,
            recorded: before.recorded,
            notices: before.notices,
            usage: Mutex::default(),
            steering: Mutex::new(steering),
            repeats: Mutex::default(),
            turns: Mutex::default(),
            told: Mutex::default(),
            progress: Mutex::default(),
            doubt: Mutex::default(),
            seen: Mutex::default(),
            refused_draft: Mutex::default(),
            room: Mutex::default(),
            answered_by: Mutex::default(),
            edit_forms: Mutex::default(),
            unmasked: Mutex::default(),
            test_trust: Mutex::default(),
            guides: Mutex::default(),
            offered: Mutex::default(),
            course: Mutex::default(),
            known: OnceLock::new(),
            editor_answers: AtomicBool::new(true),
            told_errors: Mutex::default(),
        }
    }

    /// Runs it to its end. A panic becomes an `internal` end, not a silence.
    pub(crate) async fn run(&self) {
        let end = match AssertUnwindSafe(self.drive()).catch_unwind().await {
            Ok(end) => end,
            Err(_) => End::failed(
                FinishReason::Internal,
                Failure::new(
                    Code::Internal,
                    "a defect of Animus stopped this task",
                )
                .hint("please report it with the log; `animus patch list` shows whether its patch landed"),
            ),
        };
        self.learn(end.reason).await;
        self.finish(end);
    }

    /// Secrets that are known to the letter: configured keys, and what the workspace's `.env` files hold.
    pub(crate) fn known(&self) -> &llm::Known {
        self.known.get_or_init(|| {
            let values = crate::memory::environment_values(self.shared.host.root().path());
            let keys = self.models.keys().map(str::to_owned);
            llm::Known::new(keys.chain(values))
        })
    }

    /// Tells a fact.
    pub(crate) fn emit(&self, update: Update) {
        let called = match &update {
            Update::ToolCall { call } => Some((call.id.clone(), call.input.clone())),
            _ => None,
        };
        let mut update = mask::masked(update, self.known());
        if let Update::Plan { plan } = &mut update {
            plan.recalled = self.recalled();
        }
        self.course.lock().apply(&update);
        if let (Some((id, input)), Update::ToolCall { call }) = (called, &update)
            && call.input != input
        {
            self.unmasked.lock().insert(id, input);
        }
        match &update {
            Update::Plan { plan } => self.seen.lock().plan = Some(plan.clone()),
            Update::Test { report } => self.seen.lock().test = Some(report.clone()),
            _ => {}
        }
        if let Some(event) = self.shared.log.append(&self.id, update) {
            self.conversation.lock().apply(&event.update);
        }
    }

    /// The calls without a result, as they run.
    pub(crate) fn calls(&self) -> Vec<ToolCall> {
        let mut calls = self.conversation.lock().unanswered().to_vec();
        let mut unmasked = self.unmasked.lock();
        for call in &mut calls {
            if let Some(input) = unmasked.remove(&call.id) {
                call.input = input;
            }
        }
        calls
    }

    /// Where the task stands.
    pub(crate) fn phase(&self) -> Phase {
        *self.phase.lock()
    }

    /// Goes to another phase; tells it before it takes effect.
    ///
    /// # Errors
    /// `internal` for a transition that the table does not have.
    pub(crate) fn enter(&self, to: Phase) -> Result<(), End> {
        let from = self.phase();
        if from == to {
            return Ok(());
        }
        if !phase::allows(from, to) {
            let failure = Failure::new(
                Code::Internal,
                format!("no way leads from phase {from} to {to}"),
            );
            return Err(End::failed(FinishReason::Internal, failure));
        }
        self.emit(Update::Phase { phase: to, from });
        *self.phase.lock() = to;
        Ok(())
    }

    /// Stops here if somebody cancelled.
    pub(crate) fn check_cancelled(&self) -> Result<(), End> {
        match self.cancel.is_cancelled() {
            true => Err(End::cancelled()),
            false => Ok(()),
        }
    }

    /// Tells an attempt at a model, and what it used.
    pub(crate) fn attempted(&self, attempt: &llm::Attempt) {
        self.emit(Update::ModelCall {
            call: crate::failure::call_of(attempt),
        });
        if let Some(usage) = crate::failure::usage_of(attempt) {
            self.count(usage);
        }
    }

    /// Adds a model call's usage to the task's.
    fn count(&self, usage: Usage) {
        self.usage.lock().add(&usage);
        self.emit(Update::Usage { usage });
    }

    fn finish(&self, end: End) {
        if end.reason == FinishReason::Cancelled && self.shared.peers.gives_back(&self.id) {
            return;
        }
        let unanswered: Vec<_> = self.conversation.lock().unanswered().to_vec();
        for call in unanswered {
            let failure = Failure::new(
                Code::Cancelled,
                "the task ended before this call was answered",
            );
            self.emit(Update::ToolResult {
                result: ToolResult {
                    id: call.id,
                    status: ToolStatus::Failed,
                    output: failure.message.clone(),
                    failure: Some(failure),
                    exit_code: None,
                    enforced_by: Vec::new(),
                    duration_ms: 0,
                },
            });
        }
        // From here on nobody can steer; what was said too late is kept in the history and said to be unheard.
        self.steering.lock().close();
        if self.take_steering() {
            self.emit(Update::Notice {
                level: Level::Warning,
                message: "your last words came too late for this task".into(),
                hint: Some("say them in a new task of the same session".into()),
            });
        }
        self.keep_edit_forms();
        let usage = self.usage.lock().clone();
        self.emit(Update::Finished {
            reason: end.reason,
            exit_code: end.reason.exit_code(),
            summary: end.summary,
            failure: end.failure,
            usage,
            duration_ms: elapsed_ms(self.started),
        });
    }
}

/// Milliseconds since `start`.
pub(crate) fn elapsed_ms(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}
