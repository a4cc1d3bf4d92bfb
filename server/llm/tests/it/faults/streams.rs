//! Streams as the two dialects send them, for faults to damage.

use serde_json::{Value, json};

pub const OPENAI: &str = include_str!("../streams/openai.sse");
pub const ANTHROPIC: &str = include_str!("../streams/anthropic.sse");
/// What both say.
pub const TEXT: &str = "I look at żółw 🐢.";
pub const CALLS: &[&str] = &["fs.read_file {\"path\":\"src/ż.rs\"}", "list {}"];

/// Name, type and stream of servers that are none of the two; what they all say.
pub const OTHERS: [(&str, &str, &str); 3] = [
    (
        "gemini",
        "gemini",
        include_str!("../../recorded/gemini.txt"),
    ),
    (
        "responses",
        "openai_responses",
        include_str!("../../recorded/responses.txt"),
    ),
    (
        "ollama",
        "ollama",
        include_str!("../../recorded/ollama.ndjson"),
    ),
];
pub const RECORDED_TEXT: &str = "I read the żółw file 🐢 and list.";
pub const RECORDED_CALLS: usize = 2;

pub const DONE: &str = "data: [DONE]\n\n";

/// One event.
pub fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// A piece of text.
pub fn text(piece: &str) -> String {
    event(&json!({"choices": [{"delta": {"content": piece}}]}))
}

/// The reason to stop.
pub fn finish(reason: &str) -> String {
    event(&json!({"choices": [{"delta": {}, "finish_reason": reason}]}))
}

/// A piece of a call; what is null is left out.
pub fn call(index: Value, id: Value, name: Value, arguments: &str) -> String {
    let mut call = json!({"function": {"arguments": arguments}});
    for (key, value) in [("index", index), ("id", id)] {
        if !value.is_null() {
            call[key] = value;
        }
    }
    if !name.is_null() {
        call["function"]["name"] = name;
    }
    event(&json!({"choices": [{"delta": {"tool_calls": [call]}}]}))
}

/// A whole answer.
pub fn openai_text(words: &str) -> String {
    format!("{}{}{DONE}", text(words), finish("stop"))
}

/// The same with this reported usage.
pub fn openai_usage(usage: &Value) -> String {
    let counts = event(&json!({"choices": [], "usage": usage}));
    format!("{}{}{counts}{DONE}", text("Hi"), finish("stop"))
}

/// The first bytes of a stream, up to and without `mark`.
pub fn until<'t>(stream: &'t str, mark: &str) -> &'t str {
    &stream[..stream.find(mark).unwrap_or(stream.len())]
}
