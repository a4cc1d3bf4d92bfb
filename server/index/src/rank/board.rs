//! Board: the signals of one query, by file and by chunk; it lives as long as the query.

use super::Asked;
use super::bm25::{greatest, idf, mean, saturated};
use super::region::{Judged, Region};
use crate::index::{File, Index, Totals};
use crate::vocabulary::Posting;

/// Weights of a file's signals.
mod file_weight {
    pub(super) const BEST_CHUNK: f64 = 3.0;
    pub(super) const BEST_THREE: f64 = 1.5;
    pub(super) const BODY: f64 = 1.0;
    pub(super) const PATH: f64 = 1.5;
    pub(super) const NAMES: f64 = 0.5;
    pub(super) const TEST: f64 = -2.4;
}

/// Weights of a chunk's signals.
mod chunk_weight {
    pub(super) const BODY: f64 = 2.0;
    pub(super) const SHORT: f64 = 2.0;
    pub(super) const NEIGHBOURS: f64 = 0.5;
    pub(super) const NAMES: f64 = 0.6;
    pub(super) const FILE: f64 = 1.2;
    pub(super) const FILE_RANK: f64 = 0.5;
    pub(super) const TEST: f64 = -2.1;
    pub(super) const FEW_LINES: f64 = -0.6;
}

/// Chunks below this many lines rarely say enough.
const FEW_LINES: u32 = 6;
/// Chunks of fewer terms count as this long for the second text signal, which else favours the tiniest.
const LENGTH_FLOOR: f64 = 60.0;

/// Signals gathered so far, by file number and by chunk.
pub(super) struct Board {
    totals: Totals,
    by_file: Vec<FileSignals>,
    by_chunk: Vec<ChunkSignals>,
    /// Where the chunks of a file begin in `by_chunk`.
    first_chunk: Vec<usize>,
}

#[derive(Clone, Copy, Default)]
struct FileSignals {
    matched: bool,
    length: f64,
    name_length: f64,
    body: f64,
    names: f64,
    path: f64,
    best: f64,
    best_three: f64,
}

#[derive(Clone, Copy, Default)]
struct ChunkSignals {
    matched: bool,
    body: f64,
    short: f64,
    names: f64,
}

impl Board {
    pub(super) fn new(index: &Index) -> Board {
        let mut first_chunk = Vec::with_capacity(index.files().len());
        let mut chunks = 0;
        let mut by_file = Vec::with_capacity(index.files().len());
        for file in index.files() {
            first_chunk.push(chunks);
            chunks += file.as_ref().map_or(0, |file| file.chunks.len());
            by_file.push(
                file.as_ref()
                    .map_or(FileSignals::default(), |file| FileSignals {
                        length: file.length() as f64,
                        name_length: file.name_length() as f64,
                        ..FileSignals::default()
                    }),
            );
        }
        Board {
            totals: index.totals(),
            by_file,
            by_chunk: vec![ChunkSignals::default(); chunks],
            first_chunk,
        }
    }

    /// Adds what one term says.
    pub(super) fn count(&mut self, term: &Asked, index: &Index) {
        self.count_text(term, index);
        self.count_names(term, index);
        let totals = self.totals;
        let rarity = term.weight * idf(totals.files, term.postings.paths.len());
        let average = mean(totals.paths, totals.files);
        for posting in &term.postings.paths {
            let Some((file, signals)) = self.file(index, posting) else {
                continue;
            };
            signals.matched = true;
            let length = f64::from(file.path_length);
            signals.path += rarity * saturated(posting.count, length, average, 0.75);
        }
    }

    fn count_text(&mut self, term: &Asked, index: &Index) {
        let totals = self.totals;
        let postings = &term.postings.body;
        let rarity = term.weight * idf(totals.chunks, postings.len());
        let average = mean(totals.body, totals.chunks);
        let file_rarity = term.weight * idf(totals.files, by_file(postings).count());
        let file_average = mean(totals.body, totals.files);
        for group in by_file(postings) {
            for posting in group {
                let Some((length, _, signals)) = self.chunk(index, posting) else {
                    continue;
                };
                signals.matched = true;
                signals.body += rarity * saturated(posting.count, length, average, 0.75);
                let length = length.max(LENGTH_FLOOR);
                signals.short += rarity * saturated(posting.count, length, average, 0.5);
            }
            if let Some((_, signals)) = group.first().and_then(|it| self.file(index, it)) {
                signals.matched = true;
                let count = group.iter().map(|posting| posting.count).sum();
                signals.body += file_rarity * saturated(count, signals.length, file_average, 0.75);
            }
        }
    }

    fn count_names(&mut self, term: &Asked, index: &Index) {
        let totals = self.totals;
        let postings = &term.postings.names;
        let rarity = term.weight * idf(totals.chunks, postings.len());
        let average = mean(totals.names, totals.chunks);
        let file_rarity = term.weight * idf(totals.files, by_file(postings).count());
        let file_average = mean(totals.names, totals.files);
        for group in by_file(postings) {
            for posting in group {
                if let Some((_, length, signals)) = self.chunk(index, posting) {
                    signals.names += rarity * saturated(posting.count, length, average, 0.75);
                }
            }
            if let Some((_, signals)) = group.first().and_then(|it| self.file(index, it)) {
                let count = group.iter().map(|posting| posting.count).sum();
                let length = signals.name_length;
                signals.names += file_rarity * saturated(count, length, file_average, 0.75);
            }
        }
    }

