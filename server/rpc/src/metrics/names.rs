//! Names: labels that come from outside. A set of them never grows beyond its limit, whatever models, users or servers call things.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// What stands for every name beyond the limit.
pub const OTHER: &str = "other";

/// Distinct names that one label may have.
const LIMIT: usize = 64;

/// Longest name in bytes.
const LONGEST: usize = 120;

/// The names that were seen.
#[derive(Default)]
pub struct Names(Mutex<HashSet<String>>);

impl Names {
    /// The name itself, or [`OTHER`] where it is one too many or too long.
    pub fn label<'a>(&self, name: &'a str) -> &'a str {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.contains(name) {
            return name;
        }
        if name.is_empty() || name.len() > LONGEST || seen.len() >= LIMIT {
            return OTHER;
        }
        seen.insert(name.to_owned());
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_limit_share_one() {
        let names = Names::default();
        let all: Vec<String> = (0..LIMIT + 10).map(|n| format!("p/{n}")).collect();
        let labels: HashSet<&str> = all.iter().map(|name| names.label(name)).collect();
        assert_eq!(labels.len(), LIMIT + 1);
        assert_eq!(names.label("p/0"), "p/0", "known ones stay");
        assert_eq!(Names::default().label(&"x".repeat(LONGEST + 1)), OTHER);
    }
}
