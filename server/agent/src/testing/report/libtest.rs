//! Libtest: Rust's own test harness, run by cargo, loud or quiet. Cargo names the programs on stderr and the programs name the tests
//! on stdout, so the two are brought together by their order.

use super::{Case, Extent, Outcome, Place, Reading, frame, number_before};

/// The tests of one program.
#[derive(Default)]
struct Block {
    cases: Vec<Case>,
    failed: Option<u32>,
    passed: u32,
}

/// Reads the tests of all programs.
pub fn read(lines: &[&str]) -> Reading {
    let mut reading = Reading::default();
    let blocks = blocks(lines);
    let programs: Vec<String> = lines.iter().filter_map(|line| program(line)).collect();
    let reruns: Vec<&str> = lines.iter().filter_map(|line| rerun(line)).collect();
    let red = |block: &Block| block.failed != Some(0);
    let all_named = programs.len() == blocks.len();
    let red_named = reruns.len() == blocks.iter().filter(|block| red(block)).count();
    let mut reruns_left = reruns.iter();
    for (number, block) in blocks.into_iter().enumerate() {
        let rerun = if red(&block) {
            reruns_left.next()
        } else {
            None
        };
        let suite = match (all_named, red_named) {
            (true, _) => programs.get(number).cloned(),
            (false, true) => rerun.map(|name| (*name).to_owned()),
            (false, false) => None,
        };
        match block.failed {
            Some(failed) => {
                reading.failed = Some(reading.failed.unwrap_or(0).saturating_add(failed));
                reading.passed = Some(reading.passed.unwrap_or(0).saturating_add(block.passed));
            }
            // Its last line is missing: it died.
            None => reading.extent = Extent::Cut,
        }
        reading
            .cases
            .extend(block.cases.into_iter().map(|case| Case {
                suite: suite.clone(),
                ..case
            }));
    }
    // Without `--no-fail-fast` cargo leaves out what is behind the first red program.
    let told_all =
        |line: &&str| line.contains(" targets failed:") || line.contains(" target failed:");
    if !reruns.is_empty() && !lines.iter().any(told_all) {
        reading.extent = Extent::Cut;
    }
    if reading.cases.is_empty() && reading.failed.is_none() {
        return Reading::default();
    }
    reading
}

fn blocks(lines: &[&str]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    // Lone lines of the harness, without its frame, are a block as well.
    let mut open = false;
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        if is_start(line) {
            blocks.push(Block::default());
            open = true;
            continue;
        }
        if let Some(rest) = line.trim_start().strip_prefix("test result: ") {
            let failed = number_before(rest, " failed").unwrap_or(0);
            let passed = number_before(rest, " passed").unwrap_or(0);
            if !open {
                blocks.push(Block::default());
            }
            if let Some(block) = blocks.last_mut() {
                (block.failed, block.passed) = (Some(failed), passed);
            }
            open = false;
            continue;
        }
        let section = line
            .strip_prefix("---- ")
            .and_then(|rest| rest.strip_suffix(" stdout ----"));
        let case = match section {
            Some(name) => {
                let start = at;
                while lines.get(at).is_some_and(|line| !ends_section(line)) {
                    at += 1;
                }
                let (message, place) = trouble(name, &lines[start..at]);
                Some(Case {
                    message,
                    place,
                    ..Case::new(name, Outcome::Failed)
                })
            }
            None => case(line),
        };
        if let Some(case) = case {
            if !open {
                blocks.push(Block {
                    failed: Some(0),
                    ..Block::default()
                });
                open = true;
            }
            if let Some(block) = blocks.last_mut() {
                block.cases.push(case);
            }
        }
    }
    blocks
}

pub(super) fn is_start(line: &str) -> bool {
    line.strip_prefix("running ").is_some_and(|rest| {
        let count = rest.trim_end().strip_suffix(" tests");
        let count = count.or(rest.trim_end().strip_suffix(" test"));
        count.is_some_and(|count| count.parse::<u32>().is_ok())
    })
}

fn ends_section(line: &str) -> bool {
    (line.starts_with("---- ") && line.ends_with(" stdout ----"))
        || *line == *"failures:"
        || line.starts_with("test result: ")
        || is_start(line)
}

/// A line that names one test with its end.
fn case(line: &str) -> Option<Case> {
    let (name, outcome) = match line.strip_prefix("test ") {
        Some(rest) => {
            let (name, end) = rest.rsplit_once(" ... ")?;
            let end = end.split(" <").next().unwrap_or(end).trim();
            let outcome = match end {
                "ok" => Outcome::Passed,
                "FAILED" => Outcome::Failed,
                _ if end.starts_with("ignored") => Outcome::Skipped,
                _ => return None,
            };
            (name, outcome)
        }
        None => (line.strip_suffix(" --- FAILED")?, Outcome::Failed),
    };
    let name = name.strip_suffix(" - should panic").unwrap_or(name);
    Some(Case::new(name, outcome))
}

/// What went wrong in the section of one test: the panic of its own thread, or the last one.
pub(super) fn trouble(name: &str, lines: &[&str]) -> (Option<String>, Option<Place>) {
    let mut panics = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.starts_with("thread '") && line.contains("panicked at"));
    let own = |line: &str| {
        line.strip_prefix("thread '")
            .is_some_and(|rest| rest.starts_with(&format!("{name}'")))
    };
    let chosen = panics
        .clone()
        .find(|(_, line)| own(line))
        .or(panics.next_back());
    let Some((at, line)) = chosen else {
        let place = lines.iter().find_map(|line| {
            let (_, place) = line.rsplit_once(" at ")?;
            frame::place(place)
        });
        return (Some(join(lines)), place);
    };
    let said = line.split_once("panicked at ").map_or("", |(_, said)| said);
    // Before Rust 1.73 the message stood in quotes before the place.
    if let Some((message, place)) = said
        .strip_prefix('\'')
        .and_then(|said| said.rsplit_once("', "))
    {
        return (Some(message.to_owned()), frame::place(place));
    }
    (Some(join(&lines[at + 1..])), frame::place(said))
}

fn join(lines: &[&str]) -> String {
    let ends = |line: &&&str| {
        !line.starts_with("stack backtrace:")
            && !line.starts_with("note: run with `RUST_BACKTRACE")
            && !line.starts_with("thread '")
    };
    let kept: Vec<&str> = lines.iter().take_while(ends).take(40).copied().collect();
    kept.join("\n").trim().to_owned()
}

/// The program of `Running unittests src/lib.rs (target/debug/deps/name-0123)` or `Doc-tests name`.
fn program(line: &str) -> Option<String> {
    let line = line.trim_start();
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(format!("{} doc", name.trim()));
    }
    let (what, file) = line
        .strip_prefix("Running ")?
        .trim_end()
        .strip_suffix(')')?
        .rsplit_once(" (")?;
    let stem = file.rsplit(['/', '\\']).next()?;
    let stem = stem.rsplit_once('-').map_or(stem, |(stem, _)| stem);
    let source = what.strip_prefix("unittests ").unwrap_or(what);
    // The name of a program in tests/ is its file's; a library and a program may share one.
    Some(match source.starts_with("tests/") {
        true => stem.to_owned(),
        false => format!("{stem} {source}"),
    })
}

/// What cargo says of a red program: `--lib`, `--test one`.
fn rerun(line: &str) -> Option<&str> {
    line.strip_prefix("error: ")?
        .split_once("to rerun pass `")?
        .1
        .strip_suffix('`')
}
