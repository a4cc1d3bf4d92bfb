//! Plays a fault against a server on the loopback, and judges how the call ended.

use std::{sync::Arc, time::Instant};

use futures::{StreamExt, stream};
use llm::{Attempt, Chunk, Error, Models, Reply, Role};
use testkit::http::{Answer, RefusedPort, Server};
use tokio_util::sync::CancellationToken;

use super::{
    fault::{End, Fault, Place},
    streams::{RECORDED_CALLS, RECORDED_TEXT, openai_text},
};
use crate::ask::{KEY, config, request};

/// What the second candidate says.
const NEXT: &str = "From the next.";

/// Everything about one question.
struct Outcome {
    reply: Result<Reply, Error>,
    attempts: Vec<Attempt>,
    /// Candidates that were asked instead of another.
    fallbacks: Vec<String>,
    shown: String,
    took: std::time::Duration,
}

/// Plays all of them, so many at once; what is wrong.
pub async fn play_all(faults: Vec<Fault>, at_once: usize) -> Vec<String> {
    let played = stream::iter(faults).map(|fault| tokio::spawn(play(fault)));
    let mut played = played.buffer_unordered(at_once);
    let mut wrong = Vec::new();
    while let Some(said) = played.next().await {
        wrong.extend(said.unwrap_or_else(|error| vec![error.to_string()]));
    }
    wrong
}

/// What is wrong with the way in which `fault` ended; nothing where it ended as its row says.
async fn play(fault: Fault) -> Vec<String> {
    let answer = Arc::clone(&fault.answer);
    let ill = Server::with(move |turn, _| answer(turn));
    let well = Server::start(vec![Answer::sse(openai_text(NEXT))]);
    let refused = RefusedPort::take();
    let url = match fault.place {
        Place::Server => ill.url(),
        Place::Tls => ill.url().replace("http:", "https:"),
        Place::Refused => refused.url(),
        Place::Nowhere => "http://nobody.invalid".to_owned(),
    };
    let models = candidates(&fault, &url, &well.url());
    let questions = stream::iter(0..fault.rounds).map(|_| ask(models.for_run(0)));
    let outcomes: Vec<Outcome> = questions.buffer_unordered(24).collect().await;
    let judged = outcomes.iter().flat_map(|outcome| judge(&fault, outcome));
    let mut wrong: Vec<String> = judged.collect();
    let hops = outcomes
        .iter()
        .filter(|outcome| !outcome.fallbacks.is_empty());
    if well.requests().len() != hops.count() {
        wrong.push(format!(
            "the next was asked {} times",
            well.requests().len()
        ));
    }
    wrong.truncate(3);
    wrong
        .iter()
        .map(|wrong| format!("{}: {wrong}", fault.name))
        .collect()
}

fn candidates(fault: &Fault, url: &str, next: &str) -> Models {
    let Fault { kind, attempts, .. } = fault;
    let silence = fault.silence();
    config(&format!(
        "providers:
  p: {{type: {kind}, base_url: '{url}', api_key: {KEY}, timeout: {silence}}}
  n: {{type: openai_compatible, base_url: '{next}'}}
models:
  m: {{provider: p, model: x, price: {{input_per_mtok_usd: 2, output_per_mtok_usd: 10}}}}
  next: {{provider: n, model: y, price: {{input_per_mtok_usd: 1, output_per_mtok_usd: 1}}}}
strategy: {{default_model: m, fallbacks: [next], attempts: {attempts}, breaker: {{failures: 1000000}}}}"
    ))
}

