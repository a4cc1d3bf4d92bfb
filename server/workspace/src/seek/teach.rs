//! Teach: what a refusal says, so that the next try is right: where, what stands there, and what differs.

use super::{Miss, Reason};
use similar::TextDiff;
use std::collections::HashMap;
use std::ops::Range;

/// Most lines of a region that are shown.
const SHOWN: usize = 12;

/// The text stands in several places.
pub(super) fn ambiguous(file: &[&str], places: &[Range<usize>]) -> Miss {
    let mut spots: Vec<String> = places
        .iter()
        .take(6)
        .map(|place| match place.len() {
            0 | 1 => (place.start + 1).to_string(),
            _ => format!("{}-{}", place.start + 1, place.end),
        })
        .collect();
    if places.len() > spots.len() {
        spots.push(format!("{} more", places.len() - spots.len()));
    }
    let above: Vec<String> = places
        .iter()
        .take(3)
        .filter_map(|place| {
            let at = place.start.checked_sub(1)?;
            Some(format!("  {}: {}", at + 1, visible(file.get(at)?)))
        })
        .collect();
    let mut teach = format!(
        "the search text stands in {} places, lines {}; add lines above or below it until only one fits",
        places.len(),
        spots.join(", "),
    );
    if !above.is_empty() {
        teach.push_str(". The lines above them:\n");
        teach.push_str(&above.join("\n"));
    }
    Miss::new(Reason::Ambiguous, teach)
}

/// The result stands in the file, in the lines from `lines.start` to `lines.end`, from 1, inclusive.
pub(super) fn present_already(lines: &Range<usize>) -> Miss {
    Miss::new(
        Reason::AlreadyApplied,
        format!(
            "already present at {}-{}; leave this hunk out",
            lines.start,
            lines.end.max(lines.start)
        ),
    )
}

/// The text stands nowhere.
pub(super) fn not_found(file: &[&str], before: &[&str], after: &[&str]) -> Miss {
    if let Some(place) = present(file, after) {
        return present_already(&(place.start + 1..place.end));
    }
    if file.is_empty() {
        return Miss::new(
            Reason::NotFound,
            "the file is empty; send a hunk with an empty search to fill it",
        );
    }
    let Some(place) = nearest(file, before) else {
        return Miss::new(
            Reason::NotFound,
            format!(
                "nothing like the search text is in the file ({} lines); read the file and send its lines as they are",
                file.len()
            ),
        );
    };
    let mut teach = format!(
        "the search text is not in the file; nearest are lines {}-{}:\n",
        place.start + 1,
        place.end
    );
    for index in place.clone().take(SHOWN) {
        teach.push_str(&format!("  {}: {}\n", index + 1, file[index]));
    }
    if place.len() > SHOWN {
        teach.push_str(&format!("  … {} more\n", place.len() - SHOWN));
    }
    let differs = differences(file, &place, before);
    if !differs.is_empty() {
        teach.push_str("what differs (→ tab, · blank at an end):\n");
        teach.push_str(&differs);
    }
    teach.push_str("send the search text exactly as the file has it");
    Miss::new(Reason::NotFound, teach)
}

/// The anchor (`@@ …`) of a hunk without other lines stands nowhere, or in several places.
pub(super) fn anchor(file: &[&str], scope: &[String]) -> Miss {
    let name = scope.last().map_or("", String::as_str);
    let hits: Vec<Range<usize>> = (0..file.len())
        .filter(|index| file[*index].contains(name))
        .map(|index| index..index + 1)
        .collect();
    match hits.len() {
        0 | 1 => Miss::new(
            Reason::NotFound,
            format!(
                "the anchor `@@ {name}` is not a line of the file; give a line that is, or lines of context"
            ),
        ),
        _ => ambiguous(file, &hits),
    }
}

/// The one place where `after` stands already, if it says enough to tell.
fn present(file: &[&str], after: &[&str]) -> Option<Range<usize>> {
    let after: Vec<&str> = after.iter().map(|line| line.trim()).collect();
    let weight: usize = after.iter().map(|line| line.len()).sum();
    if weight < 4 || after.len() > file.len() {
        return None;
    }
    let mut hits = (0..=file.len() - after.len()).filter(|start| {
        after
            .iter()
            .zip(&file[*start..])
            .all(|(ours, theirs)| *ours == theirs.trim())
    });
    match (hits.next(), hits.next()) {
        (Some(start), None) => Some(start..start + after.len()),
        _ => None,
    }
}

