//! Vitest: a tree or a list of tests, a section for each failure that begins with ` FAIL `.

use super::{Case, Outcome, Place, Reading, Seen, frame, number_before, without_time};

/// Reads all files.
pub fn read(lines: &[&str]) -> Reading {
    let mut reading = Reading::default();
    if !lines
        .iter()
        .any(|line| line.trim_start().starts_with("Test Files "))
    {
        return reading;
    }
    let mut seen = Seen::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        if let Some(title) = failure(line) {
            // Tests that fail alike stand over one section.
            let start = at;
            while lines.get(at).is_some_and(|line| !ends_section(line)) {
                at += 1;
            }
            let (suite, name) = split(title);
            let (message, place) = trouble(&lines[start..at]);
            if seen.insert(title.to_owned()) {
                reading.cases.push(Case {
                    suite: Some(suite.to_owned()),
                    message,
                    place,
                    ..Case::new(name, Outcome::Failed)
                });
            }
        } else if let Some((outcome, title)) = sign(line).filter(|(_, title)| title.contains(" > "))
        {
            let (suite, name) = split(without_time(title));
            reading.cases.push(Case {
                suite: Some(suite.to_owned()),
                ..Case::new(name, outcome)
            });
        } else if let Some(rest) = line.trim_start().strip_prefix("Tests  ") {
            let loads = reading
                .cases
                .iter()
                .filter(|case| case.suite.as_ref() == Some(&case.name))
                .count();
            let failed = number_before(rest, " failed").unwrap_or(0);
            reading.failed = Some(failed.saturating_add(u32::try_from(loads).unwrap_or(u32::MAX)));
            reading.passed = number_before(rest, " passed");
        }
    }
    reading
}

fn failure(line: &str) -> Option<&str> {
    let title = line.trim_start().strip_prefix("FAIL ")?.trim();
    // The name of a project may stand before the path, the path behind that of a file that could not be loaded.
    let title = match title
        .strip_prefix('|')
        .and_then(|rest| rest.split_once("| "))
    {
        Some((_, title)) => title,
        None => title,
    };
    Some(title.split(" [ ").next().unwrap_or(title).trim())
}

fn ends_section(line: &str) -> bool {
    failure(line).is_some() || line.starts_with('⎯') || line.trim_start().starts_with("Test Files ")
}

fn split(title: &str) -> (&str, &str) {
    title.split_once(" > ").unwrap_or((title, title))
}

fn sign(line: &str) -> Option<(Outcome, &str)> {
    let line = line.trim_start();
    let signs = [
        ("✓ ", Outcome::Passed),
        ("× ", Outcome::Failed),
        ("❯ ", Outcome::Failed),
        ("↓ ", Outcome::Skipped),
    ];
    let (outcome, title) = signs
        .into_iter()
        .find_map(|(sign, outcome)| Some((outcome, line.strip_prefix(sign)?)))?;
    // `❯` also stands before places.
    (!line.starts_with('❯') || title.contains(" > ")).then_some((outcome, title))
}

fn trouble(lines: &[&str]) -> (Option<String>, Option<Place>) {
    let place = |line: &str| {
        let rest = line.trim_start().strip_prefix("❯ ")?;
        frame::place(rest.rsplit(' ').next()?).filter(frame::is_own)
    };
    let said = lines
        .iter()
        .take_while(|line| !line.trim_start().starts_with("❯ "));
    let said: Vec<&str> = said.map(|line| line.trim_end()).take(40).collect();
    (
        Some(said.join("\n")),
        lines.iter().find_map(|line| place(line)),
    )
}
