//! Embeddings over real HTTP: what is asked, what is taken, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test without its server cannot go on")]

use std::time::{Duration, Instant};

use llm::{Embeddings, Error, Kind, ProviderConfig, Secret};
use serde_json::{Value, json};
use testkit::http::{Answer, Server, Step};
use tokio_util::sync::CancellationToken;

use crate::ask::KEY;

fn embeddings(kind: Kind, url: &str) -> Embeddings {
    let config = ProviderConfig {
        r#type: kind,
        base_url: Some(url.to_owned()),
        api_key: Some(Secret::from(KEY.to_owned())),
        timeout: Some(1),
        ..ProviderConfig::default()
    };
    Embeddings::new("p", &config, "small").unwrap()
}

/// A vector that tells its text by its length and its first byte.
fn vector(text: &str) -> Value {
    json!([text.len(), text.as_bytes().first(), 0.5])
}

/// A good answer, in the wrong order.
fn answer(texts: &[&str]) -> Answer {
    let rows = texts.iter().enumerate().rev();
    let rows = rows.map(
        |(index, text)| json!({"object": "embedding", "index": index, "embedding": vector(text)}),
    );
    let body = json!({"object": "list", "data": rows.collect::<Value>(), "model": "small", "usage": {"prompt_tokens": texts.len(), "total_tokens": 9}});
    Answer::json(200, &body)
}

fn input(request: &testkit::http::Captured) -> Vec<String> {
    serde_json::from_value(request.json()["input"].clone()).unwrap()
}

fn server() -> Server {
    Server::with(|_, request| {
        let texts = input(request);
        answer(&texts.iter().map(String::as_str).collect::<Vec<_>>())
    })
}

async fn ask(server: &Server, texts: &[&str]) -> Result<llm::Embedded, Error> {
    let embeddings = embeddings(Kind::OpenAiCompatible, &server.url());
    let reply = embeddings.embed(texts, &CancellationToken::new()).await;
    if let Err(error) = &reply {
        let shown = format!("{error} {error:?} {} {embeddings:?}", error.hint());
        assert!(!shown.contains("canary"), "{shown}");
    }
    reply
}

#[tokio::test]
async fn texts_become_vectors_in_their_order_and_in_batches() {
    let server = server();
    let long = "x".repeat(60_000);
    let longest = "y".repeat(150_000);
    let mut texts: Vec<&str> = vec!["a"; 70];
    texts.extend([long.as_str(), long.as_str(), longest.as_str(), "z"]);
    let reply = ask(&server, &texts).await.unwrap();
    let expected: Vec<Vec<f32>> = texts
        .iter()
        .map(|text| serde_json::from_value(vector(text)).unwrap())
        .collect();
    assert_eq!(reply.vectors, expected);
    assert_eq!(reply.tokens, Some(texts.len() as u64));
    let requests = server.requests();
    let counts: Vec<usize> = requests.iter().map(|it| input(it).len()).collect();
    assert_eq!(counts, [64, 7, 1, 1, 1]);
    assert_eq!(requests[0].path, "/v1/embeddings");
    assert_eq!(
        requests[0].header("authorization"),
        Some(format!("Bearer {KEY}").as_str())
    );
    let body = requests[0].json();
    assert_eq!(
        (&body["model"], &body["encoding_format"]),
        (&json!("small"), &json!("float"))
    );
    assert!(ask(&server, &[]).await.unwrap().vectors.is_empty());
}

#[tokio::test]
async fn ollama_is_asked_at_its_compatible_address() {
    for base in ["", "/v1", "/v1/chat/completions"] {
        let server = server();
        let embeddings = embeddings(Kind::Ollama, &format!("{}{base}", server.url()));
        let cancel = CancellationToken::new();
        assert!(embeddings.embed(&["a"], &cancel).await.is_ok());
        assert_eq!(server.requests()[0].path, "/v1/embeddings", "{base}");
        assert_eq!(embeddings.label(), "p/small");
    }
}

