//! Calls between tags or behind a mark, as the chat templates of open models teach them: Hermes and Qwen (`<tool_call>`), Qwen coder
//! (`<function=…>`), GLM (`<arg_key>`), `<invoke name=…>`, Mistral (`[TOOL_CALLS]`), Llama (`<|python_tag|>`), Granite and Phi (`<|tool_call|>`).

use serde_json::{Map, Value};

use super::{
    Found, json,
    lenient::{self, Spelling},
};
use crate::{Call, ToolSpec};

/// How many closing tags are tried for one opening tag: text of a call may hold some itself.
const MOST_ENDS: usize = 8;

/// How the parameters of a call are written.
struct Form {
    /// Before the name, and between it and the parameters.
    open: (&'static str, &'static str),
    close: &'static str,
    /// The same of a parameter.
    parameter: (&'static str, &'static str),
    parameter_close: &'static str,
}

const FORMS: [Form; 3] = [
    Form {
        open: ("<function=", ">"),
        close: "</function>",
        parameter: ("<parameter=", ">"),
        parameter_close: "</parameter>",
    },
    Form {
        open: ("<invoke name=\"", "\""),
        close: "</invoke>",
        parameter: ("<parameter name=\"", "\""),
        parameter_close: "</parameter>",
    },
    Form {
        open: ("<tool_call>", "\n"),
        close: "</tool_call>",
        parameter: ("<arg_key>", "</arg_key>"),
        parameter_close: "</arg_value>",
    },
];

/// Tags with JSON between them, and with calls in tags.
const PAIRS: [(&str, &str); 3] = [
    ("<tool_call>", "</tool_call>"),
    ("<function_call>", "</function_call>"),
    ("<tools>", "</tools>"),
];
const WRAPS: [(&str, &str); 2] = [
    ("<tool_call>", "</tool_call>"),
    ("<function_calls>", "</function_calls>"),
];

/// Tags around thoughts.
pub(super) const THOUGHTS: [(&str, &str); 5] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("[THINK]", "[/THINK]"),
];

/// Whether calls may begin here.
pub(super) fn opens(rest: &str) -> bool {
    let marks = ["[TOOL_CALLS]", "<|python_tag|>", "<|tool_call|>"];
    let pairs = PAIRS.iter().chain(&WRAPS).map(|(open, _)| *open);
    let forms = FORMS.iter().map(|form| form.open.0);
    let mut all = marks.into_iter().chain(pairs).chain(forms);
    all.any(|mark| rest.starts_with(mark))
}

/// Where a thought that begins here ends; the end of the text where it is not closed.
pub(super) fn thought(text: &str, here: usize) -> Option<usize> {
    let rest = &text[here..];
    THOUGHTS.iter().find_map(|(open, close)| {
        let inside = rest.strip_prefix(open)?;
        let end = inside.find(close).map(|at| at + close.len());
        Some(end.map_or(text.len(), |end| text.len() - inside.len() + end))
    })
}

/// The calls that begin at this place.
pub(super) fn calls(text: &str, here: usize, tools: &[ToolSpec]) -> Found {
    let rest = &text[here..];
    let (calls, length) = mistral(rest, tools)
        .or_else(|| behind_mark(rest, "<|python_tag|>", &["<|eom_id|>", "<|eot_id|>"], tools))
        .or_else(|| behind_mark(rest, "<|tool_call|>", &["<|/tool_call|>"], tools))
        .or_else(|| PAIRS.iter().find_map(|pair| between(rest, *pair, tools)))
        .or_else(|| WRAPS.iter().find_map(|pair| wrapped(rest, *pair, tools)))
        .or_else(|| FORMS.iter().find_map(|form| one(rest, form, tools)))?;
    let behind = &text[here + length..];
    // In a sentence it is quoted: a call ends its line, or another one follows.
    let line = behind.lines().next().unwrap_or_default().trim();
    (line.is_empty() || line.starts_with(['<', '['])).then_some((calls, here + length))
}

/// JSON between a pair of tags.
fn between(rest: &str, (open, close): (&str, &str), tools: &[ToolSpec]) -> Found {
    let inside = rest.strip_prefix(open)?;
    let ends = inside.match_indices(close).take(MOST_ENDS);
    let mut calls = ends.filter_map(|(end, _)| {
        let calls = json::marked(&inside[..end], tools)?;
        Some((calls, open.len() + end + close.len()))
    });
    calls.next()
}

/// JSON behind a mark, up to the end mark, which is a call's too, or the end of the text.
fn behind_mark(rest: &str, mark: &str, ends: &[&str], tools: &[ToolSpec]) -> Found {
    let inside = rest.strip_prefix(mark)?;
    let found = ends
        .iter()
        .find_map(|end| Some((inside.find(end)?, end.len())));
    let (end, closes) = found.unwrap_or((inside.len(), 0));
    let calls = json::series(&inside[..end], tools)?;
    Some((calls, mark.len() + end + closes))
}

