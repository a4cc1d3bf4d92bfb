//! `full`: a JSON Schema with the words that strict servers miss.
//!
//! Invariant: what fits the schema stays the same: an object that lists no properties has none listed, an array that says nothing of
//! its items takes any. OpenAI refuses both where the word is absent ("object schema missing properties", "array schema missing
//! items"), also deep inside.

use serde_json::{Map, Value, json};

/// The schema of a tool's arguments; at its root, which every server wants to be an object, `type` is added as well.
pub(crate) fn of_arguments(schema: &Value) -> Value {
    let mut schema = match schema {
        Value::Object(_) => schema.clone(),
        _ => json!({}),
    };
    if schema.get("type").is_none() {
        schema["type"] = "object".into();
    }
    complete(&mut schema);
    schema
}

/// Any schema.
pub(crate) fn full(schema: &Value) -> Value {
    let mut schema = schema.clone();
    complete(&mut schema);
    schema
}

fn complete(schema: &mut Value) {
    let Some(words) = schema.as_object_mut() else {
        return;
    };
    for (word, missing) in [
        ("object", ("properties", json!({}))),
        ("array", ("items", json!({}))),
    ] {
        // A fixed list of items says enough of them.
        if is(words, word) && !words.contains_key(missing.0) && !words.contains_key("prefixItems") {
            words.insert(missing.0.into(), missing.1);
        }
    }
    for (word, inner) in words {
        match (word.as_str(), inner) {
            // Names of the caller's choice, each with a schema.
            (
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas",
                Value::Object(named),
            ) => {
                named.values_mut().for_each(complete);
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems" | "items", Value::Array(list)) => {
                list.iter_mut().for_each(complete);
            }
            (
                "items"
                | "additionalProperties"
                | "unevaluatedProperties"
                | "unevaluatedItems"
                | "contains"
                | "propertyNames"
                | "not"
                | "if"
                | "then"
                | "else",
                inner,
            ) => complete(inner),
            // Everything else is a value, not a schema, whatever it looks like.
            _ => {}
        }
    }
}

fn is(words: &Map<String, Value>, kind: &str) -> bool {
    match words.get("type") {
        Some(Value::String(word)) => word == kind,
        Some(Value::Array(kinds)) => kinds.iter().any(|word| word == kind),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_added_at_every_depth_and_values_stay() {
        let value = json!({"type": "object"});
        let schema = json!({"properties": {
            "type": {"type": ["object", "null"], "default": value, "const": value, "enum": [value]},
            "list": {"type": "array", "items": {"type": "array"}},
            "pair": {"type": "array", "prefixItems": [{"type": "object"}]},
            "one": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
            "$defs": {"node": {"type": "object", "additionalProperties": {"type": "object"}}}});
        let none = json!({});
        assert_eq!(
            of_arguments(&schema),
            json!({"type": "object", "properties": {
                "type": {"type": ["object", "null"], "properties": none, "default": value, "const": value, "enum": [value]},
                "list": {"type": "array", "items": {"type": "array", "items": none}},
                "pair": {"type": "array", "prefixItems": [{"type": "object", "properties": none}]},
                "one": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
                "$defs": {"node": {"type": "object", "properties": none,
                    "additionalProperties": {"type": "object", "properties": none}}}})
        );
        for odd in [json!(null), json!(true), json!({})] {
            assert_eq!(
                of_arguments(&odd),
                json!({"type": "object", "properties": {}})
            );
        }
    }
}
