//! Json: edits as objects, one or an array of them; also LSP's `WorkspaceEdit`. Field names of the common tools are taken.

mod workspace_edit;

use super::feed::Piece;
use super::{Format, Grain, HunkSpec, LastLine, Op, Patch, PatchError, Place, Reach};
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

/// A patch in another format, as the tools of some agents carry it.
const INNER: &[&str] = &[
    "patch",
    "patchText",
    "patch_text",
    "input",
    "diff",
    "command",
];

/// Whether the text is JSON, or has edits as JSON in a fence.
pub(super) fn looks_like(text: &str) -> bool {
    let body = unfenced(text);
    let whole = body.starts_with(['{', '[']) && values(body).is_ok();
    whole || fenced(text).next().is_some()
}

pub(super) fn parse(text: &str, place: Place<'_>, out: &mut Vec<Piece>) -> Result<(), PatchError> {
    let mut patch = Patch::default();
    match values(unfenced(text)) {
        Ok(list) => {
            for value in &list {
                entries(value, place, &mut patch)?;
            }
        }
        Err(error) => {
            let mut found = 0;
            for value in fenced(text) {
                entries(&value, place, &mut patch)?;
                found += 1;
            }
            if found == 0 {
                return Err(PatchError::at(
                    error.line().saturating_sub(1),
                    format!(
                        "the JSON does not parse: {error}; send {{\"file\": …, \"edits\": [{{\"old\": …, \"new\": …}}]}}"
                    ),
                ));
            }
        }
    }
    out.extend(patch.ops.into_iter().map(Piece::Op));
    Ok(())
}

/// One value, or several one after the other.
fn values(text: &str) -> Result<Vec<Value>, serde_json::Error> {
    let list: Vec<Value> = serde_json::Deserializer::from_str(text)
        .into_iter()
        .collect::<Result<_, _>>()?;
    match list.is_empty() {
        true => serde_json::from_str(text).map(|value| vec![value]),
        false => Ok(list),
    }
}

fn entries(value: &Value, place: Place<'_>, patch: &mut Patch) -> Result<(), PatchError> {
    match value {
        Value::Array(list) => list
            .iter()
            .try_for_each(|entry| object(entry, place, patch)),
        entry => object(entry, place, patch),
    }
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

/// The JSON in fences that are edits, whatever is said around them.
fn fenced(text: &str) -> impl Iterator<Item = Value> {
    let edits = |entry: &Value| {
        let has = |names: &[&str]| names.iter().any(|name| entry.get(name).is_some());
        let body = has(OLD) || has(WHOLE) || has(&["edits", "delete", "rename_to"]);
        has(&["changes", "documentChanges"]) || (body && has(PATH))
    };
    let mut open: Option<String> = None;
    let mut found = Vec::new();
    for line in text.lines() {
        let mark = line.trim_start().starts_with("```");
        match (&mut open, mark) {
            (None, true) => open = Some(String::new()),
            (Some(body), false) => {
                body.push_str(line);
                body.push('\n');
            }
            (Some(body), true) => {
                let list = match body.trim_start().starts_with(['{', '[']) {
                    true => values(body).unwrap_or_default(),
                    false => Vec::new(),
                };
                found.extend(list.into_iter().filter(|value| match value {
                    Value::Array(list) => !list.is_empty() && list.iter().all(edits),
                    entry => edits(entry),
                }));
                open = None;
            }
            (None, false) => {}
        }
    }
    found.into_iter()
}

fn object(entry: &Value, place: Place<'_>, patch: &mut Patch) -> Result<(), PatchError> {
    let Value::Object(fields) = entry else {
        return Err(PatchError::at(
            0,
            "each edit is a JSON object with `file` and `edits`",
        ));
    };
    if fields.contains_key("changes") || fields.contains_key("documentChanges") {
        return workspace_edit::read(fields, place, patch);
    }
    if find(fields, PATH).is_none()
        && let Some(text) = inner(fields)
    {
        let inner = super::parse(text, Format::Auto, place)?;
        patch.ops.extend(inner.ops);
        return Ok(());
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
            let last = match text.ends_with('\n') {
                true => LastLine::Closed,
                false => LastLine::Open,
            };
            let text = text.clone();
            patch.ops.push(Op::Write { path, text, last });
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

/// The text of a patch in another format that a tool's call carries.
fn inner(fields: &Map<String, Value>) -> Option<&str> {
    let text = match find(fields, INNER)? {
        Value::String(text) => text.as_str(),
        Value::Array(words) => words.last()?.as_str()?,
        _ => return None,
    };
    // JSON in JSON would only be there to overflow the stack.
    (!text.trim_start().starts_with(['{', '['])).then_some(text)
}

fn find<'a>(fields: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| fields.get(*name))
}
