//! Stored: a node as its file has it: texts by hash.

use super::node::{Head, Image, Kind, Node, NodeState};
use super::store::Store;
use crate::change::FileEdit;
use crate::content::{Content, Hash};
use crate::error::Error;
use crate::path::RelPath;
use crate::review::{FileReview, HunkReview, Review, Verdict};
use serde::{Deserialize, Serialize};

/// A node on disk.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    id: String,
    #[serde(default)]
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    of: Vec<String>,
    task: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    title: String,
    created: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    landed: Option<String>,
    tested: bool,
    files: Vec<StoredFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    intent: Option<Vec<Vec<Decision>>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    images: Vec<StoredImage>,
}

#[derive(Serialize, Deserialize)]
struct StoredFile {
    path: RelPath,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Hash>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<Hash>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mode: Option<u32>,
    hunks: Vec<HunkReview>,
}

#[derive(Serialize, Deserialize)]
struct Decision {
    verdict: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    edited: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredImage {
    path: RelPath,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pre: Option<Hash>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    post: Option<Hash>,
}

impl Stored {
    /// The node, its texts by hash.
    pub(super) fn of(node: &Node) -> Stored {
        let hash = |content: &Option<Content>| content.as_ref().map(|content| content.hash);
        let file = |file: &FileReview| StoredFile {
            path: file.edit.path.clone(),
            before: hash(&file.edit.base),
            after: file.edit.after.as_deref().map(Hash::of),
            mode: file.edit.mode,
            hunks: file.hunks.clone(),
        };
        let image = |image: &Image| StoredImage {
            path: image.path.clone(),
            pre: hash(&image.pre),
            post: hash(&image.post),
        };
        Stored {
            id: node.id.clone(),
            kind: node.kind,
            parent: node.parent.clone(),
            of: node.of.clone(),
            task: node.task.clone(),
            step: node.step,
            model: node.model.clone(),
            title: node.title.clone(),
            created: node.created.clone(),
            landed: node.landed.clone(),
            tested: node.tested,
            files: node.review.files.iter().map(file).collect(),
            intent: node.intent.as_ref().map(decisions),
            images: node.images.iter().map(image).collect(),
        }
    }

    /// The node with its texts.
    pub(super) fn node(self, store: &Store) -> Result<Node, Error> {
        let text = |hash: Option<Hash>| hash.map(|hash| store.get(hash)).transpose();
        let mut review = Review::default();
        for file in self.files {
            let edit = FileEdit {
                path: file.path,
                base: text(file.before)?,
                after: text(file.after)?.map(|content| content.bytes),
                mode: file.mode,
            };
            review.files.push(FileReview {
                edit,
                hunks: file.hunks,
            });
        }
        let mut images = Vec::new();
        for image in self.images {
            images.push(Image {
                path: image.path,
                pre: text(image.pre)?,
                post: text(image.post)?,
            });
        }
        Ok(Node {
            id: self.id,
            kind: self.kind,
            parent: self.parent,
            of: self.of,
            task: self.task,
            step: self.step,
            model: self.model,
            title: self.title,
            created: self.created,
            landed: self.landed,
            tested: self.tested,
            intent: self.intent.map(|intent| intended(&review, intent)),
            review,
            images,
        })
    }

    /// What a list needs.
    pub(super) fn head(&self) -> Head {
        let hunks = self.files.iter().flat_map(|file| &file.hunks);
        Head {
            id: self.id.clone(),
            kind: self.kind,
            parent: self.parent.clone(),
            of: self.of.clone(),
            created: self.created.clone(),
            landed: self.landed.clone(),
            state: NodeState::of(hunks.map(|hunk| hunk.verdict)),
            unsettled: self.intent.is_some(),
        }
    }

    /// The same on another parent.
    pub(super) fn on(self, parent: Option<String>) -> Stored {
        Stored { parent, ..self }
    }

    /// The texts that the node needs.
    pub(super) fn hashes(&self) -> impl Iterator<Item = Hash> {
        let files = self.files.iter().flat_map(|file| [file.before, file.after]);
        let images = self.images.iter().flat_map(|image| [image.pre, image.post]);
        files.chain(images).flatten()
    }
}

fn decisions(review: &Review) -> Vec<Vec<Decision>> {
    let decision = |hunk: &HunkReview| Decision {
        verdict: hunk.verdict,
        edited: hunk.edited.clone(),
    };
    let file = |file: &FileReview| file.hunks.iter().map(decision).collect();
    review.files.iter().map(file).collect()
}

fn intended(review: &Review, intent: Vec<Vec<Decision>>) -> Review {
    let mut next = review.clone();
    for (file, decisions) in next.files.iter_mut().zip(intent) {
        for (hunk, decision) in file.hunks.iter_mut().zip(decisions) {
            hunk.verdict = decision.verdict;
            hunk.edited = decision.edited;
        }
    }
    next
}