#[tokio::test]
async fn a_busy_server_is_asked_again() {
    let busy = Answer::http(429, &[("retry-after", "0")], "slow down");
    let cut = Answer {
        steps: vec![Step::Bytes(
            b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"data\":[{\"index\":0,".to_vec(),
        )],
    };
    for fault in [busy, cut] {
        let server = Server::start(vec![fault, answer(&["a"])]);
        assert_eq!(ask(&server, &["a"]).await.unwrap().vectors.len(), 1);
        assert_eq!(server.requests().len(), 2);
    }
    let server = Server::start(vec![Answer::http(
        500,
        &[("retry-after", "0")],
        format!("no {KEY}"),
    )]);
    let error = ask(&server, &["a"]).await.unwrap_err();
    assert!(
        matches!(error, Error::Overloaded { status: 500, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("[redacted]"), "{error}");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn what_does_not_fit_the_texts_is_refused() {
    let row = |index: u64, embedding: Value| json!({"index": index, "embedding": embedding});
    let table = [
        (
            json!({"data": [row(0, json!([1]))]}),
            "1 embeddings for 2 texts",
        ),
        (
            json!({"data": [row(0, json!([1])), row(1, json!([1, 2]))]}),
            "different lengths",
        ),
        (
            json!({"data": [row(0, json!([1])), row(0, json!([1]))]}),
            "two embeddings belong to one text",
        ),
        (
            json!({"data": [row(0, json!([1])), row(2, json!([1]))]}),
            "belongs to no text",
        ),
        (
            json!({"data": [row(0, json!([1])), row(1, json!([1e300]))]}),
            "without end",
        ),
        (
            json!({"data": [row(0, json!([1])), row(1, json!(["NaN"]))]}),
            "no number",
        ),
        (
            json!({"data": [row(0, json!([])), row(1, json!([]))]}),
            "of 0 numbers",
        ),
        (
            json!({"data": [row(0, json!("AAAA")), row(1, json!("AAAA"))]}),
            "is no list",
        ),
        (json!({"embedding": [1, 2]}), "no list of embeddings"),
    ];
    for (body, says) in table {
        let server = server_of(&body);
        let error = ask(&server, &["a", "b"]).await.unwrap_err();
        assert!(matches!(error, Error::Broken { .. }), "{error:?}");
        assert!(error.to_string().contains(says), "{body}: {error}");
    }
    let server = server_of(&json!({"error": {"message": "no such model", "code": 404}}));
    let error = ask(&server, &["a"]).await.unwrap_err();
    assert!(error.to_string().contains("no such model"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

fn server_of(body: &Value) -> Server {
    Server::start(vec![Answer::json(200, body)])
}

#[tokio::test]
async fn silence_ends_and_cancel_ends_at_once() {
    let server = Server::start(vec![Answer {
        steps: vec![Step::Hang],
    }]);
    let error = ask(&server, &["a"]).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");

    let embeddings = embeddings(Kind::OpenAiCompatible, &server.url());
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    let start = Instant::now();
    let (reply, ()) = tokio::join!(embeddings.embed(&["a"], &cancel), async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        token.cancel();
    });
    assert_eq!(reply, Err(Error::Cancelled));
    assert!(start.elapsed() < Duration::from_millis(900));
}

#[test]
fn only_servers_with_embeddings_are_taken() {
    let config = |kind| ProviderConfig {
        r#type: kind,
        ..ProviderConfig::default()
    };
    for kind in [Kind::Anthropic, Kind::Scripted] {
        let error = Embeddings::new("p", &config(kind), "m").unwrap_err();
        assert!(error.to_string().contains("no embeddings"), "{error}");
    }
    assert!(Embeddings::new("p", &config(Kind::Ollama), "m").is_ok());
    assert!(Embeddings::new("p", &config(Kind::Ollama), " ").is_err());
    assert!(Embeddings::new("p", &config(Kind::OpenAiCompatible), "m").is_err());
}
