//! Budgets from the terminal: a cheaper model at the cap, an end where there is none, a day that outlives the process.

use crate::run::{greeting, patch};
use crate::stage::{Stage, said};
use serde_json::{Value, json};
use testkit::http::ModelServer;

/// A dear model that reads and one that may finish, each with its own server.
fn configured(
    stage: &Stage,
    dear: &ModelServer,
    cheap: &ModelServer,
    budget: &str,
    fallbacks: &str,
) {
    stage.configure(&format!(
        "providers:
  a: {{type: openai_compatible, base_url: '{}'}}
  b: {{type: openai_compatible, base_url: '{}'}}
models:
  dear: {{provider: a, model: big, default: true, max_tokens: 1000, price: {{input_per_mtok_usd: 20, output_per_mtok_usd: 60}}}}
  cheap: {{provider: b, model: small, max_tokens: 1000, price: {{input_per_mtok_usd: 0.1, output_per_mtok_usd: 0.2}}}}
strategy: {{fallbacks: [{fallbacks}]}}
budget: {{{budget}}}
agent: {{enable_plan: false, enable_reflect: false}}
",
        dear.base_url(),
        cheap.base_url(),
    ));
}

const RUN: [&str; 5] = [
    "run",
    "--json",
    "--test-command",
    "sh check.sh",
    "Say hello",
];

fn look() -> Value {
    json!({"calls": [{"name": "read_file", "arguments": {"path": "greeting.txt"}}], "usage": {"input": 5000, "output": 100}})
}

fn of<'e>(events: &'e [Value], kind: &str) -> Vec<&'e Value> {
    events
        .iter()
        .map(|event| &event["update"])
        .filter(|update| update["type"] == kind)
        .collect()
}

#[test]
fn at_the_cap_the_cheaper_model_goes_on() {
    let stage = greeting();
    let dear = ModelServer::openai(vec![look()]);
    let cheap = ModelServer::openai(vec![
        json!({"calls": [patch("hello")]}),
        json!({"text": "Done."}),
    ]);
    // The look costs 106,000 micro-dollars; a second dear call would not fit, a cheap one does.
    configured(&stage, &dear, &cheap, "run_usd: 0.18", "cheap");
    let run = said(&mut stage.animus(&RUN));
    let events = run.events();
    assert_eq!(
        (run.finished()["reason"].as_str(), run.code),
        (Some("verified"), 0),
        "{}",
        run.out
    );
    assert_eq!((dear.requests().len(), cheap.requests().len()), (1, 2));
    let hops = of(&events, "fallback");
    assert!(
        hops.iter()
            .all(|hop| hop["from"] == "a/big" && hop["to"] == "b/small"),
        "{hops:?}"
    );
    assert!(
        hops[0]["message"].as_str().unwrap().contains("budget"),
        "{hops:?}"
    );
}

#[test]
fn where_nobody_can_be_asked_the_task_ends_and_says_what_to_do() {
    let stage = greeting();
    let dear = ModelServer::openai(vec![look(), look()]);
    configured(&stage, &dear, &dear, "", "");
    let mut args = RUN.to_vec();
    args.extend(["--budget", "0.18"]);
    let run = said(&mut stage.animus(&args));
    let end = run.finished();
    assert_eq!(
        (end["reason"].as_str(), run.code),
        (Some("budget_exhausted"), 7),
        "{}",
        run.out
    );
    assert!(
        end["failure"]["hint"].as_str().unwrap().contains("budget"),
        "{end}"
    );
    assert_eq!(end["usage"]["costMicroUsd"], 106_000);
    let events = run.events();
    let budget = of(&events, "budget");
    assert_eq!(
        (budget[0]["scope"].as_str(), budget[0]["state"].as_str()),
        (Some("run"), Some("exhausted"))
    );
    assert_eq!(
        (&budget[0]["spentMicroUsd"], &budget[0]["limitMicroUsd"]),
        (&json!(106_000), &json!(180_000))
    );
    assert_eq!(dear.requests().len(), 1);
}

#[test]
fn a_day_counts_every_process() {
    let stage = greeting();
    let dear = ModelServer::openai(vec![
        look(),
        json!({"text": "Nothing to do.", "usage": {"input": 100, "output": 10}}),
    ]);
    configured(&stage, &dear, &dear, "day_usd: 0.3", "");
    let first = said(&mut stage.animus(&RUN));
    assert_eq!(first.finished()["reason"], "no_change", "{}", first.out);
    let today = |stage: &Stage| {
        said(&mut stage.animus(&["models", "--json", "--offline"])).json()["spent_today"].clone()
    };
    assert_eq!(today(&stage), json!({"micro_usd": 108_600, "cap_usd": 0.3}));

    // A second process: one more look fits, the next call would not.
    let again = ModelServer::openai(vec![look(), look()]);
    configured(&stage, &again, &again, "day_usd: 0.3", "");
    let second = said(&mut stage.animus(&RUN));
    assert_eq!(
        (second.finished()["reason"].as_str(), second.code),
        (Some("budget_exhausted"), 7),
        "{}",
        second.out
    );
    let events = second.events();
    let scopes: Vec<&Value> = of(&events, "budget")
        .iter()
        .map(|budget| &budget["scope"])
        .collect();
    assert!(scopes.iter().all(|scope| *scope == "day"), "{scopes:?}");
    assert_eq!(today(&stage)["micro_usd"], 214_600);
    let text = said(&mut stage.animus(&["models", "--offline"]));
    assert!(
        text.out.contains("spent today: $0.2146 of $0.3"),
        "{}",
        text.out
    );
}

#[test]
fn models_say_whether_their_servers_are_there() {
    use testkit::http::{Answer, Server};
    let stage = Stage::empty();
    let lists = Server::with(|_, _| {
        Answer::json(
            200,
            &json!({"data": [{"id": "big", "context_length": 4096}, {"id": "other"}]}),
        )
    });
    stage.configure(&format!(
        "providers:
  up: {{type: openai_compatible, base_url: '{}', api_key: sk-hidden}}
  down: {{type: gemini, base_url: 'http://127.0.0.1:9', api_key: sk-hidden}}
models:
  m: {{provider: up, model: big, default: true}}
  n: {{provider: up, model: gone}}
  o: {{provider: down, model: far}}
strategy: {{critic_model: n, fallbacks: [o]}}
",
        lists.url(),
    ));
    let models = said(&mut stage.animus(&["models", "--json"]));
    let all = models.json()["models"].clone();
    let critic = all
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["role"] == "critic")
        .unwrap();
    assert_eq!(
        (&critic["model"], &critic["reached"], &critic["listed"]),
        (&json!("up/gone"), &json!(true), &json!(false))
    );
    let coder = all
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["role"] == "coder")
        .unwrap();
    assert_eq!(
        (&coder["listed"], &coder["context_tokens"]),
        (&json!(true), &json!(4096))
    );
    let last = &coder["candidates"][1];
    assert_eq!(
        (&last["model"], &last["reached"]),
        (&json!("down/far"), &json!(false))
    );
    assert!(
        last["message"].as_str().unwrap().contains("127.0.0.1:9"),
        "{last}"
    );
    let asked = &lists.requests()[0];
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str()),
        ("GET", "/v1/models")
    );
    let text = said(&mut stage.animus(&["models"]));
    for words in [
        "up/big, else down/far",
        "4,096 tokens of context, it says",
        "its list has no model of this name",
        "price unknown",
    ] {
        assert!(text.out.contains(words), "{words}\n{}", text.out);
    }
    assert!(!models.out.contains("hidden") && !text.out.contains("hidden"));
}
