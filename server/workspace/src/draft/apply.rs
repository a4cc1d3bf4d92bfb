//! Apply: a patch put into a draft, hunk by hunk, each refusal collected with what would have made it fit (W4).

mod files;

use super::Draft;
use crate::encoding::Encoding;
use crate::error::Error;
use crate::patch::{HunkSpec, Op, Patch, Site};
use crate::path::RelPath;
use crate::seek::{self, Cursor, Miss, Reason, Refused};
use std::borrow::Cow;

/// What to do with the hunks that fit when another does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Nothing is changed unless all fit.
    #[default]
    Atomic,
    /// Those that fit are put in.
    Partial,
}

/// How loosely a hunk's lines may be compared with the file's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Matching {
    /// They say the same: blanks at ends, indentation, line endings and typographic signs aside.
    #[default]
    Strict,
    /// Where that finds nothing: also lines that are nearly the same, if one place is far nearer than any other.
    Fuzzy,
}

/// What a patch did to the draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The files it changed, in the patch's order, each once.
    pub paths: Vec<RelPath>,
    /// Unified diff of what this patch changed in the draft.
    pub diff: String,
    /// Hunks that did not fit; always empty in [`Mode::Atomic`].
    pub refused: Vec<Refused>,
}

/// How far a patch came.
#[derive(Default)]
struct Progress {
    paths: Vec<RelPath>,
    refused: Vec<Refused>,
    /// What fits, as refusals would name it.
    fine: Vec<String>,
    matching: Matching,
}

impl Draft {
    /// Puts a patch in, op by op, each on what the ones before it left.
    ///
    /// # Errors
    /// In [`Mode::Atomic`] every hunk that does not fit, and then the draft is as it was; in [`Mode::Partial`] the same where
    /// none fits.
    pub fn apply(&mut self, patch: &Patch, mode: Mode) -> Result<Applied, Vec<Refused>> {
        self.apply_matching(patch, mode, Matching::Strict)
    }

    /// As [`Draft::apply`], with lines compared as loosely as `matching` says.
    ///
    /// # Errors
    /// As [`Draft::apply`].
    pub fn apply_matching(
        &mut self,
        patch: &Patch,
        mode: Mode,
        matching: Matching,
    ) -> Result<Applied, Vec<Refused>> {
        let mut draft = self.clone();
        let mut progress = Progress {
            matching,
            ..Progress::default()
        };
        let ops = gathered(&patch.ops);
        let mut ops = ops.iter();
        while let Some(op) = ops.next() {
            let before = progress.refused.len();
            draft.op(op, mode, &mut progress);
            // What was to move to a place that is not free does not move.
            if matches!(**op, Op::Absent { .. }) && progress.refused.len() > before {
                ops.next();
            }
        }
        let Progress {
            paths,
            mut refused,
            fine,
            ..
        } = progress;
        if !fine.is_empty()
            && let Some(last) = refused.last_mut()
        {
            last.teach.push_str(&note(mode, &fine));
        }
        let nothing = mode == Mode::Partial && fine.is_empty();
        if !refused.is_empty() && (mode == Mode::Atomic || nothing) {
            return Err(refused);
        }
        let diff = self.diff_to(&draft, &paths);
        *self = draft;
        Ok(Applied {
            paths,
            diff,
            refused,
        })
    }

    fn op(&mut self, op: &Op, mode: Mode, progress: &mut Progress) {
        let done = self.may_write(op).and_then(|()| match op {
            Op::Edit {
                path,
                hunks,
                rename_to,
            } => self.edit(path, hunks, rename_to.as_ref(), mode, progress),
            Op::Ranges { path, edits } => self.ranges(path, edits),
            Op::Create { path, text, mode } => self.create(path, text, *mode),
            Op::Write { path, text, last } => self.whole(path, text, *last),
            Op::Copy { from, to } => self.copy(from, to),
            Op::Mode { path, run } => self.set_run(path, *run),
            Op::Delete { path, expect } => self.remove(path, expect.as_deref()),
            Op::Rename { from, to } => self.rename(from, to).map_err(missed),
            Op::Absent { path } => self.absent(path),
        });
        let path = op.path();
        match done {
            Ok(()) if matches!(op, Op::Absent { .. }) => {}
            Ok(()) => {
                if !matches!(op, Op::Edit { .. } | Op::Mode { .. }) {
                    progress.fine.push(path.to_string());
                }
                progress.add(path);
                if let Op::Rename { to, .. }
                | Op::Edit {
                    rename_to: Some(to),
                    ..
                } = op
                {
                    progress.add(to);
                }
            }
            Err(miss) if miss.teach.is_empty() => {}
            Err(miss) => progress.refused.push(refused(path, 0, miss)),
        }
    }

    /// A link keeps what it leads to: that file has a name of its own.
    fn may_write(&self, op: &Op) -> Result<(), Miss> {
        let named = match op {
            Op::Rename { from, to }
            | Op::Edit {
                path: from,
                rename_to: Some(to),
                ..
            } => [Some(from), Some(to)],
            other => [Some(other.path()), None],
        };
        let root = self.snapshot.root();
        for path in named.into_iter().flatten() {
            let found = root.absolute(path).symlink_metadata();
            if found.is_ok_and(|found| found.file_type().is_symlink()) {
                return Err(Miss {
                    reason: Reason::Forbidden,
                    teach: format!("`{path}` is a link; name the file it leads to"),
                });
            }
        }
        Ok(())
    }

