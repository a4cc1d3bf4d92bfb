//! Answers off the main road, one row each: how every dialect stops, what it leaves out, and what it makes of counts and errors.

use expect_test::expect;
use futures::{StreamExt, stream};
use llm::Role;
use serde_json::{Value, json};
use testkit::http::{Answer, Server};

use crate::{
    ask::{ask, ask_as, models},
    recorded::RECORDED,
};

/// Provider type and body; `data:` is put before each line where it is no JSON of its own.
const ROWS: &[(&str, &str, &str)] = &[
    (
        "refusal in a choice",
        "openrouter",
        r#"{"choices":[{"delta":{"content":"a"},"error":{"code":502,"message":"upstream is gone"},"finish_reason":"error"}]}"#,
    ),
    (
        "finish error",
        "openrouter",
        r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"error","native_finish_reason":"OVERLOADED"}]}"#,
    ),
    (
        "old function call",
        "openai_compatible",
        "{\"choices\":[{\"delta\":{\"function_call\":{\"name\":\"list\",\"arguments\":\"{\\\"a\\\"\"}}}]}\n{\"choices\":[{\"delta\":{\"function_call\":{\"arguments\":\":1}\"}},\"finish_reason\":\"function_call\"}]}",
    ),
    (
        "parts with thoughts",
        "openai_compatible",
        r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm."}]},{"type":"text","text":"Yes."}]},"finish_reason":"stop"}]}"#,
    ),
    (
        "image",
        "openrouter",
        r#"{"choices":[{"delta":{"content":"See: ","images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]},"finish_reason":"stop"}]}"#,
    ),
    (
        "image part",
        "openai_compatible",
        r#"{"choices":[{"delta":{"content":[{"type":"image_url","image_url":{}},{"type":"input_audio"}]},"finish_reason":"stop"}]}"#,
    ),
    (
        "cache hits",
        "openai_compatible",
        r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"prompt_cache_hit_tokens":7,"prompt_cache_miss_tokens":3,"completion_tokens":2}}"#,
    ),
    (
        "odd counts",
        "openai_compatible",
        r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":-1,"completion_tokens":2.0}}"#,
    ),
    (
        "more cached than sent",
        "openai_compatible",
        r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":9},"completion_tokens":1}}"#,
    ),
    (
        "filtered away",
        "openai",
        r#"{"choices":[{"delta":{},"finish_reason":"content_filter"}]}"#,
    ),
    (
        "filtered late",
        "openai",
        r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"content_filter"}]}"#,
    ),
    (
        "call cut by limit",
        "openai",
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"list","arguments":"{\"a\":1}"}},{"index":1,"id":"b","function":{"name":"list","arguments":"{\"a"}}]},"finish_reason":"length"}]}"#,
    ),
    (
        "completed at once",
        "openai_responses",
        r#"{"type":"response.completed","response":{"status":"completed","output":[{"type":"reasoning","summary":[{"type":"summary_text","text":"Hm."}]},{"type":"message","content":[{"type":"output_text","text":"Yes."}]},{"type":"function_call","call_id":"c","name":"list","arguments":"{}"}],"usage":{"input_tokens":3,"output_tokens":2}}}"#,
    ),
    (
        "incomplete",
        "openai_responses",
        "{\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"a\"}\n{\"type\":\"response.incomplete\",\"response\":{\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":\"max_output_tokens\"},\"usage\":{\"input_tokens\":3,\"output_tokens\":2}}}",
    ),
    (
        "incomplete by filter",
        "openai_responses",
        r#"{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"content_filter"}}}"#,
    ),
    (
        "failed",
        "openai_responses",
        r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"slow down"}}}"#,
    ),
    (
        "error event",
        "openai_responses",
        r#"{"type":"error","code":"server_error","message":"it broke","param":null}"#,
    ),
    (
        "refusal",
        "openai_responses",
        "{\"type\":\"response.refusal.delta\",\"output_index\":0,\"delta\":\"No.\"}\n{\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}",
    ),
    (
        "no end",
        "openai_responses",
        r#"{"type":"response.output_text.delta","output_index":0,"delta":"a"}"#,
    ),
    (
        "image made",
        "openai_responses",
        "{\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{\"type\":\"image_generation_call\",\"result\":\"AA\"}}\n{\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}",
    ),
    (
        "prompt blocked",
        "gemini",
        r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":3}}"#,
    ),
    (
        "unsafe",
        "gemini",
        r#"{"candidates":[{"finishReason":"SAFETY"}]}"#,
    ),
    (
        "recited",
        "gemini",
        r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"RECITATION"}]}"#,
    ),
    (
        "limit",
        "gemini",
        r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"MAX_TOKENS"}],"usageMetadata":{"promptTokenCount":3,"thoughtsTokenCount":4}}"#,
    ),
    (
        "no call at all",
        "gemini",
        r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"MALFORMED_FUNCTION_CALL","finishMessage":"Malformed function call: list("}]}"#,
    ),
    (
        "picture",
        "gemini",
        r#"{"candidates":[{"content":{"parts":[{"text":"See: "},{"inlineData":{"mimeType":"image/png","data":"AA"}}]},"finishReason":"STOP"}]}"#,
    ),
    (
        "error inside",
        "gemini",
        r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#,
    ),
    (
        "array",
        "gemini",
        r#"[{"candidates":[{"content":{"parts":[{"text":"a"}]}}]},{"candidates":[{"content":{"parts":[{"functionCall":{"name":"list"}}]},"finishReason":"STOP"}]}]"#,
    ),
    (
        "error line",
        "ollama",
        "{\"message\":{\"content\":\"a\"},\"done\":false}\n{\"error\":\"an error was encountered while running the model\"}",
    ),
    (
        "limit",
        "ollama",
        r#"{"message":{"content":"a"},"done":true,"done_reason":"length","prompt_eval_count":3,"eval_count":2}"#,
    ),
    (
        "all cached",
        "ollama",
        r#"{"message":{"content":"a"},"done":true,"done_reason":"stop","eval_count":2}"#,
    ),
    (
        "no end",
        "ollama",
        r#"{"message":{"content":"a"},"done":false}"#,
    ),
    (
        "old call",
        "ollama",
        r#"{"message":{"content":"","tool_calls":[{"function":{"name":"list","arguments":{"a":1}}},{"function":{"name":"list","arguments":{"a":2}}}]},"done":true}"#,
    ),
    ("page", "ollama", "<html><h1>Ollama is not here</h1></html>"),
    (
        "pause",
        "anthropic",
        "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"a\"}}\n{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"pause_turn\"},\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}",
    ),
    (
        "refused away",
        "anthropic",
        r#"{"type":"message_delta","delta":{"stop_reason":"refusal"}}"#,
    ),
    (
        "overloaded",
        "anthropic",
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
    ),
    (
        "call in pieces",
        "gemini",
        r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"list","willContinue":true}}]},"finishReason":"STOP"}]}"#,
    ),
    (
        "over at once",
        "anthropic",
        "{\"type\":\"message_start\",\"message\":{\"content\":[{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"list\",\"input\":{\"a\":1}}],\"stop_reason\":\"tool_use\",\"usage\":{\"input_tokens\":3,\"output_tokens\":2}}}\n{\"type\":\"message_stop\"}",
    ),
    (
        "calls in a made-up call",
        "openai",
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"multi_tool_use.parallel","arguments":"{\"tool_uses\":[{\"recipient_name\":\"functions.fs_read_file\",\"parameters\":{\"a\":1}},{\"recipient_name\":\"list\",\"parameters\":{}}]}"}}]},"finish_reason":"tool_calls"}]}"#,
    ),
    (
        "a made-up call with nothing in it",
        "openai",
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"parallel","arguments":"{\"tool_uses\":[{\"recipient_name\":7}]}"}}]},"finish_reason":"tool_calls"}]}"#,
    ),
];

