//! Recorded streams: each maker's documented answer gives the same calls, text, reasoning and usage however its bytes are cut, and
//! goes back to its server as that server wants it, behind the very bytes of the request before.

use expect_test::expect;
use futures::{StreamExt, stream};
use llm::{Chunk, Message, Models, Reply, Request, Role};
use testkit::http::{Answer, Server};
use tokio_util::sync::CancellationToken;

use crate::ask::{ask_as, models, request};

mod cases;

/// Name, provider type, path of the server, stream.
pub const RECORDED: [(&str, &str, &str, &str); 8] = [
    (
        "openai",
        "openai",
        "/v1",
        include_str!("../recorded/openai.txt"),
    ),
    (
        "responses",
        "openai_responses",
        "/v1",
        include_str!("../recorded/responses.txt"),
    ),
    (
        "anthropic",
        "anthropic",
        "",
        include_str!("../recorded/anthropic.txt"),
    ),
    (
        "gemini",
        "gemini",
        "/v1beta",
        include_str!("../recorded/gemini.txt"),
    ),
    (
        "ollama",
        "ollama",
        "",
        include_str!("../recorded/ollama.ndjson"),
    ),
    (
        "openrouter",
        "openrouter",
        "/api/v1",
        include_str!("../recorded/openrouter.txt"),
    ),
    (
        "dashscope",
        "openai_compatible",
        "/compatible-mode/v1",
        include_str!("../recorded/dashscope.txt"),
    ),
    (
        "vllm",
        "openai_compatible",
        "",
        include_str!("../recorded/vllm.txt"),
    ),
];

#[allow(clippy::unwrap_used, reason = "a test without its reply cannot go on")]
async fn heard(models: &Models, request: &Request) -> (Reply, String, String) {
    let (mut text, mut reasoning) = (String::new(), String::new());
    let mut hear = |chunk: Chunk<'_>| match chunk {
        Chunk::Text(piece) => text.push_str(piece),
        Chunk::Reasoning(piece) => reasoning.push_str(piece),
        _ => {}
    };
    let cancel = CancellationToken::new();
    let reply = models
        .complete(Role::Coder, None, request, &cancel, &mut hear)
        .await
        .unwrap();
    (reply, text, reasoning)
}

fn shown(reply: &Reply) -> String {
    let calls = reply.calls.iter();
    let calls = calls.map(|call| format!("{} {}{}", call.id, call.name, call.arguments));
    let usage = reply.usage;
    format!(
        "{:?}\n  thought {:?}\n  text {:?}\n  {}\n  {} in, {} cached, {} written, {} out{}",
        reply.stop,
        reply.reasoning,
        reply.text,
        calls.collect::<Vec<_>>().join("\n  "),
        usage.input,
        usage.cached,
        usage.cache_write,
        usage.output,
        if usage.estimated { " (estimated)" } else { "" },
    )
}

/// The same places for the same seed.
fn cuts(text: &str, mut seed: u64) -> Vec<Vec<u8>> {
    let (mut pieces, mut rest) = (Vec::new(), text.as_bytes());
    while !rest.is_empty() {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let length = (seed >> 33) as usize % 97 + 1;
        let (piece, behind) = rest.split_at(length.min(rest.len()));
        pieces.push(piece.to_vec());
        rest = behind;
    }
    pieces
}

