//! M1: who is asked, in which order, how often.

use std::time::{Duration, Instant};

use llm::{Config, Error, Models, Role};
use serde_json::json;
use testkit::http::{Answer, Captured, ModelServer, Server};

use crate::ask::{ask, ask_as, config};

fn answer(status: u16) -> Answer {
    Answer::http(status, &[("retry-after", "0")], "")
}

fn names(requests: &[Captured]) -> Vec<String> {
    requests
        .iter()
        .map(|request| {
            request.json()["model"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

fn three(url: &str, strategy: &str) -> Models {
    config(&format!(
        "providers: {{p: {{type: openai_compatible, base_url: '{url}'}}}}
models:
  one: {{provider: p, model: m1}}
  two: {{provider: p, model: m2, expensive: true}}
  three: {{provider: p, model: m3}}
strategy: {strategy}"
    ))
}

#[tokio::test]
async fn m1_candidates_in_order_each_once() {
    let server = Server::start(vec![answer(401)]);
    let models = three(
        &server.url(),
        "{default_model: one, fallbacks: [two, one, three, two]}",
    );
    let start = Instant::now();
    let (reply, heard) = ask(&models).await;
    assert!(matches!(reply, Err(Error::Auth { .. })), "{reply:?}");
    assert_eq!(names(&server.requests()), ["m1", "m2", "m3"]);
    assert_eq!(heard, ["p/m1 -> p/m2", "p/m2 -> p/m3"]);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "a hard error does not wait"
    );
}

#[tokio::test]
async fn m1_no_fallback_and_no_retry_after_bytes() {
    let server = Server::start(vec![Answer::sse(
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n",
    )]);
    let models = three(&server.url(), "{default_model: one, fallbacks: [two]}");
    let (reply, heard) = ask(&models).await;
    assert!(matches!(reply, Err(Error::Broken { .. })), "{reply:?}");
    assert_eq!(
        (server.requests().len(), heard),
        (1, vec!["text Hi".to_owned()])
    );
}

#[tokio::test]
async fn a_short_failure_is_asked_again_and_then_the_next() {
    let server = Server::start([429, 503, 529, 500, 500, 500].map(answer).to_vec());
    let models = three(&server.url(), "{default_model: one, fallbacks: [three]}");
    let (reply, heard) = ask(&models).await;
    assert!(matches!(reply, Err(Error::Overloaded { .. })), "{reply:?}");
    assert_eq!(
        names(&server.requests()),
        ["m1", "m1", "m1", "m3", "m3", "m3"]
    );
    assert_eq!(heard, ["retry", "retry", "p/m1 -> p/m3", "retry", "retry"]);

    let late = Server::start(vec![Answer::http(429, &[("retry-after", "3600")], "")]);
    let (reply, heard) = ask(&three(&late.url(), "{default_model: one}")).await;
    let error = reply.unwrap_err();
    assert!(
        error.hint().contains("3600 s") && heard.is_empty(),
        "nobody waits an hour: {error:?}"
    );

    let server = ModelServer::openai(vec![json!({"status": 500}), json!({"text": "Back"})]);
    let (reply, heard) = ask(&three(&server.base_url(), "{default_model: one}")).await;
    assert_eq!(
        (reply.unwrap().text.as_str(), heard),
        ("Back", vec!["retry".to_owned(), "text Back".to_owned()])
    );
}

#[tokio::test]
async fn each_role_has_its_model() {
    let server = ModelServer::openai(vec![json!({"text": "Yes"}); 8]);
    let models = three(
        &server.base_url(),
        "{default_model: one, planner_model: three, critic_model: one, overrides: {critic: p/new}}",
    );
    for (role, choice) in [
        (Role::Planner, None),
        (Role::Coder, None),
        (Role::Critic, None),
        (Role::Summariser, None),
        (Role::Critic, Some("three")),
    ] {
        ask_as(&models, role, choice).await.0.unwrap();
    }
    assert_eq!(names(&server.requests()), ["m3", "m1", "new", "m1", "m3"]);
    let seen: Vec<String> = models
        .view()
        .into_iter()
        .map(|(role, name, label, scripted)| format!("{} {name} {label} {scripted}", role.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            "planner three p/m3 false",
            "coder one p/m1 false",
            "critic p/new p/new false",
            "summariser one p/m1 false"
        ]
    );
    let error = ask_as(&models, Role::Coder, Some("four"))
        .await
        .0
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "There is no model four; configured: one, three, two."
    );
}

#[tokio::test]
async fn a_run_asks_expensive_models_as_often_as_allowed() {
    let server = ModelServer::openai(vec![json!({"text": "Yes"}); 8]);
    let models = three(
        &server.base_url(),
        "{default_model: two, fallbacks: [three], max_expensive: 1}",
    );
    let (first, second) = (models.for_run(0), models.for_run(0));
    for run in [&first, &first, &second] {
        ask(run).await.0.unwrap();
    }
    assert_eq!(names(&server.requests()), ["m2", "m3", "m2"]);
    let models = three(&server.base_url(), "{default_model: two, max_expensive: 0}");
    assert_eq!(ask(&models).await.0, Err(Error::Expensive { limit: 0 }));
}

#[tokio::test]
async fn an_expensive_call_counts_unless_the_server_refused_it_unread() {
    let server = Server::with(|turn, request| match request.json()["model"].as_str() {
        Some("m1") => answer(401),
        // Refused unread first, then broken.
        Some("m2") if turn == 1 => answer(503),
        Some("m2") => Answer::sse("data: {\"choices\":[]}\n\n"),
        _ => Answer::sse(
            "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n",
        ),
    });
    let models = config(&format!(
        "providers: {{p: {{type: openai_compatible, base_url: '{}'}}}}
models:
  one: {{provider: p, model: m1, expensive: true}}
  two: {{provider: p, model: m2, expensive: true}}
  three: {{provider: p, model: m3, expensive: true}}
  four: {{provider: p, model: m4}}
strategy: {{default_model: one, fallbacks: [two, three, four], max_expensive: 1, attempts: 2}}",
        server.url()
    ));
    // The first is refused and gives its call back, the second breaks and does not, so the third may not be asked.
    assert_eq!(ask(&models).await.0.unwrap().model, "p/m4");
    assert_eq!(names(&server.requests()), ["m1", "m2", "m2", "m4"]);
}

#[tokio::test]
async fn a_role_has_fallbacks_of_its_own_before_those_of_all() {
    let server = Server::start(vec![answer(400)]);
    let models = three(
        &server.url(),
        "{default_model: one, fallbacks: [two, three], role_fallbacks: {critic: [three, one]}}",
    );
    for role in [Role::Critic, Role::Coder] {
        ask_as(&models, role, None).await.0.unwrap_err();
    }
    let asked = names(&server.requests());
    assert_eq!(asked, ["m1", "m3", "m2", "m1", "m2", "m3"]);
}

#[tokio::test]
async fn who_refused_the_key_is_asked_last_in_this_run_only() {
    let server = Server::with(|_, request| match request.json()["model"].as_str() {
        Some("m1") => answer(402),
        _ => Answer::sse(
            "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n",
        ),
    });
    let models = three(&server.url(), "{default_model: one, fallbacks: [three]}");
    for run in [&models, &models.clone(), &models.for_run(0)] {
        ask(run).await.0.unwrap();
    }
    assert_eq!(names(&server.requests()), ["m1", "m3", "m3", "m1", "m3"]);
    // It is still asked where nobody else is left.
    let (run, only) = (models.for_run(0), Some("one"));
    ask_as(&run, Role::Coder, only).await.0.unwrap();
    assert_eq!(names(&server.requests())[5..], ["m1", "m3"]);
}

#[tokio::test]
async fn a_hard_error_reaches_the_next_within_100_ms() {
    let mut best = Duration::MAX;
    // The machine may be busy: one prompt change of three shows that nothing waits.
    for _ in 0..3 {
        let server = Server::with(|turn, _| match turn {
            0 => answer(401),
            _ => Answer::sse(
                "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n",
            ),
        });
        let models = three(&server.url(), "{default_model: one, fallbacks: [three]}");
        let start = Instant::now();
        ask(&models).await.0.unwrap();
        best = best.min(start.elapsed());
    }
    assert!(best < Duration::from_millis(100), "{best:?}");
}

#[tokio::test]
async fn attempts_are_as_many_as_configured() {
    let server = Server::start(vec![answer(503)]);
    for (attempts, requests) in [(1, 1), (4, 5)] {
        let strategy = format!("{{default_model: one, attempts: {attempts}}}");
        ask(&three(&server.url(), &strategy)).await.0.unwrap_err();
        assert_eq!(server.requests().len(), requests);
    }
}

#[tokio::test]
async fn m2_an_unknown_price_is_unknown() {
    let server = ModelServer::openai(vec![json!({"text": "Yes"})]);
    assert_eq!(
        ask(&three(&server.base_url(), "{default_model: one}"))
            .await
            .0
            .unwrap()
            .cost_micro_usd,
        None
    );
}

#[tokio::test]
async fn a_fenced_call_is_a_call() {
    let text = "I list.\n```json\n{\"tool\": \"list\", \"args\": {\"path\": \"src\"}}\n```\n";
    let server = ModelServer::openai(vec![json!({"text": text})]);
    let reply = ask(&three(&server.base_url(), "{default_model: one}"))
        .await
        .0
        .unwrap();
    assert_eq!(
        (reply.text.as_str(), &reply.stop),
        ("I list.", &llm::Stop::ToolUse)
    );
    assert_eq!(
        (
            reply.calls[0].name.as_str(),
            reply.calls[0].arguments.as_str()
        ),
        ("list", "{\"path\":\"src\"}")
    );
    assert!(!reply.calls[0].id.is_empty());
}

#[test]
fn a_configuration_that_cannot_work_names_its_key() {
    for (yaml, says) in [
        ("models: {m: {provider: no, model: x}}", "models.m.provider"),
        ("providers: {p: {}}", "providers.p.base_url"),
        ("providers: {p: {type: scripted}}", "providers.p.script"),
        (
            "providers: {p: {type: openai}}\nmodels: {m: {provider: p}}",
            "models.m.model",
        ),
        ("strategy: {fallbacks: [x]}", "strategy.fallbacks"),
        ("strategy: {coder_model: x}", "strategy.coder_model"),
        ("strategy: {attempts: 0}", "strategy.attempts"),
        (
            "strategy: {breaker: {failures: 0}}",
            "strategy.breaker.failures",
        ),
        (
            "strategy: {role_fallbacks: {coder: [x]}}",
            "strategy.role_fallbacks.coder",
        ),
        ("strategy: {role_fallbacks: {painter: []}}", "painter"),
        ("budget: {run_usd: -1}", "budget.run_usd"),
        (
            "providers: {p: {type: openai}}\nstrategy: {overrides: {painter: p/x}}",
            "painter",
        ),
        (
            "providers: {p: {type: openai}}\nmodels: {a: {provider: p, model: x, default: true}, b: {provider: p, model: y, default: true}}",
            "a and b",
        ),
        (
            "providers: {p: {type: openai}}\nmodels: {m: {provider: p, model: x, price: {input_per_mtok_usd: -1, output_per_mtok_usd: 1}}}",
            "models.m.price",
        ),
        (
            "providers: {p: {type: openai}}\nmodels: {m: {provider: p, model: x, price: {input_per_mtok_usd: .nan, output_per_mtok_usd: 1}}}",
            "models.m.price",
        ),
    ] {
        let config: Config = serde_saphyr::from_str(yaml).unwrap();
        let error = Models::new(&config).expect_err(yaml);
        assert!(
            matches!(error, Error::Config(_)) && error.to_string().contains(says),
            "{yaml}: {error}"
        );
    }
    let empty = Models::new(&Config::default()).unwrap();
    assert!(empty.is_empty() && empty.view().is_empty());
}

#[tokio::test]
async fn no_model_says_what_to_set() {
    let error = ask(&Models::new(&Config::default()).unwrap())
        .await
        .0
        .unwrap_err();
    assert!(
        matches!(error, Error::NoModel(_)) && error.hint().contains("OPENAI_API_KEY"),
        "{error:?}"
    );
    let two = config(
        "providers: {p: {type: openai}}\nmodels: {a: {provider: p, model: x}, b: {provider: p, model: y}}",
    );
    assert!(
        ask(&two)
            .await
            .0
            .unwrap_err()
            .to_string()
            .contains("strategy.default_model")
    );
}

#[tokio::test]
async fn ollama_is_found_by_its_list() {
    let list = json!({"models": [{"name": "qwen3:8b"}, {"name": "llama3"}]});
    let server = Server::start(vec![Answer::json(200, &list)]);
    let limit = Duration::from_secs(5);
    let models = llm::ollama_models(&format!("{}/v1/", server.url()), limit).await;
    assert_eq!(models.unwrap(), ["qwen3:8b", "llama3"]);
    assert_eq!(server.requests()[0].path, "/api/tags");
    for answer in [
        Answer::json(200, &json!({"models": []})),
        answer(404),
        Answer::http(200, &[], "<html>"),
    ] {
        assert_eq!(
            llm::ollama_models(&Server::start(vec![answer]).url(), limit).await,
            None
        );
    }
}
