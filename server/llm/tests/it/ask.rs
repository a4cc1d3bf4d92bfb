//! One question to a configuration, with everything that was heard.

use llm::{Chunk, Config, Error, Message, Models, Reply, Request, Role, ToolSpec};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// A key that must turn up nowhere.
pub const KEY: &str = "sk-canary-0123456789";

pub fn request(text: &str) -> Request {
    let tool = |name: &str| ToolSpec {
        name: name.into(),
        description: format!("{name} it"),
        schema: json!({"type": "object"}),
    };
    Request {
        system: "You are terse.".into(),
        messages: vec![Message::User { text: text.into() }],
        tools: [tool("fs.read_file"), tool("list")].into(),
        answer_schema: None,
        max_tokens: Some(500),
    }
}

/// One model `m` at `url`, which goes silent after a second.
pub fn models(kind: &str, url: &str) -> Models {
    config(&format!(
        "providers: {{p: {{type: {kind}, base_url: '{url}', api_key: {KEY}, timeout: 1}}}}
models: {{m: {{provider: p, model: x, temperature: 0.2, price: {{input_per_mtok_usd: 2, cached_per_mtok_usd: 0.5, output_per_mtok_usd: 10}}}}}}"
    ))
}

#[allow(clippy::unwrap_used, reason = "a test without its models cannot go on")]
pub fn config(yaml: &str) -> Models {
    Models::new(&serde_saphyr::from_str::<Config>(yaml).unwrap()).unwrap()
}

pub async fn ask(models: &Models) -> (Result<Reply, Error>, Vec<String>) {
    ask_as(models, Role::Coder, None).await
}

pub async fn ask_as(
    models: &Models,
    role: Role,
    choice: Option<&str>,
) -> (Result<Reply, Error>, Vec<String>) {
    let mut heard = Vec::new();
    let mut hear = |chunk: Chunk<'_>| {
        heard.push(match chunk {
            Chunk::Text(text) => format!("text {text}"),
            Chunk::Reasoning(text) => format!("thought {text}"),
            // The attempts are told by tests of their own; they tell nothing that the user reads.
            Chunk::Attempt(_) => return,
            Chunk::Retry { .. } => "retry".to_owned(),
            Chunk::Fallback { from, to, .. } => format!("{from} -> {to}"),
            Chunk::Breaker { model, state } => format!("{model} is {}", state.as_str()),
            Chunk::BudgetWarning {
                scope,
                spent,
                limit,
            } => format!("{scope}: {spent} of {limit}"),
            Chunk::Uncounted { model } => format!("{model} is not counted"),
        });
    };
    let cancel = CancellationToken::new();
    let reply = models
        .complete(role, choice, &request("Hello"), &cancel, &mut hear)
        .await;
    if let Err(error) = &reply {
        // M3, wherever an error comes from.
        let shown = format!("{error} {error:?} {} {models:?}", error.hint());
        assert!(!shown.contains("canary"), "{shown}");
    }
    (reply, heard)
}
