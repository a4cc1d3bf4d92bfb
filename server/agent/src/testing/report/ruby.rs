//! Ruby: the summaries of RSpec and of Minitest.

use super::{Case, Outcome, Place, Reading, frame, number_before};

/// Reads the failing tests and the counts.
pub fn read(lines: &[&str]) -> Reading {
    let mut reading = Reading::default();
    for (at, line) in lines.iter().enumerate() {
        if let Some((place, name)) = line
            .strip_prefix("rspec ")
            .and_then(|rest| rest.split_once(" # "))
        {
            let (message, inner) = example(lines, name.trim());
            reading.cases.push(Case {
                place: inner.or_else(|| frame::place(place)),
                message,
                ..Case::new(name.trim(), Outcome::Failed)
            });
        } else if let Some((name, place)) = minitest(lines, at) {
            let body = lines[at + 2..]
                .iter()
                .take_while(|line| !line.trim().is_empty());
            reading.cases.push(Case {
                place: frame::place(place),
                message: Some(body.take(40).copied().collect::<Vec<_>>().join("\n")),
                ..Case::new(name, Outcome::Failed)
            });
        } else if let Some((all, rest)) = counts(line) {
            let count = |word: &str| number_before(rest, word).unwrap_or(0);
            let failed = count(" failure").saturating_add(count(" error"));
            let left_out = count(" pending").saturating_add(count(" skip"));
            let passed = all.saturating_sub(failed).saturating_sub(left_out);
            reading.failed = Some(reading.failed.unwrap_or(0).saturating_add(failed));
            reading.passed = Some(reading.passed.unwrap_or(0).saturating_add(passed));
        }
    }
    reading
}

/// `3 examples, 1 failure`, `3 runs, 3 assertions, 1 failures, 0 errors, 0 skips`.
fn counts(line: &str) -> Option<(u32, &str)> {
    let words = [" examples, ", " example, ", " runs, ", " tests, "];
    let (all, rest) = words.iter().find_map(|word| line.split_once(word))?;
    rest.contains(" failure")
        .then_some((all.trim().parse().ok()?, rest))
}

/// `  1) Failure:` and in the next line `CalcTest#test_bad [test/calc_test.rb:7]:`.
fn minitest<'a>(lines: &[&'a str], at: usize) -> Option<(&'a str, &'a str)> {
    let (number, word) = lines.get(at)?.trim_start().split_once(") ")?;
    number.parse::<u32>().ok()?;
    matches!(word.trim(), "Failure:" | "Error:").then_some(())?;
    let next = lines.get(at + 1)?.trim_end().trim_end_matches(':');
    let (name, place) = next.split_once(" [").unwrap_or((next, ""));
    name.contains('#').then_some((name, place))
}

/// What RSpec says of an example: the lines behind its number, and the last place in them that is its own.
fn example(lines: &[&str], name: &str) -> (Option<String>, Option<Place>) {
    let head = |line: &&str| {
        let numbered = line.trim_start().split_once(") ");
        numbered.is_some_and(|(number, title)| number.parse::<u32>().is_ok() && title == name)
    };
    let Some(at) = lines.iter().take(2_000).position(head) else {
        return (None, None);
    };
    let body: Vec<&str> = lines[at + 1..].iter().take(40).copied().collect();
    let body = body
        .split(|line| line.trim_start().starts_with("# "))
        .next()
        .unwrap_or_default();
    let place = lines.get(at + 1 + body.len()).and_then(|line| {
        let text = line.trim_start().strip_prefix("# ")?;
        frame::place(text.split(":in ").next()?)
    });
    let said: Vec<&str> = body.iter().map(|line| line.trim()).collect();
    (Some(said.join("\n")), place.filter(frame::is_own))
}
