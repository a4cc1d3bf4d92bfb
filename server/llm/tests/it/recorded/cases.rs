//! The makers' own examples, one file each in `recorded/<server>`: the reply, what goes back with the next turn and every error
//! are those of the `.expect` beside it, however the bytes are cut.

#![allow(clippy::disallowed_methods, reason = "fixtures are read here")]
#![allow(clippy::unwrap_used, reason = "a test without its parts cannot go on")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use expect_test::expect_file;
use llm::{Message, Models, Reply, Request};
use serde_json::Value;
use testkit::http::{Answer, Server};
use tokio_util::sync::CancellationToken;

use super::shown;
use crate::ask::{config, request};

/// Folder, provider type, path of the server.
const SERVERS: [(&str, &str, &str); 10] = [
    ("anthropic", "anthropic", ""),
    ("dashscope", "openai_compatible", "/compatible-mode/v1"),
    ("gemini", "gemini", "/v1beta"),
    ("google", "openai_compatible", "/v1beta/openai"),
    ("lmstudio", "openai_compatible", "/v1"),
    ("ollama", "ollama", ""),
    ("openai", "openai", "/v1"),
    ("openrouter", "openrouter", "/api/v1"),
    ("responses", "openai_responses", "/v1"),
    ("vllm", "openai_compatible", "/v1"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded")
}

/// The streams of one server, by name.
fn cases(server: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder().join(server)).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let is_stream = |path: &PathBuf| path.extension().is_some_and(|kind| kind != "expect");
    let mut files: Vec<PathBuf> = files.filter(is_stream).collect();
    files.sort();
    files
}

/// One model that is asked once, whatever it failed before.
fn models(kind: &str, url: &str) -> Models {
    config(&format!(
        "providers: {{p: {{type: {kind}, base_url: '{url}', api_key: k, timeout: 2}}}}
models: {{m: {{provider: p, model: x}}}}
strategy: {{attempts: 1, breaker: {{failures: 1000}}}}"
    ))
}

async fn ask(models: &Models, request: &Request) -> Result<Reply, llm::Error> {
    let cancel = CancellationToken::new();
    models
        .complete(llm::Role::Coder, None, request, &cancel, &mut |_| {})
        .await
}

/// The same without what differs from run to run: ids that we gave, since the server gave none.
fn told(reply: &Reply) -> String {
    let mut reply = reply.clone();
    for (number, call) in reply.calls.iter_mut().enumerate() {
        if call.id.len() > 36 && call.id.starts_with("call_") {
            call.id = format!("<ours {number}>");
        }
    }
    shown(&reply)
}

/// The conversation behind the question, as the next request has it.
async fn next_turn(models: &Models, server: &Server, reply: &Reply) -> String {
    let mut asked = request("Look");
    asked.messages.push(Message::Assistant {
        text: reply.text.clone(),
        calls: reply.calls.clone(),
        carry: reply.carry.clone(),
    });
    for call in &reply.calls {
        asked.messages.push(Message::Tool {
            id: call.id.clone(),
            name: call.name.clone(),
            output: "a result".into(),
            failed: false,
        });
    }
    if reply.calls.is_empty() {
        asked.messages.push(Message::User {
            text: "Go on".into(),
        });
    }
    let before = server.requests().len();
    ask(models, &asked).await.unwrap();
    let body = server.requests()[before].json();
    let list = ["messages", "input", "contents"]
        .iter()
        .find_map(|key| body[key].as_array())
        .unwrap();
    let first = list.iter().position(|it| it["role"] == "user").unwrap();
    let mut text = String::new();
    for message in &list[first + 1..] {
        text.push_str(&format!("\n  {}", unmarked(message)));
    }
    for (number, call) in reply.calls.iter().enumerate() {
        if call.id.len() > 36 {
            text = text.replace(&call.id, &format!("<ours {number}>"));
        }
    }
    text
}

/// Without cache marks, which other tests hold.
fn unmarked(message: &Value) -> Value {
    match message {
        Value::Object(object) => object
            .iter()
            .filter(|(key, _)| *key != "cache_control")
            .map(|(key, value)| (key.clone(), unmarked(value)))
            .collect(),
        Value::Array(items) => items.iter().map(unmarked).collect(),
        other => other.clone(),
    }
}

/// One stream: what it means.
async fn meaning(models: &Models, server: &Server) -> String {
    match ask(models, &request("Look")).await {
        Err(error) => format!("{}: {error}\n", error.class()),
        Ok(reply) => {
            let back = next_turn(models, server, &reply).await;
            format!("{}\nback{back}\n", told(&reply))
        }
    }
}

#[tokio::test]
async fn each_example_of_a_maker_means_what_its_documentation_says() {
    for (name, kind, path) in SERVERS {
        let files = cases(name);
        assert!(!files.is_empty(), "{name}");
        let pieces = Arc::new(Mutex::new(Vec::new()));
        let said = Arc::clone(&pieces);
        let server = Server::with(move |_, _| Answer::sse_pieces(said.lock().unwrap().clone()));
        let models = models(kind, &format!("{}{path}", server.url()));
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let lines = text.split_inclusive('\n');
            let ways: [Vec<Vec<u8>>; 4] = [
                vec![text.clone().into_bytes()],
                lines.map(|line| line.as_bytes().to_vec()).collect(),
                text.as_bytes().chunks(7).map(<[u8]>::to_vec).collect(),
                vec![text.replace('\n', "\r\n").into_bytes()],
            ];
            let mut whole = None;
            for (way, cut) in ways.into_iter().enumerate() {
                *pieces.lock().unwrap() = cut;
                let meaning = meaning(&models, &server).await;
                let whole: &String = whole.get_or_insert_with(|| meaning.clone());
                assert_eq!(&meaning, whole, "{} {way}", file.display());
            }
            expect_file![file.with_extension("expect")].assert_eq(&whole.unwrap());
        }
    }
}

#[test]
fn each_example_names_what_it_was_held_against() {
    let list = fs::read_to_string(folder().join("README.md")).unwrap();
    for (server, _, _) in SERVERS {
        for file in cases(server) {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            assert!(
                list.contains(&format!("| `{server}/{name}` |")),
                "{server}/{name}"
            );
        }
    }
}
