//! Seek: finds the one place that a hunk means, and puts the replacement there. W4: exactly one place, or a refusal with
//! the reason. Lines that the hunk keeps are the file's own bytes; added lines end as their neighbours do.

mod anchor;
mod dots;
mod endings;
mod fuzzy;
mod ladder;
mod numbered;
mod placeholder;
mod splice;
mod substring;
mod teach;

pub(crate) use placeholder::added as added_placeholder;
pub(crate) use splice::rewrite;

use crate::draft::Matching;
use crate::lines::{self, BOM, Line};
use crate::patch::{Grain, HunkSpec, LastLine, Reach, Site};
use std::fmt;
use std::ops::Range;

/// Why a hunk was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The text stands nowhere in the file.
    NotFound,
    /// It stands in several places.
    Ambiguous,
    /// The result is there already.
    AlreadyApplied,
    /// Search and replacement are the same.
    NoChange,
    /// The replacement leaves code out (`// ... existing code ...`).
    Placeholder,
    /// There is no such file.
    MissingFile,
    /// There is such a file already.
    Exists,
    /// The file is not UTF-8 text, too large, or not a regular file.
    Unreadable,
    /// The file's encoding lacks a character of the replacement.
    Unencodable,
    /// The path is outside the workspace, a link, or may hold secrets.
    Forbidden,
    /// Ranges overlap or end beyond the file.
    Range,
    /// The file changed and no longer is what the patch expects.
    Changed,
}

/// One hunk that was not applied, and how to send it so that it is (W4).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refused {
    /// The file.
    pub path: String,
    /// Number of the hunk in the patch's hunks for that file, from 1; 0 where the file as a whole was refused.
    pub hunk: usize,
    /// Why.
    pub reason: Reason,
    /// What the file has there, what differs, and what need not be sent again.
    pub teach: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.hunk {
            0 => write!(out, "{}: {}", self.path, self.teach),
            hunk => write!(out, "{} hunk {hunk}: {}", self.path, self.teach),
        }
    }
}

/// A file's text after one hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    pub text: String,
    pub cursor: Cursor,
}

/// Why a hunk has no place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Miss {
    pub reason: Reason,
    pub teach: String,
}

impl Miss {
    fn new(reason: Reason, teach: impl Into<String>) -> Miss {
        Miss {
            reason,
            teach: teach.into(),
        }
    }
}

/// A part of a file's lines and the lines that shall stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edit {
    at: Range<usize>,
    with: Vec<New>,
}

/// A line of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
enum New {
    /// The file's line of that index, as it is.
    Kept(usize),
    /// A new line.
    Added(String),
    /// A new line that ends as the patch says.
    Ended(String, &'static str),
}

/// Where the hunks before left off, in the text as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Cursor {
    /// Index of the first line below the last hunk.
    pub below: usize,
    /// Lines that the hunks so far added, less those they removed: a patch counts without them.
    pub drift: isize,
}

/// Puts one hunk into a file.
pub(crate) fn place(
    text: &str,
    hunk: &HunkSpec,
    cursor: Cursor,
    path: &str,
    matching: Matching,
) -> Result<Placed, Miss> {
    let (mark, body) = match text.strip_prefix(BOM) {
        Some(body) => ("\u{feff}", body),
        None => ("", text),
    };
    let says_newline = matches!(hunk.last, LastLine::Closed | LastLine::Open);
    let says_endings = hunk
        .returns
        .as_ref()
        .is_some_and(|said| said.before != said.after);
    if hunk.before == hunk.after && !says_newline && !says_endings {
        return Err(Miss::new(
            Reason::NoChange,
            "search and replacement are the same; leave this hunk out, or send what should change",
        ));
    }
    if let Some(line) = placeholder::added(&hunk.before, &hunk.after, path) {
        return Err(Miss::new(
            Reason::Placeholder,
            format!(
                "the replacement leaves code out (`{line}`) and the search does not have that line; send every line"
            ),
        ));
    }
    let placed = match hunk.grain {
        Grain::Text => substring::place(body, hunk, cursor, matching),
        Grain::Lines => place_lines(body, hunk, cursor, matching),
    }?;
    if placed.text == body {
        return Err(Miss::new(
            Reason::NoChange,
            "the file has that text already; leave this hunk out",
        ));
    }
    Ok(Placed {
        text: format!("{mark}{}", placed.text),
        cursor: placed.cursor,
    })
}

