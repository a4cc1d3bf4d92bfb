//! The one binary: reads the command line, runs one command, and turns what came of it into an exit code.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the composition root and the terminal: the only crate that reads argv, the environment and configuration files, and prints"
)]

mod cli;
mod commands;
mod compose;
mod config;
mod follow;
mod print;
mod render;
mod roster;
mod stops;

use clap::Parser;
use protocol::{Code, Failure};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse_from(cli::arguments(std::env::args_os())) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let output = cli.shared.output();
    match compose::Compose::new(&cli.shared)
        .and_then(|compose| commands::run(&cli.command, &compose))
    {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            print::failure(&failure, output);
            ExitCode::from(exit_code(&failure))
        }
    }
}

/// The exit code of a command that could not do its work.
fn exit_code(failure: &Failure) -> u8 {
    match failure.code {
        Code::InvalidInput => 2,
        Code::Auth | Code::Provider | Code::RateLimited => 8,
        Code::SandboxUnavailable => 10,
        Code::Config => 11,
        Code::Cancelled => 130,
        Code::Internal => 70,
        _ => 1,
    }
}
