//! `recall`: what is known of the project beyond this task, searched. It reads only, and what it finds orders and allows nothing.

use super::{Output, Tool, field, input_of};
use crate::desk::Desk;
use crate::memory;
use crate::validate::slim;
use futures::future::BoxFuture;
use protocol::{Failure, ToolKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Memories that are shown at most.
const SHOWN: usize = 10;

/// The tool.
pub struct Recall;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// Plain words; none for the newest.
    query: String,
}

impl Tool for Recall {
    fn name(&self) -> &'static str {
        "recall"
    }

    fn about(&self) -> &'static str {
        "Search what earlier tasks noted about this project."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Search
    }

    fn schema(&self) -> Value {
        slim::<Input>()
    }

    fn title(&self, input: &Value) -> String {
        format!("recall {:?}", field(input, "query"))
    }

    fn run<'a>(
        &'a self,
        input: Value,
        desk: &'a mut Desk<'_>,
    ) -> BoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let input: Input = input_of(input)?;
            let memories = desk.shared.memories.clone();
            let found = desk
                .apart(move |_| memories.search(&input.query, None, SHOWN))
                .await?;
            Ok(Output::from(match found.is_empty() {
                true => "nothing is remembered about that".to_owned(),
                false => memory::told(&found).trim_start().to_owned(),
            }))
        })
    }
}
