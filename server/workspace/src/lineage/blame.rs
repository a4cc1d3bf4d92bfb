//! Blame: which patch wrote a line. The landed patches of a file are gone through in their order; a line that no patch put there, and
//! one that an undo brought back, is nobody's.

use super::{Kind, Lineage, Node};
use crate::content::Content;
use crate::error::Error;
use crate::merge::{lines, runs};
use crate::path::RelPath;
use crate::review::{FileReview, Verdict};

/// A file's lines with where they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blame {
    /// As many as the text has lines (as LSP counts them).
    pub lines: Vec<Option<Origin>>,
}

/// The patch that wrote a line.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Origin {
    /// The patch.
    pub patch: String,
    /// Its title.
    pub title: String,
    /// Its task; empty where none.
    pub task: String,
    /// When it landed, RFC 3339 in UTC.
    pub landed: String,
}

/// A text with the number of the patch that wrote each line.
struct Traced {
    text: Vec<u8>,
    by: Vec<Option<usize>>,
}

impl Lineage {
    /// Where the lines of a file, as it is now, come from.
    ///
    /// # Errors
    /// As [`Lineage::list`].
    pub fn blame(&self, path: &RelPath, live: &Content) -> Result<Blame, Error> {
        let mut nodes = Vec::new();
        for head in self.landed()? {
            nodes.push(self.get(&head.id)?);
        }
        let mut traced = Traced {
            text: Vec::new(),
            by: Vec::new(),
        };
        for (number, node) in nodes.iter().enumerate() {
            let Some(image) = node.images.iter().find(|image| image.path == *path) else {
                continue;
            };
            // What the person wrote between two patches is theirs.
            traced = traced.followed(text(image.pre.as_ref()), None);
            let file = node
                .review
                .files
                .iter()
                .find(|file| file.edit.path == *path);
            let file = file.filter(|_| node.kind != Kind::Undo);
            // A file that was decided on as a whole is the patch's wherever it differs.
            let whole = file.is_some_and(|file| {
                file.is_whole()
                    && file
                        .hunks
                        .iter()
                        .all(|hunk| hunk.verdict == Verdict::Accepted)
            });
            traced = traced.followed(text(image.post.as_ref()), whole.then_some(number));
            if let Some(file) = file.filter(|file| !file.is_whole()) {
                traced.claim(file, number);
            }
        }
        let traced = traced.followed(text(Some(live)), None);
        let origin = |by: Option<usize>| by.and_then(|number| origin(&nodes, number));
        Ok(Blame {
            lines: traced.by.into_iter().map(origin).collect(),
        })
    }
}

/// A file's text as UTF-8, so that its lines are lines.
fn text(content: Option<&Content>) -> Vec<u8> {
    content.map_or_else(Vec::new, |content| match content.decoded() {
        Ok((text, _)) => text.into_owned().into_bytes(),
        Err(_) => content.bytes.to_vec(),
    })
}

/// What a redo brought back is its original's.
fn origin(nodes: &[Node], number: usize) -> Option<Origin> {
    let node = nodes.get(number)?;
    let first = node.of.first().filter(|_| node.kind == Kind::Redo);
    let node = first
        .and_then(|id| nodes.iter().find(|other| other.id == *id))
        .unwrap_or(node);
    Some(Origin {
        patch: node.id.clone(),
        title: node.title.clone(),
        task: node.task.clone(),
        landed: node.landed.clone().unwrap_or_default(),
    })
}

impl Traced {
    /// The next text: lines that are kept keep their origin, new ones have this one.
    fn followed(self, text: Vec<u8>, new_by: Option<usize>) -> Traced {
        if text == self.text {
            return self;
        }
        let (old, new) = (lines(&self.text), lines(&text));
        let mut by = Vec::with_capacity(new.len());
        let mut at = 0;
        for run in runs(&old, &new) {
            by.extend_from_slice(&self.by[at..run.old.start]);
            by.extend(run.new.map(|_| new_by));
            at = run.old.end;
        }
        by.extend_from_slice(&self.by[at..]);
        Traced { text, by }
    }

    /// Gives a patch the lines that its accepted hunks put there, as far as they still are as it wrote them.
    fn claim(&mut self, file: &FileReview, number: usize) {
        for (place, hunk) in file.places(&self.text).into_iter().zip(&file.hunks) {
            let Some(place) = place.filter(|_| hunk.verdict == Verdict::Accepted) else {
                continue;
            };
            let base = file.edit.base.as_ref().map_or(&[][..], |base| &base.bytes);
            let old = lines(base);
            let old = &old[hunk.old.start as usize..(hunk.old.end as usize).min(old.len())];
            let replacement = file.replacement(hunk);
            for run in runs(old, &lines(&replacement)) {
                for line in run.new {
                    if let Some(by) = self.by.get_mut(place.start as usize + line) {
                        *by = Some(number);
                    }
                }
            }
        }
    }
}
