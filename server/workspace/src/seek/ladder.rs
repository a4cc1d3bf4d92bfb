//! Ladder: ever looser ways to compare a hunk's lines with the file's. The first rung with a match decides; on every
//! rung several matches are ambiguous unless the patch's own anchor, order or line number leaves exactly one.

use super::{Edit, New, anchor};
use crate::lines::indent;
use crate::patch::{HunkSpec, Site};
use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::borrow::Cow;
use std::ops::Range;

/// How lines are compared on a rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Exact,
    /// Without blanks at the end.
    Trail,
    /// Also with typographic signs folded to ASCII.
    Fold,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Indent {
    Same,
    Shifted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edges {
    Whole,
    /// Without blank lines at both ends of the hunk.
    Trimmed,
}

/// The rungs in order. Line endings are never part of a line here, so the line-ending rung is the exact one.
const RUNGS: &[(Key, Indent, Edges)] = &[
    (Key::Exact, Indent::Same, Edges::Whole),
    (Key::Trail, Indent::Same, Edges::Whole),
    (Key::Trail, Indent::Shifted, Edges::Whole),
    (Key::Exact, Indent::Same, Edges::Trimmed),
    (Key::Trail, Indent::Same, Edges::Trimmed),
    (Key::Trail, Indent::Shifted, Edges::Trimmed),
    (Key::Fold, Indent::Same, Edges::Whole),
    (Key::Fold, Indent::Shifted, Edges::Whole),
    (Key::Fold, Indent::Same, Edges::Trimmed),
    (Key::Fold, Indent::Shifted, Edges::Trimmed),
];

/// What the ladder found.
#[derive(Debug)]
pub(super) enum Found {
    None,
    One(Spot),
    Many(Vec<Spot>),
}

/// A place that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    pub at: Range<usize>,
    shift: Shift,
    /// Blank lines taken off the hunk's start and end.
    trimmed: (usize, usize),
}

/// How the hunk's indentation becomes the file's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shift {
    None,
    Add(String),
    Remove(String),
    /// So many spaces are a tab.
    Tabs(usize),
    /// A tab is so many spaces.
    Spaces(usize),
}

impl Shift {
    /// The shift that makes `ours` the indentation `theirs`.
    pub(super) fn between(ours: &str, theirs: &str) -> Option<Shift> {
        let all =
            |text: &str, sign: char| !text.is_empty() && text.chars().all(|next| next == sign);
        if ours == theirs {
            Some(Shift::None)
        } else if all(ours, ' ') && all(theirs, '\t') && ours.len().is_multiple_of(theirs.len()) {
            Some(Shift::Tabs(ours.len() / theirs.len()))
        } else if all(ours, '\t') && all(theirs, ' ') && theirs.len().is_multiple_of(ours.len()) {
            Some(Shift::Spaces(theirs.len() / ours.len()))
        } else if let Some(more) = theirs.strip_suffix(ours) {
            Some(Shift::Add(more.to_owned()))
        } else {
            ours.strip_suffix(theirs)
                .map(|less| Shift::Remove(less.to_owned()))
        }
    }

    /// A line moved; `None` where it has less indentation than is to go.
    pub(super) fn apply(&self, line: &str) -> Option<String> {
        if line.trim().is_empty() {
            return Some(line.to_owned());
        }
        let (lead, body) = line.split_at(indent(line).len());
        match self {
            Shift::None => Some(line.to_owned()),
            Shift::Add(more) => Some(format!("{more}{line}")),
            Shift::Remove(less) => line.strip_prefix(less.as_str()).map(str::to_owned),
            Shift::Tabs(_) if lead.contains('\t') => Some(line.to_owned()),
            Shift::Tabs(unit) => {
                let (tabs, rest) = (lead.len() / unit, lead.len() % unit);
                Some(format!("{}{}{body}", "\t".repeat(tabs), " ".repeat(rest)))
            }
            Shift::Spaces(unit) => {
                Some(format!("{}{body}", lead.replace('\t', &" ".repeat(*unit))))
            }
        }
    }
}

impl Spot {
    /// A place whose lines are only nearly the hunk's.
    pub(super) fn fuzzy(at: Range<usize>, shift: Shift) -> Spot {
        Spot {
            at,
            shift,
            trimmed: (0, 0),
        }
    }

