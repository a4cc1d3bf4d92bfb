//! Asked: the calls that a request lists. They run before the model's first turn as if it had made them, gated and judged alike,
//! and a call that fails is an answer like any other.

use super::{End, Task};
use crate::tools::{Toolbox, aliases};
use protocol::{AskedCall, Code, Failure, FinishReason, TaskRequest, Update};
use serde_json::Value;
use workspace::Draft;

/// Most calls of one request.
const MOST: usize = 32;

/// What stands for the words of the model in the turn of these calls.
const WORDS: &str = "First the calls that the request asks for.";

/// A request's calls, as calls of our tools.
///
/// # Errors
/// `invalid_input` and `not_found` for calls that could never run, and for too many.
pub(crate) fn calls(
    toolbox: &Toolbox,
    request: &TaskRequest,
) -> Result<Vec<(String, Value)>, Failure> {
    if request.tools.len() > MOST {
        return Err(Failure::new(
            Code::InvalidInput,
            format!("a request asks for at most {MOST} calls"),
        ));
    }
    let calls = request.tools.iter();
    calls
        .map(|call| aliases::translated(toolbox, &call.name, &call.args))
        .collect()
}

/// Those of an earlier request that can still run: settings may have changed since.
pub(crate) fn possible(toolbox: &Toolbox, mut calls: Vec<AskedCall>) -> Vec<AskedCall> {
    calls.retain(|call| aliases::translated(toolbox, &call.name, &call.args).is_ok());
    calls.truncate(MOST);
    calls
}

impl Task {
    /// Runs them.
    pub(super) async fn run_asked(&self, draft: &mut Draft) -> Result<(), End> {
        let toolbox = self.shared.toolbox().map_err(End::of)?;
        let calls = calls(toolbox, &self.request)
            .map_err(|failure| End::failed(FinishReason::NeedsUser, failure))?;
        if calls.is_empty() {
            return Ok(());
        }
        for (name, input) in calls {
            let call = llm::Call {
                id: format!("call_{}", crate::new_id()),
                name,
                arguments: input.to_string(),
            };
            let told = self.describe(call.id.clone(), &call, &llm::Stop::ToolUse)?;
            self.emit(Update::ToolCall { call: told });
        }
        self.emit(Update::Turn {
            turn: 0,
            text: Some(WORDS.to_owned()),
            carry: None,
        });
        self.run_calls(draft).await.map(drop)
    }
}
