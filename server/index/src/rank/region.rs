//! Region: a chunk with its score, and the file that it is judged with; it becomes a hit for those who asked.

use std::cmp::Ordering;

use super::Hit;
use super::asked::Asked;
use super::signal::{CHUNK, FILE, Signal};
use crate::index::File;
use crate::postings::{Posting, Postings, range_of};

/// A file with its score.
pub(super) struct Judged<'i> {
    pub(super) number: u32,
    pub(super) file: &'i File,
    pub(super) score: f64,
    /// In the order of the weights, at most 1.
    pub(super) signals: [f64; FILE.len()],
}

/// A chunk with its score.
pub(super) struct Region<'i> {
    pub(super) number: u32,
    pub(super) file: &'i File,
    /// The place of its file among the files.
    pub(super) rank: usize,
    pub(super) chunk: usize,
    pub(super) score: f64,
    pub(super) signals: [f64; CHUNK.len()],
}

/// Words of each kind that are told.
const MOST_WORDS: usize = 12;
/// A signal from here on is worth a word.
const TELLING: f64 = 0.5;

/// The `most` best regions, best first.
pub(super) fn best<'r, 'i>(regions: &'r [Region<'i>], most: usize) -> Vec<&'r Region<'i>> {
    let mut order: Vec<&Region> = regions.iter().collect();
    if most < order.len() {
        order.select_nth_unstable_by(most, |a, b| better(a, b));
        order.truncate(most);
    }
    order.sort_unstable_by(|a, b| better(a, b));
    order
}

/// The better one first; of equal ones by path, then place.
pub(super) fn better(a: &Region, b: &Region) -> Ordering {
    let by_place = || (a.file.path.as_ref(), a.chunk).cmp(&(b.file.path.as_ref(), b.chunk));
    b.score.total_cmp(&a.score).then_with(by_place)
}

impl Judged<'_> {
    fn signal(&self, signal: Signal) -> f64 {
        let at = FILE.iter().position(|it| it.0 == signal);
        at.and_then(|at| self.signals.get(at))
            .copied()
            .unwrap_or(0.0)
    }
}

impl Region<'_> {
    fn signal(&self, signal: Signal) -> f64 {
        let at = CHUNK.iter().position(|it| it.0 == signal);
        at.and_then(|at| self.signals.get(at))
            .copied()
            .unwrap_or(0.0)
    }

    pub(super) fn hit(&self, score: f64, asked: &[Asked], files: &[Judged]) -> Option<Hit> {
        let chunk = self.file.chunks.get(self.chunk)?;
        let mut why = Vec::new();
        for (label, list) in [
            ("names", self.words(asked, |it| &it.names, Some(self.chunk))),
            ("path", self.words(asked, |it| &it.paths, None)),
            ("text", self.words(asked, |it| &it.body, Some(self.chunk))),
        ] {
            if !list.is_empty() {
                why.push(format!("{label}: {}", list.join(", ")));
            }
        }
        let judged = files.get(self.rank);
        if judged.is_some_and(|it| it.signal(Signal::Votes) >= TELLING) {
            why.push("history: commits like this one changed the file".to_owned());
        }
        if self.signal(Signal::Literals) >= TELLING {
            why.push("literal: as it is written".to_owned());
        }
        if self.signal(Signal::Meaning) >= TELLING {
            why.push("meaning: near to what is asked".to_owned());
        }
        Some(Hit {
            path: self.file.path.to_string(),
            start: chunk.start,
            end: chunk.end,
            score,
            why,
        })
    }

    /// The query's words that a list of postings has for this file, and for `chunk` where one is given.
    fn words<'a>(
        &self,
        asked: &'a [Asked],
        list: fn(&Postings) -> &Vec<Posting>,
        chunk: Option<usize>,
    ) -> Vec<&'a str> {
        let mut words: Vec<&str> = Vec::new();
        for it in asked {
            let list = list(&it.postings);
            let here = list.get(range_of(list, self.number)).unwrap_or_default();
            let is_here = here
                .iter()
                .any(|posting| chunk.is_none_or(|chunk| posting.chunk as usize == chunk));
            if is_here && !words.contains(&it.word.as_str()) {
                words.push(&it.word);
            }
            if words.len() == MOST_WORDS {
                break;
            }
        }
        words
    }
}
