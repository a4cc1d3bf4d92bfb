//! Heal: arguments that a model wrote almost right, put right. A healed value counts only where it fits the tool's schema, and
//! nothing is ever made of a value that was cut: half a word, half a number and half a list stay what they are, and no tool with an
//! effect gets arguments whose end may be lost.

mod fit;

use crate::tools::Tool;
use crate::validate::Shape;
use llm::text_calls::lenient::{self, Notes, Spelling};
use protocol::ToolKind;
use serde_json::Value;

/// Arguments that were put right.
#[derive(Debug, Clone, PartialEq)]
pub struct Healed {
    /// What the model meant; it fits the schema.
    pub value: Value,
    /// What was wrong, in a few words each.
    pub told: Vec<String>,
}

/// How often JSON may be wrapped in a JSON string.
const DEEPEST_WRAP: usize = 2;

/// The arguments in `text` as JSON, which says everything once.
///
/// # Errors
/// Why they are no such JSON, in words for the model.
pub fn exact(text: &str) -> Result<Value, String> {
    let value = serde_json::from_str(text).map_err(|error| {
        let why = error.to_string();
        match why.contains("escape") {
            true => format!("{why}; in a string each backslash is written twice"),
            false => why,
        }
    })?;
    match lenient::parse(text, &mut Notes::default()) {
        Some(_) => Ok(value),
        None => Err("a key stands twice in one object, or it nests too deep".to_owned()),
    }
}

/// The arguments in `text` for a tool of this kind put right; none where that would be guessing, or nothing is wrong.
pub fn heal(text: &str, shape: &Shape, kind: ToolKind) -> Option<Healed> {
    let mut notes = Notes::default();
    let read = match read(text, &mut notes)? {
        (Value::Array(mut items), spelling) if items.len() == 1 => {
            notes.add("an object in a list");
            (items.remove(0), spelling.of("0").clone())
        }
        other => other,
    };
    let value = fit::fit(read, shape.schema(), &mut notes);
    let is_whole = value.is_object() && shape.violations(&value).is_empty();
    is_whole.then(|| healed(value, &notes, kind)).flatten()
}

/// The arguments in `text` in the form of the schema, where the tool knows theirs.
pub fn adapt(text: &str, tool: &dyn Tool, shape: &Shape) -> Option<Healed> {
    let mut notes = Notes::default();
    let value = tool.adapted(&read(text, &mut notes)?.0)?;
    notes.add("an edit where the patch should be");
    let is_whole = shape.violations(&value).is_empty();
    is_whole
        .then(|| healed(value, &notes, tool.kind()))
        .flatten()
}

fn healed(value: Value, notes: &Notes, kind: ToolKind) -> Option<Healed> {
    let notes = notes.all();
    let acts = matches!(kind, ToolKind::Edit | ToolKind::Execute);
    let is_doubtful = acts && notes.contains(&lenient::UNCLOSED);
    (!notes.is_empty() && !is_doubtful).then(|| Healed {
        value,
        told: notes.iter().map(|note| (*note).to_owned()).collect(),
    })
}

/// What else is wrong with arguments that are no JSON, as far as they can be read: so that one more turn can mend it all.
pub fn violations(text: &str, shape: &Shape) -> Vec<String> {
    let mut notes = Notes::default();
    let value = read(text, &mut notes);
    let value = value.map(|read| fit::fit(read, shape.schema(), &mut notes));
    value.map_or_else(Vec::new, |value| shape.violations(&value))
}

/// The value that a text means, however often it is wrapped, with how it was written.
fn read(text: &str, notes: &mut Notes) -> Option<(Value, Spelling)> {
    let mut text = text.trim_start_matches('\u{feff}').trim().to_owned();
    for _ in 0..=DEEPEST_WRAP {
        if let Some(inside) = unfenced(&text) {
            notes.add("a code fence");
            text = inside.to_owned();
        }
        let escaped = text.starts_with("{\\\"") || text.starts_with("[{\\\"");
        if escaped && let Ok(plain) = serde_json::from_str::<String>(&format!("\"{text}\"")) {
            notes.add("JSON encoded twice");
            text = plain;
            continue;
        }
        match lenient::spelled(&text, notes)? {
            (Value::String(inner), _) if inner.trim_start().starts_with(['{', '[', '`']) => {
                notes.add("JSON encoded twice");
                text = inner.trim().to_owned();
            }
            other => return Some(other),
        }
    }
    None
}

