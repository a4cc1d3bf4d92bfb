//! `apply-patch`: a patch from stdin onto the files below the current folder; applied whole or refused with the reason.

use crate::cli::Output;
use crate::compose::{self, Compose};
use crate::print;
use crate::render::diff::{Fold, colour};
use crate::render::style::{BAD, GOOD, Painted, clean, line};
use crate::roster::no_model;
use agent::{Agent, Decision, Proposal};
use clap::{Args, ValueEnum};
use protocol::{Code, Failure, PatchId};
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use workspace::{
    ChangeSet, Content, Draft, FileEdit, Format, Host, Landed, Matching, Mode, Patch, Refused,
    RelPath, Snapshot,
};

/// Exit code of a patch that was refused.
const REFUSED: u8 = 1;

/// Apply a patch from stdin below the current folder
#[derive(Debug, Args)]
pub struct ApplyPatch {
    /// How the patch is written
    #[arg(long, value_enum, default_value_t = Shape::Auto)]
    format: Shape,
    /// The file that hunks without a name are for
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    /// Apply the hunks that fit even where others do not
    #[arg(long)]
    no_atomic: bool,
    /// Where nothing else fits, take lines that are nearly the same, if only one place has them
    #[arg(long)]
    fuzzy: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// How a patch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// Told by its shape
    Auto,
    /// `*** Begin Patch`
    Envelope,
    /// SEARCH/REPLACE blocks
    Blocks,
    /// Unified diff
    Udiff,
    /// {"file","edits":[{"old","new","all"}]}
    Json,
    /// Whole files in fences, each with its path
    Whole,
}

impl Shape {
    fn format(self) -> Format {
        match self {
            Shape::Auto => Format::Auto,
            Shape::Envelope => Format::Envelope,
            Shape::Blocks => Format::Blocks,
            Shape::Udiff => Format::Udiff,
            Shape::Json => Format::Json,
            Shape::Whole => Format::Whole,
        }
    }
}

impl ApplyPatch {
    fn mode(&self) -> Mode {
        match self.no_atomic {
            true => Mode::Partial,
            false => Mode::Atomic,
        }
    }

    fn matching(&self) -> Matching {
        match self.fuzzy {
            true => Matching::Fuzzy,
            false => Matching::Strict,
        }
    }
}

/// Applies it. Exit code 0: applied, 1: refused, 2: wrong use.
pub fn run(args: &ApplyPatch, compose: &Compose) -> Result<u8, Failure> {
    let text = super::stdin()?;
    let host = compose.disk()?;
    let file = args
        .file
        .as_deref()
        .map(RelPath::new)
        .transpose()
        .map_err(|error| {
            Failure::new(Code::InvalidInput, format!("--file: {error}"))
                .hint("name a file below the current folder")
        })?;
    let mut answer = Told::default();
    let parsed =
        workspace::parse_patch_below(&text, args.format.format(), file.as_ref(), host.root());
    match parsed {
        Ok(patch) => apply(args, &patch, &host, compose, &mut answer)?,
        Err(error) => answer.error = Some(error.to_string()),
    }
    Ok(told(compose, &answer, args.dry_run))
}

/// Puts the patch into a draft and lands it. What is shown is what was written, or would be.
fn apply(
    args: &ApplyPatch,
    patch: &Patch,
    host: &Arc<dyn Host>,
    compose: &Compose,
    answer: &mut Told,
) -> Result<(), Failure> {
    let mut draft = Draft::new(Arc::new(Snapshot::new(host.clone())));
    match draft.apply_matching(patch, args.mode(), args.matching()) {
        Ok(applied) => (answer.diff, answer.refused) = (applied.diff, applied.refused),
        Err(refused) => answer.refused = refused,
    }
    let mut change = draft.change_set();
    if !args.dry_run && !change.is_empty() {
        let wait = compose::runtime()?;
        let begun = wait.block_on(begin(&change, host, compose));
        let landed = wait.block_on(draft.land(host.as_ref(), "patch from stdin"));
        answer.patch = begun.and_then(|begun| begun.end(landed.as_ref().ok()));
        match landed {
            Ok(landed) => change = landed.change,
            Err(error) => {
                (answer.diff, answer.error) = (String::new(), Some(error.to_string()));
                return Ok(());
            }
        }
    }
    answer.paths = change
        .files
        .iter()
        .map(|file| file.path.to_string())
        .collect();
    answer.parse = parsed(&change.files);
    Ok(())
}

/// A patch that was written down before it lands, so that it can be undone even where the program is stopped on the way.
struct Begun {
    agent: Agent,
    id: PatchId,
    decision: Decision,
}

