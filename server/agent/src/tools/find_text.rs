//! `find_text`: lines that match a regular expression, in the text as the draft has it.

use super::{Output, Tool, bounded, field, input_of};
use crate::desk::Desk;
use crate::validate::slim;
use futures::future::BoxFuture;
use protocol::{Code, Failure, ToolKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

const MOST: usize = 200;
const LIMIT: usize = 32 * 1024;

/// The tool.
pub struct FindText;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// A regular expression (Rust syntax).
    pattern: String,
    /// Only files that match, such as `src/**/*.rs`.
    #[serde(default)]
    glob: Option<String>,
}

impl Tool for FindText {
    fn name(&self) -> &'static str {
        "find_text"
    }

    fn about(&self) -> &'static str {
        "Find lines by regular expression. Output: path:line:text."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Search
    }

    fn schema(&self) -> Value {
        slim::<Input>()
    }

    fn title(&self, input: &Value) -> String {
        format!("find /{}/", field(input, "pattern"))
    }

    fn run<'a>(
        &'a self,
        input: Value,
        desk: &'a mut Desk<'_>,
    ) -> BoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let input: Input = input_of(input)?;
            let find = move |draft: &workspace::Draft| {
                let found = draft.find(&input.pattern, input.glob.as_deref(), MOST);
                found.map_err(|error| Failure::new(Code::InvalidInput, error.to_string()))
            };
            let matches = desk.apart(find).await?;
            if matches.is_empty() {
                return Ok(Output::from("no line matches".to_owned()));
            }
            let mut text = String::new();
            for found in &matches {
                text.push_str(&format!(
                    "{}:{}:{}\n",
                    found.path,
                    found.line,
                    found.text.trim_end()
                ));
            }
            if matches.len() >= MOST {
                text.push_str("[there may be more: narrow the pattern or the glob]\n");
            }
            Ok(Output::from(bounded(
                text,
                LIMIT,
                "narrow the pattern or the glob",
            )))
        })
    }
}
