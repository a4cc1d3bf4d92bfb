//! Build: the errors of compilers. A tree that does not build has no verdict on its tests.

use super::{Case, Outcome, Place, frame};

/// What a build that broke is called among the tests.
pub const NAME: &str = "build";

/// The first error of a compiler. Where tests are named in the same output, only what surely ends a build counts.
pub fn read(lines: &[&str], no_tests: bool) -> Option<Case> {
    let sure = lines.iter().any(|line| is_sure(line));
    if !sure && !no_tests {
        return None;
    }
    let found = lines
        .iter()
        .enumerate()
        .find_map(|(at, line)| Some((at, error(lines, at, line)?)));
    let (at, place) = match found {
        Some(found) => found,
        None if sure => (lines.iter().position(|line| is_sure(line))?, None),
        None => return None,
    };
    let said: Vec<&str> = lines[at..]
        .iter()
        .take(12)
        .map(|line| line.trim_end())
        .collect();
    let said = said
        .split(|line| line.is_empty())
        .next()
        .unwrap_or_default();
    Some(Case {
        message: Some(said.join("\n")),
        place,
        ..Case::new(NAME, Outcome::Failed)
    })
}

fn is_sure(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("error: could not compile `")
        || line.ends_with("[build failed]")
        || line.ends_with("[setup failed]")
        || line.contains("COMPILATION ERROR")
        || line.starts_with("Compilation failed; see the compiler")
        || line.starts_with("SyntaxError: ") && line.contains("ould not")
}

/// An error with its place, where there is one.
fn error(lines: &[&str], at: usize, line: &str) -> Option<Option<Place>> {
    // Rust puts the place in the next line.
    if line.starts_with("error[E") || line.starts_with("error: ") && !line.contains("test failed") {
        let place = lines[at + 1..]
            .iter()
            .take(3)
            .find_map(|line| frame::place(line.trim_start().strip_prefix("--> ")?));
        return place.map(Some);
    }
    // C and its kin: `path:1:2: error: words`.
    for word in [": error: ", ": fatal error: ", ": error C"] {
        if let Some((head, _)) = line.split_once(word)
            && let Some(place) = frame::place(head)
        {
            return Some(Some(place));
        }
    }
    // TypeScript: `path(1,2): error TS2322: words`; Maven: `[ERROR] /p/A.java:[3,4] words`.
    if let Some((head, _)) = line.split_once("): error TS")
        && let Some((path, numbers)) = head.rsplit_once('(')
    {
        return Some(numbered(path, numbers));
    }
    if let Some((path, rest)) = line
        .strip_prefix("[ERROR] ")
        .and_then(|rest| rest.split_once(":["))
        && let Some((numbers, _)) = rest.split_once(']')
    {
        return Some(numbered(path, numbers));
    }
    // Go: `./a.go:3:2: words`.
    let (head, _) = line.split_once(": ")?;
    let place = frame::place(head)?;
    (place.path.ends_with(".go") && head.matches(':').count() == 2 && !line.starts_with(' '))
        .then_some(Some(place))
}

fn numbered(path: &str, numbers: &str) -> Option<Place> {
    let line = numbers.split(',').next()?.parse().ok()?;
    Some(Place {
        path: path.trim().to_owned(),
        line,
    })
}
