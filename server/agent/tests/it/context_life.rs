//! Context life: what models are sent over many turns, and how a conversation is kept within its room.
#![allow(clippy::disallowed_methods, reason = "histories are read here")]

use crate::stage::{GOOD, Run, Stage, ask, finish, run};
use agent::{Agent, Config, Conversation};
use protocol::{Compaction, CompactionStep, Event, FinishReason, TaskRequest, Update};
use serde_json::{Value, json};
use testkit::http::ModelServer;

fn models(server: &ModelServer, context_tokens: u64) -> llm::Models {
    let config = serde_json::from_value(json!({
        "providers": {"here": {"type": "openai_compatible", "base_url": server.base_url()}},
        "models": {"m": {"provider": "here", "model": "big", "default": true, "context_tokens": context_tokens}},
    }));
    llm::Models::new(&config.unwrap()).unwrap()
}

fn call(name: &str, arguments: Value) -> Value {
    json!({"calls": [{"name": name, "arguments": arguments}]})
}

/// A workspace of files of about 3 kB each, and small rooms.
fn library() -> Stage {
    let stage = Stage::empty();
    for at in 0..12 {
        let line = format!("line of file {at} with some words in it\n");
        stage.write(&format!("f{at}.txt"), &line.repeat(3_000 / line.len()));
    }
    stage
}

fn small(config: &mut Config) {
    config.enable_plan = false;
    config.enable_test_run = false;
    config.max_context_bytes = 500;
    config.max_context_tokens = 12_000;
}

/// Turns that read these files, by number.
fn reads(files: &[usize]) -> String {
    let turn = |at: &usize| {
        format!(
            "  - role: coder\n    calls: [{{name: read_file, arguments: {{path: f{at}.txt}}}}]\n"
        )
    };
    files.iter().map(turn).collect()
}

const DONE: &str = "  - {role: coder, text: Nothing has to change.}\n";

fn compactions(run: &Run) -> Vec<Compaction> {
    let of = |event: &Event| match &event.update {
        Update::Compacted { compaction } => Some(compaction.clone()),
        _ => None,
    };
    run.events.iter().filter_map(of).collect()
}

/// The history on disk gives the conversation of the events (A3).
fn is_the_same_from_disk(stage: &Stage, run: &Run) {
    let session = &run.events[0].session;
    let path = stage.state.join(format!("sessions/{session}.ndjson"));
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<Event> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        Conversation::fold(&lines).messages(),
        Conversation::fold(&run.events).messages()
    );
}

/// The messages, tools and system text of each request.
fn sent(server: &ModelServer) -> Vec<(Vec<String>, String)> {
    let of = |body: Value| {
        let messages = body["messages"].as_array().unwrap();
        (
            messages.iter().map(Value::to_string).collect(),
            body["tools"].to_string(),
        )
    };
    server
        .requests()
        .iter()
        .map(|request| of(request.json()))
        .collect()
}

