//! Unittest: Python's own runner, plain or verbose.

use super::{Case, Outcome, Place, Reading, frame};

/// Reads all tests.
pub fn read(lines: &[&str]) -> Reading {
    let mut reading = Reading::default();
    let mut is_one = false;
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        if let Some((outcome, name)) = verbose(line) {
            reading.cases.push(Case {
                suite: class(&name),
                ..Case::new(name, outcome)
            });
        } else if line.starts_with("======") {
            let Some(name) = lines.get(at).and_then(|line| head(line)) else {
                continue;
            };
            let start = at;
            while lines
                .get(at)
                .is_some_and(|line| !line.starts_with("======") && !line.starts_with("Ran "))
            {
                at += 1;
            }
            let (message, place) = trouble(&lines[start + 1..at]);
            reading.cases.push(Case {
                suite: class(&name),
                message,
                place,
                ..Case::new(name, Outcome::Failed)
            });
        } else if let Some(rest) = line.strip_prefix("Ran ")
            && let Some((number, _)) = rest.split_once(" test")
            && let Ok(ran) = number.parse::<u32>()
        {
            is_one = true;
            let end = lines[at..].iter().find(|line| !line.trim().is_empty());
            let end = end.filter(|line| line.starts_with("OK") || line.starts_with("FAILED"));
            let count = |word: &str| end.map_or(0, |end| named_count(end, word));
            let failed = count("failures") + count("errors") + count("unexpected successes");
            let left_out = count("skipped") + count("expected failures");
            reading.failed = Some(reading.failed.unwrap_or(0).saturating_add(failed));
            let passed = ran.saturating_sub(failed).saturating_sub(left_out);
            reading.passed = Some(reading.passed.unwrap_or(0).saturating_add(passed));
        }
    }
    match is_one {
        true => reading,
        false => Reading::default(),
    }
}

/// A number of `FAILED (failures=2, expected failures=1)`.
fn named_count(line: &str, word: &str) -> u32 {
    let list = line
        .split_once('(')
        .map_or("", |(_, list)| list.trim_end_matches(')'));
    let mut parts = list.split(", ").filter_map(|part| part.split_once('='));
    let found = parts.find(|(name, _)| *name == word);
    found
        .and_then(|(_, number)| number.parse().ok())
        .unwrap_or(0)
}

/// `FAIL: test_bad (test_a.A.test_bad)`, with values behind it in a subtest.
fn head(line: &str) -> Option<String> {
    let rest = ["FAIL: ", "ERROR: ", "UNEXPECTED SUCCESS: "]
        .into_iter()
        .find_map(|word| line.strip_prefix(word))?;
    Some(full_name(rest))
}

/// `test_bad (test_a.A.test_bad) ... FAIL`.
fn verbose(line: &str) -> Option<(Outcome, String)> {
    let (name, end) = line.trim_start().rsplit_once(" ... ")?;
    let outcome = match end.trim() {
        "ok" => Outcome::Passed,
        "FAIL" | "ERROR" | "unexpected success" => Outcome::Failed,
        "expected failure" => Outcome::Skipped,
        end if end.starts_with("skipped") => Outcome::Skipped,
        _ => return None,
    };
    (name.contains(" (") && name.ends_with(')')).then(|| (outcome, full_name(name)))
}

/// The dotted name; before Python 3.11 the brackets held the class alone.
fn full_name(text: &str) -> String {
    let text = text.trim();
    let Some((method, rest)) = text.split_once(" (") else {
        return text.to_owned();
    };
    let (class, values) = rest.split_once(')').unwrap_or((rest, ""));
    let dotted = match class {
        _ if class.ends_with(&format!(".{method}")) => class.to_owned(),
        _ => format!("{class}.{method}"),
    };
    let dotted = dotted
        .strip_prefix("unittest.loader._FailedTest.")
        .unwrap_or(&dotted);
    format!("{dotted}{}", values.trim_end())
}

/// Module and class of a dotted name.
fn class(name: &str) -> Option<String> {
    let plain = name.split(" (").next().unwrap_or(name);
    plain.rsplit_once('.').map(|(class, _)| class.to_owned())
}

/// The exception, which stands at the start of a line behind the frames, and the last frame of the project.
fn trouble(lines: &[&str]) -> (Option<String>, Option<Place>) {
    let mut place = None;
    let mut message: Vec<&str> = Vec::new();
    let mut in_frames = false;
    for line in lines {
        if line.starts_with("Traceback ") {
            in_frames = true;
            message.clear();
        } else if let Some(found) = line.strip_prefix("  File \"").and_then(python_frame) {
            if frame::is_own(&found) {
                place = Some(found);
            }
        } else if line.starts_with("-----")
            || line.starts_with("Stdout:")
            || line.starts_with("Stderr:")
        {
            in_frames = false;
        } else if in_frames && !(line.starts_with("  ") && message.is_empty()) && message.len() < 40
        {
            message.push(line);
        }
    }
    let text = message.join("\n").trim().to_owned();
    (Some(text).filter(|text| !text.is_empty()), place)
}

/// `path", line 5, in name`.
fn python_frame(rest: &str) -> Option<Place> {
    let (path, rest) = rest.split_once("\", line ")?;
    let line = rest.split(',').next()?.trim().parse().ok()?;
    Some(Place {
        path: path.strip_prefix("./").unwrap_or(path).to_owned(),
        line,
    })
}
