//! Jest: files that pass or fail, tests marked with signs where it is verbose, and a section for each failure.

use super::{Case, Outcome, Place, Reading, Seen, frame, indent, number_before, without_time};

/// Reads all files.
pub fn read(lines: &[&str]) -> Reading {
    let mut reading = Reading::default();
    let Some(totals) = lines
        .iter()
        .position(|line| line.starts_with("Test Suites:"))
    else {
        return reading;
    };
    let mut file = None;
    let mut seen = Seen::new();
    // Titles of the groups around a line, with their depth.
    let mut groups: Vec<(usize, &str)> = Vec::new();
    let mut at = 0;
    while let Some(line) = lines
        .get(at)
        .filter(|line| !line.starts_with("Summary of all failing tests"))
    {
        at += 1;
        if let Some(path) = suite(line) {
            file = Some(path.to_owned());
            groups.clear();
        } else if let Some(title) = line.strip_prefix("  ● ").filter(|title| is_failure(title)) {
            let start = at;
            while lines.get(at).is_some_and(|line| !ends_section(line)) {
                at += 1;
            }
            let title = title.trim().trim_end_matches('─').trim();
            let name = match (&file, title) {
                (Some(path), LOAD) => path.clone(),
                _ => title.replace(" › ", " > "),
            };
            let (message, place) = trouble(&lines[start..at]);
            if seen.insert(format!("{file:?} {name}")) {
                reading.cases.push(Case {
                    suite: file.clone(),
                    message,
                    place,
                    ..Case::new(name, Outcome::Failed)
                });
            }
        } else if let Some((outcome, title)) = sign(line).filter(|_| file.is_some()) {
            let depth = indent(line);
            groups.retain(|(other, _)| *other < depth);
            let titles = groups
                .iter()
                .map(|(_, title)| *title)
                .chain([without_time(title)]);
            // A failure has its own section.
            if outcome != Outcome::Failed {
                reading.cases.push(Case {
                    suite: file.clone(),
                    ..Case::new(titles.collect::<Vec<_>>().join(" > "), outcome)
                });
            }
        } else if indent(line) >= 2 && indent(line).is_multiple_of(2) && !line.trim().is_empty() {
            let depth = indent(line);
            groups.retain(|(other, _)| *other < depth);
            groups.push((depth, line.trim()));
        }
    }
    // Several runs, as of the packages of a workspace, have a summary each.
    let mut suites = 0u32;
    for line in &lines[totals..] {
        if let Some(rest) = line.strip_prefix("Test Suites:") {
            suites = suites.saturating_add(number_before(rest, " failed").unwrap_or(0));
        } else if let Some(rest) = line.strip_prefix("Tests:") {
            let count = |word: &str| number_before(rest, word).unwrap_or(0);
            reading.failed = Some(reading.failed.unwrap_or(0).saturating_add(count(" failed")));
            reading.passed = Some(reading.passed.unwrap_or(0).saturating_add(count(" passed")));
        }
    }
    // A file that could not be loaded is a failure that the tests' own count leaves out.
    let is_file = |case: &&Case| case.suite.as_ref() == Some(&case.name);
    let files = reading.cases.iter().filter(is_file).count();
    let files = u32::try_from(files).unwrap_or(u32::MAX);
    let none_named = u32::from(suites > 0 && reading.cases.is_empty());
    reading.failed = Some(
        reading
            .failed
            .unwrap_or(0)
            .saturating_add(files.max(none_named)),
    );
    reading
}

/// How it calls a file that could not be loaded.
const LOAD: &str = "Test suite failed to run";

/// `FAIL path`, `PASS path (5 s)`, `FAIL project path`.
fn suite(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("FAIL ").or(line.strip_prefix("PASS "))?;
    let rest = without_time(rest.trim());
    Some(rest.rsplit(' ').next().unwrap_or(rest))
}

fn is_failure(title: &str) -> bool {
    !title.starts_with("Console")
        && !title.contains("obsolete")
        && !title.starts_with("Deprecation")
}

fn ends_section(line: &str) -> bool {
    line.starts_with("  ● ")
        || suite(line).is_some()
        || line.starts_with("Test Suites:")
        || line.starts_with("Summary of all")
}

fn sign(line: &str) -> Option<(Outcome, &str)> {
    let line = line.trim_start();
    let signs = [
        ("✓ ", Outcome::Passed),
        ("√ ", Outcome::Passed),
        ("✕ ", Outcome::Failed),
        ("× ", Outcome::Failed),
        ("○ skipped ", Outcome::Skipped),
        ("○ ", Outcome::Skipped),
        ("✎ todo ", Outcome::Skipped),
    ];
    signs
        .into_iter()
        .find_map(|(sign, outcome)| Some((outcome, line.strip_prefix(sign)?.trim())))
}

fn trouble(lines: &[&str]) -> (Option<String>, Option<Place>) {
    let is_code = |line: &str| {
        let line = line.trim_start_matches([' ', '>']);
        line.split_once('|').is_some_and(|(number, _)| {
            number.trim().parse::<u32>().is_ok() || number.trim().is_empty()
        })
    };
    let is_frame = |line: &str| line.trim_start().starts_with("at ");
    let said = lines
        .iter()
        .take_while(|line| !is_code(line) && !is_frame(line));
    let said: Vec<&str> = said.map(|line| line.trim()).take(40).collect();
    let place = lines
        .iter()
        .filter(|line| is_frame(line))
        .find_map(|line| frame::script(line));
    (Some(said.join("\n")), place)
}
