//! Ancestry: what can be done with patches that landed: restore, squash, drop and blame.

use super::{find, show};
use crate::cli::Output;
use crate::compose::Compose;
use crate::print;
use crate::render::style::{DIM, GOOD, Painted, STRONG, line};
use agent::{Agent, Restore};
use clap::Args;
use protocol::{Code, Failure, PatchState};
use serde_json::json;
use tokio::runtime::Runtime;
use workspace::RelPath;

/// A patch, and which text around it.
#[derive(Debug, Args)]
pub struct Around {
    /// The patch's id, or the beginning or the end of it
    id: String,
    /// The text right before the patch instead
    #[arg(long)]
    before: bool,
    /// Only these files (default: all of the patch)
    #[arg(value_name = "FILE")]
    files: Vec<String>,
}

/// Patches that follow one another.
#[derive(Debug, Args)]
pub struct Several {
    /// Their ids, or the beginnings or the ends of them, in any order
    #[arg(required = true, num_args = 2.., value_name = "ID")]
    ids: Vec<String>,
}

/// A patch to forget.
#[derive(Debug, Args)]
pub struct Gone {
    /// The patch's id, or the beginning or the end of it
    id: String,
    /// Also one that is in the files: it cannot be undone afterwards
    #[arg(long)]
    force: bool,
}

/// A file.
#[derive(Debug, Args)]
pub struct Lines {
    /// The file
    file: String,
}

/// Brings an earlier text back.
pub fn restore(
    agent: &Agent,
    around: &Around,
    wait: &Runtime,
    compose: &Compose,
) -> Result<(), Failure> {
    let patch = find(agent, Some(&around.id), |_| true)?;
    let paths = around.files.iter().map(|file| path(file));
    let paths: Vec<RelPath> = paths.collect::<Result<_, _>>()?;
    let side = match around.before {
        true => Restore::Before,
        false => Restore::After,
    };
    let done = wait.block_on(agent.restore_patch(&patch.id, side, &paths))?;
    match (done, compose.output()) {
        (Some(view), _) => show::changed(&view, compose),
        (None, Output::Json) => print::json(&json!({ "patch": null })),
        (None, Output::Text) => print::text("the files have that text already\n"),
    }
    Ok(())
}

/// Makes one of several.
pub fn squash(
    agent: &Agent,
    several: &Several,
    wait: &Runtime,
    compose: &Compose,
) -> Result<(), Failure> {
    let mut ids = Vec::new();
    for id in &several.ids {
        ids.push(find(agent, Some(id), |_| true)?.id);
    }
    let view = wait.block_on(agent.squash_patches(&ids))?;
    show::show(&view, compose);
    Ok(())
}

/// Forgets one.
pub fn forget(
    agent: &Agent,
    gone: &Gone,
    wait: &Runtime,
    compose: &Compose,
) -> Result<(), Failure> {
    let patch = find(agent, Some(&gone.id), |_| true)?;
    if patch.state == PatchState::Landed && !gone.force {
        let what = format!(
            "patch {} is in the files and could not be undone any more",
            patch.id
        );
        return Err(Failure::new(Code::InvalidInput, what)
            .hint("undo it first, or say --force to keep its text and forget where it is from"));
    }
    wait.block_on(agent.drop_patch(&patch.id))?;
    match compose.output() {
        Output::Json => print::json(&json!({ "dropped": patch.id })),
        Output::Text => {
            let id = line(patch.id.as_str());
            print::text(&format!("{} {id}\n", Painted(GOOD, "✔ forgotten:")));
        }
    }
    Ok(())
}

/// Shows where lines come from.
pub fn blame(agent: &Agent, lines: &Lines, compose: &Compose) -> Result<(), Failure> {
    let path = path(&lines.file)?;
    let (content, blame) = agent.blame(&path)?;
    let text = match content.decoded() {
        Ok((text, _)) => text.into_owned(),
        Err(_) => String::from_utf8_lossy(&content.bytes).into_owned(),
    };
    let mut rest = text.as_str();
    let mut rows = Vec::new();
    for (number, origin) in (1..).zip(&blame.lines) {
        let end =
            rest.find(['\n', '\r'])
                .map_or(rest.len(), |at| match rest[at..].starts_with("\r\n") {
                    true => at + 2,
                    false => at + 1,
                });
        let (body, after) = rest.split_at(end);
        rest = after;
        rows.push((number, origin, body.trim_end_matches(['\n', '\r'])));
    }
    match compose.output() {
        Output::Json => {
            let row = |(number, origin, text): &(u32, &Option<workspace::Origin>, &str)| json!({ "line": number, "text": text, "origin": origin });
            let lines: Vec<_> = rows.iter().map(row).collect();
            print::json(&json!({ "path": path, "lines": lines }));
        }
        Output::Text => {
            for (number, origin, text) in rows {
                // Ids made in the same minute begin alike; the end tells them apart.
                let who = match origin {
                    Some(origin) => {
                        let from = origin.patch.len().saturating_sub(8);
                        Painted(
                            STRONG,
                            line(origin.patch.get(from..).unwrap_or(&origin.patch)),
                        )
                    }
                    None => Painted(DIM, "        ".to_owned()),
                };
                let number = Painted(DIM, format!("{number:>5}"));
                print::text(&format!("{who} {number}  {}\n", line(text)));
            }
        }
    }
    Ok(())
}

fn path(file: &str) -> Result<RelPath, Failure> {
    RelPath::new(file).map_err(|error| {
        Failure::new(Code::PathRefused, error.to_string())
            .hint("name a file relative to the workspace")
    })
}
