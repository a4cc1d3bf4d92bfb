//! Tools whose schemas lack words, on the wire of each dialect, to a server that is as strict as the makers' own.

use llm::{Message, Request, Role, ToolSpec};
use serde_json::{Value, json};
use testkit::http::{Answer, Server};
use tokio_util::sync::CancellationToken;

use crate::ask::{models, request};

/// What OpenAI says of a schema; the words of the others differ, the rule is the same.
fn refused(schema: &Value, at_root: bool) -> Option<&'static str> {
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    if at_root && kinds != ["object"] {
        return Some("schema must be a JSON Schema of 'type: \"object\"'");
    }
    if at_root
        && ["anyOf", "oneOf", "allOf", "enum", "not"]
            .iter()
            .any(|word| schema.get(*word).is_some())
    {
        return Some("schema must not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level");
    }
    if kinds.contains(&"object") && !schema["properties"].is_object() {
        return Some("object schema missing properties");
    }
    if kinds.contains(&"array")
        && schema.get("items").is_none()
        && schema.get("prefixItems").is_none()
    {
        return Some("array schema missing items");
    }
    let maps = ["properties", "$defs", "definitions"]
        .into_iter()
        .filter_map(|word| schema[word].as_object());
    let lists = ["anyOf", "oneOf", "allOf", "prefixItems"]
        .into_iter()
        .filter_map(|word| schema[word].as_array());
    let single = ["items", "additionalProperties"]
        .into_iter()
        .filter_map(|word| schema.get(word));
    let inner = maps
        .flat_map(|map| map.values())
        .chain(lists.flatten())
        .chain(single);
    inner
        .filter(|inner| inner.is_object())
        .find_map(|inner| refused(inner, false))
}

/// The schemas of the tools, wherever the dialect has them.
fn sent(body: &Value) -> Vec<Value> {
    let declared = body["tools"][0]["functionDeclarations"].as_array();
    let tools = declared.or_else(|| body["tools"].as_array());
    let schema = |tool: &Value| {
        let tool = tool.get("function").unwrap_or(tool);
        let words = ["parameters", "input_schema", "parametersJsonSchema"];
        words
            .iter()
            .find_map(|word| tool.get(*word))
            .cloned()
            .unwrap_or_default()
    };
    tools.into_iter().flatten().map(schema).collect()
}

fn asked() -> Request {
    let tool = |(at, schema): (usize, Value)| ToolSpec {
        name: format!("tool_{at}"),
        description: String::new(),
        schema,
    };
    let schemas = [
        json!({"type": "object", "additionalProperties": false}),
        json!({"additionalProperties": false}),
        json!({}),
        json!({"type": "object", "properties": {
            "any": {"type": "object"}, "list": {"type": "array"}, "maybe": {"type": ["array", "null"]},
            "deep": {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "array"}}},
            "step": {"anyOf": [{"$ref": "#/$defs/Step"}, {"type": "object"}, {"type": "null"}]}},
            "$defs": {"Step": {"type": "object"}}}),
    ];
    Request {
        messages: vec![Message::User {
            text: "Look".into(),
        }],
        tools: schemas.into_iter().enumerate().map(tool).collect(),
        ..request("Look")
    }
}

#[tokio::test]
async fn a_strict_server_takes_every_tool() {
    let chat =
        "data: {\"choices\":[{\"delta\":{\"content\":\"Done.\"},\"finish_reason\":\"stop\"}]}\n\n";
    for (kind, stream) in [
        ("openai", chat),
        ("openai_compatible", chat),
        ("openrouter", chat),
        (
            "openai_responses",
            "data: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"Done.\"}\n\n\
             data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}\n\n",
        ),
        (
            "anthropic",
            "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"Done.\"}}\n\n\
             data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n",
        ),
        (
            "gemini",
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Done.\"}]},\"finishReason\":\"STOP\"}]}\n\n",
        ),
        (
            "ollama",
            "{\"message\":{\"content\":\"Done.\"},\"done\":true}\n",
        ),
    ] {
        let server = Server::with(move |_, request| {
            let schemas = sent(&request.json());
            assert_eq!(schemas.len(), 4, "{kind}");
            match schemas.iter().find_map(|schema| refused(schema, true)) {
                Some(why) => {
                    let message =
                        format!("Invalid schema for function 'tool': In context=(), {why}.");
                    Answer::json(
                        400,
                        &json!({"error": {"message": message, "code": "invalid_function_parameters"}}),
                    )
                }
                None => Answer::sse(stream),
            }
        });
        let reply = models(kind, &server.url())
            .complete(
                Role::Coder,
                None,
                &asked(),
                &CancellationToken::new(),
                &mut |_| {},
            )
            .await;
        assert_eq!(
            reply.map(|reply| reply.text).as_deref(),
            Ok("Done."),
            "{kind}"
        );
    }
}
