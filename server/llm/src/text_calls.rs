//! Calls that a model wrote into its text: a fenced JSON object that names a tool on offer.
//!
//! Invariant: a block that is not such a call stays in the text, byte for byte.

use serde_json::{Map, Value};

use crate::{Call, ToolSpec};

/// The text without the blocks that are calls, and those calls, with empty ids.
///
/// Accepted, alone or in a list: `{"tool" | "name": NAME, "args" | "arguments" | "parameters" | "input": {…}}`, between fences
/// of three or more backticks or tildes without an info string, or with `json`, `tool` or `tool_call`.
#[must_use]
pub fn take(text: &str, tools: &[ToolSpec]) -> (String, Vec<Call>) {
    let mut calls = Vec::new();
    let mut kept = String::with_capacity(text.len());
    let mut lines = text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        let Some((fence, word)) = fence(line) else {
            kept.push_str(line);
            continue;
        };
        let (mut block, mut body, mut closed) = (line.to_owned(), String::new(), false);
        for line in lines.by_ref() {
            block.push_str(line);
            if line.trim() == fence {
                closed = true;
                break;
            }
            body.push_str(line);
        }
        let known = matches!(
            word.to_ascii_lowercase().as_str(),
            "" | "json" | "tool" | "tool_call"
        );
        match if closed && known {
            read(&body, tools)
        } else {
            None
        } {
            Some(found) => calls.extend(found),
            None => kept.push_str(&block),
        }
    }
    if !calls.is_empty() {
        kept.truncate(kept.trim_end().len());
    }
    (kept, calls)
}

fn fence(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let mark = line
        .chars()
        .next()
        .filter(|mark| matches!(mark, '`' | '~'))?;
    let length = line.len() - line.trim_start_matches(mark).len();
    (length >= 3).then(|| (&line[..length], line[length..].trim()))
}

fn read(body: &str, tools: &[ToolSpec]) -> Option<Vec<Call>> {
    match serde_json::from_str(body).ok()? {
        Value::Object(object) => call(&object, tools).map(|call| vec![call]),
        Value::Array(items) if !items.is_empty() => items
            .iter()
            .map(|item| call(item.as_object()?, tools))
            .collect(),
        _ => None,
    }
}

fn call(object: &Map<String, Value>, tools: &[ToolSpec]) -> Option<Call> {
    let name = object
        .get("tool")
        .or_else(|| object.get("name"))?
        .as_str()?;
    tools.iter().find(|tool| tool.name == name)?;
    let keys = ["args", "arguments", "parameters", "input"];
    let arguments = keys.iter().find_map(|key| object.get(*key));
    let arguments = match arguments {
        Some(Value::String(raw)) => raw.clone(),
        Some(value @ Value::Object(_)) => value.to_string(),
        // A tool without arguments; an object with other keys is somebody's data.
        None if object.contains_key("tool") && object.len() == 1 => "{}".to_owned(),
        _ => return None,
    };
    Some(Call {
        id: String::new(),
        name: name.to_owned(),
        arguments,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn taken(text: &str) -> String {
        let tools = ["read", "fs.read_file"].map(|name| ToolSpec {
            name: name.into(),
            description: String::new(),
            schema: Value::Null,
        });
        let (kept, calls) = take(text, &tools);
        let calls = calls
            .iter()
            .map(|call| format!("{}{}\n", call.name, call.arguments));
        calls.collect::<String>() + &format!("{kept:?}")
    }

    #[test]
    fn a_fenced_json_call_is_a_call() {
        expect![[r#"
            fs.read_file{"path":"a"}
            "I look.""#]]
        .assert_eq(&taken(
            "I look.\n```json\n{\"tool\": \"fs.read_file\", \"args\": {\"path\": \"a\"}}\n```\n",
        ));
        expect![[r#"
            read{"path":"a"}
            read{}
            """#]]
        .assert_eq(&taken(
            "~~~\n[{\"name\":\"read\",\"arguments\":{\"path\":\"a\"}},{\"tool\":\"read\"}]\n~~~",
        ));
    }

    #[test]
    fn everything_else_stays_text() {
        for text in [
            "",
            "no fence {\"tool\":\"read\",\"args\":{}}",
            "```json\n{\"tool\":\"unknown\",\"args\":{}}\n```",
            "```json\n{\"tool\":\"read\",\"args\":{}}\n",
            "```json\n{\"tool\":\"read\",\"args\":\n```\n",
            "```rust\n{\"tool\":\"read\",\"args\":{}}\n```",
            "```json\n{\"name\":\"read\",\"version\":1}\n```",
            "```json\n[]\n```\r\nend\r\n",
            "```",
        ] {
            assert_eq!(taken(text), format!("{text:?}"));
        }
    }
}