/// In a run of its own: who broke off in another one is asked first all the same.
async fn ask(models: Models) -> Outcome {
    let start = Instant::now();
    let (mut attempts, mut fallbacks, mut shown) = (Vec::new(), Vec::new(), String::new());
    let mut words = 0;
    let mut hear = |chunk: Chunk<'_>| match chunk {
        Chunk::Text(text) | Chunk::Reasoning(text) => words += text.len(),
        Chunk::Attempt(attempt) => attempts.push(attempt),
        Chunk::Fallback { to, .. } => fallbacks.push(to),
        other => shown.push_str(&format!("{other:?}\n")),
    };
    let cancel = CancellationToken::new();
    let reply = models
        .complete(Role::Coder, None, &request("Hello"), &cancel, &mut hear)
        .await;
    let took = start.elapsed();
    Outcome {
        reply,
        attempts,
        fallbacks,
        shown,
        took,
    }
}

fn judge(fault: &Fault, outcome: &Outcome) -> Vec<String> {
    let Outcome {
        reply, attempts, ..
    } = outcome;
    let mut wrong = Vec::new();
    let mut must = |right: bool, what: &str| {
        if !right {
            let reply = reply.as_ref().map(|reply| (&reply.text, &reply.calls));
            let failures: Vec<_> = attempts.iter().map(|attempt| &attempt.failure).collect();
            wrong.push(format!("{what}: {reply:?} {failures:?}"));
        }
    };
    must(
        outcome.took <= fault.within,
        &format!("it took {:?}", outcome.took),
    );
    let first = attempts
        .first()
        .and_then(|attempt| attempt.failure.as_ref());
    let first = first.map(|(class, _)| *class);
    let text = reply.as_ref().map(|reply| reply.text.as_str()).ok();
    let hop = !outcome.fallbacks.is_empty();
    match fault.end {
        End::Next(class) => {
            must(first == Some(class), "the class");
            must(text == Some(NEXT) && hop, "the next candidate answers");
        }
        End::Again(class) => {
            must(
                first == Some(class) && attempts.len() == 2,
                "the class, once",
            );
            must(text == Some("Back.") && !hop, "the same candidate answers");
        }
        End::Fails(class) => {
            must(
                first == Some(class) && attempts.len() == 1,
                "the class, once",
            );
            must(
                reply.as_ref().is_err_and(|error| error.class() == class) && !hop,
                "it ends",
            );
        }
        End::WholeOr(_) if first.is_none() => {
            must(text == Some(RECORDED_TEXT) && !hop, "the text");
            let calls = reply.as_ref().map(|reply| reply.calls.len());
            must(calls == Ok(RECORDED_CALLS), "the calls");
        }
        End::Either(class) | End::WholeOr(class) => {
            must(first == Some(class), "the class");
            let heard = attempts
                .first()
                .is_some_and(|attempt| attempt.first_piece.is_some());
            must(
                if heard {
                    reply.is_err() && !hop
                } else {
                    text == Some(NEXT) && hop
                },
                "by what was shown",
            );
        }
        End::Reply(wanted, calls) => {
            must(
                text == Some(wanted) && !hop && attempts.len() == 1,
                "the reply",
            );
            let got = reply.as_ref().map(|reply| {
                let said = reply
                    .calls
                    .iter()
                    .map(|call| format!("{} {}", call.name, call.arguments));
                let ids: std::collections::HashSet<_> =
                    reply.calls.iter().map(|call| &call.id).collect();
                (said.collect::<Vec<_>>(), ids.len())
            });
            must(
                got.is_ok_and(|(said, ids)| said == calls && ids == calls.len()),
                "the calls, each with its own id",
            );
        }
    }
    let asked = attempts
        .iter()
        .filter(|attempt| attempt.model == "p/x")
        .count();
    must(asked <= fault.attempts as usize, "attempts");
    let half =
        |call: &llm::Call| serde_json::from_str::<serde_json::Value>(&call.arguments).is_err();
    must(
        !reply
            .as_ref()
            .is_ok_and(|reply| reply.calls.iter().any(half)),
        "half a call",
    );
    let all = format!("{reply:?} {attempts:?} {}", outcome.shown);
    must(!all.contains("canary"), "a key is shown");
    wrong
}
