//! Critic: reads a diff and answers with findings. An answer counts only where it fits the schema: what does not is told back
//! with every violation, and never taken for a word of praise (A4).

use crate::validate::Shape;
use protocol::{Critique, Finding, Severity};
use serde::Deserialize;
use serde_json::{Value, json};

/// A critic's answer as models write it: ours, or the form of the original program.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    quality: Value,
    findings: Vec<Value>,
    issues: Vec<Value>,
    recommendations: Vec<Value>,
    notes: Value,
}

/// An answer that is no critique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong with it, one sentence each.
    pub violations: Vec<String>,
    /// What it says all the same, as far as it could be read.
    pub heard: Critique,
}

/// How models say that a patch must not land.
const BLOCKS: [&str; 5] = ["block_apply", "block", "blocked", "blocking", "reject"];

/// The words of which an object must have one to be an answer at all.
const WORDS: [&str; 4] = ["quality", "findings", "issues", "block_apply"];

/// Reads an answer: the JSON objects in it that have one of the words, whatever stands around them. Of several the last counts, but
/// a critical one is never outvoted.
///
/// # Errors
/// [`Malformed`] with every violation of the schema.
pub fn read(text: &str) -> Result<Critique, Malformed> {
    let readings: Vec<_> = objects(text).into_iter().map(reading).collect();
    let critical = |reading: &Result<Critique, Malformed>| match reading {
        Ok(critique)
        | Err(Malformed {
            heard: critique, ..
        }) => critique.is_critical(),
    };
    let at = readings.iter().position(critical);
    let at = at.or(readings.len().checked_sub(1));
    at.and_then(|at| readings.into_iter().nth(at))
        .unwrap_or_else(|| {
            Err(Malformed {
                violations: vec![format!(
                    "there is no JSON object with one of {}",
                    WORDS.join(", ")
                )],
                heard: Critique {
                    quality: "unknown".into(),
                    findings: Vec::new(),
                    notes: text.trim().chars().take(500).collect(),
                },
            })
        })
}

fn reading(value: Value) -> Result<Critique, Malformed> {
    let violations = violations(&value);
    let blocks = BLOCKS.iter().any(|word| {
        let said = value.get(word);
        said.and_then(Value::as_bool) == Some(true) || said.and_then(Value::as_str) == Some("true")
    });
    let heard = critique(&lists(value), blocks);
    match violations.is_empty() {
        true => Ok(heard),
        false => Err(Malformed { violations, heard }),
    }
}

fn critique(answer: &Answer, blocks: bool) -> Critique {
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
    Critique {
        quality: answer.quality.as_str().unwrap_or("unknown").to_owned(),
        findings,
        notes: answer.notes.as_str().unwrap_or_default().to_owned(),
    }
}

/// The objects that are answers, outermost ones only.
fn objects(text: &str) -> Vec<Value> {
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(at) = text[from..].find('{').map(|at| from + at) {
        let mut stream = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>();
        let Some(Ok(value)) = stream.next() else {
            from = at + 1;
            continue;
        };
        from = at + stream.byte_offset().max(1);
        let is_answer = value.as_object().is_some_and(|map| {
            WORDS
                .iter()
                .chain(&BLOCKS)
                .any(|word| map.contains_key(*word))
        });
        if is_answer {
            found.push(value);
        }
    }
    found
}

/// What of it can be read as lists is kept, so that one wrong word does not hide a critical one.
fn lists(mut value: Value) -> Answer {
    if let Some(map) = value.as_object_mut() {
        for name in ["findings", "issues", "recommendations"] {
            match map.get_mut(name) {
                Some(Value::Array(_)) | None => {}
                Some(Value::Null) => drop(map.remove(name)),
                Some(one) => *one = Value::Array(vec![one.take()]),
            }
        }
    }
    serde_json::from_value(value).unwrap_or_default()
}

fn violations(value: &Value) -> Vec<String> {
    match Shape::of(&schema()) {
        Ok(shape) => shape.violations(value),
        Err(failure) => vec![failure.message],
    }
}

/// The form that servers with structured output are asked for: narrower than what is read, so that every dialect takes it.
pub fn asked() -> Value {
    let finding = json!({
        "type": "object",
        "properties": {
            "severity": { "type": "string", "enum": ["info", "warning", "critical"] },
            "message": { "type": "string" },
            "path": { "type": ["string", "null"] },
            "line": { "type": ["integer", "null"] },
        },
        "required": ["severity", "message", "path", "line"],
        "additionalProperties": false,
    });
    json!({
        "type": "object",
        "properties": {
            "quality": { "type": "string", "enum": ["good", "fair", "poor"] },
            "findings": { "type": "array", "items": finding },
            "notes": { "type": "string" },
        },
        "required": ["quality", "findings", "notes"],
        "additionalProperties": false,
    })
}

