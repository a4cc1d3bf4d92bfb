//! `find_symbol`: where a name is defined.

use super::{Output, Tool, bounded, field, input_of};
use crate::desk::Desk;
use crate::navigate::{self, About};
use crate::validate::slim;
use futures::future::BoxFuture;
use protocol::{Failure, ToolKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Definitions that are listed at most.
const MOST: usize = 30;
const LIMIT: usize = 8 * 1024;

/// The tool.
pub struct FindSymbol;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// `name` or `Container::name`.
    name: String,
}

impl Tool for FindSymbol {
    fn name(&self) -> &'static str {
        "find_symbol"
    }

    fn about(&self) -> &'static str {
        "Find where a name is defined; without an exact match, names like it. Output: path:start-end signature."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Search
    }

    fn schema(&self) -> Value {
        slim::<Input>()
    }

    fn title(&self, input: &Value) -> String {
        format!("find symbol {}", field(input, "name"))
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
                k: Some(MOST + 1),
                ..About::default()
            };
            let found = navigate::ask_draft(desk.shared, desk.draft, move |code| {
                navigate::symbols(code, &about)
            })
            .await?;
            if found.is_empty() {
                return Ok(Output::from(format!(
                    "nothing here defines `{name}` or a name like it; search finds code by words, find_text by pattern"
                )));
            }
            let bare = name.rsplit([':', '.']).next().unwrap_or(&name);
            let mut text = String::new();
            if found.iter().all(|it| it.definition.name != bare) {
                text.push_str(&format!("no `{name}`; names like it:\n"));
            }
            for it in found.iter().take(MOST) {
                text.push_str(&super::line_of(it));
            }
            if found.len() > MOST {
                text.push_str("[there are more: give Container::name]\n");
            }
            Ok(Output::from(bounded(text, LIMIT, "give Container::name")))
        })
    }
}
