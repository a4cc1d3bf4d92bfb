//! Feedback: the words that the best regions share and the query did not think of (pseudo-relevance feedback).

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::asked::Asked;
use super::bm25::idf;
use super::read::Read;
use super::region::{self, Region};
use crate::index::Index;
use crate::token::{self, Cutter};

/// Regions that are believed.
const REGIONS: usize = 8;
/// Words that are taken from them.
const TERMS: usize = 20;

/// The most telling terms of the best regions; `None` where none of them was read.
pub(super) fn terms(
    index: &Index,
    regions: &[Region],
    read: &[Read],
    asked: &[Asked],
) -> Option<Vec<Asked>> {
    let cutter = Cutter::default();
    // By term: how many regions have it, weighed by how good they are.
    let mut found: BTreeMap<String, f64> = BTreeMap::new();
    let regions = region::best(regions, REGIONS);
    let best = regions.first()?.score;
    let mut any = false;
    for region in regions {
        let Some(it) = read.iter().find(|it| it.number == region.number) else {
            continue;
        };
        any = true;
        let Some(chunk) = region.file.chunks.get(region.chunk) else {
            continue;
        };
        let worth = (region.score - best).exp();
        // Each word is cut once: words of code come again and again.
        let mut words: HashMap<&str, u32> = HashMap::new();
        let lines = it.text.lines().skip(chunk.start as usize - 1);
        for line in lines.take((chunk.end - chunk.start + 1) as usize) {
            for word in token::words(line) {
                *words.entry(word).or_default() += 1;
            }
        }
        let mut counts: HashMap<String, u32> = HashMap::new();
        for (word, count) in words {
            cutter.terms(word, |term| *counts.entry(term).or_default() += count);
        }
        for (term, count) in counts {
            *found.entry(term).or_default() += worth * (1.0 + f64::from(count).ln());
        }
    }
    if !any {
        return None;
    }
    let chunks = index.totals().iter().map(|it| it.chunks).sum();
    let mut more: Vec<Asked> = found
        .into_iter()
        .filter(|(term, _)| asked.iter().all(|it| it.term != *term))
        .filter_map(|(term, shared)| {
            let postings = index.vocabulary().get(&term)?;
            // A word of one region alone finds nothing else.
            if postings.body.len() < 2 {
                return None;
            }
            let weight = shared * idf(chunks, postings.body.len());
            Some(Asked {
                word: term.clone(),
                term,
                weight,
                postings,
            })
        })
        .collect();
    more.sort_by(|a, b| {
        b.weight
            .total_cmp(&a.weight)
            .then_with(|| a.term.cmp(&b.term))
    });
    more.truncate(TERMS);
    let most = more.first().map_or(1.0, |it| it.weight);
    for it in &mut more {
        it.weight /= most;
    }
    more.sort_by(|a, b| a.term.cmp(&b.term));
    Some(more)
}
