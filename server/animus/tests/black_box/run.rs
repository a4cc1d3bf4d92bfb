//! `run --json` against a server that speaks OpenAI's wire format, tool calls split over chunks.

use crate::stage::{Stage, said};
use serde_json::{Value, json};
use testkit::http::ModelServer;

/// A workspace whose test is a script: `greeting.txt` must say hello.
pub fn greeting() -> Stage {
    Stage::with(&[
        ("greeting.txt", "hullo\nworld\n"),
        ("other.txt", "untouched\n"),
        (
            "check.sh",
            "grep -q '^hello$' greeting.txt || { echo 'FAILED greeting::says_hello'; exit 1; }\n",
        ),
    ])
}

/// A patch of the greeting.
pub fn patch(word: &str) -> Value {
    let text = format!(
        "*** Begin Patch\n*** Update File: greeting.txt\n@@\n-hullo\n+{word}\n world\n*** End Patch\n"
    );
    json!({"name": "apply_patch", "arguments": {"patch": text}})
}

const PLAN: &str = "update_plan";

pub fn plan() -> Value {
    json!({"name": PLAN, "arguments": {"steps": [{"content": "Mend the greeting", "status": "in_progress"}]}})
}

pub fn critic() -> Value {
    json!({"text": "{\"quality\": \"good\", \"findings\": []}"})
}

const RUN: [&str; 5] = [
    "run",
    "--json",
    "--test-command",
    "sh check.sh",
    "Say hello properly",
];

#[test]
fn a_good_patch_is_verified_and_lands() {
    let stage = greeting();
    let model = ModelServer::openai(vec![
        json!({"text": "I look first.", "calls": [plan(), {"name": "read_file", "arguments": {"path": "greeting.txt"}}]}),
        json!({"text": "One word is wrong.", "calls": [patch("hello")]}),
        json!({"text": "The greeting says hello.", "usage": {"input": 100, "output": 10}}),
        critic(),
    ]);
    let run = said(&mut stage.with_model(&model.base_url(), &RUN));
    let end = run.finished();
    assert_eq!(
        (end["reason"].as_str(), run.code),
        (Some("verified"), 0),
        "{}\n{}",
        run.out,
        run.err
    );
    assert_eq!(stage.read("greeting.txt"), "hello\nworld\n");
    assert_eq!(stage.read("other.txt"), "untouched\n");
    // M2: a price that nobody configured is unknown.
    assert!(end["usage"].get("costMicroUsd").is_none(), "{end}");
    // M3: the key went to the server and nowhere else.
    assert_eq!(
        model.requests()[0].header("authorization"),
        Some("Bearer sk-test-key")
    );
    assert!(!run.out.contains("sk-test-key") && !run.err.contains("sk-test-key"));
    // What the tool read reached the model.
    assert!(String::from_utf8_lossy(&model.requests()[1].body).contains("hullo"));
    // The critic knows the plan and what the tests say, and none of the coder's words.
    let asked = String::from_utf8_lossy(&model.requests()[3].body).into_owned();
    for told in [
        "Say hello properly",
        "Mend the greeting",
        "Tests: `sh check.sh` passed",
        "no file has more or fewer syntax errors",
        "-hullo",
    ] {
        assert!(asked.contains(told), "{told} in {asked}");
    }
    for reasoning in [
        "I look first",
        "One word is wrong",
        "The greeting says hello.",
    ] {
        assert!(!asked.contains(reasoning), "{reasoning} in {asked}");
    }
}

