//! Error: why the workspace could not do what was asked, with what to do next; one variant per way a caller reacts.

use crate::path::RelPath;

/// Why the workspace could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// W1: the path is not a relative, normal path inside the workspace.
    #[error(
        "`{path}` is not a path in the workspace: {why}; give a path relative to the workspace root, with `/`"
    )]
    Path {
        /// The path as it was given.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is no such file.
    #[error("there is no file `{0}`; list the folder to see what is there")]
    Missing(RelPath),
    /// Something is already there.
    #[error("`{0}` exists already; edit it, or delete it first")]
    Exists(RelPath),
    /// The document is not open in the editor.
    #[error("`{0}` is not open in the editor")]
    NotOpen(RelPath),
    /// The file is not text that can be edited here.
    #[error("`{path}` cannot be read as text: {why}; leave this file alone")]
    Unreadable {
        /// The file.
        path: String,
        /// Encoding, binary, too large, not a regular file.
        why: String,
    },
    /// The text has a character that the file's encoding cannot hold.
    #[error(
        "`{path}` is {encoding} and cannot hold `{sign}` (U+{:04X}); write it with characters of that encoding",
        u32::from(*.sign)
    )]
    Unencodable {
        /// The file.
        path: RelPath,
        /// Name of its encoding.
        encoding: &'static str,
        /// The character.
        sign: char,
    },
    /// The file may hold keys or passwords.
    #[error("`{0}` may hold secrets and is never read or written by the agent; work without it")]
    Secret(RelPath),
    /// The file belongs to this program.
    #[error(
        "`{0}` belongs to this program and is never written; its settings come from the user's own file"
    )]
    Owned(RelPath),
    /// A search pattern or a glob does not parse.
    #[error("the pattern does not parse: {0}; escape special characters or simplify it")]
    Pattern(String),
    /// The folder is not in a git repository.
    #[error("`{0}` is not in a git repository; run `git init` there, or work without git")]
    NoRepository(String),
    /// Git objects could not be read.
    #[error("git: {0}")]
    Git(#[from] git2::Error),
    /// There is no such patch.
    #[error("there is no patch `{0}`; `animus patch list` shows those that are")]
    NoPatch(String),
    /// The user's later edits touch the same lines.
    #[error(
        "later edits touch the same lines in {}; undo those first or change the lines by hand",
        names(.paths)
    )]
    Conflict {
        /// The files that do not merge.
        paths: Vec<RelPath>,
        /// The lines with conflict markers, per file.
        details: String,
    },
    /// The disk said no.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, and on which file.
        what: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn io(what: impl Into<String>, source: std::io::Error) -> Error {
        Error::Io {
            what: what.into(),
            source,
        }
    }
}

/// The paths in one line, for messages.
pub(crate) fn names(paths: &[RelPath]) -> String {
    let quoted: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
    quoted.join(", ")
}
