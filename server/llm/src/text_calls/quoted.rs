//! What a model was told: a call that stands in an earlier message of the user or of a tool is a quotation of it, not a wish.
//!
//! Invariant: white space, backslashes and the form of the call make no difference. A call that the model made before in this
//! conversation is its own.

use std::collections::HashMap;

use serde_json::Value;

use crate::{Call, Message};

/// Arguments that hold what a call would do, and how many bytes of it make a quotation by themselves.
const WEIGHTY: [&str; 3] = ["content", "command", "patch"];
const LONG: usize = 24;

/// Arguments of fewer bytes than this, as JSON, stand anywhere: `{}`, `{"n":1}`.
const SHORT: usize = 10;

/// The messages before an answer.
pub(super) struct Earlier<'a> {
    told: Vec<Told>,
    made: Vec<(&'a str, Value)>,
}

struct Told {
    /// Without white space and backslashes.
    text: String,
    source: Source,
}

enum Source {
    User,
    /// A result, and the `path` of the call that it is of.
    Tool(Option<String>),
}

impl<'a> Earlier<'a> {
    pub(super) fn new(messages: &'a [Message]) -> Earlier<'a> {
        let mut earlier = Earlier {
            told: Vec::new(),
            made: Vec::new(),
        };
        let mut paths: HashMap<&str, String> = HashMap::new();
        for message in messages {
            let source = match message {
                Message::User { .. } => Source::User,
                Message::Tool { id, .. } => Source::Tool(paths.get(id.as_str()).cloned()),
                Message::Assistant { calls, .. } => {
                    for call in calls {
                        let arguments = parsed(&call.arguments);
                        if let Some(path) = arguments["path"].as_str() {
                            paths.insert(&call.id, path.to_owned());
                        }
                        earlier.made.push((&call.name, arguments));
                    }
                    continue;
                }
            };
            let text = squeezed(message.text());
            earlier.told.push(Told { text, source });
        }
        earlier
    }

    /// Whether an earlier message holds this call, or most of what it would do; `written` is how the model wrote it.
    pub(super) fn tell(&self, written: &str, call: &Call) -> bool {
        let arguments = parsed(&call.arguments);
        let is_own = |(name, made): &(&str, Value)| *name == call.name && *made == arguments;
        if self.made.iter().any(is_own) {
            return false;
        }
        let (name, written) = (squeezed(&call.name), squeezed(written));
        let forms = [squeezed(&call.arguments), squeezed(&arguments.to_string())];
        let texts: Vec<String> = texts(&arguments)
            .iter()
            .map(|text| squeezed(text))
            .collect();
        let weighty: Vec<String> = WEIGHTY
            .iter()
            .map(|key| squeezed(&said(&arguments[*key])))
            .filter(|text| text.len() >= LONG)
            .collect();
        let size: usize = texts.iter().map(String::len).sum();
        self.told.iter().any(|told| {
            let holds = |text: &String| told.text.contains(text.as_str());
            let names = holds(&name);
            // In another form of the same: each word of it.
            let in_words = size >= LONG && texts.iter().all(holds);
            let as_json = |form: &String| form.len() >= SHORT && holds(form);
            if holds(&written) || (names && (in_words || forms.iter().any(as_json))) {
                return true;
            }
            match &told.source {
                Source::User => false,
                // Much of a file may be written back to it.
                Source::Tool(Some(path)) if arguments["path"] == path.as_str() && !names => false,
                Source::Tool(_) => weighty.iter().any(holds),
            }
        })
    }
}

fn parsed(arguments: &str) -> Value {
    serde_json::from_str(arguments).unwrap_or_default()
}

fn squeezed(text: &str) -> String {
    let plain = |c: &char| !c.is_whitespace() && *c != '\\';
    text.chars().filter(plain).collect()
}

/// Every text in a value that is not empty.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) if !text.trim().is_empty() => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(object) => object.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// What an argument says, also where it is a list of words.
fn said(value: &Value) -> String {
    texts(value).join(" ")
}
