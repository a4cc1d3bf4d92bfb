//! Read: what the texts of the best files tell that postings cannot: which words of the query stand side by side, and its
//! literals letter by letter.

use std::collections::BTreeMap;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use hashbrown::HashMap;
use memchr::memmem;

use super::asked::Asked;
use super::bm25::idf;
use super::region::Judged;
use crate::chunk::{self, Chunk};
use crate::query::Query;
use crate::token::{self, Cutter};

/// Files that are read.
const MOST_FILES: usize = 50;
/// Words further apart in a text are not side by side: bytes from start to start.
const NEAR: usize = 48;
/// Bytes of a usual word with what is around it.
const WORD: f64 = 8.0;
/// Pairs of a query that are looked for, the rarest words first.
const MOST_PAIRS: usize = 32;
/// Literals of a query that are looked for.
const MOST_LITERALS: usize = 16;

/// What one text told.
pub(super) struct Read {
    pub(super) number: u32,
    kind: usize,
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
                kind: judged.file.kind(),
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
    if let Some(pairs) = Pairs::of(query.text, asked) {
        let mut cuts = HashMap::new();
        for it in &mut read {
            pairs.count(it, chunks_of(it.number), &mut cuts);
        }
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
    /// By term: the pairs that it is part of, each with its number, its other term and its weight.
    partners: Vec<Vec<(usize, u32, f64)>>,
    /// Finds what may begin a term.
    begins: AhoCorasick,
}

/// Where a term was seen last.
#[derive(Clone, Copy)]
struct Seen {
    at: usize,
    chunk: usize,
}

impl Pairs {
    /// `None` where a query has no two terms that a file may use.
    fn of(query: &str, asked: &[Asked]) -> Option<Pairs> {
        let used = asked
            .iter()
            .map(|it| (it.term.as_str(), it.postings.body.len()));
        let used: HashMap<&str, usize> = used.collect();
        let mut order: Vec<(String, f64)> = Vec::new();
        let cutter = Cutter::default();
        for word in token::words(query) {
            parts(&cutter, word, |term| {
                let weight = match used.get(term.as_str()) {
                    None | Some(0) => 0.0,
                    Some(&used) => 1.0 / (used as f64).sqrt(),
                };
                order.push((term, weight));
            });
        }
        let mut pairs: BTreeMap<(&str, &str), f64> = BTreeMap::new();
        for two in order.windows(2) {
            if let [(one, first), (other, second)] = two
                && one != other
                && first * second > 0.0
            {
                pairs.insert((one, other), (first * second).sqrt());
            }
        }
        let mut pairs: Vec<((&str, &str), f64)> = pairs.into_iter().collect();
        pairs.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        pairs.truncate(MOST_PAIRS);

        let mut by_term: HashMap<String, u32> = HashMap::new();
        let mut number = |term: &str| {
            let next = u32::try_from(by_term.len()).unwrap_or(u32::MAX);
            *by_term.entry_ref(term).or_insert(next)
        };
        let pairs = pairs.into_iter();
        let pairs: Vec<(u32, u32, f64)> = pairs
            .map(|((one, other), weight)| (number(one), number(other), weight))
            .collect();
        let begins = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            // Beginnings of words are everywhere in code: to look for rare bytes first only loses time.
            .prefilter(false)
            .kind(Some(AhoCorasickKind::DFA))
            // A stem that was changed at its end still begins like the word.
            .build(
                by_term
                    .keys()
                    .map(|term| term.strip_suffix('i').unwrap_or(term)),
            );
        let mut partners = vec![Vec::new(); by_term.len()];
        for (pair, &(one, other, weight)) in pairs.iter().enumerate() {
            for (term, partner) in [(one, other), (other, one)] {
                if let Some(list) = partners.get_mut(term as usize) {
                    list.push((pair, partner, weight));
                }
            }
        }
        Some(Pairs {
            by_term,
            partners,
            begins: begins.ok()?,
        })
        .filter(|_| !pairs.is_empty())
    }

