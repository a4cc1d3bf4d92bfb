//! The turns of a [`ModelServer`] as an event stream of Gemini's `streamGenerateContent`.

use serde_json::{Value, json};

use super::{Answer, ModelServer};

impl ModelServer {
    /// As [`ModelServer::openai`], in the words of Gemini; `usage` may hold `cached` as well, which is part of `input`.
    #[must_use]
    pub fn gemini(turns: Vec<Value>) -> ModelServer {
        ModelServer::speaking(turns, answer)
    }

    /// The base address with `/v1beta`.
    #[must_use]
    pub fn gemini_url(&self) -> String {
        format!("{}/v1beta", self.server.url())
    }
}

fn answer(_: usize, turn: &Value) -> Answer {
    let count = |name: &str, default: u64| turn["usage"][name].as_u64().unwrap_or(default);
    let words = turn["text"].as_str().unwrap_or("");
    let mut parts: Vec<Value> = words
        .split_inclusive(' ')
        .map(|word| json!({"text": word}))
        .collect();
    for call in turn["calls"].as_array().into_iter().flatten() {
        parts.push(json!({"functionCall": {"name": call["name"], "args": call["arguments"]}}));
    }
    let usage = json!({"promptTokenCount": count("input", 100), "cachedContentTokenCount": count("cached", 0),
        "candidatesTokenCount": count("output", 10)});
    let mut chunks: Vec<Value> = parts
        .iter()
        .map(|part| json!({"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}]}))
        .collect();
    chunks.push(json!({"candidates": [{"content": {"role": "model", "parts": []}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": usage}));
    Answer::sse_pieces(
        chunks
            .iter()
            .map(|chunk| format!("data: {chunk}\r\n\r\n").into_bytes()),
    )
}
