//! Edits: what the client does to its buffers, by itself or because the server asks, and what it sends back for it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::buffer::Buffer;
use super::{Applies, State, wire};

impl State {
    pub(super) fn open(&mut self, uri: &str, text: &str) -> Vec<u8> {
        self.buffers.insert(
            uri.to_owned(),
            Buffer {
                text: text.to_owned(),
                version: 1,
            },
        );
        let document = json!({ "uri": uri, "languageId": "rust", "version": 1, "text": text });
        let params = json!({ "textDocument": document });
        wire::frame(
            &json!({ "jsonrpc": "2.0", "method": "textDocument/didOpen", "params": params }),
        )
    }

    /// Applies edits to a buffer; returns the `didChange`. The edits are of one version: the last one goes first.
    pub(super) fn change(&mut self, uri: &str, edits: &[Value]) -> Vec<u8> {
        let encoding = self.encoding;
        let buffer = self.buffers.get_mut(uri).expect("an open buffer");
        buffer.version += 1;
        let mut changes = Vec::new();
        for edit in edits.iter().rev() {
            if self.applies == Applies::Types {
                let count = |end: &str| buffer.text.matches(end).count();
                let is_crlf = count("\n") > 0 && count("\n") == count("\r\n");
                let end = if is_crlf { "\r\n" } else { "\n" };
                let text = edit["newText"].as_str().unwrap_or_default();
                let typed = text.replace('\r', "\n").replace('\n', end);
                buffer.apply(
                    &json!({ "range": edit["range"], "newText": typed }),
                    encoding,
                );
                changes = vec![json!({ "text": buffer.text })];
                continue;
            }
            buffer.apply(edit, encoding);
            if self.applies == Applies::InParts {
                let start = &edit["range"]["start"];
                changes.push(json!({ "range": edit["range"], "text": "" }));
                let there = json!({ "start": start, "end": start });
                changes.push(json!({ "range": there, "text": edit["newText"] }));
                continue;
            }
            changes.push(json!({ "range": edit["range"], "text": edit["newText"] }));
        }
        let document = json!({ "uri": uri, "version": buffer.version });
        let params = json!({ "textDocument": document, "contentChanges": changes });
        wire::frame(
            &json!({ "jsonrpc": "2.0", "method": "textDocument/didChange", "params": params }),
        )
    }

    /// Meets a `workspace/applyEdit` as the script says.
    pub(super) fn apply(&mut self, id: &Value, params: &Value) -> Vec<Vec<u8>> {
        let answer = |applied: bool| wire::answer(id, json!({ "applied": applied }));
        let typed = self.typing.pop_front().unwrap_or_default();
        if self.applies == Applies::Neovim {
            return self.apply_as_neovim(id, params, &typed);
        }
        let mut out = Vec::new();
        for (uri, edit) in typed {
            out.push(self.change(&uri, &[edit]));
        }
        match self.applies {
            Applies::Lies => return vec![answer(true)],
            Applies::Refuses => {
                return vec![wire::answer(
                    id,
                    json!({ "applied": false, "failureReason": "not today" }),
                )];
            }
            Applies::Errs => {
                let error = json!({ "code": -32603, "message": "cannot" });
                return vec![wire::frame(
                    &json!({ "jsonrpc": "2.0", "id": id, "error": error }),
                )];
            }
            Applies::Sulks => return Vec::new(),
            Applies::TypesFirst => {
                self.applies = Applies::Well;
                let last = self
                    .buffers
                    .keys()
                    .next_back()
                    .cloned()
                    .expect("an open buffer");
                let end = json!({ "line": u32::MAX, "character": 0 });
                let edit =
                    json!({ "range": { "start": end, "end": end }, "newText": "// typed\n" });
                out.push(self.change(&last, &[edit]));
            }
            Applies::Well
            | Applies::AnswersFirst
            | Applies::Halfway
            | Applies::Reformats
            | Applies::InParts
            | Applies::Types
            | Applies::Neovim => {}
        }
        let operations = operations(&params["edit"]);
        if operations.iter().any(|operation| self.is_stale(operation)) {
            out.push(wire::answer(
                id,
                json!({ "applied": false, "failureReason": "a document changed" }),
            ));
            return out;
        }
        let count = match self.applies {
            Applies::Halfway => operations.len() - 1,
            _ => operations.len(),
        };
        for operation in &operations[..count] {
            out.extend(self.operate(operation));
        }
        if self.applies == Applies::Reformats {
            let last = self
                .buffers
                .keys()
                .next_back()
                .cloned()
                .expect("an open buffer");
            let start = json!({ "line": 0, "character": 0 });
            let edit = json!({ "range": { "start": start, "end": start }, "newText": "well, " });
            out.push(self.change(&last, &[edit]));
        }
        match self.applies {
            Applies::AnswersFirst => out.insert(0, answer(true)),
            _ => out.push(answer(true)),
        }
        out
    }

