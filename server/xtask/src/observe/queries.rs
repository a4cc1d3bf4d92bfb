//! Queries: every expression of the dashboard and of the alerts, with its place, and the selectors in it.

use super::field;
use crate::shell::top;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;

/// What Grafana would put in place of its variables. The window is one that a short run fills.
const VARIABLES: [(&str, &str); 5] = [
    ("$__rate_interval", "5m"),
    ("$__range", "5m"),
    ("$job", ".*"),
    ("$instance", ".*"),
    ("$model", ".*"),
];

/// Every query by a name for its place.
pub fn all() -> Result<Vec<(String, String)>> {
    let configs = top().join("configs");
    let mut all = Vec::new();
    let text = fs::read_to_string(configs.join("grafana/animus.json"))?;
    let dashboard: Value = serde_json::from_str(&text)?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for panel in list(&dashboard["panels"]) {
        for target in list(&panel["targets"]) {
            let place = format!(
                "panel {} {}",
                field(&panel, "title")?,
                field(&target, "refId")?
            );
            all.push((place, filled(field(&target, "expr")?)?));
        }
    }
    for note in list(&dashboard["annotations"]["list"]) {
        let place = format!("annotation {}", field(&note, "name")?);
        all.push((place, filled(field(&note, "expr")?)?));
    }
    for variable in list(&dashboard["templating"]["list"]) {
        if field(&variable, "type")? != "query" {
            continue;
        }
        let query = filled(field(&variable["query"], "query")?)?;
        let inner = query
            .strip_prefix("label_values(")
            .and_then(|rest| rest.strip_suffix(')'));
        let (metric, label) = inner
            .and_then(|inner| inner.rsplit_once(", "))
            .with_context(|| format!("{query} is not label_values(metric, label)"))?;
        let place = format!("variable {}", field(&variable, "name")?);
        all.push((place, format!("count by ({label}) ({metric})")));
    }
    ensure!(
        all.len() > 40,
        "the dashboard has {} queries only",
        all.len()
    );
    for (name, query) in alerts(&fs::read_to_string(configs.join("alerts.yml"))?) {
        all.push((format!("alert {name}"), query));
    }
    let named =
        |(place, query): (String, String)| (place.to_lowercase().replace([' ', ','], "_"), query);
    Ok(all.into_iter().map(named).collect())
}

/// Names and expressions of alerts: `expr:` with the text behind it, or `expr: |` with the deeper lines below it.
fn alerts(text: &str) -> Vec<(String, String)> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let (mut found, mut name) = (Vec::new(), String::new());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(alert) = line.trim().strip_prefix("- alert: ") {
            alert.clone_into(&mut name);
        } else if let Some(rest) = line.trim().strip_prefix("expr: ") {
            let mut query = rest.trim_start_matches('|').to_owned();
            while rest == "|"
                && let Some(more) = lines.next_if(|more| depth(more) > depth(line))
            {
                query.push(' ');
                query.push_str(more.trim());
            }
            found.push((name.clone(), query));
        }
    }
    found
}

fn filled(query: &str) -> Result<String> {
    let mut query = query.to_owned();
    for (variable, value) in VARIABLES {
        query = query.replace(variable, value);
    }
    ensure!(!query.contains('$'), "a variable of {query} is not known");
    Ok(query)
}

/// Whether a word is the name of a metric of ours or of the process.
pub fn is_name(word: &str) -> bool {
    let ours = ["animus_", "mycodex_", "process_"]
        .iter()
        .any(|start| word.starts_with(start));
    ours && word
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// The instant selectors of a query: `name` or `name{…}`, ranges and offsets left out.
pub fn selectors(query: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(start) = rest.find(|char: char| char.is_ascii_alphabetic() || char == '"') {
        rest = &rest[start..];
        if let Some(text) = rest.strip_prefix('"') {
            rest = text.split_once('"').map_or("", |(_, behind)| behind);
            continue;
        }
        let end = rest
            .find(|char: char| !(char.is_ascii_alphanumeric() || char == '_'))
            .unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        rest = behind;
        if !is_name(word) && word != "up" {
            continue;
        }
        let labels = behind.starts_with('{').then(|| behind.find('}')).flatten();
        let labels = labels.map_or("", |end| &behind[..=end]);
        rest = &behind[labels.len()..];
        found.push(format!("{word}{labels}"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_found_with_their_labels() {
        let query = r#"sum by (up_to) (rate(animus_a_total{x=~"animus_no.*", y="}"#
            .replace("}", "b")
            + r#""}[5m])) / up > process_x offset 6h"#;
        assert_eq!(
            selectors(&query),
            [
                r#"animus_a_total{x=~"animus_no.*", y="b"}"#,
                "up",
                "process_x"
            ]
        );
    }

    #[test]
    fn alerts_of_one_line_and_of_several() {
        let text = "- alert: A\n  expr: up == 0\n  for: 1m\n- alert: B\n  expr: |\n    x\n      / y\n  for: 2m\n";
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(alerts(text), [pair("A", "up == 0"), pair("B", " x / y")]);
    }
}
