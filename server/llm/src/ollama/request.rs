//! The body of a chat request of Ollama.
//!
//! Invariant: what stays the same comes first and the messages next. The context is never left to the server's default where the
//! conversation would not fit into it.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    Effort, Message, ProviderRequest,
    calls::{Ids, arguments_object, wire_name},
    openai::{decimal, function},
    quirks::{Known, Quirk},
    reply::{tokens, usage},
};

/// The smallest default of the server, in tokens.
const SMALLEST: u64 = 4096;

/// Room for an answer without a limit, in tokens.
const ANSWER: u64 = 2048;

#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    messages: Vec<Value>,
    stream: bool,
    /// With `shift`: an error instead of a cut where the conversation is too long.
    truncate: bool,
    shift: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    think: Option<Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    options: Map<String, Value>,
}

pub(super) fn body<'a>(request: &ProviderRequest<'a>, known: &Known) -> Body<'a> {
    let mut messages = Vec::new();
    let ids = Ids::of(request);
    if !request.system.is_empty() {
        messages.push(json!({"role": "system", "content": request.system}));
    }
    messages.extend(
        request
            .messages
            .iter()
            .map(|message| turn(request, message, &ids)),
    );
    let mut options = Map::new();
    if let Some(context) = context(request) {
        options.insert("num_ctx".into(), context.into());
    }
    if let Some(limit) = request.max_tokens {
        options.insert("num_predict".into(), limit.into());
    }
    if let Some(temperature) = request.temperature {
        options.insert("temperature".into(), decimal(temperature));
    }
    Body {
        model: request.model,
        tools: request
            .tools
            .iter()
            .map(|tool| json!({"type": "function", "function": function(tool)}))
            .collect(),
        messages,
        stream: true,
        truncate: false,
        shift: false,
        // With a format the model could call no tool.
        format: request
            .answer_schema
            .filter(|_| request.tools.is_empty() && !known.has(Quirk::NoSchema)),
        // Some models take a level, the others yes or no.
        think: known.effort(request).map(|effort| match effort {
            Effort::None => false.into(),
            _ if known.has(Quirk::OldEffort) => true.into(),
            effort => effort.as_str().into(),
        }),
        options,
    }
}

/// The configured context; else one that holds the conversation, in powers of two, since each change loads the model anew.
fn context(request: &ProviderRequest<'_>) -> Option<u64> {
    request.context_tokens.or_else(|| {
        let sent = usage(request, (None, None, Some(0)), 0).input;
        let answer = request.max_tokens.map_or(ANSWER, u64::from).min(8 * ANSWER);
        // A quarter more, as the estimate may be low.
        let needed = sent + sent / 4 + tokens(256) + answer;
        (needed > SMALLEST).then(|| needed.next_power_of_two())
    })
}

fn turn(request: &ProviderRequest<'_>, message: &Message, ids: &Ids<'_>) -> Value {
    match message {
        Message::User { text } => json!({"role": "user", "content": text}),
        Message::Tool {
            id, name, output, ..
        } => {
            json!({"role": "tool", "tool_name": wire_name(name), "tool_call_id": ids.wire(id), "content": output})
        }
        Message::Assistant { text, calls, carry } => {
            let mut turn = json!({"role": "assistant", "content": text});
            if let Some(thinking) = request
                .carried(carry.as_ref())
                .and_then(|carry| carry.get("thinking"))
            {
                turn["thinking"] = thinking.clone();
            }
            if !calls.is_empty() {
                let calls = calls.iter().enumerate().map(|(index, call)| {
                    json!({"id": ids.wire(&call.id), "function": {"index": index, "name": wire_name(&call.name),
                        "arguments": arguments_object(call)}})
                });
                turn["tool_calls"] = calls.collect();
            }
            turn
        }
    }
}
