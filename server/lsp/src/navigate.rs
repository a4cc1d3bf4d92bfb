//! Navigate: places in questions and answers about names. Inside, a line counts from 1 and a column in bytes of UTF-8; an
//! editor's position counts lines from 0 and columns in the encoding that was agreed on, UTF-16 where nothing was. They are
//! turned into each other here, by the text as the editor has it.

use std::collections::HashMap;
use std::sync::Arc;

use lsp_types::{Position, Range};
use protocol::Failure;
use ropey::Rope;
use serde_json::{Map, Value, json};
use workspace::{Host, RelPath};

use crate::editor::Editor;
use crate::position::{self, Encoding};
use crate::verbs::{path, wrong};

/// Whether a verb is a question about names.
pub fn is_one(verb: &str) -> bool {
    matches!(
        verb,
        "symbol" | "definition" | "references" | "neighbours" | "outline"
    )
}

/// Puts `uri` and `position` of a question into the agent's words.
///
/// # Errors
/// Names the param that is wrong.
pub fn asked(editor: &Editor, params: &mut Map<String, Value>) -> Result<(), Failure> {
    let (uri, at) = (params.remove("uri"), params.remove("position"));
    let Some(uri) = uri else {
        return match at {
            None => Ok(()),
            Some(_) => Err(wrong("`position` needs a `uri`".to_owned())),
        };
    };
    let path = path(editor, &uri)?;
    params.insert("path".to_owned(), json!(path.as_str()));
    if let Some(at) = at {
        let at: Position =
            serde_json::from_value(at).map_err(|error| wrong(format!("`position`: {error}")))?;
        let text = text(editor, &path).unwrap_or_default();
        let (line, column) = to_bytes(&text, at, editor.client().encoding);
        params.insert("line".to_owned(), json!(line));
        params.insert("column".to_owned(), json!(column));
    }
    Ok(())
}

/// Adds `uri` and `range` to every place in an answer that names its path, away from the runtime's threads.
pub async fn answered(editor: Arc<Editor>, answer: Value) -> Value {
    let kept = answer.clone();
    let place = tokio::task::spawn_blocking(move || {
        let mut answer = answer;
        let mut texts = HashMap::new();
        add_places(&editor, &mut texts, &mut answer);
        answer
    });
    place.await.unwrap_or(kept)
}

/// Every answer is flat: an object with places, or lists of them.
fn add_places(editor: &Editor, texts: &mut HashMap<String, Rope>, answer: &mut Value) {
    let Value::Object(answer) = answer else {
        return;
    };
    for value in answer.values_mut() {
        match value {
            Value::Array(list) => list
                .iter_mut()
                .filter_map(Value::as_object_mut)
                .for_each(|it| add_place(editor, texts, it)),
            Value::Object(one) => add_place(editor, texts, one),
            _ => {}
        }
    }
}

fn add_place(editor: &Editor, texts: &mut HashMap<String, Rope>, it: &mut Map<String, Value>) {
    let number = |it: &Map<String, Value>, key: &str| {
        let number = it.get(key).and_then(Value::as_u64);
        number.and_then(|number| u32::try_from(number).ok())
    };
    let Some(path) = it.get("path").and_then(Value::as_str) else {
        return;
    };
    let Ok(path) = RelPath::new(path) else { return };
    let range = match (number(it, "line"), number(it, "start")) {
        (Some(line), _) => {
            let rope = texts
                .entry(path.as_str().to_owned())
                .or_insert_with(|| text(editor, &path).unwrap_or_default());
            let encoding = editor.client().encoding;
            let at = |key| from_bytes(rope, line, number(it, key).unwrap_or(0), encoding);
            Range {
                start: at("column"),
                end: at("end_column"),
            }
        }
        (None, Some(start)) => Range {
            start: Position {
                line: start.saturating_sub(1),
                character: 0,
            },
            end: Position {
                line: number(it, "end").unwrap_or(start),
                character: 0,
            },
        },
        (None, None) => return,
    };
    it.insert("uri".to_owned(), json!(editor.addresses().uri(&path)));
    it.insert("range".to_owned(), json!(range));
}

/// The text of a file as the person sees it; none of what may hold secrets.
pub(crate) fn text(editor: &Editor, path: &RelPath) -> Option<Rope> {
    if let Some(document) = editor.documents().get(path) {
        return Some(document.rope.clone());
    }
    if workspace::is_secret(path) {
        return None;
    }
    let content = editor.read(path).ok()??;
    let (text, _) = content.decoded_of(path).ok()?;
    Some(Rope::from_str(&text))
}

/// Line from 1 and column in bytes of a position; a position outside the text means its nearest place.
pub(crate) fn to_bytes(rope: &Rope, at: Position, encoding: Encoding) -> (usize, usize) {
    let index = position::to_char(rope, at, encoding);
    let line = rope.char_to_line(index);
    let column = rope.char_to_byte(index) - rope.line_to_byte(line);
    (line + 1, column)
}

/// The position of a line from 1 and a column in bytes.
pub(crate) fn from_bytes(rope: &Rope, line: u32, column: u32, encoding: Encoding) -> Position {
    let line = line.saturating_sub(1);
    let at = Position {
        line,
        character: column,
    };
    let index = position::to_char(rope, at, Encoding::Utf8);
    position::from_char(rope, index, encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_back() {
        let rope = Rope::from_str("a\n/* 😀ß */ sum(x)\n");
        for (encoding, character) in [
            (Encoding::Utf8, 13),
            (Encoding::Utf16, 10),
            (Encoding::Utf32, 9),
        ] {
            let at = Position { line: 1, character };
            assert_eq!(to_bytes(&rope, at, encoding), (2, 13), "{encoding:?}");
            assert_eq!(from_bytes(&rope, 2, 13, encoding), at, "{encoding:?}");
        }
        assert_eq!(
            to_bytes(
                &rope,
                Position {
                    line: 9,
                    character: 9
                },
                Encoding::Utf16
            ),
            (3, 0)
        );
    }
}
