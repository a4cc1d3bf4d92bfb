//! Report: what the output of a test run says about single tests, whichever runner wrote it. Reading is a pure function of the text,
//! linear and bounded: the text is a stranger's.

mod build;
mod dotnet;
mod frame;
mod go;
mod jest;
mod junit;
mod jvm;
mod libtest;
mod mocha;
mod nextest;
mod node;
mod php;
mod plain;
mod pytest;
mod ruby;
mod tap;
mod unittest;
mod vitest;

use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// Cases that are kept of one run.
const CASES: usize = 20_000;
/// Failing tests of one name.
const ALIKE: usize = 50;
/// Bytes of a name.
const NAME: usize = 300;
/// Bytes of a message.
const MESSAGE: usize = 2_000;

/// How one test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It ran and was right.
    Passed,
    /// It ran, or could not, and was wrong.
    Failed,
    /// It was left out, or is known to fail.
    Skipped,
}

/// Where a test failed, as the runner wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// A path, relative or not.
    pub path: String,
    /// From 1.
    pub line: u32,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What the runner calls it.
    pub name: String,
    /// The program, package or file that it belongs to, where the runner says so.
    pub suite: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// What was wrong.
    pub message: Option<String>,
    /// Where.
    pub place: Option<Place>,
}

/// Whether the run went to its end, so that a test which is not named did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extent {
    /// As far as one can see.
    #[default]
    Whole,
    /// It broke off, left tests out, or counts failures that it does not name.
    Cut,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// The tests that are named, each once; many runners name only those that failed.
    pub cases: Vec<Case>,
    /// Tests that passed by the runner's own count.
    pub passed: Option<u32>,
    /// Tests that failed by the runner's own count.
    pub failed: Option<u32>,
    /// How far it went.
    pub extent: Extent,
    /// A build that broke, in place of tests.
    pub build: Option<Case>,
}

impl Case {
    /// A test of this name.
    pub fn new(name: impl Into<String>, outcome: Outcome) -> Case {
        Case {
            name: name.into(),
            suite: None,
            outcome,
            message: None,
            place: None,
        }
    }
}

impl Reading {
    /// The failing tests.
    pub fn failing(&self) -> impl Iterator<Item = &Case> {
        self.cases
            .iter()
            .filter(|case| case.outcome == Outcome::Failed)
    }

    /// Adds what another reading has; both are of the same run.
    pub fn add(&mut self, other: Reading) {
        let sum = |one: Option<u32>, two: Option<u32>| match (one, two) {
            (Some(one), Some(two)) => Some(one.saturating_add(two)),
            (one, two) => one.or(two),
        };
        self.passed = sum(self.passed, other.passed);
        self.failed = sum(self.failed, other.failed);
        self.cases.extend(other.cases);
        if other.extent == Extent::Cut {
            self.extent = Extent::Cut;
        }
        self.build = self.build.take().or(other.build);
    }

    /// What is shown for each case: its name, with its suite where the name alone could mean several.
    pub fn label(&self, case: &Case) -> String {
        let several = self
            .cases
            .iter()
            .any(|other| other.name == case.name && other.suite != case.suite);
        match &case.suite {
            Some(suite) if several => format!("{} ({suite})", case.name),
            _ => case.name.clone(),
        }
    }

    /// Names each test once, shortens what is too long, and fills in counts that the runner did not say.
    fn settle(&mut self) {
        let mut at: HashMap<(Option<String>, String), Vec<usize>> = HashMap::new();
        let mut cases: Vec<Case> = Vec::new();
        for mut case in self.cases.drain(..) {
            shorten(&mut case.name, NAME);
            if let Some(message) = &mut case.message {
                *message = message.trim().to_owned();
                shorten(message, MESSAGE);
            }
            case.message = case.message.filter(|message| !message.is_empty());
            let known = at
                .entry((case.suite.clone(), case.name.clone()))
                .or_default();
            let same = known.iter().find(|at| is_same(&cases[**at], &case));
            match same {
                Some(&there) => merge(&mut cases[there], case),
                None if cases.len() < CASES && known.len() < ALIKE => {
                    known.push(cases.len());
                    cases.push(case);
                }
                None => self.extent = Extent::Cut,
            }
        }
        self.cases = cases;
        let count = |outcome| {
            let named = self.cases.iter().filter(|case| case.outcome == outcome);
            u32::try_from(named.count()).unwrap_or(u32::MAX)
        };
        let (passed, failed) = (count(Outcome::Passed), count(Outcome::Failed));
        if self.failed.is_some_and(|said| said > failed) {
            self.extent = Extent::Cut;
        }
        if !self.cases.is_empty() {
            self.failed = Some(self.failed.unwrap_or(failed).max(failed));
            if passed > 0 {
                self.passed = Some(self.passed.unwrap_or(passed).max(passed));
            }
        }
    }
}

/// Reads the output of a run, and the files in JUnit's form that it wrote. These name every test, so they count where they know of
/// no fewer failures than the output.
pub fn read(text: &str, files: &[String]) -> Reading {
    let mut all = read_text(text);
    let mut filed = Reading::default();
    for file in files {
        filed.add(junit::read(file));
    }
    filed.settle();
    if !filed.cases.is_empty() && filed.failing().count() >= all.failing().count() {
        all.cases = filed.cases;
        all.passed = filed.passed.max(all.passed);
        all.failed = filed.failed.max(all.failed);
    }
    all
}

