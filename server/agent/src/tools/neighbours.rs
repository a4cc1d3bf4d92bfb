//! `neighbours`: what a definition uses, and what uses it.

use super::{Output, Tool, bounded, field, input_of};
use crate::desk::Desk;
use crate::navigate::{self, About};
use crate::validate::slim;
use futures::future::BoxFuture;
use protocol::{Failure, ToolKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Definitions that are listed at most on each side.
const MOST: usize = 30;
const LIMIT: usize = 16 * 1024;

/// The tool.
pub struct Neighbours;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// `name` or `Container::name`.
    name: String,
    /// The file that defines it, where several do.
    #[serde(default)]
    path: Option<String>,
}

impl Tool for Neighbours {
    fn name(&self) -> &'static str {
        "neighbours"
    }

    fn about(&self) -> &'static str {
        "List the definitions of the workspace that a definition uses and those that use it: what a change may touch."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Search
    }

    fn schema(&self) -> Value {
        slim::<Input>()
    }

    fn title(&self, input: &Value) -> String {
        format!("neighbours of {}", field(input, "name"))
    }

    fn run<'a>(
        &'a self,
        input: Value,
        desk: &'a mut Desk<'_>,
    ) -> BoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let Input { name, path } = input_of(input)?;
            let about = navigate::checked(About {
                name: Some(name),
                path,
                k: Some(MOST),
                ..About::default()
            })?;
            let near = navigate::ask_draft(desk.shared, desk.draft, move |code| {
                navigate::neighbours(code, &about)
            })
            .await?;
            let mut text = super::line_of(&near.of);
            text.push_str("uses:\n");
            near.uses
                .iter()
                .for_each(|it| text.push_str(&super::line_of(it)));
            text.push_str("used by:\n");
            near.used_by
                .iter()
                .for_each(|it| text.push_str(&super::user_of(it)));
            if !near.others.is_empty() {
                text.push_str("other definitions of that name:\n");
                for it in near.others.iter().take(MOST) {
                    text.push_str(&format!("{}:{} {}\n", it.path, it.start, it.full_name()));
                }
            }
            Ok(Output::from(bounded(text, LIMIT, "use references")))
        })
    }
}
