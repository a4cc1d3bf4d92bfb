//! Fuzzy: the one window of lines that is nearly the hunk's, by edit distance in which blanks weigh little and letters much.
//! Only where the user opted in, and only where no other window comes near it: else nothing, or a refusal.

use super::ladder::{Shift, Spot};
use super::{Miss, Reason, teach};
use crate::lines::indent;
use crate::patch::HunkSpec;
use std::collections::HashSet;
use std::ops::Range;

/// Least likeness of a window, of 1.
const LEAST: f64 = 0.82;
/// Least likeness of one of its lines.
const LEAST_LINE: f64 = 0.5;
/// How much more alike than the next best window it must be.
const MARGIN: f64 = 0.08;
/// Windows that are compared letter by letter.
const WINDOWS: usize = 48;
/// Longest line and most lines that are compared letter by letter.
const WIDEST: usize = 400;
const HIGHEST: usize = 400;
/// Least letters and digits in the search: less says too little.
const LEAST_TEXT: usize = 12;

/// The window, if there is one that is near enough.
pub(super) fn find(file: &[&str], hunk: &HunkSpec, before: &[&str]) -> Result<Option<Spot>, Miss> {
    let text: usize = before.iter().map(|line| letters(line)).sum();
    if before.len() > file.len() || before.len() > HIGHEST || text < LEAST_TEXT {
        return Ok(None);
    }
    let mut found: Vec<(f64, usize)> = candidates(file, before)
        .into_iter()
        .filter_map(|start| Some((alike(&file[start..start + before.len()], before)?, start)))
        .filter(|(score, _)| *score >= LEAST - MARGIN)
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let Some((best, start)) = found.first().copied().filter(|(best, _)| *best >= LEAST) else {
        return Ok(None);
    };
    let place = |start: usize| start..start + before.len();
    let near: Vec<Range<usize>> = found
        .iter()
        .filter(|(score, _)| *score > best - MARGIN)
        .map(|(_, start)| place(*start))
        .collect();
    if near.len() > 1 {
        let told = teach::ambiguous(file, &near);
        return Err(Miss::new(
            Reason::Ambiguous,
            format!("nothing says exactly this, and nearly: {}", told.teach),
        ));
    }
    let scope = super::anchor::block(file, &hunk.scope);
    if scope.is_some_and(|scope| place(start).end < scope.start) {
        return Ok(None);
    }
    let Some(shift) = shift(&file[place(start)], before) else {
        return Ok(None);
    };
    Ok(Some(Spot::fuzzy(place(start), shift)))
}

/// The starts of the windows that share most words with the hunk.
fn candidates(file: &[&str], before: &[&str]) -> Vec<usize> {
    let wanted: HashSet<&str> = before.iter().flat_map(|line| words(line)).collect();
    let weigh = |line: &str| words(line).filter(|word| wanted.contains(word)).count();
    let weights: Vec<usize> = file.iter().map(|line| weigh(line)).collect();
    let height = before.len();
    let mut sum: usize = weights[..height].iter().sum();
    let mut sums = vec![(sum, 0)];
    for start in 1..=file.len() - height {
        sum = sum + weights[start + height - 1] - weights[start - 1];
        sums.push((sum, start));
    }
    sums.retain(|(sum, _)| *sum > 0);
    sums.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    sums.into_iter()
        .take(WINDOWS)
        .map(|(_, start)| start)
        .collect()
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|sign: char| !sign.is_alphanumeric() && sign != '_')
        .filter(|word| word.len() > 1)
}

fn letters(line: &str) -> usize {
    line.chars().filter(|sign| sign.is_alphanumeric()).count()
}

/// How alike two runs of lines are, of 1, long lines counting more; `None` where one line is too far off.
fn alike(window: &[&str], before: &[&str]) -> Option<f64> {
    let (mut sum, mut weight) = (0.0, 0.0);
    for (theirs, ours) in window.iter().zip(before) {
        let (theirs, ours) = (theirs.trim(), ours.trim());
        let size = ours.chars().count().max(1) as f64;
        let score = line_alike(theirs, ours);
        if score < LEAST_LINE {
            return None;
        }
        sum += score * size;
        weight += size;
    }
    Some(sum / weight)
}

fn line_alike(a: &str, b: &str) -> f64 {
    if a == b {
        return 1.0;
    }
    let a: Vec<char> = a.chars().take(WIDEST).collect();
    let b: Vec<char> = b.chars().take(WIDEST).collect();
    let whole: f64 = a
        .iter()
        .map(|sign| weight(*sign))
        .sum::<f64>()
        .max(b.iter().map(|sign| weight(*sign)).sum());
    match whole > 0.0 {
        true => (1.0 - distance(&a, &b) / whole).max(0.0),
        false => 1.0,
    }
}

/// What it costs to leave a sign out.
fn weight(sign: char) -> f64 {
    if sign.is_whitespace() {
        0.2
    } else if sign.is_alphanumeric() || sign == '_' {
        1.0
    } else {
        0.6
    }
}

/// Edit distance with the weights of the signs.
fn distance(a: &[char], b: &[char]) -> f64 {
    let mut row: Vec<f64> = vec![0.0];
    for sign in b {
        row.push(row.last().copied().unwrap_or(0.0) + weight(*sign));
    }
    for left in a {
        let mut corner = row[0];
        row[0] += weight(*left);
        for (at, right) in b.iter().enumerate() {
            let change = match left == right {
                true => corner,
                false => corner + weight(*left).max(weight(*right)),
            };
            corner = row[at + 1];
            row[at + 1] = change
                .min(row[at] + weight(*right))
                .min(corner + weight(*left));
        }
    }
    row.last().copied().unwrap_or(0.0)
}

/// The shift of the first line that is indented differently; `None` where the file's indentation is no shift of the hunk's.
fn shift(window: &[&str], before: &[&str]) -> Option<Shift> {
    for (theirs, ours) in window.iter().zip(before) {
        if ours.trim().is_empty() || theirs.trim().is_empty() {
            continue;
        }
        let shift = Shift::between(indent(ours), indent(theirs))?;
        if shift != Shift::None {
            return Some(shift);
        }
    }
    Some(Shift::None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_weigh_more_than_signs_and_blanks() {
        for (a, b, least, most) in [
            ("let total = sum(items);", "let total=sum(items)", 0.9, 1.0),
            (
                "let total = sum(items);",
                "let total = sum(item);",
                0.9,
                1.0,
            ),
            ("let total = sum(items);", "return cart.price", 0.0, 0.5),
            ("", "", 1.0, 1.0),
        ] {
            let got = line_alike(a, b);
            assert!((least..=most).contains(&got), "{a} / {b}: {got}");
        }
    }
}