/// Writes it down. The files will be right without it: what fails here is a warning.
async fn begin(change: &ChangeSet, host: &Arc<dyn Host>, compose: &Compose) -> Option<Begun> {
    let names: Vec<&str> = change
        .files
        .iter()
        .take(3)
        .map(|file| file.path.as_str())
        .collect();
    let more = match change.files.len().saturating_sub(names.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let proposal = Proposal {
        title: format!("Patch from stdin: {}{more}", names.join(", ")),
        change: change.clone(),
        ..Proposal::default()
    };
    let agent = compose
        .load()
        .and_then(|loaded| compose.agent(host.clone(), Ok(&loaded), Err(no_model())));
    let begun = match agent {
        Ok(agent) => agent
            .begin_patch(proposal)
            .await
            .map(|(id, decision)| Begun {
                agent,
                id,
                decision,
            }),
        Err(failure) => Err(failure),
    };
    begun.map_err(|failure| unkept(&failure)).ok()
}

impl Begun {
    /// Writes down what became of it; the id where something was written.
    fn end(self, landed: Option<&Landed>) -> Option<PatchId> {
        let written = landed.map(|landed| &landed.change);
        let kept = self.agent.end_patch(&self.id, &self.decision, written);
        match (kept, written.is_some_and(|change| !change.is_empty())) {
            (Ok(()), true) => Some(self.id),
            (Err(failure), true) => {
                unkept(&failure);
                None
            }
            (_, false) => None,
        }
    }
}

fn unkept(failure: &Failure) {
    print::warning(&format!(
        "warning: a patch that lands now cannot be undone by `animus patch undo`: {failure}"
    ));
}

/// Syntax errors of a file where the change adds some.
#[derive(Debug, Serialize)]
struct Worse {
    path: String,
    before: u32,
    after: u32,
}

/// Parsing is the slow part of a large patch: all processors take their share.
fn parsed(files: &[FileEdit]) -> Vec<Worse> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let share = files.len().div_ceil(processors).max(1);
    std::thread::scope(|scope| {
        let shares: Vec<_> = files
            .chunks(share)
            .map(|files| scope.spawn(|| files.iter().filter_map(worse).collect::<Vec<_>>()))
            .collect();
        let shares = shares.into_iter();
        shares
            .flat_map(|share| share.join().unwrap_or_default())
            .collect()
    })
}

fn worse(file: &FileEdit) -> Option<Worse> {
    let errors = |content: &Content| {
        let (text, _) = content.decoded().ok()?;
        index::error_count(file.path.as_str(), &text)
    };
    let after = errors(&Content::new(file.after.clone()?, None)).filter(|after| *after > 0)?;
    let before = file.base.as_ref().and_then(errors).unwrap_or(0);
    (after > before).then(|| Worse {
        path: file.path.to_string(),
        before,
        after,
    })
}

/// What came of it.
#[derive(Default)]
struct Told {
    paths: Vec<String>,
    diff: String,
    refused: Vec<Refused>,
    error: Option<String>,
    parse: Vec<Worse>,
    patch: Option<PatchId>,
}

fn told(compose: &Compose, answer: &Told, dry_run: bool) -> u8 {
    let good = answer.refused.is_empty() && answer.error.is_none();
    match compose.output() {
        Output::Json => {
            let mut value = json!({
                "applied": good && !dry_run, "dry_run": dry_run, "paths": answer.paths, "diff": answer.diff,
                "refused": answer.refused, "error": answer.error, "parse": answer.parse,
                "patch": answer.patch,
            });
            if dry_run {
                value["would_apply"] = good.into();
            }
            print::json(&value);
        }
        Output::Text => {
            print::text(&colour(&answer.diff, Fold::Nothing, ""));
            let why = answer.refused.iter().map(ToString::to_string);
            for why in answer.error.iter().cloned().chain(why) {
                print::warning(&format!(
                    "{} {}",
                    Painted(BAD.bold(), "refused:"),
                    clean(&why)
                ));
            }
            for one in &answer.parse {
                print::warning(&format!(
                    "{} {} has {} syntax errors, {} before; look at the place, or undo it",
                    Painted(BAD, "warning:"),
                    line(&one.path),
                    one.after,
                    one.before
                ));
            }
            if good {
                let word = if dry_run { "would change:" } else { "applied:" };
                print::text(&format!(
                    "{} {}\n",
                    Painted(GOOD, word),
                    line(&answer.paths.join(", "))
                ));
            }
        }
    }
    if good { 0 } else { REFUSED }
}