    /// The lines, from 1, that already are what `after` makes of the place: it adds to `before`, above or below, and the
    /// file has that there. What says too little (a bracket) may well stand there twice.
    pub(super) fn repeats(
        &self,
        file: &[&str],
        before: &[&str],
        after: &[&str],
    ) -> Option<Range<usize>> {
        if self.trimmed != (0, 0) || after.len() <= before.len() {
            return None;
        }
        let count = after.len() - before.len();
        let stands = |start: usize| {
            let window = file.get(start..start + after.len())?;
            let same = after.iter().zip(window).all(|(ours, theirs)| {
                let ours = self.shift.apply(ours);
                ours.is_some_and(|ours| ours.trim_end() == theirs.trim_end())
            });
            same.then_some(start + 1..start + after.len())
        };
        let says = |lines: &[&str]| {
            let signs = lines.iter().flat_map(|line| line.chars());
            signs.filter(|sign| sign.is_alphanumeric()).count() >= 4
        };
        let below = (after.starts_with(before) && says(&after[before.len()..]))
            .then(|| stands(self.at.start))
            .flatten();
        let above = (after.ends_with(before) && says(&after[..count]))
            .then(|| stands(self.at.start.checked_sub(count)?))
            .flatten();
        below.or(above)
    }

    /// The edit that puts `after` here: lines that `before` has too stay the file's own.
    pub(super) fn edit(&self, before: &[&str], after: &[&str]) -> Edit {
        let (head, tail) = self.trimmed;
        let before = &before[head..before.len() - tail];
        let after = without_blanks(after, head, tail);
        let mut with = Vec::new();
        for op in capture_diff_slices(Algorithm::Myers, before, after) {
            if let DiffOp::Equal { old_index, len, .. } = op {
                with.extend((0..len).map(|step| New::Kept(self.at.start + old_index + step)));
            } else {
                with.extend(after[op.new_range()].iter().map(|line| {
                    New::Added(self.shift.apply(line).unwrap_or_else(|| (*line).to_owned()))
                }));
            }
        }
        Edit {
            at: self.at.clone(),
            with,
        }
    }
}

/// `after` with up to as many blank lines off its ends as were taken off `before`.
fn without_blanks<'a, 'b>(after: &'a [&'b str], head: usize, tail: usize) -> &'a [&'b str] {
    let blank = |line: &&&str| line.trim().is_empty();
    let head = after.iter().take(head).take_while(blank).count();
    let rest = &after[head..];
    let tail = rest.iter().rev().take(tail).take_while(blank).count();
    &rest[..rest.len() - tail]
}

/// A file's lines, ready to be searched.
pub(super) struct Finder<'a> {
    file: &'a [&'a str],
    hunk: &'a HunkSpec,
    below: usize,
}

impl<'a> Finder<'a> {
    pub(super) fn new(file: &'a [&'a str], hunk: &'a HunkSpec, below: usize) -> Finder<'a> {
        Finder { file, hunk, below }
    }

    /// The place of `before`; `after` must be able to move with it.
    pub(super) fn find(&self, before: &[&str], after: &[&str]) -> Found {
        let blank = |line: &&&str| line.trim().is_empty();
        let head = before.iter().take_while(blank).count();
        let tail = before[head..].iter().rev().take_while(blank).count();
        let solid = head < before.len();
        for (key, shift, edges) in RUNGS {
            let trimmed = match edges {
                Edges::Whole => (0, 0),
                Edges::Trimmed if solid && head + tail > 0 => (head, tail),
                Edges::Trimmed => continue,
            };
            if *shift == Indent::Shifted && !solid {
                continue;
            }
            let wanted = &before[trimmed.0..before.len() - trimmed.1];
            let spots: Vec<Spot> = self
                .matches(wanted, *key, *shift)
                .filter(|(_, shift)| {
                    after
                        .iter()
                        .all(|line| before.contains(line) || shift.apply(line).is_some())
                })
                .map(|(start, shift)| Spot {
                    at: start..start + wanted.len(),
                    shift,
                    trimmed,
                })
                .collect();
            match spots.len() {
                0 => {}
                1 => return self.one(spots),
                _ => return self.decide(spots),
            }
        }
        Found::None
    }

