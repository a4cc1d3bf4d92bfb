//! `search`: regions of code for a question in plain words, ranked.

use super::{Output, Tool, field, input_of};
use crate::desk::Desk;
use crate::validate::slim;
use futures::future::BoxFuture;
use protocol::{Code, Failure, ToolKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

const SHOWN: usize = 8;
const LINES_SHOWN: usize = 12;
/// Characters of a line that are shown.
const WIDEST: usize = 160;

/// The tool.
pub struct Search;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// Plain words and identifiers.
    query: String,
}

impl Tool for Search {
    fn name(&self) -> &'static str {
        "search"
    }

    fn about(&self) -> &'static str {
        "Search the code by meaning: the best regions for some words or identifiers, with their first lines."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Search
    }

    fn schema(&self) -> Value {
        slim::<Input>()
    }

    fn title(&self, input: &Value) -> String {
        format!("search {:?}", field(input, "query"))
    }

    fn run<'a>(
        &'a self,
        input: Value,
        desk: &'a mut Desk<'_>,
    ) -> BoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let input: Input = input_of(input)?;
            if !desk.shared.tools.enable_semantic {
                let off = Failure::new(
                    Code::Denied,
                    "search is switched off (tools.enable_semantic)",
                );
                return Err(off.hint("use find_text"));
            }
            let found = desk.shared.knowledge.search(&input.query, SHOWN).await;
            let mut text = match found.partial {
                true => "The index is still being built: there may be better regions. find_text sees every file.\n".to_owned(),
                false => String::new(),
            };
            if found.hits.is_empty() {
                text.push_str("nothing found; try other words or find_text");
                return Ok(Output::from(text));
            }
            for hit in found.hits {
                let region = format!("{}:{}-{}", hit.path, hit.start, hit.end);
                // The places are those of the user's files; a draft may have moved them.
                let lines = desk.shared.knowledge.look(|view| view.text(&hit.path));
                let draft = workspace::RelPath::new(&hit.path)
                    .ok()
                    .and_then(|path| desk.text(&path).ok());
                let edited = match lines.as_deref() == draft.as_deref() {
                    true => "",
                    false => " (before your edits)",
                };
                let start = hit.start.max(1) as usize - 1;
                let long = (hit.end as usize).saturating_sub(start);
                let shown: Vec<String> = lines
                    .as_deref()
                    .unwrap_or("")
                    .lines()
                    .skip(start)
                    .take(LINES_SHOWN.min(long))
                    .map(|line| line.chars().take(WIDEST).collect())
                    .collect();
                text.push_str(&format!("## {region}{edited}\n{}\n", shown.join("\n")));
            }
            Ok(Output::from(text))
        })
    }
}
