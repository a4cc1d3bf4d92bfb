//! Navigate: questions about names, answered from the index and the texts as somebody sees them: the user's files, or a
//! task's draft of them. Files that may hold secrets are never read and never told of.

mod changed;

pub(crate) use changed::{also_used, users_of};

use crate::failure::of_workspace;
use crate::knowledge::{Knowledge, View};
use crate::shared::Shared;
use index::{Code, Definition, Place, Signed, User};
use protocol::{Code as Reason, Failure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use workspace::{Draft, RelPath};

/// Answers that are given where nobody says how many, and at most.
const USUAL: usize = 50;
const MOST: usize = 1_000;

/// What a question is about: a name, or the name at a place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct About {
    /// `name` or `Container::name`; also `Container.name`.
    pub name: Option<String>,
    /// A file, relative to the workspace: where the name at `line` and `column` stands, or for `name` the file from which the
    /// nearest definition is looked for.
    pub path: Option<String>,
    /// Line from 1.
    pub line: Option<u32>,
    /// Column in bytes of UTF-8, from 0; 0 where absent.
    pub column: Option<u32>,
    /// How many answers at most; 50 where absent, 1,000 at most.
    pub k: Option<usize>,
}

/// What is next to a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Around {
    /// The definition that was meant.
    pub of: Signed,
    /// The definitions that it uses, in order of first use.
    pub uses: Vec<Signed>,
    /// The definitions that use it, the nearest first.
    pub used_by: Vec<User>,
    /// Other definitions of that name.
    pub others: Vec<Definition>,
}

/// Whose texts are asked.
pub(crate) enum Reading {
    /// The user's files, unsaved text included.
    Files,
    /// A draft over them.
    Draft(Draft),
}

impl About {
    fn most(&self) -> usize {
        self.k.unwrap_or(USUAL).min(MOST)
    }

    fn place(&self) -> Option<Place<'_>> {
        Some(Place {
            path: self.path.as_deref()?,
            line: self.line?,
            column: self.column.unwrap_or(0),
        })
    }

    /// The name that is meant, and its definitions, the likeliest first.
    fn meant(&self, code: &Code) -> Result<(String, Vec<Definition>), Failure> {
        if let Some(name) = &self.name {
            let mut found = code.definitions(name, self.path.as_deref());
            if found.is_empty() {
                found = code.symbols(name, self.most());
            }
            return Ok((name.clone(), found));
        }
        let place = self.place().ok_or_else(|| {
            Failure::new(Reason::InvalidInput, "neither a name nor a place was given")
                .hint("give `name`, or `path` and `line` (from 1) and `column` (bytes from 0)")
        })?;
        let name = code.name_at(place).ok_or_else(|| {
            Failure::new(
                Reason::NotFound,
                format!(
                    "no name stands at {}:{} column {}",
                    place.path, place.line, place.column
                ),
            )
            .hint("columns are bytes from 0 up to the name's end")
        })?;
        Ok((name, code.definitions_at(place)))
    }
}

/// Definitions of a symbol by its name, or nearly so.
///
/// # Errors
/// `invalid_input` without a name and a place; `not_found` where no name stands at the place or nothing defines it.
pub fn symbols(code: &Code, about: &About) -> Result<Vec<Signed>, Failure> {
    let (_, mut found) = about.meant(code)?;
    found.truncate(about.most());
    Ok(code.signed(found))
}

/// Where a name is defined: exactly that name, the likeliest first.
///
/// # Errors
/// `invalid_input` without a name and a place; `not_found` where no name stands at the place or nothing defines it.
pub fn definitions(code: &Code, about: &About) -> Result<Vec<Signed>, Failure> {
    let mut found = match &about.name {
        Some(name) => code.definitions(name, about.path.as_deref()),
        None => about.meant(code)?.1,
    };
    found.truncate(about.most());
    Ok(code.signed(found))
}

/// The uses of a name.
///
/// # Errors
/// `invalid_input` without a name and a place; `not_found` where no name stands at the place or nothing defines it.
pub fn references(code: &Code, about: &About) -> Result<index::Uses, Failure> {
    let name = match &about.name {
        Some(name) => name.clone(),
        None => about.meant(code)?.0,
    };
    Ok(code.references(&name, about.most()))
}

/// What the likeliest definition uses, and what uses it.
///
/// # Errors
/// `invalid_input` without a name and a place; `not_found` where no name stands at the place or nothing defines it.
pub fn neighbours(code: &Code, about: &About) -> Result<Around, Failure> {
    let (name, mut found) = about.meant(code)?;
    if found.is_empty() {
        return Err(
            Failure::new(Reason::NotFound, format!("nothing here defines `{name}`"))
                .hint("`search` finds code by words"),
        );
    }
    let of = found.remove(0);
    let near = code.neighbours(&of, about.most());
    let uses = near.uses.into_iter().map(|it| it.definition).collect();
    let mut signed = code.signed(vec![near.of]);
    let missing = || Failure::new(Reason::Internal, "a definition was lost");
    Ok(Around {
        of: signed.pop().ok_or_else(missing)?,
        uses: code.signed(uses),
        used_by: near.used_by,
        others: found,
    })
}

