//! `doctor`: what works here and what does not, each with what to do about it. It looks; it changes nothing but its own state folder.

use super::models;
use crate::cli::Output;
use crate::compose::{self, Compose};
use crate::config::Settings;
use crate::print;
use crate::render::style::{BAD, DIM, GOOD, Painted, WARN, clean};
use clap::Args;
use protocol::Failure;
use sandbox::Tree;
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use workspace::Lineage;

/// Look at what works here and what does not
#[derive(Debug, Args)]
pub struct Doctor {}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// It works.
    Good,
    /// It works in part.
    Weak,
    /// It does not work.
    Bad,
}

/// One check.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    state: State,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Check {
    fn new(name: &'static str, state: State, detail: impl Into<String>) -> Check {
        Check {
            name,
            state,
            detail: detail.into(),
            hint: None,
        }
    }

    fn failed(name: &'static str, failure: &Failure) -> Check {
        Check {
            name,
            state: State::Bad,
            detail: failure.message.clone(),
            hint: failure.hint.clone(),
        }
    }
}

/// Runs every check. Exit code 0 where tasks can run, 1 where they cannot.
pub fn run(_: &Doctor, compose: &Compose) -> Result<u8, Failure> {
    let mut checks = vec![Check::new(
        "version",
        State::Good,
        format!("animus {}", env!("CARGO_PKG_VERSION")),
    )];
    let settings = match compose.load() {
        Ok(loaded) => {
            let files: Vec<String> = loaded.files.iter().map(ToString::to_string).collect();
            let detail = if files.is_empty() {
                "no file; defaults and the environment".to_owned()
            } else {
                files.join(", ")
            };
            checks.push(Check::new("configuration", State::Good, detail));
            for note in loaded
                .ignored
                .iter()
                .map(ToString::to_string)
                .chain(loaded.notes)
            {
                checks.push(Check::new("configuration", State::Weak, note));
            }
            loaded.settings
        }
        Err(failure) => {
            checks.push(Check::failed("configuration", &failure));
            Settings::default()
        }
    };
    checks.extend(model_checks(compose, &settings)?);
    checks.extend(sandbox_checks(compose, &settings));
    checks.push(workspace_check(compose));
    checks.push(match compose.state(compose.root()) {
        Ok(tree) => Check::new("state", State::Good, kept(&tree, &settings)),
        Err(failure) => Check::failed("state", &failure),
    });
    let good = checks.iter().all(|check| check.state != State::Bad);
    match compose.output() {
        Output::Json => print::json(&json!({ "ok": good, "checks": checks })),
        Output::Text => checks.iter().for_each(show),
    }
    Ok(if good { 0 } else { 1 })
}

fn model_checks(compose: &Compose, settings: &Settings) -> Result<Vec<Check>, Failure> {
    Ok(
        match compose::runtime()?.block_on(compose.models(settings)) {
            Err(failure) => vec![Check::failed("models", &failure)],
            Ok(roster) => models::views(&roster.models)
                .into_iter()
                .map(|view| {
                    let state = if view.scripted {
                        State::Weak
                    } else {
                        State::Good
                    };
                    let script = if view.scripted { " (scripted)" } else { "" };
                    Check::new(
                        "models",
                        state,
                        format!("{}: {}{script}", view.role, view.model),
                    )
                })
                .collect(),
        },
    )
}

fn sandbox_checks(compose: &Compose, settings: &Settings) -> Vec<Check> {
    if !settings.sandbox.enabled {
        let off = Check::new(
            "sandbox",
            State::Weak,
            "switched off: commands run with timeouts and limits only",
        );
        return vec![Check {
            hint: Some("sandbox.enabled: true confines them".to_owned()),
            ..off
        }];
    }
    let report = match compose.sandbox(settings, compose.root()) {
        Ok(sandbox) => sandbox.report(),
        Err(failure) => return vec![Check::failed("sandbox", &failure)],
    };
    let state = match report.level {
        3 => State::Good,
        1 | 2 => State::Weak,
        _ => State::Bad,
    };
    let level = format!(
        "level {} of 3: {}",
        report.level,
        report.enforced_by().join(", ")
    );
    let mut checks = vec![Check::new("sandbox", state, level)];
    for mechanism in report
        .mechanisms
        .iter()
        .filter(|mechanism| !mechanism.active)
    {
        checks.push(Check::new(
            "sandbox",
            State::Weak,
            format!("{:?} is missing: {}", mechanism.layer, mechanism.why).to_lowercase(),
        ));
    }
    checks
}

fn workspace_check(compose: &Compose) -> Check {
    let root = compose.root();
    let disk = match compose.disk() {
        Ok(disk) => disk,
        Err(failure) => return Check::failed("workspace", &failure),
    };
    match workspace::git::head(disk.root()) {
        Some(head) => Check::new("workspace", State::Good, format!("{root}, git at {head}")),
        None => Check::new(
            "workspace",
            State::Good,
            format!("{root}, without git (undo works all the same)"),
        ),
    }
}

/// The state folder with what the patches take of what they may.
fn kept(tree: &Arc<Tree>, settings: &Settings) -> String {
    let patches = match Lineage::open(tree.clone()).usage() {
        Ok(usage) => format!(
            "patches take {} KiB of {} MiB",
            usage.bytes.div_ceil(1024),
            settings.agent.patch_storage_mb
        ),
        Err(error) => error.to_string(),
    };
    format!("{}, {patches}", tree.path())
}

fn show(check: &Check) {
    let (style, sign) = match check.state {
        State::Good => (GOOD, "✔"),
        State::Weak => (WARN, "!"),
        State::Bad => (BAD, "✘"),
    };
    let name = format!("{:<14}", check.name);
    print::text(&format!(
        "{} {} {}\n",
        Painted(style, sign),
        Painted(DIM, name),
        clean(&check.detail)
    ));
    if let Some(hint) = &check.hint {
        print::text(&format!("                 {}\n", Painted(DIM, clean(hint))));
    }
}
