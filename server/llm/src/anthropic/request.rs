//! The body of a messages request.
//!
//! Invariant: turns alternate, no text block is empty and the last does not end in space, since the server refuses that. What the
//! model wrote goes back letter for letter, since its thoughts hold for these letters alone. What stays the same comes first and
//! the turns next. At most four cache marks, all that the server takes: behind the tools, behind the system prompt, and behind
//! the newest two turns of the user, so that what the turn before wrote to the cache is found again.

use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};

use crate::{
    Call, Effort, Kind, Message, ProviderRequest,
    calls::{Ids, arguments_object, wire_name},
    layout::{Part, parts},
    openai::decimal,
    quirks::{Known, Quirk},
    tool_schema::of_arguments,
};

#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<Value>,
    messages: Vec<Turn>,
    max_tokens: u32,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    output_config: Map<String, Value>,
}

#[derive(Debug, Serialize)]
struct Turn {
    content: Vec<Block>,
    role: &'static str,
}

/// A part of a turn.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Block {
    Plain(Value),
    /// A call, whose input keeps the order of its keys.
    Call {
        id: String,
        input: Box<RawValue>,
        name: String,
        r#type: &'static str,
    },
}

pub(super) fn body<'a>(request: &ProviderRequest<'a>, known: &Known) -> Body<'a> {
    let system = json!([{"type": "text", "text": request.system, "cache_control": mark()}]);
    let tools = request.tools.iter().map(|tool| {
        json!({"name": wire_name(&tool.name), "description": tool.description, "input_schema": of_arguments(&tool.schema)})
    });
    let mut tools: Vec<Value> = tools.collect();
    if let Some(tool) = tools.last_mut() {
        tool["cache_control"] = mark();
    }
    let limit = request.max_tokens.or(Kind::Anthropic.wanted_limit());
    let limit = limit.unwrap_or(u32::MAX);
    let schema = request
        .answer_schema
        .filter(|_| !known.has(Quirk::NoSchema));
    let messages = turns(request);
    let max_tokens = known.limit().map_or(limit, |most| limit.min(most));
    let thinking = thinking(known.effort(request), known, max_tokens, &messages);
    let thinks = thinking.as_ref().is_some_and(|it| it["type"] != "disabled");
    let mut output_config = Map::new();
    if let Some(effort) = known
        .effort(request)
        .filter(|effort| *effort != Effort::None && !known.has(Quirk::OldEffort))
    {
        output_config.insert("effort".into(), effort.as_str().into());
    }
    if let Some(schema) = schema {
        let format = json!({"type": "json_schema", "schema": closed(schema)});
        output_config.insert("format".into(), format);
    }
    Body {
        model: request.model,
        tools,
        system: (!request.system.trim().is_empty()).then_some(system),
        messages,
        max_tokens,
        stream: true,
        thinking,
        // A model that thinks takes no other temperature than its own.
        temperature: request
            .temperature
            .filter(|_| !thinks && !known.has(Quirk::NoTemperature))
            .map(decimal),
        output_config,
    }
}

/// Newer models decide by themselves how much they think, within the effort; older ones want a number of tokens below the limit.
fn thinking(effort: Option<Effort>, known: &Known, limit: u32, turns: &[Turn]) -> Option<Value> {
    match effort? {
        Effort::None => Some(json!({"type": "disabled"})),
        _ if !known.has(Quirk::OldEffort) => Some(json!({"type": "adaptive"})),
        effort => {
            let tokens = effort.tokens().min(limit / 4 * 3);
            let fits = tokens >= Effort::Low.tokens() && !is_in_foreign_turn(turns);
            fits.then(|| json!({"type": "enabled", "budget_tokens": tokens}))
        }
    }
}

/// Whether the model is in the middle of calls that begin without a thought, since another model made the first of them: then the
/// server refuses a number of tokens.
fn is_in_foreign_turn(turns: &[Turn]) -> bool {
    let is_result =
        |block: &Block| matches!(block, Block::Plain(block) if block["type"] == "tool_result");
    let spoken = |turn: &Turn| turn.role == "user" && !turn.content.iter().all(is_result);
    let from = turns.iter().rposition(spoken).map_or(0, |at| at + 1);
    let first = turns[from..].iter().find(|turn| turn.role == "assistant");
    first.is_some_and(|first| !first.content.first().is_some_and(is_thought))
}

fn mark() -> Value {
    json!({"type": "ephemeral"})
}

/// Messages of one side in a row become one turn.
fn turns(request: &ProviderRequest<'_>) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    let ids = Ids::of(request);
    for message in request.messages {
        let (role, content) = blocks(request, message, &ids);
        match turns.last_mut() {
            Some(last) if last.role == role => last.content.extend(content),
            _ if content.is_empty() => {}
            _ => turns.push(Turn { content, role }),
        }
    }
    // Words that the server is to go on with may not end in space.
    if let Some(last) = turns.last_mut().filter(|last| last.role == "assistant")
        && let Some(Block::Plain(block)) = last.content.last_mut()
        && let Some(text) = block["text"].as_str().map(str::trim_end)
    {
        *block = json!({"type": "text", "text": text});
    }
    let users = turns.iter_mut().rev().filter(|turn| turn.role == "user");
    for block in users.take(2).filter_map(|turn| turn.content.last_mut()) {
        if let Block::Plain(block) = block {
            block["cache_control"] = mark();
        }
    }
    turns
}

