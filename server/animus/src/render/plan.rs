//! Plan: steps with check marks; after the first time only what changed is shown.

use super::style::{DIM, GOOD, PLAIN, Painted, STRONG, WARN, line};
use protocol::{Plan, Step, StepStatus};
use std::fmt::Write;

/// The plan, or its changed steps where the words stayed the same.
pub fn changes(before: Option<&Plan>, after: &Plan, indent: &str) -> String {
    let same_words = before.is_some_and(|before| {
        before.entries.len() == after.entries.len()
            && before
                .entries
                .iter()
                .zip(&after.entries)
                .all(|(a, b)| a.content == b.content)
    });
    let mut out = String::new();
    if before.is_none_or(|before| before.recalled != after.recalled) {
        for one in &after.recalled {
            let kind = Painted(DIM, format!("remembered {}:", one.kind));
            let _ = writeln!(out, "{indent}{kind} {}", Painted(PLAIN, line(&one.text)));
        }
    }
    for (index, step) in after.entries.iter().enumerate() {
        let changed = match before.filter(|_| same_words) {
            Some(before) => before.entries[index].status != step.status,
            None => true,
        };
        if changed {
            let _ = writeln!(out, "{indent}{}", mark(step));
        }
    }
    out
}

fn mark(step: &Step) -> String {
    let words = line(&step.content);
    match step.status {
        StepStatus::Pending => format!("{} {}", Painted(DIM, "☐"), Painted(PLAIN, words)),
        StepStatus::InProgress => format!("{} {}", Painted(WARN, "▶"), Painted(STRONG, words)),
        StepStatus::Completed => format!("{} {}", Painted(GOOD, "✔"), Painted(DIM, words)),
    }
}
