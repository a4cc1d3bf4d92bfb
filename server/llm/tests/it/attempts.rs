//! What each attempt needs and leaves behind: its reserve, its limit on the wire, and the count of what was sent and received.

use std::time::Duration;

use llm::{Attempt, Chunk, Error, Models, Request, Role, Scope};
use serde_json::{Value, json};
use testkit::http::{Answer, Server, Step};
use tokio_util::sync::CancellationToken;

use crate::{
    ask::{ask, config, request},
    budget,
};

fn unlimited() -> Request {
    Request {
        max_tokens: None,
        ..request("Hello")
    }
}

async fn told(models: &Models, asked: &Request) -> Vec<Attempt> {
    let mut told = Vec::new();
    let mut hear = |chunk: Chunk<'_>| {
        if let Chunk::Attempt(attempt) = chunk {
            told.push(attempt);
        }
    };
    let cancel = CancellationToken::new();
    let _ = models
        .complete(Role::Coder, None, asked, &cancel, &mut hear)
        .await;
    told
}

#[tokio::test]
async fn an_attempt_that_does_not_fit_any_more_is_a_question_of_the_budget() {
    let broken = || Answer::sse("data: {\"choices\":[]}\n\n");
    let server = Server::start(vec![broken()]);
    let models = budget::models(
        &server.url(),
        "strategy: {default_model: dear}\nbudget: {run_usd: 0.53}",
    );
    let (reply, heard) = ask(&models).await;
    let spent = models.spent().run;
    let (scope, limit) = (Scope::Run, 530_000);
    assert_eq!(
        reply,
        Err(Error::Budget {
            scope,
            limit,
            spent
        })
    );
    assert!(spent > 10_000 && heard.is_empty(), "{heard:?}");
    // A cheaper one that fails as well does not hide what a person can lift.
    let models = budget::models(
        &server.url(),
        "strategy: {default_model: dear, fallbacks: [free], attempts: 2}\nbudget: {run_usd: 0.53}",
    );
    assert!(matches!(ask(&models).await.0, Err(Error::Budget { .. })));
}

#[tokio::test]
async fn each_attempt_that_is_charged_is_an_expensive_call() {
    for (answer, limit, asked) in [
        (Answer::sse("data: {\"choices\":[]}\n\n"), 1, 1),
        (Answer::sse("data: {\"choices\":[]}\n\n"), 2, 2),
        (Answer::http(503, &[("retry-after", "0")], ""), 1, 3),
    ] {
        let server = Server::start(vec![answer]);
        let models = config(&format!(
            "providers: {{p: {{type: openai_compatible, base_url: '{}'}}}}
models: {{m: {{provider: p, model: x, expensive: true}}}}
strategy: {{default_model: m, max_expensive: {limit}}}",
            server.url()
        ));
        let error = ask(&models).await.0.unwrap_err();
        assert_eq!(server.requests().len(), asked, "{error}");
        let is_used_up = error == Error::Expensive { limit };
        assert_eq!(is_used_up, asked < 3, "{error}");
    }
}

#[tokio::test]
async fn under_a_cap_the_server_is_told_the_limit_that_is_reserved() {
    for (kind, model, budget, limit) in [
        ("openai_compatible", "dear", "{}", Value::Null),
        ("openai_compatible", "dear", "{run_usd: 9}", 4096.into()),
        (
            "openai_compatible",
            "dear",
            "{day_usd: 9, reserve_output_tokens: 700}",
            700.into(),
        ),
        (
            "openai_compatible",
            "dear",
            "{role_usd: {critic: 9}}",
            Value::Null,
        ),
        ("openai_compatible", "free", "{run_usd: 9}", Value::Null),
        ("openai_compatible", "unknown", "{run_usd: 9}", Value::Null),
        ("anthropic", "dear", "{}", 32_000.into()),
        ("anthropic", "dear", "{run_usd: 9}", 4096.into()),
        ("anthropic", "free", "{run_usd: 9}", 32_000.into()),
    ] {
        let server = Server::start(vec![Answer::http(401, &[], "")]);
        let rest = format!("strategy: {{default_model: {model}}}\nbudget: {budget}");
        let yaml = budget::yaml(&server.url(), &rest);
        let models = config(&yaml.replace("openai_compatible", &format!("{kind}, api_key: x")));
        told(&models, &unlimited()).await;
        let sent = &server.requests()[0].json()["max_tokens"];
        assert_eq!(sent, &limit, "{kind} {model} {budget}");
    }
}

