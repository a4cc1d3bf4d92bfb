//! Ids of calls: the server that gave them gets them back as they were, the others as every server takes them.

use llm::{Message, Role};
use serde_json::{Value, json};
use testkit::http::{Answer, Server};
use tokio_util::sync::CancellationToken;

use crate::ask::{config, request};

/// Kimi's form, LiteLLM's with a signature inside, and one that is too long for others.
const IDS: [&str; 3] = [
    "functions.list:0",
    "call_1__thought__CiQB+/0a=",
    "tool_0_read_file_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

fn answer(kind: &str) -> String {
    let calls = |form: fn(&str) -> Value| IDS.map(form);
    let whole = match kind {
        "openai_compatible" => {
            let calls =
                calls(|id| json!({"id": id, "function": {"name": "list", "arguments": "{}"}}));
            json!({"choices": [{"message": {"tool_calls": calls}, "finish_reason": "tool_calls"}]})
        }
        "openai_responses" => {
            let calls = calls(
                |id| json!({"type": "function_call", "call_id": id, "name": "list", "arguments": "{}"}),
            );
            json!({"status": "completed", "output": calls})
        }
        "anthropic" => {
            let calls =
                calls(|id| json!({"type": "tool_use", "id": id, "name": "list", "input": {}}));
            json!({"content": calls, "stop_reason": "tool_use"})
        }
        "gemini" => {
            let calls = calls(|id| json!({"functionCall": {"id": id, "name": "list", "args": {}}}));
            json!({"candidates": [{"content": {"parts": calls}, "finishReason": "STOP"}]})
        }
        _ => {
            let calls =
                calls(|id| json!({"id": id, "function": {"name": "list", "arguments": {}}}));
            json!({"message": {"content": "", "tool_calls": calls}, "done": true})
        }
    };
    whole.to_string()
}

/// Every id in a request, those of calls and of results, in order of their keys.
fn ids(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| ids(item, found)),
        Value::Object(entries) => {
            for (key, value) in entries {
                match (key.as_str(), value) {
                    ("id" | "call_id" | "tool_call_id" | "tool_use_id", Value::String(id)) => {
                        found.push(id.clone())
                    }
                    ("tools", _) => {}
                    _ => ids(value, found),
                }
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn an_id_goes_back_as_it_came_to_who_gave_it_and_plain_to_others() {
    for kind in [
        "openai_compatible",
        "openai_responses",
        "anthropic",
        "gemini",
        "ollama",
    ] {
        let server = Server::with(move |_, _| {
            Answer::http(200, &[("content-type", "application/json")], answer(kind))
        });
        let models = config(&format!(
            "providers: {{p: {{type: {kind}, base_url: '{0}'}}, q: {{type: {kind}, base_url: '{0}'}}}}
models: {{m: {{provider: p, model: x}}, n: {{provider: q, model: x}}}}",
            server.url()
        ));
        let cancel = CancellationToken::new();
        let mut asked = request("Look");
        let reply = models
            .complete(Role::Coder, Some("m"), &asked, &cancel, &mut |_| {})
            .await
            .unwrap();
        let given: Vec<&str> = reply.calls.iter().map(|call| call.id.as_str()).collect();
        assert_eq!(given, IDS, "{kind}");
        let results: Vec<Message> = reply
            .calls
            .iter()
            .map(|call| Message::Tool {
                id: call.id.clone(),
                name: "list".into(),
                output: "text".into(),
                failed: false,
            })
            .collect();
        asked.messages.push(Message::Assistant {
            text: reply.text,
            calls: reply.calls,
            carry: reply.carry,
        });
        asked.messages.extend(results);
        // As the history keeps it.
        let kept = serde_json::to_string(&asked.messages).unwrap();
        asked.messages = serde_json::from_str(&kept).unwrap();
        for (model, own) in [("m", true), ("n", false)] {
            models
                .complete(Role::Coder, Some(model), &asked, &cancel, &mut |_| {})
                .await
                .unwrap();
            let requests = server.requests();
            let mut sent = Vec::new();
            ids(&requests[requests.len() - 1].json(), &mut sent);
            assert_eq!(sent.len(), 6, "{kind}: {sent:?}");
            assert_eq!(sent[..3], sent[3..], "{kind}: calls and results agree");
            let plain = |id: &String| {
                id.len() <= 40
                    && id
                        .chars()
                        .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
            };
            match own {
                true => assert_eq!(sent[..3], IDS, "{kind}"),
                false => assert!(sent.iter().all(plain), "{kind}: {sent:?}"),
            }
        }
    }
}
