//! Embeddings from outside: what is sent and what is not, what is found by them, and that search needs none of it.
#![allow(clippy::disallowed_methods, reason = "fixtures are written here")]

use crate::stage::{Stage, run};
use agent::{Agent, Config, Knowledge, Life, Parts, ToolsConfig};
use llm::{Embeddings, Kind, ProviderConfig};
use protocol::Update;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::http::{Answer, Captured, Server, Step};

/// Three directions: colours, retries, all else.
fn vector(text: &str) -> Value {
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match (
        says(&["paint", "tint", "colour"]),
        says(&["retry", "anew", "attempt"]),
    ) {
        (true, _) => json!([1.0, 0.05, 0.0]),
        (_, true) => json!([0.05, 1.0, 0.0]),
        _ => json!([0.1, 0.1, 1.0]),
    }
}

fn texts(request: &Captured) -> Vec<String> {
    serde_json::from_value(request.json()["input"].clone()).unwrap()
}

fn answer(texts: &[String]) -> Answer {
    let row = |(index, text): (usize, &String)| json!({"index": index, "embedding": vector(text)});
    let data: Value = texts.iter().enumerate().map(row).collect();
    Answer::json(
        200,
        &json!({"data": data, "usage": {"prompt_tokens": 7 * texts.len()}}),
    )
}

fn good() -> Server {
    Server::with(|_, request| answer(&texts(request)))
}

fn embeddings(server: &Server) -> Embeddings {
    let provider = ProviderConfig {
        r#type: Kind::Ollama,
        base_url: Some(server.url()),
        ..ProviderConfig::default()
    };
    Embeddings::new("local", &provider, "small").unwrap()
}

fn knowledge(stage: &Stage, server: &Server, life: Life, tools: ToolsConfig) -> Arc<Knowledge> {
    let embeddings = embeddings(server);
    let state = Arc::new(sandbox::Tree::create(&stage.state).unwrap());
    let host = Arc::new(stage.disk());
    let knowledge = Knowledge::with_embeddings(host, tools, Some(state), life, Some(embeddings));
    knowledge.start();
    Arc::new(knowledge)
}

async fn ready(knowledge: &Knowledge) -> protocol::MeaningView {
    let mut progress = knowledge.meaning().unwrap();
    let ready = progress.wait_for(|now| now.ready);
    let ready = tokio::time::timeout(Duration::from_secs(30), ready).await;
    *ready.unwrap().unwrap()
}

async fn once(stage: &Stage, server: &Server) -> (Arc<Knowledge>, protocol::MeaningView) {
    let knowledge = knowledge(stage, server, Life::Once, ToolsConfig::default());
    let view = ready(&knowledge).await;
    (knowledge, view)
}

fn shop() -> Stage {
    let stage = Stage::empty();
    stage.write("button.rs", "fn paint(shade: u32) -> u32 {\n    shade\n}\n");
    stage.write(
        "net.rs",
        "fn retry(times: u32) -> u32 {\n    times\n}\n\n#[cfg(test)]\nmod tests {\n    fn attempts() {}\n}\n",
    );
    stage.write("other.rs", "fn sum(a: u32) -> u32 {\n    a\n}\n");
    stage.write("README.md", "How to paint.\n");
    stage.write(".env", "PAINT_KEY=canary\n");
    stage
}

