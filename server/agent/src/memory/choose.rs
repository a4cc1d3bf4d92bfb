//! Choose: which memories fit some words or a task, best first. The ranking is that of code search; what a task touches by path and
//! what always counts (conventions, a person's notes, commands) comes along.

use index::{Index, Query};
use protocol::{Memory, MemoryAuthor, MemoryKind};

/// Memories that a task is shown at most, how many of them by its words before others get their turn, and their bytes.
const MOST: usize = 8;
const MOST_BY_WORDS: usize = 4;
const MOST_BYTES: usize = 2_400;

/// What a task is about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    /// Its words.
    pub(crate) words: String,
    /// Files and folders that it names.
    pub(crate) paths: Vec<String>,
}

/// Those that share words with `words`, best first.
pub(super) fn ranked(all: &[Memory], words: &str) -> Vec<Memory> {
    let mut index = Index::new();
    for one in all {
        let text = format!("{}\n{}\n", one.text, one.paths.join(" "));
        index.update(&one.id, &text);
    }
    let mut found: Vec<Memory> = Vec::new();
    for hit in index.search(&Query::of(words), all.len()) {
        let one = all.iter().find(|one| one.id == hit.path);
        if let Some(one) = one.filter(|one| found.iter().all(|known| known.id != one.id)) {
            found.push(one.clone());
        }
    }
    found
}

/// The few that a task is shown. Where there are few, that is all of them.
pub(super) fn chosen(all: &[Memory], wish: &Wish) -> Vec<Memory> {
    let newest: Vec<&Memory> = all.iter().rev().collect();
    let by_words = ranked(all, &wish.words);
    let touches = |one: &&&Memory| one.paths.iter().any(|path| wish.touches(path));
    let rule = |one: &&&Memory| {
        one.kind == MemoryKind::Convention
            || (one.by == MemoryAuthor::Person && one.kind == MemoryKind::Note)
    };
    let command = |one: &&&Memory| one.kind == MemoryKind::Command;
    let mut order: Vec<&Memory> = by_words.iter().take(MOST_BY_WORDS).collect();
    order.extend(newest.iter().filter(touches));
    order.extend(newest.iter().filter(rule));
    order.extend(newest.iter().filter(command));
    order.extend(by_words.iter());
    if all.len() <= MOST {
        order.extend(newest.iter());
    }
    let mut chosen: Vec<Memory> = Vec::new();
    let mut left = MOST_BYTES;
    for one in order {
        let known = chosen.iter().any(|known| known.id == one.id);
        if known || one.text.len() > left || chosen.len() >= MOST {
            continue;
        }
        left -= one.text.len();
        chosen.push(one.clone());
    }
    chosen
}

impl Wish {
    /// Whether the task names this file or folder, one above it or one below it.
    fn touches(&self, path: &str) -> bool {
        let below = |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.starts_with('/'));
        self.paths
            .iter()
            .any(|own| own == path || below(own, path) || below(path, own))
    }
}
