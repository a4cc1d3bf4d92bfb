//! Patch: what a model wants changed, in one form whatever format it came in; it knows nothing of the files yet.

mod blocks;
mod envelope;
mod feed;
mod json;
mod reply;
mod stream;
mod udiff;
mod whole;

pub use reply::{ReplyStream, edits_parse};
pub use stream::PatchStream;

use crate::path::{RelPath, Root};
use camino::Utf8Path;

/// How a patch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Told by its shape.
    #[default]
    Auto,
    /// `*** Begin Patch` … `*** End Patch`.
    Envelope,
    /// SEARCH/REPLACE blocks.
    Blocks,
    /// Unified diff: git, plain, or hunks without line numbers.
    Udiff,
    /// `{"file","edits":[{"old","new","all"}]}`, `{"path","old","new","replace_all"}`, `{"path","content"}`,
    /// an LSP `WorkspaceEdit`, or an array of them.
    Json,
    /// Whole files: a fence with the path in its info string, or on the line above it.
    Whole,
}

/// A list of changes, in the order in which they were written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patch {
    /// Applied one after the other, each to what the ones before it left.
    pub ops: Vec<Op>,
}

/// One change to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Changes places in a file that exists, or fills one that does not (a hunk with an empty `before`).
    Edit {
        /// The file.
        path: RelPath,
        /// The places.
        hunks: Vec<HunkSpec>,
        /// Its new name, if it moves too.
        rename_to: Option<RelPath>,
    },
    /// Changes ranges given by number.
    Ranges {
        /// The file.
        path: RelPath,
        /// The ranges; they must not overlap.
        edits: Vec<RangeEdit>,
    },
    /// Makes a file that must not exist yet.
    Create {
        /// The file.
        path: RelPath,
        /// Its whole text.
        text: String,
        /// Permission bits, where the patch says.
        mode: Option<u32>,
    },
    /// The whole text of a file, new or not.
    Write {
        /// The file.
        path: RelPath,
        /// Its whole text.
        text: String,
        /// What the format says about the newline at its end.
        last: LastLine,
    },
    /// Makes a file that must not exist yet from another one's bytes.
    Copy {
        /// The file that stays.
        from: RelPath,
        /// The new one.
        to: RelPath,
    },
    /// Makes a changed file executable, or not.
    Mode {
        /// The file; something else in it changes too.
        path: RelPath,
        /// Whether it may be run.
        run: Run,
    },
    /// Removes a file.
    Delete {
        /// The file.
        path: RelPath,
        /// What it must hold, where the patch says.
        expect: Option<String>,
    },
    /// Changes nothing, and is refused where there is such a file: what the patch moves there must not replace it.
    Absent {
        /// The place that must be free.
        path: RelPath,
    },
    /// Moves a file over whatever is at `to`.
    Rename {
        /// From here.
        from: RelPath,
        /// To here.
        to: RelPath,
    },
}

impl Op {
    /// The file that the op is about (where it is now, for a rename; the new one, for a copy).
    pub fn path(&self) -> &RelPath {
        match self {
            Op::Edit { path, .. }
            | Op::Ranges { path, .. }
            | Op::Create { path, .. }
            | Op::Write { path, .. }
            | Op::Mode { path, .. }
            | Op::Delete { path, .. }
            | Op::Absent { path } => path,
            Op::Rename { from, .. } => from,
            Op::Copy { to, .. } => to,
        }
    }
}

/// Whether a file may be run as a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// It may.
    Yes,
    /// It may not.
    No,
}

/// A place in a file by what stands there, and what shall stand there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HunkSpec {
    /// What stands there. For [`Grain::Lines`] each line is closed by `\n`; empty: nothing is replaced.
    pub before: String,
    /// What shall stand there, likewise.
    pub after: String,
    /// Whether `before` is whole lines.
    pub grain: Grain,
    /// One place or all of them.
    pub reach: Reach,
    /// Lines above the place, outermost first (`@@ class A`, `@@ def b`).
    pub scope: Vec<String>,
    /// The line number that the patch names, from 1; decides only between equal places.
    pub line: Option<u32>,
    /// Where in the file the place must be.
    pub site: Site,
    /// What the patch says about the newline at the end of the file.
    pub last: LastLine,
    /// Which lines end in `\r\n`, where the patch says it.
    pub returns: Option<Returns>,
}

