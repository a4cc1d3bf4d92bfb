//! Gaps over real HTTP: what each server is asked, what is taken of its answer, when it is hung up on, and what that costs.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test without its server cannot go on; fixtures are written here"
)]

use std::time::{Duration, Instant};

use llm::{Chunk, Error, Gap, Models, Near, Reply, Role, Stop};
use serde_json::{Value, json};
use testkit::http::{Answer, Server, Step};
use tokio_util::sync::CancellationToken;

use crate::ask::{KEY, config};

/// A model `m` at `url`, named for completion; `more` goes into its entry.
fn models(kind: &str, url: &str, more: &str) -> Models {
    config(&format!(
        "providers: {{p: {{type: {kind}, base_url: '{url}', api_key: {KEY}, timeout: 1}}}}
models: {{m: {{provider: p, model: x, price: {{input_per_mtok_usd: 2, output_per_mtok_usd: 10}}{more}}}}}
strategy: {{completer_model: m}}
budget: {{run_usd: 1}}"
    ))
}

fn gap() -> Gap {
    Gap {
        path: "src/sum.py".into(),
        language: "python".into(),
        before: "def sum(a, b):\n    return ".into(),
        after: "\n\nprint(sum(1, 2))\n".into(),
        near: vec![Near {
            path: "src/one.py".into(),
            text: "ONE = 1\n".into(),
        }],
        one_line: false,
    }
}

const PROMPT: &str = "# src/one.py\n# ONE = 1\n# src/sum.py\ndef sum(a, b):\n    return ";

async fn fill_until(
    models: &Models,
    enough: &(dyn Fn(&str) -> bool + Sync),
    cancel: &CancellationToken,
) -> (Result<Reply, Error>, Vec<llm::Attempt>) {
    let mut attempts = Vec::new();
    let mut hear = |chunk: Chunk<'_>| {
        if let Chunk::Attempt(attempt) = chunk {
            attempts.push(attempt);
        }
    };
    let reply = models.fill(&gap(), 64, enough, cancel, &mut hear).await;
    if let Err(error) = &reply {
        let shown = format!("{error} {error:?} {}", error.hint());
        assert!(!shown.contains("canary"), "{shown}");
    }
    (reply, attempts)
}

async fn fill(models: &Models) -> Result<Reply, Error> {
    fill_until(models, &|_| false, &CancellationToken::new())
        .await
        .0
}

fn sse(events: &[Value], end: &str) -> Vec<u8> {
    let events = events.iter().map(|event| format!("data: {event}\n\n"));
    (events.collect::<String>() + end).into_bytes()
}

fn lines(events: &[Value]) -> Vec<u8> {
    let events = events.iter().map(|event| format!("{event}\n"));
    events.collect::<String>().into_bytes()
}

/// One way of asking: type, what its model's entry says, where it is asked, the good answer, and whether it counts tokens.
struct Dialect {
    kind: &'static str,
    more: &'static str,
    path: &'static str,
    answer: Vec<u8>,
    counts: Option<(u64, u64)>,
}

fn dialects() -> Vec<Dialect> {
    let text = |text: &str, reason: Value| json!({"choices": [{"index": 0, "text": text, "finish_reason": reason}]});
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 21, "completion_tokens": 3}});
    let delta = |text: &str, reason: Value| json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}]});
    let mut last = delta("ż", json!("stop"));
    last["usage"] = json!({"prompt_tokens": 21, "completion_tokens": 3});
    let completions = sse(
        &[
            text("a + ", Value::Null),
            text("ż", json!("stop")),
            usage.clone(),
        ],
        "data: [DONE]\n\n",
    );
    vec![
        Dialect {
            kind: "openai_compatible",
            more: "",
            path: "/v1/completions",
            answer: completions.clone(),
            counts: Some((21, 3)),
        },
        Dialect {
            kind: "openai_compatible",
            more: ", infill: deepseek",
            path: "/beta/completions",
            answer: completions,
            counts: Some((21, 3)),
        },
        Dialect {
            kind: "openai_compatible",
            more: ", infill: mistral",
            path: "/v1/fim/completions",
            answer: sse(&[delta("a + ", Value::Null), last], "data: [DONE]\n\n"),
            counts: Some((21, 3)),
        },
        Dialect {
            kind: "ollama",
            more: "",
            path: "/api/generate",
            answer: lines(&[
                json!({"response": "a + ", "done": false}),
                json!({"response": "ż", "done": false}),
                json!({"response": "", "done": true, "done_reason": "stop", "prompt_eval_count": 21, "eval_count": 3}),
            ]),
            counts: Some((21, 3)),
        },
        Dialect {
            kind: "openai_compatible",
            more: ", infill: llama_cpp",
            path: "/infill",
            answer: sse(
                &[
                    json!({"content": "a + ", "stop": false}),
                    json!({"content": "ż", "stop": false}),
                    json!({"content": "", "stop": true, "stop_type": "eos", "tokens_predicted": 3, "tokens_evaluated": 21}),
                ],
                "",
            ),
            counts: Some((21, 3)),
        },
        Dialect {
            kind: "openai",
            more: "",
            path: "/v1/chat/completions",
            answer: sse(
                &[
                    delta("```python\na + ", Value::Null),
                    delta("ż\n``", Value::Null),
                    delta("`", json!("stop")),
                ],
                "data: [DONE]\n\n",
            ),
            counts: None,
        },
    ]
}

