//! `Policy`: the judgement of a command by its words.
//!
//! Invariant (S1): the strictest word wins (deny > ask > allow) over every command that a line would start; what cannot be parsed
//! is ask. The policy explains; the kernel enforces.

mod git;
mod paths;
mod profile;
mod rules;
mod script;
mod shell;
mod toolchain;
mod wrapper;

use camino::Utf8Path;
use serde::Serialize;

use crate::{Config, Error};
use paths::Places;
use rules::Prefix;
use shell::{Simple, Word};

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
    allowed: Vec<Prefix>,
    denied: Vec<Prefix>,
    writes: Writes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writes {
    InPlace,
    Asked,
}

/// More commands than this in one line nobody reads.
const MOST_COMMANDS: usize = 32;
/// Wrappers in wrappers, shells in shells.
const DEEPEST: usize = 8;

impl Policy {
    /// Reads the lists of the configuration. A rule is a program's name with leading words.
    pub fn new(config: &Config) -> Result<Policy, Error> {
        let prefixes = |key, rules: &[String]| {
            rules
                .iter()
                .map(|rule| Prefix::new(key, rule))
                .collect::<Result<Vec<_>, _>>()
        };
        if config.timeout_seconds == 0 {
            let problem = "0 seconds leave no time to run; give at least 1".to_owned();
            return Err(Error::Config {
                key: "timeout_seconds",
                problem,
            });
        }
        Ok(Policy {
            allowed: prefixes("allowed_commands", &config.allowed_commands)?,
            denied: prefixes("denied_commands", &config.denied_commands)?,
            writes: if config.allow_write {
                Writes::InPlace
            } else {
                Writes::Asked
            },
        })
    }

    /// Judges a line that would run in the workspace `root`.
    pub fn judge(&self, line: &Line, root: &Utf8Path) -> Verdict {
        let mut judge = Judge {
            policy: self,
            places: Places::new(root),
            verdict: Verdict {
                decision: Decision::Allow,
                reasons: Vec::new(),
                commands: Vec::new(),
                plain: None,
            },
            fetching: None,
        };
        match line {
            Line::Argv(argv) if argv.is_empty() => {
                judge.raise(Decision::Deny, "there is no command".to_owned())
            }
            Line::Argv(argv) => {
                if let Some(reason) = argv.iter().find_map(|word| shell::hidden(word)) {
                    judge.raise(Decision::Ask, reason);
                }
                judge.words(argv.iter().cloned().map(Word::Literal).collect(), None, 0);
            }
            Line::Shell(text) => judge.shell(text, 0),
        }
        if judge.verdict.commands.len() > MOST_COMMANDS {
            judge.raise(
                Decision::Ask,
                format!("more than {MOST_COMMANDS} commands in one line"),
            );
        }
        judge.verdict
    }
}

struct Judge<'a> {
    policy: &'a Policy,
    places: Places,
    verdict: Verdict,
    /// The pipeline in which something is being downloaded.
    fetching: Option<usize>,
}

