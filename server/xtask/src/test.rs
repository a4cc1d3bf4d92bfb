//! Test: every check of the project, one after the other. A failed check does not hide the later ones, and any failure
//! fails the whole.

use crate::shell::{cargo, run as show};
use crate::{clients, editors, observe, setup, tidy};
use anyhow::{Result, bail};

/// Whether the tests that start editors run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Editors {
    Run,
    LeaveOut,
}

pub fn run(editors: Editors) -> Result<()> {
    let mut failed: Vec<String> = Vec::new();
    let mut check = |name: &str, result: Result<()>| {
        if let Err(problem) = result {
            println!("{name} failed: {problem:#}");
            failed.push(name.to_owned());
        }
    };
    check("fmt", show(&mut cargo(&["fmt", "--all", "--check"])));
    check("tidy", tidy::run());
    check(
        "clippy",
        show(&mut cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])),
    );
    check(
        "cargo test",
        show(&mut cargo(&["test", "--workspace", "--no-fail-fast"])),
    );
    let tally = match editors {
        Editors::Run => {
            let mut sum = Some(editors::Tally::default());
            for (name, result) in [
                ("tests of metrics", observe::run()),
                ("editor tests", editor_tests(&[])),
                ("client tests", client_tests()),
            ] {
                sum = sum
                    .zip(result.as_ref().ok())
                    .map(|(sum, tally)| editors::Tally {
                        passed: sum.passed + tally.passed,
                        failed: sum.failed + tally.failed,
                    });
                check(name, result.map(drop));
            }
            sum
        }
        Editors::LeaveOut => None,
    };
    println!();
    if !failed.is_empty() {
        println!("failed: {}", failed.join(", "));
    }
    match (tally, editors) {
        (Some(tally), _) => println!("{} passed, {} failed", tally.passed, tally.failed),
        (None, Editors::Run) => println!("the tests of editors, clients or metrics did not run"),
        (None, Editors::LeaveOut) => {
            println!("the tests of editors, clients and metrics were left out (--no-editors)")
        }
    }
    let broken = tally.is_some_and(|tally| tally.failed > 0);
    if broken || !failed.is_empty() {
        bail!("not everything passed");
    }
    Ok(())
}

/// The editor tests alone: the sessions of these names, or all.
pub fn editors_only(only: &[&str]) -> Result<()> {
    let tally = editor_tests(only)?;
    println!("\n{} passed, {} failed", tally.passed, tally.failed);
    if tally.failed > 0 {
        bail!("not everything passed");
    }
    Ok(())
}

/// The tests of metrics, dashboard and alerts alone.
pub fn observe_only() -> Result<()> {
    told(observe::run()?)
}

/// The tests of the network door with real clients alone.
pub fn clients_only() -> Result<()> {
    told(client_tests()?)
}

fn told(tally: editors::Tally) -> Result<()> {
    println!("\n{} passed, {} failed", tally.passed, tally.failed);
    if tally.failed > 0 {
        bail!("not everything passed");
    }
    Ok(())
}

fn client_tests() -> Result<editors::Tally> {
    show(&mut cargo(&["build", "--package", "animus"]))?;
    clients::run()
}

fn editor_tests(only: &[&str]) -> Result<editors::Tally> {
    let tools = setup::run()?;
    show(&mut cargo(&["build", "--package", "animus"]))?;
    editors::run(&tools, only)
}
