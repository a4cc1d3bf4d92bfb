//! History: what the messages of earlier commits said of the files that they changed.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::rank::bm25::{idf, mean, saturated};
use crate::token::{self, Cutter};

/// A commit that changed more files says too little of each.
const MOST_FILES: usize = 100;
/// Commits that may vote.
const VOTERS: usize = 60;

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its whole message.
    pub message: String,
    /// Paths that it changed, as they are given to the index.
    pub files: Vec<String>,
}

/// The messages of commits by term. Holds no text of theirs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct History {
    paths: Vec<Box<str>>,
    commits: Vec<Row>,
    /// `(commit, count)` by commit.
    terms: BTreeMap<Box<str>, Vec<(u32, u32)>>,
    /// Terms of all messages that touched each path.
    lengths: Vec<u32>,
}

/// One commit: the numbers of its paths, and how many terms its message has.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Row {
    files: Box<[u32]>,
    length: u32,
}

/// What a history says of one path.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Said {
    /// Votes of the commits whose messages fit best.
    pub(crate) votes: f64,
    /// BM25 over the messages of all commits that touched it.
    pub(crate) messages: f64,
    /// How many commits touched it.
    pub(crate) commits: u32,
}

impl History {
    /// The history of commits, newest first.
    pub fn of(commits: impl IntoIterator<Item = Commit>) -> History {
        let mut history = History::default();
        let mut numbers: HashMap<String, u32> = HashMap::new();
        let cutter = Cutter::default();
        // Messages say the same words again and again; each is cut once.
        let mut cuts: HashMap<String, Vec<String>> = HashMap::new();
        for commit in commits {
            if commit.files.is_empty() || commit.files.len() > MOST_FILES {
                continue;
            }
            let mut counts: BTreeMap<String, u32> = BTreeMap::new();
            let mut length = 0;
            for word in token::words(prose(&commit.message)) {
                let terms = cuts.entry_ref(word).or_insert_with(|| {
                    let mut terms = Vec::new();
                    cutter.terms(word, |term| terms.push(term));
                    terms
                });
                for term in terms {
                    match counts.get_mut(term.as_str()) {
                        Some(count) => *count += 1,
                        None => drop(counts.insert(term.clone(), 1)),
                    }
                    length += 1;
                }
            }
            let at = u32::try_from(history.commits.len()).unwrap_or(u32::MAX);
            for (term, count) in counts {
                let list = history.terms.entry(term.into()).or_default();
                list.push((at, count));
            }
            let files = commit.files.into_iter().map(|path| {
                *numbers.entry_ref(path.as_str()).or_insert_with(|| {
                    history.paths.push(path.as_str().into());
                    history.lengths.push(0);
                    u32::try_from(history.paths.len() - 1).unwrap_or(u32::MAX)
                })
            });
            let files: Box<[u32]> = files.collect();
            for &file in &files {
                if let Some(all) = history.lengths.get_mut(file as usize) {
                    *all += length;
                }
            }
            history.commits.push(Row { files, length });
        }
        history
    }

    /// How many commits it holds.
    pub fn len(&self) -> usize {
        self.commits.len()
    }

    /// Whether it holds no commit.
    pub fn is_empty(&self) -> bool {
        self.commits.is_empty()
    }

    /// The whole history, packed, for [`History::from_bytes`] of the same version of this crate.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// A history as it was packed; `None` for bytes that hold none.
    pub fn from_bytes(bytes: &[u8]) -> Option<History> {
        postcard::from_bytes(bytes).ok()
    }

    /// What it says of each path for some terms with their weights.
    pub(crate) fn said<'t>(
        &self,
        terms: impl Iterator<Item = (&'t str, f64)>,
    ) -> impl Iterator<Item = (&str, Said)> {
        let mut scores = vec![0.0; self.commits.len()];
        let mut said = vec![Said::default(); self.paths.len()];
        for file in self.commits.iter().flat_map(|row| &row.files) {
            if let Some(it) = said.get_mut(*file as usize) {
                it.commits += 1;
            }
        }
        let all = self.commits.len() as u64;
        let average = mean(
            self.commits.iter().map(|it| u64::from(it.length)).sum(),
            all,
        );
        let lengths = self.lengths.iter().map(|&it| u64::from(it)).sum();
        let path_average = mean(lengths, self.paths.len() as u64);
        for (term, weight) in terms {
            let Some(list) = self.terms.get(term) else {
                continue;
            };
            let rarity = weight * idf(all, list.len());
            let mut by_path: HashMap<u32, u32> = HashMap::new();
            for &(commit, count) in list {
                let Some(row) = self.commits.get(commit as usize) else {
                    continue;
                };
                if let Some(score) = scores.get_mut(commit as usize) {
                    *score += rarity * saturated(count, f64::from(row.length), average, 0.4);
                }
                for &file in &row.files {
                    *by_path.entry(file).or_default() += count;
                }
            }
            let rarity = weight * idf(self.paths.len() as u64, by_path.len());
            for (file, count) in by_path {
                if let Some(it) = said.get_mut(file as usize) {
                    let length = f64::from(self.lengths.get(file as usize).copied().unwrap_or(0));
                    it.messages += rarity * saturated(count, length, path_average, 0.75);
                }
            }
        }
        let mut best: Vec<(usize, f64)> = scores.into_iter().enumerate().collect();
        best.retain(|&(_, score)| score > 0.0);
        best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        for (rank, &(commit, score)) in best.iter().take(VOTERS).enumerate() {
            let files = self.commits.get(commit).map_or(&[][..], |row| &row.files);
            let vote = score / (files.len() as f64).sqrt() / (1.0 + 0.1 * rank as f64);
            for &file in files {
                if let Some(it) = said.get_mut(file as usize) {
                    it.votes += vote;
                }
            }
        }
        let paths = self.paths.iter().map(|path| &**path);
        paths.zip(said)
    }
}

/// A message without its trailers (`Signed-off-by: …`), which name people and not code.
fn prose(message: &str) -> &str {
    let message = message.trim_end();
    let Some((before, last)) = message.rsplit_once("\n\n") else {
        return message;
    };
    let is_trailer = |line: &str| {
        line.split_once(": ").is_some_and(|(key, _)| {
            !key.is_empty()
                && key.chars().all(|c| c.is_alphanumeric() || c == '-')
                && key.contains('-')
        })
    };
    match last.lines().all(is_trailer) {
        true => before,
        false => message,
    }
}
