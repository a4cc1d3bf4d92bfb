//! `Judge`: one line on its way to a verdict.
//!
//! Invariant (S1): every command of the line comes by here, in the order of the text; a question once raised stays.

mod effects;
mod rounds;

use std::cell::OnceCell;

use camino::Utf8Path;

use super::grant::Grant;
use super::listing::{Listing, Whole};
use super::paths::{Entering, Places};
use super::shell::{self, Loop, Parsed, Simple, Word};
use super::{Decision, Policy, Verdict, options, profile, rules, wrapper};
use crate::environment::Environment;

/// More commands than this in one line nobody reads.
const MOST_COMMANDS: usize = 32;
/// More reasons than this nobody reads.
const MOST_REASONS: usize = 32;
/// Wrappers in wrappers, shells in shells.
const DEEPEST: usize = 8;
pub(super) struct Judge<'a> {
    policy: &'a Policy,
    root: &'a Utf8Path,
    granted: &'a [Grant],
    /// The search path, read when a grant is looked at.
    programs: OnceCell<Environment>,
    places: Places,
    verdict: Verdict,
    beyond: Beyond,
    entering: Entering,
    /// The pipeline in which something is being downloaded.
    fetching: Option<usize>,
    /// Whether something is downloaded into the words of another command.
    fetched: bool,
    /// Whether the output of the command at hand becomes words of another.
    substituted: bool,
    /// The pipeline of the last command, and the names that it prints.
    flow: (Option<usize>, Option<Listing>),
    /// The names that the command at hand is given.
    taken: Option<(Listing, Whole)>,
    /// Whether the command was already told of in an earlier round of its loop.
    told: bool,
    /// Whether the command at hand may run more than once.
    again: bool,
    /// Whether files are made.
    writes: bool,
    /// The rules of the configuration that had a say.
    fired: Vec<usize>,
}

/// What could lift the questions so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beyond {
    /// Grants, as far as they are offered.
    Grants,
    /// A person's word each time, or nothing.
    Nothing,
}

