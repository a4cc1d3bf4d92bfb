//! Confine: what holding a command costs: `/bin/true` under each stack beside plain fork and exec of it, and the scratch copy of a
//! repository of 5,000 files in which a command of the phase `act` runs.

use crate::shell::{command, quiet};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const FILES: usize = 5_000;
/// Lines of each of those files.
const LINES: usize = 60;
/// Files that change between two commands.
const CHANGED: usize = 10;
/// Commands of each kind on the repository.
const ROUNDS: usize = 5;

/// The times of one stack.
#[derive(Debug, Deserialize)]
struct Stack {
    name: String,
    nanoseconds: Vec<u64>,
}

/// Measures with the program that starts `/bin/true`, then with `animus` on a repository.
pub fn measure(starter: &Path, animus: &Path) -> Result<()> {
    let said = quiet(&mut command(starter))?;
    let stacks: Result<Vec<Stack>, _> = said.lines().map(serde_json::from_str).collect();
    let stacks = stacks.context("the measurement's output")?;
    let plain = percentile(&stacks[0], 50);
    println!(
        "\n{:>8} {:>8} {:>8}  `/bin/true`, {} runs each, milliseconds",
        "p50",
        "p95",
        "x plain",
        stacks[0].nanoseconds.len()
    );
    for stack in &stacks {
        let (half, most) = (percentile(stack, 50), percentile(stack, 95));
        println!(
            "{:>8.2} {:>8.2} {:>7.1}x  {}",
            half,
            most,
            half / plain,
            stack.name
        );
    }
    let top = std::env::temp_dir().join(format!("animus-bench-scratch-{}", std::process::id()));
    let measured = scratch(animus, &top);
    fs::remove_dir_all(&top)?;
    measured
}

/// Milliseconds, of a stack's runs in order.
fn percentile(stack: &Stack, part: usize) -> f64 {
    let mut times = stack.nanoseconds.clone();
    times.sort_unstable();
    let at = (times.len() * part / 100).min(times.len().saturating_sub(1));
    times.get(at).map_or(f64::NAN, |time| *time as f64 / 1e6)
}

fn scratch(animus: &Path, top: &Path) -> Result<()> {
    let root = top.join("ws");
    for number in 0..FILES {
        let path = root.join(place(number));
        fs::create_dir_all(path.parent().context("a folder")?)?;
        fs::write(&path, text(number, 0))?;
    }
    let git = |words: &[&str]| quiet(command("git").arg("-C").arg(&root).args(words));
    git(&["init", "-q"])?;
    git(&["add", "."])?;
    git(&[
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "commit",
        "-qm",
        "one",
    ])?;

    let mut rows = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for round in 1..=ROUNDS {
        let state = top.join(format!("state{round}"));
        let run = |phase| run(animus, &root, &state, phase);
        rows[0].push(run("context")?);
        rows[1].push(run("act")?);
        rows[2].push(run("act")?);
        for number in 0..CHANGED {
            let number = number * (FILES / CHANGED);
            fs::write(root.join(place(number)), text(number, round))?;
        }
        rows[3].push(run("act")?);
    }
    println!(
        "\n{:>8}  a repository of {FILES} files, `animus exec -- true`, seconds, median of {ROUNDS}",
        ""
    );
    let names = [
        "without a scratch copy (phase context)".to_owned(),
        "with a new one (goal: 1)".to_owned(),
        "again, nothing changed".to_owned(),
        format!("again, {CHANGED} files changed"),
    ];
    for (name, mut times) in names.into_iter().zip(rows) {
        times.sort_unstable();
        let median = times[times.len() / 2].as_secs_f64();
        println!("{median:>8.3}  {name}");
    }
    Ok(())
}

fn place(number: usize) -> String {
    format!(
        "src/module{}/part{}/file{number}.rs",
        number % 50,
        number % 7
    )
}

fn text(number: usize, round: usize) -> String {
    let line = |line| format!("pub fn f{number}_{line}() -> usize {{ {line} + {round} }}\n");
    (0..LINES).map(line).collect()
}

/// One command, from the program's start to its end.
fn run(animus: &Path, root: &Path, state: &Path, phase: &str) -> Result<Duration> {
    let mut command = command(animus);
    command
        .current_dir(root)
        .args(["exec", "--phase", phase, "--", "true"])
        .env("ANIMUS_STATE_DIR", state);
    let since = Instant::now();
    let output = command.output()?;
    let taken = since.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "animus exec: {said}");
    Ok(taken)
}
