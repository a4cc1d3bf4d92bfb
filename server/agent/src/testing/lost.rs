//! Lost: tests that passed without the patch and do not run with it. What the patch renamed or moved is not lost.

use super::report::{Outcome, Reading};
use super::standing::stable;
use super::wanted::contains_word;
use std::collections::{HashMap, HashSet};
use workspace::{Draft, FileEdit};

/// Tests that are looked up in the changed files; what is beyond has no excuse.
const LOOKED_UP: usize = 200;

/// A changed file with and without the patch; empty where it is not there.
pub struct Changed {
    before: String,
    after: String,
}

/// What became of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It is not named any more.
    Gone,
    /// It is left out.
    Skipped,
}

/// A test that runs with the patch only.
struct Newcomer<'a> {
    last: &'a str,
    file: Option<usize>,
}

impl Changed {
    /// The files of a draft.
    pub fn all(draft: &Draft) -> Vec<Changed> {
        let of = |edit: &FileEdit| Changed {
            before: text(edit.base.as_ref().map(|base| &base.bytes[..])),
            after: text(edit.after.as_deref()),
        };
        draft.change_set().files.iter().map(of).collect()
    }
}

/// Whether a change may keep tests from running: it edits, moves or removes tests, or what the next build runs.
pub fn is_possible(edit: &FileEdit) -> bool {
    let path = edit.path.as_str();
    if sandbox::guard(path) == Some(sandbox::Guard::Built) {
        return true;
    }
    let Some(base) = &edit.base else {
        return false;
    };
    if super::is_test(path) || edit.after.is_none() {
        return true;
    }
    // Tests may stand in a source, and a source may bring in others.
    let (before, after) = (text(Some(&base.bytes)), text(edit.after.as_deref()));
    let marks = |text: &str| -> Vec<String> {
        let lines = text.lines().map(str::trim).filter(|line| is_mark(line));
        lines.map(str::to_owned).collect()
    };
    let tests = |text: &str| text.lines().any(|line| declares(line.trim()));
    let (old, new) = (marks(&before), marks(&after));
    let keeps = old.iter().all(|mark| new.contains(mark)) && old.len() <= new.len();
    !keeps || (tests(&before) && leaves_out(&after) > leaves_out(&before))
}

/// Lines that make a test, or bring in a file that may have some.
fn is_mark(line: &str) -> bool {
    declares(line) || line.starts_with("mod ") || line.starts_with("pub mod ")
}

fn declares(line: &str) -> bool {
    const STARTS: [&str; 12] = [
        "#[test]",
        "#[cfg(test)]",
        "#[tokio::test",
        "#[rstest",
        "/// ```",
        "//! ```",
        "def test",
        "async def test",
        "func Test",
        "@Test",
        "it(",
        "test(",
    ];
    STARTS.iter().any(|start| line.starts_with(start))
}

fn leaves_out(text: &str) -> usize {
    const WORDS: [&str; 6] = ["ignore", "skip", "#[cfg", "#![cfg", ".only(", "no_run"];
    WORDS.iter().map(|word| text.matches(word).count()).sum()
}

/// The tests of `passing` that do not run any more. `failing` has the names of those that failed without the patch.
pub fn lost<'a>(
    reading: &Reading,
    passing: &'a [String],
    failing: impl Iterator<Item = &'a str>,
    files: &[Changed],
) -> Vec<(&'a str, How)> {
    let mut left: HashMap<&str, i64> = HashMap::new();
    let mut skipped: HashSet<&str> = HashSet::new();
    for case in &reading.cases {
        let name = stable(&case.name);
        match case.outcome {
            Outcome::Skipped => drop(skipped.insert(name)),
            Outcome::Passed | Outcome::Failed => *left.entry(name).or_default() += 1,
        }
    }
    for name in failing {
        *left.entry(stable(name)).or_default() -= 1;
    }
    let mut lost = Vec::new();
    for name in passing {
        let count = left.entry(stable(name)).or_default();
        *count -= 1;
        if *count < 0 {
            let how = match skipped.contains(stable(name)) {
                true => How::Skipped,
                false => How::Gone,
            };
            lost.push((name.as_str(), how));
        }
    }
    let new = left.iter().filter(|(_, count)| **count > 0);
    let mut new: Vec<&str> = new.map(|(name, _)| *name).collect();
    new.sort_unstable();
    let new = new.into_iter().take(LOOKED_UP).map(|name| Newcomer {
        last: last(name),
        file: files.iter().position(|file| file.has_new(last(name))),
    });
    let mut new: Vec<Newcomer<'_>> = new.collect();
    let mut looks = LOOKED_UP;
    lost.retain(|(name, how)| {
        if *how == How::Skipped || looks == 0 {
            return true;
        }
        looks -= 1;
        let name = last(name);
        let moved = new.iter().position(|new| new.last == name);
        let renamed = || {
            let took_out = |file: usize| files.get(file).is_some_and(|file| file.has_old(name));
            new.iter().position(|new| new.file.is_some_and(took_out))
        };
        match moved.or_else(renamed) {
            Some(at) => {
                new.swap_remove(at);
                false
            }
            None => true,
        }
    });
    lost
}

