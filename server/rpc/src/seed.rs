//! Seed: the words of the original program. A request of its clients becomes ours; our events become its own, with exactly one
//! `done`, last.

use crate::proto::seed::{RunTaskEvent, RunTaskRequest};
use crate::proto::to_struct;
use protocol::{
    AskedCall, CallId, Code, Critique, Event, Failure, Finding, FinishReason, Plan, SessionId,
    Severity, StepStatus, TaskRequest, TestReport, TestVerdict, Update,
};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::LazyLock;

/// Keys that only requests of the original program have.
const ITS_OWN: [&str; 5] = [
    "session_id",
    "correlation_id",
    "planner_model",
    "critic_model",
    "context_paths",
];

/// Longest id of a client, in bytes.
const LONGEST: usize = 128;

/// Whether a request is written in the words of the original program.
pub fn speaks(request: &Value) -> bool {
    ITS_OWN.iter().any(|key| request.get(key).is_some())
}

/// A request out of JSON.
///
/// # Errors
/// `invalid_input` for what the message does not have.
pub fn read(request: Value) -> Result<RunTaskRequest, Failure> {
    let known = ["model", "prompt", "tools"];
    let strange = request.as_object().and_then(|fields| {
        let mut keys = fields.keys();
        keys.find(|key| !known.contains(&key.as_str()) && !ITS_OWN.contains(&key.as_str()))
    });
    if let Some(key) = strange {
        return Err(invalid(format!("a request has no field `{key}`")));
    }
    serde_json::from_value(request).map_err(|error| invalid(error.to_string()))
}

/// The ids that every event of a task carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The client's name for the session.
    pub session: String,
    /// The client's name for the task.
    pub correlation: String,
}

impl Names {
    /// What was wrong with a message of the client.
    pub fn error(&self, error: &str) -> RunTaskEvent {
        RunTaskEvent {
            r#type: "error".to_owned(),
            session_id: self.session.clone(),
            correlation_id: self.correlation.clone(),
            error: error.to_owned(),
            ..RunTaskEvent::default()
        }
    }
}

/// Our request for one of the original program, and the names to answer with.
///
/// # Errors
/// `invalid_input` for ids that cannot be, and for what is not carried out.
pub fn request(run: RunTaskRequest) -> Result<(TaskRequest, Names), Failure> {
    let session = match run.session_id.is_empty() {
        true => uuid::Uuid::now_v7().simple().to_string(),
        false => run.session_id,
    };
    let correlation = match run.correlation_id.is_empty() {
        true => format!("{session}-corr"),
        false => run.correlation_id,
    };
    if correlation.len() > LONGEST || correlation.chars().any(char::is_control) {
        return Err(invalid(format!(
            "correlation_id is at most {LONGEST} bytes without control characters"
        )));
    }
    let tools = run.tools.into_iter().map(|call| {
        let args = call.args.as_option().map(crate::proto::to_json);
        Ok(AskedCall {
            name: call.name,
            args: args.transpose()?.unwrap_or_else(|| json!({})),
        })
    });
    let tools = tools.collect::<Result<_, Failure>>()?;
    let named = |name: String| (!name.is_empty()).then_some(name);
    let request = TaskRequest {
        prompt: run.prompt,
        context: run.context_paths,
        session: Some(SessionId(session.clone())),
        model: named(run.model),
        planner_model: named(run.planner_model),
        critic_model: named(run.critic_model),
        tools,
        ..TaskRequest::default()
    };
    Ok((
        request,
        Names {
            session,
            correlation,
        },
    ))
}

/// An event as a line of JSON. What tells how far a client has come, and what a tool's answer always has, is never left out.
pub fn line(said: &RunTaskEvent, seq: u64) -> Value {
    let mut line = json(said);
    line["seq"] = json!(seq);
    line
}

