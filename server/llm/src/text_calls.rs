//! Calls that a model wrote into its text, in the forms of models without native ones: fenced JSON, tags, marks, and prose where it can
//! mean nothing else.
//!
//! Invariant: what is no such call stays in the text, byte for byte, and half a call is none. What the model quotes is none either: a
//! call stands at the left margin, within nothing, and in no earlier message of the user or of a tool.

mod enclosed;
mod json;
pub mod lenient;
mod prose;
mod quoted;
mod tags;

use std::ops::Range;

use crate::{Call, Message, ToolSpec};

/// Tags that are looked at in one answer: each may cost a walk over the rest of it.
const MOST_TRIES: u32 = 100;

/// What chat templates leave behind a call; nobody says it.
const LEFTOVERS: [&str; 8] = [
    "</tool_call>",
    "</function_call>",
    "</function_calls>",
    "</tools>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "</s>",
];

/// What was found at a place: the calls, and where the text goes on behind them.
type Found = Option<(Vec<Call>, usize)>;

/// Why a model would write its calls into the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It was told its tools in the text.
    Told,
    /// It was told them in its server's own way, but never made a call so.
    Silent,
}

/// What calls are read by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) tools: &'a [ToolSpec],
    /// The conversation that the text answers.
    pub(crate) messages: &'a [Message],
    pub(crate) reason: Reason,
}

/// The text without what is a call, and the calls, with empty ids.
///
/// A call is of a tool on offer and has an object as arguments. It stands at the left margin, and not inside other code, a comment, a
/// quotation, a list, another tag or a thought. Its forms: a block between fences without an info string or with `json`, `tool` or
/// `tool_call`; `<tool_call>…</tool_call>` with JSON (Hermes, Qwen) or tags (GLM); `<function=NAME>…` (Qwen coder, Llama); `<invoke
/// name="NAME">…`; JSON in `<tools>` or `<function_call>`; `[TOOL_CALLS]…` (Mistral); `<|tool_call|>…` (Granite, Phi);
/// `<|python_tag|>…` (Llama); JSON that is the whole answer; and at its end `Tool: NAME` or `Action: NAME` with an object, or
/// `NAME({…})`, not behind a colon. What is announced by a colon and followed by other words is an example. Of a model that has native
/// calls only the last thing that it says counts, and prose only where it is all that it says.
pub(crate) fn take(text: &str, reading: &Reading<'_>) -> (String, Vec<Call>) {
    let mut parts = parts(text, reading);
    if !parts.iter().any(|part| part.kind.is_call()) {
        return (text.to_owned(), Vec::new());
    }
    let within = enclosed::within(text, &parts);
    let earlier = quoted::Earlier::new(reading.messages);
    let mut is_over = true;
    for (part, within) in parts.iter_mut().zip(within).rev() {
        let written = &text[part.range.clone()];
        if let Kind::Calls(calls) = &part.kind {
            // What more is said about is a story; of a model without another way only where it is announced.
            let is_story = reading.reason == Reason::Silent || is_announced(text, part.range.start);
            let is_late = is_story && !is_over;
            let is_told = calls.iter().any(|call| earlier.tell(written, call));
            if within || is_late || is_told {
                part.kind = Kind::Plain;
            }
        }
        is_over &= part.kind.is_call() || is_blank(written);
    }
    let mut calls = Vec::new();
    let mut kept = String::with_capacity(text.len());
    for part in parts {
        match part.kind {
            Kind::Calls(found) => calls.extend(found),
            _ => kept.push_str(&text[part.range]),
        }
    }
    if !calls.is_empty() {
        kept.truncate(kept.trim_end().len());
    }
    (kept, calls)
}

/// A stretch of the text.
#[derive(Debug)]
struct Part {
    range: Range<usize>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Plain,
    /// A block between fences.
    Code,
    Thought,
    Calls(Vec<Call>),
}

