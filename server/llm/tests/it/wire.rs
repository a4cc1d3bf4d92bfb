//! Both dialects: what is sent, and that an answer is the same reply however it was cut.

use std::time::Duration;

use expect_test::{Expect, expect};
use futures::{StreamExt, stream};
use llm::{Call, Message, Role};
use serde_json::json;
use testkit::http::{Answer, ModelServer, Server, Step};
use tokio_util::sync::CancellationToken;

use crate::ask::{KEY, ask, ask_as, models, request};

const OPENAI: &str = include_str!("streams/openai.sse");
const ANTHROPIC: &str = include_str!("streams/anthropic.sse");

/// Without what the dialects do not share; `recorded` checks that.
fn check_reply(reply: &llm::Reply, expected: &Expect) {
    let mut reply = reply.clone();
    reply.carry = None;
    reply.usage.cache_write = 0;
    expected.assert_eq(&format!("{reply:#?}\n"));
}

fn expected() -> Expect {
    expect![[r#"
        Reply {
            text: "I look at żółw 🐢.",
            reasoning: "Two files. ",
            calls: [
                Call {
                    id: "call_a",
                    name: "fs.read_file",
                    arguments: "{\"path\":\"src/ż.rs\"}",
                },
                Call {
                    id: "call_b",
                    name: "list",
                    arguments: "{}",
                },
            ],
            carry: None,
            usage: Usage {
                input: 1200,
                cached: 1000,
                cache_write: 0,
                output: 40,
                estimated: false,
            },
            cost_micro_usd: Some(
                1300,
            ),
            stop: ToolUse,
            model: "p/x",
        }
    "#]]
}

#[tokio::test]
async fn a_stream_cut_at_every_byte_is_the_same_reply() {
    for (kind, text) in [("openai", OPENAI), ("anthropic", ANTHROPIC)] {
        for newline in ["\n", "\r\n"] {
            let text = text.replace('\n', newline);
            let whole = Server::start(vec![Answer::sse(&text)]);
            let (reply, heard) = ask(&models(kind, &whole.url())).await;
            check_reply(&reply.unwrap(), &expected());
            assert_eq!(
                heard,
                ["thought Two files. ", "text I look at żółw ", "text 🐢."]
            );
            let single = Server::start(vec![Answer::sse_pieces(
                text.bytes().map(|byte| vec![byte]),
            )]);
            let (reply, _) = ask(&models(kind, &single.url())).await;
            check_reply(&reply.unwrap(), &expected());
        }
        let cut = Server::with(move |number, _| {
            let (before, behind) = text.as_bytes().split_at(number);
            let pause = Step::Pause(Duration::from_millis(2));
            Answer::sse(before)
                .then(pause)
                .then(Step::Bytes(behind.into()))
        });
        let models = models(kind, &cut.url());
        let replies = stream::iter(0..text.len())
            .map(|_| ask(&models))
            .buffer_unordered(16);
        for (reply, _) in replies.collect::<Vec<_>>().await {
            check_reply(&reply.unwrap(), &expected());
        }
    }
}

/// The server is told by the model's name where to stop.
#[tokio::test]
async fn an_answer_that_ends_early_is_broken_or_the_same_but_never_half_a_call() {
    for (kind, text, reason) in [
        ("openai", OPENAI, "\"tool_calls\"}]"),
        ("anthropic", ANTHROPIC, "\"tool_use\",\"stop"),
    ] {
        let server = Server::with(move |_, request| {
            let place = request.json()["model"]
                .as_str()
                .and_then(|place| place.parse::<usize>().ok());
            Answer::sse(&text.as_bytes()[..place.unwrap_or(0)])
        });
        // The reason to stop is known with the line that holds it.
        let from = text.find(reason).unwrap();
        let known = from + text[from..].find('\n').unwrap();
        let models = models(kind, &server.url());
        let ask_until = async |place: usize| {
            (
                place,
                ask_as(&models, Role::Coder, Some(&format!("p/{place}")))
                    .await
                    .0,
            )
        };
        let places = stream::iter((0..text.len()).step_by(7).chain([known - 1, known]));
        let replies = places
            .map(ask_until)
            .buffer_unordered(32)
            .collect::<Vec<_>>()
            .await;
        for (place, reply) in replies {
            match reply {
                Ok(reply) => {
                    assert!(place >= known, "{kind} {place}");
                    assert_eq!(
                        (reply.calls.len(), reply.calls[0].arguments.as_str()),
                        (2, "{\"path\":\"src/ż.rs\"}")
                    );
                }
                Err(llm::Error::Broken { .. }) => assert!(place < known, "{kind} {place}"),
                Err(error) => panic!("{kind} {place}: {error}"),
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_not_streamed_is_accepted() {
    let openai = json!({"choices": [{"message": {"role": "assistant", "content": "Hi", "tool_calls": [
        {"id": "c", "type": "function", "function": {"name": "list", "arguments": {"a": 1}}}]}, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2}});
    let anthropic = json!({"type": "message", "content": [{"type": "text", "text": "Hi"},
        {"type": "tool_use", "id": "c", "name": "list", "input": {"a": 1}}],
        "stop_reason": "tool_use", "usage": {"input_tokens": 5, "output_tokens": 2}});
    for (kind, answer) in [("openai", openai), ("anthropic", anthropic)] {
        let server = Server::start(vec![Answer::json(200, &answer)]);
        let (reply, heard) = ask(&models(kind, &server.url())).await;
        let reply = reply.unwrap();
        assert_eq!(
            (reply.calls[0].arguments.as_str(), heard),
            ("{\"a\":1}", vec!["text Hi".to_owned()])
        );
        assert_eq!(
            (reply.usage.input, reply.usage.output, reply.usage.estimated),
            (5, 2, false)
        );
    }
}

/// Each server's way to number calls.
#[tokio::test]
async fn calls_are_put_together_as_each_server_sends_them() {
    let table = [
        (
            "whole calls, all under index 0",
            r#"[{"index":0,"id":"a","function":{"name":"list","arguments":"{\"n\":1}"}}]
[{"index":0,"id":"b","function":{"name":"list","arguments":"{\"n\":2}"}}]"#,
        ),
        (
            "no index",
            r#"[{"id":"a","function":{"name":"list","arguments":"{\"n\""}}]
[{"id":"a","function":{"arguments":":1}"}},{"id":"b","function":{"name":"list","arguments":"{\"n\":2}"}}]"#,
        ),
        (
            "neither index nor id",
            r#"[{"function":{"name":"list","arguments":{"n":1}}}]
[{"function":{"name":"list","arguments":{"n":2}}}]"#,
        ),
        (
            "id and name in each piece",
            r#"[{"index":0,"id":"a","function":{"name":"list","arguments":"{\"n\""}}]
[{"index":0,"id":"a","function":{"name":"list","arguments":":1}"}}]
[{"index":1,"id":"a","function":{"name":"list","arguments":"{\"n\":2}"}}]"#,
        ),
        (
            "interleaved",
            r#"[{"index":1,"id":"b","function":{"name":"list","arguments":"{\"n\""}}]
[{"index":0,"id":"a","function":{"name":"list","arguments":"{\"n\""}}]
[{"index":1,"function":{"arguments":":1}"}}]
[{"index":0,"function":{"arguments":":2}"}}]"#,
        ),
    ];
    for (what, deltas) in table {
        let events = deltas.lines().map(|calls| {
            format!("data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":{calls}}}}}]}}\n\n")
        });
        let end = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
        let server = Server::start(vec![Answer::sse(events.collect::<String>() + end)]);
        let calls = ask(&models("openai_compatible", &server.url()))
            .await
            .0
            .unwrap()
            .calls;
        let arguments: Vec<&str> = calls.iter().map(|call| call.arguments.as_str()).collect();
        assert_eq!(arguments, ["{\"n\":1}", "{\"n\":2}"], "{what}");
        assert!(
            !calls[0].id.is_empty() && !calls[1].id.is_empty() && calls[0].id != calls[1].id,
            "{what}"
        );
    }
}

#[tokio::test]
async fn the_request_is_what_the_server_wants() {
    let mut asked = request("Look");
    let call = |id: &str, arguments: &str| Call {
        id: id.into(),
        name: "fs.read_file".into(),
        arguments: arguments.into(),
    };
    let result = |id: &str, failed| Message::Tool {
        id: id.into(),
        name: "fs.read_file".into(),
        output: "text".into(),
        failed,
    };
    asked.messages.extend([
        Message::Assistant {
            text: String::new(),
            calls: vec![call("1", "{\"path\":\"a\"}"), call("2", "nonsense")],
            carry: None,
        },
        result("1", false),
        result("2", true),
        Message::User {
            text: "Go on".into(),
        },
    ]);
    asked.answer_schema = Some(json!({"type": "object", "properties": {"a": {"const": 1}}}).into());
    let mut told = String::new();
    for kind in [
        "openai",
        "openai_compatible",
        "openai_responses",
        "anthropic",
        "gemini",
        "ollama",
    ] {
        let server = Server::start(vec![Answer::json(
            404,
            &json!({"error": "the model is gone"}),
        )]);
        let cancel = CancellationToken::new();
        let models = models(kind, &format!("{}/", server.url()));
        for tools in [asked.tools.clone(), [].into()] {
            asked.tools = tools;
            let reply = models
                .complete(Role::Coder, None, &asked, &cancel, &mut |_| {})
                .await;
            assert!(matches!(reply, Err(llm::Error::Invalid { .. })), "{kind}");
        }
        asked.tools = request("").tools;
        let [full, bare] = &server.requests()[..] else {
            panic!("{kind}: {}", server.requests().len());
        };
        let keys = ["authorization", "x-api-key", "x-goog-api-key"];
        let key = keys
            .iter()
            .filter(|name| full.headers.iter().any(|(key, _)| key == *name));
        assert!(full.headers.iter().any(|(_, value)| value.ends_with(KEY)));
        told.push_str(&format!(
            "{kind} {} {:?}\n",
            full.path,
            key.collect::<Vec<_>>()
        ));
        told.push_str(&format!("  {}\n", String::from_utf8_lossy(&full.body)));
        let (full, bare) = (full.json(), bare.json());
        let changed = |key: &&String| bare[*key] != full[*key];
        let changed = bare.as_object().unwrap().keys().filter(changed);
        for key in changed {
            told.push_str(&format!("  without tools {key}: {}\n", bare[key]));
        }
    }
    expect![[r#"
        openai /v1/chat/completions ["authorization"]
          {"model":"x","tools":[{"function":{"description":"fs.read_file it","name":"fs_read_file","parameters":{"properties":{},"type":"object"}},"type":"function"},{"function":{"description":"list it","name":"list","parameters":{"properties":{},"type":"object"}},"type":"function"}],"messages":[{"content":"You are terse.","role":"system"},{"content":"Look","role":"user"},{"content":null,"role":"assistant","tool_calls":[{"function":{"arguments":"{\"path\":\"a\"}","name":"fs_read_file"},"id":"1","type":"function"},{"function":{"arguments":"{\"invalid\":\"nonsense\"}","name":"fs_read_file"},"id":"2","type":"function"}]},{"content":"text","role":"tool","tool_call_id":"1"},{"content":"text","role":"tool","tool_call_id":"2"},{"content":"Go on","role":"user"}],"stream":true,"stream_options":{"include_usage":true},"max_tokens":500,"temperature":0.2,"response_format":{"json_schema":{"name":"answer","schema":{"properties":{"a":{"const":1}},"type":"object"}},"type":"json_schema"}}
        openai_compatible /v1/chat/completions ["authorization"]
          {"model":"x","tools":[{"function":{"description":"fs.read_file it","name":"fs_read_file","parameters":{"properties":{},"type":"object"}},"type":"function"},{"function":{"description":"list it","name":"list","parameters":{"properties":{},"type":"object"}},"type":"function"}],"messages":[{"content":"You are terse.","role":"system"},{"content":"Look","role":"user"},{"content":null,"role":"assistant","tool_calls":[{"function":{"arguments":"{\"path\":\"a\"}","name":"fs_read_file"},"id":"1","type":"function"},{"function":{"arguments":"{\"invalid\":\"nonsense\"}","name":"fs_read_file"},"id":"2","type":"function"}]},{"content":"text","role":"tool","tool_call_id":"1"},{"content":"text","role":"tool","tool_call_id":"2"},{"content":"Go on","role":"user"}],"stream":true,"stream_options":{"include_usage":true},"max_tokens":500,"temperature":0.2,"parallel_tool_calls":true,"response_format":{"json_schema":{"name":"answer","schema":{"properties":{"a":{"const":1}},"type":"object"}},"type":"json_schema"}}
        openai_responses /v1/responses ["authorization"]
          {"model":"x","instructions":"You are terse.","tools":[{"description":"fs.read_file it","name":"fs_read_file","parameters":{"properties":{},"type":"object"},"strict":false,"type":"function"},{"description":"list it","name":"list","parameters":{"properties":{},"type":"object"},"strict":false,"type":"function"}],"input":[{"content":"Look","role":"user"},{"arguments":"{\"path\":\"a\"}","call_id":"1","name":"fs_read_file","type":"function_call"},{"arguments":"{\"invalid\":\"nonsense\"}","call_id":"2","name":"fs_read_file","type":"function_call"},{"call_id":"1","output":"text","type":"function_call_output"},{"call_id":"2","output":"text","type":"function_call_output"},{"content":"Go on","role":"user"}],"store":false,"stream":true,"max_output_tokens":500,"temperature":0.2,"text":{"format":{"name":"answer","schema":{"properties":{"a":{"const":1}},"type":"object"},"strict":false,"type":"json_schema"}}}
        anthropic /v1/messages ["x-api-key"]
          {"model":"x","tools":[{"description":"fs.read_file it","input_schema":{"properties":{},"type":"object"},"name":"fs_read_file"},{"cache_control":{"type":"ephemeral"},"description":"list it","input_schema":{"properties":{},"type":"object"},"name":"list"}],"system":[{"cache_control":{"type":"ephemeral"},"text":"You are terse.","type":"text"}],"messages":[{"content":[{"cache_control":{"type":"ephemeral"},"text":"Look","type":"text"}],"role":"user"},{"content":[{"id":"1","input":{"path":"a"},"name":"fs_read_file","type":"tool_use"},{"id":"2","input":{"invalid":"nonsense"},"name":"fs_read_file","type":"tool_use"}],"role":"assistant"},{"content":[{"content":"text","tool_use_id":"1","type":"tool_result"},{"content":"text","is_error":true,"tool_use_id":"2","type":"tool_result"},{"cache_control":{"type":"ephemeral"},"text":"Go on","type":"text"}],"role":"user"}],"max_tokens":500,"stream":true,"temperature":0.2,"output_config":{"format":{"schema":{"additionalProperties":false,"properties":{"a":{"const":1}},"type":"object"},"type":"json_schema"}}}
        gemini /v1beta/models/x:streamGenerateContent?alt=sse ["x-goog-api-key"]
          {"systemInstruction":{"parts":[{"text":"You are terse."}]},"tools":[{"functionDeclarations":[{"description":"fs.read_file it","name":"fs_read_file","parametersJsonSchema":{"properties":{},"type":"object"}},{"description":"list it","name":"list","parametersJsonSchema":{"properties":{},"type":"object"}}]}],"contents":[{"parts":[{"text":"Look"}],"role":"user"},{"parts":[{"functionCall":{"args":{"path":"a"},"id":"1","name":"fs_read_file"}},{"functionCall":{"args":{"invalid":"nonsense"},"id":"2","name":"fs_read_file"}}],"role":"model"},{"parts":[{"functionResponse":{"id":"1","name":"fs_read_file","response":{"output":"text"}}},{"functionResponse":{"id":"2","name":"fs_read_file","response":{"error":"text"}}}],"role":"user"},{"parts":[{"text":"Go on"}],"role":"user"}],"generationConfig":{"maxOutputTokens":500,"temperature":0.2,"thinkingConfig":{"includeThoughts":true}}}
          without tools generationConfig: {"maxOutputTokens":500,"responseJsonSchema":{"properties":{"a":{"enum":[1]}},"type":"object"},"responseMimeType":"application/json","temperature":0.2,"thinkingConfig":{"includeThoughts":true}}
        ollama /api/chat ["authorization"]
          {"model":"x","tools":[{"function":{"description":"fs.read_file it","name":"fs_read_file","parameters":{"properties":{},"type":"object"}},"type":"function"},{"function":{"description":"list it","name":"list","parameters":{"properties":{},"type":"object"}},"type":"function"}],"messages":[{"content":"You are terse.","role":"system"},{"content":"Look","role":"user"},{"content":"","role":"assistant","tool_calls":[{"function":{"arguments":{"path":"a"},"index":0,"name":"fs_read_file"},"id":"1"},{"function":{"arguments":{"invalid":"nonsense"},"index":1,"name":"fs_read_file"},"id":"2"}]},{"content":"text","role":"tool","tool_call_id":"1","tool_name":"fs_read_file"},{"content":"text","role":"tool","tool_call_id":"2","tool_name":"fs_read_file"},{"content":"Go on","role":"user"}],"stream":true,"truncate":false,"shift":false,"options":{"num_predict":500,"temperature":0.2}}
          without tools format: {"properties":{"a":{"const":1}},"type":"object"}
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn the_model_server_of_the_fixtures_speaks_the_dialect() {
    let server = ModelServer::openai(vec![
        json!({"text": "One two", "calls": [{"name": "list", "arguments": {"path": "src"}}, {"name": "list"}]}),
        json!({"status": 404, "message": "gone"}),
    ]);
    let models = models("openai", &server.base_url());
    let reply = ask(&models).await.0.unwrap();
    assert_eq!((reply.text.as_str(), reply.calls.len()), ("One two", 2));
    assert_eq!(reply.calls[0].arguments, "{\"path\":\"src\"}");
    assert!(
        ask(&models)
            .await
            .0
            .unwrap_err()
            .to_string()
            .contains("gone")
    );
    assert!(
        ask(&models)
            .await
            .0
            .unwrap_err()
            .to_string()
            .contains("2 turns only")
    );
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_server_that_knows_no_stream_options_is_asked_without() {
    let server = Server::with(|_, request| match request.json().get("stream_options") {
        Some(_) => Answer::json(422, &json!({"detail": "extra field: stream_options"})),
        None => Answer::sse(OPENAI),
    });
    let models = models("openai_compatible", &server.url());
    for _ in 0..2 {
        check_reply(&ask(&models).await.0.unwrap(), &expected());
    }
    assert_eq!(server.requests().len(), 3, "the second call knows");
}

#[tokio::test]
async fn an_id_that_the_conversation_has_is_replaced() {
    let server = Server::start(vec![Answer::sse(OPENAI)]);
    let mut asked = request("Again");
    asked.messages.push(Message::Assistant {
        text: String::new(),
        calls: vec![Call {
            id: "call_a".into(),
            name: "list".into(),
            arguments: "{}".into(),
        }],
        carry: None,
    });
    let models = models("openai", &server.url());
    let cancel = CancellationToken::new();
    let reply = models
        .complete(Role::Coder, None, &asked, &cancel, &mut |_| {})
        .await;
    let ids: Vec<String> = reply
        .unwrap()
        .calls
        .into_iter()
        .map(|call| call.id)
        .collect();
    assert!(
        ids[0] != "call_a" && ids[0].starts_with("call_") && ids[1] == "call_b",
        "{ids:?}"
    );
}
