//! `Error`: why nothing ran, with what to do next.

use std::io;

/// Failures of this crate that are not verdicts.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A key of the `sandbox` section has a value that means nothing.
    #[error("sandbox.{key}: {problem}")]
    Config {
        /// The key, without its section.
        key: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// The program is on no folder of the search path.
    #[error(
        "{program}: no such program on the search path ({path}); install it, or give its absolute path"
    )]
    NotFound {
        /// The first word of the command.
        program: String,
        /// The folders searched, `:`-separated.
        path: String,
    },
    /// The program, or one step of its confinement, could not start.
    #[error(
        "cannot start {program} (at step: {stage}): {source}; `animus doctor` shows what this kernel allows"
    )]
    Start {
        /// The program's absolute path.
        program: String,
        /// The step that failed.
        stage: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// Anything else the operating system refused.
    #[error("sandbox: {0}")]
    Io(#[from] io::Error),
}
