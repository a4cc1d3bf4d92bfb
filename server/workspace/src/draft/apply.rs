//! Apply: a patch put into a draft, hunk by hunk, each refusal collected with what would have made it fit (W4).

use super::{Draft, ranges};
use crate::error::Error;
use crate::patch::{HunkSpec, Op, Patch};
use crate::path::RelPath;
use crate::seek::{self, Cursor, Miss, Reason, Refused};

/// What to do with the hunks that fit when another does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Nothing is changed unless all fit.
    #[default]
    Atomic,
    /// Those that fit are put in.
    Partial,
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
    fine: usize,
}

impl Draft {
    /// Puts a patch in, op by op, each on what the ones before it left.
    ///
    /// # Errors
    /// In [`Mode::Atomic`] every hunk that does not fit, and then the draft is as it was; in [`Mode::Partial`] the same where
    /// none fits.
    pub fn apply(&mut self, patch: &Patch, mode: Mode) -> Result<Applied, Vec<Refused>> {
        let mut draft = self.clone();
        let mut progress = Progress::default();
        let mut ops = patch.ops.iter();
        while let Some(op) = ops.next() {
            let before = progress.refused.len();
            draft.op(op, mode, &mut progress);
            // What was to move to a place that is not free does not move.
            if matches!(op, Op::Absent { .. }) && progress.refused.len() > before {
                ops.next();
            }
        }
        let Progress {
            paths,
            mut refused,
            fine,
        } = progress;
        if fine > 0 && !refused.is_empty() {
            let note = match mode {
                Mode::Atomic => {
                    format!("\nnothing was applied; the other {fine} are fine as they are")
                }
                Mode::Partial => format!("\nthe other {fine} were applied, do not send them again"),
            };
            if let Some(last) = refused.last_mut() {
                last.teach.push_str(&note);
            }
        }
        let nothing = mode == Mode::Partial && fine == 0;
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
        let done = match op {
            Op::Edit {
                path,
                hunks,
                rename_to,
            } => self.edit(path, hunks, rename_to.as_ref(), mode, progress),
            Op::Ranges { path, edits } => self.ranges(path, edits),
            Op::Create { path, text, mode } => self.create(path, text, *mode),
            Op::Write { path, text } => self.whole(path, text),
            Op::Delete { path, expect } => self.remove(path, expect.as_deref()),
            Op::Rename { from, to } => self.rename(from, to).map_err(missed),
            Op::Absent { path } => return self.absent(path, progress),
        };
        let path = op.path();
        match done {
            Ok(()) => {
                progress.fine += usize::from(!matches!(op, Op::Edit { .. }));
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

    fn absent(&self, path: &RelPath, progress: &mut Progress) {
        let there = match self.read(path) {
            Ok(None) => return,
            Ok(Some(_)) => missed(Error::Exists(path.clone())),
            Err(error) => missed(error),
        };
        progress.refused.push(refused(path, 0, there));
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
        let mut text = match &old {
            Some(content) => content.text_of(path).map_err(missed)?.to_owned(),
            None if makes && hunks.len() == 1 => String::new(),
            None => return Err(self.missing(path)),
        };
        let mut cursor = Cursor::default();
        let mut fine = 0;
        let before = progress.refused.len();
        for (index, hunk) in hunks.iter().enumerate() {
            match seek::place(&text, hunk, cursor, path.as_str()) {
                Ok(placed) => {
                    (text, cursor) = (placed.text, placed.cursor);
                    fine += 1;
                }
                Err(miss) => progress.refused.push(refused(path, index + 1, miss)),
            }
        }
        progress.fine += fine;
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
        self.put(path, Some(text.into_bytes()), bits)
            .map_err(missed)?;
        match rename_to {
            Some(to) if all => self.rename(path, to).map_err(missed),
            _ => Ok(()),
        }
    }

    fn ranges(&mut self, path: &RelPath, edits: &[crate::patch::RangeEdit]) -> Result<(), Miss> {
        let content = self.read(path).map_err(missed)?;
        let text = match &content {
            Some(content) => content.text_of(path).map_err(missed)?,
            None => return Err(self.missing(path)),
        };
        let text = ranges::apply(text, edits).map_err(|teach| Miss {
            reason: Reason::Range,
            teach,
        })?;
        let bits = self.mode(path);
        self.put(path, Some(text.into_bytes()), bits)
            .map_err(missed)
    }

    fn create(&mut self, path: &RelPath, text: &str, mode: Option<u32>) -> Result<(), Miss> {
        if self.read(path).map_err(missed)?.is_some() {
            return Err(missed(Error::Exists(path.clone())));
        }
        self.room_for(path).map_err(missed)?;
        self.put(path, Some(text.as_bytes().to_vec()), mode)
            .map_err(missed)
    }

    fn whole(&mut self, path: &RelPath, text: &str) -> Result<(), Miss> {
        let old = self.read(path).map_err(missed)?;
        let known = old.as_ref().and_then(|old| old.text().ok()).unwrap_or("");
        if let Some(line) = old
            .as_ref()
            .and_then(|_| seek::added_placeholder(known, text, path.as_str()))
        {
            return Err(Miss {
                reason: Reason::Placeholder,
                teach: format!(
                    "the text leaves code out (`{line}`); send the whole file, or hunks"
                ),
            });
        }
        self.write(path, text).map_err(missed)
    }

    fn remove(&mut self, path: &RelPath, expect: Option<&str>) -> Result<(), Miss> {
        if let (Some(expect), Ok(Some(content))) = (expect, self.read(path)) {
            let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
            if content.text().map(lines).ok() != Some(lines(expect)) {
                return Err(Miss {
                    reason: Reason::Changed,
                    teach: "the file to delete does not hold what the patch says; read it first"
                        .to_owned(),
                });
            }
        }
        self.delete(path).map_err(missed)
    }

    /// No such file: the nearest names are said.
    fn missing(&self, path: &RelPath) -> Miss {
        let mut teach = Error::Missing(path.clone()).to_string();
        let files = self.files().unwrap_or_default();
        let mut near: Vec<&str> = files
            .iter()
            .filter(|file| file.name() == path.name())
            .map(RelPath::as_str)
            .take(3)
            .collect();
        let stem = |name: &str| name.split('.').next().unwrap_or(name).to_ascii_lowercase();
        if near.is_empty() {
            near = files
                .iter()
                .filter(|file| stem(file.name()) == stem(path.name()))
                .map(RelPath::as_str)
                .take(3)
                .collect();
        }
        if !near.is_empty() {
            teach.push_str(&format!("; did you mean {}?", near.join(", ")));
        }
        Miss {
            reason: Reason::MissingFile,
            teach,
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
        Error::Secret(_) | Error::Path { .. } => Reason::Forbidden,
        _ => Reason::Unreadable,
    };
    Miss {
        reason,
        teach: error.to_string(),
    }
}
