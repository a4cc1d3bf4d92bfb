//! `apply_patch`: edits in any format the workspace knows, into the draft, whole or not at all (W4).

use super::{Output, Tool, input_of};
use crate::desk::Desk;
use crate::validate::slim;
use futures::future::BoxFuture;
use protocol::{Failure, ToolKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// The tool.
pub struct ApplyPatch;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    patch: String,
}

impl Tool for ApplyPatch {
    fn name(&self) -> &'static str {
        "apply_patch"
    }

    fn about(&self) -> &'static str {
        "Edit files in the draft. Form:\n*** Begin Patch\n*** Update File: path\n@@\n context line\n-old line\n+new line\n*** Add File: path\n+line\n*** Delete File: path\n*** End Patch\nGive enough context lines (first character a space) that each hunk fits one place. Unified diffs and SEARCH/REPLACE blocks are taken too."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Edit
    }

    fn schema(&self) -> Value {
        slim::<Input>()
    }

    fn title(&self, input: &Value) -> String {
        let patch = input
            .get("patch")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let paths: Vec<String> = workspace::parse_patch(patch, workspace::Format::Auto, None)
            .map(|parsed| parsed.ops.iter().map(|op| op.path().to_string()).collect())
            .unwrap_or_default();
        match paths.is_empty() {
            true => "patch".to_owned(),
            false => format!("patch {}", paths.join(", ")),
        }
    }

    /// An edit that stands where the patch should: `{path, old, new}` and the like.
    fn adapted(&self, input: &Value) -> Option<Value> {
        let has = |names: &[&str]| names.iter().any(|name| input.get(*name).is_some());
        let is_edit = has(&["path", "file"]) && has(&["old", "edits", "content"]);
        let text = input.to_string();
        let is_patch = workspace::parse_patch(&text, workspace::Format::Json, None).is_ok();
        (is_edit && !has(&["patch"]) && is_patch).then(|| serde_json::json!({ "patch": text }))
    }

    fn run<'a>(
        &'a self,
        input: Value,
        desk: &'a mut Desk<'_>,
    ) -> BoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let input: Input = input_of(input)?;
            let patch = workspace::parse_patch(&input.patch, workspace::Format::Auto, None)
                .map_err(|error| Failure::new(protocol::Code::InvalidInput, error.to_string()))?;
            for op in &patch.ops {
                // A patch shows what it fits and where it does not.
                desk.readable_or_ask(op.path().as_str()).await?;
                desk.writable(op.path().as_str())?;
            }
            let before = desk.draft.clone();
            let paths = desk
                .edit(|draft| {
                    draft
                        .apply(&patch, workspace::Mode::Atomic)
                        .map_err(crate::failure::of_refusals)
                })
                .await?;
            let users = desk.also_used(&before).await;
            Ok(Output::from(format!(
                "applied to the draft: {paths}{users}"
            )))
        })
    }
}
