//! Breakers over real connections: who is skipped, who is probed, and that one probe is enough.

use std::time::Duration;

use futures::future::join_all;
use llm::{BreakerState, Error, Models};
use testkit::http::{Answer, Server, Step};

use crate::ask::{ask, config};

const HI: &str =
    "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n";

fn two(first: &str, second: &str, strategy: &str) -> Models {
    config(&format!(
        "providers:
  a: {{type: openai_compatible, base_url: '{first}', timeout: 5}}
  b: {{type: openai_compatible, base_url: '{second}', timeout: 5}}
models: {{one: {{provider: a, model: m}}, two: {{provider: b, model: m}}}}
strategy: {{default_model: one, attempts: 1, {strategy}}}"
    ))
}

fn states(models: &Models) -> Vec<String> {
    let row = |(label, state, failures): (String, BreakerState, u32)| {
        format!("{label} {} {failures}", state.as_str())
    };
    models.breakers().into_iter().map(row).collect()
}

#[tokio::test]
async fn a_candidate_that_is_ill_is_skipped_and_probed_later() {
    let ill = Server::with(|turn, _| match turn {
        0..4 => Answer::http(500, &[], ""),
        _ => Answer::sse(HI),
    });
    let well = Server::start(vec![Answer::sse(HI)]);
    let strategy = "fallbacks: [two], breaker: {failures: 3, open_seconds: 1}";
    let models = two(&ill.url(), &well.url(), strategy);
    let hop = "a/m -> b/m".to_owned();
    let hi = "text Hi".to_owned();
    for _ in 0..2 {
        assert_eq!(ask(&models).await.1, [hop.clone(), hi.clone()]);
    }
    let opened = vec!["a/m is open".to_owned(), hop.clone(), hi.clone()];
    assert_eq!(ask(&models).await.1, opened);
    assert_eq!(states(&models), ["a/m open 3", "b/m closed 0"]);
    // Every run knows it.
    assert_eq!(ask(&models.for_run(0)).await.1, [hop.clone(), hi.clone()]);
    assert_eq!(ill.requests().len(), 3, "skipped");
    tokio::time::sleep(Duration::from_millis(1050)).await;
    let mut probed = vec!["a/m is half_open".to_owned()];
    probed.extend(opened);
    assert_eq!(ask(&models).await.1, probed, "the probe fails");
    tokio::time::sleep(Duration::from_millis(1050)).await;
    assert_eq!(
        ask(&models).await.1,
        [hop, hi.clone()],
        "open for twice as long"
    );
    tokio::time::sleep(Duration::from_millis(1050)).await;
    let closed = [
        "a/m is half_open".to_owned(),
        hi,
        "a/m is closed".to_owned(),
    ];
    assert_eq!(ask(&models).await.1, closed);
    assert_eq!(states(&models)[0], "a/m closed 0");
    assert_eq!(ill.requests().len(), 5);
}

#[tokio::test]
async fn of_many_calls_one_probes() {
    let ill = Server::with(|turn, _| match turn {
        0 => Answer::http(500, &[], ""),
        _ => Answer::default()
            .then(Step::Pause(Duration::from_millis(300)))
            .then(Step::Reset),
    });
    let well = Server::start(vec![Answer::sse(HI)]);
    let strategy = "fallbacks: [two], breaker: {failures: 1, open_seconds: 0}";
    let models = two(&ill.url(), &well.url(), strategy);
    ask(&models).await.0.unwrap();
    let replies = join_all((0..8).map(|_| ask(&models))).await;
    assert!(replies.iter().all(|(reply, _)| reply.is_ok()));
    assert_eq!(ill.requests().len(), 2, "one probe");
}

#[tokio::test]
async fn the_only_candidate_is_asked_all_the_same() {
    let ill = Server::with(|turn, _| match turn {
        0..3 => Answer::http(500, &[], ""),
        _ => Answer::default()
            .then(Step::Pause(Duration::from_millis(200)))
            .then(Step::Bytes(
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{HI}").into(),
            )),
    });
    let models = two(&ill.url(), &ill.url(), "breaker: {failures: 1}");
    for _ in 0..3 {
        let (reply, _) = ask(&models).await;
        assert!(matches!(reply, Err(Error::Overloaded { .. })), "{reply:?}");
    }
    // One probes, the others wait for it instead of giving up or asking beside it.
    let replies = join_all((0..4).map(|_| ask(&models))).await;
    assert!(
        replies.iter().all(|(reply, _)| reply.is_ok()),
        "{replies:?}"
    );
    assert_eq!(states(&models), ["a/m closed 0"]);
}

#[tokio::test]
async fn where_all_are_ill_the_one_that_is_due_first_is_probed_first() {
    let (first, second) = (
        Server::start(vec![Answer::http(500, &[], "")]),
        Server::with(|turn, _| match turn {
            0 => Answer::http(500, &[], ""),
            _ => Answer::sse(HI),
        }),
    );
    let strategy = "fallbacks: [two], breaker: {failures: 1, open_seconds: 30}";
    let models = two(&first.url(), &second.url(), strategy);
    ask(&models).await.0.unwrap_err();
    assert_eq!(states(&models), ["a/m open 1", "b/m open 1"]);
    // The first is due sooner, fails its probe, and then the second is probed.
    let (reply, heard) = ask(&models).await;
    assert_eq!(reply.unwrap().model, "b/m");
    assert_eq!(
        heard,
        [
            "b/m -> a/m",
            "a/m is half_open",
            "a/m is open",
            "a/m -> b/m",
            "b/m is half_open",
            "text Hi",
            "b/m is closed"
        ]
    );
}

#[tokio::test]
async fn a_refusal_is_no_illness() {
    let server = Server::start(
        [401, 404, 429, 402, 413]
            .map(|status| Answer::http(status, &[("retry-after", "0")], ""))
            .to_vec(),
    );
    let models = two(&server.url(), &server.url(), "breaker: {failures: 1}");
    for _ in 0..5 {
        ask(&models).await.0.unwrap_err();
    }
    assert_eq!(states(&models), ["a/m closed 0"]);
}
