//! Servers that fail, one fault a row.

use std::time::{Duration, Instant};

use llm::{Chunk, Error, Role};
use testkit::http::{Answer, Server, Step};
use tokio_util::sync::CancellationToken;

use crate::ask::{KEY, ask, config, models, request};

const HELLO: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hello \"}}]}\n\n";

fn status(status: u16, body: &str) -> Answer {
    Answer::http(
        status,
        &[("retry-after", "0"), ("content-type", "application/json")],
        body,
    )
}

/// The name of the variant, and what it must say.
#[tokio::test]
async fn each_fault_is_an_error_that_says_what_happened() {
    let quoted = format!(r#"{{"error":{{"message":"Incorrect API key provided: {KEY}"}}}}"#);
    let table = [
        (status(401, &quoted), "Auth", "[redacted]"),
        (
            status(429, r#"{"error":{"message":"slow down"}}"#),
            "RateLimited",
            "slow down",
        ),
        (
            status(
                429,
                r#"{"error":{"message":"pay","code":"insufficient_quota"}}"#,
            ),
            "Quota",
            "pay",
        ),
        (status(500, "<html><body>nginx"), "Overloaded", "HTML page"),
        (
            status(503, "down for lunch"),
            "Overloaded",
            "down for lunch",
        ),
        (
            status(
                400,
                r#"{"error":{"message":"maximum context length is 8"}}"#,
            ),
            "TooLong",
            "maximum context",
        ),
        (status(404, ""), "Invalid", "404"),
        (
            Answer::http(200, &[("content-type", "text/html")], "<html>Sign in"),
            "Invalid",
            "HTML page",
        ),
        (
            Answer::http(307, &[("location", "http://elsewhere.test/v1")], ""),
            "Invalid",
            "redirects to elsewhere.test",
        ),
        (Answer::http(200, &[], ""), "Broken", "empty"),
        (
            Answer::http(200, &[], "garbage\nmore garbage\n"),
            "Broken",
            "no message",
        ),
        (Answer::sse("data: {oops\n\n"), "Broken", "not valid JSON"),
        (Answer::sse("data: [DONE]\n\n"), "Broken", "no message"),
        (Answer::sse(HELLO), "Broken", "in the middle"),
        (Answer::sse(HELLO).then(Step::Reset), "Broken", ""),
        (
            Answer::sse(format!(
                "{HELLO}data: {{\"error\":{{\"message\":\"upstream died\",\"code\":502}}}}\n\n"
            )),
            "Overloaded",
            "upstream died",
        ),
        (
            Answer::sse(
                "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"list\",\"arguments\":\"{\\\"a\"}}]}}]}\n\ndata: [DONE]\n\n",
            ),
            "Broken",
            "inside a tool call",
        ),
        (
            Answer::sse(HELLO).then(Step::Hang),
            "Timeout",
            "nothing for 1 s",
        ),
        (
            Answer::default().then(Step::Hang),
            "Timeout",
            "nothing for 1 s",
        ),
    ];
    for (answer, name, says) in table {
        let shown = format!("{answer:?}");
        let server = Server::start(vec![answer]);
        let error = ask(&models("openai", &server.url())).await.0.unwrap_err();
        assert!(
            format!("{error:?}").starts_with(name) && error.to_string().contains(says),
            "{shown}: {error:?}"
        );
    }
    let anthropic = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"no\"}}\n\n";
    let server = Server::start(vec![Answer::sse(anthropic)]);
    let error = ask(&models("anthropic", &server.url()))
        .await
        .0
        .unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
}

#[tokio::test]
async fn nobody_at_the_port_is_said_with_the_address() {
    let url = Server::start(vec![Answer::default()]).url();
    // The server is gone, and so is its port.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let (reply, heard) = ask(&models("openai", &url)).await;
    let error = reply.unwrap_err();
    assert!(
        matches!(error, Error::Unreachable { .. }) && error.to_string().contains(&url),
        "{error:?}"
    );
    assert_eq!(heard, ["retry", "retry"]);
}

/// The client for HTTPS is made with a provider of its own; the server here speaks no TLS.
#[tokio::test]
async fn a_tls_failure_is_said() {
    let server = Server::start(vec![Answer::http(400, &[], "no TLS here")]);
    let error = ask(&models("openai", &server.url().replace("http:", "https:")))
        .await
        .0
        .unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_only_keeps_alive_is_left() {
    let mut answer = Answer::sse(": wait\n\n");
    for _ in 0..40 {
        answer = answer
            .then(Step::Pause(Duration::from_millis(200)))
            .then(Step::Bytes(b": wait\n\n".to_vec()));
    }
    let server = Server::start(vec![answer]);
    let start = Instant::now();
    let error = ask(&models("openai", &server.url())).await.0.unwrap_err();
    assert!(
        matches!(error, Error::Timeout { after, .. } if after.as_secs() == 5),
        "{error:?}"
    );
    assert!(
        start.elapsed() > Duration::from_secs(4),
        "comments are life for a while"
    );
}

#[tokio::test]
async fn a_finished_reply_needs_no_farewell() {
    let end = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    for last in [
        Step::Bytes(Vec::new()),
        Step::Reset,
        Step::Hang,
        Step::Bytes(b"data: {oops\n\n".to_vec()),
    ] {
        let server = Server::start(vec![
            Answer::sse(format!("{HELLO}{end}"))
                .then(Step::Pause(Duration::from_millis(20)))
                .then(last),
        ]);
        let reply = ask(&models("openai", &server.url())).await.0.unwrap();
        assert_eq!(
            (reply.text.as_str(), reply.usage.estimated),
            ("Hello ", true)
        );
    }
}

#[tokio::test]
async fn a_call_cut_by_the_limit_is_no_call() {
    let cut = "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"list\",\"arguments\":\"{}\"}},{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"list\",\"arguments\":\"{\\\"a\"}}]},\"finish_reason\":\"length\"}]}\n\n";
    let server = Server::start(vec![Answer::sse(cut)]);
    let reply = ask(&models("openai", &server.url())).await.0.unwrap();
    assert_eq!((reply.calls.len(), reply.stop), (1, llm::Stop::Length));
}

#[tokio::test]
async fn cancel_closes_the_connection_within_50_ms() {
    for start in [Answer::default(), Answer::sse(HELLO)] {
        let mut best = Duration::MAX;
        // The machine may be busy: one prompt close of three shows that nothing waits.
        for _ in 0..3 {
            let server = Server::start(vec![start.clone().then(Step::Hang)]);
            let models = models("openai", &server.url());
            let cancel = CancellationToken::new();
            let (token, asked) = (cancel.clone(), request("Hello"));
            let call = tokio::spawn(async move {
                models
                    .complete(Role::Coder, None, &asked, &token, &mut |_| {})
                    .await
            });
            tokio::time::sleep(Duration::from_millis(200)).await;
            let at = Instant::now();
            cancel.cancel();
            assert_eq!(call.await.unwrap(), Err(Error::Cancelled));
            while server.left_at().is_empty() {
                assert!(
                    at.elapsed() < Duration::from_secs(5),
                    "the connection stays open"
                );
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            best = best.min(server.left_at()[0].duration_since(at));
        }
        assert!(best <= Duration::from_millis(50), "{best:?}");
    }
}

#[tokio::test]
async fn cancel_ends_the_pause_before_a_retry() {
    let server = Server::start(vec![Answer::http(429, &[("retry-after", "30")], "")]);
    let models = models("openai", &server.url());
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    let start = Instant::now();
    let mut stop_at_retry = |chunk: Chunk<'_>| {
        assert!(matches!(chunk, Chunk::Retry { wait, .. } if wait == Duration::from_secs(30)));
        token.cancel();
    };
    let reply = models
        .complete(
            Role::Coder,
            None,
            &request("Hello"),
            &cancel,
            &mut stop_at_retry,
        )
        .await;
    assert_eq!(reply, Err(Error::Cancelled));
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn the_makers_server_is_not_asked_without_a_key() {
    let models = config("providers: {p: {type: anthropic}}\nmodels: {m: {provider: p, model: x}}");
    let error = ask(&models).await.0.unwrap_err();
    assert!(
        matches!(error, Error::Auth { .. }) && error.hint().contains("ANTHROPIC_API_KEY"),
        "{error:?}"
    );
}

#[tokio::test]
async fn m3_a_redirect_takes_neither_key_nor_conversation_along() {
    let other = Server::start(vec![Answer::sse(HELLO)]);
    for code in [301, 302, 307, 308] {
        let target = format!("{}/v1/chat/completions", other.url());
        let server = Server::start(vec![Answer::http(code, &[("location", &target)], "")]);
        let error = ask(&models("openai", &server.url())).await.0.unwrap_err();
        assert!(
            matches!(error, Error::Invalid { status, .. } if status == code),
            "{error:?}"
        );
    }
    assert!(other.requests().is_empty());
}
