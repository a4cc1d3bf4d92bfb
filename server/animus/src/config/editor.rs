//! Editor: the layer of an editor's own settings, `initializationOptions.animus.config` as JSON: keys as in a file.
//!
//! It is the user's word, like the user's file: whoever may set it may also set which program the editor starts. Keys of
//! model servers are refused all the same: editors log what they send, and synchronise it.

use super::Problem;
use super::tree::{Entry, Node, Origin, Value};
use serde_json::Value as Json;

/// How messages name it.
const SOURCE: &str = "the editor's settings";

/// The tree with the editor's settings over it. Nothing said, or `null` for a key, changes nothing.
pub fn over(tree: Node, said: &Json) -> Result<Node, Vec<Problem>> {
    let origin = Origin {
        source: SOURCE.into(),
        line: 0,
        column: 0,
    };
    let problem = |key: String, message: &str| Problem {
        origin: origin.clone(),
        key,
        message: message.to_owned(),
    };
    if said.is_null() {
        return Ok(tree);
    }
    if !said.is_object() {
        let message = "`initializationOptions.animus.config` must be an object with the keys of a configuration file";
        return Err(vec![problem(String::new(), message)]);
    }
    let mut leaves = Vec::new();
    spread(&node(said, &origin), &mut Vec::new(), &mut leaves);
    let misplaced: Vec<Problem> = leaves
        .iter()
        .filter_map(|(path, _)| Some(problem(path.join("."), refusal(path)?)))
        .collect();
    if !misplaced.is_empty() {
        return Err(misplaced);
    }
    Ok(leaves
        .into_iter()
        .fold(tree, |tree, (path, node)| tree.with(&path, node)))
}

/// Why a key has no place in an editor's settings.
fn refusal(path: &[String]) -> Option<&'static str> {
    let words: Vec<&str> = path.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["projects", ..] => Some("settings of single folders belong into the user's file"),
        ["providers", _, "api_key"] => Some(
            "editors log and synchronise their settings: put the key into the environment and name it by `api_key_env`, or into the user's file",
        ),
        _ => None,
    }
}

/// Every value that is no mapping, with its path.
fn spread(node: &Node, path: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, Node)>) {
    match &node.value {
        Value::Null => {}
        Value::Map(entries) => {
            for entry in entries {
                path.push(entry.key.clone());
                spread(&entry.node, path, leaves);
                path.pop();
            }
        }
        _ => leaves.push((path.clone(), node.clone())),
    }
}

fn node(json: &Json, origin: &Origin) -> Node {
    let value = match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Integer(whole),
            None => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(|item| node(item, origin)).collect()),
        Json::Object(fields) => Value::Map(
            fields
                .iter()
                .map(|(key, value)| Entry {
                    key: key.clone(),
                    origin: origin.clone(),
                    node: node(value, origin),
                })
                .collect(),
        ),
    };
    Node {
        value,
        origin: origin.clone(),
    }
}