fn each_begins_with_the_one_before(sent: &[(Vec<String>, String)]) {
    for pair in sent.windows(2) {
        let ((before, tools), (after, same)) = (&pair[0], &pair[1]);
        assert_eq!(tools, same, "the tool list never changes");
        assert!(after.len() >= before.len(), "{before:?}\n{after:?}");
        assert_eq!(before[..], after[..before.len()]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_begins_with_what_was_sent_before() {
    let stage = Stage::new();
    let bad = GOOD.replace("+2", "+3");
    let plan = json!({"steps": [{"content": "edit"}]});
    let server = ModelServer::openai(vec![
        json!({"reasoning": "hm", "text": "I read.", "calls": [{"name": "read_file", "arguments": {"path": "greet.txt"}}, {"name": "update_plan", "arguments": plan}]}),
        call("read_file", json!("{'path': 'count.txt',}")),
        call("nothing", json!("no json")),
        call("apply_patch", json!({"patch": bad})),
        call("run_command", json!({"command": "cat greet.txt"})),
        json!({"text": ""}),
        json!({"text": "done"}),
        call(
            "apply_patch",
            json!({"patch": "*** Begin Patch\n*** Update File: count.txt\n@@\n-3\n+2\n*** End Patch"}),
        ),
        json!({"text": "mended"}),
        json!({"text": "It is as it was."}),
        json!({"text": "No change."}),
    ]);
    let agent = stage.agent_asking(models(&server, 100_000), |_| {});
    let first = run(&agent, "say goodbye").await;
    assert_eq!(
        first.reason(),
        FinishReason::Verified,
        "{}",
        first.summary()
    );
    assert!(first.phases().contains("repair"), "{}", first.phases());
    // Another process goes on with the session.
    agent.shutdown().await;
    let later = stage.agent_asking(models(&server, 100_000), |_| {});
    let started = later
        .start(TaskRequest {
            session: Some(first.events[0].session.clone()),
            ..ask("and now?")
        })
        .unwrap();
    let second = finish(&later, &started).await;
    assert_eq!(
        second.reason(),
        FinishReason::NoChange,
        "{}",
        second.summary()
    );
    let sent = sent(&server);
    assert_eq!(sent.len(), 11);
    each_begins_with_the_one_before(&sent);
    assert!(compactions(&first).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_needless_goes_first_and_no_model_is_asked() {
    let stage = library();
    let script = format!("turns:\n{}{DONE}", reads(&[0, 1, 0, 1, 2, 3, 4]));
    let agent = stage.agent_with(&script, |config| {
        small(config);
        config.max_context_tokens = 11_400;
    });
    let run = run(&agent, "look around").await;
    assert_eq!(run.reason(), FinishReason::NoChange, "{}", run.summary());
    let told = compactions(&run);
    assert_eq!(told.len(), 1, "{told:?}");
    let one = &told[0];
    assert_eq!((one.step, one.dropped), (CompactionStep::Shortened, 0));
    assert!(one.tokens_after * 100 < one.tokens_before * 90, "{one:?}");
    assert_eq!(one.outputs.len(), 2, "{one:?}");
    let results: Vec<usize> = Conversation::fold(&run.events)
        .messages()
        .iter()
        .filter(|message| matches!(message, llm::Message::Tool { .. }))
        .map(|message| message.text().len())
        .collect();
    assert!(results[..2].iter().all(|bytes| *bytes < 200), "{results:?}");
    assert!(
        results[2..].iter().all(|bytes| *bytes > 2_500),
        "{results:?}"
    );
    is_the_same_from_disk(&stage, &run);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_earlier_tasks_go_before_any_summary() {
    let stage = library();
    let agent = stage.agent_with(&format!("turns:\n{DONE}{DONE}{DONE}"), |config| {
        small(config);
        config.max_context_bytes = 48 * 1024;
        config.max_context_tokens = 9_000;
    });
    let mut session = None;
    for (words, files) in [
        ("first", "f0.txt,f1.txt"),
        ("second", "f2.txt,f3.txt"),
        ("third", "f4.txt,f5.txt"),
    ] {
        let mut request = ask(words);
        request.context = vec![files.into()];
        request.session = session.clone();
        let started = agent.start(request).unwrap();
        let run = finish(&agent, &started).await;
        assert_eq!(run.reason(), FinishReason::NoChange, "{}", run.summary());
        session = Some(started.session);
        let told = compactions(&run);
        if words != "third" {
            assert!(told.is_empty(), "{told:?}");
            continue;
        }
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(
            (told[0].step, told[0].prompts.len()),
            (CompactionStep::Shortened, 2)
        );
        assert!(told[0].prompts[0].text.starts_with("first\n"), "{told:?}");
    }
    let path = stage
        .state
        .join(format!("sessions/{}.ndjson", session.unwrap()));
    let text = std::fs::read_to_string(path).unwrap();
    let events: Vec<Event> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let all: String = Conversation::fold(&events)
        .messages()
        .iter()
        .map(llm::Message::text)
        .collect();
    assert!(all.contains("line of file 5") && !all.contains("line of file 3"));
    assert!(all.contains("first") && all.contains("second"));
}

#[tokio::test(flavor = "multi_thread")]
async fn then_a_summary_takes_the_place_of_the_oldest_turns() {
    let stage = library();
    let summary = "  - role: summariser\n    expect: ['CALL read_file', 'line of file 0']\n    text: 'Done: read f0 and f1.'\n";
    let plan = "  - role: coder\n    calls: [{name: update_plan, arguments: {steps: [{content: Read it all}]}}, {name: read_file, arguments: {path: none.txt}}]\n";
    let script = format!(
        "turns:\n{plan}{}{DONE}{summary}{summary}",
        reads(&[0, 1, 2, 3, 4, 5, 6, 7, 8])
    );
    let script = script.replacen("'line of file 0'", "'line of file'", 2);
    let agent = stage.agent_with(&script, small);
    let run = run(&agent, "look at the whole library").await;
    assert_eq!(run.reason(), FinishReason::NoChange, "{}", run.summary());
    let told = compactions(&run);
    let one = told
        .iter()
        .find(|one| one.step == CompactionStep::Summarised)
        .unwrap_or_else(|| panic!("{told:?}"));
    assert!(
        one.dropped > 1 && one.tokens_after < one.tokens_before,
        "{one:?}"
    );
    for part in [
        "look at the whole library",
        "[ ] Read it all",
        "read none.txt",
        "there is no file none.txt",
        "f0.txt, f1.txt",
        "Done: read f0 and f1.",
    ] {
        assert!(one.text.contains(part), "{part}: {}", one.text);
    }
    let spent = run.events.iter().any(|event| matches!(&event.update, Update::ModelCall { call } if call.role == "summariser" && call.outcome == "answered"));
    assert!(spent, "the summary is told as a call");
    let shown = run
        .events
        .iter()
        .any(|event| matches!(&event.update, Update::Message { text } if text.contains("read f0")));
    assert!(!shown, "the summary is not shown as an answer");
    is_the_same_from_disk(&stage, &run);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_summary_the_oldest_turns_are_left_out() {
    let stage = library();
    let fail = "  - {role: summariser, fail: {status: 401}}\n";
    let script = format!(
        "turns:\n{}{DONE}{fail}{fail}{fail}",
        reads(&[0, 1, 2, 3, 4, 5, 6, 7])
    );
    let run = run(&stage.agent_with(&script, small), "look around").await;
    assert_eq!(run.reason(), FinishReason::NoChange, "{}", run.summary());
    let told = compactions(&run);
    assert!(
        told.iter()
            .any(|one| one.step == CompactionStep::Dropped
                && one.text.contains("there is no summary")),
        "{told:?}"
    );
    is_the_same_from_disk(&stage, &run);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_finds_too_long_is_shortened_step_by_step() {
    let stage = library();
    let long =
        json!({"status": 400, "message": "This model's maximum context length is 4096 tokens."});
    let read = |at: usize| call("read_file", json!({"path": format!("f{at}.txt")}));
    let mut turns: Vec<Value> = [0, 1, 0, 1, 2, 3].into_iter().map(read).collect();
    turns.extend([
        long.clone(),
        long,
        json!({"text": "Done: all."}),
        json!({"text": "Nothing has to change."}),
    ]);
    let server = ModelServer::openai(turns);
    let agent = stage.agent_asking(models(&server, 200_000), small);
    let run = run(&agent, "look around").await;
    assert_eq!(run.reason(), FinishReason::NoChange, "{}", run.summary());
    let steps: Vec<CompactionStep> = compactions(&run).iter().map(|one| one.step).collect();
    assert_eq!(
        steps,
        [CompactionStep::Shortened, CompactionStep::Summarised]
    );
    let sizes: Vec<usize> = server
        .requests()
        .iter()
        .map(|request| request.body.len())
        .collect();
    assert!(sizes[7] < sizes[6] && sizes[9] < sizes[7], "{sizes:?}");
    is_the_same_from_disk(&stage, &run);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_context_holds_less_of_everything() {
    let stage = library();
    let long = "a long line of a long file\n".repeat(1_500);
    stage.write("long.txt", &long);
    let turns = vec![
        call("read_file", json!({"path": "long.txt"})),
        json!({"text": "Nothing has to change."}),
    ];
    let server = ModelServer::openai(turns);
    let mut request = ask("look at it");
    request.context = vec!["long.txt".into()];
    let agent = stage.agent_asking(models(&server, 8_000), |config| {
        small(config);
        config.max_context_bytes = 48 * 1024;
    });
    let started = agent.start(request).unwrap();
    let run = finish(&agent, &started).await;
    assert_eq!(run.reason(), FinishReason::NoChange, "{}", run.summary());
    for request in server.requests() {
        assert!(request.body.len() < 8_000 * 4, "{}", request.body.len());
    }
    let told = compactions(&run);
    assert!(
        told.iter().any(|one| one
            .outputs
            .iter()
            .any(|one| one.output.contains("ask for less"))),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shortened_conversation_goes_on_in_another_process_as_it_was() {
    let stage = library();
    let read = |at: usize| call("read_file", json!({"path": format!("f{at}.txt")}));
    let mut turns: Vec<Value> = [0, 1, 0, 1, 2, 3, 4].into_iter().map(read).collect();
    turns.extend([
        json!({"text": "Nothing has to change."}),
        json!({"text": "No."}),
    ]);
    let server = ModelServer::openai(turns);
    let set = |config: &mut Config| small(config);
    let agent = stage.agent_asking(models(&server, 11_500), set);
    let first = run(&agent, "look around").await;
    assert_eq!(
        first.reason(),
        FinishReason::NoChange,
        "{}",
        first.summary()
    );
    assert_eq!(compactions(&first).len(), 1);
    agent.shutdown().await;
    let later = stage.agent_asking(models(&server, 20_000), set);
    let started = later
        .start(TaskRequest {
            session: Some(first.events[0].session.clone()),
            ..ask("and now?")
        })
        .unwrap();
    let second = finish(&later, &started).await;
    assert_eq!(
        second.reason(),
        FinishReason::NoChange,
        "{}",
        second.summary()
    );
    let sent = sent(&server);
    assert_eq!(sent.len(), 9);
    // Up to the compaction, and from it on.
    each_begins_with_the_one_before(&sent[..7]);
    each_begins_with_the_one_before(&sent[7..]);
    assert_ne!(sent[6].0[..], sent[7].0[..sent[6].0.len()]);
}

async fn ends_short(agent: &Agent) -> Run {
    let run = run(agent, "look around").await;
    assert_eq!(
        run.reason(),
        FinishReason::ProviderError,
        "{}",
        run.summary()
    );
    assert!(
        run.summary().contains("larger context"),
        "{}",
        run.summary()
    );
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_shrink_ends() {
    let stage = library();
    // The task alone has no room.
    let script = format!("turns:\n{}{DONE}", reads(&[0, 1, 2, 3]));
    let agent = stage.agent_with(&script, |config| {
        small(config);
        config.max_context_tokens = 1_000;
    });
    let run = ends_short(&agent).await;
    let calls = run
        .events
        .iter()
        .filter(|event| matches!(event.update, Update::Turn { .. }))
        .count();
    assert!(calls <= 2, "{calls}");

    // A server that finds everything too long.
    let long = json!({"status": 400, "message": "maximum context length exceeded"});
    let server = ModelServer::openai(vec![long; 50]);
    let agent = stage.agent_asking(models(&server, 200_000), small);
    ends_short(&agent).await;
    assert!(server.requests().len() <= 4, "{}", server.requests().len());
}
