//! Repair: what a power cut or a kill tore off the end of a history goes aside, byte for byte, and the file ends with a whole
//! line again. Only what is no line at all is cut: half a line, zeros, bytes that are no JSON.

use super::line::{self, Line, Trust};
use sandbox::{Appender, Tree};
use std::io;

/// How far back one look goes, in bytes.
const STEP: u64 = 64 * 1024;

/// Mends the end of `path`; what is cut is appended to `aside`. Returns how many bytes that were.
pub(super) fn mend(tree: &Tree, path: &str, aside: &str, file: &mut Appender) -> io::Result<u64> {
    let length = file.length()?;
    let mut end = length;
    let mut closed = true;
    while end > 0 {
        let start = start_of_line(tree, path, end)?;
        let text = tree.read_at(path, start, usize_of(end - start)?)?;
        closed = text.last() == Some(&b'\n');
        let line = text.strip_suffix(b"\n").unwrap_or(&text);
        if is_whole(line, closed) {
            break;
        }
        end = start;
        closed = true;
    }
    if end < length {
        let torn = tree.read_at(path, end, usize_of(length - end)?)?;
        let mut kept = tree.append(aside)?;
        kept.write_all(&torn)?;
        kept.sync()?;
        file.cut(end)?;
    }
    if !closed {
        // The event is whole; only its line end is missing.
        file.write_all(b"\n")?;
    }
    Ok(length - end)
}

/// Where the line begins whose last byte is before `end`.
fn start_of_line(tree: &Tree, path: &str, end: u64) -> io::Result<u64> {
    // Its own line end does not count.
    let mut upto = end - 1;
    while upto > 0 {
        let from = upto.saturating_sub(STEP);
        let piece = tree.read_at(path, from, usize_of(upto - from)?)?;
        if let Some(at) = piece.iter().rposition(|byte| *byte == b'\n') {
            return Ok(from + at as u64 + 1);
        }
        upto = from;
    }
    Ok(0)
}

/// A line that stays: an event, or (with its line end) something that was once written whole.
fn is_whole(line: &[u8], closed: bool) -> bool {
    match line::read(line, &mut Trust::Unsummed) {
        Line::Event(_) | Line::Newer => true,
        Line::Damaged => closed && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok(),
    }
}

fn usize_of(length: u64) -> io::Result<usize> {
    usize::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge.into())
}
