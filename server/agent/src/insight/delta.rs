//! Delta: what is an error with the draft and was none without it, by the editor's own language servers. Both are read in trees of
//! their own, side by side: what is missing there is missing in both, and the user's documents are left alone.

use super::{Compared, Question, Told, Trees, Verb, Weight};
use crate::knowledge::Stage;
use crate::navigate;
use crate::shared::Shared;
use std::collections::HashMap;
use std::time::Duration;
use workspace::{Draft, RelPath, Scratch};

/// How long the editor's language servers may take to read two trees.
const PATIENCE: Duration = Duration::from_secs(15);
/// Files that are looked at: those of the draft, and then those that use what it changes.
const MOST_FILES: usize = 20;
/// Errors that are told of.
const MOST: usize = 20;

/// What came of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Delta {
    /// Nobody can be asked, or there is nothing to ask about.
    Unasked,
    /// What was found.
    Checked(Checked),
    /// Why there is no answer.
    Unanswered(String),
}

/// What the language servers made of what they were shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checked {
    /// Errors that are new.
    pub(crate) errors: Vec<Told>,
    /// Files that were looked at.
    pub(crate) looked_at: usize,
    /// What nobody looked at, in words; empty where all was.
    pub(crate) unseen: String,
}

/// Asks the editor what a draft makes wrong. Dropping the future ends the question.
pub(crate) async fn delta(shared: &Shared, draft: &Draft) -> Delta {
    let Some(insight) = shared.insight(Verb::Diagnostics) else {
        return Delta::Unasked;
    };
    let changed = draft.change_set().files;
    let mut files: Vec<RelPath> = changed
        .iter()
        .filter(|file| file.after.is_some() && Scratch::is_legible(&file.path))
        .map(|file| file.path.clone())
        .collect();
    if !changed.iter().any(|file| Scratch::is_legible(&file.path)) {
        return Delta::Unasked;
    }
    let drafted = files.len();
    let is_indexed = shared.knowledge.progress().borrow().stage == Stage::Ready;
    let users = navigate::users_of(&shared.knowledge, draft).await;
    let more = users.iter().filter_map(|path| RelPath::new(path).ok());
    for path in more.filter(Scratch::is_legible) {
        if !files.contains(&path) {
            files.push(path);
        }
    }
    let unseen = Unseen {
        others: changed
            .iter()
            .filter(|file| !Scratch::is_legible(&file.path))
            .count(),
        drafted: drafted.saturating_sub(MOST_FILES),
        users: files.len().saturating_sub(drafted.max(MOST_FILES)),
        is_indexed,
    };
    files.truncate(MOST_FILES);
    let looked_at = files.len();
    if looked_at == 0 {
        return Delta::Unasked;
    }
    let is_known = |path: &&RelPath| {
        let file = changed.iter().find(|file| file.path == **path);
        file.is_none_or(|file| file.base.is_some())
    };
    let known = files.iter().filter(is_known).cloned().collect();
    let (state, mut copy) = (shared.state.clone(), draft.clone());
    // What says how sources are to be read is the user's in both.
    for file in changed
        .iter()
        .filter(|file| !Scratch::is_legible(&file.path))
    {
        copy.restore(&file.path);
    }
    let made = tokio::task::spawn_blocking(move || {
        let plain = Draft::new(copy.snapshot().clone());
        let before = Scratch::legible(&state, copy.snapshot(), &plain)?;
        let after = Scratch::legible(&state, copy.snapshot(), &copy)?;
        Ok::<_, workspace::Error>((before, after))
    });
    // The trees stay as they are until the answer is there.
    let (before, after) = match made.await {
        Ok(Ok(trees)) => trees,
        Ok(Err(error)) => return Delta::Unanswered(error.to_string()),
        Err(_) => return Delta::Unanswered("the trees to compare could not be made".to_owned()),
    };
    let trees = Trees {
        before: before.path().to_owned(),
        after: after.path().to_owned(),
        files,
        known,
    };
    match insight
        .ask(PATIENCE, |reply| Question::Compare(trees, reply))
        .await
    {
        Ok(compared) => Delta::Checked(Checked {
            errors: new_errors(compared),
            looked_at,
            unseen: unseen.words(),
        }),
        Err(why) => Delta::Unanswered(why),
    }
}

/// What nobody looks at.
struct Unseen {
    /// Changed files in other languages, and settings.
    others: usize,
    /// Changed files, and files that use what changes, beyond the most that are looked at.
    drafted: usize,
    users: usize,
    /// Whether it is known who uses what changes.
    is_indexed: bool,
}

impl Unseen {
    fn words(&self) -> String {
        let counted = |count: usize, what: &str| (count > 0).then(|| format!("{count} {what}"));
        let parts = [
            counted(self.others, "changed files that cannot be checked apart"),
            counted(self.drafted, "more changed files"),
            counted(self.users, "files that use what changes"),
            (!self.is_indexed).then(|| "other files that may use what changes".to_owned()),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// Errors that are more often there than before. Lines move, so a line tells nothing.
fn new_errors(compared: Compared) -> Vec<Told> {
    let key = |told: &Told| (told.path.clone(), told.source.clone(), told.message.clone());
    let mut known: HashMap<_, usize> = HashMap::new();
    for told in &compared.before {
        if told.weight == Weight::Error {
            *known.entry(key(told)).or_default() += 1;
        }
    }
    let mut new: Vec<Told> = compared.after;
    new.retain(|told| told.weight == Weight::Error);
    new.sort_by(|one, other| (&one.path, one.line).cmp(&(&other.path, other.line)));
    new.retain(|told| match known.get_mut(&key(told)) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        _ => true,
    });
    new.truncate(MOST);
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: u32, weight: Weight, message: &str) -> Told {
        Told {
            path: RelPath::new("a.ts").unwrap(),
            line,
            weight,
            message: message.to_owned(),
            source: "ts 2322".to_owned(),
        }
    }

    #[test]
    fn what_nobody_looked_at_is_said() {
        let unseen = |others, drafted, users, is_indexed| {
            Unseen {
                others,
                drafted,
                users,
                is_indexed,
            }
            .words()
        };
        assert_eq!(unseen(0, 0, 0, true), "");
        assert_eq!(
            unseen(1, 10, 0, true),
            "1 changed files that cannot be checked apart, 10 more changed files"
        );
        assert_eq!(
            unseen(0, 0, 2, false),
            "2 files that use what changes, other files that may use what changes"
        );
    }

    #[test]
    fn only_errors_that_are_more_than_before_are_new() {
        let compared = Compared {
            before: vec![
                told(1, Weight::Error, "old"),
                told(2, Weight::Warning, "worse"),
            ],
            after: vec![
                told(9, Weight::Error, "old"),
                told(12, Weight::Error, "old"),
                told(2, Weight::Error, "worse"),
                told(5, Weight::Warning, "never mind"),
            ],
        };
        assert_eq!(
            new_errors(compared),
            [
                told(2, Weight::Error, "worse"),
                told(12, Weight::Error, "old")
            ]
        );
    }
}
