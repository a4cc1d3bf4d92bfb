//! Asked: params and answer of every request that the server makes to a shim. What is LSP's own keeps LSP's form.

use agent::insight::Verb;
use serde_json::{Map, Value, json};

/// All of them, by verb.
pub(super) fn verbs() -> Value {
    let all = Verb::ALL.map(|verb| {
        let (params, answer) = of(verb);
        let said = json!({ "params": params, "answer": answer });
        (verb.word().to_owned(), said)
    });
    Value::Object(Map::from_iter(all))
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

fn list(items: &Value) -> Value {
    json!({ "type": "array", "items": items })
}

fn of(verb: Verb) -> (Value, Value) {
    let text = || json!({ "type": "string" });
    let range = || json!({ "$ref": "#/$defs/Range" });
    let place = || {
        let at = json!({ "uri": text(), "position": { "$ref": "#/$defs/Position" } });
        object(at, &["uri", "position"])
    };
    let location = || {
        object(
            json!({ "uri": text(), "range": range() }),
            &["uri", "range"],
        )
    };
    let locations = || object(json!({ "locations": list(&location()) }), &["locations"]);
    match verb {
        Verb::Diagnostics => {
            let diagnostic = object(
                json!({
                    "range": range(),
                    "message": text(),
                    "severity": { "enum": [1, 2, 3, 4], "description": "An error where absent." },
                    "source": text(),
                    "code": { "type": ["integer", "string"] },
                }),
                &["range", "message"],
            );
            let document = object(
                json!({ "uri": text(), "diagnostics": list(&diagnostic) }),
                &["uri", "diagnostics"],
            );
            let hidden = json!({
                "type": "array", "items": { "type": "string" }, "minItems": 2, "maxItems": 2,
                "description": "Folders without and with a draft: `uris` are files below them, which are read without being shown, and all answered.",
            });
            (
                object(json!({ "uris": list(&text()), "hidden": hidden }), &[]),
                object(json!({ "documents": list(&document) }), &["documents"]),
            )
        }
        Verb::Definition | Verb::References => (place(), locations()),
        Verb::Rename => {
            let edit = json!({ "type": ["object", "null"], "description": "A `WorkspaceEdit`, which the shim does not apply." });
            let answer = object(json!({ "edit": edit }), &["edit"]);
            let mut params = place();
            params["properties"]["newName"] = text();
            params["required"] = json!(["uri", "position", "newName"]);
            (params, answer)
        }
        Verb::Symbols => {
            let symbol = object(
                json!({ "name": text(), "containerName": { "type": ["string", "null"] }, "location": location() }),
                &["name", "location"],
            );
            (
                object(json!({ "query": text() }), &["query"]),
                object(json!({ "symbols": list(&symbol) }), &["symbols"]),
            )
        }
        Verb::Selection => {
            let mut active = object(
                json!({ "uri": text(), "range": range(), "visible": list(&text()) }),
                &["uri", "range"],
            );
            active["type"] = json!(["object", "null"]);
            (object(json!({}), &[]), active)
        }
        Verb::OpenDiff => {
            let side = || {
                json!({ "oneOf": [
                    object(json!({ "uri": text() }), &["uri"]),
                    object(json!({ "text": text(), "title": text() }), &["text", "title"]),
                ] })
            };
            let sides = json!({ "left": side(), "right": side(), "title": text() });
            (
                object(sides, &["left", "right", "title"]),
                object(json!({}), &[]),
            )
        }
    }
}
