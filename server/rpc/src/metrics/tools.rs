//! Tools: their calls, by name, and what came of them. A name that a model made up is `unknown`: it makes no series.

use super::{counter, histogram, seconds};
use prometheus::{HistogramVec, IntCounterVec, Registry};
use protocol::{Code, Event, TaskId, ToolResult, Update};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

const UNKNOWN: &str = "unknown";

/// Calls whose result is still to come, at most; a model that makes more in one breath has them counted as unknown.
const OPEN: usize = 4096;

/// The counters of tools.
pub struct Tools {
    known: Vec<String>,
    open: Mutex<HashMap<(TaskId, String), String>>,
    calls: IntCounterVec,
    time: HistogramVec,
    healed: IntCounterVec,
    refused: IntCounterVec,
}

impl Tools {
    /// For the tools of these names.
    pub fn new(registry: &Registry, known: Vec<String>) -> Tools {
        let tools = Tools {
            open: Mutex::default(),
            calls: counter(
                registry,
                "animus_tool_calls_total",
                "Answered tool calls.",
                &["tool", "status"],
            ),
            time: histogram(
                registry,
                "animus_tool_seconds",
                "Wall time of a tool call, waiting for a person included.",
                &["tool"],
                &[0.005, 0.025, 0.1, 0.5, 2.0, 10.0, 60.0, 300.0],
            ),
            healed: counter(
                registry,
                "animus_healed_tool_calls_total",
                "Calls whose arguments were put right before they ran.",
                &["tool"],
            ),
            refused: counter(
                registry,
                "animus_refusals_total",
                "Tool calls that were not allowed: by policy or a person, by the phase, by the path, or for want of a sandbox.",
                &["code"],
            ),
            known,
        };
        let all = tools.known.iter().map(String::as_str);
        for tool in all.chain([UNKNOWN]) {
            for status in ["completed", "failed"] {
                tools.calls.with_label_values(&[tool, status]);
            }
            tools.time.with_label_values(&[tool]);
        }
        for code in REFUSALS {
            tools.refused.with_label_values(&[code.as_str()]);
        }
        tools
    }

    /// Takes one fact in.
    pub fn apply(&self, event: &Event) {
        match &event.update {
            Update::ToolCall { call } => {
                let tool = self.label(&call.name);
                if !call.healed.is_empty() {
                    self.healed.with_label_values(&[tool]).inc();
                }
                let mut open = self.open();
                if open.len() < OPEN {
                    let key = (event.task.clone(), call.id.as_str().to_owned());
                    open.insert(key, tool.to_owned());
                }
            }
            Update::ToolResult { result } => self.answered(&event.task, result),
            Update::Finished { .. } => self.open().retain(|(task, _), _| *task != event.task),
            _ => {}
        }
    }

    fn answered(&self, task: &TaskId, result: &ToolResult) {
        let key = (task.clone(), result.id.as_str().to_owned());
        let tool = self.open().remove(&key);
        let tool = tool.as_deref().unwrap_or(UNKNOWN);
        let status = match result.failure {
            Some(_) => "failed",
            None => "completed",
        };
        self.calls.with_label_values(&[tool, status]).inc();
        self.time
            .with_label_values(&[tool])
            .observe(seconds(result.duration_ms));
        let code = result.failure.as_ref().map(|failure| failure.code);
        if let Some(code) = code.filter(|code| REFUSALS.contains(code)) {
            self.refused.with_label_values(&[code.as_str()]).inc();
        }
    }

    fn label(&self, name: &str) -> &str {
        let known = self.known.iter().find(|known| *known == name);
        known.map_or(UNKNOWN, String::as_str)
    }

    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<(TaskId, String), String>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Failures that say that something was not allowed.
const REFUSALS: [Code; 4] = [
    Code::Denied,
    Code::PhaseRefused,
    Code::PathRefused,
    Code::SandboxUnavailable,
];
