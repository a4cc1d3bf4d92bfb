//! Navigate: places in questions and answers about names. Inside, a line counts from 1 and a column in bytes of UTF-8; an
//! editor's position counts lines from 0 and columns in the encoding that was agreed on, UTF-16 where nothing was. They are
//! turned into each other here, by the text as the editor has it. Inside, only `\n` ends a line and the mark (BOM) of a file on disk
//! is a part of it; an editor ends lines at a lone `\r` too and does not count the mark.

use std::collections::HashMap;
use std::sync::Arc;

use lsp_types::{Position, Range};
use protocol::Failure;
use ropey::Rope;
use serde_json::{Map, Value, json};
use workspace::RelPath;

use crate::editor::Editor;
use crate::position::{self, Encoding};
use crate::verbs::{path, wrong};

/// The mark at the start of a file.
const BOM: &str = "\u{feff}";

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
        let (line, column) = text.bytes_of(at, editor.client().encoding);
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
fn add_places(editor: &Editor, texts: &mut HashMap<String, Text>, answer: &mut Value) {
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

fn add_place(editor: &Editor, texts: &mut HashMap<String, Text>, it: &mut Map<String, Value>) {
    let number = |it: &Map<String, Value>, key: &str| {
        let number = it.get(key).and_then(Value::as_u64);
        number.and_then(|number| u32::try_from(number).ok())
    };
    let Some(path) = it.get("path").and_then(Value::as_str) else {
        return;
    };
    let Ok(path) = RelPath::new(path) else { return };
    if number(it, "line").or(number(it, "start")).is_none() {
        return;
    }
    let text = texts
        .entry(path.as_str().to_owned())
        .or_insert_with(|| text(editor, &path).unwrap_or_default());
    let encoding = editor.client().encoding;
    let range = match (number(it, "line"), number(it, "start")) {
        (Some(line), _) => {
            let at = |key| text.position_of(line, number(it, key).unwrap_or(0), encoding);
            Range {
                start: at("column"),
                end: at("end_column"),
            }
        }
        (None, start) => {
            let start = start.unwrap_or(1);
            let end = number(it, "end").unwrap_or(start);
            Range {
                start: text.line_start(start),
                end: text.line_start(end.saturating_add(1)),
            }
        }
    };
    it.insert("uri".to_owned(), json!(editor.addresses().uri(&path)));
    it.insert("range".to_owned(), json!(range));
}

/// The text of a file as the person sees it; none of what may hold secrets.
pub(crate) fn text(editor: &Editor, path: &RelPath) -> Option<Text> {
    if let Some(document) = editor.documents().get(path) {
        // What the client says is in a document is what it counts, a mark too.
        return Some(Text::of(document.rope.clone(), ""));
    }
    on_disk(editor, path)
}

/// The text of a file as it is where no editor has it open; none of what may hold secrets.
pub(crate) fn on_disk(editor: &Editor, path: &RelPath) -> Option<Text> {
    if workspace::is_secret(path) {
        return None;
    }
    let content = editor.read_disk(path)?;
    let (text, _) = content.decoded_of(path).ok()?;
    Some(match text.strip_prefix(BOM) {
        Some(text) => Text::of(Rope::from_str(text), BOM),
        None => Text::of(Rope::from_str(&text), ""),
    })
}

/// A text as an editor counts in it, and what stands before it in the file.
#[derive(Default)]
pub(crate) struct Text {
    /// Without the mark.
    pub rope: Rope,
    /// The mark, or nothing.
    pub mark: &'static str,
    /// Where lines that end with `\n` begin, in bytes of the rope.
    starts: Vec<usize>,
}

impl Text {
    fn of(rope: Rope, mark: &'static str) -> Text {
        let mut starts = vec![0];
        let mut read = 0;
        for chunk in rope.chunks() {
            let ends = chunk.bytes().enumerate().filter(|(_, it)| *it == b'\n');
            starts.extend(ends.map(|(at, _)| read + at + 1));
            read += chunk.len();
        }
        Text { rope, mark, starts }
    }

    /// Line from 1 and column in bytes of a position; a position outside the text means its nearest place.
    pub(crate) fn bytes_of(&self, at: Position, encoding: Encoding) -> (usize, usize) {
        let byte = (self.rope).char_to_byte(position::to_char(&self.rope, at, encoding));
        let line = self.starts.partition_point(|start| *start <= byte).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let mark = if line == 1 { self.mark.len() } else { 0 };
        (line, byte - start + mark)
    }

    /// The position of a line from 1 and a column in bytes.
    pub(crate) fn position_of(&self, line: u32, column: u32, encoding: Encoding) -> Position {
        let line = line.saturating_sub(1) as usize;
        let mark = if line == 0 { self.mark.len() } else { 0 };
        let column = (column as usize).saturating_sub(mark);
        let all = self.rope.len_bytes();
        let start = self.starts.get(line).copied().unwrap_or(all);
        // Past the end of a line means its end.
        let end = match self.starts.get(line + 1) {
            Some(next) => {
                let end = next - 1;
                let is_pair = end > start && self.rope.byte(end - 1) == b'\r';
                end - usize::from(is_pair)
            }
            None => all,
        };
        let byte = start.saturating_add(column).min(end);
        position::from_char(&self.rope, self.rope.byte_to_char(byte), encoding)
    }

    /// Where a line from 1 begins; lines past the end are counted on.
    fn line_start(&self, line: u32) -> Position {
        let line = line.saturating_sub(1);
        let at = match self.starts.get(line as usize) {
            Some(byte) => u32::try_from(self.rope.byte_to_line(*byte)).unwrap_or(u32::MAX),
            None => line,
        };
        Position {
            line: at,
            character: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_back() {
        let text = Text::of(Rope::from_str("a\n/* 😀ß */ sum(x)\n"), "");
        for (encoding, character) in [
            (Encoding::Utf8, 13),
            (Encoding::Utf16, 10),
            (Encoding::Utf32, 9),
        ] {
            let at = Position { line: 1, character };
            assert_eq!(text.bytes_of(at, encoding), (2, 13), "{encoding:?}");
            assert_eq!(text.position_of(2, 13, encoding), at, "{encoding:?}");
        }
        let far = Position {
            line: 9,
            character: 9,
        };
        assert_eq!(text.bytes_of(far, Encoding::Utf16), (3, 0));
    }

    #[test]
    fn a_mark_is_counted_inside_and_not_by_the_editor() {
        let text = Text::of(Rope::from_str("sum(x)\r\nsum\r\n"), BOM);
        let at = |line, character| Position { line, character };
        assert_eq!(text.bytes_of(at(0, 4), Encoding::Utf16), (1, 7));
        assert_eq!(text.position_of(1, 7, Encoding::Utf16), at(0, 4));
        assert_eq!(text.position_of(1, 0, Encoding::Utf16), at(0, 0));
        assert_eq!(text.position_of(1, 99, Encoding::Utf16), at(0, 6));
        assert_eq!(text.bytes_of(at(1, 3), Encoding::Utf16), (2, 3));
        assert_eq!(text.position_of(2, 3, Encoding::Utf16), at(1, 3));
    }

    #[test]
    fn a_lone_return_ends_a_line_of_the_editor_only() {
        let text = Text::of(Rope::from_str("// one\rlet x;\nsum(x)\n"), "");
        let at = |line, character| Position { line, character };
        assert_eq!(text.position_of(2, 4, Encoding::Utf16), at(2, 4));
        assert_eq!(text.bytes_of(at(2, 4), Encoding::Utf16), (2, 4));
        assert_eq!(text.position_of(1, 11, Encoding::Utf16), at(1, 4));
        assert_eq!(text.bytes_of(at(1, 4), Encoding::Utf16), (1, 11));
        assert_eq!(text.line_start(2), at(2, 0));
        assert_eq!(text.line_start(9), at(8, 0));
    }
}
