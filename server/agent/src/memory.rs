//! Memory: what is known of a project beyond a single task. What a model or a repository says is kept as an observation with its
//! origin: it can allow nothing, loosen nothing and change no configuration, since nothing but prompts and listings reads it.
//!
//! Invariant: where memory is off, nothing is kept, used or shown but the ids of what can be forgotten; and no key is in it.

mod calls;
mod choose;
mod environment;
mod lesson;
mod offer;
mod record;
mod store;
mod words;

pub(crate) use choose::Wish;
pub(crate) use environment::known as environment_values;
pub(crate) use lesson::Course;
pub(crate) use offer::told;
pub(crate) use words::{neutral, visible};

use crate::config::MemoryConfig;
use camino::Utf8PathBuf;
use protocol::{Code, Failure, Memory, MemoryAuthor, MemoryKind, TaskId};
use sandbox::Tree;
use std::sync::Arc;
use store::{Page, Store};

/// Bytes of one memory at most.
pub const MOST_TEXT: usize = 1_000;
/// Ids that are told at most where memory is off.
const MOST_IDS: usize = 50;
/// Paths that one memory is about at most.
const MOST_PATHS: usize = 16;

/// The memories of one project. Clones are the same store.
#[derive(Debug, Clone)]
pub(crate) struct Memories {
    store: Store,
    config: MemoryConfig,
    root: Utf8PathBuf,
}

/// What is to be remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// What it is about; a note where nobody says so, or what one that says the same is.
    pub kind: Option<MemoryKind>,
    /// The words, as they were said.
    pub text: String,
    /// Files and folders that it is about, relative to the workspace.
    pub paths: Vec<String>,
    /// Who says so.
    pub by: MemoryAuthor,
    /// The task that it comes from.
    pub task: Option<TaskId>,
}

/// How much is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryUsage {
    /// Memories.
    pub items: usize,
    /// Bytes of the file.
    pub bytes: u64,
}

impl Memories {
    /// Over a state folder; reads and makes nothing yet.
    pub(crate) fn new(state: Arc<Tree>, config: MemoryConfig, root: Utf8PathBuf) -> Memories {
        Memories {
            store: Store::new(state),
            config,
            root,
        }
    }

    /// Whether anything may be remembered.
    pub(crate) fn is_on(&self) -> bool {
        self.config.enabled
    }

    fn on(&self) -> Result<(), Failure> {
        match self.config.enabled {
            true => Ok(()),
            false => Err(
                Failure::new(Code::Denied, "memory is switched off (memory.enabled)")
                    .hint(self.ways_out()),
            ),
        }
    }

