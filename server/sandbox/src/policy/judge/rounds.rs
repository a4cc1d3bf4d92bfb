//! Rounds: the commands of a line with the values of loops, patterns and variables put in.
//!
//! Invariant: what is not known before it runs stays unknown; no value stands for another round's.

use camino::Utf8PathBuf;

use super::Judge;
use crate::policy::rules;
use crate::policy::shell::{Loop, Simple, Word};

/// Rounds of loops that are looked at one by one.
const MOST_ROUNDS: usize = 256;

/// The variables of loops in one round; no value where it is known only when it runs.
type Round = Vec<(String, Option<String>)>;

impl Judge<'_> {
    /// One command, once for each round of the loops around it.
    pub(super) fn rounds(&mut self, command: &Simple, loops: &[Loop], depth: usize) {
        let reads = command.words.first().and_then(Word::literal) == Some("read");
        if reads
            && loops.iter().any(|each| {
                command
                    .words
                    .iter()
                    .any(|word| word.text() == each.variable)
            })
        {
            self.ask("reads into the variable of a loop");
        }
        let mut rounds: Vec<Round> = vec![Vec::new()];
        for each in command.loops.iter().filter_map(|at| loops.get(*at)) {
            let mut longer = Vec::new();
            for round in &rounds {
                if longer.len() > MOST_ROUNDS {
                    break;
                }
                let values = self.resolved(&each.values, round);
                let literal: Option<Vec<String>> = values
                    .iter()
                    .map(|word| word.literal().map(str::to_owned))
                    .collect();
                let values =
                    literal.map_or(vec![None], |values| values.into_iter().map(Some).collect());
                longer.extend(values.into_iter().map(|value| {
                    let mut round = round.clone();
                    round.push((each.variable.clone(), value));
                    round
                }));
            }
            rounds = longer;
            if rounds.len() > MOST_ROUNDS {
                self.ask(format!("loops more than {MOST_ROUNDS} times"));
                rounds.truncate(1);
            }
        }
        let outer = self.told;
        for (at, round) in rounds.iter().enumerate() {
            if at > 0 && self.overlong() {
                break;
            }
            self.told = outer || at > 0;
            self.simple(command, round, depth);
        }
        if self.writes {
            self.places.made();
        }
        self.told = outer;
    }

    /// Words with variables and patterns put in.
    fn resolved(&mut self, words: &[Word], round: &Round) -> Vec<Word> {
        let here = self.places.only(".").map(Utf8PathBuf::into_string);
        let value = |name: &str| match round.iter().rfind(|(variable, _)| variable == name) {
            Some((_, value)) => value.clone(),
            None if name == "PWD" => here.clone(),
            None => None,
        };
        let mut resolved = Vec::new();
        for word in words {
            match word.bound(value) {
                Word::Pattern(pattern) if self.overlong() => resolved.push(Word::Unknown(pattern)),
                Word::Pattern(pattern) => match self.places.expand(&pattern) {
                    Ok(names) => resolved.extend(names.into_iter().map(Word::Literal)),
                    Err(reason) => {
                        self.ask(reason);
                        resolved.push(Word::Unknown(pattern));
                    }
                },
                word => resolved.push(word),
            }
        }
        resolved
    }

    fn simple(&mut self, command: &Simple, round: &Round, depth: usize) {
        for target in &command.writes {
            // A pattern may name one file, or be itself.
            let target = self.resolved(std::slice::from_ref(target), round);
            match target.as_slice() {
                [only] => self.target(only),
                _ => self.ask("redirects to a pattern"),
            }
        }
        for source in self.resolved(&command.reads, round) {
            match source {
                _ if self.overlong() => {}
                Word::Literal(path) => self.readable(&path),
                other => self.ask(format!(
                    "reads from {}, which is known only when it runs",
                    other.text()
                )),
            }
        }
        for name in &command.assignments {
            // For `read` alone, it says where words end.
            let splits =
                name == "IFS" && command.words.first().and_then(Word::literal) == Some("read");
            if !rules::harmless_variable(name) && !splits {
                self.ask(format!("sets the variable {name}"));
            }
        }
        if let Some(Word::Pattern(pattern)) = command.words.first() {
            self.ask(format!("the program's name is the pattern {pattern}"));
        }
        match command.words.is_empty() {
            true if !command.assignments.is_empty() => self.ask("sets a shell variable"),
            true => {}
            false => {
                let words = self.resolved(&command.words, round);
                self.words(words, command.pipeline, depth);
            }
        }
    }
}
