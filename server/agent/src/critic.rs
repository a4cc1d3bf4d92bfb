//! Critic: reads a diff and answers with findings. An answer that cannot be read blocks nothing and says so.

use protocol::{Critique, Finding, Severity};
use serde::Deserialize;

/// A critic's answer as models write it: ours, or the form of the original program.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    quality: Option<String>,
    #[serde(default)]
    findings: Vec<Finding>,
    #[serde(default)]
    issues: Vec<String>,
    #[serde(default)]
    recommendations: Vec<String>,
    #[serde(default)]
    block_apply: bool,
    #[serde(default)]
    notes: Option<String>,
}

/// Reads an answer: the outermost JSON object in it, whatever stands around it.
pub fn read(text: &str) -> Critique {
    let object = text
        .find('{')
        .and_then(|start| text.rfind('}').and_then(|end| text.get(start..=end)));
    let Some(answer) = object.and_then(|object| serde_json::from_str::<Answer>(object).ok()) else {
        return Critique {
            quality: "unknown".into(),
            findings: Vec::new(),
            notes: text.trim().chars().take(500).collect(),
        };
    };
    let of = |severity| {
        move |message: String| Finding {
            severity,
            message,
            path: None,
            line: None,
        }
    };
    let issue = if answer.block_apply {
        Severity::Critical
    } else {
        Severity::Warning
    };
    let mut findings = answer.findings;
    findings.extend(answer.issues.into_iter().map(of(issue)));
    findings.extend(answer.recommendations.into_iter().map(of(Severity::Info)));
    if answer.block_apply
        && findings
            .iter()
            .all(|finding| finding.severity != Severity::Critical)
    {
        findings.push(of(Severity::Critical)(
            "the critic says that this must not land".to_owned(),
        ));
    }
    Critique {
        quality: answer.quality.unwrap_or_else(|| "unknown".into()),
        findings,
        notes: answer.notes.unwrap_or_default(),
    }
}

/// The findings as a list for the model.
pub fn as_list(critique: &Critique) -> String {
    let line = |finding: &Finding| {
        let place = match (&finding.path, finding.line) {
            (Some(path), Some(line)) => format!(" ({path}:{line})"),
            (Some(path), None) => format!(" ({path})"),
            _ => String::new(),
        };
        let severity = match finding.severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        };
        format!("- {severity}: {}{place}", finding.message)
    };
    critique
        .findings
        .iter()
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let ours = read(
            "Sure!\n```json\n{\"quality\":\"good\",\"findings\":[{\"severity\":\"critical\",\"message\":\"m\"}]}\n```",
        );
        assert!(ours.is_critical());
        let old = read(
            r#"{"quality":"poor","issues":["a"],"recommendations":["b"],"block_apply":true,"notes":"n"}"#,
        );
        assert!(old.is_critical());
        assert_eq!(old.findings.len(), 2);
    }

    #[test]
    fn words_block_nothing() {
        let critique = read("Looks fine to me.");
        assert_eq!(critique.quality, "unknown");
        assert!(!critique.is_critical());
    }
}