#[test]
fn a_patch_that_breaks_a_test_ends_test_failed_and_no_file_changes() {
    let stage = greeting();
    let model = ModelServer::openai(vec![
        json!({"calls": [plan(), patch("good day")]}),
        json!({"text": "Done."}),
        critic(),
        json!({"text": "It cannot be done otherwise."}),
        critic(),
    ]);
    let run = said(&mut stage.with_model(&model.base_url(), &RUN));
    let end = run.finished();
    assert_eq!(
        (end["reason"].as_str(), run.code),
        (Some("test_failed"), 4),
        "{}\n{}",
        run.out,
        run.err
    );
    assert_eq!(stage.read("greeting.txt"), "hullo\nworld\n");
    let report = run
        .events()
        .into_iter()
        .rev()
        .find(|event| event["update"]["type"] == "test")
        .unwrap();
    assert_eq!(report["update"]["report"]["verdict"], "failed");
    assert_eq!(
        report["update"]["report"]["failing"],
        json!(["greeting::says_hello"])
    );
}

#[test]
fn without_tests_a_patch_is_unverified() {
    let stage = Stage::with(&[("greeting.txt", "hullo\nworld\n")]);
    let model = ModelServer::openai(vec![
        json!({"calls": [plan(), patch("hello")]}),
        json!({"text": "Done."}),
        critic(),
    ]);
    let run = said(&mut stage.with_model(&model.base_url(), &["run", "--json", "Say hello"]));
    assert_eq!(
        (run.finished()["reason"].as_str(), run.code),
        (Some("unverified"), 3),
        "{}",
        run.out
    );
    assert_eq!(stage.read("greeting.txt"), "hello\nworld\n");
}

#[test]
fn review_leaves_the_patch_for_a_person() {
    let stage = greeting();
    let model = ModelServer::openai(vec![
        json!({"calls": [plan(), patch("hello")]}),
        json!({"text": "Done."}),
        critic(),
    ]);
    let mut args = RUN.to_vec();
    args.splice(1..1, ["--land", "review"]);
    let run = said(&mut stage.with_model(&model.base_url(), &args));
    assert_eq!(run.code, 0, "{}\n{}", run.out, run.err);
    assert_eq!(stage.read("greeting.txt"), "hullo\nworld\n");
    let taken = said(&mut stage.animus(&["patch", "accept", "--json"]));
    assert_eq!(
        (taken.code, taken.json()["state"].as_str()),
        (0, Some("landed")),
        "{}",
        taken.err
    );
    assert_eq!(stage.read("greeting.txt"), "hello\nworld\n");
}

#[test]
fn words_for_a_person_when_nobody_asked_for_json() {
    let stage = greeting();
    let model = ModelServer::openai(vec![
        json!({"calls": [plan(), patch("hello")]}),
        json!({"text": "Done."}),
        critic(),
    ]);
    let run = said(&mut stage.with_model(
        &model.base_url(),
        &["run", "--test-command", "sh check.sh", "Say hello"],
    ));
    assert_eq!(run.code, 0, "{}", run.err);
    for words in [
        "◆ Plan",
        "✎ patch greeting.txt",
        "-hullo",
        "+hello",
        "✔ passed",
        "✔ verified",
        "price unknown",
        "patch undo",
    ] {
        assert!(
            run.out.contains(words),
            "{words} is missing in:\n{}",
            run.out
        );
    }
    assert!(!run.out.contains('\u{1b}'), "a pipe gets no escape codes");
}

#[test]
fn a_command_that_policy_asks_about_is_refused_where_nobody_can_be_asked() {
    let stage = greeting();
    let call =
        json!({"name": "run_command", "arguments": {"command": "curl http://127.0.0.1:1/x"}});
    let model = ModelServer::openai(vec![
        json!({"calls": [plan()]}),
        json!({"calls": [call]}),
        json!({"text": "Not without the network."}),
    ]);
    let run = said(&mut stage.with_model(&model.base_url(), &RUN));
    assert_eq!(
        (run.finished()["reason"].as_str(), run.code),
        (Some("no_change"), 0),
        "{}\n{}",
        run.out,
        run.err
    );
    let refused = run
        .events()
        .into_iter()
        .any(|event| event["update"]["result"]["failure"]["code"] == "denied");
    assert!(refused, "{}", run.out);
}
