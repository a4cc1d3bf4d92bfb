//! M2 over real connections: what is spent, what is refused, and what a call costs that did not end well.

use std::{collections::BTreeMap, time::Duration};

use futures::future::join_all;
use llm::{Chunk, Error, Models, Role, Scope};
use serde_json::json;
use testkit::http::{Answer, Server, Step};
use tokio_util::sync::CancellationToken;

use crate::ask::{ask, ask_as, config, request};

/// Ten tokens sent, five received.
pub fn answer() -> Answer {
    let text = json!({"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5}});
    Answer::sse(format!("data: {text}\n\n"))
}

/// `dear` costs 1,000 micro-dollars a token, so 15,000 for an answer and at most about 520,000 for an attempt; `cheap` a
/// thousandth of it.
pub fn models(url: &str, rest: &str) -> Models {
    config(&yaml(url, rest))
}

pub fn yaml(url: &str, rest: &str) -> String {
    format!(
        "providers: {{p: {{type: openai_compatible, base_url: '{url}', timeout: 1}}}}
models:
  dear: {{provider: p, model: dear, price: {{input_per_mtok_usd: 1000, output_per_mtok_usd: 1000}}}}
  cheap: {{provider: p, model: cheap, price: {{input_per_mtok_usd: 1, output_per_mtok_usd: 1}}}}
  free: {{provider: p, model: free, price: {{input_per_mtok_usd: 0, output_per_mtok_usd: 0}}}}
  unknown: {{provider: p, model: unknown}}
{rest}"
    )
}

fn asked(server: &Server) -> Vec<String> {
    let requests = server.requests();
    let name = |body: serde_json::Value| body["model"].as_str().map(str::to_owned);
    requests
        .iter()
        .filter_map(|request| name(request.json()))
        .collect()
}

#[tokio::test]
async fn the_sum_is_that_of_the_attempts_by_run_session_day_and_role() {
    let server = Server::start(vec![answer()]);
    let models = models(
        &server.url(),
        "strategy: {default_model: dear, critic_model: cheap}",
    )
    .for_run(7);
    let mut sum = 0;
    for role in [Role::Planner, Role::Coder, Role::Critic, Role::Coder] {
        let cancel = CancellationToken::new();
        let mut hear = |chunk: Chunk<'_>| {
            if let Chunk::Attempt(attempt) = chunk {
                sum += attempt.cost_micro_usd.unwrap();
            }
        };
        let asked = request("Hello");
        models
            .complete(role, None, &asked, &cancel, &mut hear)
            .await
            .unwrap();
    }
    let spent = models.spent();
    assert_eq!(
        (sum, spent.run, spent.session, spent.day),
        (45_015, 45_015, 45_022, 45_015)
    );
    let roles = [
        (Role::Planner, 15_000),
        (Role::Coder, 30_000),
        (Role::Critic, 15),
    ];
    assert_eq!(spent.roles, BTreeMap::from(roles));
    let next = models.for_run(0);
    assert_eq!((next.spent().run, next.spent().day), (0, 45_015));
}

#[tokio::test]
async fn at_the_cap_a_cheaper_candidate_answers_and_a_free_one_always() {
    let server = Server::start(vec![answer()]);
    let models = models(
        &server.url(),
        "strategy: {default_model: dear, fallbacks: [cheap, free]}\nbudget: {run_usd: 0.53}",
    );
    let (reply, heard) = ask(&models).await;
    assert_eq!((reply.unwrap().model.as_str(), heard.len()), ("p/dear", 1));
    let (reply, heard) = ask(&models).await;
    assert_eq!(reply.unwrap().model, "p/cheap");
    assert_eq!(heard[0], "p/dear -> p/cheap");
    // Nothing that costs fits any more.
    let models = self::models(
        &server.url(),
        "strategy: {default_model: dear, fallbacks: [cheap, free]}\nbudget: {run_usd: 0}",
    );
    assert_eq!(ask(&models).await.0.unwrap().model, "p/free");
    assert_eq!(asked(&server), ["dear", "cheap", "free"]);
}

#[tokio::test]
async fn where_nothing_fits_a_person_may_lift_the_cap() {
    let server = Server::start(vec![answer()]);
    let models = models(
        &server.url(),
        "strategy: {default_model: dear, fallbacks: [cheap]}\nbudget: {role_usd: {coder: 0.0001}}",
    );
    let scope = Scope::Role(Role::Coder);
    let error = ask(&models).await.0.unwrap_err();
    assert_eq!(
        error,
        Error::Budget {
            scope,
            limit: 100,
            spent: 0
        }
    );
    assert!(server.requests().is_empty());
    models.raise(scope, 900);
    assert_eq!(ask(&models).await.0.unwrap().model, "p/cheap");
    // Another role has no cap, and another run has the old one.
    assert_eq!(
        ask_as(&models, Role::Critic, None).await.0.unwrap().model,
        "p/dear"
    );
    assert!(matches!(
        ask(&models.for_run(0)).await.0,
        Err(Error::Budget { .. })
    ));
}

#[tokio::test]
async fn a_budget_is_told_though_another_candidate_failed() {
    let server = Server::start(vec![Answer::http(401, &[], "")]);
    let models = models(
        &server.url(),
        "strategy: {default_model: free, fallbacks: [dear]}\nbudget: {run_usd: 0.01}",
    );
    let error = ask(&models).await.0.unwrap_err();
    assert!(
        matches!(error, Error::Budget { .. }),
        "what a person can lift: {error:?}"
    );
}

#[tokio::test]
async fn a_call_that_failed_costs_what_was_sent_and_received() {
    let text = "data: {\"choices\":[{\"delta\":{\"content\":\"12345678\"}}]}\n\n";
    for (answer, output) in [
        (Answer::default().then(Step::Hang), 0),
        (Answer::sse(text), 2),
        (Answer::sse(text).then(Step::Hang), 2),
        (
            Answer::sse(format!("{text}data: {{\"error\":{{\"code\":502}}}}\n\n")),
            2,
        ),
    ] {
        let server = Server::start(vec![answer]);
        let models = models(
            &server.url(),
            "strategy: {default_model: dear, attempts: 1}",
        );
        let mut told = None;
        let mut hear = |chunk: Chunk<'_>| {
            if let Chunk::Attempt(attempt) = chunk {
                told = Some(attempt);
            }
        };
        let cancel = CancellationToken::new();
        let asked = request("Hello");
        models
            .complete(Role::Coder, None, &asked, &cancel, &mut hear)
            .await
            .unwrap_err();
        let attempt = told.unwrap();
        let usage = attempt.usage.unwrap();
        assert!(
            usage.estimated && usage.input > 0 && usage.output == output,
            "{usage:?}"
        );
        let cost = (usage.input + usage.output) * 1000;
        assert_eq!(
            (attempt.cost_micro_usd, models.spent().run),
            (Some(cost), cost)
        );
    }
}