/// Both forms of an answer.
fn schema() -> Value {
    let text = json!({ "type": "string", "minLength": 1 });
    let place = json!({ "type": ["string", "null"] });
    let finding = json!({
        "type": ["object", "string"],
        "minLength": 1,
        "properties": {
            "severity": { "type": ["string", "null"], "pattern": format!("^(?i:{})$", SEVERITIES.map(|(word, _)| word).join("|")) },
            "message": text, "issue": text, "path": place, "file": place,
            "line": { "type": ["integer", "string", "null"] },
        },
        "anyOf": [
            { "type": "string" },
            { "required": ["message"] },
            { "required": ["issue"] },
        ],
    });
    let findings = json!({ "type": ["array", "null"], "items": finding });
    json!({
        "type": "object",
        "properties": {
            "quality": { "type": ["string", "null"] },
            "findings": findings, "issues": findings, "recommendations": findings,
            "block_apply": { "enum": [true, false, "true", "false", null] },
            "notes": { "type": ["string", "null"] },
        },
    })
}

/// The words of models for how much a finding matters.
const SEVERITIES: [(&str, Severity); 13] = [
    ("critical", Severity::Critical),
    ("blocker", Severity::Critical),
    ("high", Severity::Critical),
    ("major", Severity::Critical),
    ("error", Severity::Critical),
    ("warning", Severity::Warning),
    ("medium", Severity::Warning),
    ("moderate", Severity::Warning),
    ("info", Severity::Info),
    ("low", Severity::Info),
    ("minor", Severity::Info),
    ("note", Severity::Info),
    ("suggestion", Severity::Info),
];

fn finding(value: &Value, otherwise: Severity) -> Finding {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let said = text("severity").map(str::to_lowercase);
    let severity = SEVERITIES
        .iter()
        .find(|(word, _)| Some(*word) == said.as_deref())
        .map_or(otherwise, |(_, severity)| *severity);
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
            .and_then(|line| line.as_u64().or_else(|| line.as_str()?.trim().parse().ok()))
            .and_then(|line| u32::try_from(line).ok())
            .filter(|line| *line > 0),
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
            r#"{"block_apply":"true","quality":null}"#,
        ] {
            let critique = read(text).unwrap_or_else(|malformed| panic!("{text}: {malformed:?}"));
            assert!(critique.is_critical(), "{text}");
        }
        for text in [
            r#"The fixture {"quality":"good","findings":[]} is fine. {"findings":[{"severity":"critical","message":"m"}],"block_apply":true}"#,
            r#"{"block_apply":true} or rather {"quality":"good","findings":[]}"#,
            r#"{"quality":"good","block":true}"#,
        ] {
            assert!(read(text).unwrap().is_critical(), "{text}");
        }
        // Also where the rest is no critique.
        for text in [
            r#"{"quality":3,"findings":{"severity":"critical","message":"m"}}"#,
            r#"{"findings":[{"severity":"critical"},{"severity":"dunno","message":"m"}]}"#,
        ] {
            assert!(read(text).unwrap_err().heard.is_critical(), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_listed_whole() {
        let said = |text| read(text).unwrap_err().violations.join("\n");
        let all = said(
            r#"{"quality":3,"findings":[{"severity":"dunno","message":"m"},{"message":""},{"line":1},7]}"#,
        );
        for place in [
            "/quality",
            "/findings/0/severity",
            "/findings/1/message",
            "/findings/2",
            "/findings/3",
        ] {
            assert!(all.contains(place), "{place}: {all}");
        }
        for text in ["Looks fine to me.", "{\"other\": 1}", "", "[]"] {
            assert!(said(text).contains("no JSON object"), "{text}");
        }
        assert_eq!(read("Looks fine.").unwrap_err().heard.notes, "Looks fine.");
    }

    #[test]
    fn what_is_asked_for_can_be_read() {
        let text = r#"{"quality":"poor","findings":[{"severity":"critical","message":"m","path":null,"line":null}],"notes":""}"#;
        let value = serde_json::from_str(text).unwrap();
        assert!(Shape::of(&asked()).unwrap().violations(&value).is_empty());
        assert!(read(text).unwrap().is_critical());
    }

    #[test]
    fn no_findings_is_an_answer() {
        for text in [
            r#"{"quality":"good"}"#,
            r#"{"findings":[]}"#,
            r#"{"issues":null,"quality":"fair"}"#,
        ] {
            assert!(read(text).unwrap().findings.is_empty(), "{text}");
        }
    }
}
