//! `models.NAME.reasoning`: how each dialect says it, and what happens where a model takes no such word.

use llm::{Call, Error, Message, Models, Reply, Request, Role};
use serde_json::{Value, json};
use testkit::http::{Answer, Server};
use tokio_util::sync::CancellationToken;

use crate::ask::{config, request};

const WORDS: [&str; 4] = ["none", "low", "medium", "high"];

fn done(kind: &str) -> String {
    let event = match kind {
        "anthropic" => {
            json!({"content": [{"type": "text", "text": "Done."}], "stop_reason": "end_turn"})
        }
        "gemini" => {
            json!({"candidates": [{"content": {"parts": [{"text": "Done."}]}, "finishReason": "STOP"}]})
        }
        "ollama" => json!({"message": {"content": "Done."}, "done": true}),
        "openai_responses" => json!({"status": "completed", "output": [
            {"type": "message", "content": [{"type": "output_text", "text": "Done."}]}]}),
        _ => json!({"choices": [{"message": {"content": "Done."}, "finish_reason": "stop"}]}),
    };
    event.to_string()
}

/// What a request says of reasoning.
fn said(body: &Value) -> Value {
    let mut said = json!({});
    for key in [
        "reasoning_effort",
        "reasoning",
        "thinking",
        "output_config",
        "think",
    ] {
        if let Some(value) = body.get(key) {
            said[key] = value.clone();
        }
    }
    if let Some(value) = body["generationConfig"].get("thinkingConfig") {
        said["thinkingConfig"] = value.clone();
    }
    said
}

fn model(kind: &str, url: &str, more: &str) -> Models {
    config(&format!(
        "providers: {{p: {{type: {kind}, base_url: '{url}'}}}}\nmodels: {{m: {{provider: p, model: x, temperature: 0.2{more}}}}}"
    ))
}

async fn answer(models: &Models, asked: &Request) -> Result<Reply, Error> {
    let cancel = CancellationToken::new();
    models
        .complete(Role::Coder, None, asked, &cancel, &mut |_| {})
        .await
}

#[tokio::test]
async fn each_dialect_says_it_in_its_own_words() {
    let thoughts =
        |level: &str| json!({"thinkingConfig": {"includeThoughts": true, "thinkingLevel": level}});
    let claude = |effort: &str| json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": effort}});
    for (kind, expected) in [
        (
            "openai",
            WORDS.map(|word| json!({"reasoning_effort": word})),
        ),
        (
            "openai_compatible",
            WORDS.map(|word| json!({"reasoning_effort": word})),
        ),
        (
            "openrouter",
            WORDS.map(|word| json!({"reasoning": {"effort": word}})),
        ),
        (
            "openai_responses",
            WORDS.map(|word| json!({"reasoning": {"effort": word}})),
        ),
        (
            "anthropic",
            [
                json!({"thinking": {"type": "disabled"}}),
                claude("low"),
                claude("medium"),
                claude("high"),
            ],
        ),
        (
            "gemini",
            [
                json!({"thinkingConfig": {"thinkingLevel": "minimal"}}),
                thoughts("low"),
                thoughts("medium"),
                thoughts("high"),
            ],
        ),
        (
            "ollama",
            [
                json!({"think": false}),
                json!({"think": "low"}),
                json!({"think": "medium"}),
                json!({"think": "high"}),
            ],
        ),
    ] {
        let answered = done(kind);
        let server = Server::with(move |_, _| Answer::http(200, &[], &answered));
        for (word, expected) in WORDS.into_iter().zip(expected) {
            let models = model(kind, &server.url(), &format!(", reasoning: {word}"));
            answer(&models, &request("Hello")).await.unwrap();
            let requests = server.requests();
            let sent = requests[requests.len() - 1].json();
            assert_eq!(said(&sent), expected, "{kind} {word}");
            let cold = kind == "anthropic" && word != "none";
            let temperature = sent.to_string().contains("\"temperature\":0.2");
            assert_eq!(temperature, !cold, "{kind} {word}");
        }
        answer(&model(kind, &server.url(), ""), &request("Hello"))
            .await
            .unwrap();
        let requests = server.requests();
        let silent = said(&requests[requests.len() - 1].json());
        let default = if kind == "gemini" {
            json!({"thinkingConfig": {"includeThoughts": true}})
        } else {
            json!({})
        };
        assert_eq!(silent, default, "{kind}");
    }
}

/// What a server says to a request that it does not take.
type Rule = fn(&Value) -> Option<&'static str>;