/// Which lines of a hunk end in `\r\n`; the others end in `\n`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Returns {
    /// For each line of `before`.
    pub before: Vec<bool>,
    /// For each line of `after`.
    pub after: Vec<bool>,
}

/// Whether a hunk is whole lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Grain {
    /// Whole lines.
    #[default]
    Lines,
    /// Any text.
    Text,
}

/// How many places a hunk may match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// Exactly one.
    #[default]
    One,
    /// One or more, all changed.
    All,
}

/// Where a hunk may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Site {
    /// Anywhere.
    #[default]
    Anywhere,
    /// The format orders its hunks, and this is the first: what it counts starts anew.
    First,
    /// The format orders its hunks: below the hunk before, where the text alone does not decide.
    Below,
    /// At the end of the file.
    End,
}

/// The newline at the end of the file, where a hunk rewrites the last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LastLine {
    /// As the file had it.
    #[default]
    Keep,
    /// With a newline where the hunk writes lines beyond those it replaces at the end (the envelope's rule).
    Added,
    /// With a newline (`\ No newline at end of file` on the old side only).
    Closed,
    /// Without (`\ No newline at end of file` on the new side).
    Open,
}

/// A range to replace, as LSP has it: lines and UTF-16 units from 0, end exclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeEdit {
    /// First line and unit.
    pub start: (u32, u32),
    /// Line and unit after the last.
    pub end: (u32, u32),
    /// What shall stand there.
    pub text: String,
}

/// Why a text is not a patch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct PatchError {
    /// Where, from 1.
    pub line: usize,
    /// What is wrong there and what to write instead.
    pub what: String,
}

impl PatchError {
    pub(crate) fn at(index: usize, what: impl Into<String>) -> PatchError {
        PatchError {
            line: index + 1,
            what: what.into(),
        }
    }
}

/// What the parsers know besides the text.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: Option<&'a RelPath>,
    root: Option<&'a Root>,
}

impl Place<'_> {
    /// A path as a patch writes it: relative, or absolute below the root.
    fn path(&self, text: &str, index: usize) -> Result<RelPath, PatchError> {
        let text = text.trim();
        let local = text.strip_prefix("file://").unwrap_or(text);
        if let Some(root) = self.root
            && local.starts_with('/')
            && let Some(path) = root.relative(Utf8Path::new(local))
        {
            return Ok(path);
        }
        RelPath::new(local).map_err(|error| PatchError::at(index, error.to_string()))
    }
}

/// Reads a patch. `file` is the target of hunks that name none.
///
/// # Errors
/// [`PatchError`] with the line where the text stops being a patch; nothing is guessed from half a patch.
pub fn parse_patch(
    text: &str,
    format: Format,
    file: Option<&RelPath>,
) -> Result<Patch, PatchError> {
    parse(text, format, Place { file, root: None })
}

/// As [`parse_patch`]; absolute paths and `file:` addresses below `root` are taken too.
///
/// # Errors
/// As [`parse_patch`].
pub fn parse_patch_below(
    text: &str,
    format: Format,
    file: Option<&RelPath>,
    root: &Root,
) -> Result<Patch, PatchError> {
    let root = Some(root);
    parse(text, format, Place { file, root })
}

fn parse(text: &str, format: Format, place: Place<'_>) -> Result<Patch, PatchError> {
    let mut stream = PatchStream::begin(format, place.file.cloned(), place.root.cloned());
    let mut ops = stream.push(text)?;
    ops.extend(stream.finish()?);
    Ok(Patch { ops })
}
