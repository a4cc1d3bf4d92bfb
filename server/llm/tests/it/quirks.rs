//! Servers that refuse a part of a request: asked again without it, at most once for each part, and never twice for one model.

use llm::{Call, Message, Models, Request, Role};
use serde_json::{Value, json};
use testkit::http::{Answer, Server};
use tokio_util::sync::CancellationToken;

use crate::ask::{models, request};

const CHAT: &str =
    "data: {\"choices\":[{\"delta\":{\"content\":\"Done.\"},\"finish_reason\":\"stop\"}]}\n\n";
const MESSAGES: &str = "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"Done.\"}}\n\n\
    data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n";
const GEMINI: &str = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Done.\"}]},\"finishReason\":\"STOP\"}]}\n\n";
const OLLAMA: &str =
    "{\"message\":{\"content\":\"Done.\"},\"done\":true,\"done_reason\":\"stop\"}\n";

/// What a server refuses, by a part of the request's body.
type Row = (
    &'static str,
    &'static str,
    fn(&Value) -> bool,
    u16,
    &'static str,
);

const ROWS: [Row; 17] = [
    (
        "openai_compatible",
        CHAT,
        |body| body["messages"][0]["role"] == "system",
        400,
        "System role not supported",
    ),
    (
        "gemini",
        GEMINI,
        |body| !body["systemInstruction"].is_null(),
        400,
        "Developer instruction is not enabled for models/gemma-3-27b-it",
    ),
    (
        "openai_compatible",
        CHAT,
        |body| {
            body["messages"][3]["tool_call_id"]
                .as_str()
                .is_none_or(|id| id.len() != 9)
        },
        400,
        "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.",
    ),
    (
        "openai_compatible",
        CHAT,
        |body| !body["stream_options"].is_null(),
        422,
        "extra field: stream_options",
    ),
    (
        "openai_compatible",
        CHAT,
        |body| !body["parallel_tool_calls"].is_null(),
        400,
        "Unknown parameter: 'parallel_tool_calls'.",
    ),
    (
        "openai_compatible",
        CHAT,
        |body| !body["response_format"].is_null(),
        400,
        "This response_format type is unavailable now",
    ),
    (
        "openai_compatible",
        CHAT,
        |body| !body["temperature"].is_null(),
        400,
        "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.",
    ),
    (
        "openai_compatible",
        CHAT,
        |body| body["max_completion_tokens"].is_null(),
        400,
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    ),
    (
        "openai_compatible",
        CHAT,
        |body| body["messages"][2]["reasoning_content"].is_null(),
        400,
        "The reasoning_content in the thinking mode must be passed back to the API.",
    ),
    (
        "anthropic",
        MESSAGES,
        |body| body["max_tokens"].as_u64() > Some(400),
        400,
        "max_tokens: 500 > 400, which is the maximum allowed number of output tokens for x",
    ),
    (
        "anthropic",
        MESSAGES,
        |body| !body["temperature"].is_null(),
        400,
        "`temperature` is deprecated for this model.",
    ),
    (
        "anthropic",
        MESSAGES,
        |body| !body["output_config"].is_null(),
        400,
        "output_config.format: this model does not support structured outputs",
    ),
    (
        "gemini",
        GEMINI,
        |body| body.to_string().contains("parametersJsonSchema"),
        400,
        "Invalid JSON payload received. Unknown name \"parametersJsonSchema\" at 'tools[0].function_declarations[0]': Cannot find field.",
    ),
    (
        "gemini",
        GEMINI,
        |body| !body.to_string().contains("thoughtSignature"),
        400,
        "Function call `list` in the 2. content block is missing a `thought_signature`.",
    ),
    (
        "gemini",
        GEMINI,
        |body| body.to_string().contains("\"id\":"),
        400,
        "Invalid JSON payload received. Unknown name \"id\" at 'contents[1].parts[0].function_call': Cannot find field.",
    ),
    (
        "gemini",
        GEMINI,
        |body| !body["generationConfig"]["thinkingConfig"].is_null(),
        400,
        "Unable to submit request because thinking is not supported by this model.",
    ),
    (
        "ollama",
        OLLAMA,
        |body| !body["tools"].is_null(),
        400,
        "registry.ollama.ai/library/gemma3:4b does not support tools",
    ),
];

/// A conversation with a call of another model in it.
fn conversation() -> Request {
    let mut asked = request("Look");
    asked.answer_schema = Some(json!({"type": "object"}).into());
    asked.messages.extend([
        Message::Assistant {
            text: "I look.".into(),
            calls: vec![Call {
                id: "call_1".into(),
                name: "list".into(),
                arguments: "{\"path\":\"src\"}".into(),
            }],
            carry: None,
        },
        Message::Tool {
            id: "call_1".into(),
            name: "list".into(),
            output: "main.rs".into(),
            failed: false,
        },
    ]);
    asked
}

