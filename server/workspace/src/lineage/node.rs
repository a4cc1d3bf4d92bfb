//! Node: one patch of the lineage: what it changes, hunk by hunk, what was decided, and what the files were before and after.

use crate::change::{ChangeSet, FileEdit};
use crate::content::Content;
use crate::error::Error;
use crate::host::Host;
use crate::merge::Tie;
use crate::path::RelPath;
use crate::rebase;
use crate::review::{Review, Verdict};
use serde::{Deserialize, Serialize};

/// A patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Names the patch: letters, digits, `-` and `_`.
    pub id: String,
    /// How it came to be.
    pub kind: Kind,
    /// The patch that landed before it.
    pub parent: Option<String>,
    /// The patches that it undoes, brings back, restores or stands for.
    pub of: Vec<String>,
    /// The task it came from; empty where none.
    pub task: String,
    /// Number of the model call that made its last change, from 1, where a model made it.
    pub step: Option<u32>,
    /// The model that made it.
    pub model: Option<String>,
    /// One line for a person.
    pub title: String,
    /// When it was made, RFC 3339 in UTC.
    pub created: String,
    /// When it last came into the user's files, likewise.
    pub landed: Option<String>,
    /// Whether a green test run stands behind the change as it was proposed, all hunks together.
    pub tested: bool,
    /// Its hunks with what was decided.
    pub review: Review,
    /// The decisions that were on their way into the files; left over only where the program was stopped meanwhile.
    pub intent: Option<Review>,
    /// What the files were before the patch first landed and after it last did.
    pub images: Vec<Image>,
}

/// How a patch came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A task, or a patch on the terminal, made it.
    #[default]
    Change,
    /// It takes others back.
    Undo,
    /// It brings back what was taken back.
    Redo,
    /// It gives files an earlier text again.
    Restore,
    /// It stands for several that landed one after the other.
    Squash,
}

/// Where a patch stands: the first that is true of one of its hunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeState {
    /// A hunk waits for a decision.
    Proposed,
    /// Nothing waits, and something is in the user's files.
    Landed,
    /// Something was in the user's files, all of it was taken back.
    Undone,
    /// Nothing of it ever was in the user's files, and nothing waits.
    Refused,
}

/// What a list needs of a patch: no texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Names the patch.
    pub id: String,
    /// How it came to be.
    pub kind: Kind,
    /// The patch that landed before it.
    pub parent: Option<String>,
    /// The patches that it undoes, brings back, restores or stands for.
    pub of: Vec<String>,
    /// When it was made, RFC 3339 in UTC.
    pub created: String,
    /// When it last came into the user's files, likewise.
    pub landed: Option<String>,
    /// Where it stands.
    pub state: NodeState,
    /// Whether a decision was on its way when the program was stopped.
    pub unsettled: bool,
}

/// One file around a landing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The file.
    pub path: RelPath,
    /// Before; `None`: there was none.
    pub pre: Option<Content>,
    /// After; `None`: there was none.
    pub post: Option<Content>,
}

impl NodeState {
    /// Where a patch stands whose hunks have these verdicts.
    pub(super) fn of(verdicts: impl Iterator<Item = Verdict>) -> NodeState {
        let rank = |verdict| match verdict {
            Verdict::Pending => NodeState::Proposed,
            Verdict::Accepted => NodeState::Landed,
            Verdict::Undone => NodeState::Undone,
            Verdict::Refused => NodeState::Refused,
        };
        let states = verdicts.map(rank);
        states.min().unwrap_or(NodeState::Refused)
    }
}

impl Node {
    /// Where it stands.
    pub fn state(&self) -> NodeState {
        NodeState::of(self.review.all().map(|(_, hunk)| hunk.verdict))
    }

    /// Whether the tests passed on what is, or would be, in the files: all hunks together, none edited.
    pub fn verified(&self) -> bool {
        let whole = |verdict| self.review.all().all(|(_, hunk)| hunk.verdict == verdict);
        let edited = self.review.all().any(|(_, hunk)| hunk.edited.is_some());
        self.tested && !edited && (whole(Verdict::Pending) || whole(Verdict::Accepted))
    }

    /// Every text that it has.
    pub(super) fn texts(&self) -> Vec<Content> {
        let mut texts = Vec::new();
        for file in &self.review.files {
            texts.extend(file.edit.base.clone());
            let after = file.edit.after.clone();
            texts.extend(after.map(|bytes| Content::new(bytes, None)));
        }
        for image in &self.images {
            texts.extend(image.pre.clone());
            texts.extend(image.post.clone());
        }
        texts
    }

    /// A step that takes hunks back, made exact: a file that still is as the landing left it becomes what it was before, to the
    /// byte. A merge alone could not know on which side of a typed line a removed one stood.
    ///
    /// # Errors
    /// As [`Host::read`].
    pub fn back(&self, mut step: ChangeSet, host: &dyn Host) -> Result<ChangeSet, Error> {
        for file in &mut step.files {
            let Some(image) = self.images.iter().find(|image| image.path == file.path) else {
                continue;
            };
            let live = host.read(&file.path)?;
            if is_text_of(&live, &image.post) && is_text_of(&live, &image.with(file.invert())) {
                file.base = live;
                file.after = image.pre.as_ref().map(|pre| pre.bytes.clone());
            }
        }
        Ok(step)
    }

    /// Notes what a landing did to the files.
    pub fn witness(&mut self, landed: &ChangeSet) {
        for FileEdit {
            path, base, after, ..
        } in &landed.files
        {
            let post = after.clone().map(|bytes| Content::new(bytes, None));
            match self.images.iter_mut().find(|image| image.path == *path) {
                Some(image) => image.post = post,
                None => self.images.push(Image {
                    path: path.clone(),
                    pre: base.clone().map(|base| Content::new(base.bytes, None)),
                    post,
                }),
            }
        }
        self.images.sort_by(|a, b| a.path.cmp(&b.path));
    }
}

impl Image {
    /// What the file was before, with an edit; `None` also where the two do not merge.
    fn with(&self, edit: FileEdit) -> Option<Content> {
        let change = ChangeSet { files: vec![edit] };
        let moved = rebase::onto(&change, |_| Ok(self.pre.clone()), Tie::TheirsFirst).ok()?;
        match moved.files.into_iter().next() {
            Some(edit) => edit.after.map(|bytes| Content::new(bytes, None)),
            None => self.pre.clone(),
        }
    }
}

fn is_text_of(one: &Option<Content>, other: &Option<Content>) -> bool {
    one.as_ref().map(|one| one.hash) == other.as_ref().map(|other| other.hash)
}
