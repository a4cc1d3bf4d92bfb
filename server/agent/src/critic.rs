//! Critic: reads a diff and answers with findings. An answer that cannot be read blocks nothing and says so.

use protocol::{Critique, Finding, Severity};
use serde::Deserialize;
use serde_json::Value;

/// A critic's answer as models write it: ours, or the form of the original program. What does not fit is no reason to lose
/// the rest.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    quality: Value,
    findings: Vec<Value>,
    issues: Vec<Value>,
    recommendations: Vec<Value>,
    block_apply: Value,
    notes: Value,
}

/// Reads an answer: the first JSON object in it that has one of the words, whatever stands around it. None where there is none.
pub fn read(text: &str) -> Option<Critique> {
    let answer = text
        .match_indices('{')
        .find_map(|(at, _)| object(&text[at..]))?;
    let blocks =
        answer.block_apply.as_bool() == Some(true) || answer.block_apply.as_str() == Some("true");
    let issue = if blocks {
        Severity::Critical
    } else {
        Severity::Warning
    };
    let mut findings: Vec<Finding> = answer
        .findings
        .iter()
        .map(|value| finding(value, Severity::Warning))
        .collect();
    findings.extend(answer.issues.iter().map(|value| finding(value, issue)));
    findings.extend(
        answer
            .recommendations
            .iter()
            .map(|value| finding(value, Severity::Info)),
    );
    if blocks
        && findings
            .iter()
            .all(|finding| finding.severity != Severity::Critical)
    {
        findings.push(Finding {
            severity: Severity::Critical,
            message: "the critic says that this must not land".to_owned(),
            path: None,
            line: None,
        });
    }
    let quality = answer.quality.as_str().unwrap_or("unknown").to_owned();
    Some(Critique {
        quality,
        findings,
        notes: answer.notes.as_str().unwrap_or_default().to_owned(),
    })
}

/// The critique of an answer that cannot be read.
pub fn unreadable(text: &str) -> Critique {
    Critique {
        quality: "unknown".into(),
        findings: Vec::new(),
        notes: text.trim().chars().take(500).collect(),
    }
}

fn object(text: &str) -> Option<Answer> {
    const WORDS: [&str; 4] = ["quality", "findings", "issues", "block_apply"];
    let value = serde_json::Deserializer::from_str(text)
        .into_iter::<Value>()
        .next()?
        .ok()?;
    let is_answer = value
        .as_object()
        .is_some_and(|map| WORDS.iter().any(|word| map.contains_key(*word)));
    is_answer
        .then(|| serde_json::from_value(value).ok())
        .flatten()
}

fn finding(value: &Value, otherwise: Severity) -> Finding {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let severity = match text("severity").map(str::to_lowercase).as_deref() {
        Some("critical" | "blocker" | "high" | "major" | "error") => Severity::Critical,
        Some("info" | "low" | "minor" | "note" | "suggestion") => Severity::Info,
        Some("warning" | "medium") => Severity::Warning,
        _ => otherwise,
    };
    let message = value
        .as_str()
        .or_else(|| text("message"))
        .or_else(|| text("issue"));
    Finding {
        severity,
        message: message.map_or_else(|| value.to_string(), str::to_owned),
        path: text("path").or_else(|| text("file")).map(str::to_owned),
        line: value
            .get("line")
            .and_then(Value::as_u64)
            .and_then(|line| u32::try_from(line).ok()),
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
    fn a4_whatever_the_form_a_critical_word_is_heard() {
        for text in [
            "Sure!\n```json\n{\"quality\":\"good\",\"findings\":[{\"severity\":\"critical\",\"message\":\"m\"}]}\n```",
            r#"{"findings":[{"severity":"CRITICAL","message":"m"}],"block_apply":true}"#,
            r#"The set {a, b} is wrong. {"quality":"poor","findings":["x",{"severity":"High","message":"m","line":"7"}]} {"#,
            r#"{"quality":"poor","issues":["a"],"recommendations":["b"],"block_apply":true,"notes":"n"}"#,
            r#"{"block_apply":"true","quality":3}"#,
        ] {
            let critique = read(text).unwrap_or_else(|| panic!("{text}"));
            assert!(critique.is_critical(), "{text}");
        }
    }

    #[test]
    fn words_alone_are_no_critique() {
        assert!(read("Looks fine to me.").is_none());
        assert!(read("{\"other\": 1}").is_none());
        assert_eq!(unreadable("Looks fine.").quality, "unknown");
    }
}
