//! Ranges: LSP text edits put into a text; positions are lines and UTF-16 units from 0, all of the text before any edit.

use crate::patch::RangeEdit;

/// The text after the edits.
///
/// # Errors
/// Says which edit overlaps another or lies outside the text.
pub(super) fn apply(text: &str, edits: &[RangeEdit]) -> Result<String, String> {
    let starts = line_starts(text);
    let mut spans: Vec<(usize, usize, &str)> = Vec::new();
    for (index, edit) in edits.iter().enumerate() {
        let outside = || {
            format!(
                "edit {} ends outside the text of {} lines; read the file first",
                index + 1,
                starts.len()
            )
        };
        let from = offset(text, &starts, edit.start).ok_or_else(outside)?;
        let to = offset(text, &starts, edit.end).ok_or_else(outside)?;
        if to < from {
            return Err(format!("edit {} ends before it starts", index + 1));
        }
        spans.push((from, to, &edit.text));
    }
    // Stable: several insertions at one place stay in their order.
    spans.sort_by_key(|(from, to, _)| (*from, *to));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (from, to, new) in spans {
        if from < at {
            return Err("two of the edits overlap; send one edit for that place".to_owned());
        }
        out.push_str(&text[at..from]);
        out.push_str(new);
        at = to;
    }
    out.push_str(&text[at..]);
    Ok(out)
}

fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut starts = vec![0];
    for (index, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' || (*byte == b'\r' && bytes.get(index + 1) != Some(&b'\n')) {
            starts.push(index + 1);
        }
    }
    starts
}

/// The byte of a position; one beyond a line's end is its end, as LSP has it.
fn offset(text: &str, starts: &[usize], (line, unit): (u32, u32)) -> Option<usize> {
    let line = line as usize;
    if line == starts.len() && unit == 0 {
        return Some(text.len());
    }
    let start = *starts.get(line)?;
    let end = starts.get(line + 1).copied().unwrap_or(text.len());
    let body = text[start..end].trim_end_matches(['\n', '\r']);
    let mut units = 0;
    for (at, sign) in body.char_indices() {
        if units >= unit {
            return Some(start + at);
        }
        units += u32::try_from(sign.len_utf16()).unwrap_or(1);
    }
    Some(start + body.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_utf16_and_edits_are_of_the_old_text() {
        let edit = |start, end, text: &str| RangeEdit {
            start,
            end,
            text: text.to_owned(),
        };
        let text = "a𝄞b\r\nc\n";
        for (edits, want) in [
            (vec![edit((0, 3), (0, 4), "B")], Ok("a𝄞B\r\nc\n")),
            (
                vec![edit((1, 0), (1, 1), "x"), edit((0, 0), (0, 1), "y")],
                Ok("y𝄞b\r\nx\n"),
            ),
            (vec![edit((2, 0), (2, 0), "end\n")], Ok("a𝄞b\r\nc\nend\n")),
            (
                vec![edit((0, 0), (0, 3), ""), edit((0, 1), (1, 0), "")],
                Err("overlap"),
            ),
            (vec![edit((9, 0), (9, 0), "")], Err("outside")),
            (vec![edit((1, 0), (0, 0), "")], Err("before")),
        ] {
            match (apply(text, &edits), want) {
                (Ok(got), Ok(want)) => assert_eq!(got, want),
                (Err(got), Err(want)) => assert!(got.contains(want), "{got}"),
                (got, want) => panic!("{got:?} is not {want:?}"),
            }
        }
    }
}
