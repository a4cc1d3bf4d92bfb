//! `edits`: a model's reply as edits, without touching a file.

use crate::compose::Compose;
use crate::print;
use clap::Subcommand;
use protocol::Failure;

/// Read a model's reply as edits
#[derive(Debug, Subcommand)]
pub enum Edits {
    /// Reply on stdin -> JSON array of {"path","search","replace"}, {"shell"} and {"error"}
    Parse,
}

/// Prints what the reply says. The answer is JSON with or without `--json`.
pub fn run(args: &Edits, _: &Compose) -> Result<u8, Failure> {
    match args {
        Edits::Parse => print::json(&workspace::edits_parse(&super::stdin()?)),
    }
    Ok(0)
}
