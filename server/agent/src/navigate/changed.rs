//! Changed: which definitions an edit changed or took away, and who uses them: what the model may have to look at next.

use super::{Reading, short};
use crate::knowledge::{Knowledge, Stage};
use index::{Symbol, SymbolKind};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use workspace::{ChangeSet, Content, Draft, RelPath};

/// Users that are told of at most after one edit.
const MOST: usize = 10;
/// Definitions that are looked at after one edit.
const MOST_CHANGED: usize = 20;
/// A tool's result waits no longer for them.
const PATIENCE: Duration = Duration::from_secs(2);

/// What uses the definitions that changed from `before` to `after`, as a sentence for the model; empty where nothing does,
/// and where the index is not there. `told` are names that were looked at: each is told of once.
pub(crate) async fn also_used(
    knowledge: &Arc<Knowledge>,
    before: &Draft,
    after: &Draft,
    told: &mut HashSet<String>,
) -> String {
    let mut names = changed(&after.since(before));
    names.retain(|name| !told.contains(name));
    names.truncate(MOST_CHANGED);
    if names.is_empty() || knowledge.progress().borrow().stage != Stage::Ready {
        return String::new();
    }
    told.extend(names.iter().cloned());
    let (knowledge, reading) = (knowledge.clone(), Reading::Draft(after.clone()));
    let job = tokio::task::spawn_blocking(move || {
        knowledge.look(|view| reading.over(view, |code| users(code, &names)))
    });
    match tokio::time::timeout(PATIENCE, job).await {
        Ok(Ok(users)) if !users.is_empty() => format!("\nalso used in: {}", users.join(", ")),
        _ => String::new(),
    }
}

/// The files with code that uses what a draft changes or takes away; none where the index is not there.
pub(crate) async fn users_of(knowledge: &Arc<Knowledge>, draft: &Draft) -> Vec<String> {
    let mut names = changed(&draft.change_set());
    names.truncate(MOST_CHANGED);
    if names.is_empty() || knowledge.progress().borrow().stage != Stage::Ready {
        return Vec::new();
    }
    let (knowledge, reading) = (knowledge.clone(), Reading::Draft(draft.clone()));
    let job = tokio::task::spawn_blocking(move || {
        knowledge.look(|view| {
            reading.over(view, |code| {
                let users = names.iter().flat_map(|name| code.users(name, MOST));
                let mut paths: Vec<String> = users.map(|user| user.definition.path).collect();
                paths.sort();
                paths.dedup();
                paths
            })
        })
    });
    match tokio::time::timeout(PATIENCE, job).await {
        Ok(Ok(paths)) => paths,
        _ => Vec::new(),
    }
}

/// Users of any of the names that are not among them, in short.
fn users(code: &index::Code, names: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in names {
        for user in code.users(name, MOST) {
            let place = short(&user);
            if !names.contains(&user.definition.full_name()) && !found.contains(&place) {
                found.push(place);
            }
        }
    }
    found.truncate(MOST);
    found
}

/// The full names of definitions whose text is not what it was, or that are gone; new ones are not among them.
fn changed(change: &ChangeSet) -> Vec<String> {
    let mut names = Vec::new();
    for file in &change.files {
        let Some(old) = text(&file.path, file.base.as_ref()) else {
            continue;
        };
        let new = file.after.clone().map(|bytes| Content::new(bytes, None));
        let new = text(&file.path, new.as_ref()).unwrap_or_default();
        let kept = parts(&file.path, &new);
        for (name, text) in ordered(&file.path, &old) {
            if kept.get(&name) != Some(&text) && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

fn text(path: &RelPath, content: Option<&Content>) -> Option<String> {
    let (text, _) = content?.decoded_of(path).ok()?;
    Some(text.into_owned())
}

fn parts(path: &RelPath, text: &str) -> HashMap<String, String> {
    ordered(path, text).into_iter().collect()
}

/// Definitions by full name with their text, in order; of several with one name the last is kept by who collects them.
fn ordered(path: &RelPath, text: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let symbols = index::outline(path.as_str(), text).into_iter();
    let told = symbols.filter(|it| is_told(it.kind));
    told.map(|it| {
        let end = (it.end as usize).min(lines.len());
        let own = lines.get(it.start as usize - 1..end).unwrap_or_default();
        (full_name(&it), own.join("\n"))
    })
    .collect()
}

fn full_name(it: &Symbol) -> String {
    match &it.container {
        Some(container) => format!("{container}::{}", it.name),
        None => it.name.clone(),
    }
}

/// Whether others use such a definition by its name, and its text is its own.
fn is_told(kind: SymbolKind) -> bool {
    !matches!(
        kind,
        SymbolKind::Impl | SymbolKind::Module | SymbolKind::Class | SymbolKind::Test
    )
}
