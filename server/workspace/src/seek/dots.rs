//! Dots: a hunk whose search and replacement have the same number of `...` lines stands for its pieces, each of which must
//! be in exactly one place, in order; what the dots stand for is kept.

use super::ladder::{Finder, Found};
use super::placeholder::is_dots;
use super::{Edit, Miss, Reason};
use crate::patch::{HunkSpec, Reach};

/// The edits of the pieces; `None` where the hunk has no dots.
pub(super) fn find(
    file: &[&str],
    hunk: &HunkSpec,
    before: &[&str],
    after: &[&str],
    below: usize,
) -> Option<Result<Vec<Edit>, Miss>> {
    let split = |lines: &[&str]| lines.iter().filter(|line| is_dots(line)).count();
    let count = split(before);
    if count == 0 || count != split(after) || hunk.reach == Reach::All {
        return None;
    }
    Some(pieces(file, hunk, before, after, below))
}

fn pieces(
    file: &[&str],
    hunk: &HunkSpec,
    before: &[&str],
    after: &[&str],
    below: usize,
) -> Result<Vec<Edit>, Miss> {
    let mut edits: Vec<Edit> = Vec::new();
    let pairs = before
        .split(|line| is_dots(line))
        .zip(after.split(|line| is_dots(line)));
    for (number, (old, new)) in pairs.enumerate() {
        let number = number + 1;
        if old.is_empty() && new.is_empty() {
            continue;
        }
        if old.is_empty() {
            return Err(Miss::new(
                Reason::NotFound,
                format!(
                    "piece {number} between the `...` lines has a replacement but no search text; search for the lines it replaces"
                ),
            ));
        }
        let spot = match Finder::new(file, hunk, below).find(old, new) {
            Found::One(spot) => spot,
            Found::Many(spots) => {
                let places: Vec<_> = spots.iter().map(|spot| spot.at.clone()).collect();
                return Err(super::teach::ambiguous(file, &places));
            }
            Found::None => {
                let miss = super::teach::not_found(file, old, new);
                return Err(Miss::new(
                    miss.reason,
                    format!("piece {number} between the `...` lines: {}", miss.teach),
                ));
            }
        };
        if edits.last().is_some_and(|last| last.at.end > spot.at.start) {
            return Err(Miss::new(
                Reason::NotFound,
                format!(
                    "piece {number} between the `...` lines stands above the piece before it; send the pieces as hunks of their own"
                ),
            ));
        }
        edits.push(spot.edit(old, new));
    }
    Ok(edits)
}
