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
mod spending;
mod stops;
mod telemetry;
mod work;

use clap::Parser;
use protocol::{Code, Failure};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse_from(cli::arguments(std::env::args_os())) {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(no_command(&error)),
    };
    let output = cli.shared.output();
    let code = match compose::Compose::new(&cli.shared)
        .and_then(|compose| commands::run(&cli.command, &compose))
    {
        Ok(code) => code,
        Err(failure) => {
            print::failure(&failure, output);
            exit_code(&failure)
        }
    };
    ExitCode::from(written(code, output))
}

/// What the command line says where it names no command that can run: help, the version, or what is wrong with it.
fn no_command(error: &clap::Error) -> u8 {
    let output = cli::wanted_output(std::env::args_os());
    if error.use_stderr() && output == cli::Output::Json {
        let failure = cli::wrong_usage(error);
        print::failure(&failure, output);
        return exit_code(&failure);
    }
    if let Err(error) = error.print() {
        print::lost(&error);
    }
    written(if error.use_stderr() { 2 } else { 0 }, output)
}

/// The exit code, where what was to be said got out; a success that nobody can read is none.
fn written(code: u8, output: cli::Output) -> u8 {
    match print::whole() {
        Err(failure) => {
            print::failure(&failure, output);
            if code == 0 { exit_code(&failure) } else { code }
        }
        Ok(()) => code,
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
