//! Absent: what a red run lacks to be one of tests: a program, packages, or the tests themselves. Only the lines of the tools count, for
//! the message of a failing test may say anything.

use super::attempt::Attempt;

/// What is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// What the tests need: this machine does not have it, and the draft is not to blame.
    Means,
    /// Tests. The draft may have taken them away.
    Tests,
}

/// How tools begin a line that is their own.
const TOOLS: [&str; 13] = [
    "error:",
    "error ",
    "npm error",
    "npm ERR!",
    "[ERROR]",
    "go: ",
    "> ",
    "Caused by:",
    "ERR_PNPM",
    " ERR_PNPM",
    "YN0",
    "\u{27a4} YN",
    "ERROR:",
];
/// Builds that need what is not on this machine.
const MEANS: [&str; 5] = [
    "in offline mode",
    "for offline mode",
    "available for offline",
    "failed to download",
    "unable to update registry",
];
/// How lines begin that say that there was nothing to run.
const TESTS: [&str; 6] = [
    "no tests ran in",
    "NO TESTS RAN",
    "Error: no test specified",
    "make: *** No rule to make target 'test'",
    "make: *** No rule to make target 'check'",
    "make: *** No rule to make target 'tests'",
];

/// What a red run says is not there, where it names no failing test and no error of a build. `programs` are those of the command.
pub fn absent(ran: &Attempt, programs: &[String]) -> Option<Absent> {
    let is_named = ran.reading.failing().next().is_some() || ran.reading.build.is_some();
    match is_named {
        true => None,
        false => said(&ran.text, programs),
    }
}

fn said(output: &str, programs: &[String]) -> Option<Absent> {
    let is_means = |line: &str| {
        let is_tools = TOOLS.iter().any(|start| line.starts_with(start));
        // What stands below `Caused by:` is indented.
        let is_cause = line.starts_with("  ") && output.contains("\nCaused by:\n");
        let is_python = line.contains("python") && line.ends_with(": No module named pytest");
        let says = MEANS.iter().any(|saying| line.contains(saying));
        is_python || ((is_tools || is_cause) && says) || is_missing(line, programs)
    };
    let is_tests = |line: &str| {
        let plain = line.trim_matches(['=', ' ']);
        let is_npm = line.starts_with("npm ") && line.contains("Missing script: \"test\"");
        is_npm || TESTS.iter().any(|start| plain.starts_with(start))
    };
    match () {
        () if output.lines().any(is_means) => Some(Absent::Means),
        () if output.lines().any(is_tests) => Some(Absent::Tests),
        () => None,
    }
}

/// A shell that did not find one of the programs: `bash: line 1: pytest: command not found`.
fn is_missing(line: &str, programs: &[String]) -> bool {
    let shell = line.split(':').next().unwrap_or_default();
    let ends = |program: &String| {
        line.ends_with(&format!(": {program}: command not found"))
            || line.ends_with(&format!(": {program}: not found"))
    };
    shell.ends_with("sh") && !shell.contains(' ') && programs.iter().any(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lines_of_tools_say_what_is_absent() {
        let programs = ["pytest".to_owned()];
        for (output, is) in [
            (
                "bash: line 1: pytest: command not found",
                Some(Absent::Means),
            ),
            ("sh: 1: pytest: not found", Some(Absent::Means)),
            ("sh: 1: other: not found", None),
            ("assertion failed: pytest: not found here", None),
            ("RuntimeError: sh: 1: pytest: not found", None),
            (
                "/usr/bin/python3: No module named pytest",
                Some(Absent::Means),
            ),
            ("error: failed to download `a v1.0.0`", Some(Absent::Means)),
            ("npm error failed to download x", Some(Absent::Means)),
            (
                "[ERROR] Cannot access central in offline mode and x was not found",
                Some(Absent::Means),
            ),
            ("RuntimeError: failed to download", None),
            ("the cart failed to download", None),
            ("===== no tests ran in 0.01s =====", Some(Absent::Tests)),
            ("NO TESTS RAN", Some(Absent::Tests)),
            ("we say that no tests ran in here", None),
            ("npm error Missing script: \"test\"", Some(Absent::Tests)),
            (
                "make: *** No rule to make target 'test'.  Stop.",
                Some(Absent::Tests),
            ),
        ] {
            assert_eq!(said(output, &programs), is, "{output}");
        }
    }
}
