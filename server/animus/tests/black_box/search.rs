//! Search in the terminal with a model's help: embeddings and the planner, and without either where they fail.

use crate::stage::{Stage, fed, said};
use serde_json::{Value, json};
use testkit::http::{Answer, ModelServer, Server};

fn shop() -> Stage {
    let stage = Stage::empty();
    stage.write(
        "button.rs",
        "pub fn paint(shade: u32) -> u32 {\n    shade\n}\n",
    );
    stage.write("net.rs", "pub fn fetch(port: u32) -> u32 {\n    port\n}\n");
    stage.write("disk.rs", "pub fn flush(port: u32) -> u32 {\n    port\n}\n");
    stage
}

/// Buttons and widgets in one direction, all else in another.
fn embeddings() -> Server {
    Server::with(|_, request| {
        let texts: Vec<String> = serde_json::from_value(request.json()["input"].clone()).unwrap();
        let row = |(index, text): (usize, &String)| {
            let near = text.contains("paint") || text.contains("widget");
            json!({"index": index, "embedding": if near { [1.0, 0.1] } else { [0.1, 1.0] }})
        };
        let data: Value = texts.iter().enumerate().map(row).collect();
        Answer::json(200, &json!({"data": data, "usage": {"prompt_tokens": 5}}))
    })
}

fn configure(stage: &Stage, url: &str) {
    stage.configure(&format!(
        "providers:\n  local: {{type: ollama, base_url: '{url}'}}\ntools:\n  embeddings: {{provider: local, model: small}}\n"
    ));
}

fn paths(answer: &Value) -> Vec<&str> {
    let hits = answer.as_array().unwrap().iter();
    hits.map(|hit| hit["path"].as_str().unwrap()).collect()
}

#[test]
fn what_means_the_same_is_found_where_embeddings_are_configured() {
    let stage = shop();
    let words = ["--json", "search", "tint the widget"];
    assert_eq!(paths(&said(&mut stage.animus(&words)).json()), [""; 0]);
    let server = embeddings();
    configure(&stage, &server.url());
    assert_eq!(
        paths(&said(&mut stage.animus(&words)).json()),
        ["button.rs"]
    );
    // The code in one request, then the question; the next time the question alone.
    assert_eq!(server.requests().len(), 2);
    assert_eq!(
        paths(&said(&mut stage.animus(&words)).json()),
        ["button.rs"]
    );
    assert_eq!(server.requests().len(), 3);
    let question = "{\"id\":1,\"query\":\"tint the widget\",\"without\":[\"meaning\"]}\n";
    let answer = fed(&mut stage.animus(&["search", "--batch"]), question).json();
    assert_eq!(paths(&answer["ranked"]), [""; 0]);
    assert_eq!(server.requests().len(), 3);

    let broken = Server::start(vec![Answer::http(403, &[], "no")]);
    configure(&stage, &broken.url());
    let words = ["--json", "search", "--no-store", "paint"];
    let answer = said(&mut stage.animus(&words));
    assert_eq!(paths(&answer.json()), ["button.rs"], "{}", answer.err);
    assert_eq!(broken.requests().len(), 1);
    let told = answer.err.matches("no embeddings of local/small");
    assert_eq!(told.count(), 1, "{}", answer.err);
}

#[test]
fn the_planner_helps_where_it_is_asked_to() {
    let stage = shop();
    let turns = || {
        vec![
            json!({"text": "{\"words\":[\"paint\"]}"}),
            json!({"text": "{\"files\":[\"net.rs\"]}"}),
        ]
    };
    let args = ["--json", "search", "--rewrite", "the port"];
    let model = ModelServer::openai(turns());
    let answer = said(&mut stage.with_model(&model.base_url(), &args));
    let json = answer.json();
    let found = paths(&json);
    assert_eq!(found[0], "net.rs", "{found:?} {}", answer.err);
    assert!(found.contains(&"button.rs") && found.contains(&"disk.rs"));
    assert!(
        answer.err.contains("looks also for: paint"),
        "{}",
        answer.err
    );
    let asked: Vec<String> = model
        .requests()
        .iter()
        .map(|request| request.json()["messages"][1]["content"].to_string())
        .collect();
    assert_eq!(asked.len(), 2);
    assert!(asked[0].contains("the port") && asked[1].contains("disk.rs: flush"));
    // Names, never a text.
    assert!(!asked[1].contains("u32"), "{}", asked[1]);

    let model = ModelServer::openai(turns());
    let args = ["search", "--rewrite", "--batch"];
    let question = "{\"id\":1,\"query\":\"the port\"}\n";
    let answer = fed(&mut stage.with_model(&model.base_url(), &args), question);
    assert_eq!(answer.json()["ranked"][0]["path"], "net.rs");

    let plain = said(&mut stage.animus(&["--json", "search", "the port"])).json();
    let model = ModelServer::openai(Vec::new());
    let args = ["--json", "search", "--rewrite", "the port"];
    let answer = said(&mut stage.with_model(&model.base_url(), &args));
    assert_eq!(answer.json(), plain);
    assert!(answer.err.contains("of no help"), "{}", answer.err);
    let nobody = said(&mut stage.animus(&args));
    assert!(
        nobody.code != 0 && nobody.err.contains("no model"),
        "{}",
        nobody.err
    );
}
