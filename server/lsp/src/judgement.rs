//! Judgement: what the tests and the critic say of a patch, as diagnostics at the places they name. What a patch broke is an error as
//! long as its task is at work; what failed before and what the critic found stays until the next task begins.

use std::collections::{BTreeMap, BTreeSet};

use lsp_types::{Diagnostic, DiagnosticSeverity, NumberOrString, Position, Range};
use protocol::{Critique, Finding, Severity, Standing, TestFailure, TestReport, TestVerdict};
use workspace::RelPath;

/// Most characters of a message: editors show it in a line or a small box.
const LENGTH: usize = 600;

/// What the client shows, and what it should show.
#[derive(Debug, Default)]
pub struct Judgement {
    failures: BTreeMap<RelPath, Vec<TestFailure>>,
    findings: BTreeMap<RelPath, Vec<Finding>>,
    /// Files that the client shows some of.
    shown: BTreeSet<RelPath>,
    stale: bool,
}

impl Judgement {
    /// A run ended: its failures take the place of those before.
    pub fn report(&mut self, report: &TestReport) {
        if report.verdict == TestVerdict::Running {
            return;
        }
        self.stale = true;
        let failures = report.failures.iter();
        let failures = failures.filter(|failure| failure.standing != Standing::Fixed);
        self.failures = placed(failures, |failure| failure.path.as_deref());
    }

    /// The critic spoke: its findings take the place of those before.
    pub fn critique(&mut self, critique: &Critique) {
        self.stale = true;
        self.findings = placed(critique.findings.iter(), |finding| finding.path.as_deref());
    }

    /// Nothing is known any more.
    pub fn clear(&mut self) {
        self.failures.clear();
        self.findings.clear();
        self.stale = true;
    }

    /// The task ended: its draft is in the user's files with green tests, or nowhere.
    pub fn ended(&mut self) {
        for failures in self.failures.values_mut() {
            failures.retain(|failure| failure.standing == Standing::PreExisting);
        }
        self.failures.retain(|_, failures| !failures.is_empty());
        self.stale = true;
    }

    /// What is to be published now, an empty list for a file that has none any more.
    pub fn take(&mut self) -> Vec<(RelPath, Vec<Diagnostic>)> {
        if !std::mem::take(&mut self.stale) {
            return Vec::new();
        }
        let mut all: BTreeMap<RelPath, Vec<Diagnostic>> = BTreeMap::new();
        for path in std::mem::take(&mut self.shown) {
            all.insert(path, Vec::new());
        }
        for (path, failures) in &self.failures {
            let list = all.entry(path.clone()).or_default();
            list.extend(failures.iter().map(failed));
        }
        for (path, findings) in &self.findings {
            let list = all.entry(path.clone()).or_default();
            list.extend(findings.iter().map(found));
        }
        let shown = all.iter().filter(|(_, list)| !list.is_empty());
        self.shown = shown.map(|(path, _)| path.clone()).collect();
        all.into_iter().collect()
    }
}

/// Those that name a file of the workspace, by file.
fn placed<'a, T: Clone + 'a>(
    all: impl Iterator<Item = &'a T>,
    path: impl Fn(&T) -> Option<&str>,
) -> BTreeMap<RelPath, Vec<T>> {
    let mut by_path: BTreeMap<RelPath, Vec<T>> = BTreeMap::new();
    for one in all {
        if let Some(path) = path(one).and_then(|path| RelPath::new(path).ok()) {
            by_path.entry(path).or_default().push(one.clone());
        }
    }
    by_path
}

fn found(finding: &Finding) -> Diagnostic {
    let severity = match finding.severity {
        Severity::Critical => DiagnosticSeverity::ERROR,
        Severity::Warning => DiagnosticSeverity::WARNING,
        Severity::Info => DiagnosticSeverity::INFORMATION,
    };
    diagnostic(finding.line, severity, "critic", finding.message.clone())
}

fn failed(failure: &TestFailure) -> Diagnostic {
    let (severity, since) = match failure.standing {
        Standing::Introduced => (DiagnosticSeverity::ERROR, "fails with the agent's patch"),
        Standing::Flaky => (DiagnosticSeverity::INFORMATION, "fails now and then"),
        Standing::PreExisting | Standing::Fixed => (
            DiagnosticSeverity::INFORMATION,
            "failed before the agent's patch",
        ),
    };
    let mut message = format!("test {} {since}", failure.name);
    if let Some(said) = &failure.message {
        message.push_str(": ");
        message.push_str(said);
    }
    diagnostic(failure.line, severity, "test", message)
}

