//! Renaming: whether an edit gives one name another and does nothing else. Language servers edit words, parts of words or whole
//! files, and now and then another text than the one that is there: so the texts before and behind are compared, not the edits.

use std::collections::BTreeMap;

/// What stands between a name and its alias where one use has to become both: `total: sum`, `sum as total`, `sum = total`.
const BETWEEN: [&str; 4] = [": ", ":", " as ", " = "];
/// The sign of Rust for a name that is a keyword.
const RAW: &str = "r#";

/// How many uses of `old` have another name in `after`; `None` where the texts differ in anything else.
pub(crate) fn renamings(before: &str, after: &str, old: &str, new: &str) -> Option<usize> {
    let forms = forms(old, new);
    let mut rest = before;
    // The places in `after` that what was read of `before` may have come to, each with the most names that changed on the way.
    let mut reached: BTreeMap<usize, usize> = BTreeMap::from([(0, 0)]);
    loop {
        let next = next(rest, old);
        let plain = next.map_or(rest, |(at, _)| &rest[..at]);
        let passed = reached.into_iter().filter_map(|(at, count)| {
            let is_same = after.get(at..)?.starts_with(plain);
            is_same.then_some((at + plain.len(), count))
        });
        let passed: Vec<(usize, usize)> = passed.collect();
        let Some((at, length)) = next else {
            let whole = passed.into_iter().filter(|(at, _)| *at == after.len());
            return whole.map(|(_, count)| count).max();
        };
        let there = &rest[at..at + length];
        reached = BTreeMap::new();
        for (at, count) in passed {
            let behind = after.get(at..)?;
            let same = behind.starts_with(there).then_some((there.len(), 0));
            let other = forms.iter().filter(|form| behind.starts_with(*form));
            for (length, more) in same.into_iter().chain(other.map(|form| (form.len(), 1))) {
                let most = reached.entry(at + length).or_default();
                *most = (*most).max(count + more);
            }
        }
        if reached.is_empty() {
            return None;
        }
        rest = &rest[at + length..];
    }
}

/// What a use of `old` may become.
fn forms(old: &str, new: &str) -> Vec<String> {
    let bare = new.strip_prefix(RAW).unwrap_or(new);
    let mut forms = vec![bare.to_owned(), format!("{RAW}{bare}")];
    for between in BETWEEN {
        forms.push(format!("{new}{between}{old}"));
        forms.push(format!("{old}{between}{new}"));
    }
    forms
}

/// Where `name` stands as a whole word for the first time, and how long it is there.
fn next(text: &str, name: &str) -> Option<(usize, usize)> {
    let is_part =
        |sign: Option<char>| sign.is_some_and(|sign| sign.is_alphanumeric() || sign == '_');
    let (opens, closes) = (
        is_part(name.chars().next()),
        is_part(name.chars().next_back()),
    );
    let mut places = text.match_indices(name).filter(|(at, _)| {
        let raw = text[..*at].ends_with(RAW);
        let before = text[..*at].chars().next_back();
        let behind = text[at + name.len()..].chars().next();
        (raw || !opens || !is_part(before)) && (!closes || !is_part(behind))
    });
    let (at, _) = places.next()?;
    match text[..at].strip_suffix(RAW) {
        Some(before) => Some((before.len(), name.len() + RAW.len())),
        None => Some((at, name.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_change_and_nothing_else() {
        for (before, after, count) in [
            ("sum(sum, summer);", "total(total, summer);", Some(2)),
            ("sum(sum)", "total(sum)", Some(1)),
            ("sum(a)", "sum(a)", Some(0)),
            // A property in short, and imports.
            ("f({ sum })", "f({ total: sum })", Some(1)),
            ("f({ sum })", "f({ sum: total })", Some(1)),
            ("f({ sum: sum })", "f({ sum: total })", Some(1)),
            ("import { sum }", "import { total as sum }", Some(1)),
            ("import sum", "import sum as total", Some(1)),
            ("new { sum }", "new { sum = total }", Some(1)),
            ("let r#sum = 1;", "let total = 1;", Some(1)),
            ("let sum = 1;", "let r#total = 1;", Some(1)),
            ("this.#sum; $sum", "this.#total; $total", Some(2)),
            // Anything else.
            ("return sum", "total sum", None),
            ("'summer time'", "'totalmer time'", None),
            ("'summer time'", "'stotaler time'", None),
            ("import { sum }", "import {totalm }", None),
            ("sum(a)", "Total(a)", None),
            ("Sum(a)", "total(a)", None),
            ("sum(a)", "total(a);", None),
            ("sum(a)", "", None),
            ("", "total", None),
        ] {
            let found = renamings(before, after, "sum", "total");
            assert_eq!(found, count, "{before} -> {after}");
        }
        assert_eq!(
            renamings("valid? valid", "ok? valid", "valid?", "ok?"),
            Some(1)
        );
    }
}
