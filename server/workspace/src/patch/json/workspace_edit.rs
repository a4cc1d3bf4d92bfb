//! WorkspaceEdit: LSP's form of a patch: text edits by range, and files made, removed and moved.

use super::super::{Op, Patch, PatchError, Place, RangeEdit};
use crate::path::RelPath;
use serde_json::{Map, Value};

/// Reads one, with `changes` or `documentChanges`.
pub(super) fn read(
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
