//! Verdict: what tests and the critic said, shortest first: the word, the counts, the names, then the end of the output.

use super::figure;
use super::style::{BAD, DIM, GOOD, PLAIN, Painted, STRONG, WARN, clean, line};
use protocol::{Critique, Severity, Standing, TestFailure, TestReport, TestVerdict};
use std::fmt::Write;

/// Names of failing tests that are listed.
const NAMES: usize = 12;
/// Lines from the end of the output that are shown.
const TAIL: usize = 14;

/// A test run.
pub fn test(report: &TestReport, indent: &str) -> String {
    let mut out = String::new();
    let took = Painted(DIM, format!("  {}", figure::time(report.duration_ms)));
    let counts = counts(report);
    match report.verdict {
        TestVerdict::Running => {
            let _ = writeln!(
                out,
                "{indent}{} {}",
                Painted(DIM, "$"),
                Painted(STRONG, line(&report.command))
            );
            return out;
        }
        TestVerdict::Passed => {
            let _ = writeln!(
                out,
                "{indent}{}{took}",
                Painted(GOOD, format!("✔ {counts}"))
            );
        }
        TestVerdict::Failed => {
            let _ = writeln!(out, "{indent}{}{took}", Painted(BAD, format!("✘ {counts}")));
        }
        TestVerdict::Broken => {
            let _ = writeln!(
                out,
                "{indent}{}{took}",
                Painted(BAD, "✘ the tests could not run to an end")
            );
        }
    }
    if report.verdict != TestVerdict::Passed {
        match report.failures.is_empty() {
            true => names(&report.failing, indent, &mut out),
            false => failures(&report.failures, indent, &mut out),
        }
        let output = clean(report.output.trim_end().trim_start_matches(['\n', '\r']));
        let mut lines: Vec<&str> = output.lines().map(str::trim_end).collect();
        lines.dedup_by(|line, before| line.is_empty() && before.is_empty());
        for text in &lines[lines.len().saturating_sub(TAIL)..] {
            let _ = writeln!(
                out,
                "{indent}  {}",
                Painted(DIM, format!("│ {text}").trim_end())
            );
        }
    }
    if report.verdict == TestVerdict::Passed {
        failures(&report.failures, indent, &mut out);
    }
    if !report.enforced_by.is_empty() {
        let confined = format!("confined by {}", report.enforced_by.join(", "));
        let _ = writeln!(out, "{indent}{}", Painted(DIM, confined));
    }
    out
}

fn names(names: &[String], indent: &str, out: &mut String) {
    for name in names.iter().take(NAMES) {
        let name = Painted(BAD, format!("• {}", line(name)));
        let _ = writeln!(out, "{indent}  {name}");
    }
    more(names.len(), indent, out);
}

/// Each failing test with what the patch has to do with it.
fn failures(failures: &[TestFailure], indent: &str, out: &mut String) {
    for failure in failures.iter().take(NAMES) {
        let (style, words) = match failure.standing {
            Standing::Introduced => (BAD, ""),
            Standing::PreExisting => (WARN, "  failed before the patch"),
            Standing::Flaky => (WARN, "  passed the second time"),
            Standing::Fixed => (GOOD, "  fixed"),
        };
        let name = Painted(style, format!("• {}", line(&failure.name)));
        let place = match (&failure.path, failure.line) {
            (Some(path), Some(number)) => format!("  {}:{number}", line(path)),
            _ => String::new(),
        };
        let _ = writeln!(
            out,
            "{indent}  {name}{}",
            Painted(DIM, format!("{place}{words}"))
        );
    }
    more(failures.len(), indent, out);
}

fn more(number: usize, indent: &str, out: &mut String) {
    if let Some(more) = number.checked_sub(NAMES).filter(|more| *more > 0) {
        let _ = writeln!(out, "{indent}  {}", Painted(DIM, format!("… {more} more")));
    }
}

fn counts(report: &TestReport) -> String {
    let passed = report.passed.map(|number| format!("{number} passed"));
    let failed = report
        .failed
        .filter(|number| *number > 0)
        .map(|number| format!("{number} failed"));
    let words: Vec<String> = failed.into_iter().chain(passed).collect();
    match (words.is_empty(), report.verdict, report.exit_code) {
        (false, ..) => words.join(", "),
        (true, TestVerdict::Passed, _) => "passed".to_owned(),
        (true, _, Some(code)) => format!("failed, exit code {code}"),
        (true, _, None) => "failed".to_owned(),
    }
}

/// The critic's word.
pub fn critique(critique: &Critique, indent: &str) -> String {
    let mut out = String::new();
    let style = match critique.quality.as_str() {
        "good" => GOOD,
        "poor" => BAD,
        _ => WARN,
    };
    let findings = match critique.findings.len() {
        0 => "no findings".to_owned(),
        number => figure::plural(number, "finding"),
    };
    let quality = Painted(style, line(&critique.quality));
    let _ = writeln!(
        out,
        "{indent}{quality}{}",
        Painted(DIM, format!(" · {findings}"))
    );
    for finding in &critique.findings {
        let (style, word) = match finding.severity {
            Severity::Info => (DIM, "info"),
            Severity::Warning => (WARN, "warning"),
            Severity::Critical => (BAD, "critical"),
        };
        let place = match (&finding.path, finding.line) {
            (Some(path), Some(number)) => format!("{}:{number}: ", line(path)),
            (Some(path), None) => format!("{}: ", line(path)),
            _ => String::new(),
        };
        let _ = writeln!(
            out,
            "{indent}  {} {}{}",
            Painted(style, format!("● {word}")),
            Painted(STRONG, place),
            Painted(PLAIN, clean(&finding.message))
        );
    }
    if !critique.notes.trim().is_empty() {
        let _ = writeln!(out, "{indent}  {}", Painted(DIM, line(&critique.notes)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_red_run_that_passed_says_what_failed_before() {
        let report: TestReport = serde_json::from_value(serde_json::json!({
            "verdict": "passed", "command": "t", "revision": 1, "attempt": 1, "durationMs": 20,
            "exitCode": 1, "passed": 3, "failed": 1, "failing": ["old"],
            "failures": [
                {"name": "old", "standing": "pre_existing", "path": "a.rs", "line": 3},
                {"name": "mended", "standing": "fixed"},
            ],
        }))
        .unwrap();
        let said = anstream::adapter::strip_str(&test(&report, "")).to_string();
        assert!(said.contains("✔ 1 failed, 3 passed"), "{said}");
        assert!(
            said.contains("• old  a.rs:3  failed before the patch"),
            "{said}"
        );
        assert!(said.contains("• mended  fixed"), "{said}");
    }
}
