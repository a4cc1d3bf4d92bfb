//! Ended: whether a runner that began also came to its end. A program that ends itself within a test with the code 0 looks green to the
//! shell.

use super::attempt::Attempt;
use super::report::{self, Case, Extent, Outcome};

/// What a runner prints first, and what it never leaves out at its end.
const RUNNERS: [(&str, &[&str]); 6] = [
    ("[==========] Running ", &["[  PASSED  ]"]),
    ("Test project ", &["tests passed,"]),
    ("# Running:", &[" runs, "]),
    (
        "PHPUnit ",
        &["OK (", "Tests: ", "OK, but", "No tests executed"],
    ),
    (" RUN  v", &["Test Files ", "No test files found"]),
    ("RUNS ", &["Test Suites:"]),
];

/// Whether a run says nothing of tests at all: neither names, nor a count, nor a package of go that is well.
pub fn is_silent(ran: &Attempt) -> bool {
    let is_package = |line: &str| line.starts_with("ok  \t") || line.starts_with("?   \t");
    ran.reading.passed.is_none()
        && ran.reading.cases.is_empty()
        && !ran.text.lines().any(is_package)
}

/// Whether a file passes for a test, as with node where no test in it says anything: it may have ended itself.
pub fn has_mute_file(ran: &Attempt) -> bool {
    let ends = [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"];
    let is_file = |case: &Case| {
        case.outcome == Outcome::Passed && ends.iter().any(|end| case.name.ends_with(end))
    };
    ran.reading.cases.iter().any(is_file)
}

/// Whether something began and did not end.
pub fn is_cut_short(text: &str) -> bool {
    let text = report::plain_text(text);
    let lines: Vec<&str> = text.lines().collect();
    let by_frame = RUNNERS.iter().any(|(start, ends)| {
        let began = lines.iter().rposition(|line| line.starts_with(start));
        began.is_some_and(|at| {
            let is_end = |line: &&str| ends.iter().any(|end| line.contains(end));
            !lines[at..].iter().any(is_end)
        })
    });
    by_frame || libtest(&lines) || go(&lines) || pytest(&lines) || unittest(&lines) || tap(&lines)
}

fn libtest(lines: &[&str]) -> bool {
    let starts = lines.iter().filter(|line| report::starts_libtest(line));
    let is_end = |line: &&&str| line.trim_start().starts_with("test result: ");
    starts.count() > lines.iter().filter(is_end).count()
}

/// A test of `go test -v` that has no end.
fn go(lines: &[&str]) -> bool {
    let ends: std::collections::HashSet<&str> = lines
        .iter()
        .filter_map(|line| line.trim_start().strip_prefix("--- "))
        .filter_map(|rest| rest.split_once(": "))
        .map(|(_, name)| name.split(" (").next().unwrap_or(name))
        .collect();
    let mut starts = lines
        .iter()
        .filter_map(|line| line.strip_prefix("=== RUN "));
    starts.any(|name| !ends.contains(name.trim()))
}

fn pytest(lines: &[&str]) -> bool {
    let frame = |line: &&str| line.starts_with("===") && line.ends_with("===");
    let began = lines
        .iter()
        .rposition(|line| frame(line) && line.contains(" test session starts "));
    let is_end = |line: &&str| frame(line) && line.contains(" in ");
    began.is_some_and(|at| !lines[at..].iter().any(is_end))
}

/// `test_a (t.T.test_a) ... ok` without `Ran 1 test`.
fn unittest(lines: &[&str]) -> bool {
    let is_test = |line: &&str| {
        let name = line.split(" (").next().unwrap_or_default();
        name.starts_with("test") && !name.contains(' ') && line.contains(") ... ")
    };
    let began = lines.iter().rposition(is_test);
    let is_end = |line: &&str| line.starts_with("Ran ") && line.contains(" test");
    began.is_some_and(|at| !lines[at..].iter().any(is_end))
}

fn tap(lines: &[&str]) -> bool {
    let has_point = lines
        .iter()
        .any(|line| line.starts_with("ok ") || line.starts_with("not ok "));
    has_point && report::read_tap(lines).extent == Extent::Cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_began_has_to_end() {
        for (text, cut) in [
            ("", false),
            ("all is well\n", false),
            ("running 2 tests\ntest a ... ok\n", true),
            (
                "running 1 test\ntest a ... ok\n\ntest result: ok. 1 passed; 0 failed;\n",
                false,
            ),
            (
                "running 1 test\nrunning 0 tests\n\ntest result: ok. 0 passed; 0 failed;\n",
                true,
            ),
            (
                "=== RUN   TestA\n--- PASS: TestA (0.00s)\n=== RUN   TestB\n",
                true,
            ),
            (
                "=== RUN   TestA\n    --- PASS: TestA (0.00s)\nok  \tp\t0.1s\n",
                false,
            ),
            (
                "===== test session starts =====\ncollected 2 items\n\nt.py .",
                true,
            ),
            (
                "===== test session starts =====\n\nt.py .  [100%]\n\n===== 1 passed in 0.01s =====\n",
                false,
            ),
            ("test_a (t.T.test_a) ... ok\ntest_b (t.T.test_b) ... ", true),
            (
                "test_a (t.T.test_a) ... ok\n\n----\nRan 1 test in 0.000s\n\nOK\n",
                false,
            ),
            ("1..2\nok 1 - a\n", true),
            ("1..2\nok 1 - a\nok 2 - b\n", false),
            ("TAP version 13\nok 1 - a\n", true),
            (
                "[==========] Running 2 tests from 1 test suite.\n[       OK ] A.a (0 ms)\n",
                true,
            ),
        ] {
            assert_eq!(is_cut_short(text), cut, "{text}");
        }
    }
}
