//! Review: a change with what was decided about each of its hunks. It knows what the decided hunks make of the text that the change
//! was made for; the user's own edits come in by merging, so decisions can be made in any order while somebody types.

mod found;
mod place;
mod view;

pub use place::Place;
pub use view::{HunkLook, Look};

use crate::change::hunks::between;
use crate::change::{ChangeSet, FileEdit};
use crate::content::Content;
use crate::encoding::{self, Encoding};
use crate::error::Error;
use crate::merge::{Tie, ending, lines, merge};
use crate::path::RelPath;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;

/// A change under review.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Review {
    /// The files, sorted by path, each once.
    pub files: Vec<FileReview>,
}

/// One file of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReview {
    /// The file as it was, and as all hunks make it.
    pub edit: FileEdit,
    /// Its hunks, in order and apart; at least one.
    pub hunks: Vec<HunkReview>,
}

/// One hunk of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HunkReview {
    /// Lines that it replaces, counted from 0 as LSP counts lines, end exclusive.
    pub old: Range<u32>,
    /// Lines of the new text that it puts there.
    pub new: Range<u32>,
    /// What was decided.
    pub verdict: Verdict,
    /// The text that a person wanted there instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<String>,
}

/// What was decided about a hunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing yet.
    Pending,
    /// It is in the user's files.
    Accepted,
    /// It is not, and shall not be.
    Refused,
    /// It was, and was taken back.
    Undone,
}

/// A hunk of a review: the file and its number there, both from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// The file.
    pub file: usize,
    /// The hunk.
    pub hunk: usize,
}

impl Review {
    /// All hunks of a change, all with one verdict.
    pub fn of(change: &ChangeSet, verdict: Verdict) -> Review {
        let file = |edit: &FileEdit| FileReview {
            hunks: hunks(edit, verdict),
            edit: edit.clone(),
        };
        Review {
            files: change.files.iter().map(file).collect(),
        }
    }

    /// The whole change, edited hunks as they were edited.
    pub fn change(&self) -> ChangeSet {
        let file = |file: &FileReview| FileEdit {
            after: file.text_with(|_| true),
            ..file.edit.clone()
        };
        ChangeSet {
            files: self
                .files
                .iter()
                .map(file)
                .filter(FileEdit::is_change)
                .collect(),
        }
    }

    /// The hunks of a file, or one of them, or all there are. `None`: there is no such file or hunk.
    pub fn spots(&self, path: Option<&str>, hunk: Option<usize>) -> Option<Vec<Spot>> {
        let mut spots = Vec::new();
        for (file, of) in self.files.iter().enumerate() {
            if path.is_some_and(|path| path != of.edit.path.as_str()) {
                continue;
            }
            let wanted = (0..of.hunks.len()).filter(|number| hunk.is_none_or(|it| it == *number));
            spots.extend(wanted.map(|hunk| Spot { file, hunk }));
        }
        (!spots.is_empty()).then_some(spots)
    }

    /// What was decided about a hunk.
    pub fn verdict(&self, spot: Spot) -> Verdict {
        self.hunk(spot)
            .map_or(Verdict::Pending, |hunk| hunk.verdict)
    }

    /// The same with another verdict on these hunks.
    #[must_use]
    pub fn decided(&self, spots: &[Spot], verdict: Verdict) -> Review {
        let mut next = self.clone();
        for spot in spots {
            if let Some(hunk) = next.hunk_mut(*spot) {
                hunk.verdict = verdict;
            }
        }
        next
    }

    /// The same with a person's text in place of a hunk's, and that accepted. Where the text leaves its last line open, the line is
    /// closed as the file's lines are.
    ///
    /// # Errors
    /// [`Error::Unreadable`] where the file's encoding lacks one of the text's characters.
    pub fn edited(&self, spot: Spot, text: &str) -> Result<Review, Error> {
        let mut next = self.decided(&[spot], Verdict::Accepted);
        if let Some(file) = self.files.get(spot.file) {
            let text = file.closed(spot.hunk, text);
            file.encoding()
                .encode(&text)
                .map_err(|lacks| Error::Unreadable {
                    path: file.edit.path.to_string(),
                    why: format!("its encoding has no `{lacks}`"),
                })?;
            if let Some(hunk) = next.hunk_mut(spot) {
                hunk.edited = Some(text);
            }
        }
        Ok(next)
    }

    /// What turns the text that this review's decisions make into the text that `next`'s make; files in which nothing
    /// changes are left out. To be merged onto what the user has.
    pub fn step(&self, next: &Review) -> ChangeSet {
        let files = self
            .files
            .iter()
            .zip(&next.files)
            .map(|(now, then)| FileEdit {
                path: now.edit.path.clone(),
                base: now.text().map(|bytes| Content::new(bytes, None)),
                after: then.text(),
                mode: now.edit.mode,
            });
        ChangeSet {
            files: files.filter(FileEdit::is_change).collect(),
        }
    }

    /// What the live text of a file becomes by a step to `next`, in memory; `None`: the file is not of this review, or one of
    /// the two has no text.
    ///
    /// # Errors
    /// The text with conflict markers where the user changed the same lines.
    pub fn preview(
        &self,
        next: &Review,
        path: &RelPath,
        live: &[u8],
    ) -> Option<Result<Vec<u8>, Vec<u8>>> {
        let find = |review: &Review| {
            let file = review.files.iter().find(|file| file.edit.path == *path)?;
            file.text()
        };
        Some(merge(&find(self)?, &find(next)?, live, Tie::TheirsFirst))
    }

