//! `list_files`: what files there are, the draft's new ones included, ignored ones left out.

use super::{Output, Tool, bounded, input_of};
use crate::desk::Desk;
use crate::failure::of_workspace;
use crate::validate::slim;
use futures::future::BoxFuture;
use protocol::{Failure, ToolKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

const LIMIT: usize = 16 * 1024;

/// The tool.
pub struct ListFiles;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// A folder; the whole workspace where absent.
    #[serde(default)]
    path: Option<String>,
}

impl Tool for ListFiles {
    fn name(&self) -> &'static str {
        "list_files"
    }

    fn about(&self) -> &'static str {
        "List the files of the workspace or of one folder, one path a line."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Search
    }

    fn schema(&self) -> Value {
        slim::<Input>()
    }

    fn title(&self, input: &Value) -> String {
        format!(
            "list {}",
            input.get("path").and_then(Value::as_str).unwrap_or(".")
        )
    }

    fn run<'a>(
        &'a self,
        input: Value,
        desk: &'a mut Desk<'_>,
    ) -> BoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let input: Input = input_of(input)?;
            let folder = input
                .path
                .as_deref()
                .unwrap_or("")
                .trim_start_matches("./")
                .trim_end_matches('/');
            let folder = if folder == "." { "" } else { folder };
            let inside = |path: &str| {
                folder.is_empty()
                    || path
                        .strip_prefix(folder)
                        .is_some_and(|rest| rest.starts_with('/'))
            };
            let paths = desk
                .apart(|draft| draft.files().map_err(of_workspace))
                .await?;
            let lines: Vec<&str> = paths
                .iter()
                .map(|path| path.as_str())
                .filter(|path| inside(path))
                .collect();
            let text = match lines.is_empty() {
                true => format!(
                    "no files below {}",
                    if folder.is_empty() {
                        "the workspace"
                    } else {
                        folder
                    }
                ),
                false => lines.join("\n") + "\n",
            };
            Ok(Output::from(bounded(text, LIMIT, "name a folder")))
        })
    }
}
