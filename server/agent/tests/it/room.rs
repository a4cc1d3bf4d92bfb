//! Room: each model is sent what its own context holds.

use crate::stage::{GOOD, Run, Stage, run};
use protocol::{CompactionStep, FinishReason, Update};
use serde_json::{Value, json};
use testkit::http::{Answer, ModelServer, Server};

/// Files of about 4 kB each.
fn library() -> Stage {
    let stage = Stage::empty();
    for at in 0..30 {
        let line = format!("line of file {at} with some words in it\n");
        stage.write(&format!("f{at}.txt"), &line.repeat(4_000 / line.len()));
    }
    stage
}

fn models(base_url: &str, context_tokens: u64, more: Value) -> llm::Models {
    let mut config = json!({
        "providers": {"here": {"type": "openai_compatible", "base_url": base_url}},
        "models": {
            "m": {"provider": "here", "model": "big", "default": true, "context_tokens": context_tokens},
            "small": {"provider": "here", "model": "small", "context_tokens": 4_000},
        },
    });
    config["strategy"] = more;
    llm::Models::new(&serde_json::from_value(config).unwrap()).unwrap()
}

/// A server whose model reads one file after the other, and sums up where it is asked to.
fn reader(turns: usize) -> ModelServer {
    let read = |at: usize| json!({"calls": [{"name": "read_file", "arguments": {"path": format!("f{}.txt", at % 30)}}]});
    ModelServer::openai((0..turns).map(read).collect())
}

fn compactions(run: &Run) -> Vec<CompactionStep> {
    let of = |event: &protocol::Event| match &event.update {
        Update::Compacted { compaction } => Some(compaction.step),
        _ => None,
    };
    run.events.iter().filter_map(of).collect()
}

async fn reads(server: &ModelServer, models: llm::Models, steps: u32) -> Run {
    let stage = library();
    let agent = stage.agent_asking(models, |config| {
        config.enable_plan = false;
        config.enable_test_run = false;
        config.max_steps = steps;
    });
    let run = run(&agent, "look around").await;
    assert_eq!(run.reason(), FinishReason::MaxSteps, "{}", run.summary());
    assert!(server.requests().len() >= steps as usize);
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_fallback_that_is_not_asked_costs_nothing() {
    let server = reader(30);
    let models = models(&server.base_url(), 400_000, json!({"fallbacks": ["small"]}));
    let run = reads(&server, models, 20).await;
    assert_eq!(compactions(&run), []);
    assert_eq!(server.requests().len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_room_is_not_emptied_at_every_step() {
    for context in [6_000, 8_000, 12_000] {
        let server = reader(80);
        let run = reads(&server, models(&server.base_url(), context, json!({})), 24).await;
        let steps = compactions(&run);
        let most = if context < 8_000 { 12 } else { 8 };
        let emptied = steps
            .iter()
            .filter(|step| **step != CompactionStep::Shortened)
            .count();
        assert!((1..=most).contains(&emptied), "{context}: {steps:?}");
        for request in server.requests() {
            assert!(
                request.body.len() < context as usize * 4,
                "{context}: {}",
                request.body.len()
            );
        }
    }
}

fn reviewed(stage: &Stage, server: &ModelServer) -> agent::Agent {
    let models = models(
        &server.base_url(),
        400_000,
        json!({"critic_model": "small"}),
    );
    stage.agent_asking(models, |config| {
        config.enable_plan = false;
        config.enable_reflect = true;
    })
}

/// The coder's turns: a large file and what makes the tests pass.
fn coder() -> Vec<Value> {
    let content = "one line of a long new file\n".repeat(2_000);
    vec![
        json!({"calls": [
            {"name": "write_file", "arguments": {"path": "long.txt", "content": content}},
            {"name": "apply_patch", "arguments": {"patch": GOOD}},
        ]}),
        json!({"text": "Done."}),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_critic_reads_what_its_context_holds() {
    let stage = Stage::new();
    let mut turns = coder();
    turns.push(json!({"text": "{\"quality\": \"good\", \"findings\": []}"}));
    let server = ModelServer::openai(turns);
    let run = run(&reviewed(&stage, &server), "say goodbye").await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    let bodies = server.requests();
    let body = &bodies.last().unwrap().body;
    assert!((4_000..4_000 * 3).contains(&body.len()), "{}", body.len());
    let text = String::from_utf8_lossy(body);
    for part in [
        "say goodbye",
        "greet.txt",
        "+goodbye",
        "more bytes of the diff of long.txt",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_critic_that_finds_it_too_long_reads_less() {
    let long =
        json!({"status": 400, "message": "This model's maximum context length is 1500 tokens."});
    let stage = Stage::new();
    let mut turns = coder();
    turns.extend([
        long.clone(),
        long,
        json!({"text": "{\"quality\": \"good\", \"findings\": []}"}),
    ]);
    let server = ModelServer::openai(turns);
    let run = run(&reviewed(&stage, &server), "say goodbye").await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    let sizes: Vec<usize> = server
        .requests()
        .iter()
        .map(|request| request.body.len())
        .collect();
    let [.., first, second, third] = sizes[..] else {
        panic!("{sizes:?}");
    };
    assert!(second < first && third < second, "{sizes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_takes_the_conversation_who_is_left_counts() {
    // The large model finds it too long, or fails for good.
    for status in [400, 401] {
        who_is_left_answers(status).await;
    }
}

async fn who_is_left_answers(status: u16) {
    const READS: usize = 12;
    let key = json!({"error": {"message": "no such key"}});
    let long = json!({"error": {"message": "This model's maximum context length is 4000 tokens."}});
    let server = Server::with(move |turn, request| {
        let read =
            json!({"name": "read_file", "arguments": format!("{{\"path\": \"f{turn}.txt\"}}")});
        let call = json!({"index": 0, "id": format!("c{turn}"), "function": read});
        let delta = match request.json()["model"] == "big" {
            true if turn < READS => json!({"tool_calls": [call]}),
            false if request.body.len() < 12_000 => json!({"content": "Nothing has to change."}),
            true if status == 401 => return Answer::json(status, &key),
            _ => return Answer::json(400, &long),
        };
        let chunk = json!({"choices": [{"index": 0, "delta": delta, "finish_reason": "stop"}]});
        Answer::sse(format!("data: {chunk}\n\ndata: [DONE]\n\n"))
    });
    let address = format!("{}/v1", server.url());
    let models = models(
        &address,
        400_000,
        json!({"role_fallbacks": {"coder": ["small"]}}),
    );
    let stage = library();
    let agent = stage.agent_asking(models, |config| {
        config.enable_plan = false;
        config.enable_test_run = false;
    });
    let run = run(&agent, "look around").await;
    assert_eq!(run.reason(), FinishReason::NoChange, "{}", run.summary());
    let asked = server.requests().len();
    assert!(asked < READS + 12, "{asked}");
}
