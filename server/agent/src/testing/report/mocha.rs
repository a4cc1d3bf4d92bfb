//! Mocha: a tree of signs, then the failures by number, their titles one a line.

use super::{Case, Outcome, Place, Reading, frame, indent, without_time};

/// Reads all tests.
pub fn read(lines: &[&str]) -> Reading {
    let mut reading = Reading::default();
    let Some(totals) = lines
        .iter()
        .position(|line| count(line, "passing").is_some())
    else {
        return reading;
    };
    let mut groups: Vec<(usize, &str)> = Vec::new();
    for line in &lines[..totals] {
        let depth = indent(line);
        let text = line.trim();
        let signs = [
            ("✔ ", Outcome::Passed),
            ("✓ ", Outcome::Passed),
            ("- ", Outcome::Skipped),
        ];
        let signed = signs
            .into_iter()
            .find_map(|(sign, outcome)| Some((outcome, text.strip_prefix(sign)?)));
        groups.retain(|(other, _)| *other < depth);
        if let Some((outcome, title)) = signed {
            let titles = groups
                .iter()
                .map(|(_, title)| *title)
                .chain([without_time(title)]);
            reading
                .cases
                .push(Case::new(titles.collect::<Vec<_>>().join(" > "), outcome));
        } else if depth >= 2 && !text.is_empty() {
            groups.push((depth, text));
        }
    }
    reading.passed = count(lines[totals], "passing");
    let mut at = totals;
    while let Some(line) = lines.get(at) {
        at += 1;
        reading.failed = reading.failed.or(count(line, "failing"));
        let Some(first) = numbered(line).filter(|_| reading.failed.is_some()) else {
            continue;
        };
        let mut titles = vec![first];
        while !titles.last().is_some_and(|title| title.ends_with(':')) && titles.len() < 20 {
            let Some(next) = lines.get(at).filter(|line| !line.trim().is_empty()) else {
                break;
            };
            titles.push(next.trim());
            at += 1;
        }
        let start = at;
        while lines.get(at).is_some_and(|line| numbered(line).is_none()) {
            at += 1;
        }
        let (message, place) = trouble(&lines[start..at]);
        let name = titles.join(" > ");
        reading.cases.push(Case {
            message,
            place,
            ..Case::new(name.trim_end_matches(':'), Outcome::Failed)
        });
    }
    reading.failed = reading.failed.or(Some(0));
    reading
}

/// `  1 passing (4ms)`.
fn count(line: &str, word: &str) -> Option<u32> {
    let rest = line.strip_prefix("  ")?;
    let (number, rest) = rest.split_once(' ')?;
    let rest = rest.strip_prefix(word)?;
    (rest.is_empty() || rest.starts_with(" (")).then(|| number.parse().ok())?
}

/// `  1) title`.
fn numbered(line: &str) -> Option<&str> {
    let (number, title) = line.strip_prefix("  ")?.split_once(") ")?;
    number.parse::<u32>().ok().map(|_| title.trim())
}

fn trouble(lines: &[&str]) -> (Option<String>, Option<Place>) {
    let is_frame = |line: &&&str| line.trim_start().starts_with("at ");
    let said = lines.iter().take_while(|line| !is_frame(line));
    let said: Vec<&str> = said.map(|line| line.trim()).take(40).collect();
    let place = lines
        .iter()
        .filter(is_frame)
        .find_map(|line| frame::script(line));
    (Some(said.join("\n")), place)
}
