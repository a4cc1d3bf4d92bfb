//! `policy`: what policy says about a command, without running it, and what a person has allowed.

mod kept;

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
    /// List what was allowed for longer than a session
    List(kept::List),
    /// Take back what was allowed
    Forget(kept::Forget),
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
}

/// The word of a decision.
pub fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allow",
        Decision::Ask => "ask",
        Decision::Deny => "deny",
    }
}

/// A word with its borders, and all in it that cannot be seen, made visible.
fn shown(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-+=./,:@%^~".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let mut text = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            ' '..='~' => text.push(c),
            c if c.is_alphanumeric() => text.push(c),
            c => text.extend(c.escape_default()),
        }
    }
    text.push('"');
    text
}

/// Does what is asked.
pub fn run(args: &Policy, compose: &Compose) -> Result<u8, Failure> {
    match args {
        Policy::Check(args) => check(args, compose),
        Policy::List(args) => kept::list(args, compose),
        Policy::Forget(args) => kept::forget(args, compose),
    }
}

/// Prints the verdict. The exit code is 0 whatever the verdict is.
fn check(check: &Check, compose: &Compose) -> Result<u8, Failure> {
    let settings = compose.load()?.settings;
    let policy = sandbox::Policy::new(&settings.sandbox)
        .map_err(|error| Failure::new(Code::Config, error.to_string()))?;
    let verdict = policy.judge(&check.line.line(), compose.root());
    let decision = word(verdict.decision);
    match compose.output() {
        Output::Json => print::json(&json!({
            "decision": decision,
            "reasons": verdict.reasons,
            "commands": verdict.commands,
        })),
        Output::Text => {
            let style = match verdict.decision {
                Decision::Allow => GOOD,
                Decision::Ask => WARN,
                Decision::Deny => BAD,
            };
            print::text(&format!("{}\n", Painted(style.bold(), decision)));
            for command in &verdict.commands {
                let words: Vec<String> = command.iter().map(|word| shown(word)).collect();
                print::text(&format!(
                    "  {} {}\n",
                    Painted(DIM, "command"),
                    words.join(" ")
                ));
            }
            for reason in &verdict.reasons {
                print::text(&format!("  {} {}\n", Painted(DIM, "because"), line(reason)));
            }
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_word_shows_where_it_ends_and_what_is_hidden_in_it() {
        for (word, text) in [
            ("src/a-b.rs", "src/a-b.rs"),
            ("", r#""""#),
            ("a b", r#""a b""#),
            ("a\"\\", r#""a\"\\""#),
            ("é", r#""é""#),
            ("l\u{200b}s\r\u{1b}[2K", r#""l\u{200b}s\r\u{1b}[2K""#),
            ("a\nb", r#""a\nb""#),
        ] {
            assert_eq!(shown(word), text);
        }
    }
}
