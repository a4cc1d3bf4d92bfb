//! Plain: lines with a word for the end and a name, as GoogleTest, CTest, Automake, Deno and programs of one's own print them. Read only
//! where no other form is there.

use super::{Case, Outcome, Place, Reading, frame, number_before, without_time};

/// Reads all lines.
pub fn read(lines: &[&str]) -> Reading {
    let mut reading = Reading::default();
    // GoogleTest names its failures once more at the end.
    let listed = lines.iter().position(|line| line.contains("listed below:"));
    for (at, line) in lines.iter().enumerate() {
        if listed.is_some_and(|list| at > list) && google(line).is_some() {
            continue;
        }
        if let Some((outcome, name)) = google(line)
            .or_else(|| ctest(line))
            .or_else(|| worded(line))
        {
            let mut case = Case::new(name, outcome);
            if outcome == Outcome::Failed && ctest(line).is_none() {
                (case.message, case.place) = trouble(line, lines, at);
            }
            reading.cases.push(case);
        } else if let (Some(passed), Some(failed)) = (count(line, "passed"), count(line, "failed"))
        {
            reading.passed = Some(reading.passed.unwrap_or(0).saturating_add(passed));
            reading.failed = Some(reading.failed.unwrap_or(0).saturating_add(failed));
        }
    }
    reading
}

/// The number of a summary: `3 passed, 1 failed`, `passed: 3`.
fn count(line: &str, word: &str) -> Option<u32> {
    let lower = line.to_ascii_lowercase();
    let behind = || {
        let (_, rest) = lower.split_once(&format!("{word}:"))?;
        rest.split([',', ';', ' '])
            .find(|part| !part.is_empty())?
            .parse()
            .ok()
    };
    number_before(&lower, &format!(" {word}")).or_else(behind)
}

/// `[  FAILED  ] Suite.name (0 ms)`; the list at the end has no time and names the same again.
fn google(line: &str) -> Option<(Outcome, &str)> {
    let (word, name) = line.strip_prefix('[')?.split_once("] ")?;
    let outcome = match word.trim() {
        "OK" | "PASS" | "PASSED" | "ok" => Outcome::Passed,
        "FAILED" | "FAIL" | "fail" | "ERROR" => Outcome::Failed,
        "SKIPPED" | "SKIP" | "skip" => Outcome::Skipped,
        _ => return None,
    };
    let name = without_time(name).split(", where ").next().unwrap_or(name);
    // `[  PASSED  ] 3 tests.` counts.
    let counts = name
        .split_once(' ')
        .is_some_and(|(number, _)| number.parse::<u32>().is_ok());
    (!counts && !name.is_empty()).then_some((outcome, name.trim()))
}

/// ` 2/3 Test #2: name .....***Failed    0.00 sec`.
fn ctest(line: &str) -> Option<(Outcome, &str)> {
    let (_, rest) = line.split_once(" Test ")?;
    let (_, rest) = rest.trim_start().strip_prefix('#')?.split_once(": ")?;
    let outcome = match rest {
        _ if rest.contains(" Passed ") => Outcome::Passed,
        _ if rest.contains("***Skipped") || rest.contains("***Not Run (Disabled)") => {
            Outcome::Skipped
        }
        _ if rest.contains("***") => Outcome::Failed,
        _ => return None,
    };
    let name = rest
        .split(" .")
        .next()
        .unwrap_or(rest)
        .split("..")
        .next()
        .unwrap_or(rest);
    Some((outcome, name.trim()))
}

/// `FAIL: name`, `FAIL name`, `ok name`, `name: FAILED`, `name ... ok`.
fn worded(line: &str) -> Option<(Outcome, &str)> {
    let line = line.trim();
    let of = |word: &str| match word.trim_end_matches(':') {
        "ok" | "OK" | "PASS" | "PASSED" | "pass" | "✓" | "✔" => Some(Outcome::Passed),
        "FAIL" | "FAILED" | "fail" | "ERROR" | "XPASS" | "✗" | "✘" | "✖" | "✕" | "not" => {
            Some(Outcome::Failed)
        }
        "SKIP" | "SKIPPED" | "skip" | "XFAIL" => Some(Outcome::Skipped),
        _ => None,
    };
    let is_name = |name: &str| {
        let words = name.split_whitespace().count();
        (1..=12).contains(&words) && !name.starts_with(['(', '=', '-', '*', '|'])
    };
    if let Some((word, name)) = line.split_once(char::is_whitespace)
        && let Some(outcome) = of(word)
    {
        let name = match word {
            "not" => name.strip_prefix("ok")?,
            _ => name,
        };
        let name = name.trim().trim_start_matches(|c: char| c.is_ascii_digit());
        let name = name.trim_start().strip_prefix("- ").unwrap_or(name).trim();
        let name = cut_message(name);
        return is_name(name).then_some((outcome, name));
    }
    let (name, word) = line.rsplit_once("...").or_else(|| line.rsplit_once(": "))?;
    let name = name.trim_end_matches(['.', ' ']);
    Some((of(without_time(word).trim())?, name))
        .filter(|(_, name)| is_name(name) && !name.contains(": "))
}

/// The name before what is said of it: `name: words`, `name (path:3)`, `name - words`.
fn cut_message(name: &str) -> &str {
    let ends = [": ", " (", " - ", " at ", " # "];
    let end = ends
        .iter()
        .filter_map(|end| name.find(end))
        .filter(|at| *at > 0)
        .min();
    name[..end.unwrap_or(name.len())].trim_end()
}

/// What the line itself says, and else the lines right before it that name a place.
fn trouble(line: &str, lines: &[&str], at: usize) -> (Option<String>, Option<Place>) {
    let in_line = |line: &str| {
        line.split_whitespace()
            .find_map(|word| frame::place(word).filter(frame::is_own))
    };
    if let Some(place) = in_line(line) {
        return (Some(line.trim().to_owned()), Some(place));
    }
    let near = |at: usize| {
        lines
            .get(at)
            .copied()
            .filter(|line| worded(line).is_none() && google(line).is_none())
    };
    let before = (1..=6).map_while(|back| near(at.checked_sub(back)?));
    let before: Vec<&str> = before
        .take_while(|line| !line.starts_with("[ RUN"))
        .collect();
    let after: Vec<&str> = (1..=6)
        .map_while(|on| near(at + on))
        .take_while(|line| line.starts_with([' ', '\t']))
        .collect();
    let place = after.iter().chain(&before).find_map(|line| in_line(line));
    let mut said: Vec<&str> = before.into_iter().rev().collect();
    said.push(line.trim());
    said.extend(after);
    (Some(said.join("\n")), place)
}
