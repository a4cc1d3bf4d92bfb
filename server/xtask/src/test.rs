//! Test: every check of the project, one after the other. A failed check does not hide the later ones, and any failure
//! fails the whole.

use crate::editors::Tally;
use crate::shell::{cargo, run as show};
use crate::{again, clients, editors, observe, setup, tidy};
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
    let mut unsteady = Vec::new();
    let tests = again::tests();
    check("cargo test", tests.map(|names| unsteady.extend(names)));
    let tally = match editors {
        Editors::Run => {
            let mut sum = Some(Tally::default());
            for (name, result) in [
                ("tests of metrics", watched()),
                ("editor tests", editor_tests(&[])),
                ("client tests", client_tests()),
            ] {
                match result {
                    Ok(tally) => sum = sum.map(|sum| sum.and(tally)),
                    Err(problem) => {
                        sum = None;
                        check(name, Err(problem));
                    }
                }
            }
            sum
        }
        Editors::LeaveOut => None,
    };
    println!();
    if !failed.is_empty() {
        println!("failed: {}", failed.join(", "));
    }
    let broken = tally.as_ref().is_some_and(|tally| tally.failed > 0);
    match (tally, editors) {
        (Some(tally), _) => {
            println!("{} passed, {} failed", tally.passed, tally.failed);
            unsteady.extend(tally.unsteady);
        }
        (None, Editors::Run) => println!("the tests of editors, clients or metrics did not run"),
        (None, Editors::LeaveOut) => {
            println!("the tests of editors, clients and metrics were left out (--no-editors)")
        }
    }
    if !unsteady.is_empty() {
        println!("unsteady, passed when run again: {}", unsteady.join(", "));
    }
    if broken || !failed.is_empty() {
        bail!("not everything passed");
    }
    Ok(())
}

/// The editor tests alone: the sessions of these names, or all.
pub fn editors_only(only: &[&str]) -> Result<()> {
    told(editor_tests(only)?)
}

/// The tests of metrics, dashboard and alerts alone.
pub fn observe_only() -> Result<()> {
    told(watched()?)
}

/// The tests of the network door with real clients alone.
pub fn clients_only() -> Result<()> {
    told(client_tests()?)
}

fn told(tally: Tally) -> Result<()> {
    println!("\n{} passed, {} failed", tally.passed, tally.failed);
    if !tally.unsteady.is_empty() {
        println!(
            "unsteady, passed when run again: {}",
            tally.unsteady.join(", ")
        );
    }
    if tally.failed > 0 {
        bail!("not everything passed");
    }
    Ok(())
}

fn watched() -> Result<Tally> {
    again::session("observe", observe::run)
}

fn client_tests() -> Result<Tally> {
    show(&mut cargo(&["build", "--package", "animus"]))?;
    again::session("clients", clients::run)
}

fn editor_tests(only: &[&str]) -> Result<Tally> {
    let tools = setup::run()?;
    show(&mut cargo(&["build", "--package", "animus"]))?;
    editors::run(&tools, only)
}