fn answered(dialect: &Dialect, steps: Vec<Step>) -> Answer {
    let kind = match dialect.kind {
        "ollama" => "application/x-ndjson",
        _ => "text/event-stream",
    };
    let mut answer = Answer::head(200, &[("content-type", kind)]);
    answer.steps.extend(steps);
    answer
}

#[tokio::test]
async fn each_server_is_asked_in_its_own_way() {
    for dialect in dialects() {
        let server = Server::start(vec![answered(
            &dialect,
            vec![Step::Bytes(dialect.answer.clone())],
        )]);
        let models = models(dialect.kind, &server.url(), dialect.more);
        let reply = fill(&models).await.unwrap();
        assert_eq!(reply.text, "a + ż", "{}", dialect.path);
        assert_eq!(reply.stop, Stop::End, "{}", dialect.path);
        if let Some(counts) = dialect.counts {
            assert_eq!((reply.usage.input, reply.usage.output), counts);
            assert_eq!(reply.cost_micro_usd, Some(21 * 2 + 3 * 10));
            assert_eq!(models.spent().roles[&Role::Completer], 72);
        }
        let request = &server.requests()[0];
        assert_eq!(request.path, dialect.path);
        let bearer = format!("Bearer {KEY}");
        assert_eq!(request.header("authorization"), Some(bearer.as_str()));
        let body = request.json();
        assert_eq!(body["stream"], true, "{}", dialect.path);
        match dialect.path {
            "/infill" => {
                assert_eq!(body["input_prefix"], gap().before);
                assert_eq!(body["input_suffix"], gap().after);
                assert_eq!(body["n_predict"], 64);
                let extra = json!([{"filename": "src/one.py", "text": "ONE = 1\n"}]);
                assert_eq!(body["input_extra"], extra);
            }
            "/api/generate" => {
                assert_eq!(
                    (&body["prompt"], &body["suffix"]),
                    (&json!(PROMPT), &json!(gap().after))
                );
                assert_eq!(body["options"]["num_predict"], 64);
            }
            "/v1/chat/completions" => {
                let told = body["messages"][1]["content"].as_str().unwrap();
                let around = format!("{}<|gap|>{}", gap().before, gap().after);
                assert!(told.contains(&around), "{told}");
            }
            _ => {
                assert_eq!(
                    (&body["prompt"], &body["suffix"]),
                    (&json!(PROMPT), &json!(gap().after))
                );
                assert_eq!(
                    (&body["model"], &body["max_tokens"]),
                    (&json!("x"), &json!(64))
                );
                let counts = body.pointer("/stream_options/include_usage").is_some();
                assert_eq!(counts, dialect.path != "/v1/fim/completions");
            }
        }
    }
}

