//! Three roles on three servers in three dialects, the first coder out of order: every hop is an event and a metric, and the cost is
//! exact to the micro-dollar.

use crate::run::{critic, greeting, patch, plan};
use crate::serve::Served;
use crate::stage::{Stage, said};
use serde_json::{Value, json};
use testkit::http::ModelServer;

/// `(role, model, outcome)` of every attempt, in order.
fn attempts(events: &[Value]) -> Vec<(String, String, String)> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let calls = events
        .iter()
        .map(|event| &event["update"])
        .filter(|update| update["type"] == "modelCall");
    calls
        .map(|update| {
            let call = &update["call"];
            (
                word(&call["role"]),
                word(&call["model"]),
                word(&call["outcome"]),
            )
        })
        .collect()
}

/// The workspace, configured for four servers, and these.
fn servers() -> (Stage, [ModelServer; 4]) {
    let stage = greeting();
    let planner = ModelServer::anthropic(vec![
        json!({"text": "A plan.", "calls": [plan()], "usage": {"input": 1001, "cached": 300, "written": 200, "output": 77}}),
    ]);
    let down = ModelServer::openai(vec![
        json!({"status": 500, "message": "out of order"}),
        json!({"status": 500, "message": "out of order"}),
        json!({"status": 500, "message": "out of order"}),
    ]);
    let coder = ModelServer::openai(vec![
        json!({"calls": [patch("hello")], "usage": {"input": 2003, "cached": 1001, "output": 51}}),
        json!({"text": "Done.", "usage": {"input": 2100, "cached": 2000, "output": 3}}),
    ]);
    let mut verdict = critic();
    verdict["usage"] = json!({"input": 700, "output": 33});
    let judge = ModelServer::gemini(vec![verdict]);
    stage.configure(&format!(
        "providers:
  a: {{type: anthropic, base_url: '{}', api_key: k1}}
  b: {{type: openai_compatible, base_url: '{}', api_key: k2}}
  c: {{type: openai, base_url: '{}', api_key: k3}}
  d: {{type: gemini, base_url: '{}', api_key: k4}}
models:
  thinker: {{provider: a, model: deep, price: {{input_per_mtok_usd: 3, cached_per_mtok_usd: 0.3, cache_write_per_mtok_usd: 3.75, output_per_mtok_usd: 15}}}}
  first: {{provider: b, model: broken, price: {{input_per_mtok_usd: 1, output_per_mtok_usd: 1}}}}
  second: {{provider: c, model: good, price: {{input_per_mtok_usd: 0.25, cached_per_mtok_usd: 0.025, output_per_mtok_usd: 2}}}}
  judge: {{provider: d, model: strict, price: {{input_per_mtok_usd: 0.3, output_per_mtok_usd: 2.5}}}}
strategy: {{planner_model: thinker, coder_model: first, critic_model: judge, fallbacks: [second]}}
",
        planner.base_url(),
        down.base_url(),
        coder.base_url(),
        judge.gemini_url(),
    ));
    (stage, [planner, down, coder, judge])
}

/// What each server's calls cost by hand, in millionths of a dollar: the price per million tokens times tokens, each call rounded up.
fn costs() -> [(&'static str, &'static str, f64); 3] {
    let planner = (501.0_f64 * 3.0 + 300.0 * 0.3 + 200.0 * 3.75 + 77.0 * 15.0).ceil();
    let first = (1002.0_f64 * 0.25 + 1001.0 * 0.025 + 51.0 * 2.0).ceil();
    let second = (100.0_f64 * 0.25 + 2000.0 * 0.025 + 3.0 * 2.0).ceil();
    let critic = (700.0_f64 * 0.3 + 33.0 * 2.5).ceil();
    [
        ("planner", "a/deep", planner),
        ("coder", "c/good", first + second),
        ("critic", "d/strict", critic),
    ]
}

const RUN: [&str; 5] = [
    "run",
    "--json",
    "--test-command",
    "sh check.sh",
    "Say hello properly",
];

#[test]
fn three_roles_on_three_servers_and_the_first_coder_fails() {
    let (stage, _servers) = servers();
    let run = said(&mut stage.animus(&RUN));
    let (events, end) = (run.events(), run.finished());
    assert_eq!(end["reason"], "verified", "{}\n{}", run.out, run.err);

    let expected = [
        ("planner", "a/deep", "answered"),
        ("coder", "b/broken", "overloaded"),
        ("coder", "b/broken", "overloaded"),
        ("coder", "b/broken", "overloaded"),
        ("coder", "c/good", "answered"),
    ];
    let told = attempts(&events);
    let told: Vec<(&str, &str, &str)> = told
        .iter()
        .map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str()))
        .collect();
    assert_eq!(told[..5], expected, "{}", run.out);
    assert_eq!(told.last(), Some(&("critic", "d/strict", "answered")));
    let hop = events
        .iter()
        .map(|event| &event["update"])
        .find(|update| update["type"] == "fallback")
        .unwrap();
    assert_eq!(
        (
            hop["role"].as_str(),
            hop["from"].as_str(),
            hop["to"].as_str()
        ),
        (Some("coder"), Some("b/broken"), Some("c/good"))
    );

    let sum: f64 = costs().iter().map(|(.., cost)| cost).sum();
    assert_eq!(end["usage"]["costMicroUsd"].as_f64(), Some(sum), "{end}");
    let single: f64 = events
        .iter()
        .map(|event| &event["update"])
        .filter(|update| update["type"] == "usage")
        .filter_map(|update| update["usage"]["costMicroUsd"].as_f64())
        .sum();
    assert_eq!(single, sum);
}

#[test]
fn metrics_name_each_hop_and_count_the_same_money() {
    let (stage, _servers) = servers();
    let mut served = Served::start(&stage);
    let body = json!({"prompt": "Say hello properly", "testCommand": "sh check.sh"}).to_string();
    let answer = served.post("/agent/run", &body);
    assert!(answer.contains("\"reason\":\"verified\""), "{answer}");
    let metrics = served.get("/metrics");
    for line in [
        "animus_model_attempts_total{model=\"b/broken\",outcome=\"overloaded\",role=\"coder\"} 3",
        "animus_model_retries_total{model=\"b/broken\",role=\"coder\"} 2",
        "mycodex_model_failures_total{model=\"b/broken\",role=\"coder\"}",
        "mycodex_model_usage_total{model=\"c/good\",role=\"coder\"} 2",
        "mycodex_model_usage_total{model=\"d/strict\",role=\"critic\"} 1",
        "animus_model_fallbacks_total{from=\"b/broken\",role=\"coder\",to=\"c/good\"}",
        "animus_model_tokens_total{kind=\"cache_write\",model=\"a/deep\",role=\"planner\"} 200",
        "animus_model_first_token_seconds_count{model=\"c/good\",role=\"coder\"}",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    for (role, model, cost) in costs() {
        let line = format!(
            "animus_model_cost_micro_usd_total{{model=\"{model}\",role=\"{role}\"}} {cost}\n"
        );
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }
    served.end();
}
