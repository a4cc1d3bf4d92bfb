//! TAP: the Test Anything Protocol, versions 12 to 14, with subtests and YAML blocks, as node, prove and C programs print it.

use super::{Case, Extent, Outcome, Place, Reading, frame, indent};

/// Lines that the YAML block of one point may have.
const BLOCK: usize = 500;

/// A subtest that is open.
struct Group<'a> {
    depth: usize,
    title: &'a str,
    /// Points in it so far.
    points: u32,
}

/// What stands behind `#` in a point.
enum Directive {
    /// Left out, or known to fail.
    Known,
    None,
}

/// Reads all test points.
pub fn read(lines: &[&str]) -> Reading {
    let mut reading = Reading::default();
    if !lines
        .iter()
        .any(|line| line.starts_with("TAP version ") || plan(line).is_some())
    {
        return reading;
    }
    let (mut planned, mut points) = (None, 0u32);
    let mut groups: Vec<Group> = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        let depth = indent(line);
        let text = line.trim();
        if let Some(title) = text.strip_prefix("# Subtest: ") {
            groups.retain(|group| group.depth < depth);
            groups.push(Group {
                depth,
                title,
                points: 0,
            });
        } else if let Some(number) = plan(line) {
            planned = Some(planned.unwrap_or(0) + number);
        } else if let Some((is_ok, title)) = point(text) {
            points += u32::from(depth == 0);
            let own =
                |group: &Group| group.depth == depth && group.title == title && group.points > 0;
            let sums_up = groups.iter().any(own);
            groups.retain(|group| group.depth < depth);
            groups.iter_mut().for_each(|group| group.points += 1);
            let start = at;
            at = behind(lines, at, depth);
            let detail = detail(&lines[start..at]);
            if sums_up || detail.is_group {
                continue;
            }
            let (title, known) = without_directive(title);
            let outcome = match (known, is_ok) {
                (Directive::Known, _) => Outcome::Skipped,
                (Directive::None, true) => Outcome::Passed,
                (Directive::None, false) => Outcome::Failed,
            };
            let failed = outcome == Outcome::Failed;
            let names: Vec<&str> = groups
                .iter()
                .map(|group| group.title)
                .chain([title])
                .collect();
            reading.cases.push(Case {
                suite: detail.declared.map(|place| place.path).filter(|_| failed),
                message: detail.message.or(Some(text.to_owned())).filter(|_| failed),
                place: detail.place.filter(|_| failed),
                ..Case::new(names.join(" > "), outcome)
            });
        } else if let Some(n) = text.strip_prefix("# cancelled ") {
            // Node's own count.
            if n != "0" {
                reading.extent = Extent::Cut;
            }
        }
    }
    if planned.is_some_and(|planned| planned != points) || planned.is_none() {
        reading.extent = Extent::Cut;
    }
    for line in lines {
        for (word, slot) in [
            ("# pass ", &mut reading.passed),
            ("# fail ", &mut reading.failed),
        ] {
            if let Some(number) = line
                .strip_prefix(word)
                .and_then(|rest| rest.trim().parse().ok())
            {
                *slot = Some(slot.unwrap_or(0u32).saturating_add(number));
            }
        }
    }
    reading
}

/// `1..4`, at the outermost level.
fn plan(line: &str) -> Option<u32> {
    let rest = line.strip_prefix("1..")?;
    rest.split([' ', '#']).next()?.parse().ok()
}

/// `not ok 2 - title`; number and dash may be missing.
fn point(text: &str) -> Option<(bool, &str)> {
    let (is_ok, rest) = match text.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, text.strip_prefix("ok")?),
    };
    if !rest.is_empty() && !rest.starts_with(' ') {
        return None;
    }
    let rest = rest.trim_start();
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let title = rest[digits..].trim_start();
    let title = title.strip_prefix("- ").unwrap_or(title).trim();
    Some((
        is_ok,
        if title.is_empty() {
            &rest[..digits]
        } else {
            title
        },
    ))
}

