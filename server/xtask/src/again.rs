//! Again: tests run once more where they failed. One that passes then is named as unsteady, on the last lines of the
//! whole run too: it is a defect to look for, of the test or of the product, and no reason to refuse everything else.

use crate::editors::Tally;
use crate::shell::cargo;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::thread;

/// What one run of `cargo test` left to be done.
struct Failures {
    /// The arguments that name each failed target, as cargo lists them.
    targets: Vec<Vec<String>>,
    tests: Vec<String>,
    /// How many tests passed.
    passed: usize,
}

/// Runs every test of the workspace. Returns the names of those that passed at the second time only.
pub fn tests() -> Result<Vec<String>> {
    let (passed, failures) = once(&["test", "--workspace", "--no-fail-fast"])?;
    if passed {
        return Ok(Vec::new());
    }
    if failures.targets.is_empty() || failures.tests.is_empty() {
        bail!("cargo test failed without naming a test");
    }
    println!("\nonce more: {}", failures.tests.join(", "));
    for target in &failures.targets {
        let mut words = vec!["test"];
        words.extend(target.iter().map(String::as_str));
        words.extend(["--", "--exact"]);
        words.extend(failures.tests.iter().map(String::as_str));
        let (passed, second) = once(&words)?;
        // A target that died named none of its tests.
        if !passed || second.passed == 0 {
            bail!("failed twice in {}", target.join(" "));
        }
    }
    Ok(failures.tests)
}

/// Runs a session, and once more where tests of it failed or it did not come to them.
pub fn session(name: &str, mut run: impl FnMut() -> Result<Tally>) -> Result<Tally> {
    let first = run();
    match &first {
        Ok(tally) if tally.failed == 0 => return first,
        Ok(tally) => println!("{name}: {} failed; once more", tally.failed),
        Err(problem) => println!("{name} failed: {problem:#}; once more"),
    }
    let mut second = run()?;
    if second.failed == 0 {
        second.unsteady.push(name.to_owned());
    }
    Ok(second)
}

/// Runs cargo with its output shown and read.
fn once(words: &[&str]) -> Result<(bool, Failures)> {
    println!("$ cargo {}", words.join(" "));
    let mut child = cargo(words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let output = child.stdout.take().context("no standard output")?;
    let errors = child.stderr.take().context("no standard error")?;
    let reader = thread::spawn(move || tee(errors, std::io::stderr()));
    let said = tee(output, std::io::stdout());
    let complained = reader.join().unwrap_or_default();
    let status = child.wait()?;
    Ok((status.success(), failures(&said, &complained)))
}

/// Passes lines on as they come, and keeps them.
fn tee(from: impl Read, mut to: impl Write) -> Vec<String> {
    let lines = BufReader::new(from).split(b'\n').map_while(Result::ok);
    lines
        .map(|line| {
            let line = String::from_utf8_lossy(&line).into_owned();
            // A terminal that is gone takes nothing more; the tests go on.
            let _ = writeln!(to, "{line}");
            line
        })
        .collect()
}

/// The failed tests of libtest's lines, and the failed targets of cargo's last words.
fn failures(said: &[String], complained: &[String]) -> Failures {
    let tests = said.iter().filter_map(|line| {
        let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
        Some(name.trim_end_matches(" - should panic").to_owned())
    });
    let targets = complained.iter().filter_map(|line| {
        let words = line.trim().strip_prefix('`')?.strip_suffix('`')?;
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        (words.first()? == "-p").then_some(words)
    });
    Failures {
        targets: targets.collect(),
        tests: tests.collect(),
        passed: said
            .iter()
            .filter(|line| line.starts_with("test ") && line.ends_with(" ... ok"))
            .count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_tests_and_their_targets_are_read() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let said = lines(
            "test a::b ... ok\ntest a::c ... FAILED\ntest d - should panic ... FAILED\ntest result: FAILED. 1",
        );
        let complained = lines(
            "error: test failed, to rerun pass `-p x --lib`\nerror: 2 targets failed:\n    `-p x --lib`\n    `-p animus --test black_box`",
        );
        let found = failures(&said, &complained);
        assert_eq!(found.tests, ["a::c", "d"]);
        assert_eq!(found.passed, 1);
        assert_eq!(
            found.targets,
            [
                vec!["-p", "x", "--lib"],
                vec!["-p", "animus", "--test", "black_box"]
            ]
        );
        assert!(failures(&lines("test a ... ok"), &[]).tests.is_empty());
    }
}