/// A call of 40,000 bytes as each wire sends it, without its end.
fn half_calls() -> Vec<(&'static str, String, (u64, u64))> {
    let piece = "x".repeat(40_000);
    let chat = json!({"choices": [{"delta": {"tool_calls": [{"index": 0, "id": "a",
        "function": {"name": "list", "arguments": format!("{{\"path\":\"{piece}")}}]}}]});
    let begin = json!({"type": "message_start", "message": {"usage": {"input_tokens": 900,
        "cache_read_input_tokens": 300, "output_tokens": 1}}});
    let block = json!({"type": "content_block_start", "index": 0,
        "content_block": {"type": "tool_use", "id": "a", "name": "list", "input": {}}});
    let delta = json!({"type": "content_block_delta", "index": 0,
        "delta": {"type": "input_json_delta", "partial_json": piece}});
    let item = json!({"type": "response.output_item.added", "output_index": 0,
        "item": {"type": "function_call", "call_id": "a", "name": "list"}});
    let arguments = json!({"type": "response.function_call_arguments.delta", "output_index": 0, "delta": piece});
    let part = json!({"candidates": [{"content": {"parts": [{"functionCall": {"name": "list", "args": {"path": piece}}}]}}],
        "usageMetadata": {"promptTokenCount": 70, "cachedContentTokenCount": 60}});
    let line = json!({"message": {"tool_calls": [{"function": {"name": "list", "arguments": {"path": piece}}}]}});
    let sse = |events: &[&Value]| {
        let events = events.iter().map(|event| format!("data: {event}\n\n"));
        events.collect::<String>()
    };
    vec![
        ("openai_compatible", sse(&[&chat]), (0, 0)),
        ("anthropic", sse(&[&begin, &block, &delta]), (1200, 300)),
        ("openai_responses", sse(&[&item, &arguments]), (0, 0)),
        ("gemini", sse(&[&part]), (70, 60)),
        ("ollama", format!("{line}\n"), (0, 0)),
    ]
}

#[tokio::test]
async fn what_came_of_a_call_is_counted_however_it_ends() {
    for (kind, stream, (input, cached)) in half_calls() {
        for cancelled in [false, true] {
            let stall = Answer::sse(&stream).then(Step::Hang);
            let cut = if cancelled {
                stall
            } else {
                Answer::sse(&stream)
            };
            let server = Server::start(vec![cut]);
            let models = config(&format!(
                "providers: {{p: {{type: {kind}, base_url: '{}', api_key: x}}}}
models: {{m: {{provider: p, model: x, price: {{input_per_mtok_usd: 0, output_per_mtok_usd: 1}}}}}}
strategy: {{attempts: 1}}",
                server.url()
            ));
            let cancel = CancellationToken::new();
            let (token, late) = (cancel.clone(), Duration::from_millis(300));
            let clock = tokio::spawn(async move {
                tokio::time::sleep(late).await;
                token.cancel();
            });
            let mut told = Vec::new();
            let mut hear = |chunk: Chunk<'_>| match chunk {
                Chunk::Attempt(attempt) => told.push(attempt),
                other => panic!("{other:?}"),
            };
            let asked = request("Hello");
            let reply = models.complete(Role::Coder, None, &asked, &cancel, &mut hear);
            let error = reply.await.unwrap_err();
            clock.abort();
            assert_eq!(error == Error::Cancelled, cancelled, "{kind}: {error}");
            let usage = told[0].usage.unwrap();
            assert!(
                usage.estimated && (10_000..10_050).contains(&usage.output),
                "{kind}: {usage:?}"
            );
            assert_eq!(told[0].cost_micro_usd, Some(usage.output));
            assert!(told[0].first_piece.is_some(), "{kind}");
            assert!(
                input == 0 || (usage.input, usage.cached) == (input, cached),
                "{kind}: {usage:?}"
            );
        }
    }
}

#[tokio::test]
async fn one_that_was_silent_is_asked_once_more_where_nobody_else_is_left() {
    for (fallbacks, asked) in [("", 2), (", fallbacks: [cheap]", 3)] {
        let server = Server::start(vec![Answer::default().then(Step::Hang)]);
        let models = budget::models(
            &server.url(),
            &format!("strategy: {{default_model: dear{fallbacks}}}"),
        );
        let (reply, heard) = ask(&models).await;
        assert!(matches!(reply, Err(Error::Timeout { .. })), "{reply:?}");
        assert_eq!(server.requests().len(), asked, "{heard:?}");
    }
    // Not where something was heard.
    let text = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n";
    let server = Server::start(vec![Answer::sse(text).then(Step::Hang)]);
    let models = budget::models(&server.url(), "strategy: {default_model: dear}");
    assert!(matches!(ask(&models).await.0, Err(Error::Timeout { .. })));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_pause_of_a_minute_is_taken_and_a_longer_one_is_not() {
    for (seconds, fallbacks, waits) in [
        ("60", "", true),
        ("61", "", false),
        ("61", ", fallbacks: [cheap]", false),
    ] {
        let server = Server::with(move |_, request| match request.json()["model"].as_str() {
            Some("dear") => Answer::http(429, &[("retry-after", seconds)], ""),
            _ => budget::answer(),
        });
        let models = budget::models(
            &server.url(),
            &format!("strategy: {{default_model: dear{fallbacks}}}"),
        );
        let cancel = CancellationToken::new();
        let token = cancel.clone();
        let mut told = None;
        let mut hear = |chunk: Chunk<'_>| {
            if let Chunk::Retry { wait, .. } = chunk {
                told = Some(wait.as_secs());
                token.cancel();
            }
        };
        let asked = request("Hello");
        let reply = models.complete(Role::Coder, None, &asked, &cancel, &mut hear);
        assert_eq!(reply.await == Err(Error::Cancelled), waits);
        assert_eq!(told, waits.then_some(60));
    }
}
