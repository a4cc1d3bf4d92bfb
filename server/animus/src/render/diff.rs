//! Diff: a unified diff in colour; what is too long to read in passing is folded.

use super::style::{BAD, DIM, GOOD, PLAIN, Painted, STRONG, clean};
use std::fmt::Write;

/// Lines of one file's diff that are shown before the rest is folded.
const SHOWN: usize = 48;
/// Lines that must be left over for folding to be worth it.
const SPARED: usize = 8;

/// How much of a diff is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// Long files are cut.
    Long,
    /// Everything is shown.
    Nothing,
}

/// The diff with an indent, one heading a file with counts.
pub fn colour(diff: &str, fold: Fold, indent: &str) -> String {
    let mut out = String::new();
    for file in files(diff) {
        let (added, removed) = file.counts();
        let counts = format!(
            "{} {}",
            Painted(GOOD, format!("+{added}")),
            Painted(BAD, format!("−{removed}"))
        );
        let note = file
            .note
            .map(|note| format!(" {}", Painted(DIM, note)))
            .unwrap_or_default();
        let _ = writeln!(
            out,
            "{indent}{}  {counts}{note}",
            Painted(STRONG, clean(&file.name))
        );
        let shown = match fold {
            Fold::Long if file.lines.len() > SHOWN + SPARED => SHOWN,
            _ => file.lines.len(),
        };
        for line in &file.lines[..shown] {
            let style = match line.as_bytes().first() {
                Some(b'+') => GOOD,
                Some(b'-') => BAD,
                Some(b'@' | b'\\') => DIM,
                _ => PLAIN,
            };
            let _ = writeln!(out, "{indent}{}", Painted(style, clean(line)));
        }
        if shown < file.lines.len() {
            let more = format!("… {} more lines", file.lines.len() - shown);
            let _ = writeln!(out, "{indent}{}", Painted(DIM, more));
        }
    }
    out
}

struct File<'a> {
    name: String,
    note: Option<&'static str>,
    lines: Vec<&'a str>,
}

impl File<'_> {
    fn counts(&self) -> (usize, usize) {
        let count = |sign: char| {
            self.lines
                .iter()
                .filter(|line| line.starts_with(sign))
                .count()
        };
        (count('+'), count('-'))
    }
}

fn files(diff: &str) -> Vec<File<'_>> {
    let mut files: Vec<File<'_>> = Vec::new();
    let lines: Vec<&str> = diff.lines().collect();
    let mut index = 0;
    // Lines that hunk headers still announce: inside a hunk, `--- ` is a removed line and no heading.
    let (mut old, mut new) = (0usize, 0usize);
    while index < lines.len() {
        let line = lines[index];
        let next = lines.get(index + 1).copied().unwrap_or_default();
        if old + new == 0 && line.starts_with("--- ") && next.starts_with("+++ ") {
            files.push(named(&line[4..], &next[4..]));
            index += 2;
            continue;
        }
        if let Some((a, b)) = announced(line).filter(|_| old + new == 0) {
            (old, new) = (a, b);
            if let Some(file) = files.last_mut() {
                file.lines.push(line);
            }
        } else if old + new > 0 || line.starts_with('\\') {
            match line.as_bytes().first() {
                Some(b'+') => new = new.saturating_sub(1),
                Some(b'-') => old = old.saturating_sub(1),
                Some(b'\\') => {}
                _ => (old, new) = (old.saturating_sub(1), new.saturating_sub(1)),
            }
            if let Some(file) = files.last_mut() {
                file.lines.push(line);
            }
        }
        index += 1;
    }
    files
}

fn named<'a>(before: &str, after: &str) -> File<'a> {
    let trim = |name: &str| {
        let name = name.split('\t').next().unwrap_or(name).trim();
        name.strip_prefix("a/")
            .or_else(|| name.strip_prefix("b/"))
            .unwrap_or(name)
            .to_owned()
    };
    match (before.trim() == "/dev/null", after.trim() == "/dev/null") {
        (true, _) => File {
            name: trim(after),
            note: Some("new file"),
            lines: Vec::new(),
        },
        (_, true) => File {
            name: trim(before),
            note: Some("deleted"),
            lines: Vec::new(),
        },
        _ => File {
            name: trim(after),
            note: None,
            lines: Vec::new(),
        },
    }
}

/// The counts of `@@ -a,b +c,d @@`.
fn announced(line: &str) -> Option<(usize, usize)> {
    let inner = line.strip_prefix("@@ ")?.split(" @@").next()?;
    let mut parts = inner.split(' ').map(|part| match part.split_once(',') {
        Some((_, count)) => count.parse().ok(),
        None => Some(1),
    });
    Some((parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use super::{Fold, colour};

    #[test]
    fn a_removed_line_that_looks_like_a_heading_is_a_removed_line() {
        let diff = "--- a/q.sql\n+++ b/q.sql\n@@ -1,2 +1,2 @@\n--- old comment\n+++ new comment\n select 1;\n--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1 @@\n+one\n";
        let plain = anstream::adapter::strip_str(&colour(diff, Fold::Long, "| ")).to_string();
        expect_test::expect![[r#"
            | q.sql  +1 −1
            | @@ -1,2 +1,2 @@
            | --- old comment
            | +++ new comment
            |  select 1;
            | new.txt  +1 −0 new file
            | @@ -0,0 +1 @@
            | +one
        "#]]
        .assert_eq(&plain);
    }

    #[test]
    fn long_files_fold() {
        let body: String = (0..100).map(|n| format!("+{n}\n")).collect();
        let diff = format!("--- /dev/null\n+++ b/x\n@@ -0,0 +1,100 @@\n{body}");
        let plain = anstream::adapter::strip_str(&colour(&diff, Fold::Long, "")).to_string();
        assert_eq!(plain.lines().count(), 1 + 48 + 1);
        assert!(plain.ends_with("… 53 more lines\n"), "{plain}");
        assert_eq!(colour(&diff, Fold::Nothing, "").lines().count(), 102);
    }
}
