//! Search: what the index costs on a folder, against a bare tree-sitter parse of the same bytes on the same cores, in one
//! run. Medians of rounds that take turns, so that a busy machine is busy for both.

use crate::shell::{cargo, command, quiet, run};
use anyhow::{Context, Result};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const ROUNDS: usize = 3;

/// Builds the program that measures, and measures a copy of the folder's last commit.
pub fn measure(release: &Path, folder: Option<&str>) -> Result<()> {
    let example = ["--package", "agent", "--example", "index"];
    run(cargo(&["build", "--release"]).args(example))?;
    let folder = match folder {
        Some(folder) => fs::canonicalize(folder).with_context(|| folder.to_owned())?,
        None => crate::shell::top(),
    };
    let top = std::env::temp_dir().join(format!("animus-bench-search-{}", std::process::id()));
    fs::create_dir_all(&top)?;
    let ground = Ground {
        program: release.join("examples/index"),
        tree: top.join("tree"),
        top: top.clone(),
    };
    let measured = ground.copy(&folder).and_then(|()| ground.table());
    fs::remove_dir_all(&top)?;
    measured
}

struct Ground {
    program: PathBuf,
    tree: PathBuf,
    top: PathBuf,
}

impl Ground {
    /// A clone: files of it will be changed.
    fn copy(&self, folder: &Path) -> Result<()> {
        quiet(
            command("git")
                .args(["clone", "-q", "-s"])
                .arg(folder)
                .arg(&self.tree),
        )
        .map(drop)
    }

    fn figures(&self, what: &str, state: Option<usize>) -> Result<Value> {
        let mut program = command(&self.program);
        program.arg(what).arg(&self.tree);
        if let Some(state) = state {
            program.arg(self.top.join(format!("state{state}")));
        }
        Ok(serde_json::from_str(&quiet(&mut program)?)?)
    }

    fn table(&self) -> Result<()> {
        let (mut bare, mut cold, mut warm) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            bare.push(self.figures("bare", None)?);
            cold.push(self.figures("build", Some(round))?);
            warm.push(self.figures("build", Some(round))?);
        }
        let asked = self.figures("ask", Some(0))?;
        let changed = self.figures("change", Some(0))?;
        let median = |all: &[Value], key: &str| {
            let mut all: Vec<f64> = all.iter().filter_map(|it| it[key].as_f64()).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let one = |it: &Value, key: &str| it[key].as_f64().unwrap_or(f64::NAN);
        let (floor, built) = (median(&bare, "ms"), median(&cold, "ms"));
        let (started, source) = (median(&warm, "ms"), one(&cold[0], "bytes"));
        println!(
            "{} files, {:.1} MB, {:.1} MB of it parsed, {} commits, {} threads",
            cold[0]["files"],
            source / 1e6,
            one(&bare[0], "parsed") / 1e6,
            cold[0]["commits"],
            bare[0]["threads"],
        );
        println!("{:<44} {:>10} {:>9}  goal", "", "", "ratio");
        row("bare parse, ms", floor, None, 0.0);
        row(
            "cold build with history, ms",
            built,
            Some(built / floor),
            2.5,
        );
        row("warm start, ms", started, Some(started / built), 0.1);
        row(
            "a changed file is found, p50, ms",
            one(&changed, "p50"),
            None,
            20.0,
        );
        row(
            "a changed file is found, slowest, ms",
            one(&changed, "most"),
            None,
            0.0,
        );
        row("a query, p50, ms", one(&asked, "p50"), None, 0.0);
        row("a query, p99, ms", one(&asked, "p99"), None, 30.0);
        let mib = |bytes: f64| bytes / f64::from(1 << 20);
        for (name, bytes, goal) in [
            (
                "memory after a cold build, MiB",
                median(&cold, "steady"),
                1.5,
            ),
            ("the whole process at most, MiB", median(&cold, "peak"), 0.0),
            ("memory after a warm start, MiB", one(&asked, "steady"), 1.5),
        ] {
            row(name, mib(bytes), Some(bytes / source), goal);
        }
        Ok(())
    }
}

/// A figure, its ratio where it has one, and the most that either should be; 0 for no goal.
fn row(name: &str, figure: f64, ratio: Option<f64>, goal: f64) {
    let shown = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}x"));
    let words = match goal {
        0.0 => String::new(),
        goal if ratio.unwrap_or(figure) <= goal => format!("{goal}"),
        goal => format!("{goal}  OVER"),
    };
    println!("{name:<44} {figure:>10.1} {shown:>9}  {words}");
}