fn sent(server: &Server) -> Vec<String> {
    server.requests().iter().flat_map(texts).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn code_is_found_by_its_meaning_and_only_what_is_new_is_sent() {
    let stage = shop();
    let server = good();
    let (first, view) = once(&stage, &server).await;
    assert_eq!((view.done, view.total, view.failed), (4, 4, false));
    let all = sent(&server);
    assert_eq!(all.len(), 4);
    // Neither prose nor secrets.
    assert!(
        all.iter()
            .all(|text| !text.contains("How to") && !text.contains("canary"))
    );
    // Another word for it; without its vector nothing is found, and at once nobody is asked for it.
    assert!(
        first
            .search_at_once("tint the widget", 5)
            .await
            .hits
            .is_empty()
    );
    let found = first.search("tint the widget", 5).await;
    assert_eq!(found.hits[0].path, "button.rs", "{found:?}");
    assert_eq!(found.hits[0].why, ["meaning: near to what is asked"]);
    assert_eq!(first.search_at_once("tint the widget", 5).await, found);
    assert_eq!(sent(&server)[4..], ["tint the widget"]);
    assert_eq!(first.status().meaning.unwrap().tokens, 7 * 5);
    first.finish();

    let server = good();
    let (again, view) = once(&stage, &server).await;
    assert_eq!((view.done, view.total, view.tokens), (4, 4, 0));
    assert!(server.requests().is_empty());
    let found = again.search("anew", 5).await;
    assert_eq!(found.hits[0].path, "net.rs");
    again.finish();

    std::thread::sleep(Duration::from_millis(120));
    stage.write("other.rs", "fn colour(a: u32) -> u32 {\n    a\n}\n");
    let server = good();
    let (last, _) = once(&stage, &server).await;
    assert_eq!(sent(&server), ["fn colour(a: u32) -> u32 {\n    a\n}"]);
    last.finish();
    // What is damaged is asked for again.
    std::fs::write(stage.state.join("index/meaning.bin"), b"animus index v2\nx").unwrap();
    let server = good();
    once(&stage, &server).await.0.finish();
    assert_eq!(sent(&server).len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_keeps_code_before_tests() {
    let stage = shop();
    let server = good();
    let tools = ToolsConfig {
        semantic_max_vectors: 3,
        ..ToolsConfig::default()
    };
    let knowledge = knowledge(&stage, &server, Life::Once, tools);
    assert_eq!(ready(&knowledge).await.total, 3);
    let sent = sent(&server);
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|text| !text.contains("attempts")));
    knowledge.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_fails_is_left_alone_and_search_goes_on() {
    let stage = shop();
    let server = Server::start(vec![Answer::http(401, &[], "no")]);
    let (knowledge, view) = once(&stage, &server).await;
    assert!(view.failed && view.ready && view.done == 0);
    let found = knowledge.search("paint", 5).await;
    assert_eq!(found.hits[0].path, "button.rs");
    assert_eq!(server.requests().len(), 1);
    knowledge.finish();
    // As if there were no vectors at all.
    let state = Arc::new(sandbox::Tree::create(&stage.state).unwrap());
    let host = Arc::new(stage.disk());
    let plain = Knowledge::new(host, ToolsConfig::default(), Some(state), Life::Once);
    let plain = Arc::new(plain);
    assert_eq!(plain.search("paint", 5).await, found);
    assert_eq!(plain.status().meaning, None);
    plain.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_of_a_small_context_gets_shorter_texts() {
    let stage = shop();
    let long = format!(
        "fn retry() {{\n{}}}\n",
        "    // ąęśćż and more\n".repeat(50)
    );
    stage.write("long.rs", &long);
    let server = Server::with(|_, request| {
        let texts = texts(request);
        match texts.iter().any(|text| text.len() > 800) {
            true => Answer::http(413, &[], "inputs must have less than 512 tokens"),
            false => answer(&texts),
        }
    });
    let (knowledge, view) = once(&stage, &server).await;
    assert_eq!((view.done, view.total, view.failed), (5, 5, false));
    // 6,000, 3,000 and 1,500 bytes were too many.
    assert_eq!(server.requests().len(), 4);
    let found = knowledge.search("anew", 5).await;
    let paths: Vec<&str> = found.hits.iter().map(|hit| hit.path.as_str()).collect();
    assert!(paths.contains(&"long.rs"), "{paths:?}");
    assert_eq!(server.requests().len(), 5);
    knowledge.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_waits_two_seconds_and_a_stop_not_at_all() {
    let stage = shop();
    let server = Server::with(|_, request| {
        let texts = texts(request);
        match texts.iter().any(|text| text.contains("tint")) {
            true => Answer {
                steps: vec![Step::Hang],
            },
            false => answer(&texts),
        }
    });
    let (knowledge, _) = once(&stage, &server).await;
    let start = Instant::now();
    let found = knowledge.search("tint the paint", 5).await;
    let took = start.elapsed();
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert_eq!(found.hits[0].path, "button.rs");
    knowledge.finish();

    // A build that hangs is cancelled, and what came before is kept.
    let hanging = Server::start(vec![Answer {
        steps: vec![Step::Hang],
    }]);
    stage.write("new.rs", "fn fresh() {}\n");
    let knowledge = self::knowledge(&stage, &hanging, Life::Lasting, ToolsConfig::default());
    while hanging.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let start = Instant::now();
    knowledge.finish();
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_followed_once_it_is_calm() {
    let stage = shop();
    let server = good();
    let knowledge = knowledge(&stage, &server, Life::Lasting, ToolsConfig::default());
    ready(&knowledge).await;
    stage.write(
        "button.rs",
        "fn shade(shade: u32) -> u32 {\n    // colour\n    shade\n}\n",
    );
    let start = Instant::now();
    while !sent(&server).iter().any(|text| text.contains("// colour")) {
        assert!(start.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    ready(&knowledge).await;
    let found = knowledge.search("tint the widget", 5).await;
    assert_eq!(found.hits[0].path, "button.rs");
    knowledge.finish();
}

/// What a task tells before it asks its model: the prompt, and the warnings.
async fn told(stage: &Stage, server: &Server) -> (String, Vec<String>) {
    let sandbox = sandbox::Sandbox::new(&sandbox::Config::default(), &stage.root).unwrap();
    let agent = Agent::new(Parts {
        host: Arc::new(stage.disk()),
        sandbox: Arc::new(sandbox),
        models: Ok(Arc::new(
            llm::Models::scripted("turns: [{text: Nothing has to change.}]").unwrap(),
        )),
        embeddings: Some(embeddings(server)),
        state: Arc::new(sandbox::Tree::create(&stage.state).unwrap()),
        home: None,
        config: Config::default(),
        wished_test_command: None,
        tools: ToolsConfig::default(),
        completion: agent::CompletionConfig::default(),
        memory: agent::MemoryConfig::default(),
        effective: Ok(json!({})),
        version: "test".to_owned(),
    });
    agent.knowledge().start();
    ready(agent.knowledge()).await;
    let run = run(&agent, "tint the widget").await;
    let mut prompt = String::new();
    let mut warnings = Vec::new();
    for event in &run.events {
        match &event.update {
            Update::Prompt { text, .. } if prompt.is_empty() => prompt.clone_from(text),
            Update::Notice { message, .. } => warnings.push(message.clone()),
            _ => {}
        }
    }
    (prompt, warnings)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_sees_what_is_near_and_is_warned_where_nothing_can_be() {
    let stage = shop();
    let (prompt, warnings) = told(&stage, &good()).await;
    assert!(
        prompt.contains("\nbutton.rs:1-3 (meaning: near"),
        "{prompt}"
    );
    assert!(warnings.is_empty(), "{warnings:?}");
    let stage = shop();
    let broken = Server::start(vec![Answer::http(403, &[], "no")]);
    let (prompt, warnings) = told(&stage, &broken).await;
    assert!(!prompt.contains("\nbutton.rs:1-3"), "{prompt}");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("no embeddings of local/small"));
}
