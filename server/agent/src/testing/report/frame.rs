//! Frame: a place in a source as runners and stack traces write it. Places in a language's own library are nobody's to mend.

use super::Place;

/// Reads `path:line`, `path:line:column`, and what stands in the brackets of `at f (path:1:2)`.
pub fn place(text: &str) -> Option<Place> {
    let text = text
        .trim()
        .trim_end_matches([':', ',', ')', '\'', '"', ']'])
        .trim_start_matches(['(', '\'', '"', '[']);
    let text = text.strip_prefix("file://").unwrap_or(text);
    let (head, last) = text.rsplit_once(':')?;
    let last = last.parse::<u32>().ok()?;
    let (path, line) = match head
        .rsplit_once(':')
        .map(|(path, line)| (path, line.parse()))
    {
        Some((path, Ok(line))) => (path, line),
        _ => (head, last),
    };
    let path = path.trim();
    let is_path = !path.is_empty() && path.len() < 500 && line > 0 && !path.contains("://");
    is_path.then(|| Place {
        path: path.strip_prefix("./").unwrap_or(path).to_owned(),
        line,
    })
}

/// The place of a JavaScript stack line: `at f (path:1:2)`, `at path:1:2`, `f (path:1:2)`.
pub fn script(line: &str) -> Option<Place> {
    let line = line.trim();
    let line = line.strip_prefix("at ").unwrap_or(line);
    let inner = match line
        .strip_suffix(')')
        .and_then(|line| line.rsplit_once('('))
    {
        Some((_, inner)) => inner,
        None => line.strip_prefix("async ").unwrap_or(line),
    };
    place(inner).filter(is_own)
}

/// Whether a place is of the project and not of a runtime or a dependency.
pub fn is_own(place: &Place) -> bool {
    const FOREIGN: [&str; 9] = [
        "node_modules/",
        "/rustc/",
        "/lib/python",
        "site-packages/",
        "/usr/",
        "<",
        "/.cargo/",
        "/.rustup/",
        "/go/src/",
    ];
    !place.path.starts_with("node:")
        && !FOREIGN.iter().any(|part| place.path.contains(part))
        && place.path.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_all_forms() {
        for (text, path, line) in [
            ("src/lib.rs:9:42:", "src/lib.rs", 9),
            ("t.py:6:", "t.py", 6),
            ("(j/a.test.js:2:65)", "j/a.test.js", 2),
            ("./a b.c:3", "a b.c", 3),
            ("file:///p/a.mjs:3:1", "/p/a.mjs", 3),
        ] {
            let found = place(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((found.path.as_str(), found.line), (path, line), "{text}");
        }
        for text in ["none", "a:b", ":3", "http://h:80", "a.c:0"] {
            assert_eq!(place(text), None, "{text}");
        }
        let frame = |line| script(line).map(|place| (place.path, place.line));
        assert_eq!(
            frame("    at Context.<anonymous> (m/a.js:2:78)"),
            Some(("m/a.js".into(), 2))
        );
        assert_eq!(frame("at async /p/b.mjs:7:1"), Some(("/p/b.mjs".into(), 7)));
        assert_eq!(frame("at Test.run (node:internal/test:796:25)"), None);
        assert_eq!(frame("at x (/p/node_modules/jest/i.js:1:2)"), None);
    }
}
