//! `restore`: a file of the draft goes back to the user's text.

use super::{Output, Tool, field, input_of};
use crate::desk::Desk;
use crate::validate::slim;
use futures::future::BoxFuture;
use protocol::{Failure, ToolKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// The tool.
pub struct Restore;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    path: String,
}

impl Tool for Restore {
    fn name(&self) -> &'static str {
        "restore"
    }

    fn about(&self) -> &'static str {
        "Undo all your edits of one file in the draft."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Edit
    }

    fn schema(&self) -> Value {
        slim::<Input>()
    }

    fn title(&self, input: &Value) -> String {
        format!("restore {}", field(input, "path"))
    }

    fn run<'a>(
        &'a self,
        input: Value,
        desk: &'a mut Desk<'_>,
    ) -> BoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let input: Input = input_of(input)?;
            let path = desk.writable(&input.path)?;
            desk.edit(|draft| {
                draft.restore(&path);
                Ok(())
            })
            .await?;
            Ok(Output::from(format!("{path} is as the user has it")))
        })
    }
}
