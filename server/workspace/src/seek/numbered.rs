//! Numbered: a hunk whose lines carry the numbers that a listing showed (`12 | code`, `12: code`, `12→code`). They are taken
//! off only where every line has one, counting up by one, and the text with them stands nowhere.

/// The mark between number and line.
const MARKS: [&str; 4] = [" | ", "|", ": ", "\t"];

/// The search and replacement without the numbers, and the first number; `None` where there are none.
pub(super) fn stripped(before: &[&str], after: &[&str]) -> Option<(Vec<String>, Vec<String>, u32)> {
    let mark = MARKS.iter().find(|mark| {
        before
            .first()
            .is_some_and(|line| split(line, mark).is_some())
    })?;
    let old: Vec<(u32, &str)> = before
        .iter()
        .map(|line| split(line, mark))
        .collect::<Option<_>>()?;
    let first = old.first()?.0;
    let counts = old
        .iter()
        .zip(first..)
        .all(|((number, _), wanted)| *number == wanted);
    if !counts {
        return None;
    }
    let new: Vec<Option<(u32, &str)>> = after.iter().map(|line| split(line, mark)).collect();
    let after: Vec<String> = match new.iter().filter(|line| line.is_some()).count() {
        0 => after.iter().map(|line| (*line).to_owned()).collect(),
        count if count == new.len() => new
            .into_iter()
            .flatten()
            .map(|(_, line)| line.to_owned())
            .collect(),
        _ => return None,
    };
    let before = old.into_iter().map(|(_, line)| line.to_owned()).collect();
    Some((before, after, first))
}

fn split<'a>(line: &'a str, mark: &str) -> Option<(u32, &'a str)> {
    let body = line.trim_start();
    let digits = body.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &body[digits..];
    // A listing of an empty line often ends at the mark's sign.
    let text = rest
        .strip_prefix(mark)
        .or_else(|| (rest == mark.trim_end()).then_some(""))?;
    Some((body[..digits].parse().ok()?, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_only_where_every_line_counts() {
        for (before, after, want) in [
            ("1 | a\n2 |\n3 |   b", "x", Some("a//  b>x@1")),
            (" 9: a\n10: b", " 9: a\n10: c", Some("a/b>a/c@9")),
            ("9: a\n11: b", "x", None),
            ("1 | a\nb", "x", None),
            ("1 | a", "1 | a\nb", None),
            ("a", "b", None),
            ("", "", None),
        ] {
            let before: Vec<&str> = before.split('\n').collect();
            let after: Vec<&str> = after.split('\n').collect();
            let got = stripped(&before, &after).map(|(before, after, line)| {
                format!("{}>{}@{line}", before.join("/"), after.join("/"))
            });
            assert_eq!(got.as_deref(), want);
        }
    }
}
