//! Known: secrets that are known to the letter, as configured keys are, and are masked whatever they look like.

use super::{MASK, Masked};
use aho_corasick::{AhoCorasick, MatchKind};
use std::borrow::Cow;
use std::fmt;

/// Bytes of a value below which it is part of too many words.
const SHORTEST: usize = 8;

/// Values that are masked wherever they stand, besides what looks like a key.
#[derive(Clone, Default)]
pub struct Known(Option<AhoCorasick>);

impl Known {
    /// Of these values; those of less than 8 bytes, and white space around them, do not count.
    pub fn new<V: AsRef<str>>(values: impl IntoIterator<Item = V>) -> Known {
        let mut all: Vec<String> = Vec::new();
        for value in values {
            let value = value.as_ref().trim();
            if value.len() < SHORTEST || value == MASK {
                continue;
            }
            // As JSON has it, where that is another text.
            let quoted = serde_json::Value::from(value).to_string();
            all.push(quoted[1..quoted.len() - 1].to_owned());
            all.push(value.to_owned());
        }
        if all.is_empty() {
            return Known::default();
        }
        let mut builder = AhoCorasick::builder();
        Known(
            builder
                .match_kind(MatchKind::LeftmostLongest)
                .build(all)
                .ok(),
        )
    }

    /// [`super::mask`], these values masked too.
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.masked(text).into_text()
    }

    /// The same, with the places of the text.
    pub fn masked<'t>(&self, text: &'t str) -> Masked<'t> {
        let found = self.0.iter().flat_map(|known| known.find_iter(text));
        super::swept(Masked::new(text).with(found.map(|it| it.range()), MASK))
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.as_ref().map_or(0, AhoCorasick::patterns_len);
        write!(f, "Known({count} values)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_value_is_masked_in_any_shape_and_short_ones_are_not() {
        let known = Known::new([
            "plainword",
            " in\"quotes\\here ",
            "plainword-and-more",
            "short",
        ]);
        for (text, masked) in [
            ("a plainword b", format!("a {MASK} b")),
            ("xplainword-and-more", format!("x{MASK}")),
            (
                r#"{"a":"in\"quotes\\here"}"#,
                format!(r#"{{"a":"{MASK}"}}"#),
            ),
            ("short plain word", "short plain word".to_owned()),
        ] {
            assert_eq!(known.mask(text), masked);
            assert_eq!(known.mask(&masked), masked, "again");
        }
        assert!(!format!("{known:?}").contains("plain"));
        assert_eq!(Known::default().mask("plainword"), "plainword");
    }
}
