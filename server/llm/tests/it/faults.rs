//! Servers that fail, one fault a row.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use fault::{Fault, Load};
use llm::{Chunk, Error, Role};
use testkit::http::{Answer, Server, Step};
use tokio_util::sync::CancellationToken;

use crate::ask::{KEY, ask, config, models, request};

mod content;
mod events;
mod fault;
mod floods;
mod memory;
mod play;
mod status;
mod streams;

const DOCS: &str = include_str!("../../../../docs/models.md");

const HELLO: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hello \"}}]}\n\n";

fn status(status: u16, body: &str) -> Answer {
    Answer::http(
        status,
        &[("retry-after", "0"), ("content-type", "application/json")],
        body,
    )
}

fn table() -> Vec<Fault> {
    let all = [
        status::faults(),
        events::faults(),
        floods::faults(),
        content::faults(),
    ];
    all.into_iter().flatten().collect()
}

/// Every fault against a real socket: how it ends, who is asked next, how long it takes, and that no key is shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_fault_ends_as_the_table_says() {
    let table = table();
    let names: HashSet<&str> = table.iter().map(|fault| fault.name.as_str()).collect();
    assert_eq!(names.len(), table.len(), "each name once");
    assert!(table.len() >= 75, "{}", table.len());
    let light = table.into_iter().filter(|fault| fault.load == Load::Light);
    let wrong = play::play_all(light.collect(), 16).await;
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn the_documentation_lists_each_fault() {
    let rows: Vec<String> = table().iter().map(Fault::row).collect();
    let rows = rows.join("\n");
    let (_, behind) = DOCS.split_once("<!-- faults -->\n").unwrap();
    let (listed, _) = behind.split_once("\n<!-- /faults -->").unwrap();
    let (_, listed) = listed.split_once("|---|---|---|\n").unwrap();
    assert_eq!(
        listed, rows,
        "write these rows into docs/models.md:\n{rows}"
    );
}

/// Each form of a pause with each status that is asked again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_status_keeps_each_form_of_a_pause() {
    let statuses = [429, 408, 409, 425, 500, 502, 503, 504, 529];
    let class = |status| {
        if status == 429 {
            "rate_limited"
        } else {
            "overloaded"
        }
    };
    let mut faults = Vec::new();
    for status in statuses {
        for (form, header, value) in status::SOON {
            let answer = status::pause(status, header, value);
            faults.push(Fault::once(
                format!("{status} with {form}"),
                answer,
                class(status),
            ));
        }
        for (form, header, value) in status::LATE {
            // Resets of rates mean nothing beside a status that is not about rates.
            if !header.starts_with("x-") || matches!(status, 429 | 503 | 529) {
                let answer = status::pause(status, header, value);
                let end = fault::End::Next(class(status));
                faults.push(Fault::new(format!("{status} with {form}"), answer, end).attempts(3));
            }
        }
    }
    let wrong = play::play_all(faults, 24).await;
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
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
async fn a_pause_is_counted_down_and_cancel_ends_it_within_50_ms() {
    let server = Server::start(vec![Answer::http(429, &[("retry-after", "30")], "")]);
    let models = models("openai", &server.url());
    let mut best = Duration::MAX;
    // The machine may be busy: one prompt end of two shows that nothing waits.
    for _ in 0..2 {
        let cancel = CancellationToken::new();
        let token = cancel.clone();
        let (said, heard) = std::sync::mpsc::channel();
        let mut waits = Vec::new();
        let mut hear = |chunk: Chunk<'_>| {
            if let Chunk::Retry { wait, .. } = chunk {
                waits.push(wait.as_secs());
                if waits.len() == 3 {
                    let (token, said) = (token.clone(), said.clone());
                    tokio::spawn(async move {
                        tokio::time::sleep(Duration::from_millis(300)).await;
                        said.send(Instant::now()).unwrap();
                        token.cancel();
                    });
                }
            }
        };
        let asked = request("Hello");
        let reply = models
            .complete(Role::Coder, None, &asked, &cancel, &mut hear)
            .await;
        assert_eq!(reply, Err(Error::Cancelled));
        assert_eq!(waits, [30, 29, 28], "the time that is left, each second");
        best = best.min(heard.recv().unwrap().elapsed());
    }
    assert!(best <= Duration::from_millis(50), "{best:?}");
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
