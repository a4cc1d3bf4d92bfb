//! JUnit: the XML that many runners write, as a file or among their output.

use super::{Case, Outcome, Place, Reading, frame};
use roxmltree::{Document, Node};

/// Bytes of one document.
const LARGEST: usize = 8 * 1024 * 1024;

/// Reads one document; nothing where it is none.
pub fn read(text: &str) -> Reading {
    let mut reading = Reading::default();
    if text.len() > LARGEST {
        return reading;
    }
    let Ok(document) = Document::parse(text.trim_start_matches('\u{feff}').trim()) else {
        return reading;
    };
    if !matches!(
        document.root_element().tag_name().name(),
        "testsuites" | "testsuite"
    ) {
        return reading;
    }
    for node in document
        .descendants()
        .filter(|node| node.has_tag_name("testcase"))
    {
        let Some(name) = node.attribute("name") else {
            continue;
        };
        let class = node
            .attribute("classname")
            .filter(|class| !class.is_empty());
        let name = match class {
            Some(class) => format!("{class}.{}", name.trim_end_matches("()")),
            None => name.to_owned(),
        };
        let child = |tags: &[&str]| {
            node.children()
                .find(|child| tags.contains(&child.tag_name().name()))
        };
        if let Some(trouble) = child(&["failure", "error"]) {
            reading.cases.push(Case {
                suite: class.map(str::to_owned),
                message: message(trouble),
                place: place(node, trouble, class),
                ..Case::new(name, Outcome::Failed)
            });
        } else {
            let outcome = match child(&["skipped"]) {
                Some(_) => Outcome::Skipped,
                None => Outcome::Passed,
            };
            reading.cases.push(Case {
                suite: class.map(str::to_owned),
                ..Case::new(name, outcome)
            });
        }
    }
    reading
}

/// Reads the documents among the lines of an output.
pub fn read_lines(lines: &[&str]) -> Reading {
    let mut reading = Reading::default();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let text = line.trim_start();
        if !text.starts_with("<testsuite") && !text.starts_with("<?xml") {
            at += 1;
            continue;
        }
        let several = lines[at..]
            .iter()
            .take(3)
            .any(|line| line.contains("<testsuites"));
        let end = if several {
            "</testsuites>"
        } else {
            "</testsuite>"
        };
        let Some(last) = lines[at..].iter().position(|line| line.contains(end)) else {
            return reading;
        };
        reading.add(read(&lines[at..=at + last].join("\n")));
        at += last + 1;
    }
    reading
}

fn message(trouble: Node<'_, '_>) -> Option<String> {
    let said = trouble.attribute("message").unwrap_or_default().trim();
    let text = trouble.text().unwrap_or_default().trim();
    // Stack traces begin with the message.
    let head = text
        .lines()
        .take_while(|line| !line.trim_start().starts_with("at "));
    let head = head.take(40).collect::<Vec<_>>().join("\n");
    let message = if said.is_empty() {
        head
    } else {
        said.to_owned()
    };
    Some(message).filter(|message| !message.is_empty())
}

fn place(node: Node<'_, '_>, trouble: Node<'_, '_>, class: Option<&str>) -> Option<Place> {
    let line = node.attribute("line").and_then(|line| line.parse().ok());
    if let (Some(path), Some(line)) = (node.attribute("file"), line) {
        return Some(Place {
            path: path.to_owned(),
            line,
        });
    }
    let text = trouble.text()?;
    let last = class
        .and_then(|class| class.rsplit(['.', '$']).next())
        .unwrap_or_default();
    let places = text.lines().take(200).filter_map(line_place);
    let mut places: Vec<Place> = places.filter(frame::is_own).collect();
    let own = places.iter().position(|place| {
        let stem = place
            .path
            .rsplit('/')
            .next()
            .and_then(|name| name.split('.').next());
        stem == Some(last)
    });
    let chosen = own.or((!places.is_empty()).then_some(0));
    chosen.map(|at| places.swap_remove(at))
}

/// A stack line in brackets, or `path:6: words`.
fn line_place(line: &str) -> Option<Place> {
    let line = line.trim();
    if line.starts_with("at ") {
        return frame::script(line);
    }
    let (head, _) = line.split_once(": ").unwrap_or((line, ""));
    frame::place(head)
}