/// Calls with parameters in tags, within a pair of tags.
fn wrapped(rest: &str, (open, close): (&str, &str), tools: &[ToolSpec]) -> Found {
    rest.starts_with(open).then_some(())?;
    let (mut calls, mut at) = (Vec::new(), open.len());
    loop {
        at += blank(&rest[at..]);
        if rest[at..].starts_with(close) {
            return (!calls.is_empty()).then_some((calls, at + close.len()));
        }
        let mut forms = FORMS[..2].iter();
        let (found, length) = forms.find_map(|form| one(&rest[at..], form, tools))?;
        calls.extend(found);
        at += length;
    }
}

/// One call with its parameters in tags.
fn one(rest: &str, form: &Form, tools: &[ToolSpec]) -> Found {
    let (name, mut at) = named(rest, form.open)?;
    let tool = tools.iter().find(|tool| tool.name == name)?;
    let (mut arguments, mut spelling) = (Map::new(), Spelling::default());
    let begin = at + blank(&rest[at..]);
    if form.close == "</function>" && rest[begin..].starts_with('{') {
        // Llama's form of the same: all arguments as one object.
        let ((value, own), length) = json::first(&rest[begin..])?;
        let Value::Object(object) = value else {
            return None;
        };
        (arguments, spelling, at) = (object, own, begin + length);
    }
    loop {
        at += blank(&rest[at..]);
        if rest[at..].starts_with(form.close) {
            let arguments = lenient::written(&Value::Object(arguments), &spelling);
            let call = json::named(name, arguments, tools)?;
            return Some((vec![call], at + form.close.len()));
        }
        let (key, begin) = named(&rest[at..], form.parameter)?;
        let mut begin = at + begin;
        if form.close == "</tool_call>" {
            begin += blank(&rest[begin..]);
            begin += rest[begin..]
                .starts_with("<arg_value>")
                .then_some("<arg_value>".len())?;
        }
        let end = parameter_end(&rest[begin..], form)?;
        let value = typed(&rest[begin..begin + end], &tool.schema["properties"][key]);
        // Of two values nobody can say which was meant.
        if arguments.insert(key.to_owned(), value).is_some() {
            return None;
        }
        at = begin + end + form.parameter_close.len();
    }
}

/// The name in an opening tag, and where the tag ends.
fn named<'t>(rest: &'t str, (open, close): (&str, &str)) -> Option<(&'t str, usize)> {
    let inside = rest.strip_prefix(open)?;
    let end = inside.find(close)?;
    let mut at = open.len() + end + close.len();
    if close == "\"" {
        // Further attributes.
        at += rest[at..].find('>')? + 1;
    }
    let name = inside[..end].trim();
    let is_name = !name.is_empty() && !name.contains(['<', '>', '\n', '"']);
    is_name.then_some((name, at))
}

/// Where a value ends: before a closing tag that is followed by the next parameter or the end, since a value may hold such tags.
fn parameter_end(rest: &str, form: &Form) -> Option<usize> {
    let ends = rest.match_indices(form.parameter_close).take(MOST_ENDS);
    let mut ends = ends.filter(|(at, close)| {
        let behind = rest[at + close.len()..].trim_start();
        behind.starts_with(form.parameter.0) || behind.starts_with(form.close)
    });
    ends.next().map(|(at, _)| at)
}

/// A value as its schema wants it: text, unless only JSON can be meant. The line ends next to the tags are none of its own.
fn typed(text: &str, schema: &Value) -> Value {
    let inner = match text
        .strip_prefix("\r\n")
        .or_else(|| text.strip_prefix('\n'))
    {
        Some(inner) => inner
            .strip_suffix("\r\n")
            .or_else(|| inner.strip_suffix('\n'))
            .unwrap_or(inner),
        None => text,
    };
    let takes_text = match &schema["type"] {
        Value::String(kind) => kind == "string",
        Value::Array(kinds) => kinds.iter().any(|kind| kind == "string"),
        _ => schema.get("enum").is_some(),
    };
    let read = || serde_json::from_str(inner.trim()).ok();
    let value = if takes_text { None } else { read() };
    value.unwrap_or_else(|| Value::String(inner.to_owned()))
}

/// `[{…}]`, or `NAME[ARGS]{…}`, each further one behind its own mark.
fn mistral(rest: &str, tools: &[ToolSpec]) -> Found {
    let mark = "[TOOL_CALLS]";
    let inside = rest.strip_prefix(mark)?;
    let at = blank(inside);
    if inside[at..].starts_with('[') {
        let (_, length) = json::first(&inside[at..])?;
        let calls: Vec<Call> = json::marked(&inside[at..at + length], tools)?;
        return Some((calls, mark.len() + at + length));
    }
    let open = at + inside[at..].find('{')?;
    let name = inside[at..open].trim();
    let name = name.strip_suffix("[ARGS]").unwrap_or(name).trim();
    let ((value, spelling), length) = json::first(&inside[open..])?;
    let call = json::named(name, lenient::written(&value, &spelling), tools)?;
    Some((vec![call], mark.len() + open + length))
}

fn blank(text: &str) -> usize {
    text.len() - text.trim_start().len()
}
