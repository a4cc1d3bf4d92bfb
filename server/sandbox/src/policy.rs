//! `Policy`: the judgement of a command by its words.
//!
//! Invariant (S1): the strictest word wins (deny > ask > allow) over every command that a line would start; what cannot be parsed
//! is ask. The policy explains; the kernel enforces.

mod awk;
mod git;
mod grant;
mod judge;
mod listing;
mod options;
mod paths;
mod profile;
mod rules;
mod script;
mod shell;
mod toolchain;
mod wrapper;

pub use grant::Grant;

use camino::Utf8Path;
use serde::Serialize;

use crate::{Config, Error};
use judge::Judge;
use rules::Rule;
use shell::Word;

/// What a policy says; ordered by strictness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Runs without a question.
    Allow,
    /// Runs when a person says so.
    Ask,
    /// Never runs.
    Deny,
}

/// A decision with its reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The strictest over all commands.
    pub decision: Decision,
    /// One sentence each, for everything that is not simply allowed.
    pub reasons: Vec<String>,
    /// Every command that the line would start, wrappers and what they wrap included, as far as it could be read.
    pub commands: Vec<Vec<String>>,
    /// The words, when they are all there is to the line: then no shell is needed.
    #[serde(skip)]
    pub(crate) plain: Option<Vec<String>>,
    #[serde(skip)]
    grants: Vec<Grant>,
}

impl Verdict {
    /// The grants that would make this line run without a question, one for each command that is asked about by its words; empty
    /// where none can: the line is denied or unclear, touches places it may not, or runs an interpreter or an unjudged wrapper.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }
}

/// What is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A program and its arguments, as they are.
    Argv(Vec<String>),
    /// A line in the grammar of bash, at most 16 KiB.
    Shell(String),
}

/// The rules of one configuration together with the built-in ones.
#[derive(Debug, Clone)]
pub struct Policy {
    rules: Vec<Rule>,
    writes: Writes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writes {
    InPlace,
    Asked,
}

impl Policy {
    /// Reads the rules of the configuration. Errors name the key and what would be right.
    pub fn new(config: &Config) -> Result<Policy, Error> {
        if config.timeout_seconds == 0 {
            let problem = "0 seconds leave no time to run; give at least 1".to_owned();
            return Err(Error::Config {
                key: "timeout_seconds",
                problem,
            });
        }
        Ok(Policy {
            rules: rules::of(config)?,
            writes: if config.allow_write {
                Writes::InPlace
            } else {
                Writes::Asked
            },
        })
    }

    /// Judges a line that would run in the workspace `root`.
    pub fn judge(&self, line: &Line, root: &Utf8Path) -> Verdict {
        self.judge_granted(line, root, &[])
    }

    /// As [`Policy::judge`], with what a person has granted before.
    pub fn judge_granted(&self, line: &Line, root: &Utf8Path, grants: &[Grant]) -> Verdict {
        self.judged(line, root, grants).0
    }

    /// The verdict, and the rules of the configuration that had a say.
    fn judged(&self, line: &Line, root: &Utf8Path, grants: &[Grant]) -> (Verdict, Vec<usize>) {
        let mut judge = Judge::new(self, root, grants);
        match line {
            Line::Argv(argv) if argv.is_empty() => {
                judge.raise(Decision::Deny, "there is no command".to_owned())
            }
            Line::Argv(argv) => {
                if let Some(reason) = argv.iter().find_map(|word| shell::hidden(word)) {
                    judge.ask(reason);
                }
                judge.words(argv.iter().cloned().map(Word::Literal).collect(), None, 0);
            }
            Line::Shell(text) => judge.shell(text, 0),
        }
        judge.finish()
    }
}

#[cfg(test)]
mod tests;
