//! Traces from outside: a real collector on loopback that decodes what it gets. One that is gone, slow or refuses changes nothing about
//! a task.

use crate::lsp::Client;
use crate::run::{critic, greeting, patch, plan};
use crate::serve::Served;
use crate::stage::{Said, Stage, said};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::process::Command;
use std::time::{Duration, Instant};
use testkit::http::{Answer, ModelServer, RefusedPort, Server, Step};

const PROMPT: &str = "Say hello most discreetly";

fn good_model() -> ModelServer {
    ModelServer::openai(vec![
        json!({"calls": [plan(), {"name": "read_file", "arguments": {"path": "greeting.txt"}}, {"name": "no_such_tool", "arguments": {}}]}),
        json!({"calls": [patch("hello")], "usage": {"input": 321, "output": 12}}),
        json!({"text": "Done."}),
        critic(),
    ])
}

fn traced(command: &mut Command, collector: &str) -> Said {
    said(
        command
            .env("ANIMUS_TELEMETRY_OTLP_ENDPOINT", collector)
            .env("ANIMUS_TELEMETRY_OTLP_HEADERS_ENV", "COLLECTOR_HEADERS")
            .env("COLLECTOR_HEADERS", "x-key=collector%20key"),
    )
}

const RUN: [&str; 5] = ["run", "--json", "--test-command", "sh check.sh", PROMPT];

fn spans(collector: &Server) -> Vec<Span> {
    let mut spans = Vec::new();
    for request in collector.requests() {
        assert_eq!(request.path, "/v1/traces");
        assert_eq!(
            request.header("content-type"),
            Some("application/x-protobuf")
        );
        let message = ExportTraceServiceRequest::decode(&request.body[..]).unwrap();
        for resource in message.resource_spans {
            let about = resource.resource.unwrap().attributes;
            assert!(about.iter().any(|pair| pair.key == "service.name"));
            spans.extend(
                resource
                    .scope_spans
                    .into_iter()
                    .flat_map(|scope| scope.spans),
            );
        }
    }
    spans
}

