//! `ModelServer`: a model behind a loopback port, for tests of everything above the wire.
//!
//! Invariant: the n-th request gets the n-th turn, streamed in the words of a maker, the arguments of calls split over chunks.

use serde_json::{Value, json};

use super::{Answer, Captured, Server, Step};
use std::time::Duration;

mod anthropic;
mod gemini;

/// A running model; it ends when dropped.
#[derive(Debug)]
pub struct ModelServer {
    server: Server,
}

impl ModelServer {
    /// Each turn is `{"text"?, "reasoning"?, "calls"?: [{"name", "arguments": {…} | "raw text"}], "usage"?: {"input", "output"},
    /// "status"?, "message"?}`; a turn with a `status` is answered with that HTTP error. Behind the last turn: HTTP 400.
    #[must_use]
    pub fn openai(turns: Vec<Value>) -> ModelServer {
        ModelServer::speaking(turns, answer)
    }

    /// Answers by what is asked, whoever comes first: one turn as above, of which `pause_ms` passes before its first piece.
    #[must_use]
    pub fn asked(turn: impl Fn(&Captured) -> Value + Send + Sync + 'static) -> ModelServer {
        ModelServer {
            server: Server::with(move |number, request| {
                let turn = turn(request);
                let mut answer = refusal(&turn).unwrap_or_else(|| answer(number, &turn));
                if let Some(pause) = turn["pause_ms"].as_u64() {
                    let at = answer.steps.len().min(1);
                    answer
                        .steps
                        .insert(at, Step::Pause(Duration::from_millis(pause)));
                }
                answer
            }),
        }
    }

    fn speaking(turns: Vec<Value>, dialect: fn(usize, &Value) -> Answer) -> ModelServer {
        ModelServer {
            server: Server::with(move |number, _| match turns.get(number) {
                Some(turn) => refusal(turn).unwrap_or_else(|| dialect(number, turn)),
                None => failure(400, &format!("the script has {} turns only", turns.len())),
            }),
        }
    }

    /// The base address with `/v1`, as `OPENAI_BASE_URL` would hold it.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.server.url())
    }

    /// What was asked so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Captured> {
        self.server.requests()
    }
}

fn failure(status: u16, message: &str) -> Answer {
    Answer::json(
        status,
        &json!({"error": {"message": message, "type": "scripted"}}),
    )
}

fn refusal(turn: &Value) -> Option<Answer> {
    let status = turn["status"].as_u64()?;
    let message = turn["message"].as_str().unwrap_or("scripted failure");
    Some(failure(u16::try_from(status).unwrap_or(500), message))
}

/// The arguments of a call in three pieces at most.
fn letters(call: &Value) -> Vec<String> {
    let arguments = match &call["arguments"] {
        Value::String(raw) => raw.clone(),
        Value::Null => "{}".to_owned(),
        value => value.to_string(),
    };
    let letters: Vec<char> = arguments.chars().collect();
    let pieces = letters.chunks(letters.len().div_ceil(3).max(1));
    pieces.map(|piece| piece.iter().collect()).collect()
}

fn answer(number: usize, turn: &Value) -> Answer {
    let mut deltas = vec![json!({"role": "assistant", "content": ""})];
    if let Some(text) = turn["reasoning"].as_str() {
        deltas.push(json!({"reasoning_content": text}));
    }
    for word in turn["text"].as_str().unwrap_or("").split_inclusive(' ') {
        deltas.push(json!({"content": word}));
    }
    let calls = turn["calls"].as_array().map_or(&[][..], Vec::as_slice);
    for (index, call) in calls.iter().enumerate() {
        deltas.push(json!({"tool_calls": [{"index": index, "id": format!("call_{number}_{index}"), "type": "function",
            "function": {"name": call["name"], "arguments": ""}}]}));
        for piece in letters(call) {
            deltas
                .push(json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}));
        }
    }
    let finish = if calls.is_empty() {
        "stop"
    } else {
        "tool_calls"
    };
    let mut pieces: Vec<Vec<u8>> = deltas
        .iter()
        .map(|delta| {
            event(&json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]}))
        })
        .collect();
    pieces.push(event(
        &json!({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}),
    ));
    let count = |name: &str, default: u64| turn["usage"][name].as_u64().unwrap_or(default);
    pieces.push(event(&json!({"choices": [], "usage": {
        "prompt_tokens": count("input", 100), "completion_tokens": count("output", 10),
        "prompt_tokens_details": {"cached_tokens": count("cached", 0)}}})));
    pieces.push(b"data: [DONE]\n\n".to_vec());
    Answer::sse_pieces(pieces)
}

fn event(value: &Value) -> Vec<u8> {
    let mut value = value.clone();
    value["id"] = json!("chatcmpl-scripted");
    value["object"] = json!("chat.completion.chunk");
    value["model"] = json!("scripted");
    format!("data: {value}\n\n").into_bytes()
}