impl Judge<'_> {
    fn raise(&mut self, decision: Decision, reason: String) {
        self.verdict.decision = self.verdict.decision.max(decision);
        if !self.verdict.reasons.contains(&reason) {
            self.verdict.reasons.push(reason);
        }
    }

    fn ask(&mut self, reason: impl Into<String>) {
        self.raise(Decision::Ask, reason.into());
    }

    fn shell(&mut self, text: &str, depth: usize) {
        let parsed = shell::parse(text);
        for reason in parsed.denies {
            self.raise(Decision::Deny, reason);
        }
        let clear = parsed.asks.is_empty();
        for reason in parsed.asks {
            self.ask(reason);
        }
        if parsed.commands.is_empty() && clear {
            self.ask("there is no command in the line");
        }
        let plain = match parsed.commands.as_slice() {
            [only] if depth == 0 => only.plain(),
            _ => None,
        };
        for command in parsed.commands {
            self.simple(command, depth);
        }
        if self.verdict.decision == Decision::Allow {
            self.verdict.plain = plain;
        }
    }

    fn simple(&mut self, command: Simple, depth: usize) {
        for target in &command.writes {
            self.target(target);
        }
        for source in &command.reads {
            match source {
                Word::Literal(path) => self.readable(path),
                Word::Unknown(text) => self.ask(format!(
                    "reads from {text}, which is known only when it runs"
                )),
            }
        }
        for name in &command.assignments {
            if !rules::harmless_variable(name) {
                self.ask(format!("sets the variable {name}"));
            }
        }
        match command.words.is_empty() {
            true if !command.assignments.is_empty() => self.ask("sets a shell variable"),
            true => {}
            false => self.words(command.words, command.pipeline, depth),
        }
    }

    /// One command, wrappers taken off one by one.
    fn words(&mut self, words: Vec<Word>, pipeline: Option<usize>, depth: usize) {
        self.verdict
            .commands
            .push(words.iter().map(|word| word.text().to_owned()).collect());
        let Some(Word::Literal(first)) = words.first() else {
            return self.ask("the program's name is known only when it runs");
        };
        if depth > DEEPEST {
            return self.ask("too many wrappers in wrappers");
        }
        if let Some(reason) = rules::by_path(first) {
            self.ask(reason);
        }
        let name = first.rsplit('/').next().unwrap_or(first).to_owned();
        if let Some(rule) = self
            .policy
            .denied
            .iter()
            .find(|rule| rule.matches(&name, &words[1..]))
        {
            let reason = format!("denied by sandbox.denied_commands: {rule}");
            self.raise(Decision::Deny, reason);
        }
        if let Some(reason) = rules::denied(&name, &words[1..]) {
            self.raise(Decision::Deny, reason);
        }
        self.watch_downloads(&name, pipeline);
        match wrapper::inner(&name, &words[1..]) {
            wrapper::Inner::Words(inner) => return self.words(inner, pipeline, depth + 1),
            wrapper::Inner::Shell(text) => return self.shell(&text, depth + 1),
            wrapper::Inner::Raised(reason, inner) => {
                self.ask(reason);
                if !inner.is_empty() {
                    self.words(inner, pipeline, depth + 1);
                }
                return;
            }
            wrapper::Inner::Nothing => {}
        }
        let literal: Option<Vec<&str>> = words[1..].iter().map(Word::literal).collect();
        let allowed = |args: &Vec<&str>| {
            self.policy
                .allowed
                .iter()
                .any(|rule| rule.covers(&name, args))
        };
        if literal.as_ref().is_some_and(allowed) {
            return;
        }
        self.profile(&name, &words[1..], literal);
    }

    fn profile(&mut self, name: &str, words: &[Word], literal: Option<Vec<&str>>) {
        let Some(args) = literal else {
            // Only what prints its words and nothing else can take any word.
            if name != "echo" || words.iter().any(|word| word.text().contains("${")) {
                self.ask(format!("{name}: an argument is known only when it runs"));
            }
            return;
        };
        match profile::judge(name, &args) {
            Ok(uses) => {
                for path in uses.reads {
                    self.readable(&path);
                }
                for path in uses.writes {
                    self.target(&Word::Literal(path));
                }
                let entered = uses
                    .enters
                    .map_or(Ok(()), |folder| self.places.enter(&folder));
                if let Err(reason) = entered {
                    self.ask(reason);
                }
            }
            Err(reason) => self.ask(reason),
        }
    }

    fn readable(&mut self, path: &str) {
        if let Err(reason) = self.places.readable(path) {
            self.ask(reason);
        }
    }

    fn target(&mut self, target: &Word) {
        let Word::Literal(path) = target else {
            return self.ask(format!(
                "writes to {}, which is known only when it runs",
                target.text()
            ));
        };
        if rules::block_device(path) {
            return self.raise(Decision::Deny, format!("writes to the device {path}"));
        }
        match self.places.writable(path) {
            Ok(paths::Written::Nothing) => {}
            Ok(paths::Written::File) if self.policy.writes == Writes::InPlace => {}
            Ok(paths::Written::File) => {
                self.ask(format!("writes {path}, and sandbox.allow_write is false"))
            }
            Err(reason) => self.ask(reason),
        }
    }

    fn watch_downloads(&mut self, name: &str, pipeline: Option<usize>) {
        if matches!(name, "curl" | "wget" | "fetch") {
            self.fetching = pipeline;
        } else if wrapper::is_shell(name) && pipeline.is_some() && self.fetching == pipeline {
            self.raise(
                Decision::Deny,
                "runs a script straight from the network; download it and read it first".to_owned(),
            );
        }
    }
}

#[cfg(test)]
mod tests;