    /// Hunks, one after the other. An error with nothing to say: the hunks said it already.
    fn edit(
        &mut self,
        path: &RelPath,
        hunks: &[HunkSpec],
        rename_to: Option<&RelPath>,
        mode: Mode,
        progress: &mut Progress,
    ) -> Result<(), Miss> {
        let old = self.read(path).map_err(missed)?;
        let makes = hunks
            .first()
            .is_some_and(|hunk| hunk.before.trim().is_empty() && hunk.scope.is_empty());
        let (text, encoding) = match &old {
            Some(content) => content.decoded_of(path).map_err(missed)?,
            None if makes => (Cow::Borrowed(""), Encoding::UTF_8),
            None => return Err(self.missing(path)),
        };
        let mut text = text.into_owned();
        let mut cursor = Cursor::default();
        let mut fine = 0;
        let before = progress.refused.len();
        for (index, hunk) in hunks.iter().enumerate() {
            if hunk.site == Site::First {
                cursor = Cursor::default();
            }
            let place = seek::place(&text, hunk, cursor, path.as_str(), progress.matching);
            let placed = place.and_then(|placed| match encoding.encode(&hunk.after) {
                Ok(_) => Ok(placed),
                Err(sign) => Err(missed(Error::Unencodable {
                    path: path.clone(),
                    encoding: encoding.name(),
                    sign,
                })),
            });
            match placed {
                Ok(placed) => {
                    (text, cursor) = (placed.text, placed.cursor);
                    fine += 1;
                    progress.fine.push(format!("{path} hunk {}", index + 1));
                }
                Err(mut miss) => {
                    if encoding != Encoding::UTF_8 {
                        let name = encoding.name();
                        miss.teach
                            .push_str(&format!("\nthe file is read as {name}"));
                    }
                    progress.refused.push(refused(path, index + 1, miss));
                }
            }
        }
        let all = progress.refused.len() == before;
        let silent = || Miss {
            reason: Reason::NotFound,
            teach: String::new(),
        };
        if fine == 0 || (!all && mode == Mode::Atomic) {
            return Err(silent());
        }
        if old.is_none() {
            self.room_for(path).map_err(missed)?;
        }
        let bits = self.mode(path);
        self.put_text(path, &text, encoding, bits).map_err(missed)?;
        match rename_to {
            Some(to) if all => self.rename(path, to).map_err(missed),
            _ => Ok(()),
        }
    }

    /// What differs between this draft and a later state of it.
    fn diff_to(&self, later: &Draft, paths: &[RelPath]) -> String {
        let edit = |path: &RelPath| crate::change::FileEdit {
            path: path.clone(),
            base: self.read(path).ok().flatten(),
            after: later.read(path).ok().flatten().map(|content| content.bytes),
            mode: None,
        };
        let files = paths
            .iter()
            .map(edit)
            .filter(crate::change::FileEdit::is_change)
            .collect();
        crate::change::ChangeSet { files }.diff()
    }
}

impl Progress {
    fn add(&mut self, path: &RelPath) {
        if !self.paths.contains(path) {
            self.paths.push(path.clone());
        }
    }
}

/// The ops, with hunks that came one by one for one file put together.
fn gathered(ops: &[Op]) -> Vec<Cow<'_, Op>> {
    let mut gathered: Vec<Cow<'_, Op>> = Vec::with_capacity(ops.len());
    for op in ops {
        let more = match (gathered.last(), op) {
            (
                Some(last),
                Op::Edit {
                    path,
                    rename_to: None,
                    hunks,
                },
            ) => match &**last {
                Op::Edit {
                    path: same,
                    rename_to: None,
                    ..
                } if same == path => Some(hunks),
                _ => None,
            },
            _ => None,
        };
        match (more, gathered.last_mut().map(Cow::to_mut)) {
            (Some(more), Some(Op::Edit { hunks, .. })) => hunks.extend_from_slice(more),
            _ => gathered.push(Cow::Borrowed(op)),
        }
    }
    gathered
}

/// What is said of the hunks that fit beside those that do not.
fn note(mode: Mode, fine: &[String]) -> String {
    let mut named = fine[..fine.len().min(8)].join(", ");
    if fine.len() > 8 {
        named.push_str(&format!(", {} more", fine.len() - 8));
    }
    let count = fine.len();
    match mode {
        Mode::Atomic => {
            format!("\nnothing was applied; the other {count} are fine as they are: {named}")
        }
        Mode::Partial => {
            format!("\nthe other {count} were applied, do not send them again: {named}")
        }
    }
}

fn refused(path: &RelPath, hunk: usize, miss: Miss) -> Refused {
    Refused {
        path: path.to_string(),
        hunk,
        reason: miss.reason,
        teach: miss.teach,
    }
}

/// An error of the files as a refusal.
fn missed(error: Error) -> Miss {
    let reason = match &error {
        Error::Missing(_) => Reason::MissingFile,
        Error::Exists(_) => Reason::Exists,
        Error::Secret(_) | Error::Owned(_) | Error::Path { .. } => Reason::Forbidden,
        Error::Unencodable { .. } => Reason::Unencodable,
        _ => Reason::Unreadable,
    };
    Miss {
        reason,
        teach: error.to_string(),
    }
}
