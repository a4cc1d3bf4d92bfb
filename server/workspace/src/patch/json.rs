//! Json: edits as objects, one or an array of them; also LSP's `WorkspaceEdit`. Field names of the common tools are taken.

use super::{Grain, HunkSpec, Op, Patch, PatchError, Place, RangeEdit, Reach};
use crate::path::RelPath;
use serde_json::{Map, Value};

const PATH: &[&str] = &[
    "file",
    "path",
    "file_path",
    "filePath",
    "filename",
    "target",
];
const OLD: &[&str] = &[
    "old",
    "old_string",
    "oldString",
    "old_str",
    "oldText",
    "search",
];
const NEW: &[&str] = &[
    "new",
    "new_string",
    "newString",
    "new_str",
    "newText",
    "replace",
];
const ALL: &[&str] = &["all", "replace_all", "replaceAll"];
const WHOLE: &[&str] = &["content", "contents", "text", "file_text"];

pub(super) fn looks_like(text: &str) -> bool {
    let body = unfenced(text);
    body.starts_with(['{', '[']) && serde_json::from_str::<Value>(body).is_ok()
}

pub(super) fn parse(text: &str, place: Place<'_>) -> Result<Patch, PatchError> {
    let value: Value = serde_json::from_str(unfenced(text)).map_err(|error| {
        PatchError::at(
            error.line().saturating_sub(1),
            format!("the JSON does not parse: {error}; send {{\"file\": …, \"edits\": [{{\"old\": …, \"new\": …}}]}}"),
        )
    })?;
    let mut patch = Patch::default();
    match &value {
        Value::Array(list) => {
            for entry in list {
                object(entry, place, &mut patch)?;
            }
        }
        entry => object(entry, place, &mut patch)?,
    }
    Ok(patch)
}

/// The text in a fence that spans all of it, or the text.
fn unfenced(text: &str) -> &str {
    let body = text.trim();
    let Some(inner) = body
        .strip_prefix("```")
        .and_then(|body| body.strip_suffix("```"))
    else {
        return body;
    };
    inner
        .split_once('\n')
        .map_or(body, |(_, inner)| inner.trim())
}

fn object(entry: &Value, place: Place<'_>, patch: &mut Patch) -> Result<(), PatchError> {
    let Value::Object(fields) = entry else {
        return Err(PatchError::at(
            0,
            "each edit is a JSON object with `file` and `edits`",
        ));
    };
    if fields.contains_key("changes") || fields.contains_key("documentChanges") {
        return workspace_edit(fields, place, patch);
    }
    let path = path(fields, place)?;
    if let Some(Value::String(to)) = fields.get("rename_to").or_else(|| fields.get("renameTo")) {
        let to = place.path(to, 0)?;
        patch.ops.push(Op::Rename { from: path, to });
        return Ok(());
    }
    if fields.get("delete").and_then(Value::as_bool) == Some(true) {
        patch.ops.push(Op::Delete { path, expect: None });
        return Ok(());
    }
    let hunks = match fields.get("edits") {
        Some(Value::Array(edits)) => edits.iter().map(hunk).collect::<Result<Vec<_>, _>>()?,
        Some(_) => {
            return Err(PatchError::at(
                0,
                "`edits` is an array of `{\"old\", \"new\"}`",
            ));
        }
        None if find(fields, OLD).is_some() => vec![hunk(entry)?],
        None => {
            let Some(Value::String(text)) = find(fields, WHOLE) else {
                return Err(PatchError::at(
                    0,
                    format!(
                        "the edit of `{path}` has neither `edits`, `old` and `new`, nor `content`"
                    ),
                ));
            };
            let text = text.clone();
            patch.ops.push(Op::Write { path, text });
            return Ok(());
        }
    };
    patch.ops.push(Op::Edit {
        path,
        hunks,
        rename_to: None,
    });
    Ok(())
}

fn path(fields: &Map<String, Value>, place: Place<'_>) -> Result<RelPath, PatchError> {
    match (find(fields, PATH), place.file) {
        (Some(Value::String(name)), _) => place.path(name, 0),
        (None, Some(file)) => Ok(file.clone()),
        _ => Err(PatchError::at(
            0,
            "the edit names no file; give `file` as text",
        )),
    }
}

