//! PHP: PHPUnit's list of failures and its counts.

use super::{Case, Outcome, Place, Reading, frame};

/// Reads the failing tests and the counts.
pub fn read(lines: &[&str]) -> Reading {
    let mut reading = Reading::default();
    for (at, line) in lines.iter().enumerate() {
        if let Some(name) = numbered(line) {
            let body = lines[at + 1..].iter().take(60);
            let body: Vec<&str> = body
                .take_while(|line| numbered(line).is_none())
                .copied()
                .collect();
            let last = body.iter().rev().find_map(|line| place(line));
            let said = body
                .iter()
                .take_while(|line| place(line).is_none())
                .copied();
            reading.cases.push(Case {
                place: last,
                message: Some(said.collect::<Vec<_>>().join("\n")),
                ..Case::new(name, Outcome::Failed)
            });
        } else if let Some(rest) = line.strip_prefix("Tests: ") {
            let of = |word: &str| {
                let mut parts = rest.trim_end_matches('.').split(", ");
                let found = parts.find_map(|part| {
                    part.strip_prefix(word)?
                        .strip_prefix(": ")?
                        .parse::<u32>()
                        .ok()
                });
                found.unwrap_or(0)
            };
            let Some(all) = rest
                .split(',')
                .next()
                .and_then(|all| all.parse::<u32>().ok())
            else {
                continue;
            };
            let failed = of("Failures").saturating_add(of("Errors"));
            let left_out = of("Skipped").saturating_add(of("Incomplete"));
            reading.failed = Some(failed);
            reading.passed = Some(all.saturating_sub(failed).saturating_sub(left_out));
        }
    }
    reading
}

/// `1) Tests\\CalcTest::testBad`, with its data set.
fn numbered(line: &str) -> Option<&str> {
    let (number, name) = line.split_once(") ")?;
    number.parse::<u32>().ok()?;
    let is_name = name
        .split(' ')
        .next()
        .is_some_and(|name| name.contains("::"));
    is_name.then_some(name.trim_end())
}

/// `/p/tests/CalcTest.php:12`, alone in its line.
fn place(line: &str) -> Option<Place> {
    let place = frame::place(line)?;
    let is_own =
        place.path.ends_with(".php") && !place.path.contains("vendor/") && frame::is_own(&place);
    is_own.then_some(place)
}
