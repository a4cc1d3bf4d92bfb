//! Contexts of known size: who is left out, and when the conversation has to shrink.

use llm::{Error, Role};
use testkit::http::{Answer, Server};
use tokio_util::sync::CancellationToken;

use crate::{
    ask::{config, request},
    budget::answer,
};

fn models(server: &Server, strategy: &str) -> llm::Models {
    config(&format!(
        "providers: {{p: {{type: openai_compatible, base_url: '{}'}}}}
models:
  large: {{provider: p, model: large, context_tokens: 400000}}
  small: {{provider: p, model: small, context_tokens: 8000}}
  tiny: {{provider: p, model: tiny, context_tokens: 800}}
  unknown: {{provider: p, model: unknown}}
strategy: {strategy}",
        server.url()
    ))
}

/// Who answered or how it failed, and who was left out or asked instead.
async fn ask(models: &llm::Models, words: usize) -> (Result<String, Error>, Vec<String>) {
    let mut heard = Vec::new();
    let mut hear = |chunk: llm::Chunk<'_>| {
        if let llm::Chunk::Fallback { from, to, reason } = chunk {
            heard.push(format!("{from} -> {to}: {reason}"));
        }
    };
    let cancel = CancellationToken::new();
    let asked = request(&"word ".repeat(words));
    let reply = models
        .complete(Role::Coder, None, &asked, &cancel, &mut hear)
        .await;
    (reply.map(|reply| reply.model), heard)
}

#[tokio::test]
async fn a_candidate_whose_context_is_too_small_is_left_out_and_said_so() {
    let server = Server::start(vec![answer()]);
    let models = models(&server, "{default_model: small, fallbacks: [tiny, large]}");
    assert_eq!(models.context_tokens(Role::Coder, None), Some(8000));
    let (model, heard) = ask(&models, 20_000).await;
    assert_eq!(model.unwrap(), "p/large");
    let why = |model: &str, context: u64| {
        format!(
            "p/{model} -> p/large: the conversation is too long for p/{model}: it has about 25018 tokens, and the context {context}"
        )
    };
    assert_eq!(heard, [why("small", 8000), why("tiny", 800)]);
    assert_eq!(ask(&models, 2000).await.0.unwrap(), "p/small");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn the_conversation_shrinks_only_where_nobody_else_is_left() {
    let server = Server::with(|_, request| match request.json()["model"].as_str() {
        Some("large") => Answer::http(401, &[], ""),
        _ => answer(),
    });
    let models = models(
        &server,
        "{default_model: large, fallbacks: [tiny, small], attempts: 1}",
    );
    assert_eq!(models.context_tokens(Role::Coder, None), Some(400_000));
    let (error, _) = ask(&models, 20_000).await;
    assert!(
        matches!(&error, Err(Error::TooLong { provider, .. }) if provider == "p/small"),
        "{error:?}"
    );
    assert_eq!(server.requests().len(), 1);
    // The caller now knows how far.
    assert_eq!(models.context_tokens(Role::Coder, None), Some(8000));
    assert_eq!(models.context_tokens(Role::Critic, None), Some(400_000));
    assert_eq!(ask(&models, 2000).await.0.unwrap(), "p/small");
    let next = models.for_run(0);
    assert_eq!(next.context_tokens(Role::Coder, None), Some(400_000));
}

#[tokio::test]
async fn the_only_candidate_judges_for_itself() {
    let server = Server::start(vec![answer()]);
    let only = models(&server, "{default_model: tiny}");
    assert_eq!(ask(&only, 20_000).await.0.unwrap(), "p/tiny");
    let two = models(&server, "{default_model: small, fallbacks: [tiny]}");
    assert_eq!(ask(&two, 20_000).await.0.unwrap(), "p/small");
    let either = models(&server, "{default_model: small, fallbacks: [unknown]}");
    assert_eq!(ask(&either, 20_000).await.0.unwrap(), "p/unknown");
}

#[tokio::test]
async fn a_limit_that_does_not_fit_beside_the_request_is_lowered_for_it_alone() {
    let vllm = "'max_tokens' is too large: 8000. This model's maximum context length is 8192 tokens and your request has 5000 input tokens (8000 > 8192 - 5000).";
    let anthropic = "input length and `max_tokens` exceed context limit: 180000 + 32000 > 200000, decrease input length or `max_tokens` and try again";
    for (kind, limit, message, room) in [
        ("openai_compatible", 8000, vllm, 2993),
        ("anthropic", 32_000, anthropic, 18_750),
    ] {
        let server = Server::with(move |_, request| {
            let asked = request.json();
            let is_long = asked["messages"].to_string().len() > 1000;
            match asked["max_tokens"].as_u64() {
                Some(limit) if is_long && limit > room => {
                    let refusal = serde_json::json!({"error": {"message": message}});
                    Answer::json(400, &refusal)
                }
                _ if kind == "anthropic" => Answer::sse(include_str!("../recorded/anthropic.txt")),
                _ => answer(),
            }
        });
        let models = config(&format!(
            "providers: {{p: {{type: {kind}, base_url: '{}', api_key: x}}}}
models: {{m: {{provider: p, model: x, max_tokens: {limit}}}}}",
            server.url()
        ));
        for words in [1000, 1] {
            let cancel = CancellationToken::new();
            let mut asked = request(&"word ".repeat(words));
            asked.max_tokens = None;
            models
                .complete(Role::Coder, None, &asked, &cancel, &mut |_| {})
                .await
                .unwrap();
        }
        let limits = server.requests().into_iter();
        let limits: Vec<_> = limits
            .map(|request| request.json()["max_tokens"].as_u64().unwrap())
            .collect();
        assert_eq!(limits, [limit, room, limit]);
    }
}