    /// Applies an edit that came with an answer; `None` where it is for another version.
    pub(super) fn edit(&mut self, edit: &Value) -> Option<Vec<Vec<u8>>> {
        let operations = operations(edit);
        if operations.iter().any(|operation| self.is_stale(operation)) {
            return None;
        }
        let messages = operations
            .iter()
            .flat_map(|operation| self.operate(operation));
        Some(messages.collect())
    }

    /// Changes are held back and come behind the answer, one notification a document.
    fn apply_as_neovim(
        &mut self,
        id: &Value,
        params: &Value,
        typed: &[(String, Value)],
    ) -> Vec<Vec<u8>> {
        let encoding = self.encoding;
        let mut held: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut type_one = |state: &mut State, uri: &str, edit: &Value| {
            let buffer = state.buffers.get_mut(uri).expect("an open buffer");
            buffer.version += 1;
            buffer.apply(edit, encoding);
            let change = json!({ "range": edit["range"], "text": edit["newText"] });
            held.entry(uri.to_owned()).or_default().push(change);
        };
        for (uri, edit) in typed {
            type_one(self, uri, edit);
        }
        let (mut before, mut behind) = (Vec::new(), Vec::new());
        for (index, operation) in operations(&params["edit"]).iter().enumerate() {
            let uri = operation["textDocument"]["uri"]
                .as_str()
                .unwrap_or_default();
            if operation["kind"].is_string() || !self.buffers.contains_key(uri) {
                before.extend(self.operate(operation));
            } else if index > 0 || !self.is_stale(operation) {
                let edits = operation["edits"].as_array().cloned().unwrap_or_default();
                for edit in edits.iter().rev() {
                    type_one(self, uri, edit);
                }
            }
        }
        for (uri, changes) in held {
            let document = json!({ "uri": uri, "version": self.buffers[&uri].version });
            let params = json!({ "textDocument": document, "contentChanges": changes });
            behind.push(wire::frame(
                &json!({ "jsonrpc": "2.0", "method": "textDocument/didChange", "params": params }),
            ));
        }
        before.push(wire::answer(id, json!({ "applied": true })));
        before.extend(behind);
        before
    }

    fn is_stale(&self, operation: &Value) -> bool {
        let version = operation
            .pointer("/textDocument/version")
            .and_then(Value::as_i64);
        let uri = operation
            .pointer("/textDocument/uri")
            .and_then(Value::as_str)
            .unwrap_or_default();
        version.is_some_and(|version| {
            self.buffers.get(uri).map(|buffer| buffer.version) != Some(version)
        })
    }

    fn operate(&mut self, operation: &Value) -> Vec<Vec<u8>> {
        let path = |uri: &str| PathBuf::from(uri.trim_start_matches("file://"));
        if let Some(kind) = operation["kind"].as_str() {
            let uri = operation["uri"].as_str().expect("a uri");
            match kind {
                "create" => std::fs::write(path(uri), "").expect("a new file"),
                "delete" => std::fs::remove_file(path(uri)).expect("a file"),
                other => panic!("operation {other}"),
            }
            let closed = (kind == "delete")
                .then(|| self.buffers.remove(uri))
                .flatten();
            let params = json!({ "textDocument": { "uri": uri } });
            let close =
                json!({ "jsonrpc": "2.0", "method": "textDocument/didClose", "params": params });
            return closed.map(|_| wire::frame(&close)).into_iter().collect();
        }
        let uri = operation["textDocument"]["uri"]
            .as_str()
            .expect("a uri")
            .to_owned();
        let mut out = Vec::new();
        if !self.buffers.contains_key(&uri) {
            let text = std::fs::read_to_string(path(&uri)).expect("the file of an edit");
            out.push(self.open(&uri, &text));
        }
        let edits = operation["edits"].as_array().cloned().unwrap_or_default();
        out.push(self.change(&uri, &edits));
        out
    }
}

/// The operations of a workspace edit in either form.
fn operations(edit: &Value) -> Vec<Value> {
    if let Some(operations) = edit["documentChanges"].as_array() {
        return operations.clone();
    }
    let changes = edit["changes"].as_object().cloned().unwrap_or_default();
    let operation = |(uri, edits): (String, Value)| json!({ "textDocument": { "uri": uri, "version": null }, "edits": edits });
    changes.into_iter().map(operation).collect()
}
