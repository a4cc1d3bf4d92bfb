//! Insight: what the user's editor knows of the code by its own language servers. The agent asks over a channel that a door serves;
//! a late, wrong or missing answer is a reason to look elsewhere, never the end of a task. All places are of the user's text of now.

mod delta;
mod places;
mod renaming;

pub(crate) use delta::{Checked, Delta, delta};
pub(crate) use places::{drafted, merged, spot_of};
pub(crate) use renaming::renamings;

use crate::shared::Shared;
use camino::Utf8PathBuf;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use workspace::RelPath;

/// How long an answer is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// Who answers a question, once. It is closed when nobody waits for the answer any more.
pub type Reply<T> = oneshot::Sender<Result<T, String>>;

/// What an editor may be asked, if it announces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// What is wrong in files.
    Diagnostics,
    /// Where the name at a place is defined.
    Definition,
    /// Where it is used.
    References,
    /// What is to be edited for it to have another name.
    Rename,
    /// Definitions by name.
    Symbols,
    /// What the person looks at.
    Selection,
    /// To show two texts side by side.
    OpenDiff,
}

impl Verb {
    /// All of them.
    pub const ALL: [Verb; 7] = [
        Verb::Diagnostics,
        Verb::Definition,
        Verb::References,
        Verb::Rename,
        Verb::Symbols,
        Verb::Selection,
        Verb::OpenDiff,
    ];

    /// As it stands after `animus/`, and in the client's list of verbs.
    pub fn word(self) -> &'static str {
        match self {
            Verb::Diagnostics => "client/diagnostics",
            Verb::Definition => "client/definition",
            Verb::References => "client/references",
            Verb::Rename => "client/rename",
            Verb::Symbols => "client/symbols",
            Verb::Selection => "client/selection",
            Verb::OpenDiff => "client/openDiff",
        }
    }
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// The file.
    pub path: RelPath,
    /// Line from 1.
    pub line: u32,
    /// Bytes of UTF-8 in the line, from 0.
    pub column: u32,
}

/// Places, and how many more are outside the workspace or in files that may hold secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// In the workspace.
    pub here: Vec<Spot>,
    /// Elsewhere.
    pub elsewhere: usize,
}

/// A definition by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// The name around it.
    pub container: Option<String>,
    /// Where it is.
    pub spot: Spot,
}

/// Definitions, and how many more are outside the workspace or in files that may hold secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// In the workspace.
    pub here: Vec<Named>,
    /// Elsewhere, by name.
    pub elsewhere: Vec<String>,
}

/// A file that an edit of the editor's language server changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// The file.
    pub path: RelPath,
    /// The text that the edit is for.
    pub before: String,
    /// The text behind it.
    pub after: String,
}

/// What a rename changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renamed {
    /// The files.
    pub files: Vec<Rewritten>,
    /// Files outside the workspace, or that may hold secrets: they are left alone.
    pub elsewhere: usize,
}

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It is wrong.
    Error,
    /// It may be wrong.
    Warning,
    /// Anything less.
    Note,
}

/// A diagnostic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The file.
    pub path: RelPath,
    /// Line from 1.
    pub line: u32,
    /// How bad.
    pub weight: Weight,
    /// What.
    pub message: String,
    /// Who says so; with its code where it gives one.
    pub source: String,
}

/// Two trees with the same files: without the draft and with it. Nobody changes them while they are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trees {
    /// Without the draft.
    pub before: Utf8PathBuf,
    /// With it.
    pub after: Utf8PathBuf,
    /// The files to look at in the one with it.
    pub files: Vec<RelPath>,
    /// Those of them that are in the other one too.
    pub known: Vec<RelPath>,
}

/// What is wrong in two trees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// Without the draft.
    pub before: Vec<Told>,
    /// With it.
    pub after: Vec<Told>,
}

/// What the person looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// The file with the cursor.
    pub path: RelPath,
    /// First and last line of the selection, from 1.
    pub lines: (u32, u32),
}

/// A question to the editor.
#[derive(Debug)]
pub enum Question {
    /// What is wrong in these files; in all that are known where none is named.
    Diagnostics(Vec<RelPath>, Reply<Vec<Told>>),
    /// What would be wrong, read out of sight.
    Compare(Trees, Reply<Compared>),
    /// Where the name here is defined.
    Definition(Spot, Reply<Places>),
    /// Where the name here is used.
    References(Spot, Reply<Places>),
    /// What to edit for the name here to be another one.
    Rename(Spot, String, Reply<Renamed>),
    /// Definitions with such a name.
    Symbols(String, Reply<Found>),
    /// What the person looks at.
    Selection(Reply<Option<Selected>>),
}

/// The way to an editor.
#[derive(Debug, Clone)]
pub struct Insight {
    /// The editor, as people call it.
    editor: String,
    verbs: BTreeSet<Verb>,
    questions: mpsc::UnboundedSender<Question>,
}

impl Insight {
    /// The way to an editor that answers these verbs, and the questions as they come.
    pub fn new(
        editor: &str,
        verbs: BTreeSet<Verb>,
    ) -> (Insight, mpsc::UnboundedReceiver<Question>) {
        let (questions, receiver) = mpsc::unbounded_channel();
        let insight = Insight {
            editor: editor.to_owned(),
            verbs,
            questions,
        };
        (insight, receiver)
    }

    /// The editor, as people call it.
    pub(crate) fn editor(&self) -> &str {
        &self.editor
    }

    /// Asks and waits, no longer than `patience`.
    ///
    /// # Errors
    /// Why there is no answer, in words for the model.
    pub(crate) async fn ask<T>(
        &self,
        patience: Duration,
        question: impl FnOnce(Reply<T>) -> Question,
    ) -> Result<T, String> {
        let (reply, answer) = oneshot::channel();
        let gone = || format!("{} is gone", self.editor);
        self.questions.send(question(reply)).map_err(|_| gone())?;
        match tokio::time::timeout(patience, answer).await {
            Ok(answer) => answer.unwrap_or_else(|_| Err(gone())),
            Err(_) => Err(format!(
                "{} gave no answer within {} s",
                self.editor,
                patience.as_secs_f32()
            )),
        }
    }
}

impl Shared {
    /// The way to the editor, where there is one that answers this verb.
    pub(crate) fn insight(&self, verb: Verb) -> Option<&Insight> {
        self.insight
            .get()
            .filter(|insight| insight.verbs.contains(&verb))
    }
}