    fn count(&self, read: &mut Read, chunks: &[Chunk], cuts: &mut HashMap<String, Vec<u32>>) {
        let text = read.text.clone();
        let mut last: Vec<Option<Seen>> = vec![None; self.by_term.len()];
        let mut best: BTreeMap<(usize, usize), f64> = BTreeMap::new();
        let (mut line, mut from, mut behind) = (1u32, 0, 0);
        for found in self.begins.find_iter(text.as_bytes()) {
            if found.start() < behind {
                continue;
            }
            let word = word_around(&text, found.start(), found.end());
            behind = word.end;
            let between = text.as_bytes().get(from..word.start).unwrap_or_default();
            line += lines(between);
            from = word.start;
            let word_text = text.get(word.clone()).unwrap_or_default();
            if !cuts.contains_key(word_text) {
                cuts.insert(word_text.to_owned(), self.terms(word_text));
            }
            let terms = cuts.get(word_text).map_or(&[][..], Vec::as_slice);
            if terms.is_empty() {
                continue;
            }
            let here = Seen {
                at: word.start,
                chunk: chunk::covering(chunks, line),
            };
            for &term in terms {
                self.meet(term, here, &last, &mut best);
                if let Some(slot) = last.get_mut(term as usize) {
                    *slot = Some(here);
                }
            }
        }
        let mut of_file: BTreeMap<usize, f64> = BTreeMap::new();
        for ((chunk, pair), near) in best {
            if let Some(told) = read.chunks.get_mut(chunk) {
                told.pairs += near;
            }
            let best = of_file.entry(pair).or_default();
            *best = best.max(near);
        }
        read.pairs = of_file.values().sum();
    }

    /// Notes each pair that a term makes with one seen before, the nearest per chunk.
    fn meet(
        &self,
        term: u32,
        here: Seen,
        last: &[Option<Seen>],
        best: &mut BTreeMap<(usize, usize), f64>,
    ) {
        let partners = self.partners.get(term as usize);
        for &(pair, partner, weight) in partners.into_iter().flatten() {
            let Some(there) = last.get(partner as usize).copied().flatten() else {
                continue;
            };
            let distance = here.at - there.at;
            if there.chunk != here.chunk || distance > NEAR {
                continue;
            }
            let near = weight / (distance as f64 / WORD).max(1.0).sqrt();
            let best = best.entry((here.chunk, pair)).or_default();
            *best = best.max(near);
        }
    }

    /// The numbers of the terms that a word of a text is made of.
    fn terms(&self, text: &str) -> Vec<u32> {
        let cutter = Cutter::default();
        let mut terms = Vec::new();
        for word in token::words(text) {
            parts(&cutter, word, |term| terms.extend(self.by_term.get(&term)));
        }
        terms
    }
}

/// The bytes of the word that `from..to` is part of.
fn word_around(text: &str, from: usize, to: usize) -> std::ops::Range<usize> {
    let is_part = |c: &char| c.is_alphanumeric() || *c == '_';
    let before = text.get(..from).unwrap_or_default().chars().rev();
    let before: usize = before.take_while(is_part).map(char::len_utf8).sum();
    let behind = text.get(to..).unwrap_or_default().chars();
    let behind: usize = behind.take_while(is_part).map(char::len_utf8).sum();
    from - before..to + behind
}

fn lines(bytes: &[u8]) -> u32 {
    u32::try_from(memchr::memchr_iter(b'\n', bytes).count()).unwrap_or(u32::MAX)
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
            line += lines(between);
            from = at;
            let chunk = chunk::covering(chunks, line);
            if here.last() != Some(&chunk) {
                here.push(chunk);
            }
        }
        places.push(here);
    }
    let count = |kind: usize| {
        let all = read.iter().zip(&places).filter(|(it, _)| it.kind == kind);
        let with = all.clone().filter(|(_, here)| !here.is_empty());
        idf(all.count() as u64, with.count())
    };
    let rarities = [count(0), count(1)];
    for (it, here) in read.iter_mut().zip(places) {
        let rarity = rarities[it.kind];
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
