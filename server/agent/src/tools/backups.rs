//! `git.list_backups` and `git.preview_backup`: the patches so far, for requests that ask in the words of the original program.

use super::{Output, Tool, bounded, field, input_of};
use crate::desk::Desk;
use crate::validate::slim;
use futures::future::BoxFuture;
use protocol::{Code, Failure, PatchId, PatchView, ToolKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Longest answer, in bytes.
const LIMIT: usize = 16 * 1024;

/// Lists the patches.
pub struct ListBackups;

/// Shows the diff of one patch.
pub struct PreviewBackup;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Named {
    /// The patch; the newest where absent.
    #[serde(default)]
    name: Option<String>,
}

impl Tool for ListBackups {
    fn name(&self) -> &'static str {
        "git.list_backups"
    }

    fn about(&self) -> &'static str {
        "List the patches, newest first."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Read
    }

    fn schema(&self) -> Value {
        slim::<Nothing>()
    }

    fn title(&self, _: &Value) -> String {
        "list patches".to_owned()
    }

    fn run<'a>(
        &'a self,
        _: Value,
        desk: &'a mut Desk<'_>,
    ) -> BoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let lines: Vec<String> = desk.shared.patches.list().iter().map(line).collect();
            Ok(Output::from(match lines.is_empty() {
                true => "there are no patches\n".to_owned(),
                false => bounded(lines.concat(), LIMIT, "name one"),
            }))
        })
    }
}

impl Tool for PreviewBackup {
    fn name(&self) -> &'static str {
        "git.preview_backup"
    }

    fn about(&self) -> &'static str {
        "Show the diff of one patch."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Read
    }

    fn schema(&self) -> Value {
        slim::<Named>()
    }

    fn title(&self, input: &Value) -> String {
        format!("show patch {}", field(input, "name"))
    }

    fn run<'a>(
        &'a self,
        input: Value,
        desk: &'a mut Desk<'_>,
    ) -> BoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let patches = &desk.shared.patches;
            let patch = match input_of::<Named>(input)?.name {
                Some(name) => patches.get(&PatchId(name))?,
                None => patches
                    .list()
                    .into_iter()
                    .next()
                    .ok_or_else(|| Failure::new(Code::NotFound, "there are no patches"))?,
            };
            let diffs = patch.files.iter().map(|file| file.diff.as_str());
            let text = line(&patch) + &diffs.collect::<String>();
            Ok(Output::from(bounded(text, LIMIT, "read the files")))
        })
    }
}

fn line(patch: &PatchView) -> String {
    let state = serde_json::to_value(patch.state).unwrap_or_default();
    let state = state.as_str().unwrap_or_default();
    format!("{} {state}: {}\n", patch.id, patch.title)
}
