//! One tool call: checked, gated by phase, run, answered. Exactly one result a call, whatever happens (A5).

use super::{End, Task, elapsed_ms};
use crate::desk::Desk;
use crate::heal;
use crate::phase::{Gate, gate};
use crate::repeat::Rounds;
use crate::tools::{Output, Tool};
use crate::validate::Shape;
use futures::FutureExt;
use protocol::{
    Code, Failure, FinishReason, Intent, Phase, ToolCall, ToolKind, ToolResult, ToolStatus, Update,
};
use std::panic::AssertUnwindSafe;
use std::time::Instant;
use workspace::Draft;

/// Whether any call of a turn could run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ran {
    Some,
    None,
}

impl Task {
    /// Runs the calls of the latest turn, in order.
    pub(super) async fn run_calls(&self, draft: &mut Draft) -> Result<Ran, End> {
        let calls = self.calls();
        let (mut planned, mut ran, mut done) = (false, Ran::None, Vec::new());
        for call in calls {
            let start = Instant::now();
            let outcome = match self.fitting(&call) {
                Ok((tool, _)) => {
                    ran = Ran::Some;
                    self.attempt(&call, tool, draft).await
                }
                Err(failure) => Err(failure),
            };
            planned |= outcome.is_ok() && call.name == "update_plan";
            if outcome.is_ok() {
                done.push(call.clone());
            }
            self.note_edit(&call, outcome.as_ref().err().map(|failure| failure.code));
            self.answer(&call, outcome, start)?;
        }
        if planned && self.phase() == Phase::Plan {
            self.enter(Phase::Act)?;
        }
        self.tell_guides(&done, draft).await;
        self.tell_edit_form();
        Ok(ran)
    }

    /// The tool of a call whose arguments fit it.
    fn fitting(&self, call: &ToolCall) -> Result<(&dyn Tool, &Shape), Failure> {
        if self.cancel.is_cancelled() {
            return Err(Failure::new(Code::Cancelled, "cancelled"));
        }
        let (tool, shape) = self.shared.toolbox()?.find(&call.name)?;
        if let serde_json::Value::String(raw) = &call.input {
            let why = heal::exact(raw).err();
            let why = why.unwrap_or_else(|| "it is not an object".into());
            let mut said = format!("{}: the arguments are not a JSON object: {why}", call.name);
            for violation in heal::violations(raw, shape) {
                said.push_str(&format!("\n- {violation}"));
            }
            let failure = Failure::new(Code::InvalidInput, said);
            return Err(failure.hint("call it again with one JSON object that fits the schema"));
        }
        shape.check(&call.name, &call.input)?;
        Ok((tool, shape))
    }

    async fn attempt(
        &self,
        call: &ToolCall,
        tool: &dyn Tool,
        draft: &mut Draft,
    ) -> Result<Output, Failure> {
        let into = |end: End| {
            end.failure
                .unwrap_or_else(|| Failure::new(Code::Internal, end.summary))
        };
        if self.request.intent == Intent::Explain && tool.kind() == ToolKind::Edit {
            let failure = Failure::new(
                Code::PhaseRefused,
                "the user asked for an explanation; nothing may be edited",
            );
            return Err(failure.hint("answer in words"));
        }
        match gate(self.shared.config.profile, self.phase(), tool.kind()) {
            Gate::Open => {}
            Gate::After(phase) => self.enter(phase).map_err(into)?,
            Gate::Shut(failure) => return Err(failure),
        }
        let origin = self.phase();
        // Noting a plan is no effect; it needs no phase of its own.
        if tool.kind() != ToolKind::Think {
            self.enter(Phase::Tool).map_err(into)?;
        }
        let mut desk = Desk {
            task: self,
            shared: &self.shared,
            draft,
            phase: origin,
            call: &call.id,
        };
        let work = AssertUnwindSafe(tool.run(call.input.clone(), &mut desk)).catch_unwind();
        let outcome = match tool.kind() {
            // A command ends its own children on cancel and says so; nothing may drop it before.
            ToolKind::Execute => work.await,
            _ => tokio::select! {
                outcome = work => outcome,
                () = self.cancel.cancelled() => Ok(Err(Failure::new(Code::Cancelled, "cancelled"))),
            },
        };
        if self.phase() == Phase::Waiting {
            self.enter(Phase::Tool).map_err(into)?;
        }
        self.enter(origin).map_err(into)?;
        outcome.unwrap_or_else(|_| {
            Err(Failure::new(
                Code::Internal,
                format!("{} failed by a defect of Animus", call.name),
            ))
        })
    }

    fn answer(
        &self,
        call: &ToolCall,
        outcome: Result<Output, Failure>,
        start: Instant,
    ) -> Result<(), End> {
        let (mut output, failure) = match outcome {
            Ok(output) => (output, None),
            Err(failure) => (
                Output::from(format!("error ({}): {failure}", failure.code.as_str())),
                Some(failure),
            ),
        };
        let rounds = self
            .repeats
            .lock()
            .note(&call.name, &call.input, &output.text);
        if rounds == Rounds::Third {
            output.text.push_str("\n[You have made this call three times with the same result. Do something else, or end.]");
        }
        let cancelled = failure
            .as_ref()
            .is_some_and(|failure| failure.code == Code::Cancelled);
        self.emit(Update::ToolResult {
            result: ToolResult {
                id: call.id.clone(),
                status: if failure.is_some() {
                    ToolStatus::Failed
                } else {
                    ToolStatus::Completed
                },
                output: output.text,
                failure,
                exit_code: output.exit_code,
                enforced_by: output.enforced_by,
                duration_ms: elapsed_ms(start),
            },
        });
        match (cancelled, rounds) {
            (true, _) => Err(End::cancelled()),
            (_, Rounds::Fourth) => Err(End::new(
                FinishReason::LoopDetected,
                format!(
                    "The model repeated `{}` with the same result four times. Your files are as they were.",
                    call.title
                ),
            )),
            _ => Ok(()),
        }
    }
}
