//! JSON Schemas as Gemini takes them.
//!
//! Invariant: only words that its documentation names are left, and what a word meant is kept where another word can say it
//! (`const` becomes `enum`); the rest is for the caller to check.

use serde_json::{Map, Value, json};

/// Words of JSON Schema in `parametersJsonSchema` and `responseJsonSchema`.
const WORDS: &[&str] = &[
    "$id",
    "$defs",
    "$ref",
    "$anchor",
    "type",
    "format",
    "title",
    "description",
    "enum",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "anyOf",
    "oneOf",
    "properties",
    "additionalProperties",
    "required",
    "propertyOrdering",
];

/// Words of the older `parameters` and `responseSchema`.
const OLD_WORDS: &[&str] = &[
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "enum",
    "items",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "anyOf",
    "properties",
    "required",
    "propertyOrdering",
];

/// How deep references are followed in the older form, which has none.
const DEEPEST: usize = 16;

/// For `parametersJsonSchema` and `responseJsonSchema`.
pub(super) fn json_schema(schema: &Value) -> Value {
    let Some(object) = schema.as_object() else {
        return schema.clone();
    };
    let mut known = Map::new();
    for (key, value) in object {
        let value = match key.as_str() {
            "properties" | "$defs" => each(value, json_schema),
            "anyOf" | "oneOf" | "prefixItems" => list(value, json_schema),
            "items" | "additionalProperties" => json_schema(value),
            "const" => {
                known.insert("enum".into(), json!([value]));
                continue;
            }
            "definitions" => {
                known.insert("$defs".into(), each(value, json_schema));
                continue;
            }
            "$ref" => json!(
                value
                    .as_str()
                    .unwrap_or_default()
                    .replace("#/definitions/", "#/$defs/")
            ),
            word if WORDS.contains(&word) => value.clone(),
            _ => continue,
        };
        known.insert(key.clone(), value);
    }
    Value::Object(known)
}

/// For `parameters` and `responseSchema`: references are written out, and a list of types is one type that may be null.
pub(super) fn old_schema(schema: &Value) -> Value {
    old(schema, schema, 0)
}

fn old(schema: &Value, root: &Value, depth: usize) -> Value {
    let Some(object) = schema.as_object().filter(|_| depth < DEEPEST) else {
        return json!({"type": "object"});
    };
    if let Some(target) = object.get("$ref").and_then(Value::as_str) {
        let found = target.strip_prefix('#').and_then(|path| root.pointer(path));
        return found.map_or_else(
            || json!({"type": "object"}),
            |found| old(found, root, depth + 1),
        );
    }
    let deeper = |value: &Value| old(value, root, depth + 1);
    let mut known = Map::new();
    for (key, value) in object {
        let value = match key.as_str() {
            "properties" => each(value, deeper),
            "anyOf" => list(value, deeper),
            "oneOf" => {
                known.insert("anyOf".into(), list(value, deeper));
                continue;
            }
            "items" => deeper(value),
            "const" => {
                known.insert("enum".into(), json!([text(value)]));
                continue;
            }
            "enum" => list(value, |value| text(value).into()),
            "type" if value.is_array() => {
                let kinds = value.as_array().into_iter().flatten();
                let mut kinds = kinds.filter(|kind| **kind != "null");
                if value
                    .as_array()
                    .is_some_and(|all| all.contains(&"null".into()))
                {
                    known.insert("nullable".into(), true.into());
                }
                kinds.next().cloned().unwrap_or_else(|| "string".into())
            }
            "format"
                if !["enum", "date-time", "int32", "int64", "float", "double"]
                    .iter()
                    .any(|known| value == known) =>
            {
                continue;
            }
            word if OLD_WORDS.contains(&word) => value.clone(),
            _ => continue,
        };
        known.insert(key.clone(), value);
    }
    // An object without properties is refused.
    if known
        .get("properties")
        .is_some_and(|all| all.as_object().is_none_or(Map::is_empty))
    {
        known.remove("properties");
    }
    if known.contains_key("enum") {
        known.insert("type".into(), "string".into());
    }
    Value::Object(known)
}

fn each(value: &Value, change: impl Fn(&Value) -> Value) -> Value {
    let entries = value.as_object().into_iter().flatten();
    entries
        .map(|(name, value)| (name.clone(), change(value)))
        .collect::<Map<_, _>>()
        .into()
}

fn list(value: &Value, change: impl Fn(&Value) -> Value) -> Value {
    value.as_array().into_iter().flatten().map(change).collect()
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_keep_what_the_server_knows() {
        let schema = json!({"$schema": "x", "type": "object", "additionalProperties": false, "required": ["kind"],
            "properties": {
                "kind": {"const": "a", "default": "a"},
                "const": {"type": ["string", "null"], "pattern": "^a", "examples": ["a"]},
                "deep": {"$ref": "#/definitions/node"}, "number": {"enum": [1, 2]}},
            "definitions": {"node": {"type": "object", "properties": {"next": {"$ref": "#/definitions/node"}}}}});
        assert_eq!(
            json_schema(&schema),
            json!({"type": "object", "additionalProperties": false, "required": ["kind"], "properties": {
                "kind": {"enum": ["a"]}, "const": {"type": ["string", "null"]},
                "deep": {"$ref": "#/$defs/node"}, "number": {"enum": [1, 2]}},
                "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}}})
        );
        let old = old_schema(&schema);
        assert_eq!(
            old["properties"]["const"],
            json!({"type": "string", "nullable": true})
        );
        assert_eq!(
            old["properties"]["kind"],
            json!({"type": "string", "enum": ["a"]})
        );
        assert_eq!(
            old["properties"]["number"],
            json!({"type": "string", "enum": ["1", "2"]})
        );
        assert_eq!(
            old["properties"]["deep"]["properties"]["next"]["type"],
            "object"
        );
        assert!(
            !old.to_string().contains("$ref") && !old.to_string().contains("additionalProperties")
        );
        assert_eq!(
            old_schema(&json!({"type": "object", "properties": {}})),
            json!({"type": "object"})
        );
    }
}
