//! Board: the signals of one query, by file and by chunk; it lives as long as the query.

use super::asked::{Asked, GUESSED};
use super::bm25::{idf, mean, saturated};
use super::near;
use super::read::Read;
use super::region::{Judged, Region};
use super::signal::{self, CHUNK, FILE, FILE_DECAY, Signal};
use crate::chunk::Chunk;
use crate::history::{History, Said};
use crate::index::{File, Index, Totals};
use crate::postings::Posting;
use crate::{Genre, Meaning, token};

/// Chunks of fewer terms count as this long for the second text signal, which else favours the tiniest.
const LENGTH_FLOOR: f64 = 60.0;

/// Signals gathered so far, by file number and by chunk.
pub(super) struct Board<'i> {
    index: &'i Index,
    by_file: Vec<FileCounts>,
    by_chunk: Vec<ChunkCounts>,
    /// Where the chunks of a file begin in `by_chunk`.
    first_chunk: Vec<usize>,
}

#[derive(Clone, Copy, Default)]
struct FileCounts {
    matched: bool,
    length: f64,
    name_length: f64,
    body: f64,
    names: f64,
    path: f64,
    said: Said,
    pairs: f64,
    literals: f64,
    defines: f64,
}

#[derive(Clone, Copy, Default)]
struct ChunkCounts {
    matched: bool,
    body: f64,
    short: f64,
    names: f64,
    pairs: f64,
    literals: f64,
    feedback: f64,
    meaning: f64,
}

/// What is counted: each posting, or each file.
#[derive(Clone, Copy)]
enum Per {
    Chunk,
    File,
}

