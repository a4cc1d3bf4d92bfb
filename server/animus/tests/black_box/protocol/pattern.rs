//! Pattern: what a message of a transcript matches. An object matches one with more fields, since fields may be added; lists match
//! item by item; a text may hold placeholders such as `<task:1>`, which stand for the same value everywhere in a transcript.

use regex::Regex;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What the placeholders stand for.
pub type Bound = BTreeMap<String, Value>;

static HOLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        "<(?:any|number|time|version|hash|root|state|script|(?:task|session|patch|approval|memory|request|id):[0-9]+)>",
    )
    .unwrap()
});

/// Whether a message is the expected one. What new placeholders stand for is added, also where it is not.
pub fn matches(expected: &Value, actual: &Value, bound: &mut Bound) -> bool {
    match (expected, actual) {
        (Value::String(text), _) => text_matches(text, actual, bound),
        (Value::Object(expected), Value::Object(actual)) => expected.iter().all(|(key, value)| {
            let actual = actual.get(key);
            actual.is_some_and(|actual| matches(value, actual, bound))
        }),
        (Value::Array(expected), Value::Array(actual)) => {
            expected.len() == actual.len()
                && expected
                    .iter()
                    .zip(actual)
                    .all(|(one, other)| matches(one, other, bound))
        }
        _ => expected == actual,
    }
}

fn text_matches(text: &str, actual: &Value, bound: &mut Bound) -> bool {
    match text {
        "<any>" => return true,
        "<number>" => return actual.is_number(),
        _ => {}
    }
    if actual.is_number() && HOLE.find(text).is_some_and(|hole| hole.as_str() == text) {
        return bound.entry(text.to_owned()).or_insert(actual.clone()) == actual;
    }
    let Some(mut rest) = actual.as_str() else {
        return false;
    };
    let mut at = 0;
    for hole in HOLE.find_iter(text) {
        let Some(behind) = rest.strip_prefix(&text[at..hole.start()]) else {
            return false;
        };
        at = hole.end();
        let known = bound.get(hole.as_str()).and_then(Value::as_str);
        let length = match known {
            Some(known) if behind.starts_with(known) => known.len(),
            Some(_) => return false,
            None => run(hole.as_str(), behind),
        };
        if length == 0 {
            return false;
        }
        if hole.as_str().contains(':') {
            bound.insert(hole.as_str().to_owned(), Value::from(&behind[..length]));
        }
        rest = &behind[length..];
    }
    rest == &text[at..]
}

/// How much of a text a placeholder takes.
fn run(hole: &str, text: &str) -> usize {
    let more = match hole {
        "<any>" => return text.len(),
        "<time>" => ":.-",
        "<version>" => ".+-",
        _ => "_-",
    };
    text.find(|letter: char| !letter.is_ascii_alphanumeric() && !more.contains(letter))
        .unwrap_or(text.len())
}

/// The message with its placeholders replaced by what they stand for.
pub fn fill(message: &Value, bound: &Bound) -> Value {
    match message {
        Value::String(text) => {
            if let Some(value) = bound.get(text) {
                return value.clone();
            }
            let filled = HOLE.replace_all(text, |hole: &regex::Captures<'_>| {
                let known = bound.get(&hole[0]).and_then(Value::as_str);
                known.unwrap_or(&hole[0]).to_owned()
            });
            Value::from(filled.into_owned())
        }
        Value::Array(list) => list.iter().map(|one| fill(one, bound)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), fill(value, bound)))
            .collect(),
        _ => message.clone(),
    }
}

#[test]
fn a_message_matches_one_with_more_and_the_same_names_stand_for_the_same() {
    use serde_json::json;
    let check = |expected: Value, actual: Value| matches(&expected, &actual, &mut Bound::new());
    assert!(check(json!({"a": 1}), json!({"a": 1, "b": 2})));
    assert!(!check(json!({"a": 1, "b": 2}), json!({"a": 1})));
    assert!(!check(json!([1]), json!([1, 2])));
    assert!(check(
        json!(["<task:1>", "x/<task:1>.y"]),
        json!(["ab", "x/ab.y"])
    ));
    assert!(!check(
        json!(["<task:1>", "x/<task:1>.y"]),
        json!(["ab", "x/ac.y"])
    ));
    assert!(check(json!(["<request:1>", "<request:1>"]), json!([4, 4])));
    assert!(!check(json!(["<request:1>", "<request:1>"]), json!([4, 5])));
    assert!(check(
        json!("at <time>"),
        json!("at 2026-01-31T12:00:00.000Z")
    ));
    assert!(!check(json!("<number>"), json!("4")));
    assert!(!check(json!("<path>"), json!("ab")));
}
