//! Effects: the places that a command reads, writes and goes to, and the grants that let it.
//!
//! Invariant: a place is judged for every command, whoever has allowed its words.

use camino::Utf8PathBuf;

use super::Judge;
use crate::environment::Environment;
use crate::policy::grant::{Grant, Origin};
use crate::policy::listing::{Listing, Whole};
use crate::policy::paths::{self, Entering};
use crate::policy::shell::Word;
use crate::policy::{Decision, Writes, profile, rules, wrapper};

impl Judge<'_> {
    pub(super) fn uses(&mut self, uses: profile::Uses, name: &str, args: &[&str], depth: usize) {
        for path in &uses.reads {
            self.readable(path);
        }
        for path in &uses.entries {
            self.check(self.places.reachable(path).map(drop));
        }
        for path in uses.writes {
            self.target(&Word::Literal(path));
        }
        self.contained(&uses.names.iter().map(String::as_str).collect::<Vec<_>>());
        if !uses.follows.is_empty() {
            self.check(
                self.places
                    .open_below(&uses.follows, &|_| true, Whole::Always),
            );
        }
        if !uses.runs.is_empty() {
            let words = wrapper::listed(
                uses.runs.into_iter().map(Word::Literal).collect(),
                Some("{}"),
            );
            self.taken = Listing::of(name, args).map(|listing| (listing, Whole::Always));
            self.entering = Entering::Perhaps;
            self.words(words, None, depth + 1);
            self.taken = None;
        }
        if let Some(folder) = uses.enters {
            if self.again {
                self.ask("changes the folder in a loop");
            }
            // A wrapper may run another `cd` than the shell's.
            let entering = if depth == 0 {
                self.entering
            } else {
                Entering::Perhaps
            };
            let entered = self.places.enter(&folder, entering);
            self.check(entered);
        }
        if uses.moves {
            self.places.moved();
        }
    }

    /// Asks about a command's words, unless a person has granted them; says what grant would do.
    pub(super) fn ask_unless_granted(&mut self, reason: String, first: &str, args: &[&str]) {
        self.contained(args);
        let Some((program, origin)) = self.program(first) else {
            return self.ask(reason);
        };
        let settled = self.places.settled();
        if self
            .granted
            .iter()
            .any(|grant| grant.covers(&program, origin, args, settled))
        {
            return;
        }
        match Grant::offer(&program, origin, args, settled) {
            Some(grant) => {
                if !self.verdict.grants.contains(&grant) {
                    self.verdict.grants.push(grant);
                }
                self.note(Decision::Ask, reason);
            }
            None => self.ask(reason),
        }
    }

    /// The program's absolute path. After a `cd` a path of the workspace may mean several.
    fn program(&self, first: &str) -> Option<(Utf8PathBuf, Origin)> {
        if rules::by_path(first).is_some() {
            return self
                .places
                .only(first)
                .map(|path| (path, Origin::Workspace));
        }
        let path = match first.contains('/') {
            true => Some(Utf8PathBuf::from(first)),
            false => self
                .programs
                .get_or_init(|| Environment::inherited(self.root))
                .find(first),
        };
        path.map(|path| (path, Origin::Installed))
    }

    /// Words that a rule or a person let pass may still name no place that nobody may touch without a question.
    pub(super) fn contained(&mut self, args: &[&str]) {
        for arg in args {
            let judged = self.places.contained(arg);
            self.check(judged);
        }
    }

    pub(super) fn readable(&mut self, path: &str) {
        let judged = self.places.readable(path);
        self.check(judged);
    }

    pub(super) fn target(&mut self, target: &Word) {
        let Word::Literal(path) = target else {
            return self.ask(format!(
                "writes to {}, which is known only when it runs",
                target.text()
            ));
        };
        if rules::block_device(path) {
            return self.raise(Decision::Deny, format!("writes to the device {path}"));
        }
        if self.overlong() {
            return;
        }
        let judged = self.places.writable(path);
        self.writes |= judged == Ok(paths::Written::File);
        match judged {
            Ok(paths::Written::Nothing) => {}
            Ok(paths::Written::File) if self.policy.writes == Writes::InPlace => {}
            Ok(paths::Written::File) => {
                self.ask(format!("writes {path}, and sandbox.allow_write is false"))
            }
            Err(reason) => self.ask(reason),
        }
    }
}
