//! The project's tests: which command runs them, and what its output says. The exit code decides; counts and names are for
//! people and for the model.

mod run;

pub use run::run;

use protocol::TestReport;
use workspace::{RelPath, Snapshot};

/// The command for a project's tests, found from its files, as a shell line.
pub fn discover(snapshot: &Snapshot) -> Option<&'static str> {
    const KNOWN: [(&str, &str); 6] = [
        ("Cargo.toml", "cargo test --quiet"),
        ("go.mod", "go test ./..."),
        ("package.json", "npm test --silent"),
        ("pytest.ini", "python3 -m pytest -q"),
        ("pyproject.toml", "python3 -m pytest -q"),
        ("Makefile", "make test"),
    ];
    let text_of = |name: &str| {
        let content = snapshot.read(&RelPath::new(name).ok()?).ok()??;
        content.text().ok().map(str::to_owned)
    };
    KNOWN.into_iter().find_map(|(file, command)| {
        let text = text_of(file)?;
        let has_tests = match file {
            "package.json" => text.contains("\"test\""),
            "Makefile" => text.lines().any(|line| line.starts_with("test:")),
            _ => true,
        };
        has_tests.then_some(command)
    })
}

/// Whether a path names tests, by the habits of the common languages.
pub fn is_test(path: &str) -> bool {
    path.split('/').any(|part| {
        let words: Vec<&str> = part.split(['.', '_', '-']).collect();
        words.iter().any(|word| {
            matches!(
                *word,
                "test" | "tests" | "spec" | "specs" | "conftest" | "__tests__"
            )
        })
    })
}

/// Whether a failed run says that there was nothing to run, or that one of its own `programs` or their parts is missing: the
/// draft is not to blame.
pub fn cannot_run(output: &str, programs: &[String]) -> bool {
    const SAYINGS: [&str; 6] = [
        "No module named pytest",
        "Error: no test specified",
        "no tests ran in",
        "make: *** No rule to make target 'test'",
        "failed to download",
        "unable to update registry",
    ];
    let missing = |line: &str| {
        programs.iter().any(|program| {
            let ways = [
                format!("{program}: command not found"),
                format!("{program}: not found"),
            ];
            ways.iter().any(|way| line.ends_with(way.as_str()))
        })
    };
    output
        .lines()
        .any(|line| missing(line) || SAYINGS.iter().any(|saying| line.contains(saying)))
}

/// Fills in what the output says about single tests: libtest, go test, pytest and node's runners.
pub fn read_counts(output: &str, report: &mut TestReport) {
    let mut passed = None;
    let mut failed = None;
    let add = |slot: &mut Option<u32>, n: u32| *slot = Some(slot.unwrap_or(0).saturating_add(n));
    for line in output.lines() {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("test result: ") {
            add(&mut passed, number_before(rest, " passed").unwrap_or(0));
            add(&mut failed, number_before(rest, " failed").unwrap_or(0));
        } else if let Some(name) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            report.failing.push(name.to_owned());
        } else if let Some(name) = line
            .strip_prefix("---- ")
            .and_then(|rest| rest.strip_suffix(" stdout ----"))
        {
            report.failing.push(name.to_owned());
        } else if let Some(rest) = line.strip_prefix("--- FAIL: ") {
            report
                .failing
                .extend(rest.split_whitespace().next().map(str::to_owned));
        } else if let Some(rest) = line.strip_prefix("FAILED ") {
            report
                .failing
                .extend(rest.split_whitespace().next().map(str::to_owned));
        } else if line.contains(" passed") || line.contains(" failed") {
            let counts = (
                number_before(line, " passed"),
                number_before(line, " failed"),
            );
            if line.contains(" in ") || line.starts_with("Tests:") {
                passed = counts.0.or(passed);
                failed = counts.1.or(failed);
            }
        } else if let Some(n) = line.strip_prefix("# pass ").and_then(|n| n.parse().ok()) {
            add(&mut passed, n);
        } else if let Some(n) = line.strip_prefix("# fail ").and_then(|n| n.parse().ok()) {
            add(&mut failed, n);
        }
    }
    report.failing.sort_unstable();
    report.failing.dedup();
    report.failing.retain(|name| name.len() <= 200);
    report.failing.truncate(50);
    (report.passed, report.failed) = (passed, failed);
}

fn number_before(line: &str, word: &str) -> Option<u32> {
    let head = &line[..line.find(word)?];
    let digits = head.len() - head.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    head[head.len() - digits..].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::TestVerdict;

    fn read(output: &str) -> (Option<u32>, Option<u32>, Vec<String>) {
        let mut report = TestReport {
            verdict: TestVerdict::Failed,
            command: String::new(),
            revision: 0,
            attempt: 1,
            exit_code: None,
            passed: None,
            failed: None,
            failing: Vec::new(),
            output: String::new(),
            enforced_by: Vec::new(),
            duration_ms: 0,
        };
        read_counts(output, &mut report);
        (report.passed, report.failed, report.failing)
    }

    #[test]
    fn libtest() {
        let output = "test a ... ok\ntest b ... FAILED\n---- b stdout ----\ntest result: FAILED. 1 passed; 1 failed; 0 ignored\ntest result: ok. 4 passed; 0 failed;";
        assert_eq!(read(output), (Some(5), Some(1), vec!["b".to_owned()]));
    }

    #[test]
    fn pytest_and_go_and_node() {
        assert_eq!(
            read("FAILED t.py::x - boom\n=== 1 failed, 3 passed in 0.1s ==="),
            (Some(3), Some(1), vec!["t.py::x".to_owned()])
        );
        assert_eq!(
            read("--- FAIL: TestX (0.00s)\nFAIL"),
            (None, None, vec!["TestX".to_owned()])
        );
        assert_eq!(read("# pass 3\n# fail 0"), (Some(3), Some(0), vec![]));
    }

    #[test]
    fn tests_are_known_by_their_names() {
        for (path, test) in [
            ("tests/cart.rs", true),
            ("src/cart_test.go", true),
            ("web/cart.spec.ts", true),
            ("test_cart.py", true),
            ("src/contest.rs", false),
            ("src/latest/inspect.rs", false),
        ] {
            assert_eq!(is_test(path), test, "{path}");
        }
    }

    #[test]
    fn a_missing_program_of_the_command_is_no_failing_test() {
        let programs = ["pytest".to_owned()];
        assert!(cannot_run(
            "bash: line 1: pytest: command not found",
            &programs
        ));
        assert!(cannot_run("sh: 1: pytest: not found", &programs));
        assert!(!cannot_run("sh: 1: other: not found", &programs));
        assert!(!cannot_run(
            "assertion failed: pytest: not found here",
            &programs
        ));
    }

    #[test]
    fn words_are_not_counts() {
        assert_eq!(read("it has passed already"), (None, None, vec![]));
    }
}