    /// How to get rid of what was kept before memory was switched off: for that, its ids are told.
    fn ways_out(&self) -> String {
        let clear = "`animus memory clear` removes what was kept before";
        let ids: Vec<String> = match self.store.load() {
            Ok(page) => page.memories.into_iter().map(|one| one.id).collect(),
            Err(_) => Vec::new(),
        };
        match ids.as_slice() {
            [] => clear.to_owned(),
            ids => {
                let (first, more) = ids.split_at(ids.len().min(MOST_IDS));
                let rest = match more.len() {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                format!(
                    "{clear}; `animus memory forget ID` one of {}{rest}",
                    first.join(", ")
                )
            }
        }
    }

    /// All of them, oldest first.
    ///
    /// # Errors
    /// `denied` where memory is off, `io`.
    pub(crate) fn list(&self) -> Result<Vec<Memory>, Failure> {
        self.on()?;
        Ok(self.store.load()?.memories)
    }

    /// Keeps one, without keys and hidden characters. One that says the same is not kept twice.
    ///
    /// # Errors
    /// `denied` where memory is off or full of what people noted, `invalid_input` for a text that is empty or too long, `io`.
    pub(crate) fn add(&self, new: Remembered) -> Result<Memory, Failure> {
        self.on()?;
        let kind = new.kind;
        let memory = self.fit(new)?;
        let config = &self.config;
        self.store.change(|page| keep(page, memory, kind, config))
    }

    /// The best for some words, best first; the newest first where there are no words.
    ///
    /// # Errors
    /// As [`Memories::list`].
    pub(crate) fn search(
        &self,
        query: &str,
        kind: Option<MemoryKind>,
        k: usize,
    ) -> Result<Vec<Memory>, Failure> {
        let mut all = self.list()?;
        all.retain(|one| kind.is_none_or(|kind| one.kind == kind));
        let mut found = match query.trim() {
            "" => {
                all.reverse();
                all
            }
            words => choose::ranked(&all, words),
        };
        found.truncate(k);
        Ok(found)
    }

    /// The few that a task is shown, counted as used. Nothing where memory is off or cannot be read: it is only experience.
    pub(crate) fn offer(&self, wish: &Wish) -> Vec<Memory> {
        let all = match self.list() {
            Ok(all) => all,
            Err(failure) => {
                if self.is_on() {
                    tracing::warn!(%failure, "nothing is remembered in this task");
                }
                return Vec::new();
            }
        };
        let chosen = choose::chosen(&all, wish);
        if !chosen.is_empty() {
            let ids: Vec<String> = chosen.iter().map(|one| one.id.clone()).collect();
            if let Err(failure) = self.store.change(|page| {
                page.count_use(&ids);
                Ok(())
            }) {
                tracing::warn!(%failure, "it is not counted which memories were used");
            }
        }
        chosen
    }

    /// Forgets those with these ids, or beginnings of ids that fit one only. What is forgotten is gone from the disk too. Works also
    /// where memory is off.
    ///
    /// # Errors
    /// `not_found`, and then nothing is forgotten; `io`.
    pub(crate) fn forget(&self, ids: &[String]) -> Result<Vec<Memory>, Failure> {
        if self.store.load()?.memories.is_empty() {
            return match ids.first() {
                Some(id) => Err(unknown(id)),
                None => Ok(Vec::new()),
            };
        }
        self.store.change(|page| {
            let mut gone: Vec<Memory> = Vec::new();
            for id in ids {
                let one = page.find(id).ok_or_else(|| unknown(id))?;
                if gone.iter().all(|known| known.id != one.id) {
                    gone.push(one.clone());
                }
            }
            for one in &gone {
                page.forget(&one.id);
            }
            page.compact();
            Ok(gone)
        })
    }

    /// Forgets all and removes the file. How many there were. Works also where memory is off.
    ///
    /// # Errors
    /// `io`.
    pub(crate) fn clear(&self) -> Result<usize, Failure> {
        self.store.clear()
    }

    /// How much there is.
    ///
    /// # Errors
    /// `denied` where memory is off, `io`.
    pub(crate) fn usage(&self) -> Result<MemoryUsage, Failure> {
        Ok(MemoryUsage {
            items: self.list()?.len(),
            bytes: self.store.bytes(),
        })
    }

    /// What is kept of what was said.
    fn fit(&self, new: Remembered) -> Result<Memory, Failure> {
        let invalid = |message: String| Failure::new(Code::InvalidInput, message);
        let masked = llm::mask(&new.text);
        let masked = environment::mask(&self.root, &masked);
        let mut text = words::kept(&masked);
        if text.is_empty() {
            return Err(invalid("there are no words to remember".to_owned()));
        }
        if text.len() > MOST_TEXT {
            if new.by == MemoryAuthor::Person {
                return Err(invalid(format!(
                    "{} bytes are too long for a memory; {MOST_TEXT} fit",
                    text.len()
                ))
                .hint(
                    "say it in fewer words, or in parts; longer guidance belongs into AGENTS.md",
                ));
            }
            text = words::cut(&text, MOST_TEXT);
        }
        let mut paths: Vec<String> = Vec::new();
        for path in new.paths {
            let known = workspace::RelPath::new(path.trim_end_matches('/')).ok();
            let fit = known.filter(|it| !workspace::is_secret(it));
            let fit = fit.map(|it| it.as_str().to_owned());
            match fit.filter(|it| words::kept(it) == *it) {
                Some(fit) if paths.contains(&fit) => {}
                Some(fit) if paths.len() < MOST_PATHS => paths.push(fit),
                // A person is told; of a model's many words the good ones count.
                Some(_) if new.by == MemoryAuthor::Person => {
                    let many = format!("a memory is about at most {MOST_PATHS} paths");
                    return Err(invalid(many));
                }
                None if new.by == MemoryAuthor::Person => {
                    let path = words::cut(&words::kept(&path), 200);
                    let no = format!("`{path}` is no path that a memory can be about");
                    return Err(invalid(no).hint(
                        "name files and folders relative to the workspace, none that hold secrets",
                    ));
                }
                _ => {}
            }
        }
        Ok(Memory {
            id: crate::new_id()[20..].to_owned(),
            kind: new.kind.unwrap_or_default(),
            text,
            paths,
            by: new.by,
            task: new.task,
            created: crate::events::now(),
            used: 0,
        })
    }
}

/// Adds a memory to what is there: as part of one that says the same, else in the place of those that have to go.
fn keep(
    page: &mut Page,
    new: Memory,
    kind: Option<MemoryKind>,
    config: &MemoryConfig,
) -> Result<Memory, Failure> {
    if let Some(same) = page.memories.iter().find(|one| words::same(one, &new)) {
        let merged = merged(same, &new, kind);
        if merged != *same {
            page.put(merged.clone());
        }
        return Ok(merged);
    }
    let size = |one: &Memory| one.text.len() + one.paths.iter().map(String::len).sum::<usize>();
    loop {
        let bytes = page.memories.iter().map(size).sum::<usize>() + size(&new);
        if page.memories.len() < config.max_items && bytes <= config.max_bytes {
            break;
        }
        let own = page
            .memories
            .iter()
            .filter(|one| one.by == MemoryAuthor::Agent);
        let least = own.min_by(|a, b| (a.used, &a.created).cmp(&(b.used, &b.created)));
        let Some(id) = least.map(|one| one.id.clone()) else {
            let failure = Failure::new(
                Code::Denied,
                "memory is full, and all that is in it was noted by people",
            );
            return Err(failure.hint("forget some (`animus memory forget`), or raise memory.max_items and memory.max_bytes"));
        };
        page.forget(&id);
    }
    page.put(new.clone());
    Ok(new)
}

/// One memory of two that say the same: a person's words stay, of the agent's the newer ones. Its kind changes where a person
/// names one.
fn merged(old: &Memory, new: &Memory, kind: Option<MemoryKind>) -> Memory {
    let mut one = old.clone();
    if new.by == MemoryAuthor::Person {
        (one.by, one.kind) = (MemoryAuthor::Person, kind.unwrap_or(one.kind));
    }
    if one.by == new.by {
        one.text.clone_from(&new.text);
    }
    for path in &new.paths {
        if !one.paths.contains(path) && one.paths.len() < MOST_PATHS {
            one.paths.push(path.clone());
        }
    }
    one
}

fn unknown(id: &str) -> Failure {
    Failure::new(
        Code::NotFound,
        format!(
            "there is no memory {}, or more than one begins so",
            words::cut(&words::kept(id), 80)
        ),
    )
    .hint("`animus memory list` shows them")
}

#[cfg(test)]
mod tests;
