//! The body of a chat completions request.
//!
//! Invariant: what stays the same over a conversation comes first and the messages come next, so the bytes of a longer
//! conversation begin with those of a shorter one, and servers that cache prefixes find them.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;
use serde_json::{Value, json};

use super::sides::alternating;
use crate::{
    Call, Effort, Kind, Message, ProviderRequest, ToolSpec,
    calls::{Ids, arguments_text, short_id, wire_name},
    quirks::{Known, Quirk},
    tool_schema::{full, of_arguments},
};

/// What Gemini takes in place of a signature for a call that it did not make itself.
pub(crate) const FOREIGN: &str = "skip_thought_signature_validator";

#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    messages: Vec<Value>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    /// OpenRouter's form of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<String>,
    /// OpenRouter's word for a mark behind the newest block, which only models of Anthropic need.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<Value>,
}

/// `makers_own`: the original server, which refuses `max_tokens` for its newer models; the others know only that name.
pub(super) fn body<'a>(
    request: &ProviderRequest<'a>,
    kind: Kind,
    makers_own: bool,
    known: &Known,
) -> Body<'a> {
    let own = makers_own && kind == Kind::OpenAi;
    let mut messages = Vec::new();
    if !request.system.is_empty() {
        messages.push(json!({"role": "system", "content": request.system}));
    }
    let said = request.messages.iter();
    let ids = Ids::of(request);
    messages.extend(said.map(|message| turn(request, message, known, &ids)));
    if known.has(Quirk::Alternating) {
        messages = alternating(messages);
    }
    let most = known.limit().unwrap_or(u32::MAX);
    let limit = request.max_tokens.map(|limit| limit.min(most));
    let new_limit = own || known.has(Quirk::CompletionLimit);
    // The other makers' servers make parallel calls by themselves; these do only where asked.
    let parallel = kind == Kind::OpenAiCompatible && !request.tools.is_empty();
    let effort = known.effort(request).map(Effort::as_str);
    let schema = request
        .answer_schema
        .filter(|_| !known.has(Quirk::NoSchema));
    Body {
        model: request.model,
        tools: request
            .tools
            .iter()
            .map(|tool| json!({"type": "function", "function": function(tool)}))
            .collect(),
        messages,
        stream: true,
        stream_options: (!known.has(Quirk::NoStreamOptions)).then(|| json!({"include_usage": true})),
        max_tokens: limit.filter(|_| !new_limit),
        max_completion_tokens: limit.filter(|_| new_limit),
        temperature: request
            .temperature
            .filter(|_| !known.has(Quirk::NoTemperature))
            .map(decimal),
        parallel_tool_calls: (parallel && !known.has(Quirk::NoParallel)).then_some(true),
        response_format: schema.map(|schema| {
            json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": full(schema)}})
        }),
        reasoning_effort: effort.filter(|_| kind != Kind::OpenRouter),
        reasoning: effort
            .filter(|_| kind == Kind::OpenRouter)
            .map(|effort| json!({"effort": effort})),
        prompt_cache_key: (own && !known.has(Quirk::NoCacheKey)).then(|| cache_key(request)),
        cache_control: (kind == Kind::OpenRouter && is_anthropic(request.model))
            .then(|| json!({"type": "ephemeral"})),
    }
}

/// OpenRouter's name of a model, or of the newest of its line, as in `~anthropic/claude-sonnet-latest`.
fn is_anthropic(model: &str) -> bool {
    let name = model.strip_prefix('~').unwrap_or(model);
    name.starts_with("anthropic/")
}

/// A tool in the form that several dialects share.
pub(crate) fn function(tool: &ToolSpec) -> Value {
    json!({"name": wire_name(&tool.name), "description": tool.description, "parameters": of_arguments(&tool.schema)})
}

/// The same for every turn of a conversation, so that its requests meet one cache.
pub(crate) fn cache_key(request: &ProviderRequest<'_>) -> String {
    let mut hasher = DefaultHasher::new();
    request.system.hash(&mut hasher);
    request
        .messages
        .first()
        .map(Message::text)
        .hash(&mut hasher);
    format!("animus-{:016x}", hasher.finish())
}

/// 0.2f32 as 0.2, not as 0.20000000298.
pub(crate) fn decimal(number: f32) -> Value {
    number.to_string().parse::<f64>().unwrap_or_default().into()
}