    /// Every hunk with its place.
    pub fn all(&self) -> impl Iterator<Item = (Spot, &HunkReview)> {
        self.files.iter().enumerate().flat_map(|(file, of)| {
            let spot = move |hunk| Spot { file, hunk };
            of.hunks
                .iter()
                .enumerate()
                .map(move |(number, hunk)| (spot(number), hunk))
        })
    }

    fn hunk(&self, spot: Spot) -> Option<&HunkReview> {
        self.files.get(spot.file)?.hunks.get(spot.hunk)
    }

    fn hunk_mut(&mut self, spot: Spot) -> Option<&mut HunkReview> {
        self.files.get_mut(spot.file)?.hunks.get_mut(spot.hunk)
    }
}

impl FileReview {
    /// The file as the accepted hunks make it; `None`: there is no such file then.
    pub fn text(&self) -> Option<Arc<[u8]>> {
        self.text_with(|hunk| hunk.verdict == Verdict::Accepted)
    }

    /// Whether the file is decided on as a whole: made, removed, or not text.
    pub fn is_whole(&self) -> bool {
        is_whole(&self.edit)
    }

    /// The new lines of a hunk.
    pub fn replacement(&self, hunk: &HunkReview) -> Vec<u8> {
        match (&hunk.edited, &self.edit.after) {
            (Some(text), _) => self.bytes(text),
            (None, Some(after)) => lines(after)
                .get(range(&hunk.new))
                .map(<[&[u8]]>::concat)
                .unwrap_or_default(),
            (None, None) => Vec::new(),
        }
    }

    fn text_with(&self, accepted: impl Fn(&HunkReview) -> bool) -> Option<Arc<[u8]>> {
        let base = self.edit.base.as_ref().map(|base| base.bytes.clone());
        if self.is_whole() {
            let hunk = self.hunks.first().filter(|hunk| accepted(hunk));
            return match hunk {
                None => base,
                Some(HunkReview {
                    edited: Some(text), ..
                }) => Some(self.bytes(text).into()),
                Some(_) => self.edit.after.clone(),
            };
        }
        let base = base?;
        let old = lines(&base);
        let mut out = Vec::with_capacity(base.len());
        let mut at = 0;
        for hunk in self.hunks.iter().filter(|hunk| accepted(hunk)) {
            let here = range(&hunk.old);
            out.extend(old.get(at..here.start).unwrap_or_default().concat());
            out.extend(self.replacement(hunk));
            at = here.end;
        }
        out.extend(old.get(at..).unwrap_or_default().concat());
        Some(out.into())
    }

    /// How the file's bytes are text.
    fn encoding(&self) -> Encoding {
        let base = self.edit.base.as_ref().map(|base| &base.bytes[..]);
        let bytes = base.or(self.edit.after.as_deref()).unwrap_or_default();
        encoding::decode(bytes).map_or(Encoding::UTF_8, |(_, encoding)| encoding)
    }

    /// A person's text in the file's encoding, which was seen to have all of it.
    fn bytes(&self, text: &str) -> Vec<u8> {
        let encoded = self.encoding().encode(text);
        encoded.unwrap_or_else(|_| text.as_bytes().to_vec())
    }

    /// Text as whole lines that end as the file's do, its last one closed unless the hunk is the end of a file that has no final
    /// newline. Text that has other line ends than `\n` keeps them.
    fn closed(&self, hunk: usize, text: &str) -> String {
        let theirs = self
            .hunks
            .get(hunk)
            .map(|hunk| self.replacement(hunk))
            .unwrap_or_default();
        let base = self.edit.base.as_ref().map_or(&[][..], |base| &base.bytes);
        let at_end = self
            .hunks
            .get(hunk)
            .is_some_and(|hunk| range(&hunk.old).end >= lines(base).len());
        let open = !theirs.is_empty() && !theirs.ends_with(b"\n") && !theirs.ends_with(b"\r");
        let shown = encoding::decode(base).map_or(Default::default(), |(text, _)| text);
        let end = match ending(shown.as_bytes()) {
            Some(b"\r\n") => "\r\n",
            Some(b"\r") => "\r",
            _ => "\n",
        };
        let text = match text.contains('\r') {
            true => text.to_owned(),
            false => text.replace('\n', end),
        };
        if text.is_empty() || text.ends_with(['\n', '\r']) || (at_end && open) {
            return text;
        }
        format!("{text}{end}")
    }
}

/// A file as a whole has one hunk over all of it.
fn hunks(edit: &FileEdit, verdict: Verdict) -> Vec<HunkReview> {
    let old = edit.base.as_ref().map_or(&[][..], |base| &base.bytes);
    let new = edit.after.as_deref().unwrap_or_default();
    let (old, new) = (lines(old), lines(new));
    let hunk = |(old, new): (Range<usize>, Range<usize>)| HunkReview {
        old: count(old.start)..count(old.end),
        new: count(new.start)..count(new.end),
        verdict,
        edited: None,
    };
    if is_whole(edit) {
        return vec![hunk((0..old.len(), 0..new.len()))];
    }
    between(&old, &new).into_iter().map(hunk).collect()
}

/// Lines of UTF-16 are not lines of its bytes.
fn is_whole(edit: &FileEdit) -> bool {
    let has_lines = |bytes: &[u8]| !bytes.contains(&0);
    match (&edit.base, &edit.after) {
        (Some(base), Some(after)) => !has_lines(&base.bytes) || !has_lines(after),
        _ => true,
    }
}

fn range(lines: &Range<u32>) -> Range<usize> {
    lines.start as usize..lines.end as usize
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
