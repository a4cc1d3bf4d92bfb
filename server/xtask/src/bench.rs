//! Bench: the release build of the language server beside a bare one, in one run. Medians; a figure over its goal is marked.

use crate::client::Client;
use crate::shell::{cargo, command, run as show};
use anyhow::{Context, Result};
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

const STARTS: usize = 15;
const ACTIONS: usize = 500;
const EDITS: usize = 2_000;
const LINES: usize = 10_000;

/// Builds both in release and measures from a release build of this program.
pub fn run() -> Result<()> {
    show(&mut cargo(&[
        "build",
        "--release",
        "--package",
        "animus",
        "--package",
        "xtask",
    ]))?;
    let here = std::env::current_exe()?;
    let release = here
        .ancestors()
        .nth(2)
        .context("this program lies in no target folder")?
        .join("release");
    show(
        command(release.join("xtask"))
            .args(["bench", "measure"])
            .arg(release.join("animus")),
    )
}

struct Figures {
    initialize: Duration,
    memory_at_start: u64,
    action: Duration,
    action_p99: Duration,
    edits: Duration,
    memory_peak: u64,
}

/// Measures the server at a path and the bare one, and prints both.
pub fn measure(server: &str) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("animus-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let this = std::env::current_exe()?.display().to_string();
    let result = figures(&[this.as_str(), "bench", "bare"], &folder)
        .and_then(|bare| Ok((bare, figures(&[server, "lsp"], &folder)?)));
    std::fs::remove_dir_all(&folder)?;
    let (bare, ours) = result?;

    println!(
        "{:<34} {:>10} {:>10} {:>7}  goal",
        "", "bare", "animus", "ratio"
    );
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let mib = |kib: u64| kib as f64 / 1024.0;
    row(
        "spawn -> initialize, ms",
        ms(bare.initialize),
        ms(ours.initialize),
        Goal::Ratio(2.0),
    );
    row(
        "memory at start, MiB",
        mib(bare.memory_at_start),
        mib(ours.memory_at_start),
        Goal::Most(15.0),
    );
    row(
        "codeAction p50, ms",
        ms(bare.action),
        ms(ours.action),
        Goal::Most(0.2),
    );
    row(
        "codeAction p99, ms",
        ms(bare.action_p99),
        ms(ours.action_p99),
        Goal::Most(0.5),
    );
    row(
        "2,000 edits, then an answer, ms",
        ms(bare.edits),
        ms(ours.edits),
        Goal::Ratio(3.0),
    );
    row(
        "peak memory, MiB",
        mib(bare.memory_peak),
        mib(ours.memory_peak),
        Goal::Most(40.0),
    );
    Ok(())
}

enum Goal {
    /// At most this many times the bare server's figure.
    Ratio(f64),
    /// At most this.
    Most(f64),
}

fn row(name: &str, bare: f64, ours: f64, goal: Goal) {
    let (met, words) = match goal {
        Goal::Ratio(most) => (ours <= bare * most, format!("{most}x")),
        Goal::Most(most) => (ours <= most, format!("{most}")),
    };
    let mark = if met { "" } else { "  OVER" };
    println!(
        "{name:<34} {bare:>10.3} {ours:>10.3} {:>6.2}x  {words}{mark}",
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
