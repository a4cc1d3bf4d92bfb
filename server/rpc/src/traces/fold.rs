//! Fold: from events to spans. A task is a trace: the root is the task, below it its phases, below them the calls of models and
//! tools, the test runs and the questions.

use super::span::{self, Kind};
use opentelemetry_proto::tonic::trace::v1::Span;
use protocol::{
    ApprovalState, Event, FinishReason, ModelCall, Phase, TaskId, TaskRequest, TestReport,
    TestVerdict, ToolCall, ToolResult, Update, Usage,
};
use std::collections::HashMap;

/// Calls or questions of one task that are open at a time, at most; what is beyond has no span.
const OPEN: usize = 256;

/// The tasks that run, as spans that are not over.
pub struct Fold {
    live: HashMap<TaskId, Live>,
    tools: Vec<String>,
    percent: f64,
}

struct Live {
    trace: [u8; 16],
    spans: u64,
    root: Span,
    phase: Span,
    calls: HashMap<String, Span>,
    questions: HashMap<String, Span>,
    /// The last attempt at a model; what it used is told behind it.
    attempt: Option<Span>,
}

impl Fold {
    /// Of no task yet. `percent` of a hundred tasks are traced.
    pub fn new(percent: f64) -> Fold {
        let tools = agent::Toolbox::new().map(|tools| tools.specs());
        let tools = tools.iter().flat_map(|specs| specs.iter());
        Fold {
            live: HashMap::new(),
            tools: tools.map(|tool| tool.name.clone()).collect(),
            percent,
        }
    }

    /// Takes one fact in; spans that are over go to `out`.
    pub fn apply(&mut self, event: &Event, out: &mut Vec<Span>) {
        let now = nanos(&event.ts);
        if let Update::Started { request, model, .. } = &event.update {
            let trace = span::trace_of(&event.task);
            if span::is_sampled(trace, self.percent) {
                let live = Live::begin(event, request, model, trace, now);
                self.live.insert(event.task.clone(), live);
            }
            return;
        }
        if let Update::Finished { .. } = &event.update {
            if let Some(live) = self.live.remove(&event.task) {
                live.finish(&event.update, now, out);
            }
            return;
        }
        let Some(live) = self.live.get_mut(&event.task) else {
            return;
        };
        match &event.update {
            Update::Phase { phase, .. } => live.enter(*phase, now, out),
            Update::ModelCall { call } => live.asked(call, now, out),
            Update::Usage { usage } => live.used(usage, out),
            Update::ToolCall { call } => {
                let known = self.tools.iter().find(|tool| **tool == call.name);
                live.called(call, known.map_or("unknown", String::as_str), now);
            }
            Update::ToolResult { result } => live.answered(result, now, out),
            Update::Test { report } if report.verdict != TestVerdict::Running => {
                live.tested(report, now, out);
            }
            Update::Approval { approval } if approval.state == ApprovalState::Pending => {
                let question = live.child("approval", now);
                if live.questions.len() < OPEN {
                    live.questions.insert(approval.id.to_string(), question);
                }
            }
            Update::ApprovalResolved { id, state, .. } => {
                if let Some(mut question) = live.questions.remove(id.as_str()) {
                    let answer = match state {
                        ApprovalState::Allowed => "allowed",
                        ApprovalState::Rejected | ApprovalState::Pending => "rejected",
                    };
                    span::text(&mut question, "animus.approval.answer", answer);
                    span::ended(&mut question, now);
                    out.push(question);
                }
            }
            _ => {}
        }
    }
}

impl Live {
    fn begin(event: &Event, request: &TaskRequest, model: &str, trace: [u8; 16], now: u64) -> Live {
        let mut root = span::open(trace, span::id_of(trace, 0), 0, "invoke_agent animus", now);
        span::text(&mut root, "gen_ai.operation.name", "invoke_agent");
        span::text(&mut root, "gen_ai.agent.name", "animus");
        span::text(&mut root, "gen_ai.conversation.id", event.session.as_str());
        span::text(&mut root, "animus.task.id", event.task.as_str());
        let intent = serde_json::to_value(request.intent).unwrap_or_default();
        let intent = intent.as_str().unwrap_or("do");
        span::text(&mut root, "animus.task.intent", intent);
        model_words(&mut root, model);
        let phase = phase_span(trace, 1, Phase::Intake, now);
        Live {
            trace,
            spans: 2,
            root,
            phase,
            calls: HashMap::new(),
            questions: HashMap::new(),
            attempt: None,
        }
    }

    fn id(&mut self) -> u64 {
        self.spans += 1;
        span::id_of(self.trace, self.spans - 1)
    }

    /// A span below the phase.
    fn child(&mut self, name: &str, began: u64) -> Span {
        let id = self.id();
        let mut child = span::open(self.trace, id, 1, name, began);
        child.parent_span_id.clone_from(&self.phase.span_id);
        child
    }

    fn enter(&mut self, phase: Phase, now: u64, out: &mut Vec<Span>) {
        if phase == Phase::Finished {
            return;
        }
        out.extend(self.attempt.take());
        self.spans += 1;
        let next = phase_span(self.trace, self.spans - 1, phase, now);
        let mut before = std::mem::replace(&mut self.phase, next);
        if phase == Phase::Tool {
            // A call is announced just before its phase begins.
            for call in self.calls.values_mut() {
                call.parent_span_id.clone_from(&self.phase.span_id);
            }
        }
        span::ended(&mut before, now);
        out.push(before);
    }

