//! `policy`: what policy says about a command, without running it.

use crate::cli::Output;
use crate::compose::Compose;
use crate::print;
use crate::render::style::{BAD, DIM, GOOD, Painted, WARN, line};
use clap::{Args, Subcommand};
use protocol::{Code, Failure};
use sandbox::{Decision, Line};
use serde_json::json;

/// Ask what policy says
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Judge a command: allow, ask or deny, with the reasons
    Check(Check),
}

/// Judge a command
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    line: CommandLine,
}

/// A command, as words or as a shell line.
#[derive(Debug, Args)]
pub struct CommandLine {
    /// Judge or run this shell line
    #[arg(
        long,
        value_name = "LINE",
        conflicts_with = "argv",
        allow_hyphen_values = true
    )]
    shell: Option<String>,
    /// The command's words, behind `--`
    #[arg(last = true, value_name = "ARGV", required_unless_present = "shell")]
    argv: Vec<String>,
}

impl CommandLine {
    /// What is to run.
    pub fn line(&self) -> Line {
        match &self.shell {
            Some(text) => Line::Shell(text.clone()),
            None => Line::Argv(self.argv.clone()),
        }
    }

    /// Whether git is called: it reads the user's repository, which no scratch tree has.
    pub fn reads_git(&self) -> bool {
        match &self.shell {
            Some(text) => text.trim_start().starts_with("git "),
            None => self.argv.first().is_some_and(|first| first == "git"),
        }
    }
}

/// The word of a decision.
pub fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allow",
        Decision::Ask => "ask",
        Decision::Deny => "deny",
    }
}

/// Prints the verdict. The exit code is 0 whatever the verdict is.
pub fn run(args: &Policy, compose: &Compose) -> Result<u8, Failure> {
    let Policy::Check(check) = args;
    let settings = compose.load()?.settings;
    let policy = sandbox::Policy::new(&settings.sandbox)
        .map_err(|error| Failure::new(Code::Config, error.to_string()))?;
    let verdict = policy.judge(&check.line.line(), compose.root());
    let decision = word(verdict.decision);
    match compose.output() {
        Output::Json => print::json(&json!({ "decision": decision, "reasons": verdict.reasons })),
        Output::Text => {
            let style = match verdict.decision {
                Decision::Allow => GOOD,
                Decision::Ask => WARN,
                Decision::Deny => BAD,
            };
            print::text(&format!("{}\n", Painted(style.bold(), decision)));
            for reason in &verdict.reasons {
                print::text(&format!("  {}\n", Painted(DIM, line(reason))));
            }
        }
    }
    Ok(0)
}
