//! `protocol`: what crosses the wire to editors and programs, for those who write a client.

use crate::print;
use clap::Subcommand;
use protocol::Failure;

/// Describe what crosses the wire to editors and programs
#[derive(Debug, Subcommand)]
pub enum Protocol {
    /// Print the JSON Schema of every verb, event and capability
    Schema,
}

/// Prints it, for people as for programs.
pub fn run(args: &Protocol) -> Result<u8, Failure> {
    match args {
        Protocol::Schema => print::text(&format!("{:#}\n", lsp::schema())),
    }
    Ok(0)
}
