//! M3: servers that quote the key, wherever a dialect lets them.

use llm::{Chunk, Role};
use serde_json::{Value, json};
use testkit::http::{Answer, Server};
use tokio_util::sync::CancellationToken;

use crate::ask::{KEY, models, request};

fn events(events: &[Value]) -> String {
    events
        .iter()
        .map(|event| format!("data: {event}\n\n"))
        .collect()
}

/// What the server says in each dialect, with the key in two pieces of text, in reasoning, and in a call.
fn told(kind: &str) -> String {
    let (before, behind) = KEY.split_at(7);
    let arguments = json!({"path": KEY});
    let text = arguments.to_string();
    match kind {
        "openai_responses" => events(&[
            json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": KEY}),
            json!({"type": "response.output_text.delta", "output_index": 1, "delta": before}),
            json!({"type": "response.output_text.delta", "output_index": 1, "delta": behind}),
            json!({"type": "response.output_item.done", "output_index": 2,
                "item": {"type": "function_call", "call_id": KEY, "name": KEY, "arguments": text}}),
            json!({"type": "response.output_item.done", "output_index": 3,
                "item": {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": KEY}}),
            json!({"type": "response.completed", "response": {"status": "completed"}}),
        ]),
        "anthropic" => events(&[
            json!({"type": "content_block_start", "index": 0,
                "content_block": {"type": "thinking", "thinking": KEY, "signature": "s"}}),
            json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": before}}),
            json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": behind}}),
            json!({"type": "content_block_start", "index": 2,
                "content_block": {"type": "tool_use", "id": KEY, "name": KEY, "input": arguments}}),
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}}),
            json!({"type": "message_stop"}),
        ]),
        "gemini" => events(&[
            json!({"candidates": [{"content": {"parts": [{"text": KEY, "thought": true}, {"text": before}]}}]}),
            json!({"candidates": [{"content": {"parts": [{"text": behind},
                {"functionCall": {"id": KEY, "name": KEY, "args": arguments}, "thoughtSignature": KEY}]}, "finishReason": "STOP"}]}),
        ]),
        "ollama" => format!(
            "{}\n{}\n",
            json!({"message": {"thinking": KEY, "content": before}, "done": false}),
            json!({"message": {"content": behind, "tool_calls": [{"id": KEY, "function": {"name": KEY, "arguments": arguments}}]},
                "done": true})
        ),
        _ => events(&[
            json!({"choices": [{"delta": {"reasoning_content": KEY, "content": before}}]}),
            json!({"choices": [{"delta": {"content": behind, "tool_calls": [
                {"index": 0, "id": KEY, "function": {"name": KEY, "arguments": text}}]}, "finish_reason": "tool_calls"}]}),
        ]),
    }
}

async fn all(kind: &str, body: &str) -> String {
    let server = Server::start(vec![Answer::sse(body)]);
    let mut heard = String::new();
    let mut shown = String::new();
    let mut hear = |chunk: Chunk<'_>| {
        heard.push_str(&format!("{chunk:?}\n"));
        if let Chunk::Text(text) = chunk {
            shown.push_str(text);
        }
    };
    let reply = models(kind, &server.url())
        .complete(
            Role::Coder,
            None,
            &request("Hello"),
            &CancellationToken::new(),
            &mut hear,
        )
        .await;
    if let Ok(reply) = &reply {
        assert_eq!(
            (reply.text.as_str(), shown.as_str()),
            ("[redacted]", "[redacted]"),
            "{kind}"
        );
        assert_eq!(
            reply.calls[0].arguments, r#"{"path":"[redacted]"}"#,
            "{kind}"
        );
    }
    format!("{heard}{shown}\n{reply:?}")
}

#[tokio::test]
async fn m3_no_reply_holds_the_key() {
    for kind in [
        "openai",
        "openai_responses",
        "anthropic",
        "gemini",
        "ollama",
    ] {
        let said = all(kind, &told(kind)).await;
        assert!(said.contains("\nOk(Reply"), "{kind}: {said}");
        assert!(!said.contains("canary"), "{kind}: {said}");
    }
}

#[tokio::test]
async fn m3_no_refusal_quotes_the_key() {
    let long = format!("{}{KEY}", "x".repeat(255));
    for message in [KEY, long.as_str()] {
        for (kind, event) in [
            (
                "gemini",
                json!({"promptFeedback": {"blockReason": "OTHER", "blockReasonMessage": message}}),
            ),
            (
                "gemini",
                json!({"candidates": [{"finishReason": "SAFETY", "finishMessage": message}]}),
            ),
            (
                "gemini",
                json!({"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": message}]}),
            ),
            (
                "anthropic",
                json!({"type": "message_delta", "delta": {"stop_reason": "refusal",
                "stop_details": {"explanation": message}}}),
            ),
            (
                "openai",
                json!({"choices": [{"delta": {}, "finish_reason": "error", "native_finish_reason": message}]}),
            ),
        ] {
            let said = all(kind, &events(std::slice::from_ref(&event))).await;
            assert!(said.contains("Err("), "{kind}: {said}");
            assert!(
                !said.contains("canary") && !said.contains("sk-c"),
                "{event}: {said}"
            );
        }
    }
}
