//! Prompt document: a document `NAME.animus.md` in which a person writes what they want. Lines of `---` part one request from the
//! next. It need not be saved: what is read is the text in the editor.

use lsp_types::{CodeAction, CodeActionDisabled, CodeActionKind, Range};
use ropey::Rope;
use workspace::RelPath;

use crate::actions::{REFACTOR, Style};
use crate::{addresses, position};

/// How its name ends.
const NAME: &str = ".animus.md";

/// Most lines of one request.
const LINES: usize = 800;

/// Whether a document, as the client writes it, is one. A file that may hold secrets is none, whatever its name ends with.
pub fn is_one(uri: &str) -> bool {
    let path = addresses::to_path(uri);
    let name = path.as_ref().and_then(|path| path.file_name());
    let name = name.and_then(|name| RelPath::new(name).ok());
    uri.ends_with(NAME) && !name.is_some_and(|name| workspace::is_secret(&name))
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// This.
    Text(String),
    /// More than is taken at once, and nothing is left out of a request.
    TooLong,
}

/// Stands for a request that is not sent, and says why: by its title where a client shows no reasons.
pub fn too_long(style: Style) -> CodeAction {
    let reason = format!(
        "the request has more than {LINES} lines: select fewer, or part it by a line of ---"
    );
    let title = match style {
        Style::Disabled => "Send to the agent".to_owned(),
        Style::Plain | Style::Commands => format!("Not sent to the agent: {reason}"),
    };
    CodeAction {
        title,
        kind: Some(CodeActionKind::from(REFACTOR)),
        disabled: (style == Style::Disabled).then_some(CodeActionDisabled { reason }),
        ..CodeAction::default()
    }
}

/// What is asked at a selection or a cursor: the selected lines, or the request around the cursor.
pub fn request(rope: &Rope, range: Range) -> Option<Asked> {
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
    if end - start > LINES {
        return Some(Asked::TooLong);
    }
    let text: String = (start..end)
        .flat_map(|line| rope.line(line).chars())
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| Asked::Text(text.to_owned()))
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
        match request(&Rope::from_str(TEXT), range) {
            Some(Asked::Text(text)) => Some(text),
            other => {
                assert_eq!(other, None);
                None
            }
        }
    }

    #[test]
    fn a_request_is_asked_whole_or_not_at_all() {
        for (lines, is_asked) in [(LINES, true), (LINES + 1, false), (3 * LINES, false)] {
            let text = "word\n".repeat(lines);
            let rope = Rope::from_str(text.trim_end());
            let (middle, end) = (lines as u32 / 2, lines as u32 - 1);
            let at = |start, end| {
                request(
                    &rope,
                    Range::new(Position::new(start, 0), Position::new(end, 4)),
                )
            };
            let expected = match is_asked {
                true => Asked::Text(text.trim().to_owned()),
                false => Asked::TooLong,
            };
            assert_eq!(at(0, end), Some(expected.clone()), "{lines} selected");
            let cursor = Range::new(Position::new(middle, 0), Position::new(middle, 0));
            assert_eq!(request(&rope, cursor), Some(expected), "{lines} around");
        }
        assert!(too_long(Style::Disabled).disabled.is_some());
        assert!(too_long(Style::Plain).title.contains("more than 800 lines"));
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
            ("file:///w/.env.animus.md", false),
            ("file:///w/%2Eenv.animus.md", false),
            ("untitled:ask.animus.md", true),
            ("file:///w/animus.md", false),
            ("file:///w/ask.animus.md.txt", false),
        ] {
            assert_eq!(is_one(uri), expected, "{uri}");
        }
    }
}