#[tokio::test]
async fn a_request_that_was_refused_unread_costs_nothing() {
    for status in [400, 401, 402, 429, 503] {
        let server = Server::start(vec![Answer::http(status, &[("retry-after", "0")], "")]);
        let models = models(&server.url(), "strategy: {default_model: dear}");
        ask(&models).await.0.unwrap_err();
        assert_eq!(models.spent().run, 0, "{status}");
    }
    let refused = testkit::http::RefusedPort::take();
    let models = models(
        &refused.url(),
        "strategy: {default_model: dear, attempts: 1}",
    );
    ask(&models).await.0.unwrap_err();
    assert_eq!(models.spent().day, 0);
}

#[tokio::test]
async fn a_call_that_is_cancelled_or_dropped_is_settled() {
    let server = Server::start(vec![Answer::default().then(Step::Hang)]);
    let models = models(
        &server.url(),
        "strategy: {default_model: dear}\nbudget: {run_usd: 0.6}",
    );
    let cancel = CancellationToken::new();
    let call = tokio::spawn({
        let (models, token) = (models.clone(), cancel.clone());
        async move {
            models
                .complete(Role::Coder, None, &request("Hello"), &token, &mut |_| {})
                .await
        }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    // While it runs, its worst case is held.
    assert!(matches!(
        ask(&models).await.0,
        Err(Error::Budget { spent: 0, .. })
    ));
    cancel.cancel();
    assert_eq!(call.await.unwrap(), Err(Error::Cancelled));
    let first = models.spent().run;
    assert!((1_000..60_000).contains(&first), "{first}");
    let call = tokio::spawn({
        let models = models.clone();
        async move {
            models
                .complete(
                    Role::Coder,
                    None,
                    &request("Hello"),
                    &CancellationToken::new(),
                    &mut |_| {},
                )
                .await
        }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!(models.spent().run, 2 * first);
    let before = CancellationToken::new();
    before.cancel();
    let reply = models
        .complete(Role::Coder, None, &request("Hello"), &before, &mut |_| {})
        .await;
    assert_eq!(
        (reply, models.spent().run),
        (Err(Error::Cancelled), 2 * first),
        "nothing was sent"
    );
}

#[tokio::test]
async fn calls_at_the_same_time_do_not_share_the_last_cent() {
    let server = Server::with(|_, _| {
        let whole = answer();
        let mut slow = Answer::default().then(Step::Pause(Duration::from_millis(300)));
        slow.steps.extend(whole.steps);
        slow
    });
    let models = models(
        &server.url(),
        "strategy: {default_model: dear}\nbudget: {run_usd: 1.2}",
    );
    let replies = join_all((0..8).map(|_| ask(&models))).await;
    let answered = replies.iter().filter(|(reply, _)| reply.is_ok()).count();
    assert_eq!((answered, server.requests().len()), (2, 2));
    let refused = |reply: &Result<_, _>| {
        matches!(
            reply,
            Err(Error::Budget {
                spent: 0,
                limit: 1_200_000,
                ..
            })
        )
    };
    assert_eq!(
        replies.iter().filter(|(reply, _)| refused(reply)).count(),
        6
    );
    assert_eq!(models.spent().run, 30_000);
}

#[tokio::test]
async fn warnings_and_unknown_prices_are_told_once_a_run() {
    let server = Server::start(vec![answer()]);
    let models = models(
        &server.url(),
        "strategy: {default_model: dear, critic_model: unknown}\nbudget: {run_usd: 10, session_usd: 10, warn_percent: 1}",
    );
    let run = models.for_run(80_000);
    let heard = |(_, heard): (_, Vec<String>)| heard;
    assert_eq!(heard(ask(&run).await), ["text Hi"]);
    let warned = [
        "text Hi".to_owned(),
        "session: 110000 of 10000000".to_owned(),
    ];
    assert_eq!(heard(ask(&run).await), warned);
    assert_eq!(heard(ask(&run).await), ["text Hi"]);
    let unknown = ["p/unknown is not counted".to_owned(), "text Hi".to_owned()];
    assert_eq!(heard(ask_as(&run, Role::Critic, None).await), unknown);
    assert_eq!(heard(ask_as(&run, Role::Critic, None).await), ["text Hi"]);
    let strict = self::models(
        &server.url(),
        "strategy: {default_model: unknown, fallbacks: [cheap]}\nbudget: {day_usd: 1, unknown_price: refuse}",
    );
    assert_eq!(
        heard(ask(&strict).await),
        ["p/unknown -> p/cheap", "text Hi"]
    );
}
