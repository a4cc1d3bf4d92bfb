//! Read: what the texts of the best files tell that postings cannot: which words of the query stand side by side, and its
//! literals letter by letter.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use memchr::memmem;

use super::asked::Asked;
use super::bm25::idf;
use super::region::Judged;
use crate::chunk::{self, Chunk};
use crate::query::Query;
use crate::token::{self, Cutter};

/// Files that are read.
const MOST_FILES: usize = 100;
/// Words further apart in a text are not side by side.
const NEAR: u32 = 6;
/// Literals of a query that are looked for.
const MOST_LITERALS: usize = 16;

/// What one text told.
pub(super) struct Read {
    pub(super) number: u32,
    pub(super) text: Arc<str>,
    pub(super) pairs: f64,
    pub(super) literals: f64,
    /// By chunk.
    pub(super) chunks: Vec<Told>,
}

/// What one chunk told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    pub(super) pairs: f64,
    pub(super) literals: f64,
}

/// Reads the best files, as far as texts are there.
pub(super) fn best(files: &[Judged], query: &Query<'_>, asked: &[Asked]) -> Vec<Read> {
    let Some(texts) = query.texts else {
        return Vec::new();
    };
    let mut read: Vec<Read> = files
        .iter()
        .take(MOST_FILES)
        .filter_map(|judged| {
            Some(Read {
                number: judged.number,
                text: texts(&judged.file.path)?,
                pairs: 0.0,
                literals: 0.0,
                chunks: vec![Told::default(); judged.file.chunks.len()],
            })
        })
        .collect();
    let chunks: HashMap<u32, &[Chunk]> = files
        .iter()
        .take(MOST_FILES)
        .map(|judged| (judged.number, &*judged.file.chunks))
        .collect();
    let chunks_of = |number: u32| chunks.get(&number).copied().unwrap_or_default();
    let pairs = Pairs::of(query.text, asked);
    for it in &mut read {
        pairs.count(it, chunks_of(it.number));
    }
    for literal in literals(query.text) {
        count_literal(&literal, &mut read, chunks_of);
    }
    read
}

/// The neighbouring terms of a query.
struct Pairs {
    /// Numbers of terms, in the order of the query's words.
    by_term: HashMap<String, u32>,
    /// `(first, second)`, each once, with its weight.
    pairs: Vec<(u32, u32, f64)>,
}

impl Pairs {
    fn of(query: &str, asked: &[Asked]) -> Pairs {
        let weights: HashMap<&str, f64> = asked
            .iter()
            .map(|it| {
                let used = it.postings.body.len();
                (
                    it.term.as_str(),
                    if used == 0 {
                        0.0
                    } else {
                        1.0 / (used as f64).sqrt()
                    },
                )
            })
            .collect();
        let mut by_term: HashMap<String, u32> = HashMap::new();
        let mut order: Vec<(u32, f64)> = Vec::new();
        let cutter = Cutter::default();
        for word in token::words(query) {
            parts(&cutter, word, |term| {
                let next = u32::try_from(by_term.len()).unwrap_or(u32::MAX);
                let weight = weights.get(term.as_str()).copied().unwrap_or_default();
                let number = *by_term.entry(term).or_insert(next);
                order.push((number, weight));
            });
        }
        let mut pairs: BTreeMap<(u32, u32), f64> = BTreeMap::new();
        for two in order.windows(2) {
            if let &[(one, first), (other, second)] = two
                && one != other
            {
                pairs.insert((one, other), (first * second).sqrt());
            }
        }
        Pairs {
            by_term,
            pairs: pairs.into_iter().map(|((a, b), w)| (a, b, w)).collect(),
        }
    }

