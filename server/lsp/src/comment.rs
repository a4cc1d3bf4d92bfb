//! Comment: a line comment `animus: text` in the user's code, by which a person asks for work where it is needed.

use ropey::Rope;

/// Most lines that are looked through at once.
const LINES: usize = 200;
/// What begins a comment, in the languages that people write.
const MARKS: [&str; 10] = ["//", "#", "--", ";", "/*", "<!--", "%", "\"\"\"", "*", "(*"];

/// The requests in these lines (from 1, the last one inclusive): each with its line from 0. Only these lines are read.
pub fn find(rope: &Rope, (first, last): (u32, u32)) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for line in (first - 1..last).take(LINES) {
        if line as usize >= rope.len_lines() {
            break;
        }
        let text = rope.line(line as usize);
        if text.len_bytes() <= 4096 {
            found.extend(request(&std::borrow::Cow::from(text)).map(|text| (line, text)));
        }
    }
    found
}

/// What an `animus:` comment in the line asks for.
fn request(line: &str) -> Option<String> {
    let at = line.find("animus:")?;
    let before = line[..at].trim_end();
    if !MARKS
        .iter()
        .any(|mark| before.trim_end_matches('!').ends_with(mark))
    {
        return None;
    }
    let text = line[at + "animus:".len()..].trim();
    let text = ["*/", "-->", "\"\"\"", "*)"]
        .iter()
        .find_map(|end| text.strip_suffix(end))
        .unwrap_or(text)
        .trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_of_many_languages_ask() {
        for (line, expected) in [
            ("// animus: do it", Some("do it")),
            ("    x = 1  # animus: do it", Some("do it")),
            ("-- animus: do it", Some("do it")),
            ("; animus:do it", Some("do it")),
            ("/* animus: do it */", Some("do it")),
            ("<!-- animus: do it -->", Some("do it")),
            ("% animus: do it", Some("do it")),
            ("\"\"\" animus: do it \"\"\"", Some("do it")),
            ("/// animus: do it", Some("do it")),
            ("//! animus: do it", Some("do it")),
            (" * animus: do it", Some("do it")),
            ("let animus: u8 = 1;", None),
            ("// animus:   ", None),
            ("say(\"animus: x\")", None),
        ] {
            assert_eq!(request(line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn only_the_lines_asked_for_are_read() {
        let rope = Rope::from_str("// animus: a\n// animus: b\n// animus: c\n");
        assert_eq!(find(&rope, (2, 2)), [(1, "b".to_owned())]);
        assert_eq!(find(&rope, (3, 99)), [(2, "c".to_owned())]);
        assert_eq!(find(&rope, (99, u32::MAX)), []);
    }
}