/// What stands between code fences that are all there is.
fn unfenced(text: &str) -> Option<&str> {
    let (info, rest) = text.strip_prefix("```")?.split_once('\n')?;
    let is_word = info.trim().chars().all(|c| c.is_ascii_alphanumeric());
    let inside = rest.trim_end().strip_suffix("```")?;
    (is_word && !inside.contains("```")).then(|| inside.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shape() -> Shape {
        Shape::of(&json!({
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "start": {"type": ["integer", "null"]},
                "deep": {"type": "boolean"},
                "tags": {"type": "array", "items": {"type": "string"}},
                "steps": {"type": "array", "items": {"$ref": "#/$defs/Step"}},
                "of": {"anyOf": [{"$ref": "#/$defs/Step"}, {"type": "null"}]},
            },
            "required": ["path"],
            "additionalProperties": false,
            "$defs": {"Step": {"type": "object", "properties": {"content": {"type": "string"}, "done": {"type": "boolean"}}, "required": ["content"]}},
        }))
        .unwrap()
    }

    fn healed(text: &str) -> Option<Value> {
        heal(text, &shape(), ToolKind::Read).map(|healed| {
            assert!(!healed.told.is_empty(), "{text}");
            assert!(shape().violations(&healed.value).is_empty());
            healed.value
        })
    }

    #[test]
    fn what_is_almost_right_is_put_right() {
        for (text, value) in [
            (r#"{"path": "a",}"#, json!({"path": "a"})),
            (
                r#"{"path": "a", "tags": ["x", "y",],}"#,
                json!({"path": "a", "tags": ["x", "y"]}),
            ),
            ("{'path': 'it\\'s \"a\"'}", json!({"path": "it's \"a\""})),
            ("{path: \"a\", start: 3}", json!({"path": "a", "start": 3})),
            (
                r#"{"path": "a", "deep": True, "start": None}"#,
                json!({"path": "a", "deep": true, "start": null}),
            ),
            (
                r#"{"path": "a", "tags": ["x"]"#,
                json!({"path": "a", "tags": ["x"]}),
            ),
            (
                r#"{"path": "a", "tags": ["x""#,
                json!({"path": "a", "tags": ["x"]}),
            ),
            (r#"{"path": "a"}}"#, json!({"path": "a"})),
            ("{\"path\": \"a\nb\tc\"}", json!({"path": "a\nb\tc"})),
            ("```json\n{\"path\": \"a\"}\n```", json!({"path": "a"})),
            (r#""{\"path\": \"a\"}""#, json!({"path": "a"})),
            (r#"{\"path\": \"a\\n\"}"#, json!({"path": "a\n"})),
            (
                r#"{"path": "a", "start": "12", "deep": "true"}"#,
                json!({"path": "a", "start": 12, "deep": true}),
            ),
            (
                r#"{"path": "a", "start": 12.0}"#,
                json!({"path": "a", "start": 12}),
            ),
            (
                r#"{"path": "a", "tags": "x"}"#,
                json!({"path": "a", "tags": ["x"]}),
            ),
            (
                r#"{"path": "a", "tags": "[\"x\", \"y\"]"}"#,
                json!({"path": "a", "tags": ["x", "y"]}),
            ),
            (
                r#"{"path": "a", "steps": {"content": "c", "done": "false"}}"#,
                json!({"path": "a", "steps": [{"content": "c", "done": false}]}),
            ),
            (
                r#"{"path": "a", "of": "{'content': 'c'}"}"#,
                json!({"path": "a", "of": {"content": "c"}}),
            ),
            (
                r#"{"path": "a", "deep": null, "tags": null}"#,
                json!({"path": "a"}),
            ),
            (r#"{"path": 7}"#, json!({"path": "7"})),
            (r#"{"path": 1.10}"#, json!({"path": "1.10"})),
            (r#"{"path": 1e3}"#, json!({"path": "1e3"})),
            (r#"{"path": True}"#, json!({"path": "True"})),
            (
                r#"[{"path": 12345678901234567890123, "tags": [-0, 2.50]}]"#,
                json!({"path": "12345678901234567890123", "tags": ["-0", "2.50"]}),
            ),
            (
                r#"{"path": "a", "steps": "[{content: 1.0}]"}"#,
                json!({"path": "a", "steps": [{"content": "1.0"}]}),
            ),
            (r#"{"path": "\d\."}"#, json!({"path": r"\d\."})),
            (r#"[{"path": "a"}]"#, json!({"path": "a"})),
            (r#"{"path": "\d+\.rs"}"#, json!({"path": "\\d+\\.rs"})),
            (
                "{\"path\": \"a\" /* the file */, // and\n \"start\": 1}",
                json!({"path": "a", "start": 1}),
            ),
        ] {
            assert_eq!(healed(text), Some(value), "{text}");
        }
    }

    #[test]
    fn what_was_cut_or_does_not_fit_is_left() {
        for text in [
            "",
            "{",
            r#"{"path": "a"#,
            r#"{"path": "a","#,
            r#"{"path": "a", "start""#,
            r#"{"path": "a", "start":"#,
            r#"{"path": "a", "start": 1"#,
            r#"{"path": "a", "deep": tru"#,
            r#"{"path": "a", "tags": ["x", "y"#,
            r#"{"path": "a", "tags": ["x","#,
            r#"{"start": 1,}"#,
            r#"{"path": "a", "extra": 1,}"#,
            r#"{"path": "a", "path": 'b'}"#,
            r#"{"path": "a" "start": 1}"#,
            r#"{"path": 'don't'}"#,
            r#"{"path": "say "hi""}"#,
            r#"{"path": "a", "start": "1-2"}"#,
            r#"{"path": "a", "start": 1.5}"#,
            r#"{"path": bare}"#,
            r#"{"path": "\bfoo\s", "start": 1}"#,
            r#"{"path": "\d\n"}"#,
            r#"{"path": "C:\new\table\d"}"#,
            r#"{"path": "\w", "tags": ["\w\f"]}"#,
            r#"path: "a""#,
            r#"{"path": "a"} and {"path": "b"}"#,
            "a.rs",
            r#""a.rs""#,
            "[]",
        ] {
            assert_eq!(healed(text), None, "{text}");
        }
        assert!(
            heal(r#"{"path": "a"}"#, &shape(), ToolKind::Read).is_none(),
            "nothing is wrong"
        );
        assert!(heal(&"[".repeat(100_000), &shape(), ToolKind::Read).is_none());
        assert!(heal(&"{'a':".repeat(100_000), &shape(), ToolKind::Read).is_none());
    }

    #[test]
    fn what_acts_gets_nothing_whose_end_may_be_lost() {
        for text in [
            r#"{"path": "a""#,
            r#"{"path": "a", "tags": ["x"]"#,
            r#"{"path": "a", "of": "{'content': 'c'"}"#,
        ] {
            for kind in [ToolKind::Edit, ToolKind::Execute] {
                assert_eq!(heal(text, &shape(), kind), None, "{text}");
            }
            assert!(heal(text, &shape(), ToolKind::Read).is_some(), "{text}");
        }
        assert!(heal(r#"{"path": "a",}"#, &shape(), ToolKind::Edit).is_some());
    }

    #[test]
    fn what_is_said_twice_is_not_exact() {
        assert_eq!(
            exact(r#"{"a": {"b": 1, "c": 2}}"#),
            Ok(json!({"a": {"b": 1, "c": 2}}))
        );
        for text in [r#"{"a": 1, "a": 1}"#, r#"[{"a": {"b": 1, "b": 2}}]"#] {
            assert!(exact(text).unwrap_err().contains("twice"), "{text}");
        }
        assert!(exact("{").unwrap_err().contains("EOF"));
    }

    #[test]
    fn no_prefix_of_a_whole_call_becomes_another_one() {
        let text = r#"{"path": "src/żółw.rs", "start": 120, "tags": ["ab", "c\n"], "steps": [{"content": "x", "done": true}]}"#;
        let whole: Value = serde_json::from_str(text).unwrap();
        for (at, _) in text.char_indices() {
            let Some(value) = healed(&text[..at]) else {
                continue;
            };
            // Whatever is there is there whole: no word, number or item is shorter than it was written.
            for (name, part) in value.as_object().unwrap() {
                let same = match (&whole[name], part) {
                    (Value::Array(all), Value::Array(some)) => {
                        some.iter()
                            .zip(all)
                            .all(|(part, whole)| match (part, whole) {
                                (Value::Object(part), whole) => {
                                    part.iter().all(|(key, value)| whole[key] == *value)
                                }
                                (part, whole) => part == whole,
                            })
                    }
                    (whole, part) => whole == part,
                };
                assert!(same, "{name}: {value}");
            }
        }
    }
}