    fn matches<'s>(
        &'s self,
        wanted: &[&'s str],
        key: Key,
        mode: Indent,
    ) -> impl Iterator<Item = (usize, Shift)> + 's {
        let keys: Vec<Cow<'s, str>> = wanted.iter().map(|line| fold(line, key)).collect();
        let last = (self.file.len() + 1).saturating_sub(wanted.len().max(1));
        (0..last).filter_map(move |start| {
            self.matches_at(&keys, start, key, mode)
                .map(|shift| (start, shift))
        })
    }

    fn matches_at(
        &self,
        keys: &[Cow<'_, str>],
        start: usize,
        key: Key,
        mode: Indent,
    ) -> Option<Shift> {
        let mut shift: Option<Shift> = None;
        for (ours, theirs) in keys.iter().zip(&self.file[start..]) {
            let theirs = fold(theirs, key);
            if mode == Indent::Same {
                if *ours != theirs {
                    return None;
                }
                continue;
            }
            let (lead, their_lead) = (indent(ours), indent(&theirs));
            if ours[lead.len()..] != theirs[their_lead.len()..] {
                return None;
            }
            if ours.is_empty() {
                continue;
            }
            match &shift {
                None => shift = Some(Shift::between(lead, their_lead)?),
                // No indentation on one line says nothing about tabs or spaces on the next.
                Some(Shift::None) if lead != their_lead => {
                    match Shift::between(lead, their_lead)? {
                        found @ (Shift::Tabs(_) | Shift::Spaces(_)) if self.flat(keys, ours) => {
                            shift = Some(found)
                        }
                        _ => return None,
                    }
                }
                Some(known) => {
                    if known.apply(ours).as_deref() != Some(&theirs) {
                        return None;
                    }
                }
            }
        }
        Some(shift.unwrap_or(Shift::None))
    }

    /// Whether the lines before `line` have no indentation at all.
    fn flat(&self, keys: &[Cow<'_, str>], line: &str) -> bool {
        keys.iter()
            .take_while(|key| key.as_ref() != line)
            .all(|key| indent(key).is_empty())
    }

    /// One match still has to be below the anchor, where the patch names one.
    fn one(&self, mut spots: Vec<Spot>) -> Found {
        let Some(spot) = spots.pop() else {
            return Found::None;
        };
        match anchor::block(self.file, &self.hunk.scope) {
            Some(scope) if spot.at.end < scope.start => Found::None,
            _ => Found::One(spot),
        }
    }

    /// Among equal places: the one at the end, in the anchor's block, below the hunk before, or at the line named.
    fn decide(&self, spots: Vec<Spot>) -> Found {
        let mut spots = spots;
        if self.hunk.site == Site::End {
            let end = self
                .file
                .iter()
                .rposition(|line| !line.trim().is_empty())
                .map_or(0, |index| index + 1);
            let kept = narrowed(&spots, |spot| spot.at.end >= end);
            spots = kept;
        }
        if let Some(scope) = anchor::block(self.file, &self.hunk.scope) {
            let below = narrowed(&spots, |spot| spot.at.start + 1 >= scope.start);
            spots = narrowed(&below, |spot| spot.at.end <= scope.end);
        }
        if matches!(self.hunk.site, Site::First | Site::Below) {
            let line = self.hunk.line.map(|line| line as usize);
            // The line counts from the file before the hunks above it, so it may have moved: both are looked at.
            if let Some(line) = line.filter(|_| spots.len() > 1) {
                spots = narrowed(&spots, |spot| spot.at.start + 1 == line);
            }
            if spots.len() > 1 && self.below > 0 {
                spots = narrowed(&spots, |spot| spot.at.start >= self.below);
            }
        } else if let Some(line) = self.hunk.line {
            spots = narrowed(&spots, |spot| spot.at.start + 1 == line as usize);
        }
        match spots.len() {
            1 => self.one(spots),
            _ => Found::Many(spots),
        }
    }
}

/// The spots that pass, or all where none does.
fn narrowed(spots: &[Spot], pass: impl Fn(&Spot) -> bool) -> Vec<Spot> {
    let kept: Vec<Spot> = spots.iter().filter(|spot| pass(spot)).cloned().collect();
    match kept.is_empty() {
        true => spots.to_vec(),
        false => kept,
    }
}

fn fold(line: &str, key: Key) -> Cow<'_, str> {
    match key {
        Key::Exact => Cow::Borrowed(line),
        Key::Trail => Cow::Borrowed(line.trim_end()),
        Key::Fold if line.is_ascii() => Cow::Borrowed(line.trim_end()),
        Key::Fold => {
            let mut folded = String::with_capacity(line.len());
            for sign in line.chars() {
                match sign {
                    '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' | '\u{2032}' => {
                        folded.push('\'')
                    }
                    '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}' | '\u{2033}' | '\u{ab}'
                    | '\u{bb}' => folded.push('"'),
                    '\u{2010}'..='\u{2015}' | '\u{2212}' => folded.push('-'),
                    '\u{a0}' | '\u{2002}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
                        folded.push(' ')
                    }
                    '\u{2026}' => folded.push_str("..."),
                    '\u{200b}' | '\u{200c}' | '\u{200d}' | '\u{feff}' => {}
                    other => folded.push(other),
                }
            }
            folded.truncate(folded.trim_end().len());
            Cow::Owned(folded)
        }
    }
}
