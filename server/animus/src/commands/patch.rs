//! `patch`: what the agent has made here, with the way back.

use crate::cli::Output;
use crate::compose::{self, Compose};
use crate::print;
use crate::render::diff::{Fold, colour};
use crate::render::figure::plural;
use crate::render::style::{BAD, DIM, GOOD, PLAIN, Painted, STRONG, WARN, line};
use agent::Agent;
use clap::{Args, Subcommand};
use protocol::{Code, Failure, PatchId, PatchState, PatchView, Resolution};
use serde_json::json;

/// See, take, refuse and undo the agent's patches
#[derive(Debug, Subcommand)]
pub enum Patch {
    /// List patches, newest first
    List,
    /// Show a patch and its files (default: the newest)
    Show(One),
    /// Print a patch's unified diff as it is (default: the newest)
    Diff(One),
    /// Bring a proposed patch into the files
    Accept(One),
    /// Refuse a proposed patch
    Refuse(One),
    /// Take a landed patch back out of the files (default: the newest landed one)
    Undo(One),
}

/// Which patch.
#[derive(Debug, Args)]
pub struct One {
    /// Its id, or the beginning of it
    id: Option<String>,
}

/// Runs it. Exit code 1 where the files did not take it.
pub fn run(args: &Patch, compose: &Compose) -> Result<u8, Failure> {
    let agent = compose.reader()?;
    match args {
        Patch::List => list(&agent, compose),
        Patch::Show(one) => show(&find(&agent, one, |_| true)?, compose),
        Patch::Diff(one) => {
            let patch = find(&agent, one, |_| true)?;
            match compose.output() {
                Output::Json => print::json(&json!({ "patch": patch.id, "diff": diff(&patch) })),
                Output::Text => print::text(&diff(&patch)),
            }
        }
        Patch::Accept(one) => {
            let patch = find(&agent, one, |state| state == PatchState::Proposed)?;
            let work = agent.resolve_patch(&patch.id, Resolution::Accept);
            changed(&compose::runtime()?.block_on(work)?, compose);
        }
        Patch::Refuse(one) => {
            let patch = find(&agent, one, |state| state == PatchState::Proposed)?;
            let work = agent.resolve_patch(&patch.id, Resolution::Refuse);
            changed(&compose::runtime()?.block_on(work)?, compose);
        }
        Patch::Undo(one) => {
            let patch = find(&agent, one, |state| state == PatchState::Landed)?;
            changed(
                &compose::runtime()?.block_on(agent.undo_patch(Some(&patch.id)))?,
                compose,
            );
        }
    }
    Ok(0)
}

/// The patch that was named, else the newest in a state.
fn find(agent: &Agent, one: &One, fits: impl Fn(PatchState) -> bool) -> Result<PatchView, Failure> {
    let missing = |message: String| {
        Failure::new(Code::NotFound, message).hint("`animus patch list` shows what there is")
    };
    let patches = agent.patches();
    let Some(id) = &one.id else {
        return patches
            .into_iter()
            .find(|patch| fits(patch.state))
            .ok_or_else(|| missing("there is no such patch here".to_owned()));
    };
    if let Ok(patch) = agent.patch(&PatchId(id.clone())) {
        return Ok(patch);
    }
    let mut begun = patches
        .into_iter()
        .filter(|patch| patch.id.as_str().starts_with(id.as_str()));
    match (begun.next(), begun.next()) {
        (Some(patch), None) => Ok(patch),
        (Some(_), Some(_)) => Err(missing(format!("more than one patch begins with {id}"))),
        _ => Err(missing(format!("there is no patch {id} in this workspace"))),
    }
}

fn list(agent: &Agent, compose: &Compose) {
    let patches = agent.patches();
    match compose.output() {
        Output::Json => print::json(&json!({ "patches": patches })),
        Output::Text if patches.is_empty() => print::text("no patches here yet\n"),
        Output::Text => patches.iter().for_each(|patch| print::text(&head(patch))),
    }
}

fn head(patch: &PatchView) -> String {
    let (style, word) = match patch.state {
        PatchState::Proposed => (WARN, "proposed"),
        PatchState::Landed => (GOOD, "landed"),
        PatchState::Refused => (DIM, "refused"),
        PatchState::Undone => (DIM, "undone"),
    };
    let tested = if patch.verified {
        Painted(GOOD, "verified")
    } else {
        Painted(WARN, "unverified")
    };
    let size = format!(
        "{} {} {}",
        plural(patch.files.len(), "file"),
        Painted(
            GOOD,
            format!(
                "+{}",
                patch
                    .files
                    .iter()
                    .map(|file| u64::from(file.added))
                    .sum::<u64>()
            )
        ),
        Painted(
            BAD,
            format!(
                "−{}",
                patch
                    .files
                    .iter()
                    .map(|file| u64::from(file.removed))
                    .sum::<u64>()
            )
        ),
    );
    let id = Painted(STRONG, line(patch.id.as_str()));
    let created = Painted(DIM, line(&patch.created));
    format!(
        "{id}  {}  {tested}  {size}  {created}\n    {}\n",
        Painted(style, word),
        Painted(PLAIN, line(&patch.title))
    )
}

fn show(patch: &PatchView, compose: &Compose) {
    match compose.output() {
        Output::Json => print::json(patch),
        Output::Text => print::text(&format!(
            "{}\n{}",
            head(patch),
            colour(&diff(patch), Fold::Nothing, "")
        )),
    }
}

fn diff(patch: &PatchView) -> String {
    patch.files.iter().map(|file| file.diff.as_str()).collect()
}

fn changed(patch: &PatchView, compose: &Compose) {
    match compose.output() {
        Output::Json => print::json(patch),
        Output::Text => {
            let paths: Vec<&str> = patch.files.iter().map(|file| file.path.as_str()).collect();
            let paths = line(&paths.join(", "));
            let text = match patch.state {
                PatchState::Landed => format!("{} {paths}", Painted(GOOD, "✔ in your files:")),
                PatchState::Undone => format!("{} {paths}", Painted(GOOD, "✔ taken back:")),
                PatchState::Refused => format!(
                    "{} your files are as they were",
                    Painted(GOOD, "✔ refused;")
                ),
                PatchState::Proposed => {
                    format!("{} still waits for a decision", Painted(WARN, "!"))
                }
            };
            print::text(&format!("{text}\n"));
        }
    }
}