/// An event as JSON, as `RunTask` says it in that form.
pub fn json(said: &RunTaskEvent) -> Value {
    let mut line = serde_json::to_value(said).unwrap_or_default();
    crate::proto::whole(&mut line);
    if said.r#type == "tool" && said.message.is_empty() {
        line["exit_code"] = json!(said.exit_code);
        line["tool_output"] = json!(said.tool_output);
    }
    line
}

/// The original program's names of our tools.
static ITS_NAMES: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let schemas = agent::tool_schemas().unwrap_or_default();
    let tools = schemas["tools"].as_array().into_iter().flatten();
    let named = tools.filter_map(|tool| {
        let word = |key: &str| tool[key].as_str().map(str::to_owned);
        Some((word("alias_of")?, word("name")?))
    });
    named.collect()
});

/// The original program's name of a tool; ours where it has none.
fn its_name(tool: &str) -> String {
    ITS_NAMES.get(tool).map_or(tool, String::as_str).to_owned()
}

/// The events of one task in the words of the original program.
pub struct Dialect {
    names: Names,
    /// The turn that runs, or the next.
    turn: i32,
    /// The turn that was last.
    last: i32,
    /// What the model said since its last turn.
    said: String,
    calls: HashMap<CallId, String>,
}

impl Dialect {
    /// For a task that is known by these names.
    pub fn new(names: Names) -> Dialect {
        Dialect {
            names,
            turn: 1,
            last: 1,
            said: String::new(),
            calls: HashMap::new(),
        }
    }

    /// What is said for one of our events, in order.
    pub fn say(&mut self, event: &Event) -> Vec<RunTaskEvent> {
        match &event.update {
            Update::Message { text } => {
                self.said.push_str(text);
                vec![RunTaskEvent {
                    token: text.clone(),
                    ..self.of("token")
                }]
            }
            Update::Turn { turn, text, .. } => {
                self.turn = i32::try_from(*turn).unwrap_or(i32::MAX);
                let said = std::mem::take(&mut self.said);
                let whole = text.clone().unwrap_or(said);
                let told = (!whole.trim().is_empty()).then(|| self.message(whole));
                self.last = self.turn;
                self.turn = self.turn.saturating_add(1);
                told.into_iter().collect()
            }
            Update::Plan { plan } => vec![RunTaskEvent {
                message: steps(plan),
                ..self.of("plan")
            }],
            Update::ToolCall { call } => {
                let name = its_name(&call.name);
                self.calls.insert(call.id.clone(), name.clone());
                vec![RunTaskEvent {
                    message: match call.title.is_empty() {
                        true => name.clone(),
                        false => call.title.clone(),
                    },
                    tool_name: name,
                    ..self.of("tool")
                }]
            }
            Update::ToolResult { result } => vec![RunTaskEvent {
                tool_name: self.calls.remove(&result.id).unwrap_or_default(),
                tool_output: result.output.clone(),
                exit_code: result.exit_code.unwrap_or_default(),
                error: said(result.failure.as_ref()),
                ..self.of("tool")
            }],
            Update::Critique { critique } => vec![RunTaskEvent {
                message: critique.notes.clone(),
                critique: to_struct(judgement(critique)).into(),
                ..self.of("reflect")
            }],
            Update::Test { report } if report.verdict != TestVerdict::Running => {
                vec![self.tested(report)]
            }
            Update::Notice { message, hint, .. } => {
                let hint = hint.as_ref().map(|hint| format!(" ({hint})"));
                vec![self.message(format!("{message}{}", hint.unwrap_or_default()))]
            }
            Update::Waiting { message, .. } | Update::Fallback { message, .. } => {
                vec![self.message(message.clone())]
            }
            Update::Approval { approval } => vec![self.message(format!(
                "{} needs an answer: {} ({})",
                approval.id,
                approval.title,
                approval.details.join("; ")
            ))],
            Update::Finished {
                reason,
                summary,
                failure,
                ..
            } => self.finish(*reason, summary, failure.as_ref()),
            _ => Vec::new(),
        }
    }