impl Changed {
    /// Whether the patch brought a name in.
    fn has_new(&self, name: &str) -> bool {
        contains_word(&self.after, name) && !contains_word(&self.before, name)
    }

    /// Whether the patch took a name out.
    fn has_old(&self, name: &str) -> bool {
        contains_word(&self.before, name) && !contains_word(&self.after, name)
    }
}

/// The name as it stands in a source.
fn last(name: &str) -> &str {
    let last = name.rsplit(" > ").next().unwrap_or(name);
    let last = last.split(['[', '(']).next().unwrap_or(last);
    last.rsplit(['.', ':', '/']).next().unwrap_or(last).trim()
}

fn text(bytes: Option<&[u8]>) -> String {
    bytes.map_or_else(String::new, |bytes| {
        String::from_utf8_lossy(bytes).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::report;
    use workspace::{Content, RelPath};

    fn told(before: &[&str], after: &str, files: &[(&str, &str)]) -> String {
        let passing: Vec<String> = before.iter().map(|name| (*name).to_owned()).collect();
        let files: Vec<Changed> = files
            .iter()
            .map(|(before, after)| Changed {
                before: (*before).to_owned(),
                after: (*after).to_owned(),
            })
            .collect();
        let reading = report::read(after, &[]);
        let lost = lost(&reading, &passing, std::iter::empty(), &files);
        let told = lost.iter().map(|(name, how)| format!("{name} {how:?}"));
        told.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_test_is_lost_unless_it_was_renamed_or_moved() {
        let tap = "1..2\nok 1 - t::one\nok 2 - t::deux\n";
        let before = ["t::one", "t::two"];
        let renamed = [("fn one fn two", "fn one fn deux")];
        assert_eq!(told(&before, tap, &renamed), "");
        let elsewhere = [("fn two", ""), ("", "fn deux")];
        assert_eq!(told(&before, tap, &elsewhere), "t::two Gone");
        assert_eq!(told(&before, tap, &[]), "t::two Gone");
        let both = [("fn two fn three", "fn deux")];
        assert_eq!(
            told(&["t::one", "t::two", "t::three"], tap, &both),
            "t::three Gone"
        );
        assert_eq!(told(&["t::one", "old::deux"], tap, &[]), "");
        let skipped = "1..2\nok 1 - t::one\nok 2 - t::two # SKIP later\n";
        assert_eq!(told(&before, skipped, &renamed), "t::two Skipped");
    }

    #[test]
    fn what_may_keep_tests_from_running() {
        let edit = |path: &str, before: Option<&str>, after: Option<&str>| FileEdit {
            path: RelPath::new(path).unwrap(),
            base: before.map(|text| Content::new(text.as_bytes().to_vec(), None)),
            after: after.map(|text| text.as_bytes().into()),
            mode: None,
        };
        let unit = "fn f() {}\n#[test]\nfn a() {}\n";
        for (path, before, after, possible) in [
            ("src/a.py", Some("x = 1\n"), Some("x = 2\n"), false),
            ("tests/a.py", None, Some("x = 2\n"), false),
            ("tests/a.py", Some("x = 1\n"), Some("x = 2\n"), true),
            ("tests/a.py", Some("x = 1\n"), None, true),
            ("conftest.py", None, Some("x = 2\n"), true),
            ("Makefile", Some("test:\n"), Some("test:;\n"), true),
            ("src/a.rs", Some(unit), Some("fn f() {}\n"), true),
            (
                "src/a.rs",
                Some(unit),
                Some("fn g() {}\n#[test]\nfn a() {}\n"),
                false,
            ),
            (
                "src/a.rs",
                Some(unit),
                Some("fn f() {}\n#[test]\n#[ignore]\nfn a() {}\n"),
                true,
            ),
            ("src/lib.rs", Some("mod a;\n"), Some("\n"), true),
            (
                "src/lib.rs",
                Some("mod a;\n"),
                Some("mod a;\nmod b;\n"),
                false,
            ),
        ] {
            assert_eq!(
                is_possible(&edit(path, before, after)),
                possible,
                "{path} {after:?}"
            );
        }
    }
}
