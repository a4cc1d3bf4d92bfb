//! Calls that models write wrong: healed where the healed call fits, told back once with every violation, never run in part.

use crate::stage::{Run, Stage, run};
use protocol::{FinishReason, ToolCall, ToolStatus, Update};
use serde_json::{Value, json};
use testkit::http::{Answer, ModelServer, Server};

fn models(base_url: &str) -> llm::Models {
    let config = serde_json::from_value(json!({
        "providers": {"here": {"type": "openai_compatible", "base_url": base_url}},
        "models": {"m": {"provider": "here", "model": "small", "default": true}},
    }));
    llm::Models::new(&config.unwrap()).unwrap()
}

fn agent(stage: &Stage, base_url: &str) -> agent::Agent {
    stage.agent_asking(models(base_url), |config| config.enable_plan = false)
}

fn call(name: &str, arguments: Value) -> Value {
    json!({"calls": [{"name": name, "arguments": arguments}]})
}

fn calls(run: &Run) -> Vec<&ToolCall> {
    let calls = run.events.iter().filter_map(|event| match &event.update {
        Update::ToolCall { call } => Some(call),
        _ => None,
    });
    calls.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_fit_once_they_are_put_right_are_run() {
    let stage = Stage::new();
    let server = ModelServer::openai(vec![
        call("read_file", json!("{'path': 'greet.txt', start: \"1\",}")),
        call(
            "apply_patch",
            json!(
                "```json\n{\"patch\": \"*** Begin Patch\n*** Update File: greet.txt\n@@\n-hello\n+goodbye\n*** End Patch\"}\n```"
            ),
        ),
        call(
            "apply_patch",
            json!({"path": "greet.txt", "old": "world", "new": "all"}),
        ),
        call(
            "write_file",
            json!("{\"path\": \"count.txt\", \"content\": \"one\\n2\\n\",}"),
        ),
        json!({"text": "done"}),
    ]);
    let run = run(&agent(&stage, &server.base_url()), "say goodbye").await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    let calls = calls(&run);
    assert_eq!(calls[0].input, json!({"path": "greet.txt", "start": 1}));
    assert_eq!(calls[0].title, "read greet.txt:1-");
    let notes = [
        "single quotes",
        "keys without quotes",
        "trailing commas",
        "a number in quotes",
    ];
    assert_eq!(calls[0].healed, notes);
    assert!(
        calls.iter().all(|call| !call.healed.is_empty()),
        "{calls:?}"
    );
    assert!(
        run.results()
            .all(|result| result.status == ToolStatus::Completed)
    );
    // The model is sent its calls as they ran.
    let body = server.requests()[1].json();
    let messages = body["messages"].as_array().unwrap();
    let sent = messages
        .iter()
        .find_map(|one| one["tool_calls"][0]["function"]["arguments"].as_str());
    assert_eq!(sent, Some("{\"path\":\"greet.txt\",\"start\":1}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_put_right_is_told_back_with_every_violation() {
    let stage = Stage::new();
    let wrong = call(
        "read_file",
        json!({"start": "first", "end": true, "lines": 3}),
    );
    let raw = call(
        "read_file",
        json!("{'start': 'first', end: True, \"lines\": 3,}"),
    );
    let server = ModelServer::openai(vec![wrong, raw, json!({"text": "I give up."})]);
    let run = run(&agent(&stage, &server.base_url()), "read").await;
    assert_eq!(run.reason(), FinishReason::NoChange, "{}", run.summary());
    let results: Vec<_> = run.results().collect();
    assert_eq!(results.len(), 2);
    for result in results {
        assert_eq!(result.status, ToolStatus::Failed);
        for part in ["path", "/start", "/end", "lines"] {
            assert!(result.output.contains(part), "{part}: {}", result.output);
        }
    }
    assert!(calls(&run).iter().all(|call| call.healed.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_cut_never_runs() {
    let stage = Stage::new();
    let cut = |arguments: &str, finish: &str| {
        let call = json!({"index": 0, "id": "c", "function": {"name": "write_file", "arguments": arguments}});
        let chunk = json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": finish}]});
        Answer::sse(format!("data: {chunk}\n\ndata: [DONE]\n\n"))
    };
    let chunk = json!({"choices": [{"index": 0, "delta": {"content": "I give up."}, "finish_reason": "stop"}]});
    let whole = "{\"path\": \"greet.txt\", \"content\": \"goodbye\"";
    let server = Server::start(vec![
        cut(whole, "length"),
        cut(whole, "tool_calls"),
        cut("{\"path\": \"greet.txt\", \"content\":", "tool_calls"),
        Answer::sse(format!("data: {chunk}\n\ndata: [DONE]\n\n")),
    ]);
    let run = run(
        &agent(&stage, &format!("{}/v1", server.url())),
        "say goodbye",
    )
    .await;
    assert_eq!(run.reason(), FinishReason::NoChange, "{}", run.summary());
    assert!(
        run.results()
            .all(|result| result.status == ToolStatus::Failed)
    );
    assert_eq!(run.results().count(), 2);
    assert!(
        !run.events
            .iter()
            .any(|event| matches!(event.update, Update::Draft { .. }))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_without_calls_writes_them_as_text() {
    let stage = Stage::new();
    let patch = "*** Begin Patch\n*** Update File: greet.txt\n@@\n-hello\n+goodbye\n*** End Patch";
    let object = json!({"name": "read_file", "arguments": {"path": "greet.txt"}});
    let server = ModelServer::openai(vec![
        json!({"text": format!("I read it.\n<tool_call>\n{object}\n</tool_call>")}),
        json!({"text": format!("<tool_call>\n<function=apply_patch>\n<parameter=patch>\n{patch}\n</parameter>\n</function>\n</tool_call>")}),
        json!({"text": "Action: write_file\nAction Input: {\"path\": \"count.txt\", \"content\": \"one\\n2\\n\"}"}),
        json!({"text": "Done. It was `<tool_call>{\"tool\": \"git_status\"}</tool_call>` that was not needed."}),
    ]);
    let run = run(&agent(&stage, &server.base_url()), "say goodbye").await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    let names: Vec<&str> = calls(&run).iter().map(|call| call.name.as_str()).collect();
    assert_eq!(names, ["read_file", "apply_patch", "write_file"]);
    assert!(
        run.results()
            .all(|result| result.status == ToolStatus::Completed)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_cannot_run_end_the_task_the_third_time() {
    let stage = Stage::new();
    let broken = |at: usize| match at % 2 {
        0 => call("write_file", json!(format!("{{\"path\": \"a{at}"))),
        _ => call(&format!("tool_{at}"), json!({"path": "a"})),
    };
    let read = || call("functions.Read_File", json!({"path": "greet.txt"}));
    let mut turns: Vec<Value> = vec![broken(0), broken(1), read()];
    turns.extend((2..40).map(broken));
    let server = ModelServer::openai(turns);
    let run = run(&agent(&stage, &server.base_url()), "say goodbye").await;
    assert_eq!(
        run.reason(),
        FinishReason::ProviderError,
        "{}",
        run.summary()
    );
    assert!(
        run.summary().contains("3 times in a row"),
        "{}",
        run.summary()
    );
    assert_eq!(server.requests().len(), 6);
    let good: Vec<_> = calls(&run)
        .into_iter()
        .filter(|call| call.name == "read_file")
        .collect();
    assert_eq!(good.len(), 1);
    assert_eq!(good[0].healed, ["the tool's name"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_run_as_they_are_meant_and_go_back_as_they_were_written() {
    let stage = Stage::new();
    let written = "{\"start\": 1, \"path\":\"greet.txt\"}";
    let twice = "{\"path\": \"greet.txt\", \"content\": \"a\", \"content\": \"b\"}";
    let server = ModelServer::openai(vec![
        call("read_file", json!(written)),
        call(
            "read_file",
            json!("{\"path\": \"greet.txt\", \"start\": 1.0}"),
        ),
        call("write_file", json!(twice)),
        call("find_text", json!("{\"pattern\": \"\\bhello\\s\"}")),
        json!({"text": "Nothing has to change."}),
    ]);
    let run = run(&agent(&stage, &server.base_url()), "read").await;
    assert_eq!(run.reason(), FinishReason::NoChange, "{}", run.summary());
    let results: Vec<_> = run.results().collect();
    let status: Vec<ToolStatus> = results.iter().map(|result| result.status).collect();
    use ToolStatus::{Completed, Failed};
    assert_eq!(
        status,
        [Completed, Completed, Failed, Failed],
        "{results:?}"
    );
    assert!(results[2].output.contains("twice"), "{}", results[2].output);
    assert!(
        results[3].output.contains("escape"),
        "{}",
        results[3].output
    );
    let bodies = server.requests();
    let body = bodies.last().unwrap().json();
    let sent: Vec<&str> = body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["tool_calls"][0]["function"]["arguments"].as_str())
        .collect();
    assert_eq!(sent[0], written);
    assert_eq!(sent[1], "{\"path\":\"greet.txt\",\"start\":1}");
    let calls = calls(&run);
    assert_eq!(calls[1].healed, ["a whole number with a fraction"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_in_text_is_sent_back_once() {
    let stage = Stage::new();
    let content = "MARKED ".repeat(50);
    let object =
        json!({"name": "write_file", "arguments": {"path": "new.txt", "content": content}});
    let server = ModelServer::openai(vec![
        json!({"text": format!("I write it.\n<tool_call>\n{object}\n</tool_call>")}),
        json!({"text": "Done."}),
    ]);
    let run = run(&agent(&stage, &server.base_url()), "write").await;
    assert!(
        run.results()
            .all(|result| result.status == ToolStatus::Completed)
    );
    let body = &server.requests()[1].body;
    let body = String::from_utf8_lossy(body);
    assert_eq!(body.matches("MARKED").count(), 50, "{body}");
    assert!(body.contains("I write it."));
}
