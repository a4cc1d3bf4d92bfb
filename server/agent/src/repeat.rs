//! Repeat guard: notices a model that goes round in circles. The same call with the same result three times earns one notice;
//! the fourth ends the task. Cycles of up to five calls count likewise.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Longest cycle that is looked for, in calls.
const LONGEST: usize = 5;

/// What the guard says of the latest call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounds {
    /// Nothing to see.
    Fresh,
    /// Third time: tell the model.
    Third,
    /// Fourth time: end.
    Fourth,
}

/// The calls of one task with their results, as hashes.
#[derive(Debug, Default)]
pub struct Repeats {
    seen: Vec<u64>,
}

impl Repeats {
    /// Notes a call and its result and says whether it closes a cycle.
    pub fn note(&mut self, name: &str, input: &serde_json::Value, output: &str) -> Rounds {
        let mut hasher = DefaultHasher::new();
        (name, input.to_string(), output).hash(&mut hasher);
        self.seen.push(hasher.finish());
        let rounds = (1..=LONGEST)
            .map(|length| self.rounds(length))
            .max()
            .unwrap_or(1);
        match rounds {
            0..=2 => Rounds::Fresh,
            3 => Rounds::Third,
            _ => Rounds::Fourth,
        }
    }

    /// How often the last `length` calls stand in a row at the end.
    fn rounds(&self, length: usize) -> usize {
        let Some(start) = self.seen.len().checked_sub(length) else {
            return 0;
        };
        let cycle = &self.seen[start..];
        self.seen
            .rchunks_exact(length)
            .take_while(|chunk| *chunk == cycle)
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(calls: &[(&str, &str)]) -> Vec<Rounds> {
        let mut repeats = Repeats::default();
        calls
            .iter()
            .map(|(name, output)| repeats.note(name, &json!({}), output))
            .collect()
    }

    #[test]
    fn the_fourth_same_call_ends() {
        assert_eq!(
            run(&[("a", "x"); 4]),
            [Rounds::Fresh, Rounds::Fresh, Rounds::Third, Rounds::Fourth]
        );
    }

    #[test]
    fn another_result_is_progress() {
        assert!(
            run(&[("a", "1"), ("a", "2"), ("a", "3"), ("a", "4")])
                .iter()
                .all(|r| *r == Rounds::Fresh)
        );
    }

    #[test]
    fn a_cycle_of_three_is_seen() {
        let calls = [("a", "x"), ("b", "x"), ("c", "x")].repeat(4);
        let rounds = run(&calls);
        assert_eq!(rounds[8], Rounds::Third);
        assert_eq!(rounds[11], Rounds::Fourth);
    }
}
