//! Trouble: what a person sees when something is wrong. Each ends with a clear word and its exit code, and no file changes.

use crate::run::{greeting, plan};
use crate::stage::{Stage, said};
use serde_json::json;
use testkit::http::{Answer, ModelServer, Server, Step};

const RUN: [&str; 5] = [
    "run",
    "--json",
    "--test-command",
    "sh check.sh",
    "Say hello properly",
];

#[test]
fn a_broken_configuration_names_file_line_and_key() {
    let stage = greeting();
    let path = stage.configure("agent:\n  max_step: 4\n");
    let run = said(&mut stage.animus(&RUN));
    assert_eq!((run.code, run.out.as_str()), (11, ""));
    let error: serde_json::Value = serde_json::from_str(&run.err).unwrap();
    let message = error["error"]["message"].as_str().unwrap();
    assert_eq!(error["error"]["code"], "config");
    assert_eq!(
        message,
        format!(
            "{}:2:3: `agent.max_step`: unknown key; did you mean `max_steps`?",
            path.display()
        )
    );

    let check = said(&mut stage.animus(&["config", "check"]));
    assert_eq!(check.code, 11);
    assert!(
        check.err.starts_with("error: ") && check.err.contains(":2:3:"),
        "{}",
        check.err
    );
}

#[test]
fn without_a_model_one_sentence_says_what_to_set() {
    let stage = greeting();
    let run = said(&mut stage.animus(&["run", "Say hello"]));
    assert_eq!(run.code, 11, "{}", run.err);
    for word in [
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
        "Ollama",
        "animus config init",
    ] {
        assert!(run.err.contains(word), "{}", run.err);
    }
    assert_eq!(stage.read("greeting.txt"), "hullo\nworld\n");
}

#[test]
fn an_empty_folder_without_git_is_a_workspace() {
    let stage = Stage::empty();
    let model = ModelServer::openai(vec![
        json!({"calls": [plan(), {"name": "list_files", "arguments": {}}, {"name": "git_status", "arguments": {}}]}),
        json!({"text": "There is nothing here to change."}),
    ]);
    let run = said(&mut stage.with_model(&model.base_url(), &["run", "--json", "Tidy up"]));
    assert_eq!(
        (run.finished()["reason"].as_str(), run.code),
        (Some("no_change"), 0),
        "{}\n{}",
        run.out,
        run.err
    );
    assert_eq!(
        std::fs::read_dir(stage.root()).unwrap().count(),
        0,
        "nothing is left behind in the user's folder"
    );
}

#[test]
fn a_model_that_answers_nothing_garbage_or_half_a_stream_is_a_provider_error() {
    let half = "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"read_file\",\"arguments\":\"{\\\"pa\"}}]}}]}\n\n";
    let stream = [("content-type", "text/event-stream")];
    let end = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let page = "<html><body>Not here</body></html>";
    let cases = [
        ("nothing", Answer::sse(end)),
        ("an empty body", Answer::http(200, &stream, "")),
        (
            "garbage",
            Answer::http(200, &stream, "data: {nonsense\n\n\u{0}\u{1}"),
        ),
        (
            "a page",
            Answer::http(404, &[("content-type", "text/html")], page),
        ),
        ("half a stream", Answer::sse(half)),
    ];
    for (what, answer) in cases {
        let stage = greeting();
        let server = Server::with(move |_, _| answer.clone());
        let run = said(&mut stage.with_model(&format!("{}/v1", server.url()), &RUN));
        let end = run.finished();
        assert_eq!(
            (end["reason"].as_str(), run.code),
            (Some("provider_error"), 8),
            "{what}: {end}\n{}",
            run.err
        );
        assert!(
            end["failure"]["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{what}: {end}"
        );
        assert_eq!(stage.read("greeting.txt"), "hullo\nworld\n", "{what}");
    }
}

#[test]
fn a_server_that_hangs_up_and_one_that_is_not_there() {
    let stage = greeting();
    let server = Server::with(|_, _| Answer {
        steps: vec![Step::Reset],
    });
    let run = said(&mut stage.with_model(&format!("{}/v1", server.url()), &RUN));
    assert_eq!(run.code, 8, "{}\n{}", run.out, run.err);
    let run = said(&mut stage.with_model("http://127.0.0.1:1/v1", &RUN));
    assert_eq!(run.code, 8, "{}\n{}", run.out, run.err);
    assert!(!run.out.contains("sk-test-key"));
}

#[test]
fn wrong_use_is_exit_code_2_and_a_missing_folder_says_so() {
    let stage = Stage::empty();
    assert_eq!(said(&mut stage.animus(&["run"])).code, 2);
    assert_eq!(said(&mut stage.animus(&["run", ""])).code, 2);
    assert_eq!(said(&mut stage.animus(&["dance"])).code, 2);
    let missing = said(&mut stage.animus(&["-C", "nowhere", "map"]));
    assert!(
        missing.code == 1 && missing.err.contains("nowhere") && missing.err.contains("-C"),
        "{}",
        missing.err
    );
    let config = said(&mut stage.animus(&["--config", "nowhere.yaml", "models"]));
    assert!(
        config.code == 11 && config.err.contains("nowhere.yaml"),
        "{}",
        config.err
    );
}

#[test]
fn a_dot_env_file_of_the_project_is_never_read() {
    let stage = greeting();
    stage.write(
        ".env",
        "OPENAI_API_KEY=sk-stolen\nOPENAI_BASE_URL=http://127.0.0.1:1\n",
    );
    assert_eq!(said(&mut stage.animus(&["run", "Say hello"])).code, 11);
}

#[test]
fn a_project_file_that_asks_for_more_is_listed_with_its_lines() {
    let stage = greeting();
    stage.write(
        "animus.yaml",
        "sandbox:\n  allow_network: true\nagent:\n  test_command: ./x.sh\n",
    );
    let check = said(&mut stage.animus(&["config", "check", "--json"])).json();
    let lines: Vec<_> = check["ignored"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["line"].as_u64(), one["key"].as_str()))
        .collect();
    assert_eq!(
        lines,
        [
            (Some(2), Some("sandbox.allow_network")),
            (Some(4), Some("agent.test_command"))
        ]
    );
    assert_eq!(check["effective"]["sandbox"]["allow_network"], false);
}

#[test]
fn an_unknown_model_is_named_before_anything_starts() {
    let stage = greeting();
    stage.configure("providers: {s: {type: scripted, script: t.yaml}}\nmodels: {main: {provider: s, model: x}}\n");
    let run = said(&mut stage.animus(&["run", "--critic-model", "mian", "Say hello"]));
    assert!(
        run.code == 2
            && run.err.contains("--critic-model")
            && run.err.contains("did you mean `main`"),
        "{}",
        run.err
    );
}

#[test]
fn with_a_key_alone_any_model_of_that_server_can_be_named() {
    let stage = greeting();
    let model = ModelServer::openai(vec![
        json!({"calls": [plan()]}),
        json!({"text": "Nothing to do."}),
    ]);
    let args = [
        "run",
        "--json",
        "--planner-model",
        "other",
        "--model",
        "third",
        "Look",
    ];
    let run = said(&mut stage.with_model(&model.base_url(), &args));
    assert_eq!(run.code, 0, "{}\n{}", run.out, run.err);
    let asked: Vec<_> = model
        .requests()
        .iter()
        .map(|request| request.json()["model"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(asked, [Some("other".to_owned()), Some("third".to_owned())]);
}