#[tokio::test]
async fn an_answer_is_the_same_however_its_bytes_are_cut() {
    for dialect in dialects() {
        let every = dialect.answer.len().div_ceil(24);
        for at in (1..dialect.answer.len()).step_by(every) {
            let (first, second) = dialect.answer.split_at(at);
            let steps = vec![
                Step::Bytes(first.to_vec()),
                Step::Pause(Duration::from_millis(1)),
                Step::Bytes(second.to_vec()),
            ];
            let server = Server::start(vec![answered(&dialect, steps)]);
            let models = models(dialect.kind, &server.url(), dialect.more);
            let reply = fill(&models).await.unwrap();
            assert_eq!(reply.text, "a + ż", "{} cut at {at}", dialect.path);
        }
        let drip = Step::Drip(dialect.answer.clone(), Duration::ZERO);
        let server = Server::start(vec![answered(&dialect, vec![drip])]);
        let models = models(dialect.kind, &server.url(), dialect.more);
        assert_eq!(fill(&models).await.unwrap().text, "a + ż");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_none() {
    for dialect in dialects() {
        // Behind the first event.
        let ends = dialect.answer.windows(2).position(|two| two == b"\n\n");
        let ends = ends.or_else(|| dialect.answer.iter().position(|byte| *byte == b'\n'));
        let start = Step::Bytes(dialect.answer[..ends.unwrap() + 1].to_vec());
        for (steps, class) in [
            (vec![start.clone()], "broken_stream"),
            (vec![start.clone(), Step::Reset], "broken_stream"),
            (vec![start.clone(), Step::Hang], "timeout"),
        ] {
            let server = Server::start(vec![answered(&dialect, steps)]);
            let models = models(dialect.kind, &server.url(), dialect.more);
            let cancel = CancellationToken::new();
            let (reply, attempts) = fill_until(&models, &|_| false, &cancel).await;
            assert_eq!(reply.unwrap_err().class(), class, "{}", dialect.path);
            assert_eq!(attempts.len(), 1, "{}: asked again", dialect.path);
            assert!(attempts[0].cost_micro_usd > Some(0), "{}", dialect.path);
            assert_eq!(models.spent().run, attempts[0].cost_micro_usd.unwrap());
        }
    }
}

#[tokio::test]
async fn a_server_that_is_busy_or_ill_is_not_asked_again_for_the_same_gap() {
    for (status, class) in [
        (429, "rate_limited"),
        (500, "overloaded"),
        (503, "overloaded"),
        (401, "auth"),
    ] {
        let refused = Answer::http(status, &[("retry-after", "7")], format!("no {KEY}"));
        let server = Server::start(vec![refused]);
        let models = models("openai_compatible", &server.url(), "");
        let error = fill(&models).await.unwrap_err();
        assert_eq!(error.class(), class);
        if let Error::RateLimited { retry_after, .. } = &error {
            assert_eq!(*retry_after, Some(Duration::from_secs(7)));
        }
        assert_eq!(server.requests().len(), 1, "{status}");
        assert_eq!(models.spent().run, 0, "{status}");
    }
}

#[tokio::test]
async fn the_fallbacks_of_the_role_are_asked_and_no_others() {
    let good = &dialects()[0];
    let answer = answered(good, vec![Step::Bytes(good.answer.clone())]);
    let (ill, well) = (
        Server::start(vec![Answer::http(500, &[], "ill")]),
        Server::start(vec![answer]),
    );
    let asked = |strategy: &str| {
        config(&format!(
            "providers:
  a: {{type: openai_compatible, base_url: '{}'}}
  b: {{type: openai_compatible, base_url: '{}'}}
models: {{m: {{provider: a, model: x, default: true}}, n: {{provider: b, model: y}}}}
strategy: {strategy}",
            ill.url(),
            well.url()
        ))
    };
    let models = asked("{completer_model: m, role_fallbacks: {completer: [n]}}");
    assert_eq!(fill(&models).await.unwrap().model, "b/y");
    let models = asked("{completer_model: m, fallbacks: [n]}");
    assert_eq!(fill(&models).await.unwrap_err().class(), "overloaded");
    // A default model is not named for completion.
    let models = asked("{default_model: n}");
    assert_eq!(fill(&models).await.unwrap_err().class(), "no_model");
    assert!(
        models
            .view()
            .iter()
            .all(|(role, ..)| *role != Role::Completer)
    );
}

#[tokio::test]
async fn a_server_without_such_a_way_is_asked_in_a_conversation_from_then_on() {
    for status in [400, 404, 405, 422, 501] {
        let chat = dialects().pop().unwrap();
        let server = Server::with(move |_, request| match request.path.as_str() {
            "/v1/chat/completions" => answered(&chat, vec![Step::Bytes(chat.answer.clone())]),
            _ => Answer::http(status, &[], "suffix is not currently supported"),
        });
        let models = models("openai_compatible", &server.url(), "");
        assert_eq!(fill(&models).await.unwrap().text, "a + ż", "{status}");
        assert_eq!(fill(&models).await.unwrap().text, "a + ż", "{status}");
        let requests = server.requests();
        let paths: Vec<&str> = requests.iter().map(|it| it.path.as_str()).collect();
        let chat = "/v1/chat/completions";
        assert_eq!(paths, ["/v1/completions", chat, chat], "{status}");
    }
    // Not where a person said which way.
    let server = Server::start(vec![Answer::http(404, &[], "no")]);
    let models = models("openai_compatible", &server.url(), ", infill: completions");
    assert_eq!(fill(&models).await.unwrap_err().class(), "invalid");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn enough_is_hung_up_on_and_costs_what_came() {
    for dialect in dialects() {
        let first = match dialect.kind {
            "ollama" => lines(&[json!({"response": "a\nb", "done": false})]),
            _ => sse(
                &[
                    json!({"content": "a\nb", "choices": [{"text": "a\nb", "delta": {"content": "a\nb"}}]}),
                ],
                "",
            ),
        };
        let server = Server::start(vec![answered(
            &dialect,
            vec![Step::Bytes(first), Step::Hang],
        )]);
        let models = models(dialect.kind, &server.url(), dialect.more);
        let began = Instant::now();
        let enough = |text: &str| text.contains('\n');
        let cancel = CancellationToken::new();
        let (reply, attempts) = fill_until(&models, &enough, &cancel).await;
        let reply = reply.unwrap();
        assert_eq!(reply.text, "a\nb", "{}", dialect.path);
        assert!(
            reply.usage.estimated && reply.usage.output == 1,
            "{:?}",
            reply.usage
        );
        assert_eq!(attempts[0].failure, None);
        assert_eq!(attempts[0].cost_micro_usd, reply.cost_micro_usd);
        assert_eq!(Some(models.spent().run), reply.cost_micro_usd);
        left(&server, began).await;
    }
}

#[tokio::test]
async fn giving_up_hangs_up() {
    for dialect in dialects() {
        let server = Server::start(vec![answered(&dialect, vec![Step::Hang])]);
        let models = models(dialect.kind, &server.url(), dialect.more);
        let cancel = CancellationToken::new();
        let stop = cancel.clone();
        let seen = async {
            while server.requests().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            stop.cancel();
        };
        let began = Instant::now();
        let ((reply, _), ()) = tokio::join!(fill_until(&models, &|_| false, &cancel), seen);
        assert_eq!(reply.unwrap_err(), Error::Cancelled, "{}", dialect.path);
        left(&server, began).await;
    }
}

/// Waits until the server saw the client go.
async fn left(server: &Server, began: Instant) {
    while server.left_at().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(20), "still connected");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_gap_that_no_cap_allows_is_not_asked_for() {
    let server = Server::start(vec![Answer::http(500, &[], "")]);
    let models = config(&format!(
        "providers: {{p: {{type: openai_compatible, base_url: '{}'}}}}
models: {{m: {{provider: p, model: x, price: {{input_per_mtok_usd: 2, output_per_mtok_usd: 10}}}}}}
strategy: {{completer_model: m}}
budget: {{role_usd: {{completer: 0.0001}}}}",
        server.url()
    ));
    assert_eq!(fill(&models).await.unwrap_err().class(), "budget");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_script_fills_gaps_too() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script.yaml");
    std::fs::write(
        &script,
        "turns:\n- {role: coder, text: no}\n- {role: completer, text: a + b, expect: ['return <|gap|>']}\n",
    )
    .unwrap();
    let models = config(&format!(
        "providers: {{p: {{type: scripted, script: '{}'}}}}
models: {{m: {{provider: p, model: x}}}}
strategy: {{completer_model: m}}",
        script.display()
    ));
    assert_eq!(fill(&models).await.unwrap().text, "a + b");
}