/// The window with most lines in common with `before`; else the line most like its longest line.
fn nearest(file: &[&str], before: &[&str]) -> Option<Range<usize>> {
    let height = before.len().clamp(1, file.len());
    let mut wanted: HashMap<&str, usize> = HashMap::new();
    for line in before
        .iter()
        .map(|line| line.trim())
        .filter(|line| line.len() > 1)
    {
        *wanted.entry(line).or_default() += line.len();
    }
    let weight = |index: usize| wanted.get(file[index].trim()).copied().unwrap_or(0);
    let mut score: usize = (0..height).map(weight).sum();
    let (mut best, mut start) = (score, 0);
    for next in 1..=file.len() - height {
        score = score + weight(next + height - 1) - weight(next - 1);
        if score > best {
            (best, start) = (score, next);
        }
    }
    if best > 0 {
        return Some(start..start + height);
    }
    similar_line(file, before, height)
}

fn similar_line(file: &[&str], before: &[&str], height: usize) -> Option<Range<usize>> {
    let (offset, longest) = before
        .iter()
        .enumerate()
        .max_by_key(|(_, line)| line.trim().len())?;
    let longest: String = longest.trim().chars().take(200).collect();
    if longest.is_empty() {
        return None;
    }
    let words: Vec<&str> = words(&longest).collect();
    let mut close: Vec<(usize, usize)> = file
        .iter()
        .enumerate()
        .map(|(index, line)| {
            (
                words.iter().filter(|word| line.contains(**word)).count(),
                index,
            )
        })
        .filter(|(shared, _)| *shared > 0)
        .collect();
    close.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let ratio = |index: usize| {
        let line: String = file[index].trim().chars().take(200).collect();
        TextDiff::from_chars(longest.as_str(), line.as_str()).ratio()
    };
    let (at, best) = close
        .iter()
        .take(50)
        .map(|(_, index)| (*index, ratio(*index)))
        .fold(
            (0, 0.0f32),
            |best, next| if next.1 > best.1 { next } else { best },
        );
    let start = at.saturating_sub(offset).min(file.len() - height);
    (best >= 0.5).then_some(start..start + height)
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|sign: char| !sign.is_alphanumeric() && sign != '_')
        .filter(|word| word.len() > 2)
}

/// The lines that differ, both sides, with invisible signs shown.
fn differences(file: &[&str], place: &Range<usize>, before: &[&str]) -> String {
    let mut text = String::new();
    let pairs = place
        .clone()
        .zip(before)
        .filter(|(index, ours)| file[*index] != **ours);
    for (index, ours) in pairs.take(4) {
        text.push_str(&format!(
            "  {} file:   {}\n",
            index + 1,
            visible(file[index])
        ));
        text.push_str(&format!("  {} search: {}\n", index + 1, visible(ours)));
        if let Some(signs) = alike(file[index], ours) {
            text.push_str(&signs);
        }
    }
    text
}

/// The first signs that differ, by number, where one of them is not ASCII and may look like the other.
fn alike(theirs: &str, ours: &str) -> Option<String> {
    let (a, b) = theirs.chars().zip(ours.chars()).find(|(a, b)| a != b)?;
    let number = |sign: char| u32::from(sign);
    (!a.is_ascii() || !b.is_ascii()).then(|| {
        format!(
            "    (U+{:04X} in the file, U+{:04X} in the search)\n",
            number(a),
            number(b)
        )
    })
}

/// A line with tabs, blanks at the end and carriage returns shown.
fn visible(line: &str) -> String {
    let line: String = line.chars().take(160).collect();
    let body = line.trim_end_matches([' ', '\r']);
    let mut text = body.replace('\t', "→");
    for sign in line[body.len()..].chars() {
        text.push(if sign == '\r' { '␍' } else { '·' });
    }
    text
}
