//! Cli: the command line as types. Words of a task are never options once `--` stands before them.

use crate::commands::{
    apply_patch, completions, config, demo, doctor, edits, exec, lsp, map, memory, models,
    navigate, patch, policy, protocol, run, search, serve, session, version,
};
use ::protocol::{Code, Failure};
use camino::Utf8PathBuf;
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;

/// A coding agent behind a language server, and the terminal's way to it.
#[derive(Debug, Parser)]
#[command(name = "animus", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub shared: Shared,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Default, Args)]
pub struct Shared {
    /// Work in this folder instead of the current one
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub directory: Option<Utf8PathBuf>,
    /// Read this configuration file instead of the user's (also: ANIMUS_CONFIG)
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<Utf8PathBuf>,
    /// Answer for programs: JSON on stdout, diagnostics on stderr
    #[arg(long, global = true)]
    pub json: bool,
}

/// For whom a command answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// A person.
    Text,
    /// A program.
    Json,
}

impl Shared {
    /// For whom the command answers.
    pub fn output(&self) -> Output {
        if self.json {
            Output::Json
        } else {
            Output::Text
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Give the agent a task and watch it work
    Run(run::Run),
    /// See a whole task on a small real repository, with a scripted model
    Demo(demo::Demo),
    /// Serve an editor over stdin and stdout
    Lsp(lsp::Lsp),
    /// Serve programs over HTTP on a loopback address
    Serve(serve::Serve),
    /// Find the code for some words
    Search(search::Search),
    /// List files with their symbols
    Map(map::Map),
    /// List the definitions of a file
    Outline(navigate::Outline),
    /// Find a symbol by its name, or nearly so
    Symbol(navigate::Symbol),
    /// Find where the name at a place is defined
    Definition(navigate::About),
    /// List the uses of a name
    References(navigate::About),
    /// List what a definition uses and what uses it
    Neighbours(navigate::About),
    /// Apply a patch from stdin below the current folder
    ApplyPatch(apply_patch::ApplyPatch),
    /// Read a model's reply from stdin as edits
    #[command(subcommand)]
    Edits(edits::Edits),
    /// See, take, refuse and undo the agent's patches
    #[command(subcommand)]
    Patch(patch::Patch),
    /// See and go on with sessions
    #[command(subcommand)]
    Session(session::Session),
    /// See and change what is remembered of this project
    #[command(subcommand)]
    Memory(memory::Memories),
    /// Ask what policy says about a command
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Run a command as a tool of a phase would run it
    Exec(exec::Exec),
    /// Write, check and describe the configuration
    #[command(subcommand)]
    Config(config::Config),
    /// List which model does what
    Models(models::Models),
    /// Describe what crosses the wire to editors and programs
    #[command(subcommand)]
    Protocol(protocol::Protocol),
    /// Look at what works here and what does not
    Doctor(doctor::Doctor),
    /// Print a completion script for a shell
    Completions(completions::Completions),
    /// Print the version
    Version(version::Version),
}

/// The arguments to parse. Called as `mycodex` the program is `animus`, as `mycodexd` it is `animus serve` where
/// no other command stands first.
pub fn arguments(given: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut given: Vec<OsString> = given.collect();
    let name = given.first().and_then(|first| {
        std::path::Path::new(first)
            .file_stem()?
            .to_str()
            .map(str::to_owned)
    });
    if let Some(first) = given.first_mut() {
        *first = "animus".into();
    }
    if name.as_deref() == Some("mycodexd") && !is_its_own(given.get(1)) {
        given.insert(1, "serve".into());
    }
    given
}

/// For whom a command line asks to be answered that could not be parsed.
pub fn wanted_output(given: impl Iterator<Item = OsString>) -> Output {
    let mut options = given.skip(1).take_while(|word| word != "--");
    match options.any(|word| word == "--json") {
        true => Output::Json,
        false => Output::Text,
    }
}

/// What is wrong with a command line, for a program.
pub fn wrong_usage(error: &clap::Error) -> Failure {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Failure::new(Code::InvalidInput, "a command is missing")
            .hint("`animus --help` lists them");
    }
    let text = error.render().to_string();
    let (message, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    let message = message.trim().trim_start_matches("error: ");
    let failure = Failure::new(Code::InvalidInput, message);
    match rest.trim() {
        "" => failure,
        rest => failure.hint(rest),
    }
}

/// Whether a first word says by itself what is to be done.
fn is_its_own(word: Option<&OsString>) -> bool {
    let Some(word) = word.and_then(|word| word.to_str()) else {
        return false;
    };
    let mut commands = <Cli as clap::CommandFactory>::command();
    commands.build();
    matches!(word, "--version" | "-V" | "--help" | "-h") || commands.find_subcommand(word).is_some()
}

#[cfg(test)]
mod tests {
    use super::{Cli, Command};
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_names_of_the_program() {
        let parse = |words: &[&str]| {
            let cli = Cli::try_parse_from(super::arguments(words.iter().map(|word| word.into())))
                .unwrap();
            format!("{:?}", cli.command)
                .split('(')
                .next()
                .unwrap()
                .to_owned()
        };
        assert_eq!(parse(&["/usr/bin/mycodex", "version"]), "Version");
        assert_eq!(parse(&["/usr/bin/mycodexd", "--json"]), "Serve");
        assert_eq!(parse(&["mycodexd"]), "Serve");
        assert_eq!(parse(&["mycodexd", "serve"]), "Serve");
        assert_eq!(parse(&["mycodexd", "--json", "--addr", ":0"]), "Serve");
        assert_eq!(parse(&["mycodexd", "version"]), "Version");
        assert_eq!(parse(&["mycodexd", "doctor"]), "Doctor");
        assert_eq!(parse(&["./animus", "serve"]), "Serve");
        let refused = |words: [&str; 2]| {
            Cli::try_parse_from(super::arguments(words.iter().map(|word| word.into())))
                .unwrap_err()
                .kind()
        };
        let version = clap::error::ErrorKind::DisplayVersion;
        assert_eq!(refused(["mycodexd", "--version"]), version);
    }

    #[test]
    fn task_text_behind_two_dashes_is_never_an_option() {
        let cli = Cli::try_parse_from([
            "animus",
            "run",
            "--json",
            "--",
            "--config=evil.yaml",
            "-C",
            "/",
        ])
        .unwrap();
        assert!(cli.shared.config.is_none() && cli.shared.directory.is_none() && cli.shared.json);
        let Command::Run(run) = cli.command else {
            panic!("not run")
        };
        assert_eq!(run.task(), "--config=evil.yaml -C /");
        assert!(Cli::try_parse_from(["animus", "--", "run", "--config=evil.yaml"]).is_err());
    }
}
