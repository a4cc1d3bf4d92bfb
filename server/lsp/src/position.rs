//! Position: a place in a document as the client counts it. Any position maps to a place: past the end of a line
//! means its end, past the last line means the end of the text, inside a character means before it.

use lsp_types::{Position, PositionEncodingKind, Range};
use ropey::Rope;

/// What `character` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// Bytes of UTF-8.
    Utf8,
    /// Code units of UTF-16: what LSP means where nothing is said.
    #[default]
    Utf16,
    /// Unicode scalar values.
    Utf32,
}

impl Encoding {
    /// The encoding of a word of `positionEncodings`, if it is one.
    pub fn parse(word: &str) -> Option<Encoding> {
        match word {
            "utf-8" => Some(Encoding::Utf8),
            "utf-16" => Some(Encoding::Utf16),
            "utf-32" => Some(Encoding::Utf32),
            _ => None,
        }
    }

    /// The word on the wire.
    pub fn kind(self) -> PositionEncodingKind {
        match self {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
            Encoding::Utf32 => PositionEncodingKind::UTF32,
        }
    }
}

/// Index of the character at a position, from 0 to `rope.len_chars()`.
pub fn to_char(rope: &Rope, position: Position, encoding: Encoding) -> usize {
    let line = position.line as usize;
    if line >= rope.len_lines() {
        return rope.len_chars();
    }
    let start = rope.line_to_char(line);
    let text = rope.line(line);
    let length = text.len_chars() - ending(text);
    let wanted = position.character as usize;
    let offset = match encoding {
        Encoding::Utf8 if wanted < text.len_bytes() => text.byte_to_char(wanted),
        Encoding::Utf16 if wanted < text.len_utf16_cu() => text.utf16_cu_to_char(wanted),
        Encoding::Utf32 => wanted,
        Encoding::Utf8 | Encoding::Utf16 => length,
    };
    start + offset.min(length)
}

/// The characters of a range, in order even where the client turned it round.
pub fn to_chars(rope: &Rope, range: Range, encoding: Encoding) -> std::ops::Range<usize> {
    let start = to_char(rope, range.start, encoding);
    let end = to_char(rope, range.end, encoding);
    start.min(end)..start.max(end)
}

/// The position of a character; past the end means the end.
pub fn from_char(rope: &Rope, index: usize, encoding: Encoding) -> Position {
    let index = index.min(rope.len_chars());
    let line = rope.char_to_line(index);
    let start = rope.line_to_char(line);
    let character = match encoding {
        Encoding::Utf8 => rope.char_to_byte(index) - rope.char_to_byte(start),
        Encoding::Utf16 => rope.char_to_utf16_cu(index) - rope.char_to_utf16_cu(start),
        Encoding::Utf32 => index - start,
    };
    Position {
        line: clip(line),
        character: clip(character),
    }
}

/// What a line's text counts.
pub fn width(text: &str, encoding: Encoding) -> u32 {
    clip(match encoding {
        Encoding::Utf8 => text.len(),
        Encoding::Utf16 => text.encode_utf16().count(),
        Encoding::Utf32 => text.chars().count(),
    })
}

/// First and last line of a range, from 1; a range that ends at the start of a line does not reach into that line.
pub fn lines(range: Range) -> (u32, u32) {
    let (start, end) = (range.start.min(range.end), range.start.max(range.end));
    let reaches = if end.character == 0 && end.line > start.line {
        end.line - 1
    } else {
        end.line
    };
    (start.line.saturating_add(1), reaches.saturating_add(1))
}

/// Characters of the line's ending.
fn ending(line: ropey::RopeSlice<'_>) -> usize {
    let length = line.len_chars();
    match length.checked_sub(1).map(|last| line.char(last)) {
        Some('\n') if length > 1 && line.char(length - 2) == '\r' => 2,
        Some('\n' | '\r') => 1,
        _ => 0,
    }
}

fn clip(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    #[test]
    fn every_position_maps_to_a_place() {
        // Text: line 0 has a 2-byte, a 4-byte (surrogate pair) and a plain character; line 1 ends in CRLF; line 2 has no ending.
        let rope = Rope::from_str("é😀x\nab\r\nz");
        let cases = [
            (Encoding::Utf8, at(0, 0), 0),
            (Encoding::Utf8, at(0, 1), 0), // inside é
            (Encoding::Utf8, at(0, 2), 1),
            (Encoding::Utf8, at(0, 4), 1), // inside the emoji
            (Encoding::Utf8, at(0, 6), 2),
            (Encoding::Utf8, at(0, 7), 3),
            (Encoding::Utf8, at(0, 99), 3), // never into the line ending
            (Encoding::Utf16, at(0, 1), 1),
            (Encoding::Utf16, at(0, 2), 1), // inside the surrogate pair
            (Encoding::Utf16, at(0, 3), 2),
            (Encoding::Utf16, at(0, 4), 3),
            (Encoding::Utf16, at(0, 5), 3),
            (Encoding::Utf32, at(0, 2), 2),
            (Encoding::Utf32, at(0, u32::MAX), 3),
            (Encoding::Utf16, at(1, 2), 6),
            (Encoding::Utf16, at(1, 3), 6), // between CR and LF
            (Encoding::Utf16, at(2, 1), 9),
            (Encoding::Utf16, at(2, 7), 9),
            (Encoding::Utf16, at(3, 0), 9),
            (Encoding::Utf32, at(u32::MAX, u32::MAX), 9),
        ];
        for (encoding, position, expected) in cases {
            assert_eq!(
                to_char(&rope, position, encoding),
                expected,
                "{encoding:?} {position:?}"
            );
        }
    }

    #[test]
    fn every_character_comes_back() {
        let rope = Rope::from_str("é😀x\nab\r\n\u{c}z\n");
        for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32] {
            for index in (0..=rope.len_chars()).filter(|index| *index != 7) {
                let position = from_char(&rope, index, encoding);
                assert_eq!(
                    to_char(&rope, position, encoding),
                    index,
                    "{encoding:?} {position:?}"
                );
            }
        }
    }

    #[test]
    fn only_the_line_endings_of_lsp_end_lines() {
        let rope = Rope::from_str("a\u{b}b\u{c}c\u{85}d\u{2028}e\nf");
        assert_eq!(
            from_char(&rope, rope.len_chars(), Encoding::Utf16),
            at(1, 1)
        );
    }

    #[test]
    fn a_range_turned_round_is_in_order() {
        let rope = Rope::from_str("abc");
        let range = Range {
            start: at(0, 2),
            end: at(0, 1),
        };
        assert_eq!(to_chars(&rope, range, Encoding::Utf16), 1..2);
    }

    #[test]
    fn a_range_that_ends_at_the_start_of_a_line_does_not_reach_into_it() {
        assert_eq!(
            lines(Range {
                start: at(1, 0),
                end: at(3, 0)
            }),
            (2, 3)
        );
        assert_eq!(
            lines(Range {
                start: at(1, 0),
                end: at(3, 1)
            }),
            (2, 4)
        );
        assert_eq!(
            lines(Range {
                start: at(3, 0),
                end: at(1, 2)
            }),
            (2, 3)
        );
        assert_eq!(
            lines(Range {
                start: at(u32::MAX, 0),
                end: at(u32::MAX, 0)
            }),
            (u32::MAX, u32::MAX)
        );
    }
}
