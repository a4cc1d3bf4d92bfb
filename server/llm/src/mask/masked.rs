//! Masked: a text with its keys replaced, and where the places of the text as it was are in it.
//!
//! Invariant: what lies outside the spans is the text as it was, letter by letter and in order.

use regex::{Captures, Regex};
use std::borrow::Cow;
use std::ops::Range;

/// A text without its keys. To show a part of a text, mask all of it and cut then: a part of a key looks like none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked<'t> {
    text: Cow<'t, str>,
    /// What was replaced, in order; none overlaps another.
    spans: Vec<Span>,
}

/// Where something was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    was: Range<usize>,
    is: Range<usize>,
}

/// A replacement that is to be made.
struct Edit {
    at: Range<usize>,
    text: String,
}

impl<'t> Masked<'t> {
    pub(super) fn new(text: &'t str) -> Masked<'t> {
        Masked {
            text: Cow::Borrowed(text),
            spans: Vec::new(),
        }
    }

    /// All of it.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn into_text(self) -> Cow<'t, str> {
        self.text
    }

    /// Where this place of the text as it was is now; none inside what was replaced, and at its end.
    pub fn place(&self, at: usize) -> Option<usize> {
        let is_in = |span: &Span| span.was.start < at && at <= span.was.end;
        (!self.spans.iter().any(is_in)).then(|| self.start(at))
    }

    /// This part of the text as it was; what was replaced is in it whole where a part of it is.
    pub fn part(&self, range: Range<usize>) -> &str {
        let (start, end) = (self.start(range.start), self.end(range.end));
        self.text.get(start..end).unwrap_or_default()
    }

    /// The last bytes before a place of this text, at most so many; no mask is cut.
    pub fn last(&self, place: usize, most: usize) -> &str {
        let mut from = place.saturating_sub(most);
        let cut = self
            .spans
            .iter()
            .find(|it| it.is.start < from && from < it.is.end);
        from = cut.map_or(from, |span| span.is.end.min(place));
        while !self.text.is_char_boundary(from) {
            from += 1;
        }
        &self.text[from..place]
    }

    /// The first bytes from a place of this text on, at most so many; no mask is cut.
    pub fn first(&self, place: usize, most: usize) -> &str {
        let mut to = place.saturating_add(most).min(self.text.len());
        let cut = self
            .spans
            .iter()
            .find(|it| it.is.start < to && to < it.is.end);
        to = cut.map_or(to, |span| span.is.start.max(place));
        while !self.text.is_char_boundary(to) {
            to -= 1;
        }
        &self.text[place..to]
    }

    fn start(&self, was: usize) -> usize {
        let before = self.spans.iter().rev().find(|span| span.was.start < was);
        before.map_or(was, |span| match was < span.was.end {
            true => span.is.start,
            false => span.is.end + (was - span.was.end),
        })
    }

    fn end(&self, was: usize) -> usize {
        let before = self.spans.iter().rev().find(|span| span.was.start < was);
        before.map_or(was, |span| match was < span.was.end {
            true => span.is.end,
            false => span.is.end + (was - span.was.end),
        })
    }

    /// With what the pattern finds in it replaced, where `with` gives something.
    pub(super) fn replaced(
        self,
        pattern: &Option<Regex>,
        with: impl Fn(&Captures<'_>) -> Option<String>,
    ) -> Masked<'t> {
        let Some(pattern) = pattern else { return self };
        let edits = pattern.captures_iter(&self.text).filter_map(|found| {
            let text = with(&found)?;
            let whole = found.get(0)?;
            changed(whole.start(), whole.as_str(), &text)
        });
        let edits = edits.collect();
        self.edited(edits)
    }

    /// With these parts, in order, replaced by one text.
    pub(super) fn with(self, parts: impl IntoIterator<Item = Range<usize>>, text: &str) -> Self {
        let edit = |at| Edit {
            at,
            text: text.to_owned(),
        };
        self.edited(parts.into_iter().map(edit).collect())
    }