impl<'i> Board<'i> {
    pub(super) fn new(index: &'i Index) -> Board<'i> {
        let mut first_chunk = Vec::with_capacity(index.files().len());
        let mut chunks = 0;
        let counts = |file: &File| FileCounts {
            length: file.length() as f64,
            name_length: file.name_length() as f64,
            ..FileCounts::default()
        };
        let mut by_file = Vec::with_capacity(index.files().len());
        for file in index.files() {
            first_chunk.push(chunks);
            chunks += file.as_ref().map_or(0, |file| file.chunks.len());
            by_file.push(file.as_ref().map_or(FileCounts::default(), counts));
        }
        Board {
            index,
            by_file,
            by_chunk: vec![ChunkCounts::default(); chunks],
            first_chunk,
        }
    }

    /// Adds what one term says.
    pub(super) fn count(&mut self, term: &Asked) {
        self.count_text(term);
        self.count_names(term);
        let totals = self.index.totals();
        let rarity = self.rarities(&term.postings.paths, |it| it.files, Per::Chunk);
        for posting in &term.postings.paths {
            let Some((file, counts)) = self.file(posting.file) else {
                continue;
            };
            counts.matched = true;
            let average = mean(totals[file.kind()].paths, totals[file.kind()].files);
            let length = f64::from(file.path_length);
            let rarity = term.weight * rarity[file.kind()];
            counts.path += rarity * saturated(posting.count, length, average, 0.75);
        }
    }

    fn count_text(&mut self, term: &Asked) {
        let totals = self.index.totals();
        let postings = &term.postings.body;
        let rarity = self.rarities(postings, |it| it.chunks, Per::Chunk);
        let file_rarity = self.rarities(postings, |it| it.files, Per::File);
        for group in by_file(postings) {
            let Some(kind) = self.kind(group) else {
                continue;
            };
            let average = mean(totals[kind].body, totals[kind].chunks);
            let rarity = term.weight * rarity[kind];
            for posting in group {
                let Some((chunk, counts)) = self.chunk(posting) else {
                    continue;
                };
                counts.matched = true;
                let length = f64::from(chunk.length);
                counts.body += rarity * saturated(posting.count, length, average, 0.75);
                let length = length.max(LENGTH_FLOOR);
                counts.short += rarity * saturated(posting.count, length, average, 0.5);
            }
            if let Some((_, counts)) = group.first().and_then(|it| self.file(it.file)) {
                counts.matched = true;
                let count = group.iter().map(|posting| posting.count).sum();
                let average = mean(totals[kind].body, totals[kind].files);
                let rarity = term.weight * file_rarity[kind];
                counts.body += rarity * saturated(count, counts.length, average, 0.75);
            }
        }
    }

    fn count_names(&mut self, term: &Asked) {
        let totals = self.index.totals();
        let postings = &term.postings.names;
        let rarity = self.rarities(postings, |it| it.chunks, Per::Chunk);
        let file_rarity = self.rarities(postings, |it| it.files, Per::File);
        for group in by_file(postings) {
            let Some(kind) = self.kind(group) else {
                continue;
            };
            let average = mean(totals[kind].names, totals[kind].chunks);
            let rarity = term.weight * rarity[kind];
            for posting in group {
                if let Some((chunk, counts)) = self.chunk(posting) {
                    let length = f64::from(chunk.name_length);
                    counts.names += rarity * saturated(posting.count, length, average, 0.75);
                }
            }
            if let Some((_, counts)) = group.first().and_then(|it| self.file(it.file)) {
                let count = group.iter().map(|posting| posting.count).sum();
                let average = mean(totals[kind].names, totals[kind].files);
                let rarity = term.weight * file_rarity[kind];
                counts.names += rarity * saturated(count, counts.name_length, average, 0.75);
            }
        }
    }

    /// How telling a term is among code and among prose.
    fn rarities(&self, postings: &[Posting], all: fn(&Totals) -> u64, per: Per) -> [f64; 2] {
        let mut found = [0usize; 2];
        for group in by_file(postings) {
            if let Some(kind) = self.kind(group) {
                found[kind] += match per {
                    Per::Chunk => group.len(),
                    Per::File => 1,
                };
            }
        }
        let totals = self.index.totals();
        [0, 1].map(|kind| idf(all(&totals[kind]), found[kind]))
    }

    fn kind(&self, group: &[Posting]) -> Option<usize> {
        let number = group.first()?.file as usize;
        Some(self.index.files().get(number)?.as_ref()?.kind())
    }

    /// Adds which files define a word of the query, or of the guessed ones, that only code writes, letter by letter.
    pub(super) fn count_defined(&mut self, query: &str, also: &str) {
        let words = token::words_of_code(query);
        let mut guessed = token::words_of_code(also);
        guessed.retain(|word| !words.contains(word));
        let words = words.into_iter().map(|word| (word, 1.0));
        for (word, worth) in words.chain(guessed.into_iter().map(|word| (word, GUESSED))) {
            let files = self.index.defined_files(word);
            let worth = worth / (files.len().max(1) as f64);
            for number in files {
                if let Some((_, counts)) = self.file(number) {
                    counts.defines += worth;
                }
            }
        }
    }

    /// Adds which chunks are near in meaning; the nearest are there whatever their words are.
    pub(super) fn count_meaning(&mut self, meaning: &Meaning<'_>) {
        for near in near::all(self.index, meaning) {
            let number = near.place.file;
            let Some((_, counts)) = self.chunk(&near.place) else {
                continue;
            };
            counts.meaning = near.above;
            counts.matched |= near.is_best;
            if near.is_best
                && let Some((_, counts)) = self.file(number)
            {
                counts.matched = true;
            }
        }
    }

    /// Adds what the history says.
    pub(super) fn count_history(&mut self, history: &History, asked: &[Asked]) {
        let terms = asked.iter().map(|it| (it.term.as_str(), it.weight));
        for (path, said) in history.said(terms) {
            let number = self.index.number(path);
            if let Some((_, counts)) = number.and_then(|number| self.file(number)) {
                counts.said = said;
                counts.matched |= said.votes > 0.0 || said.messages > 0.0;
            }
        }
    }

    /// Adds what reading the best files told.
    pub(super) fn count_read(&mut self, read: &[Read]) {
        for it in read {
            if let Some((_, counts)) = self.file(it.number) {
                counts.pairs = it.pairs;
                counts.literals = it.literals;
            }
            for (at, told) in (0..).zip(&it.chunks) {
                let place = Posting {
                    file: it.number,
                    chunk: at,
                    count: 0,
                };
                if let Some((_, counts)) = self.chunk(&place) {
                    counts.pairs = told.pairs;
                    counts.literals = told.literals;
                }
            }
        }
    }

    /// Adds what the words of the best regions say.
    pub(super) fn count_feedback(&mut self, terms: &[Asked]) {
        let totals = self.index.totals();
        for term in terms {
            let rarity = self.rarities(&term.postings.body, |it| it.chunks, Per::Chunk);
            for group in by_file(&term.postings.body) {
                let Some(kind) = self.kind(group) else {
                    continue;
                };
                let average = mean(totals[kind].body, totals[kind].chunks);
                let rarity = term.weight * rarity[kind];
                for posting in group {
                    if let Some((chunk, counts)) = self.chunk(posting) {
                        let length = f64::from(chunk.length);
                        counts.feedback += rarity * saturated(posting.count, length, average, 0.75);
                    }
                }
            }
        }
    }

    /// The matched files with their scores, best first.
    pub(super) fn files(&self, without: &[Signal]) -> Vec<Judged<'i>> {
        let mut matched = Vec::new();
        for (number, file) in (0u32..).zip(self.index.files()) {
            let (Some(file), Some(counts)) = (file, self.by_file.get(number as usize)) else {
                continue;
            };
            if counts.matched {
                matched.push((number, file, self.file_signals(number, file, counts)));
            }
        }
        let scale = signal::scale(
            &FILE,
            matched
                .iter()
                .filter(|it| it.1.genre != Genre::Test)
                .map(|it| (it.1.kind(), it.2)),
        );
        let mut files: Vec<Judged> = matched
            .into_iter()
            .map(|(number, file, values)| {
                let signals =
                    std::array::from_fn(|at| (values[at] / scale[file.kind()][at]).min(1.0));
                Judged {
                    number,
                    file,
                    score: signal::weighed(&FILE, &signals, without),
                    signals,
                }
            })
            .collect();
        files.sort_by(|a, b| {
            let by_path = || a.file.path.cmp(&b.file.path);
            b.score.total_cmp(&a.score).then_with(by_path)
        });
        files
    }