impl<'a> Judge<'a> {
    pub(super) fn new(policy: &'a Policy, root: &'a Utf8Path, granted: &'a [Grant]) -> Judge<'a> {
        Judge {
            policy,
            root,
            granted,
            programs: OnceCell::new(),
            places: Places::new(root),
            verdict: Verdict {
                decision: Decision::Allow,
                reasons: Vec::new(),
                commands: Vec::new(),
                plain: None,
                grants: Vec::new(),
            },
            beyond: Beyond::Grants,
            entering: Entering::Perhaps,
            fetching: None,
            fetched: false,
            substituted: false,
            flow: (None, None),
            taken: None,
            told: false,
            again: false,
            writes: false,
            fired: Vec::new(),
        }
    }

    /// The verdict, and the rules of the configuration that had a say.
    pub(super) fn finish(mut self) -> (Verdict, Vec<usize>) {
        if self.overlong() {
            self.ask(format!("more than {MOST_COMMANDS} commands in one line"));
        }
        if self.beyond == Beyond::Nothing {
            self.verdict.grants.clear();
        }
        (self.verdict, self.fired)
    }

    /// Whether the line is asked about however the rest of it is judged.
    fn overlong(&self) -> bool {
        self.verdict.commands.len() > MOST_COMMANDS
    }

    /// A reason that no grant lifts.
    pub(super) fn raise(&mut self, decision: Decision, reason: String) {
        self.beyond = Beyond::Nothing;
        self.note(decision, reason);
    }

    fn note(&mut self, decision: Decision, reason: String) {
        self.verdict.decision = self.verdict.decision.max(decision);
        let read = self.verdict.reasons.len() < MOST_REASONS || decision == Decision::Deny;
        if read && !self.verdict.reasons.contains(&reason) {
            self.verdict.reasons.push(reason);
        }
    }

    pub(super) fn ask(&mut self, reason: impl Into<String>) {
        self.raise(Decision::Ask, reason.into());
    }

    /// Asks where there is a reason.
    fn check(&mut self, judged: Result<(), String>) {
        if let Err(reason) = judged {
            self.ask(reason);
        }
    }

    pub(super) fn shell(&mut self, text: &str, depth: usize) {
        let Parsed {
            commands,
            loops,
            asks,
            denies,
            plain,
        } = shell::parse(text);
        for reason in denies {
            self.raise(Decision::Deny, reason);
        }
        if commands.is_empty() && asks.is_empty() {
            self.ask("there is no command in the line");
        }
        for reason in asks {
            self.ask(reason);
        }
        for command in &commands {
            self.one(command, &loops, depth);
        }
        // A loop meets in its second round what its first has left.
        let told = std::mem::replace(&mut self.told, true);
        for command in commands.iter().filter(|command| command.again) {
            if !self.overlong() {
                self.one(command, &loops, depth);
            }
        }
        self.told = told;
        if self.verdict.decision == Decision::Allow && depth == 0 {
            self.verdict.plain = plain;
        }
    }

    fn one(&mut self, command: &Simple, loops: &[Loop], depth: usize) {
        // A shell in the line keeps its folder to itself.
        self.entering = if depth == 0 {
            command.entering
        } else {
            Entering::Perhaps
        };
        self.substituted = command.substituted;
        self.again = command.again;
        self.rounds(command, loops, depth);
    }

    /// One command, wrappers taken off one by one.
    pub(super) fn words(&mut self, words: Vec<Word>, pipeline: Option<usize>, depth: usize) {
        if !self.told {
            self.verdict
                .commands
                .push(words.iter().map(|word| word.text().to_owned()).collect());
        }
        let Some(Word::Literal(first)) = words.first() else {
            return self.ask("the program's name is known only when it runs");
        };
        if depth > DEEPEST {
            return self.ask("too many wrappers in wrappers");
        }
        let by_path = rules::by_path(first);
        let name = first.rsplit('/').next().unwrap_or(first).to_owned();
        self.forbidden(&name, &words[1..]);
        self.watch_downloads(&name, &words[1..], pipeline);
        let inner = wrapper::inner(&name, &words[1..]);
        if let Some(reason) = by_path.clone().filter(|_| inner != wrapper::Inner::Nothing) {
            self.ask(reason);
        }
        match inner {
            wrapper::Inner::Words(inner) if name == "xargs" => {
                let (before, listing) = std::mem::take(&mut self.flow);
                self.taken = listing
                    .filter(|_| before.is_some() && before == pipeline)
                    .map(|listing| (listing, Whole::Unquoted));
                self.words(inner, None, depth + 1);
                self.taken = None;
                self.flow = (pipeline, None);
                return;
            }
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
        // What never runs is told apart up to the end.
        if self.overlong() {
            return;
        }
        let literal: Option<Vec<&str>> = words[1..].iter().map(Word::literal).collect();
        self.follow_names(&name, literal.as_deref(), pipeline);
        let Some(args) = literal else {
            self.partly_known(&name, &words[1..]);
            return by_path.into_iter().for_each(|reason| self.ask(reason));
        };
        if self.allowed(&name, &args) {
            self.contained(&args);
            return by_path
                .into_iter()
                .for_each(|reason| self.ask_unless_granted(reason, first, &args));
        }
        match (by_path, profile::judge(&name, &args)) {
            (Some(reason), _) | (None, Err(reason)) => {
                self.ask_unless_granted(reason, first, &args)
            }
            (None, Ok(uses)) => self.uses(uses, &name, &args, depth),
        }
    }

    /// What the configuration and nature forbid.
    fn forbidden(&mut self, name: &str, words: &[Word]) {
        for (at, rule) in self.policy.rules.iter().enumerate() {
            if rule.decision != Decision::Allow && rule.prefix.matches(name, words) {
                self.fired.push(at);
                self.raise(rule.decision, rule.to_string());
            }
        }
        if let Some(reason) = rules::denied(name, words) {
            self.raise(Decision::Deny, reason);
        }
    }

    fn allowed(&mut self, name: &str, args: &[&str]) -> bool {
        let allows =
            |rule: &rules::Rule| rule.decision == Decision::Allow && rule.prefix.covers(name, args);
        let found = self.policy.rules.iter().position(allows);
        self.fired.extend(found);
        found.is_some()
    }

    /// The names that go through a pipeline.
    fn follow_names(&mut self, name: &str, args: Option<&[&str]>, pipeline: Option<usize>) {
        let (before, listing) = std::mem::take(&mut self.flow);
        let goes_on = pipeline.is_some() && before == pipeline;
        let listing = match args {
            Some(args) if goes_on && Listing::passes(name, args) => listing,
            Some(args) if !goes_on => Listing::of(name, args),
            _ => None,
        };
        self.flow = (pipeline, listing);
    }

    /// A command with words that are known only when it runs.
    fn partly_known(&mut self, name: &str, words: &[Word]) {
        if words.iter().any(|word| matches!(word, Word::Listed(_))) {
            return self.takes_names(name, words);
        }
        // Evaluated even where nothing else is done with it.
        let evaluated = |word: &Word| {
            word.literal().is_none()
                && (["${", "$[", "$(("]
                    .iter()
                    .any(|start| word.text().contains(start))
                    || shell::ranges(word.text()))
        };
        let known: Vec<Option<&str>> = words.iter().map(Word::literal).collect();
        let judged = match name {
            _ if words.iter().any(evaluated) => {
                Err(format!("{name}: a word is evaluated when it runs"))
            }
            // What prints its words and nothing else can take any word.
            "echo" | "true" | ":" => Ok(()),
            "printf" if known.first().is_some_and(Option::is_some) => profile::printf(
                &known
                    .iter()
                    .map(|word| word.unwrap_or("x"))
                    .collect::<Vec<_>>(),
            )
            .map(drop),
            "test" | "[" | "[[" => profile::condition(name, &known),
            _ => Err(format!("{name}: an argument is known only when it runs")),
        };
        self.check(judged);
    }

    /// A command that is given listed names: one that reads whatever it is called with, or prints them.
    fn takes_names(&mut self, name: &str, words: &[Word]) {
        let known: Option<Vec<&str>> = words
            .iter()
            .map(|word| {
                if matches!(word, Word::Listed(_)) {
                    Some(".")
                } else {
                    word.literal()
                }
            })
            .collect();
        let Some(args) = known else {
            return self.ask(format!("{name}: an argument is known only when it runs"));
        };
        let prints = matches!(name, "echo" | "basename" | "dirname");
        let reads = options::reads_any(name) || matches!(name, "grep" | "egrep" | "fgrep");
        let listing = self.taken.take();
        let reads = reads
            || (name == "sed"
                && listing
                    .as_ref()
                    .is_some_and(|(listing, _)| listing.only_names()));
        match (&listing, prints, reads) {
            (_, true, _) => {}
            (Some((listing, whole)), _, true) => self.check(listing.check(&self.places, *whole)),
            _ => {
                return self.ask(format!(
                    "{name} is given names that are known only when it runs"
                ));
            }
        }
        match profile::judge(name, &args) {
            Ok(uses) => self.uses(uses, name, &args, DEEPEST),
            Err(reason) => self.ask(reason),
        }
    }

    /// Scripts that run straight from the network: piped into a shell or an interpreter, or put into its words.
    fn watch_downloads(&mut self, name: &str, words: &[Word], pipeline: Option<usize>) {
        if matches!(name, "curl" | "wget" | "fetch") {
            self.fetching = pipeline;
            self.fetched |= self.substituted;
            return;
        }
        let shell = wrapper::is_shell(name);
        let bare = words.is_empty() || words.iter().all(|word| word.text() == "-");
        let reads = shell || (bare && rules::interprets(name));
        let piped = reads && pipeline.is_some() && self.fetching == pipeline;
        let given = words
            .iter()
            .any(|word| word.literal().is_none_or(|text| text == "/dev/stdin"));
        let put = self.fetched && given && (shell || matches!(name, "eval" | "source" | "."));
        if piped || put {
            self.raise(
                Decision::Deny,
                "runs a script straight from the network; download it and read it first".to_owned(),
            );
        }
    }
}
