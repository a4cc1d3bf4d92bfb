//! The body of a messages request.
//!
//! Invariant: turns alternate and no text block is empty, since the server refuses both; the system prompt and the newest
//! block end a cached prefix.

use serde_json::{Value, json};

use crate::{Call, Message, ProviderRequest, calls::wire_name, openai::decimal};

/// The server wants a limit in every request; each current model accepts this one.
const LIMIT: u32 = 8192;

pub(super) fn body(request: &ProviderRequest<'_>) -> Value {
    let mut body = json!({
        "model": request.model,
        "messages": turns(request.messages),
        "max_tokens": request.max_tokens.unwrap_or(LIMIT),
        "stream": true,
    });
    if !request.system.is_empty() {
        body["system"] = json!([{"type": "text", "text": request.system, "cache_control": {"type": "ephemeral"}}]);
    }
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({"name": wire_name(&tool.name), "description": tool.description, "input_schema": tool.schema})
        });
        body["tools"] = tools.collect();
    }
    if let Some(temperature) = request.temperature {
        body["temperature"] = decimal(temperature);
    }
    body
}

/// Messages of one side in a row become one turn.
fn turns(messages: &[Message]) -> Vec<Value> {
    let mut turns: Vec<(&str, Vec<Value>)> = Vec::new();
    for message in messages {
        let (side, blocks) = blocks(message);
        match turns.last_mut() {
            Some((last, known)) if *last == side => known.extend(blocks),
            _ if blocks.is_empty() => {}
            _ => turns.push((side, blocks)),
        }
    }
    if let Some(block) = turns.last_mut().and_then(|(_, blocks)| blocks.last_mut()) {
        block["cache_control"] = json!({"type": "ephemeral"});
    }
    turns
        .into_iter()
        .map(|(side, blocks)| json!({"role": side, "content": blocks}))
        .collect()
}

fn blocks(message: &Message) -> (&'static str, Vec<Value>) {
    match message {
        Message::User { text } => ("user", text_block(text).into_iter().collect()),
        Message::Assistant { text, calls } => {
            let calls = calls.iter().map(|call| {
                json!({"type": "tool_use", "id": call.id, "name": wire_name(&call.name), "input": input(call)})
            });
            // Trailing space in an assistant's text is refused as well.
            (
                "assistant",
                text_block(text.trim_end())
                    .into_iter()
                    .chain(calls)
                    .collect(),
            )
        }
        Message::Tool {
            id, output, failed, ..
        } => {
            let mut result = json!({"type": "tool_result", "tool_use_id": id, "content": output});
            if *failed {
                result["is_error"] = true.into();
            }
            ("user", vec![result])
        }
    }
}

fn text_block(text: &str) -> Option<Value> {
    (!text.trim().is_empty()).then(|| json!({"type": "text", "text": text}))
}

/// The server takes objects only, but the model may have sent anything.
fn input(call: &Call) -> Value {
    match serde_json::from_str(&call.arguments) {
        Ok(Value::Object(object)) => Value::Object(object),
        _ => json!({"invalid": call.arguments}),
    }
}