    fn file_signals(&self, number: u32, file: &File, counts: &FileCounts) -> [f64; FILE.len()] {
        let mut best = [0.0f64; 3];
        let mut nearest = 0.0f64;
        for chunk in self.chunks(number, file) {
            nearest = nearest.max(chunk.meaning);
            let mut body = chunk.body;
            for place in &mut best {
                if body > *place {
                    std::mem::swap(place, &mut body);
                }
            }
        }
        FILE.map(|(signal, _)| match signal {
            Signal::BestChunk => best[0],
            Signal::BestThree => best.iter().sum(),
            Signal::Body => counts.body,
            Signal::Path => counts.path,
            Signal::Names => counts.names,
            Signal::Votes => counts.said.votes,
            Signal::Messages => counts.said.messages,
            Signal::Pairs => counts.pairs,
            Signal::Literals => counts.literals,
            Signal::Commits => f64::from(counts.said.commits).ln_1p(),
            Signal::Size => counts.length.ln_1p(),
            Signal::Defines => counts.defines,
            Signal::Meaning => nearest,
            Signal::Test => f64::from(file.genre == Genre::Test),
            Signal::Prose => f64::from(file.genre == Genre::Prose),
            _ => 0.0,
        })
    }

    /// The matched chunks with their scores, in no order; of a file that only its path names, the first chunk.
    pub(super) fn regions(&self, files: &[Judged<'i>], without: &[Signal]) -> Vec<Region<'i>> {
        let best_file = files.first().map_or(0.0, |file| file.score);
        let mut regions = Vec::new();
        for (rank, judged) in files.iter().enumerate() {
            let counts = self.chunks(judged.number, judged.file);
            let text_matched = counts.iter().any(|it| it.matched);
            let behind = FILE_DECAY * (judged.score - best_file);
            let of_file = (behind.exp(), 1.0 / (rank + 1) as f64);
            for (at, chunk) in judged.file.chunks.iter().enumerate() {
                let Some(it) = counts.get(at) else { continue };
                if !it.matched && (text_matched || at > 0) {
                    continue;
                }
                regions.push(Region {
                    number: judged.number,
                    file: judged.file,
                    rank,
                    chunk: at,
                    signals: chunk_signals(judged, chunk, counts, at, of_file),
                    score: 0.0,
                });
            }
        }
        let scale = signal::scale(
            &CHUNK,
            regions
                .iter()
                .filter(|it| it.file.genre != Genre::Test)
                .map(|it| (it.file.kind(), it.signals)),
        );
        for region in &mut regions {
            region.signals = std::array::from_fn(|at| {
                (region.signals[at] / scale[region.file.kind()][at]).min(1.0)
            });
            region.score = signal::weighed(&CHUNK, &region.signals, without);
        }
        regions
    }

    fn chunks(&self, number: u32, file: &File) -> &[ChunkCounts] {
        let from = self.first_chunk.get(number as usize).copied();
        let from = from.unwrap_or_default();
        let chunks = self.by_chunk.get(from..from + file.chunks.len());
        chunks.unwrap_or_default()
    }

    fn file(&mut self, number: u32) -> Option<(&'i File, &mut FileCounts)> {
        let file = self.index.files().get(number as usize)?.as_ref()?;
        Some((file, self.by_file.get_mut(number as usize)?))
    }

    fn chunk(&mut self, posting: &Posting) -> Option<(&'i Chunk, &mut ChunkCounts)> {
        let number = posting.file as usize;
        let file = self.index.files().get(number)?.as_ref()?;
        let chunk = file.chunks.get(posting.chunk as usize)?;
        let at = self.first_chunk.get(number)? + posting.chunk as usize;
        Some((chunk, self.by_chunk.get_mut(at)?))
    }
}

fn chunk_signals(
    judged: &Judged,
    chunk: &Chunk,
    counts: &[ChunkCounts],
    at: usize,
    of_file: (f64, f64),
) -> [f64; CHUNK.len()] {
    let it = counts.get(at).copied().unwrap_or_default();
    let before = at.checked_sub(1).and_then(|at| counts.get(at));
    let behind = counts.get(at + 1);
    let body = |it: Option<&ChunkCounts>| it.map_or(0.0, |it| it.body);
    CHUNK.map(|(signal, _)| match signal {
        Signal::Body => it.body,
        Signal::Short => it.short,
        Signal::Neighbours => body(before) + body(behind),
        Signal::Names => it.names,
        Signal::Feedback => it.feedback,
        Signal::Meaning => it.meaning,
        Signal::Pairs => it.pairs,
        Signal::Literals => it.literals,
        Signal::File => of_file.0,
        Signal::FileRank => of_file.1,
        Signal::Test => f64::from(judged.file.genre == Genre::Test || chunk.is_test),
        Signal::Prose => f64::from(judged.file.genre == Genre::Prose),
        _ => 0.0,
    })
}

fn by_file(postings: &[Posting]) -> impl Iterator<Item = &[Posting]> {
    postings.chunk_by(|a, b| a.file == b.file)
}
