//! Servers whose templates or rules want a conversation in another order, or more beside a call.

use llm::{Call, Error, Message, Models, Reply, Request, Role};
use serde_json::{Value, json};
use testkit::http::{Answer, Server};
use tokio_util::sync::CancellationToken;

use crate::ask::{models, request};

const CHAT: &str =
    "data: {\"choices\":[{\"delta\":{\"content\":\"Done.\"},\"finish_reason\":\"stop\"}]}\n\n";

/// What a server says to a conversation that it does not take.
type Rule = fn(&Value) -> Option<String>;

fn user(text: &str) -> Message {
    Message::User { text: text.into() }
}

/// A turn with two calls of another model, and a user behind the results.
fn conversation() -> Request {
    let call = |id: &str| Call {
        id: id.into(),
        name: "list".into(),
        arguments: "{}".into(),
    };
    let result = |id: &str| Message::Tool {
        id: id.into(),
        name: "list".into(),
        output: "main.rs".into(),
        failed: false,
    };
    let turn = Message::Assistant {
        text: String::new(),
        calls: vec![call("a"), call("b")],
        carry: None,
    };
    let mut asked = request("Look");
    asked.messages.extend([
        user("Here"),
        turn,
        result("a"),
        result("b"),
        user("Go on"),
        user("Now"),
    ]);
    asked
}

async fn answer(models: &Models, asked: &Request) -> Result<Reply, Error> {
    let cancel = CancellationToken::new();
    models
        .complete(Role::Coder, None, asked, &cancel, &mut |_| {})
        .await
}

fn roles(body: &Value) -> Vec<String> {
    let messages = body["messages"].as_array();
    messages
        .into_iter()
        .flatten()
        .filter_map(|message| message["role"].as_str().map(str::to_owned))
        .collect()
}

/// Mistral's own server.
fn mistral(body: &Value) -> Option<String> {
    let roles = roles(body);
    let wrong = roles
        .windows(2)
        .find(|pair| pair[0] == "tool" && !["tool", "assistant"].contains(&pair[1].as_str()));
    wrong.map(|pair| format!("Unexpected role '{}' after role '{}'", pair[1], pair[0]))
}

/// The template of Ministral.
fn ministral(body: &Value) -> Option<String> {
    let plain = |message: &&Value| {
        message["role"] == "user"
            || (message["role"] == "assistant" && message.get("tool_calls").is_none())
    };
    let sides = body["messages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(plain)
        .map(|message| message["role"] == "user");
    let wrong = sides
        .enumerate()
        .any(|(at, is_user)| is_user != (at % 2 == 0));
    wrong.then(|| "After the optional system message, conversation roles must alternate user and assistant roles except for tool calls and results.".into())
}

/// A template without a system prompt.
fn without_system(body: &Value) -> Option<String> {
    let roles = roles(body);
    let wrong = roles[0] != "user"
        || roles
            .windows(2)
            .any(|pair| pair[0] == pair[1] && pair[0] != "tool");
    wrong.then(|| "Conversation roles must alternate user/assistant/user/assistant/...".into())
}

#[tokio::test]
async fn sides_take_turns_where_a_server_wants_it() {
    let rules: [(Rule, usize); 3] = [(mistral, 2), (ministral, 2), (without_system, 3)];
    for (rule, asked) in rules {
        let server = Server::with(move |_, request| match rule(&request.json()) {
            Some(message) => Answer::json(
                400,
                &json!({"object": "error", "message": message, "type": "invalid_request_message_order", "code": "3230"}),
            ),
            None => Answer::sse(CHAT),
        });
        let models = models("openai_compatible", &server.url());
        for count in [asked, asked + 1] {
            let reply = answer(&models, &conversation()).await;
            assert_eq!(reply.map(|reply| reply.text).as_deref(), Ok("Done."));
            assert_eq!(server.requests().len(), count);
        }
        let body = server.requests()[asked].json().to_string();
        for word in ["You are terse.", "Look", "Here", "main.rs", "Go on", "Now"] {
            assert!(body.contains(word), "{word}: {body}");
        }
    }
}

/// Gemini behind its address for chat completions: the first call of every turn needs a signature.
#[tokio::test]
async fn calls_of_others_pass_the_check_of_signatures() {
    let unsigned = |body: &Value| {
        let messages = body["messages"].as_array().unwrap();
        let turns = messages
            .iter()
            .filter_map(|message| message["tool_calls"][0].as_object());
        turns.clone().count() > 0
            && turns.into_iter().any(|call| {
                !call
                    .get("extra_content")
                    .is_some_and(|extra| extra["google"]["thought_signature"].is_string())
            })
    };
    let server = Server::with(
        move |number, request| match (unsigned(&request.json()), number) {
            (true, _) => Answer::json(
                400,
                &json!([{"error": {"code": 400, "status": "INVALID_ARGUMENT", "message":
                "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly."}}]),
            ),
            (false, 0..3) => Answer::sse(format!(
                "data: {}\n\n",
                json!({"choices": [{"delta": {"tool_calls": [
                {"index": 0, "id": "c", "function": {"name": "list", "arguments": "{}"}, "extra_content": {"google": {"thought_signature": "own"}}},
                {"index": 1, "id": "d", "function": {"name": "list", "arguments": "{}"}}]}, "finish_reason": "tool_calls"}]})
            )),
            (false, _) => Answer::sse(CHAT),
        },
    );
    let models = models("openai_compatible", &server.url());
    let mut asked = conversation();
    let reply = answer(&models, &asked).await.unwrap();
    let results = reply.calls.iter().map(|call| Message::Tool {
        id: call.id.clone(),
        name: "list".into(),
        output: String::new(),
        failed: false,
    });
    let results: Vec<Message> = results.collect();
    asked.messages.push(Message::Assistant {
        text: reply.text,
        calls: reply.calls,
        carry: reply.carry,
    });
    asked.messages.extend(results);
    answer(&models, &asked).await.unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), 3, "the second call knows");
    let body = requests[2].json();
    let turns = body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|message| message["tool_calls"].as_array());
    let marks: Vec<Vec<Option<String>>> = turns
        .map(|calls| {
            calls
                .iter()
                .map(|call| {
                    call["extra_content"]["google"]["thought_signature"]
                        .as_str()
                        .map(str::to_owned)
                })
                .collect()
        })
        .collect();
    let skip = Some("skip_thought_signature_validator".to_owned());
    assert_eq!(marks, [[skip, None], [Some("own".into()), None]]);
}
