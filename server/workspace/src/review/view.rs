//! Look: a review as people see it: a unified diff with one `@@` for each hunk, edited hunks as they were edited.

use super::{FileReview, Review, range};
use crate::change::hunks::{Hunk, HunkView, unified};
use crate::change::{FileOp, FileView};
use crate::encoding;
use crate::merge::lines;
use std::borrow::Cow;

/// A file of a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The file, its diff and the figures.
    pub file: FileView,
    /// Its hunks, as many as the review has.
    pub hunks: Vec<HunkLook>,
}

/// A hunk of a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HunkLook {
    /// As the diff numbers it; all zero where the diff has no `@@` (a file that is empty or not text).
    pub view: HunkView,
    /// What it puts there; empty where that is not text.
    pub text: String,
}

impl Review {
    /// All files.
    pub fn look(&self) -> Vec<Look> {
        self.files.iter().map(FileReview::look).collect()
    }
}

impl FileReview {
    /// The file.
    pub fn look(&self) -> Look {
        let whole = crate::change::ChangeSet {
            files: vec![crate::change::FileEdit {
                after: self.text_with(|_| true),
                ..self.edit.clone()
            }],
        };
        // A hunk that was edited back to the old text leaves no change: the plain view still has the names.
        let mut file = whole.view().remove(0);
        let (old, new) = (
            text(self.edit.base.as_ref().map_or(&[][..], |base| &base.bytes)),
            text(self.edit.after.as_deref().unwrap_or_default()),
        );
        let new = lines(new.as_bytes());
        let texts: Vec<String> = self
            .hunks
            .iter()
            .map(|hunk| match &hunk.edited {
                Some(text) => text.clone(),
                None => {
                    let lines = new.get(range(&hunk.new)).unwrap_or_default();
                    String::from_utf8_lossy(&lines.concat()).into_owned()
                }
            })
            .collect();
        if !self.is_whole() && file.op == FileOp::Modify {
            self.print(&old, &texts, &mut file);
        }
        let none = HunkView {
            old_start: 0,
            old_lines: 0,
            new_start: 0,
            new_lines: 0,
        };
        let hunks = texts.iter().enumerate().map(|(index, text)| HunkLook {
            view: file.hunks.get(index).copied().unwrap_or(none),
            text: text.clone(),
        });
        Look {
            hunks: hunks.collect(),
            file,
        }
    }

    /// The diff by the review's own hunks, which an edit may have made unlike those that a new comparison would find.
    fn print(&self, old: &str, texts: &[String], file: &mut FileView) {
        let hunks: Vec<Hunk<'_>> = self
            .hunks
            .iter()
            .zip(texts)
            .map(|(hunk, text)| Hunk {
                old: range(&hunk.old),
                new: lines(text.as_bytes()),
            })
            .collect();
        let unified = unified(old.as_bytes(), &hunks);
        let path = &self.edit.path;
        file.diff = format!("--- a/{path}\n+++ b/{path}\n");
        file.diff.push_str(&unified.text);
        (file.added, file.removed) = (unified.added, unified.removed);
        file.hunks = unified.hunks;
    }
}

/// Bytes as people see them; nothing where they are no text.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    encoding::decode(bytes).map_or(Cow::Borrowed(""), |(text, _)| text)
}
