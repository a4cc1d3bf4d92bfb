//! Buffer: the text of an open document, changed by ranges as an editor changes it.

use serde_json::Value;

/// What `character` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Encoding {
    Utf8,
    #[default]
    Utf16,
    Utf32,
}

impl Encoding {
    pub(super) fn parse(word: &str) -> Encoding {
        match word {
            "utf-8" => Encoding::Utf8,
            "utf-32" => Encoding::Utf32,
            _ => Encoding::Utf16,
        }
    }

    fn length(self, character: char) -> usize {
        match self {
            Encoding::Utf8 => character.len_utf8(),
            Encoding::Utf16 => character.len_utf16(),
            Encoding::Utf32 => 1,
        }
    }
}

/// An open document.
#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) text: String,
    pub(super) version: i64,
}

impl Buffer {
    /// Applies one `TextEdit`.
    pub(super) fn apply(&mut self, edit: &Value, encoding: Encoding) {
        let start = self.offset(&edit["range"]["start"], encoding);
        let end = self.offset(&edit["range"]["end"], encoding);
        self.text
            .replace_range(start..end, edit["newText"].as_str().unwrap_or_default());
    }

    /// Byte offset of a position; past the end means the end.
    fn offset(&self, position: &Value, encoding: Encoding) -> usize {
        let number =
            |key: &str| usize::try_from(position[key].as_u64().unwrap_or(0)).unwrap_or(usize::MAX);
        let mut lines = self.text.split_inclusive('\n');
        let mut start = 0;
        for _ in 0..number("line") {
            match lines.next() {
                Some(line) => start += line.len(),
                None => return self.text.len(),
            }
        }
        let line = lines
            .next()
            .unwrap_or_default()
            .trim_end_matches(['\r', '\n']);
        let mut left = number("character");
        for (at, character) in line.char_indices() {
            if left < encoding.length(character) {
                return start + at;
            }
            left -= encoding.length(character);
        }
        start + line.len()
    }
}
