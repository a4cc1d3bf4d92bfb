//! Stored: a node as its file has it: texts by hash.

use super::node::{Image, Kind, Node};
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
    /// The node, its texts kept.
    pub(super) fn of(node: &Node, store: &Store) -> Result<Stored, Error> {
        let keep = |content: Option<&Content>| content.map(|it| store.put(it)).transpose();
        let file = |file: &FileReview| -> Result<StoredFile, Error> {
            let after = file.edit.after.clone().map(|it| Content::new(it, None));
            Ok(StoredFile {
                path: file.edit.path.clone(),
                before: keep(file.edit.base.as_ref())?,
                after: keep(after.as_ref())?,
                mode: file.edit.mode,
                hunks: file.hunks.clone(),
            })
        };
        let image = |image: &Image| -> Result<StoredImage, Error> {
            Ok(StoredImage {
                path: image.path.clone(),
                pre: keep(image.pre.as_ref())?,
                post: keep(image.post.as_ref())?,
            })
        };
        Ok(Stored {
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
            files: node
                .review
                .files
                .iter()
                .map(file)
                .collect::<Result<_, _>>()?,
            intent: node.intent.as_ref().map(decisions),
            images: node.images.iter().map(image).collect::<Result<_, _>>()?,
        })
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
