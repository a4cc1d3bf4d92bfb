//! Rules: what the configuration says about commands that begin with certain words.
//!
//! Invariant: a prefix matches whole words, never a part of one.

mod programs;

pub(super) use programs::{
    block_device, by_path, denied, harmless_variable, interprets, runs_others, steering,
};
use std::fmt;

use camino::Utf8Path;

use super::shell::Word;
use super::{Decision, Line, Policy, Writes};
use crate::config::{CommandRule, RuleDecision, RuleWord};
use crate::{Config, Error};

/// What the configuration says about commands that begin with certain words.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) decision: Decision,
    pub(super) prefix: Prefix,
    key: &'static str,
    reason: Option<String>,
}

/// A program's name with leading words, each with its alternatives: `cargo test`.
#[derive(Debug, Clone)]
pub(super) struct Prefix {
    words: Vec<Vec<String>>,
}

/// The rules of a configuration, its short lists first.
pub(super) fn of(config: &Config) -> Result<Vec<Rule>, Error> {
    let short = [
        ("denied_commands", Decision::Deny, &config.denied_commands),
        (
            "allowed_commands",
            Decision::Allow,
            &config.allowed_commands,
        ),
    ];
    let mut rules = Vec::new();
    for (key, decision, list) in short {
        for text in list {
            let words = text
                .split_whitespace()
                .map(|word| vec![word.to_owned()])
                .collect();
            rules.push(Rule {
                decision,
                prefix: Prefix::new(key, words)?,
                key,
                reason: None,
            });
        }
    }
    for (at, written) in config.rules.iter().enumerate() {
        rules.push(Rule::new(at, written)?);
    }
    Ok(rules)
}

impl Rule {
    fn new(at: usize, written: &CommandRule) -> Result<Rule, Error> {
        const KEY: &str = "rules";
        let words = written.prefix.iter().map(|word| match word {
            RuleWord::One(word) => vec![word.clone()],
            RuleWord::Either(words) => words.clone(),
        });
        let decision = match written.decision {
            RuleDecision::Allow => Decision::Allow,
            RuleDecision::Ask => Decision::Ask,
            RuleDecision::Deny => Decision::Deny,
        };
        let prefix = Prefix::new(KEY, words.collect())?;
        let wrong = |problem: String| Error::Config {
            key: KEY,
            problem: format!("rule {} ({prefix}): {problem}", at + 1),
        };
        let steered = prefix.words[0]
            .iter()
            .find_map(|name| steering(name).map(|why| (name, why)));
        if let Some((name, why)) = steered.filter(|_| decision == Decision::Allow) {
            return Err(wrong(format!(
                "{name} {why}, so allowing it allows everything; allow what it would run instead, or leave it asked about"
            )));
        }
        let rule = Rule {
            decision,
            prefix: prefix.clone(),
            key: KEY,
            reason: written.reason.clone(),
        };
        // The examples are judged like any line, with this rule alone.
        let policy = Policy {
            rules: vec![rule.clone()],
            writes: Writes::InPlace,
        };
        let takes = |line: &String| {
            !policy
                .judged(
                    &Line::Shell(line.clone()),
                    Utf8Path::new("/nonexistent"),
                    &[],
                )
                .1
                .is_empty()
        };
        if let Some(line) = written.r#match.iter().find(|line| !takes(line)) {
            return Err(wrong(format!(
                "it does not match its example {line:?}; mend the prefix, or take the example out of `match`"
            )));
        }
        if let Some(line) = written.not_match.iter().find(|line| takes(line)) {
            return Err(wrong(format!(
                "it matches {line:?}; mend the prefix, or take the example out of `not_match`"
            )));
        }
        Ok(rule)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let verb = match self.decision {
            Decision::Deny => "denied",
            Decision::Ask => "asked about",
            Decision::Allow => "allowed",
        };
        write!(f, "{verb} by sandbox.{}: {}", self.key, self.prefix)?;
        match &self.reason {
            Some(reason) => write!(f, " ({reason})"),
            None => Ok(()),
        }
    }
}

impl Prefix {
    fn new(key: &'static str, words: Vec<Vec<String>>) -> Result<Prefix, Error> {
        let wrong = |problem: String| Err(Error::Config { key, problem });
        if words.is_empty()
            || words
                .iter()
                .any(|either| either.is_empty() || either.iter().any(String::is_empty))
        {
            return wrong("a rule is empty; write a program and leading words".to_owned());
        }
        match words[0].iter().find(|first| first.contains('/')) {
            Some(first) => wrong(format!(
                "{first:?} is a path; rules name programs, such as `cargo test`"
            )),
            None => Ok(Prefix { words }),
        }
    }

    /// Whether a command begins with these words. A word that is known only at run time may be anything, so it matches.
    pub(super) fn matches(&self, name: &str, words: &[Word]) -> bool {
        let rest = &self.words[1..];
        let fits = |either: &[String], word: &Word| {
            word.literal()
                .is_none_or(|text| either.iter().any(|want| want == text))
        };
        let exact = |words: &[&Word]| {
            words.len() >= rest.len() && rest.iter().zip(words).all(|(want, word)| fits(want, word))
        };
        if !self.words[0].iter().any(|first| first == name) {
            return false;
        }
        // `rm -rf` also means `rm -fr` and `rm -r -f`.
        if let [only] = rest
            && only
                .iter()
                .all(|word| word.len() > 2 && word.starts_with('-') && !word.starts_with("--"))
        {
            return only.iter().any(|flags| {
                flags
                    .chars()
                    .skip(1)
                    .all(|letter| words.iter().any(|word| may_hold(word, letter)))
            });
        }
        // Options before the subcommand do not hide it.
        let bare: Vec<&Word> = words
            .iter()
            .filter(|word| !word.text().starts_with('-'))
            .collect();
        exact(&words.iter().collect::<Vec<_>>())
            || (rest.iter().flatten().all(|want| !want.starts_with('-')) && exact(&bare))
    }

    /// Whether this prefix lets a command run: the words match exactly, and none of the others makes it run something else.
    pub(super) fn covers(&self, name: &str, args: &[&str]) -> bool {
        let rest = &self.words[1..];
        self.words[0].iter().any(|first| first == name)
            && args.len() >= rest.len()
            && rest
                .iter()
                .zip(args)
                .all(|(want, arg)| want.iter().any(|want| want == arg))
            && !runs_others(name, &args[rest.len()..])
            // What the rule's own words name, it means.
            && (runs_others(name, &args[..rest.len()]) || !runs_others(name, args))
    }
}

/// Whether a word is, or may turn out to be, an option with this letter.
fn may_hold(word: &Word, letter: char) -> bool {
    word.literal().is_none_or(|text| {
        text.starts_with('-')
            && !text.starts_with("--")
            && text.chars().skip(1).any(|c| c == letter)
    })
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let words: Vec<String> = self.words.iter().map(|either| either.join("|")).collect();
        f.write_str(&words.join(" "))
    }
}
