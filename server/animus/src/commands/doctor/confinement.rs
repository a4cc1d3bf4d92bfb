//! Confinement: what holds commands here, layer by layer, as the probe found it.

use super::{Check, State};
use crate::compose::Compose;
use crate::config::Settings;
use crate::render::style::{BAD, DIM, GOOD, Painted, clean};
use sandbox::{Bounds, Layer, Report};
use serde_json::{Value, json};

/// What `doctor` says of the sandbox, in three ways.
pub struct Confinement {
    /// As checks beside the others.
    pub checks: Vec<Check>,
    /// As one JSON value; null where there is none.
    pub view: Value,
    /// As a table, lines ended.
    pub table: String,
}

/// Probes, and describes.
pub fn look(compose: &Compose, settings: &Settings) -> Confinement {
    if !settings.sandbox.enabled {
        let off = Check::new(
            "sandbox",
            State::Weak,
            "switched off: commands run with timeouts and limits only",
        );
        return Confinement::bare(Check {
            hint: Some("sandbox.enabled: true confines them".to_owned()),
            ..off
        });
    }
    match compose.sandbox(settings, compose.root()) {
        Err(failure) => Confinement::bare(Check::failed("sandbox", &failure)),
        Ok(sandbox) => {
            let (report, bounds) = (sandbox.report(), sandbox.bounds());
            Confinement {
                checks: checks(&report),
                view: json!({ "report": report, "bounds": bounds }),
                table: table(&report) + &told(&report, &bounds),
            }
        }
    }
}

impl Confinement {
    fn bare(check: Check) -> Confinement {
        Confinement {
            checks: vec![check],
            view: Value::Null,
            table: String::new(),
        }
    }
}

fn checks(report: &Report) -> Vec<Check> {
    let state = match report.level {
        3 => State::Good,
        1 | 2 => State::Weak,
        _ => State::Bad,
    };
    let level = format!(
        "level {} of 3 on {}: {}",
        report.level,
        report.kernel,
        report.enforced_by().join(", ")
    );
    let mut checks = vec![Check::new("sandbox", state, level)];
    let open: Vec<&str> = (report.attempts.iter())
        .filter(|one| !one.denied)
        .map(|one| one.what)
        .collect();
    if !open.is_empty() {
        let detail = format!("a command could: {}", open.join(", "));
        checks.push(Check::new("sandbox", State::Weak, detail));
    }
    for missing in report.mechanisms.iter().filter(|one| !one.active) {
        let detail = format!("{} is missing: {}", name(missing.layer), missing.why);
        checks.push(Check {
            hint: missing.mend.clone(),
            ..Check::new("sandbox", State::Weak, detail)
        });
    }
    checks
}

fn table(report: &Report) -> String {
    let holding = report.mechanisms.iter().filter(|one| one.active);
    let longest = holding.map(|one| one.why.chars().count()).max();
    let width = longest.unwrap_or(0).max("by, or why not".len());
    let head = format!(
        "{:<10} {:<5} {:<width$} keeps a command from",
        "layer", "holds", "by, or why not"
    );
    let mut text = format!("\n  {}\n", Painted(DIM, head));
    for one in &report.mechanisms {
        let (style, holds) = match one.active {
            true => (GOOD, "yes"),
            false => (BAD, "no"),
        };
        let why = clean(&one.why);
        text.push_str(&format!(
            "  {:<10} {} {why:<width$} {}\n",
            name(one.layer),
            Painted(style, format!("{holds:<5}")),
            Painted(DIM, one.keeps)
        ));
        if let (true, Some(hint)) = (one.active, &one.mend) {
            text.push_str(&format!("  {:<16} {}\n", "", Painted(DIM, clean(hint))));
        }
    }
    text
}

/// The probe's verdicts and the bounds, a line each.
fn told(report: &Report, bounds: &Bounds) -> String {
    let denied: Vec<&str> = (report.attempts.iter())
        .filter(|one| one.denied)
        .map(|one| one.what)
        .collect();
    let network = match bounds.network_for_tests {
        true => "the test command reaches it (sandbox.allow_network); nothing else does",
        false => "no command reaches it",
    };
    let limits = format!(
        "{} MiB of memory, {} processes and threads, {} MiB of output, {} MiB a file",
        bounds.memory_mb, bounds.processes, bounds.output_mb, bounds.file_mb
    );
    let lines = [
        ("denied", listed(&denied)),
        ("readable", listed(&bounds.readable)),
        ("private", listed(&bounds.private)),
        ("hidden", listed(&bounds.hidden)),
        ("network", network.to_owned()),
        ("limits", limits),
    ];
    let mut text = String::new();
    for (name, line) in lines.into_iter().filter(|(_, line)| !line.is_empty()) {
        text.push_str(&format!(
            "  {} {}\n",
            Painted(DIM, format!("{name:<10}")),
            clean(&line)
        ));
    }
    text
}

/// Most names in one line; `--json` has them all.
const SHOWN: usize = 24;

fn listed<T: ToString>(all: &[T]) -> String {
    let mut words: Vec<String> = all.iter().take(SHOWN).map(T::to_string).collect();
    if all.len() > SHOWN {
        words.push(format!("and {} more", all.len() - SHOWN));
    }
    words.join(", ")
}

fn name(layer: Layer) -> &'static str {
    match layer {
        Layer::Processes => "processes",
        Layer::Mounts => "mounts",
        Layer::Network => "network",
        Layer::Landlock => "landlock",
        Layer::Seccomp => "seccomp",
        Layer::Limits => "limits",
        Layer::Memory => "memory",
        Layer::Seatbelt => "seatbelt",
    }
}