#[tokio::test]
async fn each_odd_answer_ends_as_it_should() {
    let mut told = String::new();
    for (what, kind, body) in ROWS {
        let lines = body.lines().map(|line| format!("data: {line}\n\n"));
        let server = Server::start(vec![match (*kind, body.starts_with(['[', '<'])) {
            ("ollama", _) | (_, true) => Answer::sse(body),
            _ => Answer::sse(lines.collect::<String>()),
        }]);
        let (reply, _) = ask(&models(kind, &server.url())).await;
        let said = match reply {
            Err(error) => format!("{}: {error}", error.class()),
            Ok(reply) => {
                let calls = reply
                    .calls
                    .iter()
                    .map(|call| format!(" {}{}", call.name, call.arguments));
                let usage = reply.usage;
                let mark = if usage.estimated { "~" } else { "" };
                format!(
                    "{:?} {:?}{}{} {mark}{}/{}/{}",
                    reply.stop,
                    reply.text,
                    if reply.reasoning.is_empty() {
                        String::new()
                    } else {
                        format!(" ({})", reply.reasoning)
                    },
                    calls.collect::<String>(),
                    usage.input,
                    usage.cached,
                    usage.output
                )
            }
        };
        told.push_str(&format!("{kind}, {what}: {said}\n"));
    }
    expect![[r#"
        openrouter, refusal in a choice: overloaded: p failed (HTTP 502): upstream is gone
        openrouter, finish error: overloaded: p failed (HTTP 503): it ended its answer with OVERLOADED
        openai_compatible, old function call: ToolUse "" list{"a":1} ~19/0/3
        openai_compatible, parts with thoughts: End "Yes." (Hm.) ~19/0/2
        openrouter, image: End "See: [an image was left out]" ~19/0/7
        openai_compatible, image part: End "[an image was left out][a sound was left out]" ~19/0/12
        openai_compatible, cache hits: End "a" 10/7/2
        openai_compatible, odd counts: End "a" ~19/0/2
        openai_compatible, more cached than sent: End "a" 5/5/1
        openai, filtered away: content_filter: a content filter of p refused: it left nothing of the answer
        openai, filtered late: Filter "a" ~19/0/1
        openai, call cut by limit: Length "" list{"a":1} ~19/0/5
        openai_responses, completed at once: ToolUse "Yes." (Hm.) list{} 3/0/2
        openai_responses, incomplete: Length "a" 3/0/2
        openai_responses, incomplete by filter: content_filter: a content filter of p refused: it left nothing of the answer
        openai_responses, failed: rate_limited: p limits the rate of requests: slow down
        openai_responses, error event: overloaded: p failed (HTTP 500): it broke
        openai_responses, refusal: End "No." ~19/0/1
        openai_responses, no end: broken_stream: the answer of p broke off: the stream ended in the middle
        openai_responses, image made: End "[an image was left out]" ~19/0/6
        gemini, prompt blocked: content_filter: a content filter of p refused: the prompt was blocked (PROHIBITED_CONTENT)
        gemini, unsafe: content_filter: a content filter of p refused: it left nothing of the answer (SAFETY)
        gemini, recited: Filter "a" ~19/0/1
        gemini, limit: Length "a" 3/0/4
        gemini, no call at all: broken_stream: the answer of p broke off: the model wrote a call that is none (Malformed function call: list()
        gemini, picture: End "See: [an image was left out]" ~19/0/7
        gemini, error inside: overloaded: p failed (HTTP 503): The model is overloaded.
        gemini, array: ToolUse "a" list{} ~19/0/2
        ollama, error line: overloaded: p failed (HTTP 500): an error was encountered while running the model
        ollama, limit: Length "a" 3/0/2
        ollama, all cached: End "a" ~19/0/2
        ollama, no end: broken_stream: the answer of p broke off: the stream ended in the middle
        ollama, old call: ToolUse "" list{"a":1} list{"a":2} ~19/0/6
        ollama, page: invalid: p refused the request (HTTP 200): an HTML page instead of an API answer; is this the address of the API?
        anthropic, pause: Length "a" 3/0/1
        anthropic, refused away: content_filter: a content filter of p refused: it left nothing of the answer
        anthropic, overloaded: overloaded: p failed (HTTP 529): Overloaded
        gemini, call in pieces: broken_stream: the answer of p broke off: a call came in pieces
        anthropic, over at once: ToolUse "" list{"a":1} 3/0/2
        openai, calls in a made-up call: ToolUse "" fs.read_file{"a":1} list{} ~19/0/37
        openai, a made-up call with nothing in it: ToolUse "" parallel{"tool_uses":[{"recipient_name":7}]} ~19/0/11
    "#]].assert_eq(&told);
}

/// The same numbers for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// Replaces one value somewhere below.
fn spoil(value: &mut Value, dice: &mut Dice) {
    let deeper = dice.below(8) > 0;
    match value {
        Value::Object(object) if deeper && !object.is_empty() => {
            let at = dice.below(object.len());
            if let Some(value) = object.values_mut().nth(at) {
                spoil(value, dice);
            }
        }
        Value::Array(items) if deeper && !items.is_empty() => {
            let at = dice.below(items.len());
            spoil(&mut items[at], dice);
        }
        other => {
            let junk = [
                Value::Null,
                json!(-1),
                json!(1e300),
                json!(u64::MAX),
                json!(""),
                json!("ż"),
                json!([]),
                json!({}),
                json!([[{"text": "x", "type": 7}]]),
                json!({"type": "image", "text": [1], "arguments": {}}),
                json!(true),
            ];
            *other = junk[dice.below(junk.len())].clone();
        }
    }
}

/// The stream with two values replaced.
fn spoiled(text: &str, seed: usize) -> String {
    let mut dice = Dice(seed as u64 * 7919);
    let mut lines: Vec<(&str, Value)> = Vec::new();
    for line in text.lines() {
        let data = line.strip_prefix("data: ").unwrap_or(line);
        if let Ok(value) = serde_json::from_str(data) {
            lines.push((&line[..line.len() - data.len()], value));
        }
    }
    for _ in 0..2 {
        let at = dice.below(lines.len());
        spoil(&mut lines[at].1, &mut dice);
    }
    let lines = lines
        .iter()
        .map(|(head, value)| format!("{head}{value}\n\n"));
    lines.collect()
}

#[tokio::test]
async fn no_value_in_an_answer_makes_us_fall() {
    for (name, kind, path, text) in RECORDED {
        let server = Server::with(move |_, request| {
            let model = request.json()["model"].as_str().map(str::to_owned);
            let model = model.or_else(|| Some(request.path.split(['/', ':']).nth(3)?.to_owned()));
            let seed = model.and_then(|seed| seed.parse().ok()).unwrap_or(0);
            Answer::sse(spoiled(text, seed))
        });
        let models = models(kind, &format!("{}{path}", server.url()));
        let ask_with = async |seed: usize| {
            let reply = ask_as(&models, Role::Coder, Some(&format!("p/{seed}")))
                .await
                .0;
            (seed, reply)
        };
        let replies = stream::iter(1..=150).map(ask_with).buffer_unordered(75);
        let mut answered = 0;
        for (seed, reply) in replies.collect::<Vec<_>>().await {
            if let Ok(reply) = reply {
                answered += 1;
                assert!(reply.usage.cached <= reply.usage.input, "{name} {seed}");
                let mut ids: Vec<&str> = reply.calls.iter().map(|call| call.id.as_str()).collect();
                ids.sort_unstable();
                ids.dedup();
                assert_eq!(ids.len(), reply.calls.len(), "{name} {seed}");
            }
        }
        assert!(answered > 50, "{name}: {answered}");
    }
}
