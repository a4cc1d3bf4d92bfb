//! Fit: a value bent towards a schema where only one thing can be meant: a number in quotes, one item for a list, `null` for what may
//! be left out. What does not bend stays as it is, and the schema refuses it.

use llm::text_calls::lenient::{Notes, Spelling};
use serde_json::{Map, Number, Value};

/// References that are followed at most: schemas may go in circles.
const MOST_REFERENCES: usize = 16;

/// The value as the schema wants it, as far as that is no guess.
pub(super) fn fit(
    (value, spelling): (Value, Spelling),
    schema: &Value,
    notes: &mut Notes,
) -> Value {
    bent((value, &spelling), schema, schema, notes)
}

fn bent(
    (value, spelling): (Value, &Spelling),
    schema: &Value,
    root: &Value,
    notes: &mut Notes,
) -> Value {
    let Some(schema) = resolved(schema, root, &value) else {
        return value;
    };
    let mut inner = None;
    let value = match value {
        Value::String(text) if !takes(schema, "string") => {
            let (value, written) = from_text(text, schema, notes);
            inner = written;
            value
        }
        Value::Number(number) if is_only(schema, "integer") => {
            whole(&number).map_or(Value::Number(number), |whole| {
                notes.add("a whole number with a fraction");
                Value::Number(whole)
            })
        }
        value @ (Value::Number(_) | Value::Bool(_)) if is_only(schema, "string") => {
            notes.add("a number or a word without quotes");
            let as_written = spelling.own().map(str::to_owned);
            Value::String(as_written.unwrap_or_else(|| value.to_string()))
        }
        other => other,
    };
    let spelling = inner.as_ref().unwrap_or(spelling);
    match value {
        Value::Object(map) if takes(schema, "object") => {
            Value::Object(members((map, spelling), schema, root, notes))
        }
        Value::Array(items) if takes(schema, "array") => {
            let item = |(at, item): (usize, Value)| {
                let spelling = spelling.of(&at.to_string());
                bent((item, spelling), &schema["items"], root, notes)
            };
            items.into_iter().enumerate().map(item).collect()
        }
        Value::Null | Value::Array(_) => value,
        lone if is_only(schema, "array") => {
            notes.add("one item where a list is wanted");
            let item = bent((lone, spelling), &schema["items"], root, notes);
            Value::Array(vec![item])
        }
        other => other,
    }
}

/// The schema that counts for this value, behind references and the choice between something and nothing.
fn resolved<'s>(mut schema: &'s Value, root: &'s Value, value: &Value) -> Option<&'s Value> {
    for _ in 0..MOST_REFERENCES {
        if let Some(place) = schema.get("$ref").and_then(Value::as_str) {
            schema = root.pointer(place.strip_prefix('#')?)?;
            continue;
        }
        let choices = ["anyOf", "oneOf"]
            .iter()
            .find_map(|word| schema.get(*word)?.as_array());
        let Some(choices) = choices else {
            return Some(schema);
        };
        let mut some = choices.iter().filter(|one| one["type"] != "null");
        match (some.next(), some.next()) {
            (Some(one), None) if !value.is_null() => schema = one,
            _ => return None,
        }
    }
    None
}

/// Whether a schema names this type; one without a type names none.
fn takes(schema: &Value, kind: &str) -> bool {
    match &schema["type"] {
        Value::String(one) => one == kind || (one == "number" && kind == "integer"),
        Value::Array(all) => all.iter().any(|one| one == kind),
        // What only lists words takes words.
        _ => kind == "string" && (schema.get("enum").is_some() || schema.get("const").is_some()),
    }
}

/// Whether this is the one type that it names, but for null.
fn is_only(schema: &Value, kind: &str) -> bool {
    match &schema["type"] {
        Value::String(one) => one == kind,
        Value::Array(all) => {
            all.iter().any(|one| one == kind) && all.iter().all(|one| one == kind || one == "null")
        }
        _ => false,
    }
}

/// What a string means where none is wanted, and how the JSON in it was written.
fn from_text(text: String, schema: &Value, notes: &mut Notes) -> (Value, Option<Spelling>) {
    let word = text.trim();
    let holds = |open: char, kind: &str| word.starts_with(open) && takes(schema, kind);
    if (holds('{', "object") || holds('[', "array") || holds('{', "array"))
        && let Some((inner, spelling)) = super::read(word, notes)
    {
        notes.add("JSON in a string");
        return (inner, Some(spelling));
    }
    (of_word(text, schema, notes), None)
}

fn of_word(text: String, schema: &Value, notes: &mut Notes) -> Value {
    let word = text.trim();
    let number = || serde_json::from_str::<Number>(word).ok();
    if takes(schema, "integer")
        && let Some(whole) = number().filter(|number| number.is_i64() || number.is_u64())
    {
        notes.add("a number in quotes");
        return Value::Number(whole);
    }
    if takes(schema, "number")
        && let Some(number) = number()
    {
        notes.add("a number in quotes");
        return Value::Number(number);
    }
    if takes(schema, "boolean")
        && let Some(truth) = truth(word)
    {
        notes.add("true or false in quotes");
        return Value::Bool(truth);
    }
    if takes(schema, "null") && matches!(word, "null" | "None") {
        notes.add("null in quotes");
        return Value::Null;
    }
    Value::String(text)
}

fn truth(word: &str) -> Option<bool> {
    match word {
        "true" | "True" => Some(true),
        "false" | "False" => Some(false),
        _ => None,
    }
}

/// `12.0` as `12`.
fn whole(number: &Number) -> Option<Number> {
    let float = number.as_f64().filter(|_| number.is_f64())?;
    // Beyond this, not every whole number is a float.
    let exact = float.fract() == 0.0 && float.abs() < 9e15;
    exact.then(|| Number::from(float as i64))
}

fn members(
    (map, spelling): (Map<String, Value>, &Spelling),
    schema: &Value,
    root: &Value,
    notes: &mut Notes,
) -> Map<String, Value> {
    let required = |name: &str| {
        let names = schema["required"].as_array();
        names.is_some_and(|names| names.iter().any(|one| one == name))
    };
    let mut kept = Map::new();
    for (name, value) in map {
        let Some(of) = schema["properties"].get(&name) else {
            kept.insert(name, value);
            continue;
        };
        let takes_null = takes(of, "null")
            || ["anyOf", "oneOf"].iter().any(|word| {
                of[*word]
                    .as_array()
                    .is_some_and(|all| all.iter().any(|one| one["type"] == "null"))
            });
        if value.is_null() && !takes_null && !required(&name) {
            notes.add("null for what may be left out");
            continue;
        }
        let value = bent((value, spelling.of(&name)), of, root, notes);
        kept.insert(name, value);
    }
    kept
}
