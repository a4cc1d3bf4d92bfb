//! Pytest: its short summary names the tests, its sections say what was wrong.

use super::{Case, Extent, Outcome, Place, Reading, frame, number_before};
use std::collections::{HashMap, VecDeque};

/// What one section says.
struct Section {
    message: String,
    place: Option<Place>,
}

/// Reads all tests.
pub fn read(lines: &[&str]) -> Reading {
    let mut reading = Reading::default();
    let mut sections = sections(lines);
    for line in lines {
        let Some((outcome, name, said)) = summary(line).or_else(|| verbose(line)) else {
            continue;
        };
        let mut case = Case {
            suite: name.split_once("::").map(|(file, _)| file.to_owned()),
            ..Case::new(name, outcome)
        };
        if outcome == Outcome::Failed && said != Said::Running {
            let title = title(name);
            let section = sections.get_mut(&title).and_then(VecDeque::pop_front);
            case.message = match said {
                Said::Words(words) => Some(words.to_owned()),
                _ => None,
            };
            if let Some(section) = section {
                case.message = Some(section.message)
                    .filter(|text| !text.is_empty())
                    .or(case.message);
                case.place = section.place;
            }
        }
        reading.cases.push(case);
    }
    for line in lines {
        let line = line.trim_matches(['=', ' ']);
        let ends = line.ends_with('s') || line.ends_with(')');
        if line.contains(" in ") && ends && line.starts_with(|c: char| c.is_ascii_digit()) {
            let count = |word: &str| number_before(line, word);
            let errors = count(" error").unwrap_or(0);
            if let Some(failed) = count(" failed").or((errors > 0).then_some(0)) {
                reading.failed = Some(failed.saturating_add(errors));
            }
            reading.passed = count(" passed").or(reading.passed);
        }
        if line.starts_with("!") && line.contains("Interrupted")
            || line.starts_with("!") && line.contains("stopping after")
        {
            reading.extent = Extent::Cut;
        }
    }
    reading
}

/// What a line says of a test besides its name.
#[derive(PartialEq, Eq)]
enum Said<'a> {
    Running,
    Nothing,
    Words(&'a str),
}

/// `FAILED path::name - message`.
fn summary(line: &str) -> Option<(Outcome, &str, Said<'_>)> {
    let (word, rest) = line.split_once(' ')?;
    let outcome = match word {
        "FAILED" | "ERROR" => Outcome::Failed,
        "PASSED" => Outcome::Passed,
        "XFAIL" => Outcome::Skipped,
        "XPASS" => Outcome::Passed,
        _ if word.starts_with("SUBFAILED") => Outcome::Failed,
        _ => return None,
    };
    let (name, words) = name(rest);
    let is_name = name.contains("::") || (name.ends_with(".py") && !name.contains(' '));
    let said = words.map_or(Said::Nothing, Said::Words);
    is_name.then_some((outcome, name, said))
}

/// `path::name PASSED   [ 42%]`.
fn verbose(line: &str) -> Option<(Outcome, &str, Said<'_>)> {
    let line = line.trim_end();
    let head = match line
        .strip_suffix("%]")
        .and_then(|line| line.rsplit_once(" ["))
    {
        Some((head, _)) => head.trim_end(),
        None => line,
    };
    let (file, _) = head.split_once("::")?;
    if file.contains(' ') || !file.contains('.') {
        return None;
    }
    let words = [
        (" PASSED", Outcome::Passed),
        (" FAILED", Outcome::Failed),
        (" ERROR", Outcome::Failed),
        (" XFAIL", Outcome::Skipped),
        (" SKIPPED", Outcome::Skipped),
        (" XPASS", Outcome::Passed),
    ];
    let plain = match head
        .strip_suffix(')')
        .and_then(|head| head.rsplit_once(" ("))
    {
        Some((plain, _)) => plain,
        None => head,
    };
    words.into_iter().find_map(|(word, outcome)| {
        let name = plain.strip_suffix(word)?;
        Some((outcome, name.trim_end(), Said::Running))
    })
}

/// Parts the name of a test, which may have blanks and dashes in its brackets, from the message.
fn name(text: &str) -> (&str, Option<&str>) {
    let from = match text.find('[') {
        Some(open) if text[..open].contains("::") && !text[..open].contains(" - ") => {
            text.rfind(']')
                .filter(|close| *close > open)
                .map_or(0, |_| {
                    // The first bracket that closes the list and is followed by the message or the end.
                    text.match_indices(']')
                        .map(|(at, _)| at + 1)
                        .find(|at| text[*at..].is_empty() || text[*at..].starts_with(" - "))
                        .unwrap_or(0)
                })
        }
        _ => 0,
    };
    match text[from..].find(" - ") {
        Some(at) => (&text[..from + at], Some(&text[from + at + 3..])),
        None => (text.trim_end(), None),
    }
}

/// The title that a test's section has: `path::Class::name` stands as `Class.name`.
fn title(name: &str) -> String {
    match name.split_once("::") {
        Some((_, inner)) => inner.replace("::", "."),
        None => name.to_owned(),
    }
}

fn sections(lines: &[&str]) -> HashMap<String, VecDeque<Section>> {
    let mut sections: HashMap<String, VecDeque<Section>> = HashMap::new();
    let mut open: Option<(String, Section)> = None;
    let mut close = |open: &mut Option<(String, Section)>| {
        if let Some((title, section)) = open.take() {
            sections.entry(title).or_default().push_back(section);
        }
    };
    for line in lines {
        if let Some(title) = heading(line) {
            close(&mut open);
            let section = Section {
                message: String::new(),
                place: None,
            };
            open = Some((title, section));
        } else if line.starts_with("====") || line.starts_with("!!!!") {
            close(&mut open);
        } else if let Some((_, section)) = &mut open {
            if let Some(said) = line.strip_prefix("E  ") {
                let said = said.strip_prefix("     ").unwrap_or(said).trim_end();
                if section.message.len() < super::MESSAGE {
                    section
                        .message
                        .push_str(said.strip_prefix(' ').unwrap_or(said));
                    section.message.push('\n');
                }
            } else if let Some(place) = place(line) {
                section.place = Some(place);
            }
        }
    }
    close(&mut open);
    sections
}

/// `____ Class.name ____`, also of set-up and collection.
fn heading(line: &str) -> Option<String> {
    let inner = line.strip_prefix("__")?.trim_end().strip_suffix("__")?;
    let inner = inner.trim_matches('_').trim();
    let inner = [
        "ERROR at setup of ",
        "ERROR at teardown of ",
        "ERROR collecting ",
    ]
    .into_iter()
    .find_map(|front| inner.strip_prefix(front))
    .unwrap_or(inner);
    // The values of a subtest stand behind the name.
    let inner = match inner.split_once(" (") {
        Some((name, values)) if values.ends_with(')') => name,
        _ => inner,
    };
    (!inner.is_empty()).then(|| inner.to_owned())
}

/// `path:6: AssertionError`, `path:6: in name`; the last own one is where it failed.
fn place(line: &str) -> Option<Place> {
    if line.starts_with([' ', '>', '\t']) {
        return None;
    }
    let (head, rest) = line
        .split_once(": ")
        .or_else(|| line.strip_suffix(':').map(|head| (head, "")))?;
    let place = frame::place(head)?;
    let is_one = !rest.contains(": ") && place.path.ends_with(".py") && frame::is_own(&place);
    is_one.then_some(place)
}
