//! The body of a responses request.
//!
//! Invariant: as for chat completions, what stays the same comes first and the conversation next.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    Message, ProviderRequest,
    calls::{Ids, arguments_text, wire_name},
    layout::{Part, parts},
    openai::{cache_key, decimal, function},
    quirks::{Known, Quirk},
    tool_schema::full,
};

#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    instructions: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    input: Vec<Value>,
    store: bool,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    include: Option<[&'static str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<String>,
}

/// `makers_own`: the original server, whose reasoning comes back encrypted and summarised.
pub(super) fn body<'a>(request: &ProviderRequest<'a>, makers_own: bool, known: &Known) -> Body<'a> {
    let own = |quirk: Quirk| makers_own && !known.has(quirk);
    let tool = |tool| {
        let mut function = function(tool);
        function["type"] = "function".into();
        // Where this is absent, the server rewrites the schema so that every argument is required.
        function["strict"] = false.into();
        function
    };
    let ids = Ids::of(request);
    let mut reasoning = Map::new();
    if let Some(effort) = known.effort(request) {
        reasoning.insert("effort".into(), effort.as_str().into());
    }
    if own(Quirk::NoSummary) {
        reasoning.insert("summary".into(), "auto".into());
    }
    let schema = request
        .answer_schema
        .filter(|_| !known.has(Quirk::NoSchema));
    Body {
        model: request.model,
        instructions: request.system,
        tools: request.tools.iter().map(tool).collect(),
        input: request
            .messages
            .iter()
            .flat_map(|message| items(request, message, &ids))
            .collect(),
        store: false,
        stream: true,
        include: own(Quirk::NoEncrypted).then_some(["reasoning.encrypted_content"]),
        reasoning: (!reasoning.is_empty()).then_some(reasoning.into()),
        max_output_tokens: request.max_tokens.map(|limit| limit.max(16)),
        temperature: request
            .temperature
            .filter(|_| !known.has(Quirk::NoTemperature))
            .map(decimal),
        text: schema.map(|schema| {
            json!({"format": {"type": "json_schema", "name": "answer", "schema": full(schema), "strict": false}})
        }),
        prompt_cache_key: own(Quirk::NoCacheKey).then(|| cache_key(request)),
    }
}

fn items(request: &ProviderRequest<'_>, message: &Message, ids: &Ids<'_>) -> Vec<Value> {
    match message {
        Message::User { text } => vec![json!({"role": "user", "content": text})],
        Message::Tool { id, output, .. } => {
            vec![json!({"type": "function_call_output", "call_id": ids.wire(id), "output": output})]
        }
        Message::Assistant { text, calls, carry } => {
            let carry = request.carried(carry.as_ref());
            let item = |part| match part {
                Part::Sealed(item) => item.clone(),
                Part::Text(text, seal) => {
                    let mut item = json!({"role": "assistant", "content": text});
                    if let Some(phase) = seal.and_then(|seal| seal.get("phase")) {
                        item["phase"] = phase.clone();
                    }
                    item
                }
                Part::Call(call, _) => {
                    json!({"type": "function_call", "call_id": ids.wire(&call.id),
                    "name": wire_name(&call.name), "arguments": arguments_text(call)})
                }
            };
            parts(carry, text, calls).into_iter().map(item).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Infill, Role, ToolCalling, ToolSpec};

    #[test]
    fn the_makers_own_server_gives_its_reasoning_and_stores_nothing() {
        let schema = json!({"type": "object"});
        let tools = [ToolSpec {
            name: "a.b".into(),
            description: "c".into(),
            schema: schema.clone(),
        }];
        let request = ProviderRequest {
            role: Role::Coder,
            label: "p/m",
            model: "m",
            temperature: Some(0.2),
            max_tokens: Some(9),
            system: "Be brief.",
            messages: &[],
            tools: &tools,
            answer_schema: Some(&schema),
            context_tokens: None,
            reasoning: None,
            tool_calling: ToolCalling::Auto,
            gap: None,
            infill: Infill::Auto,
        };
        let sent = |own| {
            let body = body(&request, own, &Known::default());
            let text = serde_json::to_string(&body).unwrap();
            text.split_once(",\"prompt_cache_key\"")
                .map_or(text.clone(), |(text, _)| text.to_owned())
        };
        let shared = "{\"model\":\"m\",\"instructions\":\"Be brief.\",\"tools\":[{\"description\":\"c\",\"name\":\"a_b\",\
            \"parameters\":{\"properties\":{},\"type\":\"object\"},\"strict\":false,\"type\":\"function\"}],\"input\":[],\"store\":false,\"stream\":true";
        let rest = ",\"max_output_tokens\":16,\"temperature\":0.2,\"text\":{\"format\":{\"name\":\"answer\",\
            \"schema\":{\"properties\":{},\"type\":\"object\"},\"strict\":false,\"type\":\"json_schema\"}}";
        assert_eq!(sent(false), format!("{shared}{rest}}}"));
        let own =
            ",\"include\":[\"reasoning.encrypted_content\"],\"reasoning\":{\"summary\":\"auto\"}";
        assert_eq!(sent(true), format!("{shared}{own}{rest}"));
    }
}
