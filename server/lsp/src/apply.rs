//! Edit: a change set as `workspace/applyEdit` carries it. Every open document comes with the version that the edit
//! was made for (L3); untouched lines are not in it.

use lsp_types::{Position, Range, TextEdit};
use ropey::Rope;
use serde_json::{Value, json};
use workspace::{ChangeSet, FileEdit, RelPath};

use crate::features::Feature;
use crate::negotiate::Client;
use crate::position;

/// BOM: editors do not show it, so positions do not count it.
const BOM: char = '\u{feff}';

/// How the client addresses a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// URI as the client writes it.
    pub uri: String,
    /// Version of the open document; `None` where it is not open.
    pub version: Option<i32>,
}

/// Params of `workspace/applyEdit` for a change.
///
/// # Errors
/// Names the file that is not text.
pub fn params(
    change: &ChangeSet,
    label: &str,
    client: &Client,
    address: impl Fn(&RelPath) -> Address,
) -> Result<Value, workspace::Error> {
    let edit = if client.can(Feature::DocumentChanges) {
        json!({ "documentChanges": document_changes(change, client, address)? })
    } else {
        json!({ "changes": changes(change, client, address)? })
    };
    let mut params = json!({ "label": label, "edit": edit });
    if client.can(Feature::EditMetadata) {
        params["metadata"] = json!({ "isRefactoring": true });
    }
    Ok(params)
}

fn document_changes(
    change: &ChangeSet,
    client: &Client,
    address: impl Fn(&RelPath) -> Address,
) -> Result<Vec<Value>, workspace::Error> {
    let mut operations = Vec::new();
    for file in &change.files {
        let Address { uri, version } = address(&file.path);
        if file.after.is_none() {
            if version.is_some() {
                // A deletion carries no version; an edit of nothing does.
                operations.push(
                    json!({ "textDocument": { "uri": uri, "version": version }, "edits": [] }),
                );
            }
            operations.push(json!({ "kind": "delete", "uri": uri }));
            continue;
        }
        if file.base.is_none() && version.is_none() {
            let exclusive = client.can(Feature::CreateExclusive);
            let options = json!({ "overwrite": false, "ignoreIfExists": !exclusive });
            operations.push(json!({ "kind": "create", "uri": uri, "options": options }));
        }
        let edits = text_edits(change, file, client)?;
        if !edits.is_empty() {
            operations.push(
                json!({ "textDocument": { "uri": uri, "version": version }, "edits": edits }),
            );
        }
    }
    Ok(operations)
}

fn changes(
    change: &ChangeSet,
    client: &Client,
    address: impl Fn(&RelPath) -> Address,
) -> Result<Value, workspace::Error> {
    let mut map = serde_json::Map::new();
    for file in &change.files {
        map.insert(
            address(&file.path).uri,
            json!(text_edits(change, file, client)?),
        );
    }
    Ok(Value::Object(map))
}

/// The `TextEdit`s from the base to the new text, in order.
///
/// # Errors
/// Names the file that is not text.
pub fn text_edits(
    change: &ChangeSet,
    file: &FileEdit,
    client: &Client,
) -> Result<Vec<TextEdit>, workspace::Error> {
    let base = match &file.base {
        Some(base) => bare(base.text_of(&file.path)?),
        None => "",
    };
    let edit = |start, end, text: &str| TextEdit {
        range: Range { start, end },
        new_text: match client.can(Feature::TypedEdits) {
            true => text.replace("\r\n", "\n"),
            false => text.to_owned(),
        },
    };
    if base.is_empty() {
        // An insertion at (0,0)-(0,0) leaves a blank line at the end in some editors.
        let text = bare(after_text(file)?);
        return Ok(vec![edit(Position::new(0, 0), Position::new(1, 0), text)]);
    }
    let rope = Rope::from_str(base);
    let place = |line: u32| {
        // Both sides count lines as LSP does; one past the last line is the end.
        let line = (line as usize).min(rope.len_lines());
        position::from_char(&rope, rope.line_to_char(line), client.encoding)
    };
    let edits = change.edits(file).into_iter();
    Ok(edits
        .map(|line| {
            edit(
                place(line.start_line),
                place(line.end_line),
                bare(&line.text),
            )
        })
        .collect())
}

/// Whether a client that types its edits makes the new text of this open document: it puts behind each line what all lines of
/// the document end with, and can type no `\r`.
///
/// # Errors
/// Names the file that is not text.
pub fn is_typable(change: &ChangeSet, file: &FileEdit) -> Result<bool, workspace::Error> {
    let returns = |text: &str| text.matches('\r').count();
    let pairs = |text: &str| text.matches("\r\n").count();
    let base = match &file.base {
        Some(base) => base.text_of(&file.path)?,
        None => "",
    };
    let ends = pairs(base);
    let is_crlf = ends > 0 && ends == returns(base) && ends == base.matches('\n').count();
    after_text(file)?;
    Ok(change.edits(file).iter().all(|line| {
        let returns = returns(&line.text);
        returns == 0 || (is_crlf && returns == pairs(&line.text))
    }))
}

