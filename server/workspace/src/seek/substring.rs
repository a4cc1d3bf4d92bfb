//! Substring: a hunk that may start and end inside lines. Exact first, then with the file's line endings; text of whole
//! lines falls back to the ladder.

use super::{Cursor, Miss, Placed, Reason, place_lines, teach};
use crate::draft::Matching;
use crate::lines;
use crate::patch::{Grain, HunkSpec, Reach};

pub(super) fn place(
    text: &str,
    hunk: &HunkSpec,
    cursor: Cursor,
    matching: Matching,
) -> Result<Placed, Miss> {
    if hunk.before.is_empty() {
        return match text.trim().is_empty() {
            true => Ok(placed(hunk.after.clone(), cursor)),
            false => Err(Miss::new(
                Reason::Exists,
                "`old` is empty but the file has text; give the text next to which the new text goes",
            )),
        };
    }
    let crlf = |text: &str| text.replace("\r\n", "\n").replace('\n', "\r\n");
    let lf = |text: &str| text.replace("\r\n", "\n");
    let variants = [
        (hunk.before.clone(), hunk.after.clone()),
        (crlf(&hunk.before), crlf(&hunk.after)),
        (lf(&hunk.before), lf(&hunk.after)),
    ];
    let found = variants
        .into_iter()
        .map(|(old, new)| {
            let places: Vec<usize> = text.match_indices(old.as_str()).map(|(at, _)| at).collect();
            (old, new, places)
        })
        .find(|(_, _, places)| !places.is_empty());
    let Some((old, new, places)) = found else {
        return by_lines(text, hunk, cursor, matching);
    };
    let new = match text.contains("\r\n") && !text.replace("\r\n", "").contains('\n') {
        true => crlf(&new),
        false => new,
    };
    if places.len() > 1 && hunk.reach == Reach::One {
        let line = |at: usize| text[..at].matches('\n').count();
        let height = old.trim_end_matches('\n').matches('\n').count() + 1;
        let spots: Vec<_> = places
            .iter()
            .map(|at| line(*at)..line(*at) + height)
            .collect();
        let file: Vec<&str> = lines::split(text).iter().map(|line| line.text).collect();
        return Err(teach::ambiguous(&file, &spots));
    }
    Ok(placed(text.replace(old.as_str(), &new), cursor))
}

fn placed(text: String, cursor: Cursor) -> Placed {
    Placed { text, cursor }
}

/// The same as whole lines, if the text can be that.
fn by_lines(
    text: &str,
    hunk: &HunkSpec,
    cursor: Cursor,
    matching: Matching,
) -> Result<Placed, Miss> {
    if hunk.before.trim().is_empty() {
        return Err(Miss::new(
            Reason::NotFound,
            "`old` is blank and stands nowhere in the file; give text that is there",
        ));
    }
    let closed = |text: &str| match text.is_empty() || text.ends_with('\n') {
        true => text.to_owned(),
        false => format!("{text}\n"),
    };
    let lines = HunkSpec {
        before: closed(&hunk.before),
        after: closed(&hunk.after),
        grain: Grain::Lines,
        ..hunk.clone()
    };
    place_lines(text, &lines, cursor, matching)
}
