//! Answers that are larger than any model gives end soon, and an error behind a whole answer takes nothing away.

use std::{fmt::Write, time::Instant};

use llm::Error;
use serde_json::json;
use testkit::http::{Answer, Server};

use crate::ask::{ask, models};

fn event(delta: &serde_json::Value) -> String {
    format!("data: {}\n\n", json!({"choices": [{"delta": delta}]}))
}

fn call(index: usize, arguments: &str) -> serde_json::Value {
    json!({"index": index, "id": format!("c{index}"), "function": {"name": "list", "arguments": arguments}})
}

const END: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

#[allow(
    clippy::unwrap_used,
    reason = "an answer where an error is due fails the test"
)]
async fn ended(stream: String) -> Error {
    let server = Server::start(vec![Answer::sse(stream + END)]);
    let began = Instant::now();
    let error = ask(&models("openai_compatible", &server.url())).await.0;
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    error.unwrap_err()
}

#[tokio::test]
async fn an_answer_has_at_most_256_calls() {
    let mut stream = String::new();
    for index in 0..20_000 {
        let _ = write!(
            stream,
            "{}",
            event(&json!({"tool_calls": [call(index, "{}")]}))
        );
    }
    let at_once: Vec<_> = (0..2_000).map(|index| call(index, "{}")).collect();
    for stream in [stream, event(&json!({"tool_calls": at_once}))] {
        let error = ended(stream).await;
        assert!(error.to_string().contains("more than 256 calls"), "{error}");
    }
    let most: Vec<_> = (0..256).map(|index| call(index, "{}")).collect();
    let stream = event(&json!({"tool_calls": most})) + END;
    let server = Server::start(vec![Answer::sse(stream)]);
    let reply = ask(&models("openai_compatible", &server.url())).await.0;
    assert_eq!(reply.unwrap().calls.len(), 256);
}

#[tokio::test]
async fn an_answer_has_at_most_4_mib() {
    let piece = "x".repeat(1 << 20);
    for delta in [
        json!({"tool_calls": [call(0, &piece)]}),
        json!({"content": piece}),
        json!({"reasoning": piece}),
    ] {
        let error = ended(event(&delta).repeat(5)).await;
        assert!(error.to_string().contains("larger than 4 MiB"), "{error}");
    }
}

#[tokio::test]
async fn an_error_behind_the_reason_to_stop_takes_nothing_away() {
    let error = "data: {\"error\":{\"code\":502,\"message\":\"upstream\"}}\n\n";
    let stream = event(&json!({"content": "Hi"})) + END + error;
    let server = Server::start(vec![Answer::sse(stream)]);
    let reply = ask(&models("openai_compatible", &server.url())).await.0;
    assert_eq!(reply.unwrap().text, "Hi");
}
