//! Sight: what a model may see at a cursor, and of which files.
//!
//! Invariant: a text is masked before it is cut, and with so much more of it that no key reaches from outside into what is shown.

use super::Cursor;
use llm::{Known, Masked};
use std::ops::Range;
use workspace::{RelPath, Root};

/// Bytes around what is shown that are looked at too: more than the longest private key has.
pub(super) const MARGIN: usize = 16 * 1024;

/// Whether a file may be shown: not one that may hold secrets or that the project ignores, nor a link to one or out of the workspace.
pub(super) fn may_show(root: &Root, path: &RelPath) -> bool {
    let is_secret = |path: &RelPath| workspace::is_secret(path);
    !is_secret(path)
        && root.leads_to(path).is_some_and(|real| !is_secret(&real))
        && !workspace::is_ignored(root, path)
}

/// At most so many bytes before and behind the cursor, masked; none where the cursor is in a key or at its end.
pub(super) fn around(
    cursor: &Cursor,
    known: &Known,
    (before, after): (usize, usize),
) -> Option<(String, String)> {
    let text = format!("{}{}", cursor.before, cursor.after);
    let masked = known.masked(&text);
    let place = masked.place(cursor.before.len())?;
    let (before, after) = (masked.last(place, before), masked.first(place, after));
    Some((before.to_owned(), after.to_owned()))
}

/// Lines `first` to `last` of a text, counted from 1, at most so many and of at most so many bytes, masked; none where they are longer
/// or blank.
pub(super) fn lines(
    text: &str,
    known: &Known,
    (first, last): (usize, usize),
    (lines, bytes): (usize, usize),
) -> Option<String> {
    let first = first.max(1);
    let count = (last + 1).saturating_sub(first).min(lines);
    let mut starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
    let start = starts.nth(first - 1)?;
    let end = match count {
        0 => start,
        count => starts.nth(count - 1).unwrap_or(text.len()),
    };
    if end - start > bytes.saturating_mul(2) {
        return None;
    }
    let wide = widened(text, start..end);
    let masked: Masked<'_> = known.masked(&text[wide.clone()]);
    let mut piece = masked.part(start - wide.start..end - wide.start).to_owned();
    if !piece.ends_with('\n') {
        piece.push('\n');
    }
    (!piece.trim().is_empty() && piece.len() <= bytes).then_some(piece)
}

/// The part with [`MARGIN`] on both sides, on to the ends of lines.
fn widened(text: &str, part: Range<usize>) -> Range<usize> {
    let start = part.start.saturating_sub(MARGIN);
    let end = (part.end + MARGIN).min(text.len());
    let bytes = text.as_bytes();
    let before = bytes[..start].iter().rposition(|byte| *byte == b'\n');
    let behind = bytes[end..].iter().position(|byte| *byte == b'\n');
    before.map_or(0, |at| at + 1)..behind.map_or(text.len(), |at| end + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "ghp_a8Kd02mXq71LzPw93RtYb5NcVe64HsJgFu0T";

    #[test]
    fn lines_are_masked_before_they_are_cut() {
        let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n".repeat(9);
        let key = format!("-----BEGIN PRIVATE KEY-----\n{body}-----END PRIVATE KEY-----\n");
        let text = format!("a = 1\nb = '{TOKEN}'\n{key}c = 3\nd = 4");
        let known = Known::default();
        let cut = |first, last| lines(&text, &known, (first, last), (20, 1000));
        assert_eq!(cut(1, 1).as_deref(), Some("a = 1\n"));
        assert_eq!(cut(2, 2).unwrap(), format!("b = '{}'\n", llm::MASK));
        assert_eq!(cut(15, 14), None);
        assert_eq!(cut(14, 99).as_deref(), Some("c = 3\nd = 4\n"));
        assert_eq!(cut(99, 99), None);
        for (first, last) in [(4, 6), (3, 8), (8, 13), (8, 14)] {
            let piece = cut(first, last).unwrap();
            assert!(!piece.contains("MIIE"), "{piece}");
        }
        assert_eq!(lines(&text, &known, (1, 1), (20, 5)), None);
        assert_eq!(
            lines(&text, &known, (1, 15), (1, 6)).as_deref(),
            Some("a = 1\n")
        );
    }
}
