//! Sync: the client's document notifications, applied to our documents in wire order, before anything is awaited (L2).
//! An edit costs the edit: nothing is parsed, hashed or copied.

use lsp_types::{
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    DidSaveTextDocumentParams, TextDocumentContentChangeEvent,
};
use ropey::Rope;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::editor::Editor;
use crate::position::{self, Encoding};
use crate::quirks::Stale;

/// The notifications that belong here.
pub const METHODS: [&str; 4] = [
    "textDocument/didOpen",
    "textDocument/didChange",
    "textDocument/didSave",
    "textDocument/didClose",
];

/// Takes one notification.
///
/// # Errors
/// Says, for the log, what was wrong with it; the documents are as they were.
pub fn take(editor: &Editor, method: &str, params: Value) -> Result<(), String> {
    match method {
        "textDocument/didOpen" => open(editor, read(method, params)?),
        "textDocument/didChange" => change(editor, read(method, params)?),
        "textDocument/didSave" => {
            let params: DidSaveTextDocumentParams = read(method, params)?;
            if let Some(path) = editor.addresses().path(params.text_document.uri.as_str()) {
                editor.documents().save(&path);
            }
            Ok(())
        }
        "textDocument/didClose" => {
            let params: DidCloseTextDocumentParams = read(method, params)?;
            if let Some(path) = editor.addresses().path(params.text_document.uri.as_str()) {
                editor.documents().close(&path);
                editor.addresses().closed(&path);
            }
            Ok(())
        }
        _ => Err(format!("`{method}` is no document notification")),
    }
}

fn open(editor: &Editor, params: DidOpenTextDocumentParams) -> Result<(), String> {
    let document = params.text_document;
    let uri = document.uri.as_str();
    let path = editor.addresses().path(uri).ok_or_else(|| {
        format!("`{uri}` is not a file of the workspace; the agent does not see it")
    })?;
    editor.addresses().opened(path.clone(), uri);
    editor.note(&path, &Rope::from_str(&document.text));
    editor.documents().open(
        path,
        document.version,
        &document.text,
        Some(document.language_id),
    );
    Ok(())
}

fn change(editor: &Editor, params: DidChangeTextDocumentParams) -> Result<(), String> {
    let uri = params.text_document.uri.as_str();
    let version = params.text_document.version;
    let Some(path) = editor.addresses().path(uri) else {
        return Ok(());
    };
    let Some(before) = editor.version(&path) else {
        return Err(format!(
            "`{uri}` was changed without having been opened; the change is ignored"
        ));
    };
    let (encoding, stale) = (editor.client().encoding, editor.client().stale());
    let changes = params.content_changes;
    editor
        .documents()
        .change(&path, version, |rope| {
            for change in &changes {
                apply(rope, change, encoding);
                if stale == Stale::Unreliable {
                    editor.note(&path, rope);
                }
            }
            // Elsewhere a change may be a part of something that is whole at the end of the message only.
            if stale != Stale::Unreliable {
                editor.note(&path, rope);
            }
        })
        .map_err(|error| error.to_string())?;
    if version <= before {
        return Err(format!(
            "`{uri}` went from version {before} to {version}; the change is applied as it came"
        ));
    }
    Ok(())
}

/// Applies one change of a `didChange`.
fn apply(rope: &mut Rope, change: &TextDocumentContentChangeEvent, encoding: Encoding) {
    match change.range {
        Some(range) => {
            let chars = position::to_chars(rope, range, encoding);
            let at = chars.start;
            if !chars.is_empty() {
                rope.remove(chars);
            }
            rope.insert(at, &change.text);
        }
        None => *rope = Rope::from_str(&change.text),
    }
}

fn read<P: DeserializeOwned>(method: &str, params: Value) -> Result<P, String> {
    serde_json::from_value(params).map_err(|error| format!("`{method}` has wrong params: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lsp_types::{Position, Range};

    fn change(start: (u32, u32), end: (u32, u32), text: &str) -> TextDocumentContentChangeEvent {
        let range = Range {
            start: Position::new(start.0, start.1),
            end: Position::new(end.0, end.1),
        };
        TextDocumentContentChangeEvent {
            range: Some(range),
            range_length: None,
            text: text.to_owned(),
        }
    }

    #[test]
    fn changes_apply_one_after_the_other() {
        let mut rope = Rope::from_str("let é = \"😀\";\nx\n");
        for step in [
            change((0, 9), (0, 11), "ü"), // the emoji, in UTF-16
            change((1, 0), (9, 9), "end"),
            change((0, 0), (0, 0), "// "),
        ] {
            apply(&mut rope, &step, Encoding::Utf16);
        }
        assert_eq!(rope.to_string(), "// let é = \"ü\";\nend");
        apply(
            &mut rope,
            &TextDocumentContentChangeEvent {
                range: None,
                range_length: None,
                text: "new".into(),
            },
            Encoding::Utf8,
        );
        assert_eq!(rope.to_string(), "new");
    }
}