fn turn(request: &ProviderRequest<'_>, message: &Message, known: &Known, ids: &Ids<'_>) -> Value {
    match message {
        Message::User { text } => json!({"role": "user", "content": text}),
        Message::Tool { id, output, .. } => {
            json!({"role": "tool", "tool_call_id": id_of(id, known, ids), "content": output})
        }
        Message::Assistant { text, calls, carry } => {
            let carry = request.carried(carry.as_ref());
            let mut turn = json!({"role": "assistant", "content": text});
            if text.is_empty() && !calls.is_empty() {
                turn["content"] = Value::Null;
            }
            if !calls.is_empty() {
                let foreign = known.has(Quirk::Signatures).then(foreign_signature);
                let calls = calls.iter().enumerate();
                turn["tool_calls"] = calls
                    .map(|(number, call)| {
                        let extra = carry.and_then(|all| all["extra"].get(number.to_string()));
                        // Only the first of parallel calls has a signature.
                        let extra = extra.or(foreign.as_ref().filter(|_| number == 0));
                        called(call, extra, &id_of(&call.id, known, ids))
                    })
                    .collect();
            }
            let wanted = known.has(Quirk::ThoughtsBack);
            let refused = known.has(Quirk::NoThoughtsBack);
            let given = |key: &str| carry.and_then(|carry| carry.get(key)).filter(|_| !refused);
            if let Some(details) = given("reasoning_details") {
                turn["reasoning_details"] = details.clone();
            }
            // Servers that think between calls want their thoughts back, by the name that they gave them; behind a last answer
            // few do.
            let thoughts =
                ["reasoning_content", "reasoning"].map(|key| given(key).map(|it| (key, it)));
            let back = thoughts.into_iter().flatten().next();
            match back.filter(|_| wanted || !calls.is_empty()) {
                Some((_, thoughts)) if wanted => turn["reasoning_content"] = thoughts.clone(),
                Some((key, thoughts)) => turn[key] = thoughts.clone(),
                None if wanted => turn["reasoning_content"] = "".into(),
                None => {}
            }
            turn
        }
    }
}

/// Beside a call that a model of Gemini did not make itself, behind an address that speaks chat completions.
fn foreign_signature() -> Value {
    json!({"google": {"thought_signature": FOREIGN}})
}

fn id_of(id: &str, known: &Known, ids: &Ids<'_>) -> String {
    match known.has(Quirk::ShortIds) {
        true => short_id(id),
        false => ids.wire(id),
    }
}

fn called(call: &Call, extra: Option<&Value>, id: &str) -> Value {
    let mut called = json!({"id": id, "type": "function", "function": {
        "name": wire_name(&call.name), "arguments": arguments_text(call)}});
    if let Some(extra) = extra {
        called["extra_content"] = extra.clone();
    }
    called
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Infill, Role, ToolCalling};

    #[test]
    fn only_the_makers_own_server_hears_its_newest_words() {
        let request = |model| ProviderRequest {
            role: Role::Coder,
            label: "p/m",
            model,
            temperature: None,
            max_tokens: Some(9),
            system: "",
            messages: &[],
            tools: &[],
            answer_schema: None,
            context_tokens: None,
            reasoning: None,
            tool_calling: ToolCalling::Auto,
            gap: None,
            infill: Infill::Auto,
        };
        let sent = |model, kind, own| {
            let body = body(&request(model), kind, own, &Known::default());
            serde_json::to_string(&body).unwrap()
        };
        let own = sent("m", Kind::OpenAi, true);
        assert!(
            own.contains("\"max_completion_tokens\":9,\"prompt_cache_key\":\"animus-"),
            "{own}"
        );
        let other = sent("anthropic/m", Kind::OpenRouter, true);
        assert!(
            other.contains("\"max_tokens\":9") && !other.contains("prompt_cache_key"),
            "{other}"
        );
        assert!(
            other.ends_with(",\"cache_control\":{\"type\":\"ephemeral\"}}"),
            "{other}"
        );
        let newest = sent("~anthropic/m-latest", Kind::OpenRouter, true);
        assert!(newest.contains("cache_control"), "{newest}");
        assert!(!sent("google/m", Kind::OpenRouter, true).contains("cache_control"));
    }
}
