//! Compaction: a conversation made shorter without a model: what a later result makes needless, and long results of old calls, become
//! references. A pure function of the messages. The newest turns and what still fails are never touched.

mod transcript;

pub(crate) use transcript::{kept_from, middle_out, transcript};

use crate::tools::canonical;
use llm::Message;
use protocol::{CallId, ShortOutput};
use serde_json::Value;
use std::collections::HashMap;

/// Turns at the end that stay as they are.
pub(crate) const NEWEST: usize = 4;
/// Results that are shorter stay: a reference would save nothing.
const SMALL: usize = 240;
/// Bytes of a long result that stay at its head and at its tail.
const HEAD: usize = 400;
const TAIL: usize = 800;
/// Bytes that the note below a cut result may have.
const NOTE: usize = 120;
/// How the reference to a file's text begins.
const LEFT_OUT: &str = "[Left out:";
/// Bytes that stay of what was found long ago.
const FOUND: usize = 300;

/// One result with its call.
struct Answered<'m> {
    at: usize,
    id: &'m str,
    name: &'m str,
    input: Value,
    output: &'m str,
    failed: bool,
}

impl Answered<'_> {
    fn subject(&self) -> String {
        subject(self.name, &self.input)
    }

    /// Whether it went well, also for a command.
    fn is_good(&self) -> bool {
        !self.failed && (self.name != "run_command" || self.output.starts_with("exit code 0"))
    }
}

/// The results of old turns that can be said in fewer bytes.
pub(crate) fn shorten(messages: &[Message]) -> Vec<ShortOutput> {
    let all = answered(messages);
    let turns: Vec<usize> = (0..messages.len())
        .filter(|at| matches!(messages[*at], Message::Assistant { .. }))
        .collect();
    let Some(edge) = turns.len().checked_sub(NEWEST).map(|at| turns[at]) else {
        return Vec::new();
    };
    let old = all.iter().enumerate().filter(|(_, one)| one.at < edge);
    let short = old.filter_map(|(at, one)| {
        let output = shorter(one, &all[at + 1..])?;
        (one.output.len() >= SMALL && output.len() < one.output.len()).then(|| ShortOutput {
            id: CallId(one.id.to_owned()),
            output,
        })
    });
    short.collect()
}

/// The results that have more than `most` bytes each, cut to their head: for models whose context holds less than one result.
pub(crate) fn clip(messages: &[Message], most: usize) -> Vec<ShortOutput> {
    let long = messages.iter().filter_map(|message| match message {
        Message::Tool { id, output, .. } if output.len() > most => Some((id, output)),
        _ => None,
    });
    let short = long.map(|(id, output)| {
        let end = line_end(output, most.saturating_sub(NOTE));
        let gone = output.len() - end;
        let output = format!(
            "{}[{gone} more bytes are left out: there is no room for them; ask for less at once]",
            &output[..end]
        );
        (id, output)
    });
    let fits = |(id, output): (&String, String)| {
        (output.len() <= most).then(|| ShortOutput {
            id: CallId(id.clone()),
            output,
        })
    };
    short.filter_map(fits).collect()
}

fn answered(messages: &[Message]) -> Vec<Answered<'_>> {
    let mut calls = HashMap::new();
    let mut all = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        match message {
            Message::Assistant { calls: made, .. } => {
                calls.extend(made.iter().map(|call| (call.id.as_str(), call)));
            }
            Message::Tool {
                id,
                name,
                output,
                failed,
            } => {
                let call = calls.get(id.as_str());
                let input = call.and_then(|call| serde_json::from_str(&call.arguments).ok());
                all.push(Answered {
                    at,
                    id,
                    name: canonical(name),
                    input: input.unwrap_or_default(),
                    output,
                    failed: *failed,
                });
            }
            Message::User { .. } => {}
        }
    }
    all
}

/// What a call is about: a later call about the same takes its place.
pub(crate) fn subject(name: &str, input: &Value) -> String {
    let word = |key: &str| input.get(key).and_then(Value::as_str).unwrap_or_default();
    match canonical(name) {
        "write_file" => format!("edit {}", word("path")),
        // Empty where it could not be read.
        "apply_patch" => {
            let patch = workspace::parse_patch(word("patch"), workspace::Format::Auto, None);
            let first = patch
                .ok()
                .and_then(|patch| Some(patch.ops.first()?.path().to_string()));
            format!("edit {}", first.unwrap_or_default())
        }
        "read_file" => format!("read_file {}", word("path")),
        "run_command" => format!("run_command {}", word("command")),
        other => format!("{other} {input}"),
    }
}