impl Kind {
    fn is_call(&self) -> bool {
        matches!(self, Kind::Calls(_))
    }
}

/// The whole text in parts, in order.
fn parts(text: &str, reading: &Reading<'_>) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let (mut plain, mut at) = (0, 0);
    let mut tries = MOST_TRIES;
    while at < text.len() {
        // Nothing was said yet, apart from thoughts.
        let is_first = || {
            let said = parts
                .iter()
                .all(|part| matches!(part.kind, Kind::Thought) || blank(text, part));
            said && text[plain..at].trim().is_empty()
        };
        let whole = match at == plain && is_first() {
            true => json::whole(&text[at..], reading.tools),
            false => None,
        };
        let (end, kind) = match whole {
            Some(calls) => (text.len(), Kind::Calls(calls)),
            None => {
                let behind = parts.last().filter(|_| at == plain);
                let margin = at == 0 || text[..at].ends_with('\n');
                let margin = margin || behind.is_some_and(|part| !matches!(part.kind, Kind::Plain));
                step(text, at, margin, is_first, reading, &mut tries)
            }
        };
        if !matches!(kind, Kind::Plain) {
            if plain < at {
                let range = plain..at;
                let kind = Kind::Plain;
                parts.push(Part { range, kind });
            }
            parts.push(Part {
                range: at..end,
                kind,
            });
            plain = end;
        }
        at = end;
    }
    if plain < text.len() {
        let range = plain..text.len();
        let kind = Kind::Plain;
        parts.push(Part { range, kind });
    }
    parts
}

fn blank(text: &str, part: &Part) -> bool {
    matches!(part.kind, Kind::Plain) && text[part.range.clone()].trim().is_empty()
}

/// Looks at the place `at`, which is the start of a line or right behind something that was looked at: what stands there, and where it
/// ends, always further than here.
fn step(
    text: &str,
    at: usize,
    margin: bool,
    is_first: impl Fn() -> bool,
    reading: &Reading<'_>,
    tries: &mut u32,
) -> (usize, Kind) {
    let tools = reading.tools;
    let line_end = text[at..].find('\n').map_or(text.len(), |end| at + end + 1);
    let starts_line = at == 0 || text[..at].ends_with('\n');
    if starts_line && let Some((end, found)) = json::fenced(text, at, tools) {
        let found = found.filter(|_| !text[at..].starts_with([' ', '\t']));
        return (end, found.map_or(Kind::Code, Kind::Calls));
    }
    let in_prose = || match reading.reason {
        Reason::Told => !is_announced(text, at),
        Reason::Silent => is_first(),
    };
    if starts_line
        && prose::begins(&text[at..])
        && in_prose()
        && let Some((calls, end)) = prose::calls(text, at, tools)
    {
        return (end, Kind::Calls(calls));
    }
    let line = &text[at..line_end];
    let thought = line.match_indices(['<', '[']).find_map(|(here, _)| {
        let end = tags::thought(text, at + here)?;
        Some((at + here, end))
    });
    let is_tag = margin && *tries > 0 && tags::opens(line);
    if is_tag {
        *tries -= 1;
        if let Some((calls, end)) = tags::calls(text, at, tools) {
            return (end, Kind::Calls(calls));
        }
    }
    match thought {
        Some((here, end)) if here == at => (end, Kind::Thought),
        // The text before it first.
        Some((here, _)) => (here, Kind::Plain),
        None => (line_end, Kind::Plain),
    }
}

/// Whether a colon comes before, so that this may be an example.
fn is_announced(text: &str, at: usize) -> bool {
    let before = text[..at].trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_'));
    before.ends_with(':')
}

/// Whether nothing is said here.
fn is_blank(text: &str) -> bool {
    let mut rest = text.trim();
    while let Some(behind) = LEFTOVERS.iter().find_map(|word| rest.strip_prefix(word)) {
        rest = behind.trim_start();
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests;
