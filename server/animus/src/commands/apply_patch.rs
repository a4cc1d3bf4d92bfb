//! `apply-patch`: a patch from stdin onto the files below the current folder; applied whole or refused with the reason.

use crate::cli::Output;
use crate::compose::{self, Compose};
use crate::print;
use crate::render::diff::{Fold, colour};
use crate::render::style::{BAD, GOOD, Painted, clean, line};
use clap::{Args, ValueEnum};
use protocol::{Code, Failure};
use serde_json::json;
use std::sync::Arc;
use workspace::{Draft, Format, Mode, Refused, RelPath, Snapshot};

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
    let format = match args.format {
        Shape::Auto => Format::Auto,
        Shape::Envelope => Format::Envelope,
        Shape::Blocks => Format::Blocks,
        Shape::Udiff => Format::Udiff,
        Shape::Json => Format::Json,
    };
    let patch = match workspace::parse_patch_below(&text, format, file.as_ref(), host.root()) {
        Ok(patch) => patch,
        Err(error) => {
            return Ok(told(
                compose,
                &Told {
                    error: Some(error.to_string()),
                    ..Told::default()
                },
                args.dry_run,
            ));
        }
    };
    let snapshot = Arc::new(Snapshot::new(host.clone()));
    let mut draft = Draft::new(snapshot);
    let mode = if args.no_atomic {
        Mode::Partial
    } else {
        Mode::Atomic
    };
    let (diff, refused) = match draft.apply(&patch, mode) {
        Ok(applied) => (applied.diff, applied.refused),
        Err(refused) => (String::new(), refused),
    };
    let mut answer = Told {
        diff,
        refused,
        ..Told::default()
    };
    let change = draft.change_set();
    if !args.dry_run && !change.is_empty() {
        let landed = compose::runtime()?.block_on(draft.land(host.as_ref(), "patch from stdin"));
        match landed {
            Ok(landed) => answer.paths = landed.paths.iter().map(ToString::to_string).collect(),
            Err(error) => answer.error = Some(error.to_string()),
        }
    } else {
        answer.paths = change
            .files
            .iter()
            .map(|file| file.path.to_string())
            .collect();
    }
    Ok(told(compose, &answer, args.dry_run))
}

/// What came of it.
#[derive(Default)]
struct Told {
    paths: Vec<String>,
    diff: String,
    refused: Vec<Refused>,
    error: Option<String>,
}

fn told(compose: &Compose, answer: &Told, dry_run: bool) -> u8 {
    let good = answer.refused.is_empty() && answer.error.is_none();
    match compose.output() {
        Output::Json => {
            print::json(&json!({
                "applied": good, "dry_run": dry_run, "paths": answer.paths, "diff": answer.diff,
                "refused": answer.refused, "error": answer.error,
            }));
        }
        Output::Text => {
            print::text(&colour(&answer.diff, Fold::Nothing, ""));
            if let Some(error) = &answer.error {
                print::warning(&format!(
                    "{} {}",
                    Painted(BAD.bold(), "refused:"),
                    clean(error)
                ));
            }
            for one in &answer.refused {
                print::warning(&format!(
                    "{} {}",
                    Painted(BAD.bold(), "refused:"),
                    clean(&one.to_string())
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