fn word(span: &Span, key: &str) -> Option<String> {
    let pair = span.attributes.iter().find(|pair| pair.key == key)?;
    match pair.value.as_ref()?.value.as_ref()? {
        Any::StringValue(text) => Some(text.clone()),
        Any::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

/// Every span hangs, by its parents, from one root, within its time.
fn root_of(spans: &[Span]) -> &Span {
    let by_id: HashMap<&[u8], &Span> = spans.iter().map(|span| (&span.span_id[..], span)).collect();
    assert_eq!(by_id.len(), spans.len(), "ids are distinct");
    let roots: Vec<&Span> = spans
        .iter()
        .filter(|span| span.parent_span_id.is_empty())
        .collect();
    assert_eq!(roots.len(), 1);
    for span in spans {
        assert!(span.trace_id == roots[0].trace_id && span.trace_id.len() == 16);
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
        // Lengths of calls are rounded to milliseconds, as are times of events.
        let slack = 5_000_000;
        assert!(span.start_time_unix_nano + slack >= roots[0].start_time_unix_nano);
        assert!(span.end_time_unix_nano <= roots[0].end_time_unix_nano + slack);
        let mut above = span;
        while !above.parent_span_id.is_empty() {
            above = by_id
                .get(&above.parent_span_id[..])
                .unwrap_or_else(|| panic!("{} hangs from nothing", above.name));
        }
    }
    roots[0]
}

#[test]
fn a_task_is_a_trace_without_what_was_said() {
    let (stage, model) = (greeting(), good_model());
    let collector = Server::start(vec![Answer::http(200, &[], "")]);
    let run = traced(
        &mut stage.with_model(&model.base_url(), &RUN),
        &collector.url(),
    );
    assert_eq!(run.code, 0, "{}", run.err);
    let spans = spans(&collector);
    let root = root_of(&spans);
    let task = run.events()[0]["task"].as_str().unwrap().to_owned();
    let hex: String = root.trace_id.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, task, "a trace is found by its task");
    assert_eq!(
        word(root, "animus.finish_reason").as_deref(),
        Some("verified")
    );
    assert!(root.status.is_none());

    let chats = named(&spans, "chat test-model");
    assert_eq!(chats.len(), 4);
    let second = |key: &str| word(chats[1], key);
    assert_eq!(second("gen_ai.operation.name").as_deref(), Some("chat"));
    assert_eq!(second("gen_ai.provider.name").as_deref(), Some("openai"));
    assert_eq!(second("gen_ai.usage.input_tokens").as_deref(), Some("321"));
    assert_eq!(second("gen_ai.usage.output_tokens").as_deref(), Some("12"));
    for (name, error) in [
        ("execute_tool read_file", None),
        ("execute_tool apply_patch", None),
        ("execute_tool unknown", Some("not_found")),
        ("test run", None),
        ("phase act", None),
        ("phase test", None),
        ("phase land", None),
    ] {
        let found = named(&spans, name);
        let span = found.first().unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(word(span, "error.type").as_deref(), error, "{name}");
        assert_eq!(span.status.is_some(), error.is_some(), "{name}");
    }
    for request in collector.requests() {
        assert_eq!(request.header("x-key"), Some("collector key"));
        let text = String::from_utf8_lossy(&request.body).into_owned();
        for secret in [
            PROMPT,
            "hullo",
            "greeting.txt",
            "sk-test-key",
            "no_such_tool",
            "check.sh",
        ] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
    assert!(!run.out.contains("collector key") && !run.err.contains("collector key"));
}

#[test]
fn a_failing_model_fails_its_span_and_the_task() {
    let stage = greeting();
    let model = ModelServer::openai(vec![json!({"status": 401, "message": "bad key"})]);
    let collector = Server::start(vec![Answer::http(200, &[], "")]);
    let run = traced(
        &mut stage.with_model(&model.base_url(), &RUN),
        &collector.url(),
    );
    assert_eq!(run.code, 8, "{}", run.err);
    let spans = spans(&collector);
    let root = root_of(&spans);
    assert_eq!(word(root, "error.type").as_deref(), Some("auth"));
    let chats = named(&spans, "chat test-model");
    assert!(chats[0].status.is_some() && word(chats[0], "error.type").is_some());
}

#[test]
fn r1_a_collector_that_is_gone_slow_or_refuses_changes_nothing() {
    let gone = RefusedPort::take();
    let hangs = Server::start(vec![Answer {
        steps: vec![Step::Hang],
    }]);
    let busy = Server::start(vec![Answer::http(503, &[], "")]);
    let elsewhere = Server::start(vec![Answer::http(200, &[], "")]);
    let target = elsewhere.url();
    let redirects = Server::with(move |_, _| Answer::http(307, &[("location", &target)], ""));
    for collector in [gone.url(), hangs.url(), busy.url(), redirects.url()] {
        let (stage, model) = (greeting(), good_model());
        let mut command = stage.with_model(&model.base_url(), &RUN);
        let run = traced(&mut command, &collector);
        assert_eq!(run.code, 0, "{collector}: {}", run.err);
        assert_eq!(run.finished()["reason"], "verified");
        assert_eq!(stage.read("greeting.txt"), "hello\nworld\n");
    }
    assert!(hangs.requests().len() == 1 && busy.requests().len() > 1);
    assert!(
        elsewhere.requests().is_empty(),
        "headers follow no redirect"
    );
}

#[test]
fn a_collector_that_is_well_again_gets_what_waited() {
    let (stage, model) = (greeting(), good_model());
    let collector = Server::start(vec![Answer::http(503, &[], ""), Answer::http(200, &[], "")]);
    let run = traced(
        &mut stage.with_model(&model.base_url(), &RUN),
        &collector.url(),
    );
    assert_eq!(run.code, 0, "{}", run.err);
    let requests = collector.requests();
    assert!(requests.len() >= 2 && requests[0].body == requests[1].body);
}

/// Serves with a collector; the two spans counters after one task, once they moved.
fn counted(stage: &Stage, status: u16) -> (u64, u64) {
    let model = good_model();
    let collector = Server::start(vec![Answer::http(status, &[], "")]);
    let mut command = stage.with_model(
        &model.base_url(),
        &["serve", "--json", "--addr", "127.0.0.1:0"],
    );
    command.env("ANIMUS_TELEMETRY_OTLP_ENDPOINT", collector.url());
    let mut served = Served::of(&mut command);
    let body = json!({"prompt": PROMPT, "testCommand": "sh check.sh"}).to_string();
    assert!(served.post("/agent/run", &body).contains("verified"));
    let begun = Instant::now();
    let found = loop {
        let text = served.get("/metrics");
        assert!(text.contains("content-type: text/plain; version=0.0.4; charset=utf-8"));
        let count = |outcome: &str| -> u64 {
            let line = format!("animus_trace_spans_total{{outcome=\"{outcome}\"}} ");
            let found = text.lines().find_map(|found| found.strip_prefix(&line));
            found.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
        };
        let found = (count("sent"), count("dropped"));
        if found.0 + found.1 >= 20 {
            break found;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{found:?}");
        std::thread::sleep(Duration::from_millis(50));
    };
    served.end();
    found
}

#[test]
fn a_server_counts_spans_that_were_sent_and_dropped() {
    let (sent, dropped) = counted(&greeting(), 200);
    assert!(sent > 0 && dropped == 0);
    let (sent, dropped) = counted(&greeting(), 400);
    assert!(sent == 0 && dropped > 0);
}

#[test]
fn the_language_server_sends_its_traces_before_it_ends() {
    let stage = greeting();
    let model = ModelServer::openai(vec![json!({"text": "Nothing to do."})]);
    let collector = Server::start(vec![Answer::http(200, &[], "")]);
    let mut command = stage.with_model(&model.base_url(), &["lsp"]);
    command.env("ANIMUS_TELEMETRY_OTLP_ENDPOINT", collector.url());
    let mut client = Client::of(&mut command);
    let root = format!("file://{}", stage.root().canonicalize().unwrap().display());
    let params = json!({"processId": null, "rootUri": root, "capabilities": {}});
    client.ask(1, "initialize", params);
    client.send(&json!({"jsonrpc": "2.0", "method": "initialized", "params": {}}));
    client.ask(2, "animus/task/start", json!({"prompt": PROMPT}));
    let begun = Instant::now();
    let mut id = 3;
    loop {
        let tasks = client.ask(id, "animus/task/list", json!({}));
        id += 1;
        if tasks.to_string().contains("\"finished\"") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{tasks}");
        std::thread::sleep(Duration::from_millis(50));
    }
    client.ask(id, "shutdown", Value::Null);
    client.send(&json!({"jsonrpc": "2.0", "method": "exit"}));
    client.child.wait().unwrap();
    let spans = spans(&collector);
    assert_eq!(root_of(&spans).name, "invoke_agent animus");
}

#[test]
fn doctor_says_whether_the_collector_takes_traces() {
    let stage = Stage::with(&[("a.rs", "fn a() {}\n")]);
    let good = Server::start(vec![Answer::http(200, &[], "")]);
    let gone = RefusedPort::take();
    let line = |collector: Option<String>| -> Option<Value> {
        let mut command = stage.animus(&["doctor", "--json"]);
        if let Some(url) = &collector {
            command.env("ANIMUS_TELEMETRY_OTLP_ENDPOINT", url);
        }
        let checks = said(&mut command).json()["checks"].clone();
        let checks = checks.as_array().unwrap().iter();
        let mut traces = checks.filter(|one| one["name"] == "traces");
        traces.next().cloned()
    };
    assert_eq!(line(None), None);
    assert_eq!(line(Some(good.url())).unwrap()["state"], "good");
    let gone = line(Some(gone.url())).unwrap();
    assert!(
        gone["state"] == "weak" && gone["hint"].is_string(),
        "{gone}"
    );
}
