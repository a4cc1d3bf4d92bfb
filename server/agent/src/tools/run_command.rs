//! `run_command`: a shell line, judged by policy and confined by phase. While acting it runs in a copy of the workspace that
//! holds the draft, so the model sees what its edits do; in every other phase nothing on disk can change.

use super::{Output, Tool, field, input_of};
use crate::desk::Desk;
use crate::validate::slim;
use futures::future::BoxFuture;
use protocol::{Failure, ToolKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// The tool.
pub struct RunCommand;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// A shell line.
    command: String,
    #[serde(default)]
    timeout_seconds: Option<u64>,
}

impl Tool for RunCommand {
    fn name(&self) -> &'static str {
        "run_command"
    }

    fn about(&self) -> &'static str {
        "Run a shell command, without network. Once the plan is stated it runs in a private, writable copy of the workspace with your draft; before, nothing can be written."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Execute
    }

    fn schema(&self) -> Value {
        slim::<Input>()
    }

    fn title(&self, input: &Value) -> String {
        format!("$ {}", field(input, "command"))
    }

    fn run<'a>(
        &'a self,
        input: Value,
        desk: &'a mut Desk<'_>,
    ) -> BoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let input: Input = input_of(input)?;
            crate::command::run(desk, &input.command, input.timeout_seconds).await
        })
    }
}