impl Reading {
    /// A file's text; `None` for what is no text, what is not there and what may hold secrets.
    fn text(&self, view: &View<'_>, path: &str) -> Option<Arc<str>> {
        let known = RelPath::new(path).ok();
        let path = known.filter(|it| !workspace::is_secret(it))?;
        let Reading::Draft(draft) = self else {
            return view.text(path.as_str());
        };
        let content = draft.read(&path).ok()??;
        let (text, _) = content.decoded_of(&path).ok()?;
        Some(text.into())
    }

    /// The index as this reading has it, where it differs from the user's files.
    fn indexed(&self, view: &View<'_>) -> Option<index::Index> {
        let Reading::Draft(draft) = self else {
            return None;
        };
        let change = draft.change_set();
        if change.is_empty() {
            return None;
        }
        let mut index = view.index().clone();
        for file in &change.files {
            match self.text(view, file.path.as_str()) {
                Some(text) => index.update(file.path.as_str(), &text),
                None => index.remove(file.path.as_str()),
            }
        }
        Some(index)
    }

    /// Ways through what is known at this moment, as this reading has it.
    fn over<T>(&self, view: &View<'_>, work: impl FnOnce(&Code) -> T) -> T {
        let changed = self.indexed(view);
        let index = changed.as_ref().unwrap_or(view.index());
        let texts = |path: &str| self.text(view, path);
        work(&Code::of(index, &texts))
    }
}

/// Asks what is known now of the user's files, unsaved text included. Takes milliseconds of CPU, for common names more.
///
/// # Errors
/// What `work` returns.
pub fn ask<T>(
    knowledge: &Knowledge,
    work: impl FnOnce(&Code) -> Result<T, Failure>,
) -> Result<T, Failure> {
    knowledge.look(|view| Reading::Files.over(view, work))
}

/// The best regions for some words that fit whole into `budget` tokens of 4 bytes, out of the `k` best hits and what is known
/// now.
pub fn within(
    knowledge: &Knowledge,
    words: &str,
    k: usize,
    without: &[index::Signal],
    budget: usize,
) -> Vec<index::Region> {
    let hits = knowledge.look(|view| view.search(words, k, without));
    selected(knowledge, &hits, budget)
}

/// As [`within`], out of hits that were found before.
pub fn selected(knowledge: &Knowledge, hits: &[index::Hit], budget: usize) -> Vec<index::Region> {
    knowledge.look(|view| {
        let texts = |path: &str| Reading::Files.text(view, path);
        index::select(view.index(), hits, &texts, budget)
    })
}

/// As [`ask`], of the files with a draft over them, away from the runtime's threads and once the index is there.
///
/// # Errors
/// `denied` where code search is switched off, what `work` returns, and `internal` if it panics.
pub(crate) async fn ask_draft<T: Send + 'static>(
    shared: &Shared,
    draft: &Draft,
    work: impl FnOnce(&Code) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    allowed(shared)?;
    let reading = Reading::Draft(draft.clone());
    let answer = shared
        .knowledge
        .with(move |view| reading.over(view, work))
        .await;
    answer.ok_or_else(defect)?
}

/// As [`ask`], away from the runtime's threads; out of what is there now.
///
/// # Errors
/// As [`ask_draft`].
pub(crate) async fn ask_at_once<T: Send + 'static>(
    shared: &Shared,
    work: impl FnOnce(&Code) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    allowed(shared)?;
    let knowledge = shared.knowledge.clone();
    let job = tokio::task::spawn_blocking(move || ask(&knowledge, work));
    job.await.unwrap_or_else(|_| Err(defect()))
}

fn allowed(shared: &Shared) -> Result<(), Failure> {
    match shared.tools.enable_semantic {
        true => Ok(()),
        false => {
            let off = "code search is switched off (tools.enable_semantic)";
            Err(Failure::new(Reason::Denied, off).hint("use find_text"))
        }
    }
}

fn defect() -> Failure {
    Failure::new(Reason::Internal, "the index failed by a defect of Animus")
}

/// A definition that uses another, in few words.
pub(crate) fn short(it: &User) -> String {
    let of = &it.definition;
    let line = it.lines.first().unwrap_or(&of.start);
    format!("{} ({}:{line})", of.full_name(), of.path)
}

/// A path that a question names, checked.
///
/// # Errors
/// `path_refused` for one outside the workspace or that may hold secrets.
pub fn checked(about: About) -> Result<About, Failure> {
    about.path.as_deref().map(readable).transpose()?;
    Ok(about)
}

/// A path that may be read.
///
/// # Errors
/// `path_refused` for one outside the workspace or that may hold secrets.
pub fn readable(path: &str) -> Result<RelPath, Failure> {
    let path = RelPath::new(path).map_err(of_workspace)?;
    match workspace::is_secret(&path) {
        true => {
            let message = format!("{path} may hold secrets and is not read");
            Err(Failure::new(Reason::PathRefused, message))
        }
        false => Ok(path),
    }
}
