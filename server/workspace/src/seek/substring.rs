//! Substring: a hunk that may start and end inside lines. Exact first, then with the file's line endings; text of whole
//! lines falls back to the ladder.

use super::{Cursor, Miss, Placed, Reason, place_lines, teach};
use crate::draft::Matching;
use crate::lines;
use crate::patch::{Grain, HunkSpec, Reach};
use std::ops::Range;

/// Places that are looked for where one is wanted: more are as many.
const MOST: usize = 1000;

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
            let places = places(text, &old, hunk.reach);
            (old, new, places)
        })
        .find(|(_, _, places)| !places.is_empty());
    let Some((old, new, places)) = found else {
        return by_lines(text, hunk, cursor, matching);
    };
    match (places.as_slice(), hunk.reach) {
        ([at], Reach::One) if repeats(text, *at, &old, &new) => {
            let at = spots(text, &[*at], &new);
            let lines = at.first().map_or(1..1, |at| at.start + 1..at.end);
            return Err(teach::present_already(&lines));
        }
        ([_], _) | (_, Reach::All) => {}
        _ => {
            let file: Vec<&str> = lines::split(text).iter().map(|line| line.text).collect();
            return Err(teach::ambiguous(&file, &spots(text, &places, &old)));
        }
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for place in places {
        out.push_str(&text[at..place]);
        out.push_str(&ended(text, place, &old, &new));
        at = place + old.len();
    }
    out.push_str(&text[at..]);
    Ok(placed(out, cursor))
}

/// The lines that a text which starts at each of these places covers.
fn spots(text: &str, places: &[usize], covered: &str) -> Vec<Range<usize>> {
    let height = lines::split(covered).len().max(1);
    let mut ends = Vec::new();
    let mut end = 0;
    for line in lines::split(text) {
        end += line.text.len() + line.end.len();
        ends.push(end);
    }
    let line = |at: &usize| ends.partition_point(|end| end <= at);
    places
        .iter()
        .map(|at| line(at)..line(at) + height)
        .collect()
}

/// Where `old` stands; places that overlap are several for one that wants one.
fn places(text: &str, old: &str, reach: Reach) -> Vec<usize> {
    match reach {
        Reach::All => text.match_indices(old).map(|(at, _)| at).collect(),
        Reach::One => {
            let mut places = Vec::new();
            let mut from = 0;
            while let Some(at) = text[from..].find(old).map(|at| at + from) {
                places.push(at);
                if places.len() == MOST {
                    break;
                }
                let step = text[at..].chars().next().map_or(1, char::len_utf8);
                from = at + step;
            }
            places
        }
    }
}

/// Whether the place already is what `new` makes of it: `new` goes on from `old`, and so does the text.
fn repeats(text: &str, at: usize, old: &str, new: &str) -> bool {
    let says = |more: &str| more.chars().filter(|sign| sign.is_alphanumeric()).count() >= 4;
    let below = new
        .strip_prefix(old)
        .is_some_and(|more| says(more) && text[at..].starts_with(new));
    let above = new
        .strip_suffix(old)
        .is_some_and(|more| says(more) && text[..at + old.len()].ends_with(new));
    below || above
}

/// `new` with the line endings that `old` has, or else its line; as it is where `old` has both kinds.
fn ended(text: &str, at: usize, old: &str, new: &str) -> String {
    let kinds = |text: &str| {
        let crlf = text.matches("\r\n").count();
        (crlf > 0, text.matches('\n').count() > crlf)
    };
    let crlf = match kinds(old) {
        (true, true) => return new.to_owned(),
        (true, false) => true,
        (false, true) => false,
        (false, false) => {
            let below = text[at..].find('\n').map(|end| at + end);
            let end = below.or_else(|| text[..at].rfind('\n'));
            end.is_some_and(|end| text[..end].ends_with('\r'))
        }
    };
    let plain = new.replace("\r\n", "\n");
    match crlf {
        true => plain.replace('\n', "\r\n"),
        false => plain,
    }
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
