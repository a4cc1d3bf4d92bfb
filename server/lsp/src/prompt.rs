//! Prompt document: a document `NAME.animus.md` in which a person writes what they want. Lines of `---` part one request from the
//! next. It need not be saved: what is read is the text in the editor.

use lsp_types::Range;
use ropey::Rope;

use crate::position;

/// How its name ends.
const NAME: &str = ".animus.md";

/// Most lines of one request.
const LINES: usize = 400;

/// Whether a document, as the client writes it, is one.
pub fn is_one(uri: &str) -> bool {
    uri.ends_with(NAME)
}

/// What is asked at a selection or a cursor: the selected lines, or the request around the cursor.
pub fn request(rope: &Rope, range: Range) -> Option<String> {
    let (first, last) = position::lines(range);
    let (first, last) = (first as usize - 1, last as usize);
    let count = rope.len_lines();
    if first >= count {
        return None;
    }
    let (start, end) = match range.start == range.end {
        false => (first, last.min(count)),
        true if parts(rope, first) => return None,
        true => {
            let inside = |line: &usize| !parts(rope, *line);
            let above = (0..first).rev().take(LINES).take_while(inside);
            let below = (first + 1..count).take(LINES).take_while(inside);
            (
                above.last().unwrap_or(first),
                below.last().unwrap_or(first) + 1,
            )
        }
    };
    let lines = (start..end).take(2 * LINES);
    let text: String = lines.flat_map(|line| rope.line(line).chars()).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Whether a line parts two requests.
fn parts(rope: &Rope, line: usize) -> bool {
    let line = rope.line(line);
    line.len_bytes() <= 128 && {
        let text = line.to_string();
        let text = text.trim();
        text.len() >= 3 && text.bytes().all(|byte| byte == b'-')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lsp_types::Position;

    const TEXT: &str = "Split the file.\n\nKeep its tests.\n---\nRename `a`.\n\n-----\n\n";

    fn asked(start: u32, end: u32) -> Option<String> {
        let range = Range::new(Position::new(start, 0), Position::new(end, 0));
        request(&Rope::from_str(TEXT), range)
    }

    #[test]
    fn the_request_around_the_cursor_is_asked() {
        let first = Some("Split the file.\n\nKeep its tests.".to_owned());
        for (line, expected) in [
            (0, first.clone()),
            (1, first.clone()),
            (2, first),
            (3, None),
            (4, Some("Rename `a`.".to_owned())),
            (5, Some("Rename `a`.".to_owned())),
            (6, None),
            (7, None),
            (99, None),
        ] {
            assert_eq!(asked(line, line), expected, "line {line}");
        }
    }

    #[test]
    fn a_selection_is_asked_as_it_is() {
        assert_eq!(asked(2, 3).as_deref(), Some("Keep its tests."));
        assert_eq!(asked(1, 2), None);
    }

    #[test]
    fn it_is_known_by_its_name() {
        for (uri, expected) in [
            ("file:///w/ask.animus.md", true),
            ("file:///w/src/a%20b.animus.md", true),
            ("file:///w/animus.md", false),
            ("file:///w/ask.animus.md.txt", false),
        ] {
            assert_eq!(is_one(uri), expected, "{uri}");
        }
    }
}
