//! Bench: the release build of the language server beside two bare ones, in one run: a plain loop over a rope (the floor), and the
//! same protocol library over the same rope (what any server of this kind must cost). Medians; a figure over its goal is marked.

mod attacks;
mod confine;
mod patches;
mod quality;
mod score;
mod search;
mod turns;

use crate::client::Client;
use crate::shell::{cargo, command, run as show};
use anyhow::{Context, Result};
use serde_json::json;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const STARTS: usize = 15;
const ACTIONS: usize = 500;
const EDITS: usize = 2_000;
const LINES: usize = 10_000;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What<'w> {
    /// The language server, patches, and the index of this checkout.
    All,
    /// Only patches.
    Patches,
    /// Only what holding a command costs.
    Confine,
    /// Only what the agent costs beside a model that answers at once.
    Turns,
    /// What the index costs, on a folder or on this checkout.
    Search(Option<&'w str>),
    /// How well it finds, by these words.
    Quality(&'w [&'w str]),
    /// What holds attacks, by these words.
    Attacks(&'w [&'w str]),
}

/// Builds all in release and measures from a release build of this program.
pub fn run(what: What<'_>) -> Result<()> {
    if let What::Quality(words) = what {
        return quality::measure(words, || Ok(built()?.join("animus")));
    }
    if let What::Attacks(words) = what {
        return attacks::measure(words, || Ok(built()?.join("animus")));
    }
    let release = built()?;
    if what == What::All {
        show(&mut cargo(&[
            "build",
            "--release",
            "--package",
            "lsp",
            "--example",
            "bare",
        ]))?;
        let measure = ["bench", "measure"];
        show(
            command(release.join("xtask"))
                .args(measure)
                .arg(release.join("animus"))
                .arg(release.join("examples/bare")),
        )?;
    }
    let animus = release.join("animus");
    match what {
        What::All => {
            patches::measure(&animus)?;
            turns::measure(&animus)?;
            search::measure(&release, None)
        }
        What::Patches => patches::measure(&animus),
        What::Confine => {
            let example = ["--package", "sandbox", "--example", "confine"];
            show(cargo(&["build", "--release"]).args(example))?;
            confine::measure(&release.join("examples/confine"), &animus)
        }
        What::Turns => turns::measure(&animus),
        What::Search(folder) => search::measure(&release, folder),
        What::Quality(words) => quality::measure(words, || Ok(animus)),
        What::Attacks(words) => attacks::measure(words, || Ok(animus)),
    }
}

/// The folder of what was built.
fn built() -> Result<PathBuf> {
    show(&mut cargo(&[
        "build",
        "--release",
        "--package",
        "animus",
        "--package",
        "xtask",
    ]))?;
    let here = std::env::current_exe()?;
    let target = here
        .ancestors()
        .nth(2)
        .context("this program lies in no target folder")?;
    Ok(target.join("release"))
}

/// Measures what holding a command costs, with programs that are built already.
pub fn confine(starter: &str, animus: &str) -> Result<()> {
    confine::measure(&fs::canonicalize(starter)?, &fs::canonicalize(animus)?)
}

/// Runs the crowd of the black-box tests in full, against the release build.
pub fn crowd() -> Result<()> {
    show(black_box(&["--release"], "crowd::r1_two_hundred").env("RUST_BACKTRACE", "0"))
}

/// Kills a server so many times; a failure prints the seed to have the same again.
pub fn kills(rounds: &str) -> Result<()> {
    let rounds: usize = rounds
        .parse()
        .with_context(|| format!("`{rounds}` is no number of rounds"))?;
    show(black_box(&[], "killed::a_server_killed_many").env("ANIMUS_KILLS", rounds.to_string()))
}

/// One of the black-box tests that take too long for every run.
fn black_box(profile: &[&str], name: &str) -> Command {
    let mut test = cargo(&[
        "test",
        "--quiet",
        "--package",
        "animus",
        "--test",
        "black_box",
    ]);
    test.args(profile);
    test.args(["--", name, "--ignored", "--nocapture"]);
    test
}

struct Figures {
    initialize: Duration,
    memory_at_start: u64,
    action: Duration,
    action_p99: Duration,
    edits: Duration,
    memory_peak: u64,
}