fn without_directive(title: &str) -> (&str, Directive) {
    let (name, word) = match title.strip_prefix("# ") {
        Some(word) => ("(unnamed)", word),
        None => title.rsplit_once(" # ").unwrap_or((title, "")),
    };
    let word = word.get(..4).unwrap_or_default();
    match word.eq_ignore_ascii_case("skip") || word.eq_ignore_ascii_case("todo") {
        true => (name, Directive::Known),
        false => (title, Directive::None),
    }
}

/// The end of what belongs to the point before `at`: its YAML block, or comments that follow it.
fn behind(lines: &[&str], at: usize, depth: usize) -> usize {
    let mut end = at;
    if lines
        .get(end)
        .is_some_and(|line| line.trim() == "---" && indent(line) > depth)
    {
        let block = indent(lines[end]);
        let last = lines[end..]
            .iter()
            .take(BLOCK)
            .position(|line| line.trim() == "..." && indent(line) == block);
        return last.map_or(at, |last| end + last + 1);
    }
    let is_comment = |line: &&str| {
        let text = line.trim_start();
        text.starts_with('#') && !text.starts_with("# Subtest:")
    };
    while lines.get(end).is_some_and(is_comment) {
        end += 1;
    }
    end
}

#[derive(Default)]
struct Detail {
    message: Option<String>,
    /// Where it failed.
    place: Option<Place>,
    /// Where the test stands.
    declared: Option<Place>,
    /// Whether it only sums up its subtests.
    is_group: bool,
}

fn detail(lines: &[&str]) -> Detail {
    let mut detail = Detail::default();
    let Some(first) = lines.first() else {
        return detail;
    };
    if first.trim() != "---" {
        let said: Vec<&str> = lines
            .iter()
            .map(|line| line.trim_start().trim_start_matches('#').trim())
            .collect();
        detail.place = said.iter().find_map(|line| comment_place(line));
        detail.message = Some(said.join("\n"));
        return detail;
    }
    let depth = indent(first);
    let mut file = None;
    let mut at = 1;
    while let Some(line) = lines.get(at) {
        at += 1;
        let Some((key, value)) = line.trim().split_once(':') else {
            continue;
        };
        let value = value.trim();
        let start = at;
        while lines
            .get(at)
            .is_some_and(|line| indent(line) > depth || line.trim().is_empty())
        {
            at += 1;
        }
        let is_block = value.starts_with(['|', '>']);
        let text = match is_block {
            true => unindented(&lines[start..at]),
            false => value.trim_matches(['\'', '"']).to_owned(),
        };
        match key.trim() {
            "error" | "message" => detail.message = detail.message.or(Some(text)),
            "location" => detail.declared = frame::place(&text),
            "stack" => detail.place = text.lines().find_map(frame::script),
            "failureType" if text == "subtestsFailed" => detail.is_group = true,
            "type" if text == "suite" => detail.is_group = true,
            "file" => file = Some(text),
            "line" => {
                if let (Some(path), Ok(line)) = (file.take(), text.parse()) {
                    detail.place = Some(Place { path, line });
                }
            }
            "at" if !is_block && value.is_empty() => at = start,
            "at" => detail.place = detail.place.or_else(|| frame::script(&text)),
            _ => {}
        }
    }
    detail.place = detail.place.or_else(|| detail.declared.clone());
    detail
}

/// `at t/a.t line 5.`, or `path:5: words`.
fn comment_place(line: &str) -> Option<Place> {
    if let Some((path, rest)) = line
        .strip_prefix("at ")
        .and_then(|rest| rest.split_once(" line "))
    {
        let line = rest.trim_end_matches('.').parse().ok()?;
        return Some(Place {
            path: path.to_owned(),
            line,
        });
    }
    line.split_whitespace()
        .find_map(|word| frame::place(word).filter(frame::is_own))
}

fn unindented(lines: &[&str]) -> String {
    let texts: Vec<&str> = lines.iter().map(|line| line.trim()).take(60).collect();
    texts.join("\n")
}