/// The dialect, the word, the rule, and what is said of reasoning in the end.
const ROWS: [(&str, &str, Rule, &str); 12] = [
    (
        "openai",
        "high",
        |said| {
            said.get("reasoning_effort").map(
                |_| "Unsupported parameter: 'reasoning_effort' is not supported with this model.",
            )
        },
        "{}",
    ),
    (
        "openai_compatible",
        "none",
        |said| {
            (said["reasoning_effort"] == "none").then_some(
                "Unsupported value: 'reasoning_effort' does not support 'none' with this model.",
            )
        },
        "{}",
    ),
    (
        "openrouter",
        "low",
        |said| {
            said.get("reasoning")
                .map(|_| "reasoning: Extra inputs are not permitted, `reasoning` is unknown")
        },
        "{}",
    ),
    (
        "openai_responses",
        "low",
        |said| {
            said["reasoning"].get("effort").map(
                |_| "Unsupported parameter: 'reasoning.effort' is not supported with this model.",
            )
        },
        "{}",
    ),
    // Haiku 4.5 takes neither, and a number of tokens only; the limit of the answer is 500 here, which leaves no room for it.
    (
        "anthropic",
        "high",
        |said| {
            (said["thinking"]["type"] == "adaptive")
                .then_some("adaptive thinking is not supported on this model")
        },
        "{}",
    ),
    (
        "anthropic",
        "low",
        |said| {
            said.get("output_config")
                .map(|_| "This model does not support the effort parameter.")
        },
        "{}",
    ),
    (
        "anthropic",
        "none",
        |said| {
            said.get("thinking")
                .map(|_| "\"thinking.type.disabled\" is not supported for this model.")
        },
        "{}",
    ),
    (
        "gemini",
        "medium",
        |said| {
            said["thinkingConfig"]
                .get("thinkingLevel")
                .map(|_| "Thinking level is not supported for this model.")
        },
        r#"{"thinkingConfig": {"includeThoughts": true, "thinkingBudget": 8192}}"#,
    ),
    (
        "gemini",
        "none",
        |said| match (
            said["thinkingConfig"].get("thinkingLevel"),
            said["thinkingConfig"].get("thinkingBudget"),
        ) {
            (Some(_), _) => Some("Thinking level MINIMAL is not supported for this model."),
            (_, Some(_)) => Some("Request contains an invalid argument."),
            _ => None,
        },
        r#"{"thinkingConfig": {"includeThoughts": true}}"#,
    ),
    (
        "gemini",
        "high",
        |said| {
            said.get("thinkingConfig").map(
                |_| "Unable to submit request because thinking is not supported by this model.",
            )
        },
        "{}",
    ),
    (
        "ollama",
        "high",
        |said| {
            said["think"]
                .is_string()
                .then_some("think value \"high\" is not supported for this model")
        },
        r#"{"think": true}"#,
    ),
    (
        "ollama",
        "high",
        |said| {
            said.get("think")
                .map(|_| "\"llama3.1:8b\" does not support thinking")
        },
        "{}",
    ),
];

#[tokio::test]
async fn a_model_that_takes_no_such_word_is_asked_without() {
    for (kind, word, rule, expected) in ROWS {
        let expected: Value = serde_json::from_str(expected).unwrap();
        let answered = done(kind);
        let server = Server::with(move |_, request| match rule(&said(&request.json())) {
            Some(message) => {
                Answer::json(400, &json!({"error": {"message": message, "code": 400}}))
            }
            None => Answer::http(200, &[], &answered),
        });
        let models = model(kind, &server.url(), &format!(", reasoning: {word}"));
        let reply = answer(&models, &request("Hello")).await;
        assert_eq!(
            reply.map(|reply| reply.text).as_deref(),
            Ok("Done."),
            "{kind} {word}"
        );
        let before = server.requests().len();
        assert!((2..=3).contains(&before), "{kind} {word}: {before}");
        answer(&models, &request("Hello")).await.unwrap();
        let requests = server.requests();
        assert_eq!(
            requests.len(),
            before + 1,
            "{kind} {word}: the second call knows"
        );
        assert_eq!(said(&requests[before].json()), expected, "{kind} {word}");
    }
}

/// Haiku 4.5: a number of tokens below the limit, except in the middle of calls that another model began.
#[tokio::test]
async fn an_older_model_of_anthropic_gets_a_number_of_tokens() {
    let answered = done("anthropic");
    let server = Server::with(move |_, request| {
        match request.json()["thinking"]["type"] == "adaptive" {
            true => Answer::json(
                400,
                &json!({"error": {"message": "adaptive thinking is not supported on this model"}}),
            ),
            false => Answer::http(200, &[], &answered),
        }
    });
    let call = Message::Assistant {
        text: String::new(),
        calls: vec![Call {
            id: "a".into(),
            name: "list".into(),
            arguments: "{}".into(),
        }],
        carry: None,
    };
    let result = Message::Tool {
        id: "a".into(),
        name: "list".into(),
        output: "text".into(),
        failed: false,
    };
    let said_more = Message::User {
        text: "Go on".into(),
    };
    let tokens = |count: u32| json!({"thinking": {"type": "enabled", "budget_tokens": count}});
    for (word, limit, more, expected) in [
        ("low", 32_000, vec![], tokens(1024)),
        ("medium", 32_000, vec![], tokens(8192)),
        ("high", 32_000, vec![], tokens(24_000)),
        ("high", 4000, vec![], tokens(3000)),
        ("high", 1200, vec![], json!({})),
        ("low", 8000, vec![call.clone(), result.clone()], json!({})),
        ("low", 8000, vec![call, result, said_more], tokens(1024)),
    ] {
        let models = model("anthropic", &server.url(), &format!(", reasoning: {word}"));
        let mut asked = request("Look");
        asked.max_tokens = Some(limit);
        asked.messages.extend(more);
        answer(&models, &asked).await.unwrap();
        let requests = server.requests();
        assert_eq!(
            said(&requests[requests.len() - 1].json()),
            expected,
            "{word} {limit}"
        );
    }
}
