//! Words: the text of a memory as it is kept: one line, all of it visible, and nothing in it that a model's template could take for
//! the mark of another speaker; and when two of them say the same.

use protocol::{Memory, MemoryAuthor};
use std::collections::BTreeSet;

/// The part of all words that two of the agent's own memories share where they say the same, in a hundred.
const ALIKE: usize = 90;

/// Names of elements that mark speakers, calls and orders in the templates of models.
const MARKS: [&str; 23] = [
    "system",
    "user",
    "assistant",
    "human",
    "developer",
    "tool",
    "tools",
    "function",
    "functions",
    "tool_call",
    "tool_calls",
    "tool_response",
    "tool_result",
    "function_call",
    "function_calls",
    "function_results",
    "invoke",
    "parameter",
    "instructions",
    "instruction",
    "think",
    "s",
    "im_start",
];
/// Names in square brackets that do the same.
const BRACKETS: [&str; 10] = [
    "INST",
    "SYS",
    "SYSTEM_PROMPT",
    "AVAILABLE_TOOLS",
    "TOOL_CALLS",
    "TOOL_RESULTS",
    "TOOL_CONTENT",
    "CALL_ID",
    "ARGS",
    "THINK",
];
/// Words before a colon that name a speaker.
const SPEAKERS: [&str; 7] = [
    "system",
    "user",
    "assistant",
    "human",
    "developer",
    "tool",
    "ai",
];

/// The text of a memory.
pub(super) fn kept(text: &str) -> String {
    let lines: Vec<String> = visible(text).lines().map(without_speaker).collect();
    let line = lines.join(" ");
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    neutral(&line)
}

/// The text without characters that nobody sees or that change how others are read: control characters but for line ends and tabs,
/// marks of direction, joiners, tags, and selectors of variants in a row.
pub(crate) fn visible(text: &str) -> String {
    text.chars()
        .filter_map(|char| match char {
            '\n' | '\t' => Some(char),
            '\u{2028}' | '\u{2029}' | '\u{85}' | '\u{b}' | '\u{c}' => Some('\n'),
            '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}' => None,
            char if char.is_control() => None,
            char => Some(char),
        })
        .collect()
}

/// The text with marks of chat templates made harmless; they stay readable.
pub(crate) fn neutral(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '[', '|', '\u{ff5c}']) {
        let (before, mark) = rest.split_at(at);
        out.push_str(before);
        let mut chars = mark.chars();
        let sign = chars.next().unwrap_or_default();
        let after = chars.as_str();
        out.push(match sign {
            '<' if is_mark(after) => '\u{2039}',
            '[' if is_bracket_mark(after) => '(',
            '|' | '\u{ff5c}' if after.starts_with('>') => '\u{a6}',
            sign => sign,
        });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Whether what follows a `<` makes it a mark.
fn is_mark(after: &str) -> bool {
    if after.starts_with(['|', '\u{ff5c}', '<']) {
        return true;
    }
    let name = after.trim_start_matches(['/', ' ']);
    let end = name
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':' && c != '-')
        .unwrap_or(name.len());
    let (name, rest) = name.split_at(end);
    let name = name
        .rsplit(':')
        .next()
        .unwrap_or_default()
        .replace('-', "_");
    let is_closed = rest.starts_with(['>', ' ', '/', '=']) || rest.is_empty();
    is_closed && MARKS.iter().any(|mark| name.eq_ignore_ascii_case(mark))
}

/// Whether what follows a `[` makes it a mark, as `[INST]`.
fn is_bracket_mark(after: &str) -> bool {
    let name = after.strip_prefix('/').unwrap_or(after);
    name.split_once(']')
        .is_some_and(|(name, _)| BRACKETS.contains(&name))
}

/// A line that begins as the words of a speaker, so that it does not.
fn without_speaker(line: &str) -> String {
    let line = line.trim();
    let word = line.trim_start_matches(['#', '*', '>', ' ']);
    match word.split_once(':') {
        Some((name, rest)) if is_speaker(name.trim_end_matches('*')) => {
            format!(
                "({}) {}",
                name.trim_end_matches('*').trim(),
                rest.trim_start_matches('*')
            )
        }
        _ => line.to_owned(),
    }
}

fn is_speaker(name: &str) -> bool {
    SPEAKERS
        .iter()
        .any(|one| name.trim().eq_ignore_ascii_case(one))
}

/// At most so many bytes of a text, with a sign where it was cut.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.len() <= most {
        true => text.to_owned(),
        false => format!(
            "{}…",
            &text[..text.floor_char_boundary(most.saturating_sub(3))]
        ),
    }
}

/// Whether two memories say the same. A person's words are the same only where all of them are.
pub(super) fn same(one: &Memory, other: &Memory) -> bool {
    let exact = |text: &str| text.trim_end_matches(['.', '!', ' ']).to_lowercase();
    if exact(&one.text) == exact(&other.text) {
        return true;
    }
    if one.kind != other.kind || one.by == MemoryAuthor::Person || other.by == MemoryAuthor::Person
    {
        return false;
    }
    let (a, b) = (plain(&one.text), plain(&other.text));
    let both = a.intersection(&b).count();
    both > 0 && both * 100 >= a.union(&b).count() * ALIKE
}

/// The words in small letters, without what stands between them.
fn plain(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}
