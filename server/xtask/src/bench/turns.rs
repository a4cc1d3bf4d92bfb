//! Turns: what the agent itself costs beside a model that answers at once: a turn with one call of a tool, and the tokens of a
//! streamed answer. Each figure is the difference of two runs of `animus run --json`, so that start and end cancel out.

use crate::shell::command;
use anyhow::{Context, Result, ensure};
use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const TURNS: usize = 200;
/// Words of the long answer; the scripted model streams each as a piece of its own, as servers stream tokens.
const TOKENS: usize = 200_000;
const ROUNDS: usize = 5;

/// Clock ticks of `/proc/PID/stat` a second: `USER_HZ`, 100 on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

/// What one run took.
#[derive(Debug, Clone, Copy)]
struct Took {
    wall: Duration,
    /// Seconds of the process, user and system.
    cpu: f64,
}

/// Measures and prints.
pub fn measure(animus: &Path) -> Result<()> {
    let top = std::env::temp_dir().join(format!("animus-bench-turns-{}", std::process::id()));
    let measured = table(animus, &top);
    fs::remove_dir_all(&top)?;
    measured
}

fn table(animus: &Path, top: &Path) -> Result<()> {
    let ground = Ground::new(animus, top)?;
    let (mut turns, mut cpu_turns, mut tokens) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (few, many) = (ground.run(&reads(1))?, ground.run(&reads(1 + TURNS))?);
        let wall = many.wall.saturating_sub(few.wall).as_secs_f64() * 1e3;
        turns.push(wall / TURNS as f64);
        cpu_turns.push((many.cpu - few.cpu) * 1e3 / TURNS as f64);
        let (short, long) = (
            ground.run(&words(1_000))?,
            ground.run(&words(1_000 + TOKENS))?,
        );
        tokens.push((long.cpu - short.cpu) * 1e3 * 1e3 / TOKENS as f64);
    }
    println!("\n{:>8} {:>8} {:>8}  goal", "least", "median", "most");
    row("a turn with one call, ms of wall time", turns, 3.0);
    row("a turn with one call, ms of CPU", cpu_turns, 3.0);
    row("1,000 streamed tokens, ms of CPU", tokens, 5.0);
    println!(
        "{ROUNDS} rounds of {TURNS} turns and {TOKENS} tokens; events go to the history and, as NDJSON, to a pipe"
    );
    Ok(())
}

fn row(name: &str, mut figures: Vec<f64>, goal: f64) {
    figures.sort_by(f64::total_cmp);
    let (least, median) = (figures[0], figures[figures.len() / 2]);
    let most = figures[figures.len() - 1];
    let mark = if median < goal { "" } else { "  OVER" };
    println!("{least:>8.3} {median:>8.3} {most:>8.3}  < {goal}  {name}{mark}");
}

/// A script that reads a line of a file in each of so many turns, never the same twice.
fn reads(turns: usize) -> String {
    let mut script = String::from("turns:\n");
    for line in 1..=turns {
        let _ = writeln!(
            script,
            "  - calls: [{{name: read_file, arguments: {{path: notes.txt, start: {line}, end: {line}}}}}]"
        );
    }
    script.push_str("  - text: Nothing has to change.\n");
    script
}

/// A script of one answer.
fn words(count: usize) -> String {
    let text = "token ".repeat(count);
    format!("turns:\n  - text: '{}'\n", text.trim_end())
}

struct Ground<'a> {
    animus: &'a Path,
    top: &'a Path,
}

impl Ground<'_> {
    fn new<'a>(animus: &'a Path, top: &'a Path) -> Result<Ground<'a>> {
        for folder in ["ws", "home", "state"] {
            fs::create_dir_all(top.join(folder))?;
        }
        let mut notes = String::new();
        for line in 0..=TURNS {
            writeln!(notes, "note {line}")?;
        }
        fs::write(top.join("ws/notes.txt"), notes)?;
        let script = top.join("script.yaml");
        let config = format!(
            "providers: {{s: {{type: scripted, script: {}}}}}\nmodels: {{m: {{provider: s, model: m, default: true}}}}\nagent: {{max_steps: {}, enable_plan: false}}\n",
            script.display(),
            TURNS + 10
        );
        fs::write(top.join("config.yaml"), config)?;
        Ok(Ground { animus, top })
    }

    fn run(&self, script: &str) -> Result<Took> {
        fs::write(self.top.join("script.yaml"), script)?;
        let mut program = command(self.animus);
        program
            .args(["run", "--json", "Look at the notes"])
            .current_dir(self.top.join("ws"))
            .env_clear()
            .env("HOME", self.top.join("home"))
            .env("XDG_STATE_HOME", self.top.join("state"))
            .env("ANIMUS_CONFIG", self.top.join("config.yaml"))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let begin = Instant::now();
        let mut child = program.spawn().context("animus does not start")?;
        let mut out = child.stdout.take().context("no standard output")?;
        let (mut piece, mut tail) = (vec![0; 1 << 16], Vec::new());
        loop {
            let length = out.read(&mut piece)?;
            if length == 0 {
                break;
            }
            tail.extend_from_slice(&piece[..length]);
            let keep = tail.len().saturating_sub(4 << 10);
            tail.drain(..keep);
        }
        let cpu = used(&child)?;
        let wall = begin.elapsed();
        let status = child.wait()?;
        ensure!(
            status.success(),
            "the run failed ({status}): {}",
            String::from_utf8_lossy(&tail)
        );
        Ok(Took { wall, cpu })
    }
}

/// Seconds that a child has used, read once it has ended and before it is reaped (proc(5), fields 14 and 15).
fn used(child: &Child) -> Result<f64> {
    let path = format!("/proc/{}/stat", child.id());
    loop {
        let stat = fs::read_to_string(&path)?;
        let (_, rest) = stat.rsplit_once(')').context("no name in stat")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        if fields.first() == Some(&"Z") {
            let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
            let (user, system) = (ticks(11), ticks(12));
            return Ok((user.context("utime")? + system.context("stime")?) / TICKS);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