async fn answer(models: &Models, asked: &Request) -> Result<llm::Reply, llm::Error> {
    let cancel = CancellationToken::new();
    models
        .complete(Role::Coder, None, asked, &cancel, &mut |_| {})
        .await
}

#[tokio::test]
async fn a_refused_part_is_left_out_once_and_remembered() {
    for (kind, stream, refuses, status, message) in ROWS {
        let server = Server::with(move |_, request| match refuses(&request.json()) {
            true => Answer::json(
                status,
                &json!({"error": {"message": message, "code": status}}),
            ),
            false => Answer::sse(stream),
        });
        let models = models(kind, &server.url());
        for count in [2, 3] {
            let reply = answer(&models, &conversation()).await;
            assert_eq!(
                reply.map(|reply| reply.text).as_deref(),
                Ok("Done."),
                "{message}"
            );
            assert_eq!(server.requests().len(), count, "{message}");
        }
    }
}

#[tokio::test]
async fn a_server_that_refuses_for_ever_ends_the_call() {
    for (kind, _, _, status, message) in ROWS {
        let refusal = json!({"error": {"message": message, "code": status}});
        let server = Server::start(vec![Answer::json(status, &refusal)]);
        let reply = answer(&models(kind, &server.url()), &conversation()).await;
        assert!(
            matches!(reply, Err(llm::Error::Invalid { .. })),
            "{message}: {reply:?}"
        );
        assert_eq!(server.requests().len(), 2, "{message}");
    }
}

#[tokio::test]
async fn without_tool_calling_tools_are_told_in_the_text() {
    let call = "I read.\\n\\n```tool_call\\n{\\\"name\\\": \\\"list\\\", \\\"arguments\\\": {\\\"path\\\": \\\"a\\\"}}\\n```";
    let chat = format!(
        "data: {{\"choices\":[{{\"delta\":{{\"content\":\"{call}\"}},\"finish_reason\":\"stop\"}}]}}\n\n"
    );
    let ollama = format!("{{\"message\":{{\"content\":\"{call}\"}},\"done\":true}}\n");
    for (kind, status, message, stream) in [
        (
            "openrouter",
            404,
            "No endpoints found that support tool use. To learn more about provider routing, visit the docs",
            &chat,
        ),
        (
            "openai_compatible",
            400,
            "\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set",
            &chat,
        ),
        (
            "openai_compatible",
            500,
            "tools param requires --jinja flag",
            &chat,
        ),
        (
            "ollama",
            400,
            "registry.ollama.ai/library/gemma3:4b does not support tools",
            &ollama,
        ),
    ] {
        let answer_stream = stream.clone();
        let server = Server::with(move |_, request| match request.json().get("tools") {
            Some(_) => Answer::json(status, &json!({"error": message})),
            None => Answer::sse(&answer_stream),
        });
        let reply = answer(&models(kind, &server.url()), &conversation())
            .await
            .unwrap();
        assert_eq!(
            (reply.text.as_str(), reply.calls.len()),
            ("I read.", 1),
            "{message}"
        );
        assert_eq!(
            (reply.calls[0].name.as_str(), reply.stop),
            ("list", llm::Stop::ToolUse)
        );
        let sent = server.requests()[1].json();
        let said = sent["messages"].as_array().unwrap();
        let system = said[0]["content"].as_str().unwrap();
        assert!(
            system.starts_with("You are terse.")
                && system.contains("- fs.read_file: fs.read_file it")
        );
        assert_eq!(
            said[2]["content"],
            "I look.\n\n```tool_call\n{\"arguments\":{\"path\":\"src\"},\"name\":\"list\"}\n```"
        );
        assert_eq!(
            said[3],
            json!({"role": "user", "content": "Result of list:\nmain.rs"})
        );
    }
}

#[tokio::test]
async fn the_configuration_decides_how_tools_are_told() {
    for (how, tools_sent, asked_count) in
        [("text", false, 1), ("native", true, 1), ("auto", false, 2)]
    {
        let refusal =
            json!({"error": {"message": "this model does not support tools", "code": 400}});
        let server = Server::with(move |_, request| match request.json().get("tools") {
            Some(_) => Answer::json(400, &refusal),
            None => Answer::sse(CHAT),
        });
        let models = crate::ask::config(&format!(
            "providers: {{p: {{type: openai_compatible, base_url: '{}'}}}}\nmodels: {{m: {{provider: p, model: x, tool_calling: {how}}}}}",
            server.url()
        ));
        let reply = answer(&models, &conversation()).await;
        assert_eq!(reply.is_err(), tools_sent, "{how}");
        assert_eq!(server.requests().len(), asked_count, "{how}");
    }
}