    /// The matched files with their scores, best first.
    pub(super) fn files<'i>(&mut self, index: &'i Index) -> Vec<Judged<'i>> {
        let mut matched = Vec::new();
        for (number, file) in index.files().iter().enumerate() {
            let (Some(file), Some(signals)) = (file, self.by_file.get_mut(number)) else {
                continue;
            };
            if !signals.matched {
                continue;
            }
            let from = self.first_chunk.get(number).copied().unwrap_or_default();
            let chunks = self.by_chunk.get(from..from + file.chunks.len());
            let mut bodies: Vec<f64> = chunks.into_iter().flatten().map(|it| it.body).collect();
            bodies.sort_by(|a, b| b.total_cmp(a));
            signals.best = bodies.first().copied().unwrap_or_default();
            signals.best_three = bodies.iter().take(3).sum();
            matched.push((number, file, *signals));
        }
        let most =
            |signal: fn(&FileSignals) -> f64| greatest(matched.iter().map(|it| signal(&it.2)));
        let best = most(|it| it.best);
        let best_three = most(|it| it.best_three);
        let body = most(|it| it.body);
        let path = most(|it| it.path);
        let names = most(|it| it.names);
        let mut files: Vec<Judged> = matched
            .iter()
            .map(|&(number, file, it)| Judged {
                number,
                file,
                score: file_weight::BEST_CHUNK * it.best / best
                    + file_weight::BEST_THREE * it.best_three / best_three
                    + file_weight::BODY * it.body / body
                    + file_weight::PATH * it.path / path
                    + file_weight::NAMES * it.names / names
                    + if file.is_test { file_weight::TEST } else { 0.0 },
            })
            .collect();
        files.sort_by(|a, b| {
            let by_path = || a.file.path.cmp(&b.file.path);
            b.score.total_cmp(&a.score).then_with(by_path)
        });
        files
    }

    /// The matched chunks with their scores; of a file that only its path names, the first chunk.
    pub(super) fn regions<'i>(&self, index: &'i Index, files: &[Judged<'i>]) -> Vec<Region<'i>> {
        let most = |signal: fn(&ChunkSignals) -> f64| greatest(self.by_chunk.iter().map(signal));
        let body = most(|it| it.body);
        let short = most(|it| it.short);
        let names = most(|it| it.names);
        let best_file = files.first().map_or(0.0, |file| file.score);
        let mut regions = Vec::new();
        for (rank, judged) in (1u32..).zip(files) {
            let from = self.first_chunk.get(judged.number).copied().unwrap_or(0);
            let to = from + judged.file.chunks.len();
            let signals = self.by_chunk.get(from..to).unwrap_or_default();
            let text_matched = signals.iter().any(|it| it.matched);
            let of_file = chunk_weight::FILE * (judged.score - best_file).exp()
                + chunk_weight::FILE_RANK / f64::from(rank);
            for (at, (chunk, it)) in judged.file.chunks.iter().zip(signals).enumerate() {
                if !it.matched && (text_matched || at > 0) {
                    continue;
                }
                let before = at.checked_sub(1).and_then(|at| signals.get(at));
                let around = before.map_or(0.0, |it| it.body)
                    + signals.get(at + 1).map_or(0.0, |it| it.body);
                let few = chunk.end - chunk.start + 1 < FEW_LINES;
                let is_test = judged.file.is_test || chunk.is_test;
                regions.push(Region {
                    number: judged.number,
                    file: judged.file,
                    chunk: at,
                    score: of_file
                        + chunk_weight::BODY * it.body / body
                        + chunk_weight::SHORT * it.short / short
                        + chunk_weight::NEIGHBOURS * around / (2.0 * body)
                        + chunk_weight::NAMES * it.names / names
                        + if is_test { chunk_weight::TEST } else { 0.0 }
                        + if few { chunk_weight::FEW_LINES } else { 0.0 },
                });
            }
        }
        debug_assert!(regions.len() <= index.totals().chunks as usize);
        regions
    }

    fn file<'i>(
        &mut self,
        index: &'i Index,
        posting: &Posting,
    ) -> Option<(&'i File, &mut FileSignals)> {
        let number = posting.file as usize;
        let file = index.files().get(number)?.as_ref()?;
        Some((file, self.by_file.get_mut(number)?))
    }

    /// A chunk's terms in its text and in its names, and its signals.
    fn chunk(&mut self, index: &Index, posting: &Posting) -> Option<(f64, f64, &mut ChunkSignals)> {
        let number = posting.file as usize;
        let file = index.files().get(number)?.as_ref()?;
        let chunk = file.chunks.get(posting.chunk as usize)?;
        let at = self.first_chunk.get(number)? + posting.chunk as usize;
        let signals = self.by_chunk.get_mut(at)?;
        Some((
            f64::from(chunk.length),
            f64::from(chunk.name_length),
            signals,
        ))
    }
}

fn by_file(postings: &[Posting]) -> impl Iterator<Item = &[Posting]> {
    postings.chunk_by(|a, b| a.file == b.file)
}
