//! `read_file`: a file's text as the draft has it, whole or by lines.

use super::{Output, Tool, bounded, field, input_of};
use crate::desk::Desk;
use crate::validate::slim;
use futures::future::BoxFuture;
use protocol::{Code, Failure, ToolKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

const LIMIT: usize = 64 * 1024;

/// The tool.
pub struct ReadFile;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    path: String,
    /// First line, from 1.
    #[serde(default)]
    start: Option<usize>,
    /// Last line, inclusive.
    #[serde(default)]
    end: Option<usize>,
}

impl Tool for ReadFile {
    fn name(&self) -> &'static str {
        "read_file"
    }

    fn about(&self) -> &'static str {
        "Read a file, or lines start..end of it. The first output line is a header, the rest is the exact text."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Read
    }

    fn schema(&self) -> Value {
        slim::<Input>()
    }

    fn title(&self, input: &Value) -> String {
        match (
            input.get("start").and_then(Value::as_u64),
            input.get("end").and_then(Value::as_u64),
        ) {
            (Some(start), Some(end)) => format!("read {}:{start}-{end}", field(input, "path")),
            (Some(start), None) => format!("read {}:{start}-", field(input, "path")),
            _ => format!("read {}", field(input, "path")),
        }
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
            let total = text.lines().count();
            let start = input.start.unwrap_or(1).max(1);
            let end = input.end.unwrap_or(total).min(total);
            if start > end.max(1) {
                return Err(Failure::new(
                    Code::InvalidInput,
                    format!("{path} has {total} lines; {start}-{end} is empty"),
                ));
            }
            let part: String = text
                .split_inclusive('\n')
                .skip(start - 1)
                .take(end + 1 - start)
                .collect();
            let header = format!("{path}, lines {start}-{end} of {total}\n");
            Ok(Output::from(
                header + &bounded(part, LIMIT, "ask for fewer lines with start and end"),
            ))
        })
    }
}