fn diagnostic(
    line: Option<u32>,
    severity: DiagnosticSeverity,
    code: &str,
    mut message: String,
) -> Diagnostic {
    let line = line.unwrap_or(1).saturating_sub(1);
    if let Some((cut, _)) = message.char_indices().nth(LENGTH) {
        message.truncate(cut);
        message.push('…');
    }
    Diagnostic {
        // The whole line; its length in the client's text is not known here.
        range: Range::new(Position::new(line, 0), Position::new(line + 1, 0)),
        severity: Some(severity),
        code: Some(NumberOrString::String(code.to_owned())),
        source: Some("animus".to_owned()),
        message,
        ..Diagnostic::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(failures: &[(&str, Standing, &str)]) -> TestReport {
        let failure = |(name, standing, path): &(&str, Standing, &str)| TestFailure {
            name: (*name).to_owned(),
            standing: *standing,
            message: Some("1 is not 2".to_owned()),
            path: Some((*path).to_owned()),
            line: Some(3),
        };
        serde_json::from_value(serde_json::json!({
            "verdict": "failed", "command": "t", "revision": 1, "attempt": 1, "durationMs": 1,
            "failures": failures.iter().map(failure).collect::<Vec<_>>(),
        }))
        .unwrap()
    }

    fn shown(failures: &mut Judgement) -> String {
        let one = |(path, list): (RelPath, Vec<Diagnostic>)| {
            let list = list.iter().map(|one| {
                let line = one.range.start.line;
                let loud = one.severity == Some(DiagnosticSeverity::ERROR);
                format!(
                    "{line} {} {}",
                    if loud { "error" } else { "info" },
                    one.message
                )
            });
            format!("{path}: [{}]", list.collect::<Vec<_>>().join(", "))
        };
        failures
            .take()
            .into_iter()
            .map(one)
            .collect::<Vec<_>>()
            .join("; ")
    }

    #[test]
    fn the_last_run_is_shown_and_what_is_mended_goes() {
        let mut failures = Judgement::default();
        failures.report(&report(&[
            ("a", Standing::Introduced, "a.rs"),
            ("b", Standing::PreExisting, "b.rs"),
            ("c", Standing::Fixed, "c.rs"),
            ("d", Standing::Introduced, "../d.rs"),
        ]));
        assert_eq!(
            shown(&mut failures),
            "a.rs: [2 error test a fails with the agent's patch: 1 is not 2]; b.rs: [2 info test b failed before the agent's patch: 1 is not 2]"
        );
        assert_eq!(shown(&mut failures), "", "nothing is sent twice");
        failures.ended();
        assert_eq!(
            shown(&mut failures),
            "a.rs: []; b.rs: [2 info test b failed before the agent's patch: 1 is not 2]"
        );
        failures.report(&report(&[]));
        assert_eq!(shown(&mut failures), "b.rs: []");
        failures.clear();
        assert_eq!(shown(&mut failures), "");
    }

    #[test]
    fn what_the_critic_found_stands_beside_the_tests_and_stays() {
        let finding = |severity, path: Option<&str>| Finding {
            severity,
            message: "look".to_owned(),
            path: path.map(str::to_owned),
            line: Some(2),
        };
        let mut judgement = Judgement::default();
        judgement.report(&report(&[("a", Standing::Introduced, "a.rs")]));
        judgement.critique(&Critique {
            findings: vec![
                finding(Severity::Critical, Some("a.rs")),
                finding(Severity::Info, Some("b.rs")),
                finding(Severity::Info, None),
            ],
            ..Critique::default()
        });
        assert_eq!(
            shown(&mut judgement),
            "a.rs: [2 error test a fails with the agent's patch: 1 is not 2, 1 error look]; b.rs: [1 info look]"
        );
        judgement.ended();
        assert_eq!(
            shown(&mut judgement),
            "a.rs: [1 error look]; b.rs: [1 info look]"
        );
        judgement.critique(&Critique::default());
        assert_eq!(shown(&mut judgement), "a.rs: []; b.rs: []");
    }
}
