//! What Anthropic's server and its proxies refuse or do in their own way.

use llm::{Error, Message, Models, Reply, Request, Role, Stop};
use serde_json::{Value, json};
use testkit::http::{Answer, Server};
use tokio_util::sync::CancellationToken;

use crate::ask::{ask, models, request};

fn events(events: &[Value]) -> String {
    let line = |event: &Value| format!("data: {event}\n\n");
    events.iter().map(line).collect()
}

fn block(index: u64, block: Value) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": block})
}

fn end(reason: &str) -> Value {
    json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"input_tokens": 9, "output_tokens": 1}})
}

async fn answer(models: &Models, asked: &Request) -> Result<Reply, Error> {
    let cancel = CancellationToken::new();
    models
        .complete(Role::Coder, None, asked, &cancel, &mut |_| {})
        .await
}

/// The server's rule for every message of the assistant.
fn refuses(body: &Value) -> bool {
    let ends_in_thought = |message: &Value| {
        let last = message["content"]
            .as_array()
            .and_then(|blocks| blocks.last());
        message["role"] == "assistant"
            && last.is_none_or(|last| {
                last["type"]
                    .as_str()
                    .is_none_or(|kind| kind.contains("thinking"))
            })
    };
    let messages = body["messages"].as_array();
    messages.is_none_or(|messages| messages.iter().any(ends_in_thought))
}

#[tokio::test]
async fn a_thought_at_the_end_of_a_turn_stays_away() {
    let signed = json!({"type": "thinking", "thinking": "b", "signature": "s2"});
    let first = json!({"type": "thinking", "thinking": "a", "signature": "s1"});
    let text = json!({"type": "text", "text": "Look."});
    let redacted = json!({"type": "redacted_thinking", "data": "r"});
    for (blocks, left) in [
        (
            vec![first.clone(), text.clone(), signed.clone()],
            vec!["thinking", "text"],
        ),
        (vec![text.clone(), signed.clone(), redacted], vec!["text"]),
        (vec![first, signed], vec![]),
    ] {
        let told: Vec<Value> = blocks
            .into_iter()
            .enumerate()
            .map(|(at, it)| block(at as u64, it))
            .collect();
        let stream = events(&[&told[..], &[end("max_tokens")]].concat());
        let server = Server::with(move |_, request| match refuses(&request.json()) {
            true => Answer::json(
                400,
                &json!({"type": "error", "error": {"type": "invalid_request_error",
                "message": "messages.1: The final block in an assistant message cannot be `thinking`."}}),
            ),
            false => Answer::sse(&stream),
        });
        let models = models("anthropic", &server.url());
        let mut asked = request("Look");
        let reply = answer(&models, &asked).await.unwrap();
        let (text, calls, carry) = (reply.text, reply.calls, reply.carry);
        asked
            .messages
            .push(Message::Assistant { text, calls, carry });
        asked.messages.push(Message::User {
            text: "Go on".into(),
        });
        answer(&models, &asked).await.unwrap();
        let sent = server.requests()[1].json();
        let kinds: Vec<&str> = match sent["messages"][1]["role"].as_str() {
            Some("assistant") => {
                let blocks = sent["messages"][1]["content"].as_array().unwrap();
                blocks
                    .iter()
                    .filter_map(|block| block["type"].as_str())
                    .collect()
            }
            _ => vec![],
        };
        assert_eq!(kinds, left);
    }
}

#[tokio::test]
async fn an_input_that_is_told_twice_counts_once() {
    let call = |index, input| {
        block(
            index,
            json!({"type": "tool_use", "id": format!("t{index}"), "name": "list", "input": input}),
        )
    };
    let piece = |index: u64, text: &str| json!({"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta", "partial_json": text}});
    let stream = events(&[
        call(0, json!({"path": "a"})),
        piece(0, ""),
        piece(0, "{\"path\""),
        piece(0, ": \"a\"}"),
        call(1, json!({"path": "b"})),
        piece(1, ""),
        call(2, json!({})),
        piece(2, "{\"path\": \"c\"}"),
        end("tool_use"),
        json!({"type": "message_stop"}),
    ]);
    let server = Server::start(vec![Answer::sse(stream)]);
    let reply = ask(&models("anthropic", &server.url())).await.0.unwrap();
    let arguments: Vec<&str> = reply
        .calls
        .iter()
        .map(|call| call.arguments.as_str())
        .collect();
    assert_eq!(
        arguments,
        ["{\"path\": \"a\"}", "{\"path\":\"b\"}", "{\"path\": \"c\"}"]
    );
}

#[tokio::test]
async fn a_context_that_is_full_before_the_answer_is_too_small() {
    let thought = block(
        0,
        json!({"type": "thinking", "thinking": "Hm", "signature": ""}),
    );
    let text = block(1, json!({"type": "text", "text": "So"}));
    let call = block(
        1,
        json!({"type": "tool_use", "id": "t", "name": "list", "input": {}}),
    );
    let piece = json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{\"pa"}});
    let full = end("model_context_window_exceeded");
    for (told, usable) in [
        (vec![full.clone()], false),
        (vec![thought.clone(), full.clone()], false),
        (vec![thought.clone(), call, piece, full.clone()], false),
        (vec![thought, text, full], true),
    ] {
        let server = Server::start(vec![Answer::sse(events(&told))]);
        match ask(&models("anthropic", &server.url())).await.0 {
            Ok(reply) => assert!(usable && reply.stop == Stop::Length, "{told:?}"),
            Err(error) => assert!(
                !usable && error.class() == "context_overflow",
                "{told:?}: {error}"
            ),
        }
    }
    for (delta, usable) in [
        (json!({}), false),
        (json!({"reasoning": "Hm"}), false),
        (json!({"content": "So"}), true),
    ] {
        let chunk = json!({"choices": [{"delta": delta, "finish_reason": "model_length"}]});
        let server = Server::start(vec![Answer::sse(events(&[chunk]))]);
        let class = ask(&models("openai_compatible", &server.url()))
            .await
            .0
            .map_err(|error| error.class());
        assert_eq!(
            class.map(|reply| reply.stop),
            if usable {
                Ok(Stop::Length)
            } else {
                Err("context_overflow")
            }
        );
    }
}
