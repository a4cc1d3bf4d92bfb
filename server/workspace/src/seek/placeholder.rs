//! Placeholder: a line that stands for code which was left out (`// ... existing code ...`). Written into a file it deletes
//! that code, so a replacement may have one only where the search has it too.

use crate::lines;

/// The first placeholder line of `after` that `before` has fewer of.
pub(crate) fn added<'a>(before: &str, after: &'a str, path: &str) -> Option<&'a str> {
    let known: Vec<&str> = lines::plain(before).into_iter().map(str::trim).collect();
    let count = |list: &[&str], line: &str| list.iter().filter(|other| **other == line).count();
    let wanted: Vec<&str> = lines::plain(after).into_iter().map(str::trim).collect();
    wanted
        .iter()
        .copied()
        .find(|line| is_placeholder(line, path) && count(&wanted, line) > count(&known, line))
}

/// Whether a line stands for others. A bare `...` is code in Python.
pub(super) fn is_placeholder(line: &str, path: &str) -> bool {
    let line = line.trim();
    if is_dots(line) {
        return !matches!(
            path.rsplit('.').next(),
            Some("py" | "pyi" | "md" | "rst" | "txt")
        );
    }
    let Some(body) = comment(line) else {
        return false;
    };
    let body = body.to_ascii_lowercase();
    let dotted = body.starts_with("...")
        || body.starts_with('…')
        || body.ends_with("...")
        || body.ends_with('…');
    let bare = body.trim_matches(['.', '…', ' ']);
    if dotted && bare.is_empty() {
        return true;
    }
    const WORDS: [&str; 9] = [
        "existing",
        "rest of",
        "remaining",
        "unchanged",
        "the same",
        "previous",
        "omitted",
        "other ",
        "same as",
    ];
    const SUBJECTS: [&str; 10] = [
        "code",
        "file",
        "function",
        "class",
        "method",
        "import",
        "implementation",
        "line",
        "content",
        "field",
    ];
    let speaks = WORDS.iter().any(|word| bare.contains(word))
        && SUBJECTS.iter().any(|word| bare.contains(word));
    let plain = [
        "rest of the code",
        "rest of code",
        "existing code",
        "rest of the file",
        "code unchanged",
        "unchanged code",
        "rest remains unchanged",
    ];
    let short = bare.split_whitespace().count() <= 8;
    short
        && ((dotted && (speaks || bare == "rest" || bare == "unchanged" || bare == "snip"))
            || plain.iter().any(|words| bare.starts_with(words)))
}

/// Whether a line is `...` alone.
pub(super) fn is_dots(line: &str) -> bool {
    matches!(line.trim(), "..." | "…")
}

/// What a comment line says.
fn comment(line: &str) -> Option<&str> {
    const MARKS: [&str; 11] = [
        "<!--", "{/*", "//", "/*", "--", "#", ";", "%", "*", "'", "\"\"\"",
    ];
    let body = MARKS.iter().find_map(|mark| line.strip_prefix(mark))?;
    let body = body
        .trim_start_matches(['/', '*', '#', '!', '-', ';'])
        .trim();
    let body = ["-->", "*/}", "*/"]
        .iter()
        .find_map(|mark| body.strip_suffix(mark))
        .unwrap_or(body);
    Some(body.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_by_shape() {
        for (line, want) in [
            ("// ... existing code ...", true),
            ("# ... rest of the code ...", true),
            ("/* ... */", true),
            ("<!-- ... existing code ... -->", true),
            ("// rest of the code unchanged", true),
            ("// …", true),
            ("...", true),
            ("// wait for the rest", false),
            ("// see the existing docs for more", false),
            ("# loading...", false),
            ("let x = a...b;", false),
            (
                "* ... and so on, for each of the many readers that we have here today",
                false,
            ),
        ] {
            assert_eq!(is_placeholder(line, "a.rs"), want, "{line}");
        }
        assert!(!is_placeholder("    ...", "stub.pyi"));
    }
}