    fn asked(&mut self, call: &ModelCall, now: u64, out: &mut Vec<Span>) {
        out.extend(self.attempt.take());
        let (_, model) = parts(&call.model);
        let began = now.saturating_sub(call.duration_ms.saturating_mul(1_000_000));
        let mut attempt = self.child(&format!("chat {model}"), began);
        attempt.kind = Kind::Client as i32;
        span::text(&mut attempt, "gen_ai.operation.name", "chat");
        model_words(&mut attempt, &call.model);
        span::text(&mut attempt, "animus.model.role", &call.role);
        span::number(
            &mut attempt,
            "animus.model.attempt",
            u64::from(call.attempt),
        );
        if let Some(ms) = call.first_piece_ms {
            span::number(&mut attempt, "animus.model.first_piece_ms", ms);
        }
        if call.outcome != "answered" {
            span::failed(&mut attempt, &call.outcome);
        }
        span::ended(&mut attempt, now);
        self.attempt = Some(attempt);
    }

    fn used(&mut self, usage: &Usage, out: &mut Vec<Span>) {
        if let Some(mut attempt) = self.attempt.take() {
            tokens(&mut attempt, usage);
            out.push(attempt);
        }
    }

    fn called(&mut self, call: &ToolCall, name: &str, now: u64) {
        let mut span = self.child(&format!("execute_tool {name}"), now);
        span::text(&mut span, "gen_ai.operation.name", "execute_tool");
        span::text(&mut span, "gen_ai.tool.name", name);
        span::text(&mut span, "gen_ai.tool.type", "function");
        span::text(&mut span, "gen_ai.tool.call.id", call.id.as_str());
        if self.calls.len() < OPEN {
            self.calls.insert(call.id.to_string(), span);
        }
    }

    fn answered(&mut self, result: &ToolResult, now: u64, out: &mut Vec<Span>) {
        let Some(mut span) = self.calls.remove(result.id.as_str()) else {
            return;
        };
        if let Some(code) = result.exit_code {
            let code = u64::from(code.unsigned_abs());
            span::number(&mut span, "process.exit.code", code);
        }
        if let Some(failure) = &result.failure {
            span::failed(&mut span, failure.code.as_str());
        }
        span::ended(&mut span, now);
        out.push(span);
    }

    fn tested(&mut self, report: &TestReport, now: u64, out: &mut Vec<Span>) {
        let began = now.saturating_sub(report.duration_ms.saturating_mul(1_000_000));
        let mut span = self.child("test run", began);
        let verdict = match report.verdict {
            TestVerdict::Passed => "passed",
            TestVerdict::Failed => "failed",
            TestVerdict::Broken | TestVerdict::Running => "broken",
        };
        span::text(&mut span, "animus.test.verdict", verdict);
        span::number(&mut span, "animus.test.attempt", u64::from(report.attempt));
        for (key, count) in [
            ("animus.test.passed", report.passed),
            ("animus.test.failed", report.failed),
        ] {
            if let Some(count) = count {
                span::number(&mut span, key, u64::from(count));
            }
        }
        if verdict != "passed" {
            span::failed(&mut span, &format!("test_{verdict}"));
        }
        span::ended(&mut span, now);
        out.push(span);
    }

    fn finish(mut self, update: &Update, now: u64, out: &mut Vec<Span>) {
        let Update::Finished {
            reason,
            failure,
            usage,
            ..
        } = update
        else {
            return;
        };
        out.extend(self.attempt);
        for mut open in self.calls.into_values().chain(self.questions.into_values()) {
            span::failed(&mut open, "unanswered");
            span::ended(&mut open, now);
            out.push(open);
        }
        span::ended(&mut self.phase, now);
        out.push(self.phase);
        span::text(&mut self.root, "animus.finish_reason", reason.as_str());
        tokens(&mut self.root, usage);
        match (failure, reason) {
            (Some(failure), _) => span::failed(&mut self.root, failure.code.as_str()),
            (None, FinishReason::Verified | FinishReason::NoChange | FinishReason::Unverified) => {}
            (None, reason) => span::failed(&mut self.root, reason.as_str()),
        }
        span::ended(&mut self.root, now);
        out.push(self.root);
    }
}

fn phase_span(trace: [u8; 16], n: u64, phase: Phase, now: u64) -> Span {
    let (id, root) = (span::id_of(trace, n), span::id_of(trace, 0));
    let mut span = span::open(trace, id, root, &format!("phase {phase}"), now);
    span::text(&mut span, "animus.phase", phase.as_str());
    span
}

fn model_words(span: &mut Span, model: &str) {
    let (provider, model) = parts(model);
    if !provider.is_empty() {
        span::text(span, "gen_ai.provider.name", provider);
    }
    span::text(span, "gen_ai.request.model", model);
}

/// `provider/model` as two words.
fn parts(model: &str) -> (&str, &str) {
    model.split_once('/').unwrap_or(("", model))
}

fn tokens(span: &mut Span, usage: &Usage) {
    span::number(span, "gen_ai.usage.input_tokens", usage.input_tokens);
    span::number(span, "gen_ai.usage.output_tokens", usage.output_tokens);
    if usage.cached_tokens > 0 {
        let key = "gen_ai.usage.cache_read.input_tokens";
        span::number(span, key, usage.cached_tokens);
    }
    if let Some(cost) = usage.cost_micro_usd {
        span::number(span, "animus.cost_micro_usd", cost);
    }
}

/// Nanoseconds since 1970 of an event's time; 0 for a time that is none.
fn nanos(ts: &str) -> u64 {
    let time: Result<jiff::Timestamp, _> = ts.parse();
    time.map_or(0, |time| u64::try_from(time.as_nanosecond()).unwrap_or(0))
}
