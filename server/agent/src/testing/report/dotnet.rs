//! Dotnet: what `dotnet test` prints.

use super::{Case, Outcome, Place, Reading};

/// Reads the tests that are named and the counts.
pub fn read(lines: &[&str]) -> Reading {
    let mut reading = Reading::default();
    for (at, line) in lines.iter().enumerate() {
        if let Some((outcome, name)) = named(line) {
            let failed = outcome == Outcome::Failed;
            let body = lines[at + 1..].iter().take(60);
            let body = body.take_while(|line| named(line).is_none() && !line.trim().is_empty());
            let body: Vec<&str> = body.copied().filter(|_| failed).collect();
            let said = body
                .iter()
                .take_while(|line| !line.contains("Stack Trace:"));
            let said = said
                .filter(|line| line.trim() != "Error Message:")
                .map(|line| line.trim());
            reading.cases.push(Case {
                message: Some(said.collect::<Vec<_>>().join("\n")).filter(|_| failed),
                place: body.iter().find_map(|line| place(line)),
                ..Case::new(name, outcome)
            });
        } else if line.contains("Failed:") && line.contains("Passed:") && line.contains("Total:") {
            let of = |word: &str| {
                let (_, rest) = line.split_once(word)?;
                rest.split(',').next()?.trim().parse::<u32>().ok()
            };
            let add = |sum: Option<u32>, more: Option<u32>| {
                Some(sum.unwrap_or(0).saturating_add(more.unwrap_or(0)))
            };
            reading.failed = add(reading.failed, of("Failed:"));
            reading.passed = add(reading.passed, of("Passed:"));
        }
    }
    reading
}

/// `  Failed Calc.Tests.Bad [12 ms]`.
fn named(line: &str) -> Option<(Outcome, &str)> {
    let (name, time) = line
        .strip_prefix("  ")?
        .trim_end()
        .strip_suffix(']')?
        .rsplit_once(" [")?;
    let (word, name) = name.split_once(' ')?;
    let outcome = match word {
        "Passed" => Outcome::Passed,
        "Failed" => Outcome::Failed,
        "Skipped" => Outcome::Skipped,
        _ => return None,
    };
    (time.ends_with('s')).then_some((outcome, name.trim()))
}

/// `   at Calc.Tests.Bad() in /p/CalcTests.cs:line 12`.
fn place(line: &str) -> Option<Place> {
    let (path, line) = line.split_once(" in ")?.1.rsplit_once(":line ")?;
    Some(Place {
        path: path.to_owned(),
        line: line.trim().parse().ok()?,
    })
}
