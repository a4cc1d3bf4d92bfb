//! `write_file`: a whole file's text into the draft.

use super::{Output, Tool, field, input_of};
use crate::desk::Desk;
use crate::validate::slim;
use futures::future::BoxFuture;
use protocol::{Failure, ToolKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// The tool.
pub struct WriteFile;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    path: String,
    /// The file's whole text.
    content: String,
}

impl Tool for WriteFile {
    fn name(&self) -> &'static str {
        "write_file"
    }

    fn about(&self) -> &'static str {
        "Write a whole file in the draft: for new files and complete rewrites. Use apply_patch for changes."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Edit
    }

    fn schema(&self) -> Value {
        slim::<Input>()
    }

    fn title(&self, input: &Value) -> String {
        format!("write {}", field(input, "path"))
    }

    fn run<'a>(
        &'a self,
        input: Value,
        desk: &'a mut Desk<'_>,
    ) -> BoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let input: Input = input_of(input)?;
            let path = desk.writable(&input.path)?;
            let before = desk.draft.clone();
            desk.edit(|draft| {
                draft
                    .write(&path, &input.content)
                    .map_err(crate::failure::of_workspace)
            })
            .await?;
            let users = desk.also_used(&before).await;
            Ok(Output::from(format!(
                "{path} written to the draft, lines: {}{users}",
                input.content.lines().count()
            )))
        })
    }
}
