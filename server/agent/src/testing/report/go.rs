//! Go: the output of `go test`, as text or as JSON events. Packages run on their own, so one that fails hides no other.

use super::{Case, Extent, Outcome, Place, Reading, frame, indent};
use serde::Deserialize;
use std::collections::BTreeMap;

/// One line of `go test -json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    action: String,
    #[serde(default)]
    package: String,
    #[serde(default)]
    test: String,
    #[serde(default)]
    output: String,
}

/// Reads the tests of all packages.
pub fn read(lines: &[&str]) -> Reading {
    let mut reading = events(lines);
    reading.add(text(lines));
    reading
}

fn text(lines: &[&str]) -> Reading {
    let mut reading = Reading::default();
    // Tests whose package is not named yet: it stands behind them.
    let mut waiting: Vec<Case> = Vec::new();
    let mut before: Vec<&str> = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        if line.starts_with("=== ") {
            before.clear();
        } else if let Some((outcome, name)) = end_of(line) {
            let depth = indent(line);
            let start = at;
            while lines
                .get(at)
                .is_some_and(|line| indent(line) > depth && end_of(line).is_none())
            {
                at += 1;
            }
            let said = match at > start {
                true => &lines[start..at],
                false => &before[..],
            };
            let failed = outcome == Outcome::Failed;
            waiting.push(Case {
                message: failed.then(|| said.join("\n")),
                place: said.iter().find_map(|line| place(line)).filter(|_| failed),
                ..Case::new(name, outcome)
            });
            before.clear();
        } else if let Some(package) = package(line) {
            if line.starts_with("FAIL")
                && waiting.iter().all(|case| case.outcome != Outcome::Failed)
            {
                reading.extent = Extent::Cut;
            }
            let suite = Some(package.to_owned());
            reading
                .cases
                .extend(leaves(std::mem::take(&mut waiting)).map(|case| Case {
                    suite: suite.clone(),
                    ..case
                }));
        } else if !waiting.is_empty()
            && (line.starts_with("panic: ") || line.starts_with("fatal error: "))
        {
            // What stands behind a panic in its package did not run.
            reading.extent = Extent::Cut;
            if let Some(case) = waiting
                .iter_mut()
                .rev()
                .find(|case| case.outcome == Outcome::Failed)
            {
                case.message = Some(line.to_string());
                case.place = lines[at..].iter().take(60).find_map(|line| trace(line));
            }
        } else if indent(line) > 0 {
            before.push(line);
        }
    }
    reading.cases.extend(leaves(waiting));
    reading
}

/// `--- FAIL: TestX (0.00s)` at any depth.
fn end_of(line: &str) -> Option<(Outcome, &str)> {
    let rest = line.trim_start().strip_prefix("--- ")?;
    let (word, name) = rest.split_once(": ")?;
    let outcome = match word {
        "FAIL" => Outcome::Failed,
        "PASS" => Outcome::Passed,
        "SKIP" => Outcome::Skipped,
        _ => return None,
    };
    Some((outcome, name.split(" (").next().unwrap_or(name).trim()))
}

/// `FAIL\tpackage\t0.01s`, `ok  \tpackage\t0.01s`.
fn package(line: &str) -> Option<&str> {
    let mut parts = line.split('\t');
    let word = parts.next()?.trim_end();
    let name = parts.next()?.trim();
    let is_end = matches!(word, "ok" | "FAIL") && !name.is_empty();
    is_end.then(|| name.split(' ').next().unwrap_or(name))
}

/// A failing test of which only a part failed says no more than that part.
fn leaves(cases: Vec<Case>) -> impl Iterator<Item = Case> {
    let names: Vec<String> = cases
        .iter()
        .filter(|case| case.outcome == Outcome::Failed)
        .map(|case| case.name.clone())
        .collect();
    let parents: std::collections::HashSet<String> = names
        .iter()
        .flat_map(|name| name.match_indices('/').map(|(at, _)| name[..at].to_owned()))
        .collect();
    cases.into_iter().filter(move |case| {
        let says = case
            .message
            .as_deref()
            .is_some_and(|text| !text.trim().is_empty());
        case.outcome != Outcome::Failed || says || !parents.contains(&case.name)
    })
}

/// `    x_test.go:12: message`.
fn place(line: &str) -> Option<Place> {
    let mut parts = line.trim_start().splitn(3, ':');
    let (path, number) = (parts.next()?, parts.next()?);
    let line = number.parse().ok()?;
    let is_source = path.ends_with(".go") && !path.contains(' ');
    is_source.then(|| Place {
        path: path.to_owned(),
        line,
    })
}

/// `\t/p/x_test.go:12 +0x1d`.
fn trace(line: &str) -> Option<Place> {
    let line = line.strip_prefix('\t')?;
    let place = frame::place(line.split(" +0x").next().unwrap_or(line))?;
    (place.path.ends_with(".go") && frame::is_own(&place)).then_some(place)
}

fn events(lines: &[&str]) -> Reading {
    let mut said: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut ends: Vec<(String, String, Outcome)> = Vec::new();
    let mut reading = Reading::default();
    for line in lines
        .iter()
        .filter(|line| line.starts_with('{') && line.contains("\"Action\""))
    {
        let Ok(event) = serde_json::from_str::<Event>(line) else {
            continue;
        };
        let outcome = match event.action.as_str() {
            "output" if !event.test.is_empty() => {
                if event.output.starts_with("panic: ") {
                    reading.extent = Extent::Cut;
                }
                let noise = event.output.starts_with("=== ") || end_of(&event.output).is_some();
                let text = said.entry((event.package, event.test)).or_default();
                if !noise && text.len() < super::MESSAGE {
                    text.push_str(&event.output);
                }
                continue;
            }
            "pass" => Outcome::Passed,
            "fail" => Outcome::Failed,
            "skip" => Outcome::Skipped,
            _ => continue,
        };
        if event.test.is_empty() {
            let own = |end: &&(String, String, Outcome)| {
                end.0 == event.package && end.2 == Outcome::Failed
            };
            if outcome == Outcome::Failed && ends.iter().find(own).is_none() {
                reading.extent = Extent::Cut;
            }
            continue;
        }
        ends.push((event.package, event.test, outcome));
    }
    let cases = ends.into_iter().map(|(package, test, outcome)| {
        let text = said
            .remove(&(package.clone(), test.clone()))
            .unwrap_or_default();
        let failed = outcome == Outcome::Failed;
        Case {
            place: text.lines().find_map(place).filter(|_| failed),
            message: failed.then_some(text),
            suite: Some(package),
            ..Case::new(test, outcome)
        }
    });
    reading.cases = leaves(cases.collect()).collect();
    reading
}