#[tokio::test]
async fn each_stream_is_the_same_reply_however_it_is_cut() {
    let mut told = String::new();
    for (name, kind, path, text) in RECORDED {
        let lines = text.split_inclusive('\n');
        let mut ways = vec![
            vec![text.as_bytes().to_vec()],
            text.bytes().map(|byte| vec![byte]).collect(),
            lines.map(|line| line.as_bytes().to_vec()).collect(),
            vec![text.replace('\n', "\r\n").into_bytes()],
            vec![text.trim_end().as_bytes().to_vec()],
        ];
        ways.extend((0..8).map(|seed| cuts(text, seed)));
        let mut whole = None;
        for (way, pieces) in ways.into_iter().enumerate() {
            let server = Server::start(vec![Answer::sse_pieces(pieces)]);
            let models = models(kind, &format!("{}{path}", server.url()));
            let (reply, text, reasoning) = heard(&models, &request("Look")).await;
            assert_eq!(
                (&reply.text, &reply.reasoning),
                (&text, &reasoning),
                "{name} {way}"
            );
            let whole: &Reply = whole.get_or_insert_with(|| reply.clone());
            assert_eq!(&reply, whole, "{name} {way}");
        }
        told.push_str(&format!("{name}: {}\n", shown(&whole.unwrap())));
    }
    expect![[r#"
        openai: ToolUse
          thought ""
          text "I read the żółw file 🐢 and list."
          call_Oa1 fs.read_file{"path":"src/ż.rs"}
          call_Oa2 list{"path":"src"}
          2200 in, 2048 cached, 100 written, 180 out
        responses: ToolUse
          thought "**Two places.** The file and its folder.\n\nBoth at once."
          text "I read the żółw file 🐢 and list."
          call_Re1 fs.read_file{"path":"src/ż.rs"}
          call_Re2 list{"path":"src"}
          2200 in, 2048 cached, 100 written, 180 out
        anthropic: ToolUse
          thought "Two places: the file and its folder. Also the folder."
          text "I read the żółw file 🐢 and list."
          toolu_An1 fs.read_file{"path": "src/ż.rs"}
          toolu_An2 list{"path": "src"}
          2200 in, 2048 cached, 100 written, 180 out
        gemini: ToolUse
          thought "**Two places**\n\nThe file and its folder."
          text "I read the żółw file 🐢 and list."
          gm1aaaaa fs.read_file{"path":"src/ż.rs"}
          gm2bbbbb list{"path":"src"}
          2200 in, 2048 cached, 0 written, 180 out
        ollama: ToolUse
          thought "Two places: the file and its folder."
          text "I read the żółw file 🐢 and list."
          call_ol1 fs.read_file{"path":"src/ż.rs"}
          call_ol2 list{"path":"src"}
          2200 in, 0 cached, 0 written, 180 out
        openrouter: ToolUse
          thought "Two places: the file and its folder."
          text "I read the żółw file 🐢 and list."
          toolu_Or1 fs.read_file{"path": "src/ż.rs"}
          toolu_Or2 list{"path": "src"}
          2200 in, 2048 cached, 100 written, 180 out
        dashscope: ToolUse
          thought "Two places: the file and its folder."
          text "I read the żółw file 🐢 and list."
          call_Da1 fs.read_file{"path": "src/ż.rs"}
          call_Da2 list{"path": "src"}
          2200 in, 2048 cached, 100 written, 180 out
        vllm: ToolUse
          thought "Two places: the file and its folder."
          text "I read the żółw file 🐢 and list."
          chatcmpl-tool-1 fs.read_file{"path": "src/ż.rs"}
          chatcmpl-tool-2 list{"path": "src"}
          2200 in, 2048 cached, 0 written, 180 out
    "#]]
    .assert_eq(&told);
}

/// Without the marks, which move with the conversation.
fn unmarked(body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    let mark = "\"cache_control\":{\"type\":\"ephemeral\"}";
    body.replace(&format!("{mark},"), "")
        .replace(&format!(",{mark}"), "")
}

#[tokio::test]
async fn a_longer_conversation_begins_with_the_bytes_of_the_shorter_one() {
    for (name, kind, path, text) in RECORDED {
        let server = Server::start(vec![Answer::sse(text)]);
        let models = models(kind, &format!("{}{path}", server.url()));
        let mut asked = request("Look");
        for _ in 0..3 {
            let reply = heard(&models, &asked).await.0;
            asked.messages.push(Message::Assistant {
                text: reply.text,
                calls: reply.calls.clone(),
                carry: reply.carry,
            });
            asked
                .messages
                .extend(reply.calls.into_iter().map(|call| Message::Tool {
                    id: call.id,
                    name: call.name,
                    output: "a result".into(),
                    failed: false,
                }));
        }
        let bodies: Vec<String> = server
            .requests()
            .iter()
            .map(|sent| unmarked(&sent.body))
            .collect();
        for (turn, pair) in bodies.windows(2).enumerate() {
            let same = pair[0]
                .bytes()
                .zip(pair[1].bytes())
                .take_while(|(a, b)| a == b)
                .count();
            // Up to the end of the list of messages, where the longer one goes on.
            assert!(
                pair[0][same..].starts_with(']') && pair[1][same..].starts_with(",{"),
                "{name} turn {turn}: {} | {}",
                &pair[0][same.saturating_sub(80)..],
                &pair[1][same..same + 80]
            );
            assert!(
                pair[0].contains("\"tools\":") && pair[0].find("\"tools\":") < pair[0].find("Look"),
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn what_a_server_gave_with_its_reply_goes_back_to_it_alone() {
    let mut told = String::new();
    for (name, kind, path, text) in RECORDED {
        let server = Server::start(vec![Answer::sse(text)]);
        let models = models(kind, &format!("{}{path}", server.url()));
        let mut asked = request("Look");
        let reply = heard(&models, &asked).await.0;
        let mut carry = reply.carry;
        for foreign in [false, true] {
            if let Some(carry) = carry.as_mut().filter(|_| foreign) {
                carry.model = "other/model".into();
            }
            asked.messages.truncate(1);
            asked.messages.push(Message::Assistant {
                text: reply.text.clone(),
                calls: reply.calls.clone(),
                carry: carry.clone(),
            });
            heard(&models, &asked).await;
        }
        let sent = |number: usize| {
            let body = server.requests()[number].json();
            let list = ["messages", "input", "contents"]
                .iter()
                .find_map(|key| body[key].as_array());
            let user = |message: &serde_json::Value| message["role"] == "user";
            let list = list.unwrap();
            let at = list.iter().position(user).unwrap();
            serde_json::to_string(&list[at + 1..]).unwrap()
        };
        told.push_str(&format!("{name}\n{}\n", sent(1)));
        for secret in [
            "signature",
            "Signature",
            "encrypted",
            "reasoning",
            "thinking",
            "phase",
        ] {
            assert!(!sent(2).contains(secret), "{name}: {}", sent(2));
        }
    }
    expect![[r#"
        openai
        [{"content":"I read the żółw file 🐢 and list.","role":"assistant","tool_calls":[{"function":{"arguments":"{\"path\":\"src/ż.rs\"}","name":"fs_read_file"},"id":"call_Oa1","type":"function"},{"function":{"arguments":"{\"path\":\"src\"}","name":"list"},"id":"call_Oa2","type":"function"}]}]
        responses
        [{"encrypted_content":"gAAAAABencrypted==","id":"rs_Rec1","summary":[{"text":"**Two places.** The file and its folder.","type":"summary_text"},{"text":"Both at once.","type":"summary_text"}],"type":"reasoning"},{"content":"I read the żółw file 🐢 and list.","phase":"commentary","role":"assistant"},{"arguments":"{\"path\":\"src/ż.rs\"}","call_id":"call_Re1","name":"fs_read_file","type":"function_call"},{"arguments":"{\"path\":\"src\"}","call_id":"call_Re2","name":"list","type":"function_call"}]
        anthropic
        [{"content":[{"signature":"EqQBCgIYAhIM1gbcDa9GJwZA2b3h","thinking":"Two places: the file and its folder.","type":"thinking"},{"data":"EmwKAhgBEgy3va3pzix7","type":"redacted_thinking"},{"text":"I read the żółw file 🐢 and list.","type":"text"},{"id":"toolu_An1","input":{"path":"src/ż.rs"},"name":"fs_read_file","type":"tool_use"},{"signature":"EqQBCgIYAhIMsecond","thinking":" Also the folder.","type":"thinking"},{"id":"toolu_An2","input":{"path":"src"},"name":"list","type":"tool_use"}],"role":"assistant"}]
        gemini
        [{"parts":[{"text":"I read the żółw file 🐢 and list."},{"functionCall":{"args":{"path":"src/ż.rs"},"id":"gm1aaaaa","name":"fs_read_file"},"thoughtSignature":"EtoFCtcFAXLI2nzSignatureA=="},{"functionCall":{"args":{"path":"src"},"id":"gm2bbbbb","name":"list"}},{"text":"","thoughtSignature":"EtoFCtcFAXLI2nzSignatureB=="}],"role":"model"}]
        ollama
        [{"content":"I read the żółw file 🐢 and list.","role":"assistant","thinking":"Two places: the file and its folder.","tool_calls":[{"function":{"arguments":{"path":"src/ż.rs"},"index":0,"name":"fs_read_file"},"id":"call_ol1"},{"function":{"arguments":{"path":"src"},"index":1,"name":"list"},"id":"call_ol2"}]}]
        openrouter
        [{"content":"I read the żółw file 🐢 and list.","reasoning_details":[{"format":"anthropic-claude-v1","id":null,"index":0,"signature":"EqQBCgIYAhIM1gbc","text":"Two places: the file and its folder.","type":"reasoning.text"}],"role":"assistant","tool_calls":[{"function":{"arguments":"{\"path\": \"src/ż.rs\"}","name":"fs_read_file"},"id":"toolu_Or1","type":"function"},{"function":{"arguments":"{\"path\": \"src\"}","name":"list"},"id":"toolu_Or2","type":"function"}]}]
        dashscope
        [{"content":"I read the żółw file 🐢 and list.","reasoning_content":"Two places: the file and its folder.","role":"assistant","tool_calls":[{"function":{"arguments":"{\"path\": \"src/ż.rs\"}","name":"fs_read_file"},"id":"call_Da1","type":"function"},{"function":{"arguments":"{\"path\": \"src\"}","name":"list"},"id":"call_Da2","type":"function"}]}]
        vllm
        [{"content":"I read the żółw file 🐢 and list.","reasoning":"Two places: the file and its folder.","role":"assistant","tool_calls":[{"function":{"arguments":"{\"path\": \"src/ż.rs\"}","name":"fs_read_file"},"id":"chatcmpl-tool-1","type":"function"},{"function":{"arguments":"{\"path\": \"src\"}","name":"list"},"id":"chatcmpl-tool-2","type":"function"}]}]
    "#]].assert_eq(&told);
}

/// Where the reason to stop is known, by the text that tells it.
fn told_at(text: &str) -> usize {
    let marks = [
        "\"finish_reason\":\"tool_calls\"",
        "\"type\":\"response.completed\"",
        "\"stop_reason\":\"tool_use\"",
        "\"finishReason\"",
        "\"done\":true",
    ];
    marks
        .iter()
        .find_map(|mark| text.find(mark))
        .unwrap_or(text.len())
}

#[tokio::test]
async fn a_stream_that_ends_early_is_broken_or_whole_but_never_half_a_call() {
    for (name, kind, path, text) in RECORDED {
        let known = told_at(text);
        let server = Server::with(move |_, request| {
            // Gemini has the model in its address.
            let model = request.json()["model"].as_str().map(str::to_owned);
            let model = model.or_else(|| Some(request.path.split(['/', ':']).nth(3)?.to_owned()));
            let place = model.and_then(|place| place.parse::<usize>().ok());
            Answer::sse(&text.as_bytes()[..place.unwrap_or(0)])
        });
        let models = models(kind, &format!("{}{path}", server.url()));
        let ask_until = async |place: usize| {
            let reply = ask_as(&models, Role::Coder, Some(&format!("p/{place}")))
                .await
                .0;
            (place, reply)
        };
        let first_line = text.find('\n').unwrap_or(0);
        let places = (first_line..text.len())
            .step_by(61)
            .chain([known, text.len()]);
        let asked = stream::iter(places).map(ask_until).buffer_unordered(64);
        for (place, reply) in asked.collect::<Vec<_>>().await {
            match reply {
                Ok(reply) => {
                    assert!(place > known, "{name} {place}");
                    assert_eq!(reply.calls.len(), 2, "{name} {place}");
                }
                Err(llm::Error::Broken { .. }) => {
                    let line = text[known..]
                        .find('\n')
                        .map_or(text.len(), |end| known + end);
                    assert!(place <= line, "{name} {place}");
                }
                Err(error) => panic!("{name} {place}: {error}"),
            }
        }
    }
}
