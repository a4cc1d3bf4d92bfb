//! `patch`: what was made here, hunk by hunk, with every way back.

mod ancestry;
mod show;

use crate::compose::{self, Compose};
use crate::print;
use agent::Agent;
use clap::{Args, Subcommand};
use protocol::{Choice, Code, Failure, PatchId, PatchState, PatchView, Resolution, Undoing};
use serde_json::json;

use crate::cli::Output;

/// See, take, refuse and undo patches
#[derive(Debug, Subcommand)]
pub enum Patch {
    /// List patches, newest first
    List,
    /// Show a patch, its hunks and its files (default: the newest)
    Show(One),
    /// Print a patch's unified diff as it is (default: the newest)
    Diff(One),
    /// Bring a proposed patch, or some of it, into the files (default: the newest)
    Accept(Part),
    /// Refuse a proposed patch, or some of it (default: the newest)
    Refuse(Part),
    /// Bring the text on stdin into a file in place of what a hunk has
    Edit(Part),
    /// Take a landed patch, or some of it, back out of the files (default: the newest landed one)
    Undo(Part),
    /// Bring back what was taken back (default: the last undo)
    Redo(One),
    /// Give files the text again that they had right after a patch
    Restore(ancestry::Around),
    /// Move what waits in a proposed patch onto the text that the files have now (default: the newest)
    Rebase(One),
    /// Make one patch of several that landed one after the other
    Squash(ancestry::Several),
    /// Forget a patch; the files stay as they are
    Drop(ancestry::Gone),
    /// Show which patch wrote each line of a file
    Blame(ancestry::Lines),
}

/// Which patch.
#[derive(Debug, Args)]
pub struct One {
    /// Its id, or the beginning or the end of it
    id: Option<String>,
}

/// Which patch, or which part of it.
#[derive(Debug, Args)]
pub struct Part {
    /// Its id, or the beginning or the end of it
    id: Option<String>,
    /// Only this file of it
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    /// Only this hunk of the file, from 0
    #[arg(long, value_name = "N")]
    hunk: Option<u32>,
}

/// Runs it.
pub fn run(args: &Patch, compose: &Compose) -> Result<u8, Failure> {
    let agent = compose.reader()?;
    let wait = compose::runtime()?;
    wait.block_on(agent.settle());
    match args {
        Patch::List => show::list(&agent, compose),
        Patch::Show(one) => show::show(&find(&agent, one.id.as_deref(), |_| true)?, compose),
        Patch::Diff(one) => {
            let patch = find(&agent, one.id.as_deref(), |_| true)?;
            let diff = show::diff(&patch);
            match compose.output() {
                Output::Json => print::json(&json!({ "patch": patch.id, "diff": diff })),
                Output::Text => print::text(&diff),
            }
        }
        Patch::Accept(part) => {
            let choice = part.choice(&agent, Resolution::Accept, None)?;
            show::changed(&wait.block_on(agent.resolve_patch(&choice))?, compose);
        }
        Patch::Refuse(part) => {
            let choice = part.choice(&agent, Resolution::Refuse, None)?;
            show::changed(&wait.block_on(agent.resolve_patch(&choice))?, compose);
        }
        Patch::Edit(part) => {
            let text = super::stdin()?;
            let choice = part.choice(&agent, Resolution::Edit, Some(text))?;
            show::changed(&wait.block_on(agent.resolve_patch(&choice))?, compose);
        }
        Patch::Undo(part) => {
            let what = Undoing {
                patch: named(&agent, part.id.as_deref())?,
                path: part.file.clone(),
                hunk: part.hunk,
            };
            show::changed(&wait.block_on(agent.undo_patch(&what))?, compose);
        }
        Patch::Redo(one) => {
            let id = named(&agent, one.id.as_deref())?;
            show::changed(&wait.block_on(agent.redo_patch(id.as_ref()))?, compose);
        }
        Patch::Restore(around) => ancestry::restore(&agent, around, &wait, compose)?,
        Patch::Rebase(one) => {
            let proposed = |state| state == PatchState::Proposed;
            let patch = find(&agent, one.id.as_deref(), proposed)?;
            show::changed(&wait.block_on(agent.rebase_patch(&patch.id))?, compose);
        }
        Patch::Squash(several) => ancestry::squash(&agent, several, &wait, compose)?,
        Patch::Drop(gone) => ancestry::forget(&agent, gone, &wait, compose)?,
        Patch::Blame(lines) => ancestry::blame(&agent, lines, compose)?,
    }
    Ok(0)
}

impl Part {
    fn choice(
        &self,
        agent: &Agent,
        resolution: Resolution,
        text: Option<String>,
    ) -> Result<Choice, Failure> {
        let proposed = |state| state == PatchState::Proposed;
        Ok(Choice {
            patch: find(agent, self.id.as_deref(), proposed)?.id,
            path: self.file.clone(),
            hunk: self.hunk,
            resolution,
            text,
        })
    }
}

/// The id that was named.
fn named(agent: &Agent, id: Option<&str>) -> Result<Option<PatchId>, Failure> {
    match id {
        Some(id) => find(agent, Some(id), |_| true).map(|patch| Some(patch.id)),
        None => Ok(None),
    }
}

/// The patch that was named, else the newest in a state.
fn find(
    agent: &Agent,
    id: Option<&str>,
    fits: impl Fn(PatchState) -> bool,
) -> Result<PatchView, Failure> {
    let missing = |message: String| {
        Failure::new(Code::NotFound, message).hint("`animus patch list` shows what there is")
    };
    if let Some(id) = id
        && let Ok(patch) = agent.patch(&PatchId(id.to_owned()))
    {
        return Ok(patch);
    }
    let patches = agent.standing();
    let Some(id) = id else {
        let newest = patches.into_iter().find(|(_, state)| fits(*state));
        return match newest {
            Some((id, _)) => agent.patch(&id),
            None => Err(missing("there is no such patch here".to_owned())),
        };
    };
    // Ids made in the same minute begin alike; their ends do not.
    let alike =
        |id: &str, known: &PatchId| known.as_str().starts_with(id) || known.as_str().ends_with(id);
    let mut found = patches.into_iter().filter(|(known, _)| alike(id, known));
    match (found.next(), found.next()) {
        (Some((id, _)), None) => agent.patch(&id),
        (Some(_), Some(_)) => Err(missing(format!("more than one patch is like {id}"))),
        _ => Err(missing(format!("there is no patch {id} in this workspace"))),
    }
}