/// Measures the server at a path, the bare one at another, and the floor, and prints all three.
pub fn measure(server: &str, bare: &str) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("animus-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let this = std::env::current_exe()?.display().to_string();
    let all = [
        vec![this.as_str(), "bench", "bare"],
        vec![bare],
        vec![server, "lsp"],
    ];
    let measured: Result<Vec<Figures>> = all.iter().map(|words| figures(words, &folder)).collect();
    std::fs::remove_dir_all(&folder)?;
    let measured = measured?;

    println!(
        "{:<32} {:>8} {:>8} {:>8} {:>8}  goal",
        "", "floor", "bare", "animus", "x bare"
    );
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let mib = |kib: u64| kib as f64 / 1024.0;
    let row = |name: &str, goal: Goal, figure: &dyn Fn(&Figures) -> f64| {
        let [floor, bare, ours] = [&measured[0], &measured[1], &measured[2]].map(figure);
        row(name, [floor, bare, ours], goal);
    };
    row("spawn -> initialize, ms", Goal::Ratio(2.0), &|f| {
        ms(f.initialize)
    });
    row("memory at start, MiB", Goal::Most(15.0), &|f| {
        mib(f.memory_at_start)
    });
    row("codeAction p50, ms", Goal::Most(0.2), &|f| ms(f.action));
    row("codeAction p99, ms", Goal::Most(0.5), &|f| ms(f.action_p99));
    row("2,000 edits, then an answer, ms", Goal::Ratio(3.0), &|f| {
        ms(f.edits)
    });
    row(
        "peak memory, MiB",
        Goal::Most(40.0),
        &|f| mib(f.memory_peak),
    );
    Ok(())
}

enum Goal {
    /// At most this many times the bare server's figure.
    Ratio(f64),
    /// At most this.
    Most(f64),
}

fn row(name: &str, [floor, bare, ours]: [f64; 3], goal: Goal) {
    let (met, words) = match goal {
        Goal::Ratio(most) => (ours <= bare * most, format!("{most}x bare")),
        Goal::Most(most) => (ours <= most, format!("{most}")),
    };
    let mark = if met { "" } else { "  OVER" };
    println!(
        "{name:<32} {floor:>8.3} {bare:>8.3} {ours:>8.3} {:>7.2}x  {words}{mark}",
        ours / bare
    );
}

fn figures(words: &[&str], folder: &Path) -> Result<Figures> {
    let mut starts = Vec::new();
    let mut memory_at_start = 0;
    for _ in 0..STARTS {
        let begin = Instant::now();
        let mut client = Client::start(words, folder)?;
        client.initialize(folder)?;
        starts.push(begin.elapsed());
        std::thread::sleep(Duration::from_millis(50));
        memory_at_start = client.memory("VmRSS")?;
        client.end()?;
    }

    let mut client = Client::start(words, folder)?;
    client.initialize(folder)?;
    let uri = format!("file://{}/large.rs", folder.display());
    let mut text = String::new();
    for line in 0..LINES {
        writeln!(
            text,
            "pub fn function_{line}(argument: usize) -> usize {{ argument + {line} }}"
        )?;
    }
    client.notify(
        "textDocument/didOpen",
        json!({ "textDocument": { "uri": uri, "languageId": "rust", "version": 0, "text": text } }),
    )?;
    let action = |client: &mut Client, line: usize| {
        let range = json!({ "start": { "line": line, "character": 0 }, "end": { "line": line, "character": 7 } });
        client.request(
            "textDocument/codeAction",
            json!({ "textDocument": { "uri": uri }, "range": range, "context": { "diagnostics": [] } }),
        )
    };
    action(&mut client, 0)?;
    let mut actions = Vec::new();
    for round in 0..ACTIONS {
        let begin = Instant::now();
        action(&mut client, round * 7 % LINES)?;
        actions.push(begin.elapsed());
    }

    let begin = Instant::now();
    for version in 1..=EDITS {
        let line = version * 31 % LINES;
        let at = json!({ "line": line, "character": 4 });
        client.notify(
            "textDocument/didChange",
            json!({
                "textDocument": { "uri": uri, "version": version },
                "contentChanges": [{ "range": { "start": at, "end": at }, "text": "x" }],
            }),
        )?;
    }
    action(&mut client, 0)?;
    let edits = begin.elapsed();
    let memory_peak = client.memory("VmHWM")?;
    client.end()?;

    starts.sort();
    actions.sort();
    Ok(Figures {
        initialize: starts[STARTS / 2],
        memory_at_start,
        action: actions[ACTIONS / 2],
        action_p99: actions[ACTIONS * 99 / 100],
        edits,
        memory_peak,
    })
}
