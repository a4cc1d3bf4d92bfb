//! Environment overrides: `ANIMUS_SANDBOX_ALLOW_NETWORK=true` sets `sandbox.allow_network`; `MYCODEX_…` likewise, and weaker.
//!
//! Names are resolved against the schema, so that keys with `_` and free names (`providers`) need no quoting.

use super::Problem;
use super::schema::{Place, Schema, Shape};
use super::suggest;
use super::tree::{Node, Origin, Value};
use std::collections::BTreeMap;

const PREFIXES: [&str; 2] = ["MYCODEX_", "ANIMUS_"];

/// One override.
pub struct Override {
    /// The key.
    pub path: Vec<String>,
    /// Its value.
    pub node: Node,
}

/// The overrides that the variables spell, weakest first. A variable whose first word is no section is not ours.
pub fn overrides(
    vars: &BTreeMap<String, String>,
    schema: &Schema,
    tree: &Node,
) -> Result<Vec<Override>, Vec<Problem>> {
    let mut found = Vec::new();
    let mut problems = Vec::new();
    for prefix in PREFIXES {
        for (name, text) in vars {
            let Some(rest) = name.strip_prefix(prefix) else {
                continue;
            };
            let rest = rest.to_lowercase();
            let origin = Origin {
                source: format!("environment variable {name}").into(),
                line: 0,
                column: 0,
            };
            match resolve(&rest, schema.root(), Some(tree)) {
                Some((path, place)) => match value(text, place, &origin) {
                    Ok(node) => found.push(Override { path, node }),
                    Err(message) => problems.push(Problem {
                        origin,
                        key: path.join("."),
                        message,
                    }),
                },
                None => problems.extend(misspelt(&rest, schema, origin)),
            }
        }
    }
    if problems.is_empty() {
        Ok(found)
    } else {
        Err(problems)
    }
}

fn resolve<'a>(
    rest: &str,
    place: Place<'a>,
    tree: Option<&Node>,
) -> Option<(Vec<String>, Place<'a>)> {
    if rest.is_empty() {
        return None;
    }
    let known = place.names().into_iter().map(str::to_owned);
    let written = match (place.free(), tree.map(|node| &node.value)) {
        (Some(_), Some(Value::Map(entries))) => {
            entries.iter().map(|entry| entry.key.clone()).collect()
        }
        _ => Vec::new(),
    };
    for key in known.chain(written) {
        if let Some(found) = step(rest, &key, place, tree) {
            return Some(found);
        }
    }
    place.free()?;
    // A free name that no file mentions: the shortest one whose remainder is a key.
    let cuts = rest
        .match_indices('_')
        .map(|(at, _)| at)
        .chain([rest.len()]);
    cuts.into_iter()
        .filter(|at| *at > 0)
        .find_map(|at| step(rest, &rest[..at], place, None))
}

fn step<'a>(
    rest: &str,
    key: &str,
    place: Place<'a>,
    tree: Option<&Node>,
) -> Option<(Vec<String>, Place<'a>)> {
    let spelt = key.to_lowercase().replace(['-', '.', ' '], "_");
    let inner = place.key(key)?;
    if rest == spelt {
        return (inner.shape() != Shape::Map).then(|| (vec![key.to_owned()], inner));
    }
    let deeper = rest.strip_prefix(&spelt)?.strip_prefix('_')?;
    let below = tree.and_then(|node| node.get(&[key.to_owned()]));
    let (mut path, found) = resolve(deeper, inner, below)?;
    path.insert(0, key.to_owned());
    Some((path, found))
}

fn value(text: &str, place: Place<'_>, origin: &Origin) -> Result<Node, String> {
    let node = |value| Node {
        value,
        origin: origin.clone(),
    };
    match place.shape() {
        Shape::Text => Ok(node(Value::Text(text.to_owned()))),
        Shape::Bool => match text.trim().to_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(node(Value::Bool(true))),
            "false" | "0" | "no" | "off" => Ok(node(Value::Bool(false))),
            _ => Err(format!("`{text}` is neither true nor false")),
        },
        Shape::Number => {
            let text = text.trim();
            let whole = text.parse::<i64>().map(Value::Integer);
            let number = whole.or_else(|_| text.parse::<f64>().map(Value::Number));
            number
                .map(node)
                .map_err(|_| format!("`{text}` is not a number"))
        }
        Shape::List if !text.trim_start().starts_with('[') => {
            let words = text
                .split(',')
                .map(str::trim)
                .filter(|word| !word.is_empty());
            Ok(node(Value::List(
                words
                    .map(|word| node(Value::Text(word.to_owned())))
                    .collect(),
            )))
        }
        Shape::List | Shape::Map | Shape::Mixed => Node::parse(&origin.source, text)
            .map(|parsed| node(parsed.value))
            .map_err(|(_, message)| message),
    }
}

/// A variable that names a section and then no key of it is a mistake worth an error; any other is somebody else's.
fn misspelt(rest: &str, schema: &Schema, origin: Origin) -> Option<Problem> {
    let section = schema.root().names().into_iter().find(|name| {
        rest.strip_prefix(name)
            .is_some_and(|deeper| deeper.starts_with('_'))
    })?;
    let key = rest.strip_prefix(section)?.trim_start_matches('_');
    let names = schema.root().key(section)?.names();
    let question = suggest::question(key, names.iter().copied());
    Some(Problem {
        origin,
        key: format!("{section}.{key}"),
        message: format!("unknown key{question}"),
    })
}
