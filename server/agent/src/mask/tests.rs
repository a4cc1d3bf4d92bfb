//! Every update, made from the schema with a key in each of its texts: none is left but where it must be.

use super::*;
use llm::Known;
use protocol::Update;
use serde_json::json;

/// Names of fields that are not masked, each with the reason.
const KEPT: [(&str, &str); 16] = [
    (
        "diff",
        "the draft is rebuilt from it, and a person decides on it",
    ),
    ("text of a hunk", "likewise"),
    ("carry", "its server wants it back to the byte"),
    ("model", "a name of the configuration"),
    ("plannerModel", "likewise"),
    ("criticModel", "likewise"),
    ("role", "a word of ours"),
    ("from", "likewise"),
    ("to", "likewise"),
    ("outcome", "likewise"),
    ("scope", "likewise"),
    ("enforcedBy", "likewise"),
    ("root", "a path"),
    ("path", "likewise"),
    ("paths", "likewise"),
    (
        "name",
        "a tool's; those of tests and options are looked at apart",
    ),
];

/// Fields that hold paths or times under other names.
const PLAIN: [&str; 6] = ["id", "context", "created", "oldPath", "symbol", "heading"];

/// A value of a schema with `key` in each text.
fn made(schema: &Value, whole: &Value, field: &str, key: &str) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        if name.ends_with("Id") {
            return json!("x");
        }
        let mut value = made(&whole["$defs"][name], whole, field, key);
        if name == "Hunk" {
            value["text"] = json!("x");
        }
        return value;
    }
    if let Some(value) = schema.get("const") {
        return value.clone();
    }
    if let Some(values) = schema["enum"].as_array() {
        return values[0].clone();
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(of) = schema[choice].as_array() {
            return made(&of[0], whole, field, key);
        }
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds[0].as_str(),
        kind => kind.as_str(),
    };
    match kind {
        Some("string") => {
            let kept = KEPT.iter().any(|(name, _)| *name == field) || PLAIN.contains(&field);
            match kept {
                true => json!("x"),
                false => json!(format!("it is {key} here")),
            }
        }
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!([made(&schema["items"], whole, field, key)]),
        Some("object") => {
            let fields = schema["properties"].as_object().unwrap();
            let made = fields
                .iter()
                .map(|(name, of)| (name.clone(), made(of, whole, name, key)));
            Value::Object(made.collect())
        }
        // Whatever JSON.
        _ if field == "carry" => json!({}),
        _ => {
            json!({ "deep": [{ "note": format!("it is {key} here") }], "api_key": "Zk3vQ9xT7mLp2WbN8rYc" })
        }
    }
}

#[test]
fn m3_no_update_keeps_a_key() {
    let key = ["ghp_", "16C7e42F292c6912E7710c838347Ae178B4a"].concat();
    let schema = schemars::schema_for!(Update).to_value();
    let variants = schema["oneOf"].as_array().unwrap();
    let (mut walked, mut held) = (0, 0);
    for variant in variants {
        let value = made(variant, &schema, "", &key);
        let update: Update = serde_json::from_value(value.clone())
            .unwrap_or_else(|error| panic!("{error}: {value}"));
        let before = serde_json::to_string(&update).unwrap();
        let after = serde_json::to_string(&masked(update, &Known::default())).unwrap();
        assert!(!after.contains(&key), "{after}");
        assert!(!after.contains("Zk3vQ9xT7mLp2WbN8rYc"), "{after}");
        let again = serde_json::from_str(&after).unwrap();
        assert_eq!(
            serde_json::to_string(&masked(again, &Known::default())).unwrap(),
            after
        );
        walked += 1;
        held += usize::from(before.contains(&key));
    }
    assert!(
        walked > 20 && held > 10,
        "{walked} updates, {held} with a key"
    );
}

#[test]
fn names_of_tests_and_options_are_masked_too() {
    let key = ["ghp_", "16C7e42F292c6912E7710c838347Ae178B4a"].concat();
    let report = json!({
        "type": "test",
        "report": {
            "verdict": "failed", "command": "t", "revision": 1, "attempt": 1, "durationMs": 1,
            "failures": [{ "name": format!("case {key}"), "standing": "introduced" }],
        }
    });
    let update: Update = serde_json::from_value(report).unwrap();
    let after = serde_json::to_string(&masked(update, &Known::default())).unwrap();
    assert!(!after.contains(&key), "{after}");
}

#[test]
fn arguments_stay_whole_json() {
    let key = ["ghp_", "16C7e42F292c6912E7710c838347Ae178B4a"].concat();
    let arguments = format!("{{ \"command\" :  \"curl -H 'token: {key}'\" }}");
    let call = json!({
        "type": "toolCall",
        "call": {
            "id": "c", "name": "exec", "kind": "execute", "title": "x",
            "input": serde_json::from_str::<Value>(&arguments).unwrap(), "arguments": arguments,
        }
    });
    let update: Update = serde_json::from_value(call).unwrap();
    let Update::ToolCall { call } = masked(update, &Known::default()) else {
        panic!("a call")
    };
    let sent: Value = serde_json::from_str(&call.arguments.unwrap()).unwrap();
    assert_eq!(sent, call.input);
    assert!(!sent.to_string().contains(&key) && sent.to_string().contains(llm::MASK));
}

#[test]
fn what_is_known_to_the_letter_is_masked_in_every_update() {
    let key = "correct horse \"battery\" staple";
    let known = Known::new([key]);
    let schema = schemars::schema_for!(Update).to_value();
    let mut held = 0;
    for variant in schema["oneOf"].as_array().unwrap() {
        let update: Update = serde_json::from_value(made(variant, &schema, "", key)).unwrap();
        let json = |update: &Update| serde_json::to_string(update).unwrap();
        held += usize::from(json(&update).contains("battery"));
        let after = json(&masked(update, &known));
        assert!(!after.contains("battery"), "{after}");
    }
    assert!(held > 10, "{held}");
}
