//! Near: which chunks are near in meaning to what is asked, as somebody outside measures it.
//!
//! What vectors of a model have in common says nothing of a chunk, so each counts by what it is above the mean of all.

use crate::Meaning;
use crate::index::Index;
use crate::postings::Posting;

/// The nearest chunks, which answer also where they share no word with the question.
const BEST: usize = 100;
/// Parts of one that are told apart: sums of whole numbers do not depend on their order.
const PARTS: f64 = 1e6;

/// A chunk that is nearer than the mean.
pub(super) struct Near {
    pub(super) place: Posting,
    /// Above 0, at most 2.
    pub(super) above: f64,
    /// Whether it is one of the nearest.
    pub(super) is_best: bool,
}

/// The chunks that are nearer than the mean, the nearest first; of equal ones by path, then place.
pub(super) fn all(index: &Index, meaning: &Meaning<'_>) -> Vec<Near> {
    let mut measured = Vec::new();
    for (number, file) in (0u32..).zip(index.files()) {
        let Some(file) = file else { continue };
        for (at, chunk) in (0u32..).zip(&file.chunks) {
            let near = meaning(&file.path, chunk.start, chunk.end).map(f64::from);
            // Whatever is no number, or no cosine, is unknown.
            if let Some(near) = near.filter(|near| near.abs() <= 1.5) {
                let parts = (near.clamp(-1.0, 1.0) * PARTS).round() as i64;
                measured.push((parts, &file.path, number, at));
            }
        }
    }
    let count = i64::try_from(measured.len()).unwrap_or(i64::MAX).max(1);
    let mean = measured.iter().map(|it| it.0).sum::<i64>() / count;
    measured.retain(|it| it.0 > mean);
    measured.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| (a.1, a.3).cmp(&(b.1, b.3))));
    let near = |(rank, (parts, _, file, chunk)): (usize, (i64, _, u32, u32))| Near {
        place: Posting {
            file,
            chunk,
            count: 0,
        },
        above: (parts - mean) as f64 / PARTS,
        is_best: rank < BEST,
    };
    measured.into_iter().enumerate().map(near).collect()
}