    fn finish(
        &self,
        reason: FinishReason,
        summary: &str,
        failure: Option<&Failure>,
    ) -> Vec<RunTaskEvent> {
        let error = match (failure, reason) {
            (Some(failure), _) => failure.to_string(),
            (None, FinishReason::Cancelled) => "cancelled".to_owned(),
            (None, _) => String::new(),
        };
        let failed = (!error.is_empty()).then(|| RunTaskEvent {
            error,
            step: self.last,
            ..self.of("error")
        });
        let done = RunTaskEvent {
            done: true,
            step: self.last,
            finish_reason: word(reason).to_owned(),
            message: summary.to_owned(),
            ..self.of("done")
        };
        failed.into_iter().chain([done]).collect()
    }

    fn tested(&self, report: &TestReport) -> RunTaskEvent {
        let verdict = match report.verdict {
            TestVerdict::Passed => "passed",
            TestVerdict::Failed => "failed",
            TestVerdict::Broken | TestVerdict::Running => "could not run",
        };
        let count = |count: Option<u32>, word: &str| count.map(|count| format!(", {count} {word}"));
        let counts = [
            count(report.passed, "passed"),
            count(report.failed, "failed"),
        ];
        let counts: String = counts.into_iter().flatten().collect();
        RunTaskEvent {
            message: report.output.clone(),
            exit_code: report.exit_code.unwrap_or_default(),
            test_summary: format!("{verdict}: {}{counts}", report.command),
            failing_tests: report.failing.clone(),
            test_attempts: i32::try_from(report.attempt).unwrap_or(i32::MAX),
            error: match report.verdict {
                TestVerdict::Broken => "the tests could not run to an end".to_owned(),
                _ => String::new(),
            },
            ..self.of("test")
        }
    }

    fn message(&self, text: String) -> RunTaskEvent {
        RunTaskEvent {
            message: text,
            ..self.of("message")
        }
    }

    fn of(&self, kind: &str) -> RunTaskEvent {
        RunTaskEvent {
            r#type: kind.to_owned(),
            session_id: self.names.session.clone(),
            correlation_id: self.names.correlation.clone(),
            step: self.turn,
            ..RunTaskEvent::default()
        }
    }
}

/// How a task ended, in the word of the original program where it has one.
pub fn word(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::BlockedByCritic => "blocked_by_reflect",
        reason => reason.as_str(),
    }
}

fn steps(plan: &Plan) -> String {
    let line = |(number, step): (usize, &protocol::Step)| {
        let mark = match step.status {
            StepStatus::Pending => "",
            StepStatus::InProgress => " (now)",
            StepStatus::Completed => " (done)",
        };
        format!("{}. {}{mark}", number + 1, step.content)
    };
    let lines: Vec<String> = plan.entries.iter().enumerate().map(line).collect();
    lines.join("\n")
}

fn judgement(critique: &Critique) -> Value {
    let texts = |wanted: fn(&Finding) -> bool| -> Vec<String> {
        let wanted = critique.findings.iter().filter(|finding| wanted(finding));
        wanted.map(finding).collect()
    };
    json!({
        "quality": critique.quality,
        "issues": texts(|finding| finding.severity > Severity::Info),
        "recommendations": texts(|finding| finding.severity == Severity::Info),
        "block_apply": critique.is_critical(),
        "notes": critique.notes,
    })
}

fn finding(finding: &Finding) -> String {
    let line = finding.line.map(|line| format!(":{line}"));
    match &finding.path {
        Some(path) => format!("{path}{}: {}", line.unwrap_or_default(), finding.message),
        None => finding.message.clone(),
    }
}

fn said(failure: Option<&Failure>) -> String {
    failure.map(ToString::to_string).unwrap_or_default()
}

fn invalid(message: String) -> Failure {
    Failure::new(Code::InvalidInput, message)
}