/// The new text.
///
/// # Errors
/// Where it is not text.
pub fn after_text(file: &FileEdit) -> Result<&str, workspace::Error> {
    std::str::from_utf8(file.after.as_deref().unwrap_or_default()).map_err(|_| {
        workspace::Error::Unreadable {
            path: file.path.to_string(),
            why: "its new text is not UTF-8".to_owned(),
        }
    })
}

/// The text as an editor shows it.
pub fn bare(text: &str) -> &str {
    text.strip_prefix(BOM).unwrap_or(text)
}

/// Whether two texts are the same to a person: an editor may normalise line endings, the BOM and the last newline, and shows an
/// empty text as one empty line.
pub fn same(one: &str, other: &str) -> bool {
    one == other || shown(one).eq(shown(other))
}

/// The lines that a person sees.
pub fn shown(text: &str) -> impl Iterator<Item = &str> {
    let text = bare(text);
    let blank = matches!(text, "\n" | "\r\n" | "\r");
    if blank { "" } else { text }.lines()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use workspace::Content;

    fn file(path: &str, base: Option<&str>, after: Option<&str>) -> FileEdit {
        FileEdit {
            path: RelPath::new(path).unwrap(),
            base: base.map(|text| Content::new(text.as_bytes(), Some(7))),
            after: after.map(|text| text.as_bytes().into()),
            mode: None,
        }
    }

    fn sent(files: Vec<FileEdit>, capabilities: Value) -> Value {
        let client = Client::of(&json!({ "capabilities": capabilities }));
        let address = |path: &RelPath| Address {
            uri: format!("file:///{path}"),
            version: Some(7),
        };
        params(&ChangeSet { files }, "label", &client, address).unwrap()
    }

    fn check(base: &str, after: &str, expected: Expect) {
        let edit = json!({ "applyEdit": true, "workspaceEdit": { "documentChanges": true } });
        let sent = sent(
            vec![file("a", Some(base), Some(after))],
            json!({ "workspace": edit }),
        );
        let edits = sent["edit"]["documentChanges"][0]["edits"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let shown: Vec<String> = edits
            .iter()
            .map(|edit| {
                let place = |end: &str| {
                    format!(
                        "{}:{}",
                        edit["range"][end]["line"], edit["range"][end]["character"]
                    )
                };
                format!("{}-{} {}", place("start"), place("end"), edit["newText"])
            })
            .collect();
        expected.assert_eq(&shown.join("\n"));
    }

    #[test]
    fn w3_untouched_lines_are_not_in_the_edit() {
        check(
            "a\nb\nc\nd\n",
            "a\nB\nc\nd\ne\n",
            expect![[r#"
            1:0-2:0 "B\n"
            4:0-4:0 "e\n""#]],
        );
        check("a\r\nb\r\n", "a\r\nB\r\n", expect![[r#"1:0-2:0 "B\r\n""#]]);
        check(
            "\u{feff}a\nb\n",
            "\u{feff}A\nb\n",
            expect![[r#"0:0-1:0 "A\n""#]],
        );
        check("a\nb", "a\nb\nc", expect![[r#"1:0-1:1 "b\nc""#]]);
        check("a\n😀b", "a\n", expect![[r#"1:0-1:3 """#]]);
        check("", "a\n", expect![[r#"0:0-1:0 "a\n""#]]);
        check("a\x0cb\nc\n", "a\x0cb\nC\n", expect![[r#"1:0-2:0 "C\n""#]]);
    }

    #[test]
    fn a_client_without_versions_gets_changes_by_uri() {
        let sent = sent(
            vec![file("a", Some("a\n"), Some("b\n"))],
            json!({ "workspace": { "applyEdit": true } }),
        );
        expect![[r#"{"edit":{"changes":{"file:///a":[{"newText":"b\n","range":{"end":{"character":0,"line":1},"start":{"character":0,"line":0}}}]}},"label":"label"}"#]].assert_eq(&sent.to_string());
    }

    #[test]
    fn metadata_goes_only_to_who_announced_it() {
        let edit = json!({ "documentChanges": true, "metadataSupport": true });
        let sent = sent(
            vec![file("a", None, Some("b\n")), file("b", Some("x"), None)],
            json!({ "workspace": { "workspaceEdit": edit } }),
        );
        expect![[r#"{"edit":{"documentChanges":[{"edits":[{"newText":"b\n","range":{"end":{"character":0,"line":1},"start":{"character":0,"line":0}}}],"textDocument":{"uri":"file:///a","version":7}},{"edits":[],"textDocument":{"uri":"file:///b","version":7}},{"kind":"delete","uri":"file:///b"}]},"label":"label","metadata":{"isRefactoring":true}}"#]].assert_eq(&sent.to_string());
    }

    #[test]
    fn texts_that_an_editor_would_not_tell_apart_are_the_same() {
        for (one, other, expected) in [
            ("a\nb\n", "a\r\nb", true),
            ("\u{feff}a", "a\n", true),
            ("a", "b", false),
            ("a\n\n", "a\n", false),
            ("a ", "a", false),
            ("", "\n", true),
            ("", "\n\n", false),
        ] {
            assert_eq!(same(one, other), expected, "{one:?} {other:?}");
        }
    }
}
