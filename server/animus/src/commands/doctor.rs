//! `doctor`: what works here and what does not, each with what to do about it. It looks; it changes nothing but its own state folder.

mod confinement;

use super::{memory, models};
use crate::cli::Output;
use crate::compose::{self, Compose};
use crate::config::Settings;
use crate::print;
use crate::render::style::{BAD, DIM, GOOD, Painted, WARN, clean};
use crate::telemetry;
use clap::Args;
use llm::Posted;
use protocol::Failure;
use rpc::peers::{Client, Door};
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
    let confinement = confinement::look(compose, &settings);
    checks.extend(confinement.checks);
    checks.push(workspace_check(compose));
    checks.push(match compose.state(compose.root()) {
        Ok(tree) => Check::new("state", State::Good, kept(&tree, &settings)),
        Err(failure) => Check::failed("state", &failure),
    });
    checks.extend(server_check(compose)?);
    checks.extend(traces(compose, &settings)?);
    checks.push(memory_check(compose));
    let good = checks.iter().all(|check| check.state != State::Bad);
    match compose.output() {
        Output::Json => {
            print::json(&json!({ "ok": good, "checks": checks, "sandbox": confinement.view }));
        }
        Output::Text => {
            checks.iter().for_each(show);
            print::text(&confinement.table);
        }
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

/// Whether the collector of traces takes an empty message; nothing where none is configured.
fn traces(compose: &Compose, settings: &Settings) -> Result<Option<Check>, Failure> {
    let target = match telemetry::target(settings, compose.vars()) {
        Ok(None) => return Ok(None),
        Ok(Some(target)) => target,
        // Tasks run without traces.
        Err(failure) => {
            let check = Check::failed("traces", &failure);
            return Ok(Some(Check {
                state: State::Weak,
                ..check
            }));
        }
    };
    let origin = target.collector.origin();
    // A message of no fields has no bytes.
    let posted = compose::runtime()?.block_on(target.collector.post(Vec::new()));
    Ok(Some(match posted {
        Posted::Taken => Check::new("traces", State::Good, format!("{origin} takes them")),
        Posted::Later(why) | Posted::Refused(why) => Check {
            hint: Some("tasks run without; look at telemetry.otlp_endpoint".to_owned()),
            ..Check::new(
                "traces",
                State::Weak,
                format!("{origin} does not take them: {why}"),
            )
        },
    }))
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

/// Who has this workspace open; nothing where there is no state folder to meet in.
fn server_check(compose: &Compose) -> Result<Option<Check>, Failure> {
    let Ok(state) = compose.state(compose.root()) else {
        return Ok(None);
    };
    if let Some((path, is)) = agent::peers::obstacle(&state) {
        return Ok(Some(Check {
            hint: Some("tasks run; remove it, so that programs can share them".to_owned()),
            ..Check::new("server", State::Weak, format!("{path} is {is}"))
        }));
    }
    let client = match agent::peers::place(&state) {
        Some(place) => compose::runtime()?.block_on(Client::connect(&place, "")),
        None => None,
    };
    let who = match client.map(|client| client.door()) {
        Some(Door::Lsp) => "an editor's server (animus lsp) has this workspace open",
        Some(Door::Serve) => "a server (animus serve) has this workspace open",
        Some(Door::Run) => "a terminal (animus run) works on this workspace",
        None => "no server has this workspace open",
    };
    Ok(Some(Check::new("server", State::Good, who)))
}

fn memory_check(compose: &Compose) -> Check {
    match compose.reader().and_then(|agent| agent.memory_usage()) {
        Ok(Some(usage)) => Check::new(
            "memory",
            State::Good,
            format!(
                "{} in {} KiB",
                memory::many(usage.items),
                usage.bytes.div_ceil(1024)
            ),
        ),
        Ok(None) => Check::new("memory", State::Good, "switched off (memory.enabled)"),
        Err(failure) => Check::failed("memory", &failure),
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
