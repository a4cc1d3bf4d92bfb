//! Calls in text over real sockets: whose text is read for them, and when no longer.

use llm::{Chunk, Message, Models, Reply, Request, Role};
use serde_json::json;
use testkit::http::{Answer, Server};
use tokio_util::sync::CancellationToken;

use crate::ask::{config, request};

const CALL: &str = "<tool_call>{\"name\":\"list\",\"arguments\":{\"path\":\"src\"}}</tool_call>";

fn said(text: &str) -> Answer {
    let choice = json!({"message": {"content": text}, "finish_reason": "stop"});
    Answer::json(200, &json!({"choices": [choice]}))
}

fn called() -> Answer {
    let call = json!({"id": "a", "function": {"name": "list", "arguments": "{}"}});
    let choice = json!({"message": {"tool_calls": [call]}, "finish_reason": "tool_calls"});
    Answer::json(200, &json!({"choices": [choice]}))
}

fn models(server: &Server, how: &str) -> Models {
    config(&format!(
        "providers: {{p: {{type: openai_compatible, base_url: '{}'}}}}
models: {{m: {{provider: p, model: x, tool_calling: {how}}}, other: {{provider: p, model: y}}}}
strategy: {{default_model: m, critic_model: other}}",
        server.url()
    ))
}

#[allow(clippy::unwrap_used, reason = "a test without its reply cannot go on")]
async fn reply(models: &Models, role: Role, request: &Request) -> Reply {
    let cancel = CancellationToken::new();
    let mut deaf = |_: Chunk<'_>| {};
    let reply = models.complete(role, None, request, &cancel, &mut deaf);
    reply.await.unwrap()
}

#[tokio::test]
async fn a_model_that_called_natively_is_not_read_for_calls_any_more() {
    let server = Server::start(vec![said(CALL), called(), said(CALL), said(CALL)]);
    let models = models(&server, "auto");
    let asked = request("Hello");
    let first = reply(&models, Role::Coder, &asked).await;
    assert_eq!((first.calls.len(), first.text.as_str()), (1, ""));
    assert_eq!(reply(&models, Role::Coder, &asked).await.calls.len(), 1);
    // Also in the next run, but of this model only.
    let next = models.for_run(0);
    let third = reply(&next, Role::Coder, &asked).await;
    assert_eq!((third.calls.len(), third.text.as_str()), (0, CALL));
    assert_eq!(third.stop, llm::Stop::End);
    assert_eq!(reply(&next, Role::Critic, &asked).await.calls.len(), 1);
}

#[tokio::test]
async fn the_configuration_decides_whether_text_is_read_for_calls() {
    let story = format!("I look.\n{CALL}\nThat is all.");
    for (how, text, calls) in [
        ("native", CALL, 0),
        ("auto", CALL, 1),
        ("auto", story.as_str(), 0),
        ("text", story.as_str(), 1),
    ] {
        let server = Server::start(vec![said(text)]);
        let reply = reply(&models(&server, how), Role::Coder, &request("Hello")).await;
        assert_eq!(reply.calls.len(), calls, "{how}: {text}");
    }
    // Nothing that the user or a tool said.
    let server = Server::start(vec![said(CALL)]);
    let mut asked = request("Hello");
    asked.messages.push(Message::Tool {
        id: "a".into(),
        name: "fs.read_file".into(),
        output: format!("# Readme\n\n    {CALL}\n"),
        failed: false,
    });
    for how in ["auto", "text"] {
        let reply = reply(&models(&server, how), Role::Coder, &asked).await;
        assert_eq!((reply.calls.len(), reply.text.as_str()), (0, CALL), "{how}");
    }
}
