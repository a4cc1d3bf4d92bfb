//! `outline`: a file's definitions.

use super::{Output, Tool, field, input_of};
use crate::desk::Desk;
use crate::validate::slim;
use futures::future::BoxFuture;
use protocol::{Failure, ToolKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// The tool.
pub struct Outline;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    path: String,
}

impl Tool for Outline {
    fn name(&self) -> &'static str {
        "outline"
    }

    fn about(&self) -> &'static str {
        "List a file's definitions with their lines and signatures."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Read
    }

    fn schema(&self) -> Value {
        slim::<Input>()
    }

    fn title(&self, input: &Value) -> String {
        format!("outline {}", field(input, "path"))
    }

    fn run<'a>(
        &'a self,
        input: Value,
        desk: &'a mut Desk<'_>,
    ) -> BoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let input: Input = input_of(input)?;
            let path = desk.readable_or_ask(&input.path).await?;
            let text = desk.text(&path)?;
            let symbols = index::outline(path.as_str(), &text);
            if symbols.is_empty() {
                return Ok(Output::from(format!(
                    "{path}: {} lines, no definitions known",
                    text.lines().count()
                )));
            }
            let lines: Vec<String> = symbols
                .iter()
                .map(|s| format!("{}-{} {}", s.start, s.end, s.signature))
                .collect();
            Ok(Output::from(lines.join("\n") + "\n"))
        })
    }
}
