//! Rebase: a change moved onto the text that stands there now, by 3-way merge per file; a conflict is an error, never a guess.

use crate::change::{ChangeSet, FileEdit};
use crate::content::Content;
use crate::encoding::{self, Encoding};
use crate::error::Error;
use crate::host::Host;
use crate::merge::{Tie, merge};
use crate::path::RelPath;

/// How a change does not fit.
#[derive(Debug)]
pub(crate) enum RebaseError {
    /// Both sides touched the same lines.
    Conflict {
        paths: Vec<RelPath>,
        details: String,
    },
    /// A file could not be read.
    Read(Error),
}

/// Most bytes of conflict text that are kept.
const DETAILS: usize = 8 * 1024;

/// The change with the live texts as its bases. Files that hold the result already are left out.
pub(crate) fn rebase(
    change: &ChangeSet,
    host: &dyn Host,
    tie: Tie,
) -> Result<ChangeSet, RebaseError> {
    onto(change, |path| host.read(path), tie)
}

/// As [`rebase`], onto whatever `read` finds.
pub(crate) fn onto(
    change: &ChangeSet,
    read: impl Fn(&RelPath) -> Result<Option<Content>, Error>,
    tie: Tie,
) -> Result<ChangeSet, RebaseError> {
    let mut moved = ChangeSet::default();
    let (mut paths, mut details) = (Vec::new(), String::new());
    for file in &change.files {
        let live = read(&file.path).map_err(RebaseError::Read)?;
        match one(file, live, tie) {
            Ok(file) if file.is_change() => moved.files.push(file),
            Ok(_) => {}
            Err(text) => {
                paths.push(file.path.clone());
                if details.len() < DETAILS {
                    details.push_str(&format!(
                        "{}:\n{}\n",
                        file.path,
                        clipped(&text, DETAILS - details.len())
                    ));
                }
            }
        }
    }
    match paths.is_empty() {
        true => Ok(moved),
        false => Err(RebaseError::Conflict { paths, details }),
    }
}

/// One file; the error is the text of the conflict.
fn one(file: &FileEdit, live: Option<Content>, tie: Tie) -> Result<FileEdit, String> {
    let with = |after| FileEdit {
        path: file.path.clone(),
        base: live.clone(),
        after,
        mode: file.mode,
    };
    let live_bytes = live.as_ref().map(|live| &live.bytes);
    let base_bytes = file.base.as_ref().map(|base| &base.bytes);
    if live_bytes == base_bytes || live_bytes == file.after.as_ref() {
        return Ok(with(file.after.clone()));
    }
    match (base_bytes, live_bytes, &file.after) {
        (Some(base), Some(live), Some(after))
            if ![&base[..], live, after].into_iter().all(is_text) =>
        {
            Err("it is not text and was changed meanwhile".to_owned())
        }
        (Some(base), Some(live), Some(after)) => texts(base, after, live, tie)
            .map(|merged| with(Some(merged.into())))
            .map_err(|text| String::from_utf8_lossy(&text).into_owned()),
        (Some(_), None, Some(_)) => Err("it was removed meanwhile".to_owned()),
        (Some(_), Some(_), None) => {
            Err("it was changed meanwhile and was to be removed".to_owned())
        }
        _ => Err("a file of that name was made meanwhile".to_owned()),
    }
}

/// Merges texts of one encoding; lines of UTF-16 are not lines of its bytes. The error is UTF-8 where the encoding is known.
fn texts(base: &[u8], ours: &[u8], theirs: &[u8], tie: Tie) -> Result<Vec<u8>, Vec<u8>> {
    let decoded = [base, ours, theirs].map(encoding::decode);
    if let [Ok((base, one)), Ok((ours, two)), Ok((theirs, three))] = &decoded
        && one == two
        && two == three
        && *one != Encoding::UTF_8
    {
        let merged = merge(base.as_bytes(), ours.as_bytes(), theirs.as_bytes(), tie)?;
        let merged = String::from_utf8_lossy(&merged).into_owned();
        // Every line is of one of the three, so it can be encoded as they were.
        return one.encode(&merged).map_err(|_| merged.into_bytes());
    }
    merge(base, ours, theirs, tie)
}

/// Whether bytes have lines that can be merged: UTF-16 by its mark, or no NUL.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) || !bytes.contains(&0)
}

/// Up to `limit` bytes, around the first conflict marker.
fn clipped(text: &str, limit: usize) -> &str {
    let from = text.find("<<<<<<<").unwrap_or(0);
    let mut end = (from + limit).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[from..end]
}