fn read_text(text: &str) -> Reading {
    let text = plain_text(text);
    let lines: Vec<&str> = text.lines().collect();
    let readers: [fn(&[&str]) -> Reading; 14] = [
        rust,
        go::read,
        pytest::read,
        unittest::read,
        jest::read,
        vitest::read,
        mocha::read,
        node::read,
        tap::read,
        jvm::read,
        ruby::read,
        php::read,
        dotnet::read,
        junit::read_lines,
    ];
    let mut all = Reading::default();
    for reader in readers {
        all.add(reader(&lines));
    }
    if all.cases.is_empty() {
        let mut plain = plain::read(&lines);
        plain.passed = plain.passed.or(all.passed);
        plain.failed = plain.failed.or(all.failed);
        all = plain;
    }
    if lines.iter().any(|line| broke_off(line)) {
        all.extent = Extent::Cut;
    }
    all.build = build::read(&lines, all.cases.is_empty());
    all.settle();
    all
}

/// Reads the Test Anything Protocol alone.
pub fn read_tap(lines: &[&str]) -> Reading {
    tap::read(lines)
}

/// Whether a line is the first of a program of Rust's own harness.
pub fn starts_libtest(line: &str) -> bool {
    libtest::is_start(line)
}

fn rust(lines: &[&str]) -> Reading {
    match nextest::is_one(lines) {
        true => nextest::read(lines),
        false => libtest::read(lines),
    }
}

/// The text without escape codes, and with `\n` at the end of each line. A code that is not closed reaches to no other line, and hides
/// nothing of its own.
pub fn plain_text(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match open_escape(line) {
            Some(at) => {
                // What stands behind it may be open as well, so none of it is taken for a code.
                let (head, rest) = line.split_at(at);
                plain.push_str(&anstream::adapter::strip_str(head).to_string());
                plain.extend(
                    rest.chars()
                        .filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t')),
                );
            }
            None => plain.push_str(&anstream::adapter::strip_str(line).to_string()),
        }
    }
    plain.replace("\r\n", "\n").replace('\r', "\n")
}

/// Whether some line has an escape code that is not closed: a terminal would swallow what follows.
pub fn swallows(text: &str) -> bool {
    text.lines().any(|line| open_escape(line).is_some())
}

/// Where a string code of a terminal (OSC, DCS, SOS, PM, APC) begins that does not end in the line.
fn open_escape(line: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(found) =
        line[at..].find(['\u{1b}', '\u{90}', '\u{98}', '\u{9d}', '\u{9e}', '\u{9f}'])
    {
        let start = at + found;
        let rest = &line[start..];
        let body = match rest.strip_prefix('\u{1b}') {
            Some(rest) => rest.strip_prefix([']', 'P', 'X', '^', '_']),
            None => rest.strip_prefix(['\u{90}', '\u{98}', '\u{9d}', '\u{9e}', '\u{9f}']),
        };
        at = match body {
            Some(body) => {
                let from = line.len() - body.len();
                let ends = ["\u{7}", "\u{1b}\\", "\u{9c}"];
                let end = ends
                    .iter()
                    .filter_map(|end| Some(body.find(end)? + end.len()))
                    .min();
                from + match end {
                    Some(end) => end,
                    None => return Some(start),
                }
            }
            None => start + rest.chars().next().map_or(1, char::len_utf8),
        };
    }
    None
}

/// Whether a line says that a program died before it was done.
fn broke_off(line: &str) -> bool {
    const SAYINGS: [&str; 12] = [
        "(core dumped)",
        "Segmentation fault",
        "SIGSEGV",
        "SIGABRT",
        "SIGKILL",
        "(signal: ",
        "INTERNALERROR>",
        "Fatal Python error",
        "FATAL ERROR: ",
        "Bail out!",
        "AddressSanitizer",
        "The forked VM terminated without",
    ];
    SAYINGS.iter().any(|saying| line.contains(saying))
}

/// Whether two mentions of a name are one test: runners name a failure in a line and again with what was wrong. Two that failed
/// differently are two tests.
fn is_same(one: &Case, other: &Case) -> bool {
    let both = one.outcome == Outcome::Failed && other.outcome == Outcome::Failed;
    let is_bare = |case: &Case| case.message.is_none() && case.place.is_none();
    let is_alike = one.message == other.message && one.place == other.place;
    !both || is_bare(one) || is_bare(other) || is_alike
}

fn merge(into: &mut Case, from: Case) {
    let worse = |outcome| match outcome {
        Outcome::Failed => 2,
        Outcome::Passed => 1,
        Outcome::Skipped => 0,
    };
    if worse(from.outcome) > worse(into.outcome) {
        into.outcome = from.outcome;
    }
    into.message = into.message.take().or(from.message);
    into.place = into.place.take().or(from.place);
}

fn shorten(text: &mut String, limit: usize) {
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit));
        text.push('…');
    }
}

/// The number that stands right before a word, as in `3 failed`.
fn number_before(line: &str, word: &str) -> Option<u32> {
    let head = line[..line.find(word)?].trim_end();
    let digits = head.len() - head.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    head[head.len() - digits..].parse().ok()
}

/// Blanks at the start of a line.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The name without the time that runners put behind it: `name (1.2ms)`, `name 5ms`, `name (2 s)`.
fn without_time(text: &str) -> &str {
    let text = text.trim_end();
    let is_time = |words: &str| {
        let rest = words.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        rest.len() < words.len() && matches!(rest.trim(), "ms" | "s" | "m" | "μs" | "µs")
    };
    if let Some((head, time)) = text
        .strip_suffix(')')
        .and_then(|text| text.rsplit_once(" ("))
        && is_time(time)
    {
        return head.trim_end();
    }
    match text.rsplit_once(' ') {
        Some((head, time)) if is_time(time) && !time.starts_with('.') => head.trim_end(),
        _ => text,
    }
}

/// Names that are known already; keeps readers that see a test twice from counting it twice.
type Seen = HashSet<String>;

#[cfg(test)]
mod tests;
