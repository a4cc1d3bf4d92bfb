//! `completions`: the completion script of a shell.

use crate::cli::Cli;
use crate::print;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use protocol::Failure;

/// Print a completion script for a shell
#[derive(Debug, Args)]
pub struct Completions {
    /// Which shell
    shell: Shell,
}

/// Prints it.
pub fn run(args: &Completions) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "animus", &mut script);
    print::text(&String::from_utf8_lossy(&script));
    Ok(0)
}