fn blocks(
    request: &ProviderRequest<'_>,
    message: &Message,
    ids: &Ids<'_>,
) -> (&'static str, Vec<Block>) {
    match message {
        Message::User { text } => ("user", text_block(text).into_iter().collect()),
        Message::Assistant { text, calls, carry } => {
            let block = |part| match part {
                Part::Sealed(thought) => Some(Block::Plain(thought.clone())),
                Part::Text(text, _) => text_block(text),
                Part::Call(call, _) => Some(Block::Call {
                    id: ids.wire(&call.id),
                    input: input(call),
                    name: wire_name(&call.name),
                    r#type: "tool_use",
                }),
            };
            let parts = parts(request.carried(carry.as_ref()), text, calls);
            let mut blocks: Vec<Block> = parts.into_iter().filter_map(block).collect();
            // A thought at the end, where the answer was cut, is refused.
            while blocks.last().is_some_and(is_thought) {
                blocks.pop();
            }
            ("assistant", blocks)
        }
        Message::Tool {
            id, output, failed, ..
        } => {
            let mut result =
                json!({"type": "tool_result", "tool_use_id": ids.wire(id), "content": output});
            if *failed {
                result["is_error"] = true.into();
            }
            ("user", vec![Block::Plain(result)])
        }
    }
}

fn is_thought(block: &Block) -> bool {
    matches!(block, Block::Plain(block) if block["type"] == "thinking" || block["type"] == "redacted_thinking")
}

/// The arguments as the model wrote them, where they are an object.
fn input(call: &Call) -> Box<RawValue> {
    let written = serde_json::from_str::<Map<String, Value>>(&call.arguments)
        .and_then(|_| RawValue::from_string(call.arguments.trim().to_owned()));
    written
        .or_else(|_| serde_json::value::to_raw_value(&arguments_object(call)))
        .unwrap_or_else(|_| RawValue::NULL.to_owned())
}

fn text_block(text: &str) -> Option<Block> {
    (!text.trim().is_empty()).then(|| Block::Plain(json!({"type": "text", "text": text})))
}

/// The server takes schemas only whose objects say that they have no other properties.
fn closed(schema: &Value) -> Value {
    match schema {
        Value::Object(object) => {
            let mut object: serde_json::Map<_, _> = object
                .iter()
                .map(|(key, value)| (key.clone(), closed(value)))
                .collect();
            if object.get("type").is_some_and(|kind| kind == "object") {
                object.insert("additionalProperties".into(), false.into());
            }
            Value::Object(object)
        }
        Value::Array(items) => items.iter().map(closed).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Infill, Role, ToolCalling};

    fn sent(messages: &[Message]) -> String {
        let request = ProviderRequest {
            role: Role::Coder,
            label: "p/m",
            model: "m",
            temperature: None,
            max_tokens: Some(9),
            system: "",
            messages,
            tools: &[],
            answer_schema: None,
            context_tokens: None,
            reasoning: None,
            tool_calling: ToolCalling::Auto,
            gap: None,
            infill: Infill::Auto,
        };
        let body = body(&request, &Known::default());
        serde_json::to_string(&body.messages).unwrap()
    }

    #[test]
    fn what_the_model_wrote_goes_back_letter_for_letter() {
        let call = |id: &str, arguments: &str| Call {
            id: id.into(),
            name: "a.b".into(),
            arguments: arguments.into(),
        };
        let said = Message::Assistant {
            text: "I look.\n\n".into(),
            calls: vec![
                call("1", " {\"z\": 1.0, \"a\": {\"y\": 1, \"b\": 2}}"),
                call("2", "{\"z\""),
                call("3", "[1]"),
            ],
            carry: None,
        };
        let result = Message::Tool {
            id: "1".into(),
            name: "a.b".into(),
            output: "c".into(),
            failed: false,
        };
        let called = |id: u8, input: &str| {
            format!("{{\"id\":\"{id}\",\"input\":{input},\"name\":\"a_b\",\"type\":\"tool_use\"}}")
        };
        let calls = [
            called(1, "{\"z\": 1.0, \"a\": {\"y\": 1, \"b\": 2}}"),
            called(2, "{\"invalid\":\"{\\\"z\\\"\"}"),
            called(3, "{\"invalid\":\"[1]\"}"),
        ];
        let own = "[{\"content\":[{\"text\":\"I look.\\n\\n\",\"type\":\"text\"},";
        assert!(sent(&[said, result]).starts_with(&format!("{own}{}]", calls.join(","))));
        let unfinished = Message::Assistant {
            text: "And so \n".into(),
            calls: Vec::new(),
            carry: None,
        };
        assert!(sent(&[unfinished]).contains("\"And so\""));
    }
}