    fn edited(self, edits: Vec<Edit>) -> Masked<'t> {
        if edits.is_empty() {
            return self;
        }
        let mut text = String::with_capacity(self.text.len());
        let mut copied = 0;
        // Places of the text before these edits, and what each grows by.
        let mut touched: Vec<(Range<usize>, isize)> = Vec::new();
        for Edit { at, text: new } in edits {
            text.push_str(&self.text[copied..at.start]);
            text.push_str(&new);
            copied = at.end;
            let growth = new.len().cast_signed() - at.len().cast_signed();
            touched.push((at, growth));
        }
        text.push_str(&self.text[copied..]);
        touched.extend(self.spans.iter().map(|span| (span.is.clone(), 0)));
        touched.sort_by_key(|(at, _)| at.start);
        let mut merged: Vec<(Range<usize>, isize)> = Vec::new();
        for (at, growth) in touched {
            match merged.last_mut() {
                Some((last, sum)) if at.start < last.end => {
                    last.end = last.end.max(at.end);
                    *sum += growth;
                }
                _ => merged.push((at, growth)),
            }
        }
        let mut grown = 0isize;
        let spans = merged.into_iter().map(|(at, growth)| {
            let start = at.start.saturating_add_signed(grown);
            grown += growth;
            Span {
                was: self.origin(at.start, false)..self.origin(at.end, true),
                is: start..at.end.saturating_add_signed(grown),
            }
        });
        let spans = spans.collect();
        Masked {
            text: Cow::Owned(text),
            spans,
        }
    }

    /// Where a place of this text was: inside what was replaced at its start or its end.
    fn origin(&self, is: usize, at_end: bool) -> usize {
        let before = self.spans.iter().rev().find(|span| span.is.start < is);
        before.map_or(is, |span| match (is < span.is.end, at_end) {
            (false, _) => span.was.end + (is - span.is.end),
            (true, true) => span.was.end,
            (true, false) => span.was.start,
        })
    }
}

/// The edit that makes `new` of `old`, without what both begin and end with: the name before a value is no part of it.
fn changed(start: usize, old: &str, new: &str) -> Option<Edit> {
    if old == new {
        return None;
    }
    let both = old.chars().zip(new.chars());
    let head: usize = both
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len_utf8())
        .sum();
    let (old, new) = (&old[head..], &new[head..]);
    let both = old.chars().rev().zip(new.chars().rev());
    let tail: usize = both
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len_utf8())
        .sum();
    let start = start + head;
    Some(Edit {
        at: start..start + old.len() - tail,
        text: new[..new.len() - tail].to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Known, MASK};

    const TOKEN: &str = "ghp_a8Kd02mXq71LzPw93RtYb5NcVe64HsJgFu0T";

    #[test]
    fn every_place_outside_a_key_is_found_again_and_none_inside() {
        let secret = "Zq8vN2mK4pL7xR1tY6wB3cD5";
        let known = Known::new([secret]);
        let pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASC\n-----END PRIVATE KEY-----";
        let parts = [
            ("é = \"", false),
            (secret, true),
            ("\"\nT = '", false),
            (TOKEN, true),
            ("'\n", false),
            (pem, true),
            ("\nu = postgres://app:", false),
            ("k9-Xv2", true),
            ("@h/x\nauth_token = \"", false),
            (secret, true),
            ("\"\nend\n", false),
        ];
        let text: String = parts.iter().map(|(part, _)| *part).collect();
        let masked = known.masked(&text);
        let mut from = 0;
        for (part, is_key) in parts {
            let to = from + part.len();
            if is_key {
                assert!(!masked.text().contains(part), "{}", masked.text());
                for at in from + 1..=to {
                    assert_eq!(masked.place(at), None, "{part} at {}", at - from);
                }
                // Half of it is the whole mask.
                assert!(masked.part(from + 2..to - 2).starts_with(MASK));
            } else {
                assert_eq!(masked.part(from..to), part);
                for at in (from + 1..to).filter(|at| text.is_char_boundary(*at)) {
                    let place = masked.place(at).unwrap();
                    assert!(masked.text()[place..].starts_with(&text[at..to]), "{part}");
                    assert!(masked.text()[..place].ends_with(&text[from..at]), "{part}");
                }
            }
            from = to;
        }
        assert_eq!(known.mask(&text), masked.text());
    }

    #[test]
    fn a_part_is_bounded_and_cuts_neither_a_mask_nor_a_character() {
        let text = format!("é{TOKEN} é");
        let masked = Known::default().masked(&text);
        let whole = masked.text().to_owned();
        assert_eq!(whole, format!("é{MASK} é"));
        for most in 0..whole.len() + 2 {
            let (last, first) = (masked.last(whole.len(), most), masked.first(0, most));
            assert!(last.len() <= most && first.len() <= most);
            assert!(whole.ends_with(last) && whole.starts_with(first));
            for cut in [last, first] {
                assert_eq!(cut.contains("SECRET"), cut.contains(MASK), "{cut}");
            }
        }
    }
}
