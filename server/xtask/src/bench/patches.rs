//! Patches: `animus apply-patch` beside `git apply`, on the same files in the same run. Each round restores the files, syncs the disk,
//! and starts each program once; medians of all rounds.

use crate::shell::{command, quiet};
use anyhow::{Context, Result, ensure};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 11;
const FILES: usize = 200;
/// Lines of each of those files.
const LINES: usize = 400;
/// Hunks over all of them.
const HUNKS: usize = 500;
/// Lines of the one long file.
const LONG: usize = 100_000;

/// A folder with files, and the programs that change them.
struct Ground<'a> {
    animus: &'a Path,
    top: PathBuf,
    files: Vec<(String, String)>,
}

/// One program on one patch.
struct Row {
    name: &'static str,
    ours: Duration,
    git: Duration,
    /// The floor for what is to be there after a power cut; where files are written.
    synced: Option<Duration>,
}

/// Measures a program and prints what came of it.
pub fn measure(animus: &Path) -> Result<()> {
    let top = std::env::temp_dir().join(format!("animus-bench-patches-{}", std::process::id()));
    let measured = tables(animus, &top);
    fs::remove_dir_all(&top)?;
    measured
}

fn tables(animus: &Path, top: &Path) -> Result<()> {
    let mut rows = many(
        animus,
        &top.join("text"),
        "txt",
        ["500 hunks in 200 text files", "the same, matched only"],
    )?;
    rows.extend(many(
        animus,
        &top.join("rust"),
        "rs",
        [
            "500 hunks in 200 Rust files, each parsed too",
            "the same, matched and parsed only",
        ],
    )?);
    rows.extend(one(animus, &top.join("one"))?);
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "\n{:<48} {:>8} {:>8} {:>8} {:>7} {:>8}",
        "milliseconds", "git", "synced", "animus", "x git", "x synced"
    );
    for row in rows {
        print!("{:<48} {:>8.1}", row.name, ms(row.git));
        let times = |other: Duration| ms(row.ours) / ms(other);
        let ours = format!("{:>8.1} {:>6.2}x", ms(row.ours), times(row.git));
        match row.synced {
            Some(synced) => println!(" {:>8.1} {ours} {:>7.2}x", ms(synced), times(synced)),
            None => println!(" {:>8} {ours}", ""),
        }
    }
    println!(
        "synced: the same new files written, synced and renamed by a plain loop; git syncs nothing"
    );
    Ok(())
}

