//! Calls as JSON objects, alone or in a list: `{"tool" | "name": NAME, "args" | "arguments" | "parameters" | "input": {…}}`.

use serde_json::{Map, Value};

use super::lenient::{self, Notes, Read, Spelling};
use crate::{Call, ToolSpec};

/// Parts of a text that is nothing but calls: objects and lists, one after the other.
pub(super) fn whole(text: &str, tools: &[ToolSpec]) -> Option<Vec<Call>> {
    let text = text.trim();
    text.starts_with(['{', '[']).then_some(())?;
    series(text, tools)
}

/// Objects that are calls, with `;` or white space between them and nothing else.
pub(super) fn series(text: &str, tools: &[ToolSpec]) -> Option<Vec<Call>> {
    let (mut calls, mut rest) = (Vec::new(), text);
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ';');
        if rest.is_empty() {
            return (!calls.is_empty()).then_some(calls);
        }
        let (read, end) = first(rest)?;
        calls.extend(of_value(&read, tools)?);
        rest = &rest[end..];
    }
}

/// The value at the start of a text, and where it ends.
pub(super) fn first(text: &str) -> Option<(Read, usize)> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    stream.next()?.ok()?;
    let end = stream.byte_offset();
    Some((exact(&text[..end])?, end))
}

/// The value of a text that is JSON, which says everything once.
pub(super) fn exact(text: &str) -> Option<Read> {
    let mut notes = Notes::default();
    let read = lenient::spelled(text, &mut notes)?;
    notes.all().is_empty().then_some(read)
}

/// The calls of a text that is marked as calls, also where its JSON is a little off.
pub(super) fn marked(text: &str, tools: &[ToolSpec]) -> Option<Vec<Call>> {
    let read = lenient::spelled(text.trim(), &mut Notes::default())?;
    of_value(&read, tools)
}

fn of_value((value, spelling): &Read, tools: &[ToolSpec]) -> Option<Vec<Call>> {
    match value {
        Value::Object(object) => call((object, spelling), tools).map(|call| vec![call]),
        Value::Array(items) if !items.is_empty() => {
            let item = |(at, item): (usize, &Value)| {
                call((item.as_object()?, spelling.of(&at.to_string())), tools)
            };
            items.iter().enumerate().map(item).collect()
        }
        _ => None,
    }
}

fn call((object, spelling): (&Map<String, Value>, &Spelling), tools: &[ToolSpec]) -> Option<Call> {
    // OpenAI's own form, as some models recite it.
    let (object, spelling) = match object.get("function") {
        Some(Value::Object(inner)) => (inner, spelling.of("function")),
        _ => (object, spelling),
    };
    let name = object
        .get("tool")
        .or_else(|| object.get("name"))?
        .as_str()?;
    let keys = ["args", "arguments", "parameters", "input"];
    let arguments = keys
        .iter()
        .find_map(|key| Some((object.get(*key)?, spelling.of(key))));
    let arguments = match arguments {
        Some((Value::String(raw), _)) if raw.trim_start().starts_with('{') => raw.clone(),
        Some((value @ Value::Object(_), own)) => lenient::written(value, own),
        // A tool without arguments; an object with other keys is somebody's data.
        None if object.contains_key("tool") && object.len() == 1 => "{}".to_owned(),
        _ => return None,
    };
    named(name, arguments, tools)
}

/// A call of a tool on offer.
pub(super) fn named(name: &str, arguments: String, tools: &[ToolSpec]) -> Option<Call> {
    tools.iter().find(|tool| tool.name == name)?;
    Some(Call {
        id: String::new(),
        name: name.to_owned(),
        arguments,
    })
}

/// The fenced block that begins at this line: where it ends, and its calls where it is nothing else. None where no block begins.
pub(super) fn fenced(
    text: &str,
    at: usize,
    tools: &[ToolSpec],
) -> Option<(usize, Option<Vec<Call>>)> {
    let (body, word, end) = block(text, at)?;
    let known = matches!(
        word.to_ascii_lowercase().as_str(),
        "" | "json" | "tool" | "tool_call"
    );
    let read = |body: &str| match word {
        // Without a word, JSON that is a little off may be any code.
        "" => of_value(&exact(body)?, tools),
        _ => marked(body, tools),
    };
    let calls = body.filter(|_| known).and_then(read);
    Some((end, calls))
}

/// What stands between the fences from this line on (nothing where they are not closed), the info word, and the end.
pub(super) fn block(text: &str, at: usize) -> Option<(Option<&str>, &str, usize)> {
    let mut lines = text[at..].split_inclusive('\n');
    let first = lines.next()?;
    let (fence, word) = fence(first)?;
    let start = at + first.len();
    let mut end = start;
    for line in lines {
        if line.trim() == fence {
            return Some((Some(&text[start..end]), word, end + line.len()));
        }
        end += line.len();
    }
    Some((None, word, end))
}

fn fence(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let mark = line
        .chars()
        .next()
        .filter(|mark| matches!(mark, '`' | '~'))?;
    let length = line.len() - line.trim_start_matches(mark).len();
    (length >= 3).then(|| (&line[..length], line[length..].trim()))
}
