//! The body of a chat completions request.

use serde_json::{Value, json};

use crate::{Kind, Message, ProviderRequest, calls::wire_name};

/// `makers_own`: the original server, which refuses `max_tokens` for its newer models; the others know only that name.
pub(super) fn body(request: &ProviderRequest<'_>, kind: Kind, makers_own: bool) -> Value {
    let mut messages = Vec::new();
    if !request.system.is_empty() {
        messages.push(json!({"role": "system", "content": request.system}));
    }
    messages.extend(request.messages.iter().map(message));
    let mut body = json!({
        "model": request.model,
        "messages": messages,
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({"type": "function", "function": {
                "name": wire_name(&tool.name), "description": tool.description, "parameters": tool.schema}})
        });
        body["tools"] = tools.collect();
    }
    if let Some(limit) = request.max_tokens {
        let own = makers_own && kind == Kind::OpenAi;
        body[if own {
            "max_completion_tokens"
        } else {
            "max_tokens"
        }] = limit.into();
    }
    if let Some(temperature) = request.temperature {
        body["temperature"] = decimal(temperature);
    }
    body
}

/// 0.2f32 as 0.2, not as 0.20000000298.
pub(crate) fn decimal(number: f32) -> Value {
    number.to_string().parse::<f64>().unwrap_or_default().into()
}

fn message(message: &Message) -> Value {
    match message {
        Message::User { text } => json!({"role": "user", "content": text}),
        Message::Assistant { text, calls } if calls.is_empty() => {
            json!({"role": "assistant", "content": text})
        }
        Message::Assistant { text, calls } => {
            let content = if text.is_empty() {
                Value::Null
            } else {
                text.as_str().into()
            };
            let calls = calls.iter().map(|call| {
                json!({"id": call.id, "type": "function", "function": {
                    "name": wire_name(&call.name), "arguments": call.arguments}})
            });
            json!({"role": "assistant", "content": content, "tool_calls": calls.collect::<Value>()})
        }
        Message::Tool { id, output, .. } => {
            json!({"role": "tool", "tool_call_id": id, "content": output})
        }
    }
}
