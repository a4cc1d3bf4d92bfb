//! The body of a `generateContent` request.
//!
//! Invariant: what stays the same comes first and the contents next. The results of one turn's calls are one content, since the
//! server counts them.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::schema::{json_schema, old_schema};
use crate::{
    Call, Effort, Message, ProviderRequest, ToolSpec,
    calls::{Ids, arguments_object, wire_name},
    layout::{Part, parts},
    openai::{FOREIGN, decimal},
    quirks::{Known, Quirk},
    tool_schema::of_arguments,
};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Value>,
    contents: Vec<Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    generation_config: Map<String, Value>,
}

pub(super) fn body(request: &ProviderRequest<'_>, known: &Known) -> Body {
    let tools: Value = request
        .tools
        .iter()
        .map(|tool| function(tool, known))
        .collect();
    Body {
        system_instruction: (!request.system.is_empty())
            .then(|| json!({"parts": [{"text": request.system}]})),
        tools: (!request.tools.is_empty()).then(|| json!([{"functionDeclarations": tools}])),
        contents: contents(request, known),
        generation_config: config(request, known),
    }
}

fn function(tool: &ToolSpec, known: &Known) -> Value {
    let mut function = json!({"name": wire_name(&tool.name), "description": tool.description});
    if known.has(Quirk::OldSchemas) {
        let schema = old_schema(&of_arguments(&tool.schema));
        if schema.get("properties").is_some() {
            function["parameters"] = schema;
        }
    } else {
        function["parametersJsonSchema"] = json_schema(&of_arguments(&tool.schema));
    }
    function
}

fn config(request: &ProviderRequest<'_>, known: &Known) -> Map<String, Value> {
    let mut config = Map::new();
    if let Some(limit) = request.max_tokens {
        config.insert("maxOutputTokens".into(), limit.into());
    }
    if let Some(temperature) = request
        .temperature
        .filter(|_| !known.has(Quirk::NoTemperature))
    {
        config.insert("temperature".into(), decimal(temperature));
    }
    let thinking = thinking(request, known);
    if !thinking.is_empty() {
        config.insert("thinkingConfig".into(), thinking.into());
    }
    // Older models refuse a schema beside tools.
    let schema = request
        .answer_schema
        .filter(|_| request.tools.is_empty() && !known.has(Quirk::NoSchema));
    if let Some(schema) = schema {
        config.insert("responseMimeType".into(), "application/json".into());
        match known.has(Quirk::OldSchemas) {
            true => config.insert("responseSchema".into(), old_schema(schema)),
            false => config.insert("responseJsonSchema".into(), json_schema(schema)),
        };
    }
    config
}

fn thinking(request: &ProviderRequest<'_>, known: &Known) -> Map<String, Value> {
    let mut thinking = Map::new();
    let effort = known.effort(request);
    // Without thoughts none can be shown, and asking for them is refused.
    if !known.has(Quirk::NoSummary) && effort != Some(Effort::None) {
        thinking.insert("includeThoughts".into(), true.into());
    }
    match effort {
        None => {}
        // Models before the third generation take a number only.
        Some(effort) if known.has(Quirk::OldEffort) => {
            thinking.insert("thinkingBudget".into(), effort.tokens().into());
        }
        Some(Effort::None) => drop(thinking.insert("thinkingLevel".into(), "minimal".into())),
        Some(effort) => drop(thinking.insert("thinkingLevel".into(), effort.as_str().into())),
    }
    thinking
}

fn contents(request: &ProviderRequest<'_>, known: &Known) -> Vec<Value> {
    let mut contents: Vec<Value> = Vec::new();
    let mut after_result = false;
    let ids = Ids::of(request);
    for message in request.messages {
        let (role, parts) = match message {
            Message::User { text } if text.is_empty() => continue,
            Message::User { text } => ("user", vec![json!({"text": text})]),
            Message::Tool {
                id,
                name,
                output,
                failed,
            } => {
                let part = result(&ids.wire(id), name, output, *failed, known);
                let last = contents.last_mut().filter(|_| after_result);
                if let Some(parts) = last.and_then(|last| last["parts"].as_array_mut()) {
                    parts.push(part);
                    continue;
                }
                ("user", vec![part])
            }
            Message::Assistant { text, calls, carry } => {
                let parts = parts(request.carried(carry.as_ref()), text, calls);
                ("model", own(parts, known, &ids))
            }
        };
        after_result = matches!(message, Message::Tool { .. });
        if !parts.is_empty() {
            contents.push(json!({"role": role, "parts": parts}));
        }
    }
    contents
}

fn result(id: &str, name: &str, output: &str, failed: bool, known: &Known) -> Value {
    let key = if failed { "error" } else { "output" };
    let mut result = json!({"name": wire_name(name), "response": {key: output}});
    if !known.has(Quirk::NoIds) {
        result["id"] = id.into();
    }
    json!({"functionResponse": result})
}

/// An earlier reply. Signatures go back with the very parts that they came with.
fn own(parts: Vec<Part<'_>>, known: &Known, ids: &Ids<'_>) -> Vec<Value> {
    let mut foreign = known.has(Quirk::Signatures);
    let part = |part| {
        let (mut value, seal) = match part {
            Part::Sealed(part) => return part.clone(),
            Part::Text(text, seal) => (json!({"text": text}), seal),
            Part::Call(call, seal) => {
                let mut value = json!({"functionCall": call_of(call, known, ids)});
                // Only the first of parallel calls has a signature.
                if std::mem::take(&mut foreign) && seal.is_none() {
                    value["thoughtSignature"] = FOREIGN.into();
                }
                (value, seal)
            }
        };
        if let Some(seal) = seal {
            value["thoughtSignature"] = seal.clone();
        }
        value
    };
    parts.into_iter().map(part).collect()
}

fn call_of(call: &Call, known: &Known, ids: &Ids<'_>) -> Value {
    let mut value = json!({"name": wire_name(&call.name), "args": arguments_object(call)});
    if !known.has(Quirk::NoIds) {
        value["id"] = ids.wire(&call.id).into();
    }
    value
}
