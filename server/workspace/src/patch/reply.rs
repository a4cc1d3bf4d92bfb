//! Reply: a model's whole answer as a list of edits, shell scripts and errors, for scripts outside the project.

use super::blocks::{self, Item};
use super::{Format, Op, parse_patch, shape};
use serde_json::{Value, json};

/// Reads a reply as `[{"path","search","replace"} | {"shell"} | {"error"}]`, in the order of the text. An edit without
/// `search` text makes the file or fills an empty one; `{"path","delete":true}` removes it, `{"path","rename_to"}` moves it.
pub fn edits_parse(text: &str) -> Vec<Value> {
    match shape(text, Format::Auto) {
        Format::Envelope | Format::Udiff | Format::Json => lowered(text),
        Format::Blocks | Format::Auto => blocks::items(text, None).into_iter().map(block).collect(),
    }
}

fn block(item: Item) -> Value {
    match item {
        Item::Shell(script) => json!({ "shell": script }),
        Item::Broken(error) => json!({ "error": error.to_string() }),
        Item::Block(block) => match &block.name {
            Some(path) => json!({
                "path": path,
                "search": crate::lines::closed(&block.search),
                "replace": crate::lines::closed(&block.replace),
            }),
            None => json!({ "error": blocks::nameless(block.at).to_string() }),
        },
    }
}

fn lowered(text: &str) -> Vec<Value> {
    let patch = match parse_patch(text, Format::Auto, None) {
        Ok(patch) => patch,
        Err(error) => return vec![json!({ "error": error.to_string() })],
    };
    patch.ops.iter().flat_map(op).collect()
}

fn op(op: &Op) -> Vec<Value> {
    match op {
        Op::Edit {
            path,
            hunks,
            rename_to,
        } => {
            let mut values: Vec<Value> = hunks
                .iter()
                .map(|hunk| json!({ "path": path, "search": hunk.before, "replace": hunk.after }))
                .collect();
            if let Some(to) = rename_to {
                values.push(json!({ "path": path, "rename_to": to }));
            }
            values
        }
        Op::Create { path, text, .. } | Op::Write { path, text } => {
            vec![json!({ "path": path, "search": "", "replace": text })]
        }
        Op::Delete { path, .. } => vec![json!({ "path": path, "delete": true })],
        Op::Absent { .. } => Vec::new(),
        Op::Rename { from, to } => vec![json!({ "path": from, "rename_to": to })],
        Op::Ranges { path, .. } => {
            vec![json!({ "error": format!("`{path}`: ranges by number have no search text") })]
        }
    }
}
