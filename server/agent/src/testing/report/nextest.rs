//! Nextest: `cargo nextest run`, which shows the output of libtest for each failure among its own lines.

use super::{Case, Extent, Outcome, Reading, libtest, number_before};
use std::collections::HashMap;

/// Whether the output is nextest's; what libtest says in it is a part of this.
pub fn is_one(lines: &[&str]) -> bool {
    lines.iter().any(|line| {
        let line = line.trim_start();
        line.starts_with("Nextest run ID")
            || (line.starts_with("Starting ") && line.contains(" across "))
    })
}

/// Reads all tests.
pub fn read(lines: &[&str]) -> Reading {
    let mut reading = Reading::default();
    let flat: Vec<&str> = lines.iter().map(|line| line.trim_start()).collect();
    // Where each test's own thread panicked.
    let panics: HashMap<&str, usize> = flat
        .iter()
        .enumerate()
        .filter_map(|(at, line)| {
            let name = line.strip_prefix("thread '")?.split('\'').next()?;
            line.contains("panicked at").then_some((name, at))
        })
        .collect();
    for line in lines {
        if let Some((outcome, suite, name)) = named(line) {
            let at = panics.get(name).filter(|_| outcome == Outcome::Failed);
            let (message, place) = at.map_or((None, None), |at| {
                let body = &flat[*at..flat.len().min(at + 40)];
                let end = body.iter().position(|line| line.is_empty());
                libtest::trouble(name, &body[..end.unwrap_or(body.len())])
            });
            reading.cases.push(Case {
                suite: Some(suite.to_owned()),
                message,
                place,
                ..Case::new(name, outcome)
            });
        } else if let Some((_, rest)) = line
            .split_once(" tests run: ")
            .or(line.split_once(" test run: "))
        {
            reading.passed = number_before(rest, " passed");
            let count = |word: &str| number_before(rest, word).unwrap_or(0);
            reading.failed = Some(count(" failed").saturating_add(count(" timed out")));
            // `2/5 tests run` left three out.
            let head = line.split(" test").next().unwrap_or_default();
            if head
                .rsplit(' ')
                .next()
                .is_some_and(|number| number.contains('/'))
            {
                reading.extent = Extent::Cut;
            }
        }
    }
    reading
}

/// `PASS [   0.005s] (1/3) rec tests::good`.
fn named(line: &str) -> Option<(Outcome, &str, &str)> {
    let (word, rest) = line.trim_start().split_once(" [")?;
    let outcome = match word.trim() {
        "PASS" | "LEAK" => Outcome::Passed,
        "FAIL" | "TIMEOUT" | "SIGABRT" | "SIGSEGV" | "ABORT" => Outcome::Failed,
        _ => return None,
    };
    let (time, rest) = rest.split_once("] ")?;
    let rest = match rest.trim_start().strip_prefix('(') {
        Some(rest) => rest.split_once(") ")?.1,
        None => rest,
    };
    let (suite, name) = rest.trim().rsplit_once(' ')?;
    time.trim()
        .ends_with('s')
        .then_some((outcome, suite.trim(), name))
}
