//! `git_status` and `git_diff`: what git says of the user's files, read through libgit2 so that no helper program of the
//! repository runs.

use super::{Output, Tool, bounded, input_of};
use crate::desk::Desk;
use crate::failure::of_workspace;
use crate::validate::slim;
use futures::future::BoxFuture;
use protocol::{Code, Failure, ToolKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

const LIMIT: usize = 32 * 1024;

/// The status tool.
pub struct GitStatus;

/// The diff tool.
pub struct GitDiff;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StatusInput {}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DiffInput {
    /// One file; all where absent.
    #[serde(default)]
    path: Option<String>,
}

impl Tool for GitStatus {
    fn name(&self) -> &'static str {
        "git_status"
    }

    fn about(&self) -> &'static str {
        "The user's uncommitted files (your draft is not in it)."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Read
    }

    fn schema(&self) -> Value {
        slim::<StatusInput>()
    }

    fn title(&self, _: &Value) -> String {
        "git status".to_owned()
    }

    fn run<'a>(
        &'a self,
        _: Value,
        desk: &'a mut Desk<'_>,
    ) -> BoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            permitted(desk)?;
            let text = workspace::git::status(desk.shared.host.root()).map_err(of_workspace)?;
            Ok(Output::from(if text.is_empty() {
                "clean".to_owned()
            } else {
                bounded(text, LIMIT, "use git_diff")
            }))
        })
    }
}

impl Tool for GitDiff {
    fn name(&self) -> &'static str {
        "git_diff"
    }

    fn about(&self) -> &'static str {
        "The user's uncommitted changes as a unified diff (your draft is not in it)."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Read
    }

    fn schema(&self) -> Value {
        slim::<DiffInput>()
    }

    fn title(&self, input: &Value) -> String {
        match input.get("path").and_then(Value::as_str) {
            Some(path) => format!("git diff {path}"),
            None => "git diff".to_owned(),
        }
    }

    fn run<'a>(
        &'a self,
        input: Value,
        desk: &'a mut Desk<'_>,
    ) -> BoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            permitted(desk)?;
            let input: DiffInput = input_of(input)?;
            let path = input
                .path
                .as_deref()
                .map(|path| desk.readable(path))
                .transpose()?;
            let text = workspace::git::diff(desk.shared.host.root(), path.as_ref())
                .map_err(of_workspace)?;
            Ok(Output::from(if text.is_empty() {
                "no changes".to_owned()
            } else {
                bounded(text, LIMIT, "name a file")
            }))
        })
    }
}

fn permitted(desk: &Desk<'_>) -> Result<(), Failure> {
    match desk.shared.tools.allow_git {
        true => Ok(()),
        false => Err(Failure::new(
            Code::Denied,
            "git is switched off (tools.allow_git)",
        )),
    }
}
