//! `references`: the lines that use a name.

use super::{Output, Tool, bounded, field, input_of};
use crate::desk::Desk;
use crate::navigate::{self, About};
use crate::validate::slim;
use futures::future::BoxFuture;
use protocol::{Failure, ToolKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Uses that are listed at most.
const MOST: usize = 100;
const LIMIT: usize = 16 * 1024;

/// The tool.
pub struct References;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// `name` or `Container::name`.
    name: String,
}

impl Tool for References {
    fn name(&self) -> &'static str {
        "references"
    }

    fn about(&self) -> &'static str {
        "List the uses of a name in code (no comments, strings or definitions), nearest first. Output: path:line: text, in the definition around it."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Search
    }

    fn schema(&self) -> Value {
        slim::<Input>()
    }

    fn title(&self, input: &Value) -> String {
        format!("references to {}", field(input, "name"))
    }

    fn run<'a>(
        &'a self,
        input: Value,
        desk: &'a mut Desk<'_>,
    ) -> BoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let Input { name } = input_of(input)?;
            let about = About {
                name: Some(name.clone()),
                k: Some(MOST),
                ..About::default()
            };
            let found = navigate::ask_draft(desk.shared, desk.draft, move |code| {
                navigate::references(code, &about)
            })
            .await?;
            if found.uses.is_empty() {
                return Ok(Output::from(format!("no code uses `{name}`")));
            }
            let mut text = String::new();
            for it in &found.uses {
                let within = it.within.as_ref().map(|name| format!("  (in {name})"));
                text.push_str(&format!(
                    "{}:{}: {}{}\n",
                    it.path,
                    it.line,
                    it.text,
                    within.unwrap_or_default()
                ));
            }
            if found.more {
                text.push_str("[there may be more: find_text with a glob shows the rest]\n");
            }
            Ok(Output::from(bounded(
                text,
                LIMIT,
                "use find_text with a glob",
            )))
        })
    }
}