/// A result in fewer words, where `later` ones or its age allow.
fn shorter(one: &Answered<'_>, later: &[Answered<'_>]) -> Option<String> {
    let subject = one.subject();
    let again = later.iter().any(|other| other.subject() == subject);
    // What failed last of its kind is still open.
    if !one.is_good() && !again {
        return None;
    }
    if one.failed {
        return Some("[This failed; it was tried again later, see there.]".to_owned());
    }
    let same = |other: &&Answered<'_>| other.name == one.name && other.output == one.output;
    if later.iter().any(|other| same(&other)) {
        return Some("[The result was the same as that of the same tool further down.]".to_owned());
    }
    match one.name {
        "read_file" => read(one, later),
        "run_command" if again => {
            let end = one.output.lines().next().unwrap_or_default();
            Some(format!(
                "{end}\n[The rest is left out: the command ran again later.]"
            ))
        }
        "run_command" => Some(ends(one.output)),
        "find_text" | "search" | "list_files" | "outline" | "find_symbol" | "references"
        | "neighbours" | "git_status" | "git_diff" => Some(head(one.output)),
        _ => None,
    }
}

/// A file's text that was read again or edited since.
fn read(one: &Answered<'_>, later: &[Answered<'_>]) -> Option<String> {
    let header = one.output.lines().next()?;
    let (path, start, end) = lines(header)?;
    // The newest word counts, and a text that is left out itself is none.
    let mut later = later
        .iter()
        .rev()
        .filter(|other| other.is_good() && !other.output.contains(LEFT_OUT));
    later.find_map(|other| match other.name {
        "read_file" => {
            let (again, first, last) = lines(other.output.lines().next()?)?;
            let holds = again == path && first <= start && end <= last;
            holds.then(|| format!("{header}\n{LEFT_OUT} lines {first}-{last} were read again later; that text counts.]"))
        }
        _ => edits(other, path).then(|| {
            format!("{header}\n{LEFT_OUT} the file was edited since. Read it again for its text.]")
        }),
    })
}

/// `PATH, lines A-B of C`.
fn lines(header: &str) -> Option<(&str, usize, usize)> {
    let (path, rest) = header.rsplit_once(", lines ")?;
    let (start, rest) = rest.split_once('-')?;
    let (end, _) = rest.split_once(" of ")?;
    Some((path, start.parse().ok()?, end.parse().ok()?))
}

fn edits(one: &Answered<'_>, path: &str) -> bool {
    let word = |key: &str| one.input.get(key).and_then(Value::as_str);
    match one.name {
        "write_file" | "restore" => word("path") == Some(path),
        "apply_patch" => {
            let patch = word("patch").unwrap_or_default();
            workspace::parse_patch(patch, workspace::Format::Auto, None)
                .is_ok_and(|patch| patch.ops.iter().any(|op| op.path().as_str() == path))
        }
        _ => false,
    }
}

/// The first and the last lines.
fn ends(text: &str) -> String {
    if text.len() <= HEAD + TAIL {
        return text.to_owned();
    }
    let head = &text[..line_end(text, HEAD)];
    let from = text.ceil_char_boundary(text.len() - TAIL);
    let tail = text[from..].find('\n').map_or(from, |at| from + at + 1);
    let gone = tail - head.len();
    format!(
        "{head}[{gone} bytes are left out here; run the command again to see them]\n{}",
        &text[tail..]
    )
}

/// The first lines.
fn head(text: &str) -> String {
    let end = line_end(text, FOUND);
    let gone = text.len() - end;
    format!(
        "{}[{gone} more bytes are left out; ask again to see them]",
        &text[..end]
    )
}

/// The end of the last whole line within `most` bytes, or `most` where no line ends there.
fn line_end(text: &str, most: usize) -> usize {
    let most = text.floor_char_boundary(most);
    text[..most].rfind('\n').map_or(most, |at| at + 1)
}

#[cfg(test)]
mod tests;