/// 500 hunks in 200 files.
fn many(animus: &Path, top: &Path, ending: &str, names: [&'static str; 2]) -> Result<Vec<Row>> {
    let mut files = Vec::new();
    for number in 0..FILES {
        let path = format!("src/module{}/file{number}.{ending}", number % 20);
        files.push((path, text(number, LINES)));
    }
    let ground = Ground {
        animus,
        top: top.to_owned(),
        files,
    };
    let mut new = ground.files.clone();
    for hunk in 0..HUNKS {
        let (_, text) = &mut new[hunk % FILES];
        edit(text, 40 + 110 * (hunk / FILES));
    }
    let patch = ground.diff(&new)?;
    let hunks = patch.lines().filter(|line| line.starts_with("@@ ")).count();
    ensure!(hunks == HUNKS, "{hunks} hunks");
    Ok(vec![
        ground.row(names[0], &patch, Some(&new), &[])?,
        ground.row(names[1], &patch, None, &["--dry-run"])?,
    ])
}

/// One hunk in a file of 100,000 lines.
fn one(animus: &Path, top: &Path) -> Result<Vec<Row>> {
    let ground = Ground {
        animus,
        top: top.to_owned(),
        files: vec![("long.txt".to_owned(), text(0, LONG))],
    };
    let mut new = ground.files.clone();
    edit(&mut new[0].1, LONG - 1_000);
    let exact = ground.diff(&new)?;
    // As made before somebody put 700 lines above.
    let header = exact.lines().find(|line| line.starts_with("@@ "));
    let header = header.context("no hunk")?;
    let mut shifted = header.to_owned();
    for line in [LONG - 1_000 - 2, LONG - 1_000 - 3] {
        shifted = shifted.replace(&line.to_string(), &(line - 700).to_string());
    }
    ensure!(shifted != header, "not shifted: {header}");
    let shifted = exact.replace(header, &shifted);
    let missing = exact
        .replace(" fn ", " fn no_such_")
        .replace("-fn ", "-fn no_such_");
    let mut rows = vec![
        ground.row("1 hunk in 100,000 lines", &exact, Some(&new), &[])?,
        ground.row("the same, matched only", &exact, None, &["--dry-run"])?,
        ground.row("its lines shifted by 700", &shifted, None, &["--dry-run"])?,
        ground.row("its lines nowhere: refused", &missing, None, &["--dry-run"])?,
    ];
    let alike = Ground {
        animus,
        top: top.join("alike"),
        files: vec![("long.txt".to_owned(), "    same();\n".repeat(LONG))],
    };
    let patch = "--- a/long.txt\n+++ b/long.txt\n@@ -5,4 +5,4 @@\n     same();\n     same();\n-    other();\n+    new();\n     same();\n";
    rows.push(alike.row(
        "all lines alike, one of the hunk's not: refused",
        patch,
        None,
        &["--dry-run"],
    )?);
    Ok(rows)
}

impl Ground<'_> {
    /// Writes all files as they were, and waits until the disk has nothing more to do.
    fn restore(&self) -> Result<()> {
        for (path, text) in &self.files {
            let path = self.top.join(path);
            fs::create_dir_all(path.parent().context("a file has a folder")?)?;
            fs::write(path, text)?;
        }
        quiet(&mut command("sync")).map(drop)
    }

    /// What git says is the difference to other texts.
    fn diff(&self, new: &[(String, String)]) -> Result<String> {
        self.restore()?;
        let git = |words: &[&str]| quiet(command("git").arg("-C").arg(&self.top).args(words));
        git(&["init", "--quiet"])?;
        git(&["add", "--all"])?;
        for (path, text) in new {
            fs::write(self.top.join(path), text)?;
        }
        let diff = git(&["diff", "--no-color", "--no-ext-diff"])?;
        // Without it `git apply` has the same to do as we have.
        fs::remove_dir_all(self.top.join(".git"))?;
        Ok(diff)
    }

    /// Both programs on one patch; with `new`, the files must hold that afterwards.
    fn row(
        &self,
        name: &'static str,
        patch: &str,
        new: Option<&[(String, String)]>,
        words: &[&str],
    ) -> Result<Row> {
        self.restore()?;
        let place = self.top.with_extension("patch");
        fs::write(&place, patch)?;
        let state = self.top.with_extension("state");
        let check: &[&str] = if words.is_empty() { &[] } else { &["--check"] };
        let (mut ours, mut git) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let mut codes = Vec::new();
            for (times, program, words) in [
                (&mut git, Path::new("git"), [&["apply"], check].concat()),
                (&mut ours, self.animus, [&["apply-patch"], words].concat()),
            ] {
                if new.is_some() {
                    self.restore()?;
                }
                let mut run = Command::new(program);
                run.args(words)
                    .current_dir(&self.top)
                    .env("ANIMUS_STATE_DIR", &state)
                    // Not below a repository of somebody else.
                    .env("GIT_CEILING_DIRECTORIES", &self.top)
                    .stdin(File::open(&place)?)
                    .stdout(Stdio::null())
                    .stderr(Stdio::null());
                let begin = Instant::now();
                let status = run.status()?;
                times.push(begin.elapsed());
                codes.push(status.success());
                for (path, text) in new.unwrap_or_default() {
                    let now = fs::read_to_string(self.top.join(path))?;
                    ensure!(now == *text, "{name}: {path} after {}", program.display());
                }
            }
            ensure!(codes[0] == codes[1], "{name}: {codes:?}");
            ensure!(codes[0] != name.ends_with("refused"), "{name}: {codes:?}");
        }
        Ok(Row {
            name,
            ours: median(ours),
            git: median(git),
            synced: new.map(|new| self.synced(new)).transpose()?,
        })
    }

    /// The new texts written, synced and renamed in turn.
    fn synced(&self, new: &[(String, String)]) -> Result<Duration> {
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            self.restore()?;
            let begin = Instant::now();
            for (path, text) in new {
                let place = self.top.join(path);
                let beside = place.with_extension("tmp");
                let mut file = File::create(&beside)?;
                file.write_all(text.as_bytes())?;
                file.sync_all()?;
                fs::rename(beside, place)?;
            }
            times.push(begin.elapsed());
        }
        Ok(median(times))
    }
}

/// Lines that look like code, all different.
fn text(seed: usize, lines: usize) -> String {
    let mut text = String::new();
    for line in 0..lines {
        let _ = writeln!(
            text,
            "fn step_{seed}_{line}(argument: usize) -> usize {{ argument.wrapping_mul({}) }}",
            line * 31 + seed
        );
    }
    text
}

/// Changes one line, from 0.
fn edit(text: &mut String, line: usize) {
    let edited: Vec<String> = text
        .lines()
        .enumerate()
        .map(|(number, text)| match number == line {
            true => text.replace("wrapping_mul", "saturating_mul"),
            false => text.to_owned(),
        })
        .collect();
    *text = edited.join("\n") + "\n";
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
