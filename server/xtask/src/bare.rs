//! Bare: a language server that does nothing but keep documents in ropes: what a server must cost at least. Measured
//! beside ours, so that the figures are ratios of one run on one machine.

use crate::client::{read_message, write_message};
use anyhow::{Context, Result};
use ropey::Rope;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufReader, stdin, stdout};

pub fn serve() -> Result<()> {
    let mut input = BufReader::new(stdin().lock());
    let mut output = stdout().lock();
    let mut documents: HashMap<String, Rope> = HashMap::new();
    while let Some(message) = read_message(&mut input)? {
        let params = &message["params"];
        let uri = || params["textDocument"]["uri"].as_str().unwrap_or_default();
        let answer = match message["method"].as_str().unwrap_or_default() {
            "initialize" => {
                json!({ "capabilities": { "textDocumentSync": 2, "codeActionProvider": true } })
            }
            "textDocument/didOpen" => {
                let text = params["textDocument"]["text"].as_str().unwrap_or_default();
                documents.insert(uri().to_owned(), Rope::from_str(text));
                continue;
            }
            "textDocument/didChange" => {
                let rope = documents
                    .get_mut(uri())
                    .context("a change of a document that is not open")?;
                for change in params["contentChanges"].as_array().into_iter().flatten() {
                    apply(rope, change).context("a change without a range")?;
                }
                continue;
            }
            "textDocument/codeAction" => {
                json!([{ "title": "Nothing", "kind": "refactor.rewrite" }])
            }
            "exit" => return Ok(()),
            _ if message["id"].is_null() => continue,
            _ => Value::Null,
        };
        write_message(
            &mut output,
            &json!({ "jsonrpc": "2.0", "id": message["id"], "result": answer }),
        )?;
    }
    Ok(())
}

fn apply(rope: &mut Rope, change: &Value) -> Option<()> {
    let position = |end: &Value| {
        let line = usize::try_from(end["line"].as_u64()?).ok()?;
        let unit = usize::try_from(end["character"].as_u64()?).ok()?;
        let start = rope.line_to_char(line);
        Some(rope.utf16_cu_to_char(rope.char_to_utf16_cu(start) + unit))
    };
    let (start, end) = (
        position(&change["range"]["start"])?,
        position(&change["range"]["end"])?,
    );
    rope.remove(start..end);
    rope.insert(start, change["text"].as_str()?);
    Some(())
}