#[tokio::test]
async fn ollama_is_told_how_long_the_context_is() {
    let long = "word ".repeat(8000);
    for (config, text, context) in [
        ("", "short", Value::Null),
        ("", long.as_str(), 16_384.into()),
        (", context_tokens: 65536", long.as_str(), 65_536.into()),
        (", context_tokens: 8192", "short", 8192.into()),
    ] {
        let server = Server::start(vec![Answer::sse(OLLAMA)]);
        let models = crate::ask::config(&format!(
            "providers: {{p: {{type: ollama, base_url: '{}'}}}}\nmodels: {{m: {{provider: p, model: x{config}}}}}",
            server.url()
        ));
        answer(&models, &request(text)).await.unwrap();
        let sent = &server.requests()[0];
        assert_eq!(sent.path, "/api/chat");
        assert_eq!(sent.json()["options"]["num_ctx"], context, "{config}");
        assert_eq!(sent.json()["truncate"], false);
    }
}

/// The state of the earlier reply is refused in every request: each conversation finds out once, the others keep theirs.
#[tokio::test]
async fn what_a_server_no_longer_takes_back_is_left_out_of_that_conversation() {
    let signature = "messages.1.content.0: Invalid `signature` in `thinking` block";
    for (kind, stream, mark, message) in [
        (
            "openai_responses",
            include_str!("../recorded/responses.txt"),
            "gAAAA",
            "The encrypted content gAAA could not be verified.",
        ),
        (
            "anthropic",
            include_str!("../recorded/anthropic.txt"),
            "EqQB",
            signature,
        ),
        (
            "gemini",
            include_str!("../recorded/gemini.txt"),
            "EtoF",
            "Corrupted thought signature.",
        ),
        (
            "openrouter",
            include_str!("../recorded/openrouter.txt"),
            "EqQB",
            signature,
        ),
    ] {
        let server = Server::with(move |_, request| {
            let body = String::from_utf8_lossy(&request.body);
            match body.contains(mark) && body.contains("stale") {
                true => Answer::json(400, &json!({"error": {"message": message, "code": 400}})),
                false => Answer::sse(stream),
            }
        });
        let models = models(kind, &server.url());
        let mut sent = Vec::new();
        for words in ["stale", "stale", "fresh"] {
            let mut asked = request(words);
            let reply = answer(&models, &asked).await.unwrap();
            asked.messages.push(Message::Assistant {
                text: reply.text,
                calls: reply.calls,
                carry: reply.carry,
            });
            let before = server.requests().len();
            answer(&models, &asked).await.unwrap();
            let requests = server.requests();
            let last = String::from_utf8_lossy(&requests[requests.len() - 1].body).contains(mark);
            sent.push((requests.len() - before, last));
        }
        assert_eq!(sent, [(2, false), (1, false), (1, true)], "{kind}");
    }
}

/// Thoughts hold for what was said before them: with that changed they are refused, but those behind the change are not.
#[tokio::test]
async fn thoughts_behind_the_stale_ones_go_back_again() {
    let stream = include_str!("../recorded/anthropic.txt");
    let server = Server::with(move |number, request| {
        let body = String::from_utf8_lossy(&request.body);
        let message = "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a different conversation.";
        match body.contains("signature\":\"0-") && body.contains("a result of the second call") {
            true => Answer::json(400, &json!({"error": {"message": message}})),
            false => Answer::sse(stream.replace("EqQB", &format!("{number}-"))),
        }
    });
    let models = models("anthropic", &server.url());
    let mut asked = request("Look");
    let mut sent = Vec::new();
    for output in ["a result", "a result of the second call", "a result", ""] {
        let reply = answer(&models, &asked).await.unwrap();
        let requests = server.requests();
        let body = String::from_utf8_lossy(&requests[requests.len() - 1].body);
        let held = |number: usize| body.contains(&format!("signature\":\"{number}-"));
        sent.push((
            requests.len(),
            (0..requests.len()).filter(|n| held(*n)).collect::<Vec<_>>(),
        ));
        for call in &reply.calls {
            asked.messages.push(Message::Tool {
                id: call.id.clone(),
                name: call.name.clone(),
                output: output.into(),
                failed: false,
            });
        }
        let results = asked.messages.len() - reply.calls.len();
        asked.messages.insert(
            results,
            Message::Assistant {
                text: reply.text,
                calls: reply.calls,
                carry: reply.carry,
            },
        );
    }
    let expected = [(1, vec![]), (2, vec![0]), (4, vec![]), (5, vec![3])];
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn a_server_in_the_place_of_ollama_is_asked_for_chat_completions() {
    let server = Server::with(|_, request| match request.path.as_str() {
        "/v1/chat/completions" => Answer::sse(CHAT),
        _ => Answer::http(404, &[], "404 page not found"),
    });
    let stand_in = models("ollama", &server.url());
    for count in [2, 3] {
        let reply = answer(&stand_in, &conversation()).await;
        assert_eq!(reply.map(|reply| reply.text).as_deref(), Ok("Done."));
        assert_eq!(server.requests().len(), count);
    }
    let message = "model 'x' not found";
    let server = Server::start(vec![Answer::json(404, &json!({"error": message}))]);
    let reply = answer(&models("ollama", &server.url()), &conversation()).await;
    assert!(reply.unwrap_err().to_string().contains(message));
    assert_eq!(server.requests().len(), 1);
}
