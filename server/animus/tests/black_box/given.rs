//! `run --tools`: calls that come with a request run first, held to what the model's own calls are.

use crate::run::{critic, greeting, patch, plan};
use crate::stage::{Stage, said};
use serde_json::{Value, json};
use testkit::http::ModelServer;

fn args<'a>(tools: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec![
        "run",
        "--json",
        "--test-command",
        "sh check.sh",
        "--tools",
        tools,
    ];
    args.extend(more);
    args.push("Say hello");
    args
}

fn of<'e>(events: &'e [Value], kind: &str) -> Vec<&'e Value> {
    let updates = events.iter().map(|event| &event["update"]);
    updates.filter(|update| update["type"] == kind).collect()
}

#[test]
fn given_calls_run_first_by_either_name_and_each_has_its_result() {
    let stage = greeting();
    stage.write(".env", "TOKEN=abcdef\n");
    let tools = json!([
        {"name": "fs.read_file", "args": {"path": "greeting.txt"}},
        {"name": "read_file", "args": {"path": ".env"}},
        {"name": "list_files"},
    ])
    .to_string();
    let model = ModelServer::openai(vec![
        json!({"calls": [plan(), patch("hello")]}),
        json!({"text": "Done."}),
        critic(),
    ]);
    let run = said(&mut stage.with_model(&model.base_url(), &args(&tools, &[])));
    assert_eq!(
        run.finished()["reason"],
        "verified",
        "{}{}",
        run.out,
        run.err
    );
    let events = run.events();
    let (calls, results) = (of(&events, "toolCall"), of(&events, "toolResult"));
    assert_eq!((calls.len(), results.len()), (5, 5));
    let codes: Vec<&Value> = results
        .iter()
        .take(3)
        .map(|one| &one["result"]["failure"]["code"])
        .collect();
    assert_eq!(
        codes,
        [&Value::Null, &json!("path_refused"), &Value::Null],
        "{}",
        run.out
    );
    assert_eq!(calls[0]["call"]["title"], "read greeting.txt");
    let asked = model.requests()[0].json()["messages"].to_string();
    assert!(
        asked.contains("hullo") && asked.contains("other.txt"),
        "{asked}"
    );
    assert!(!asked.contains("abcdef"), "{asked}");
}

#[test]
fn a_given_edit_is_held_to_the_phase() {
    let write = json!([{"name": "fs.write_file", "args": {"path": "greeting.txt", "content": "hello\nworld\n"}}]).to_string();
    let done = || {
        vec![
            json!({"text": "It is there."}),
            json!({"text": "It is there."}),
            critic(),
        ]
    };
    let run = |profile: &str| {
        let stage: Stage = greeting();
        let mut turns = done();
        if profile == "default" {
            turns.remove(0);
        }
        let model = ModelServer::openai(turns);
        let mut command = stage.with_model(&model.base_url(), &args(&write, &[]));
        let run = said(command.env("ANIMUS_AGENT_PROFILE", profile));
        (run.finished()["reason"].clone(), run.events(), stage)
    };
    let (reason, _, stage) = run("default");
    assert_eq!(reason, "verified");
    assert_eq!(stage.read("greeting.txt"), "hello\nworld\n");
    let (reason, events, stage) = run("safe");
    assert_eq!(reason, "no_change");
    assert_eq!(
        of(&events, "toolResult")[0]["result"]["failure"]["code"],
        "phase_refused"
    );
    assert_eq!(stage.read("greeting.txt"), "hullo\nworld\n");
}

#[test]
fn what_is_no_list_of_calls_is_a_wrong_use() {
    let stage = greeting();
    for wrong in [
        "{}",
        "[1]",
        "[{\"args\": {}}]",
        "nonsense",
        "[{\"name\": \"x\", \"do\": 1}]",
        "[{\"name\": \"read_file\", \"args\": {\"file\": \"other.txt\"}}]",
    ] {
        let model = "http://127.0.0.1:1/v1";
        let said = said(&mut stage.with_model(model, &args(wrong, &[])));
        assert_eq!(said.code, 2, "{wrong}: {}", said.err);
    }
}
