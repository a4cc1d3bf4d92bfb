//! Line: one line of a file, its ending kept apart, so that what is not touched keeps its bytes.

/// The mark that some editors put before the first line.
pub(crate) const BOM: char = '\u{feff}';

/// One line and how it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// Without the ending.
    pub text: &'a str,
    /// `\n`, `\r\n`, `\r`, or nothing on a last line without one.
    pub end: &'a str,
}

/// Splits at `\n` and `\r\n`; at a lone `\r` only where the whole text has no `\n` (old Mac files).
pub(crate) fn split(text: &str) -> Vec<Line<'_>> {
    let end = if text.contains('\n') { '\n' } else { '\r' };
    let mut lines = Vec::new();
    for piece in text.split_inclusive(end) {
        let body = piece.strip_suffix(end).unwrap_or(piece);
        let body = match end {
            '\n' if body.len() < piece.len() => body.strip_suffix('\r').unwrap_or(body),
            _ => body,
        };
        lines.push(Line {
            text: body,
            end: &piece[body.len()..],
        });
    }
    lines
}

/// The lines of a patch's text: split at `\n`, one `\r` before it dropped, no empty last line.
pub(crate) fn plain(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line))
        .collect();
    if lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines
}

/// The lines, each closed by `\n`.
pub(crate) fn closed<S: AsRef<str>>(lines: &[S]) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(line.as_ref());
        text.push('\n');
    }
    text
}

/// The ending that most lines have; the first seen on a tie; `\n` where there is none.
pub(crate) fn usual_end<'a>(lines: &[Line<'a>]) -> &'a str {
    let count = |end: &str| lines.iter().filter(|line| line.end == end).count();
    let (mut best, mut most) = ("\n", count("\n"));
    for end in ["\r\n", "\r"] {
        let n = count(end);
        if n > most {
            (best, most) = (end, n);
        }
    }
    best
}

/// The spaces and tabs that a line starts with.
pub(crate) fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_gives_back_every_byte() {
        for (text, count) in [
            ("", 0),
            ("a", 1),
            ("a\n", 1),
            ("a\r\nb\n", 2),
            ("a\rb\r", 2),
            ("a\rb\n", 1),
            ("\n\n", 2),
            ("a\r\n\r\nb", 3),
            ("a\r\r\n", 1),
        ] {
            let lines = split(text);
            let again: String = lines
                .iter()
                .flat_map(|line| [line.text, line.end])
                .collect();
            assert_eq!((again.as_str(), lines.len()), (text, count), "{text:?}");
        }
    }
}
