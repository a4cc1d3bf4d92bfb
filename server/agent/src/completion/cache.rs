//! Cache: the latest suggestions, so that typing through one costs nothing.
//!
//! Invariant: a suggestion is given again only where the text around it is as it was, but for what was typed of it.

use super::Cursor;
use std::collections::VecDeque;
use workspace::RelPath;

/// Suggestions that are kept.
const MOST: usize = 16;

/// The latest first.
#[derive(Debug, Default)]
pub(super) struct Cache {
    entries: VecDeque<Entry>,
}

#[derive(Debug)]
struct Entry {
    path: RelPath,
    at: usize,
    before: String,
    after: String,
    text: String,
}

impl Cache {
    pub(super) fn keep(&mut self, cursor: &Cursor, text: &str) {
        self.entries.truncate(MOST - 1);
        self.entries.push_front(Entry {
            path: cursor.path.clone(),
            at: cursor.at,
            before: cursor.before.clone(),
            after: cursor.after.clone(),
            text: text.to_owned(),
        });
    }

    /// What is left of a suggestion that was typed up to the cursor.
    pub(super) fn rest_of(&self, cursor: &Cursor) -> Option<String> {
        self.entries.iter().find_map(|entry| entry.rest_of(cursor))
    }
}

impl Entry {
    fn rest_of(&self, cursor: &Cursor) -> Option<String> {
        if self.path != cursor.path {
            return None;
        }
        let typed = cursor.at.checked_sub(self.at)?;
        let rest = self.text.get(typed..)?;
        let said = &self.text[..typed];
        let before = cursor.before.strip_suffix(said)?;
        let is_same = (before.ends_with(&self.before) || self.before.ends_with(before))
            && (self.after.starts_with(&cursor.after) || cursor.after.starts_with(&self.after));
        (is_same && !rest.trim().is_empty()).then(|| rest.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(before: &str, after: &str) -> Cursor {
        Cursor {
            path: RelPath::new("a.py").unwrap(),
            language: "python".into(),
            at: before.len(),
            before: before.into(),
            after: after.into(),
            asked: false,
        }
    }

    #[test]
    fn typing_through_a_suggestion_is_answered_from_memory() {
        let mut cache = Cache::default();
        cache.keep(&cursor("x = ", "\n"), "a + ż\n+ c");
        for (before, after, rest) in [
            ("x = ", "\n", Some("a + ż\n+ c")),
            ("x = a", "\n", Some(" + ż\n+ c")),
            ("x = a + ż", "\n", Some("\n+ c")),
            // All of it, another text, other text around, before it.
            ("x = a + ż\n+ c", "\n", None),
            ("x = b", "\n", None),
            ("y = a", "\n", None),
            ("x = a", ")\n", None),
            ("x =", "\n", None),
        ] {
            assert_eq!(
                cache.rest_of(&cursor(before, after)).as_deref(),
                rest,
                "{before:?}"
            );
        }
        let elsewhere = Cursor {
            path: RelPath::new("b.py").unwrap(),
            ..cursor("x = ", "\n")
        };
        assert_eq!(cache.rest_of(&elsewhere), None);
        for number in 0..MOST {
            cache.keep(&cursor(&format!("{number}"), ""), "new");
        }
        assert_eq!(cache.rest_of(&cursor("x = ", "\n")), None);
        assert_eq!(cache.entries.len(), MOST);
    }
}
