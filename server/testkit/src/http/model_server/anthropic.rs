//! The turns of a [`ModelServer`] as an event stream of Anthropic's messages.

use serde_json::{Value, json};

use super::{Answer, ModelServer, letters};

impl ModelServer {
    /// As [`ModelServer::openai`], in the words of Anthropic; `usage` may hold `cached` and `written` as well, which are part of `input`.
    #[must_use]
    pub fn anthropic(turns: Vec<Value>) -> ModelServer {
        ModelServer::speaking(turns, answer)
    }
}

fn answer(number: usize, turn: &Value) -> Answer {
    let count = |name: &str, default: u64| turn["usage"][name].as_u64().unwrap_or(default);
    let (cached, written) = (count("cached", 0), count("written", 0));
    let fresh = count("input", 100).saturating_sub(cached + written);
    let mut events = vec![
        json!({"type": "message_start", "message": {"type": "message", "role": "assistant", "content": [],
        "usage": {"input_tokens": fresh, "cache_read_input_tokens": cached, "cache_creation_input_tokens": written, "output_tokens": 1}}}),
    ];
    let mut block = |start: Value, deltas: Vec<Value>| {
        let index = events
            .iter()
            .filter(|event| event["type"] == "content_block_start")
            .count();
        events.push(json!({"type": "content_block_start", "index": index, "content_block": start}));
        for delta in deltas {
            events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        }
        events.push(json!({"type": "content_block_stop", "index": index}));
    };
    if let Some(text) = turn["text"].as_str() {
        let deltas = text
            .split_inclusive(' ')
            .map(|word| json!({"type": "text_delta", "text": word}));
        block(json!({"type": "text", "text": ""}), deltas.collect());
    }
    let calls = turn["calls"].as_array().map_or(&[][..], Vec::as_slice);
    for (at, call) in calls.iter().enumerate() {
        let deltas = letters(call)
            .into_iter()
            .map(|piece| json!({"type": "input_json_delta", "partial_json": piece}));
        let id = format!("toolu_{number}_{at}");
        block(
            json!({"type": "tool_use", "id": id, "name": call["name"], "input": {}}),
            deltas.collect(),
        );
    }
    let stop = if calls.is_empty() {
        "end_turn"
    } else {
        "tool_use"
    };
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": count("output", 10)}}));
    events.push(json!({"type": "message_stop"}));
    let event = |event: &Value| {
        format!(
            "event: {}\ndata: {event}\n\n",
            event["type"].as_str().unwrap_or_default()
        )
    };
    Answer::sse_pieces(events.iter().map(|value| event(value).into_bytes()))
}