fn hunk(edit: &Value) -> Result<HunkSpec, PatchError> {
    let Value::Object(fields) = edit else {
        return Err(PatchError::at(
            0,
            "each of `edits` is an object `{\"old\", \"new\"}`",
        ));
    };
    let (Some(Value::String(before)), Some(Value::String(after))) =
        (find(fields, OLD), find(fields, NEW))
    else {
        return Err(PatchError::at(
            0,
            "an edit needs `old` and `new`, both text",
        ));
    };
    let reach = match find(fields, ALL) {
        None | Some(Value::Null) | Some(Value::Bool(false)) => Reach::One,
        Some(Value::Bool(true)) => Reach::All,
        Some(_) => return Err(PatchError::at(0, "`all` is true or false")),
    };
    Ok(HunkSpec {
        before: before.clone(),
        after: after.clone(),
        grain: Grain::Text,
        reach,
        ..HunkSpec::default()
    })
}

fn find<'a>(fields: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| fields.get(*name))
}

/// LSP's `WorkspaceEdit`, with `changes` or `documentChanges`.
fn workspace_edit(
    fields: &Map<String, Value>,
    place: Place<'_>,
    patch: &mut Patch,
) -> Result<(), PatchError> {
    let bad = || {
        PatchError::at(
            0,
            "this is not an LSP `WorkspaceEdit`: `changes` maps addresses to text edits",
        )
    };
    if let Some(Value::Array(list)) = fields.get("documentChanges") {
        for entry in list {
            document_change(entry, place, patch)?;
        }
        return Ok(());
    }
    let changes = fields
        .get("changes")
        .and_then(Value::as_object)
        .ok_or_else(bad)?;
    for (uri, edits) in changes {
        let path = address(uri, place)?;
        let edits = ranges(edits).ok_or_else(bad)?;
        patch.ops.push(Op::Ranges { path, edits });
    }
    Ok(())
}

fn document_change(entry: &Value, place: Place<'_>, patch: &mut Patch) -> Result<(), PatchError> {
    let bad = || {
        PatchError::at(
            0,
            "this is not an LSP `WorkspaceEdit`: see `documentChanges`",
        )
    };
    let uri = |name: &str| entry.get(name).and_then(Value::as_str).ok_or_else(bad);
    let op = match entry.get("kind").and_then(Value::as_str) {
        None => {
            let name = entry
                .pointer("/textDocument/uri")
                .and_then(Value::as_str)
                .ok_or_else(bad)?;
            let edits = entry.get("edits").and_then(ranges).ok_or_else(bad)?;
            Op::Ranges {
                path: address(name, place)?,
                edits,
            }
        }
        Some("create") => Op::Create {
            path: address(uri("uri")?, place)?,
            text: String::new(),
            mode: None,
        },
        Some("delete") => Op::Delete {
            path: address(uri("uri")?, place)?,
            expect: None,
        },
        Some("rename") => Op::Rename {
            from: address(uri("oldUri")?, place)?,
            to: address(uri("newUri")?, place)?,
        },
        Some(_) => return Err(bad()),
    };
    patch.ops.push(op);
    Ok(())
}

fn ranges(edits: &Value) -> Option<Vec<RangeEdit>> {
    let number = |edit: &Value, at: &str| {
        edit.pointer(at)?
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
    };
    edits
        .as_array()?
        .iter()
        .map(|edit| {
            Some(RangeEdit {
                start: (
                    number(edit, "/range/start/line")?,
                    number(edit, "/range/start/character")?,
                ),
                end: (
                    number(edit, "/range/end/line")?,
                    number(edit, "/range/end/character")?,
                ),
                text: edit.get("newText")?.as_str()?.to_owned(),
            })
        })
        .collect()
}

/// A `file:` address with its `%` escapes, or a path.
fn address(uri: &str, place: Place<'_>) -> Result<RelPath, PatchError> {
    let Some(local) = uri.strip_prefix("file://") else {
        return place.path(uri, 0);
    };
    let mut bytes = Vec::with_capacity(local.len());
    let mut rest = local.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        let escaped = (*byte == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match escaped {
            Some(value) => {
                bytes.push(value);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    place.path(&String::from_utf8_lossy(&bytes), 0)
}