    fn count(&self, read: &mut Read, chunks: &[Chunk]) {
        if self.pairs.is_empty() {
            return;
        }
        let text = read.text.clone();
        let cutter = Cutter::default();
        let mut by_word: HashMap<&str, Vec<u32>> = HashMap::new();
        let mut last: Vec<(u32, usize)> = vec![(u32::MAX, usize::MAX); self.by_term.len()];
        let mut best: HashMap<(usize, usize), f64> = HashMap::new();
        let mut place = 0u32;
        for (line, number) in text.lines().zip(1u32..) {
            let mut at = None;
            for word in token::words(line) {
                place += 1;
                let terms = by_word.entry(word).or_insert_with(|| {
                    let mut terms = Vec::new();
                    parts(&cutter, word, |term| {
                        if let Some(&term) = self.by_term.get(&term) {
                            terms.push(term);
                        }
                    });
                    terms
                });
                for &term in terms.iter() {
                    let at = *at.get_or_insert_with(|| chunk::covering(chunks, number));
                    for (pair, &(one, other, weight)) in self.pairs.iter().enumerate() {
                        let partner = if term == one {
                            other
                        } else if term == other {
                            one
                        } else {
                            continue;
                        };
                        let Some(&(there, there_at)) = last.get(partner as usize) else {
                            continue;
                        };
                        if there_at != at || there == u32::MAX || place - there > NEAR {
                            continue;
                        }
                        let near = weight / f64::from((place - there).max(1)).sqrt();
                        let best = best.entry((at, pair)).or_default();
                        *best = best.max(near);
                    }
                    if let Some(slot) = last.get_mut(term as usize) {
                        *slot = (place, at);
                    }
                }
            }
        }
        let mut found: Vec<_> = best.into_iter().collect();
        found.sort_by_key(|it| it.0);
        let mut of_file: BTreeMap<usize, f64> = BTreeMap::new();
        for ((at, pair), near) in found {
            if let Some(told) = read.chunks.get_mut(at) {
                told.pairs += near;
            }
            let best = of_file.entry(pair).or_default();
            *best = best.max(near);
        }
        read.pairs = of_file.values().sum();
    }
}

/// The terms of a word's parts, without the whole of it.
fn parts(cutter: &Cutter, word: &str, mut take: impl FnMut(String)) {
    let mut held: Vec<String> = Vec::new();
    cutter.terms(word, |term| held.push(term));
    if held.len() > 2 {
        held.pop();
    }
    held.into_iter().for_each(&mut take);
}

/// What a query quotes, and words that only code writes.
fn literals(query: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut note = |text: &str| {
        let text = text.trim();
        if text.len() > 2 && text.len() <= 80 && !found.iter().any(|it| it == text) {
            found.push(text.to_owned());
        }
    };
    for quote in ['`', '"', '\''] {
        let mut parts = query.split(quote);
        parts.next();
        // What is between the first and the second, the third and the fourth.
        while let (Some(inside), Some(_)) = (parts.next(), parts.next()) {
            if !inside.contains('\n') {
                note(inside);
            }
        }
    }
    for word in query.split(|c: char| c.is_whitespace() || "`\"'()[]{},;".contains(c)) {
        let word = word.trim_matches(|c: char| ".:!?".contains(c));
        let inner = word.trim_matches(|c: char| !c.is_alphanumeric());
        let is_code = word.starts_with("--")
            || word.starts_with('$')
            || inner.contains('_')
            || inner.contains("::")
            || inner.contains('.') && inner.split('.').all(|part| part.chars().nth(1).is_some())
            || inner.contains('-')
            || inner
                .chars()
                .zip(inner.chars().skip(1))
                .any(|(a, b)| a.is_lowercase() && b.is_uppercase());
        if is_code {
            note(word);
        }
    }
    found.truncate(MOST_LITERALS);
    found
}

fn count_literal<'c>(literal: &str, read: &mut [Read], chunks_of: impl Fn(u32) -> &'c [Chunk]) {
    let finder = memmem::Finder::new(literal);
    let mut places: Vec<Vec<usize>> = Vec::with_capacity(read.len());
    for it in read.iter() {
        let chunks = chunks_of(it.number);
        let mut here = Vec::new();
        let (mut line, mut from) = (1u32, 0);
        for at in finder.find_iter(it.text.as_bytes()) {
            let between = it.text.as_bytes().get(from..at).unwrap_or_default();
            let lines = memchr::memchr_iter(b'\n', between).count();
            line = line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
            from = at;
            let chunk = chunk::covering(chunks, line);
            if here.last() != Some(&chunk) {
                here.push(chunk);
            }
        }
        places.push(here);
    }
    let with = places.iter().filter(|it| !it.is_empty()).count();
    let rarity = idf(read.len() as u64, with);
    for (it, here) in read.iter_mut().zip(places) {
        if !here.is_empty() {
            it.literals += rarity;
        }
        for chunk in here {
            if let Some(told) = it.chunks.get_mut(chunk) {
                told.literals += rarity;
            }
        }
    }
}
