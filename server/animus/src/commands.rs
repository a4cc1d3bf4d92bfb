//! Commands: one file each. A command answers with an exit code, or with a failure that `main` shows.

pub mod apply_patch;
pub mod completions;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod edits;
pub mod exec;
pub mod lsp;
pub mod map;
pub mod memory;
pub mod models;
pub mod navigate;
pub mod patch;
pub mod policy;
pub mod protocol;
pub mod run;
pub mod search;
pub mod serve;
pub mod session;
pub mod version;

use crate::cli::Command;
use crate::compose::Compose;
use ::protocol::{Code, Failure};
use std::io::Read;

/// Largest text that is read from stdin, in bytes.
const MAX_STDIN: u64 = 64 << 20;

/// Runs a command.
pub fn run(command: &Command, compose: &Compose) -> Result<u8, Failure> {
    match command {
        Command::Run(args) => run::run(args, compose),
        Command::Demo(args) => demo::run(args, compose),
        Command::Lsp(args) => lsp::run(args, compose),
        Command::Serve(args) => serve::run(args, compose),
        Command::Search(args) => search::run(args, compose),
        Command::Map(args) => map::run(args, compose),
        Command::Outline(args) => navigate::outline(args, compose),
        Command::Symbol(args) => navigate::symbol(args, compose),
        Command::Definition(args) => navigate::definition(args, compose),
        Command::References(args) => navigate::references(args, compose),
        Command::Neighbours(args) => navigate::neighbours(args, compose),
        Command::ApplyPatch(args) => apply_patch::run(args, compose),
        Command::Edits(args) => edits::run(args, compose),
        Command::Patch(args) => patch::run(args, compose),
        Command::Session(args) => session::run(args, compose),
        Command::Memory(args) => memory::run(args, compose),
        Command::Policy(args) => policy::run(args, compose),
        Command::Exec(args) => exec::run(args, compose),
        Command::Config(args) => config::run(args, compose),
        Command::Models(args) => models::run(args, compose),
        Command::Protocol(args) => protocol::run(args),
        Command::Doctor(args) => doctor::run(args, compose),
        Command::Completions(args) => completions::run(args),
        Command::Version(args) => version::run(args, compose),
    }
}

/// All of stdin as text.
fn stdin() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(MAX_STDIN + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::new(Code::Io, format!("stdin cannot be read: {error}")))?;
    if bytes.len() as u64 > MAX_STDIN {
        return Err(Failure::new(
            Code::InvalidInput,
            format!("stdin has more than {MAX_STDIN} bytes"),
        )
        .hint("send it in parts"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::new(
            Code::InvalidInput,
            format!("stdin is not UTF-8 text (byte {at})"),
        )
        .hint("convert it to UTF-8")
    })
}
