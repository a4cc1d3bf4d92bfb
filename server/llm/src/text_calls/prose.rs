//! Calls in prose: `Tool: NAME` or `Action: NAME` with an object behind it, and `NAME({…})`. They count only where they are the last
//! thing that the model says: elsewhere they are an example or a story.

use super::{
    Found, json,
    lenient::{self, Read},
};
use crate::ToolSpec;

/// Words before the name, and before the arguments, in lower case.
const NAMES: [&str; 5] = ["tool", "action", "function", "tool call", "tool_call"];
const ARGUMENTS: [&str; 7] = [
    "action input",
    "tool input",
    "arguments",
    "args",
    "parameters",
    "input",
    "json",
];

/// Calls that one answer may have in prose.
const MOST_CALLS: usize = 32;

/// Whether a line looks like the first one of a call.
pub(super) fn begins(text: &str) -> bool {
    let line = text.lines().next().unwrap_or_default();
    !line.starts_with([' ', '\t']) && line.contains([':', '('])
}

/// The calls from this line to the end of the text; what is made up behind them (`Observation: …`) is left as text.
pub(super) fn calls(text: &str, at: usize, tools: &[ToolSpec]) -> Found {
    let (mut calls, mut end) = (Vec::new(), at);
    loop {
        let next = end + text[end..].len() - text[end..].trim_start().len();
        let rest = &text[next..];
        let is_over = rest.is_empty() || rest.starts_with("Observation:");
        if is_over {
            return (!calls.is_empty()).then_some((calls, end));
        }
        // What is indented is a block of code.
        let gap = &text[end..next];
        let indent = match gap.rfind('\n') {
            Some(line) => &gap[line + 1..],
            None if calls.is_empty() => gap,
            None => "",
        };
        (indent.len() < 4 && !indent.contains('\t')).then_some(())?;
        let (name, (value, spelling), length) = labelled(rest).or_else(|| written(rest))?;
        (value.is_object() && calls.len() < MOST_CALLS).then_some(())?;
        calls.push(json::named(
            name,
            lenient::written(&value, &spelling),
            tools,
        )?);
        end = next + length;
    }
}

/// `Tool: NAME`, then an object, with or without a word before it or a fence around it.
fn labelled(text: &str) -> Option<(&str, Read, usize)> {
    let line = text.lines().next()?;
    let (word, name) = line.split_once(':')?;
    let word = word.trim_matches(['*', '#', ' ']).to_ascii_lowercase();
    NAMES.contains(&word.as_str()).then_some(())?;
    let name = name.trim_matches(['*', '`', ' ', '\r', '"']);
    let mut at = line.len();
    at += blank(&text[at..]);
    let label = text[at..].lines().next().unwrap_or_default();
    if let Some((word, _)) = label.split_once(':') {
        let plain = word.trim_matches(['*', ' ']).to_ascii_lowercase();
        if ARGUMENTS.contains(&plain.as_str()) {
            at += word.len() + 1;
            at += text[at..].len() - text[at..].trim_start_matches(['*', ' ']).len();
            at += blank(&text[at..]);
        }
    }
    if let Some((body, word, end)) = json::block(text, at) {
        matches!(word, "" | "json").then_some(())?;
        return Some((name, json::exact(body?)?, end));
    }
    let (read, length) = json::first(&text[at..])?;
    Some((name, read, at + length))
}

/// `NAME({…})` alone on its lines.
fn written(text: &str) -> Option<(&str, Read, usize)> {
    let (name, _) = text.lines().next()?.split_once('(')?;
    let inside = &text[name.len() + 1..];
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    (!name.is_empty() && name.chars().all(is_name)).then_some(())?;
    let (read, length) = json::first(inside)?;
    let behind = &inside[length..];
    let closed = behind.trim_start().strip_prefix(')')?;
    let behind = closed.trim_start_matches([';', ' ', '\t', '\r']);
    let ends_line = behind.is_empty() || behind.starts_with('\n');
    ends_line.then_some((name, read, text.len() - behind.len()))
}

fn blank(text: &str) -> usize {
    text.len() - text.trim_start().len()
}