/// A hunk of whole lines.
fn place_lines(
    text: &str,
    hunk: &HunkSpec,
    cursor: Cursor,
    matching: Matching,
) -> Result<Placed, Miss> {
    let mut hunk = hunk.clone();
    hunk.line = hunk.line.map(|line| moved(line, cursor.drift));
    let file = lines::split(text);
    let (before, after) = (lines::plain(&hunk.before), lines::plain(&hunk.after));
    let edits = match before.is_empty() {
        true => vec![insertion(&file, &hunk, &after)?],
        false => match find(&file, &hunk, &before, &after, (cursor.below, matching)) {
            Err(miss) if miss.reason == Reason::NotFound => {
                unnumbered(&file, &hunk, &before, &after).ok_or(miss)?
            }
            found => found?,
        },
    };
    let grown: isize = edits.iter().map(growth).sum();
    let end = edits.last().map_or(0, |edit| edit.at.end);
    Ok(Placed {
        text: splice::splice(&file, &edits, hunk.last),
        cursor: Cursor {
            below: end.saturating_add_signed(grown),
            drift: cursor.drift + grown,
        },
    })
}

fn moved(line: u32, drift: isize) -> u32 {
    let drift = i32::try_from(drift).unwrap_or(0);
    line.saturating_add_signed(drift)
}

fn growth(edit: &Edit) -> isize {
    let count = |n: usize| isize::try_from(n).unwrap_or(isize::MAX);
    count(edit.with.len()) - count(edit.at.len())
}

/// The edits that a hunk with search text means.
fn find(
    file: &[Line<'_>],
    hunk: &HunkSpec,
    before: &[&str],
    after: &[&str],
    (below, matching): (usize, Matching),
) -> Result<Vec<Edit>, Miss> {
    let texts: Vec<&str> = file.iter().map(|line| line.text).collect();
    let finder = ladder::Finder::new(&texts, hunk, below);
    match finder.find(before, after) {
        ladder::Found::One(spot) => {
            return match spot.repeats(&texts, before, after) {
                Some(lines) => Err(teach::present_already(&lines)),
                None => Ok(vec![
                    endings::edit(file, &spot, hunk, before, after)
                        .unwrap_or_else(|| spot.edit(before, after)),
                ]),
            };
        }
        ladder::Found::Many(spots) if hunk.reach == Reach::All => {
            return Ok(apart(spots)
                .iter()
                .map(|spot| spot.edit(before, after))
                .collect());
        }
        ladder::Found::Many(spots) => {
            let places: Vec<Range<usize>> = spots.iter().map(|spot| spot.at.clone()).collect();
            return Err(teach::ambiguous(&texts, &places));
        }
        ladder::Found::None => {}
    }
    if let Some(edits) = dots::find(&texts, hunk, before, after, below) {
        return edits;
    }
    if matching == Matching::Fuzzy
        && let Some(spot) = fuzzy::find(&texts, hunk, before)?
    {
        return Ok(vec![spot.edit(before, after)]);
    }
    Err(teach::not_found(&texts, before, after))
}

/// The edits of a hunk that carries line numbers, if it does and stands in one place without them.
fn unnumbered(
    file: &[Line<'_>],
    hunk: &HunkSpec,
    before: &[&str],
    after: &[&str],
) -> Option<Vec<Edit>> {
    let (before, after, line) = numbered::stripped(before, after)?;
    let hunk = HunkSpec {
        line: hunk.line.or(Some(line)),
        ..hunk.clone()
    };
    let before: Vec<&str> = before.iter().map(String::as_str).collect();
    let after: Vec<&str> = after.iter().map(String::as_str).collect();
    find(file, &hunk, &before, &after, (0, Matching::Strict)).ok()
}

/// The spots that do not overlap one before them.
fn apart(spots: Vec<ladder::Spot>) -> Vec<ladder::Spot> {
    let mut end = 0;
    spots
        .into_iter()
        .filter(|spot| {
            let free = spot.at.start >= end;
            if free {
                end = spot.at.end;
            }
            free
        })
        .collect()
}

/// A hunk without search text: below its anchor, at its line, at the end where the format says so, or in an empty file.
fn insertion(file: &[Line<'_>], hunk: &HunkSpec, after: &[&str]) -> Result<Edit, Miss> {
    let with: Vec<New> = after
        .iter()
        .map(|line| New::Added((*line).to_owned()))
        .collect();
    let insert = |at: usize, with| Ok(Edit { at: at..at, with });
    let texts: Vec<&str> = file.iter().map(|line| line.text).collect();
    if file.is_empty() {
        return insert(0, with);
    }
    if !hunk.scope.is_empty() {
        return match anchor::block(&texts, &hunk.scope) {
            Some(scope) => insert(scope.start, with),
            None => Err(teach::anchor(&texts, &hunk.scope)),
        };
    }
    if hunk.site == Site::End {
        return insert(file.len(), with);
    }
    match hunk.line {
        Some(line)
            if matches!(hunk.site, Site::First | Site::Below) && line as usize <= file.len() =>
        {
            insert(line as usize, with)
        }
        _ if texts.iter().all(|line| line.trim().is_empty()) => Ok(Edit {
            at: 0..file.len(),
            with,
        }),
        _ => Err(Miss::new(
            Reason::Exists,
            "the search is empty but the file has text; search for the line next to which the new lines go",
        )),
    }
}
