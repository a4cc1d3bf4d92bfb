//! Faults of what a stream says: errors inside a 200, usage, finish reasons, and calls in every disorder.

use serde_json::{Value, json};
use testkit::http::Answer;

use super::{
    fault::{End, Fault},
    streams::{DONE, call, event, finish, openai_text, openai_usage, text},
};

pub fn faults() -> Vec<Fault> {
    [errors(), counts(), calls()]
        .into_iter()
        .flatten()
        .collect()
}

fn errors() -> Vec<Fault> {
    let next = End::Next;
    let inside = |error: Value| Answer::json(200, &json!({"error": error}));
    let streamed = |error: Value| Answer::sse(event(&json!({"error": error})));
    let late = Answer::sse(format!(
        "{}{}",
        text("Hi"),
        event(&json!({"error": {"code": 502, "message": "died"}}))
    ));
    let anthropic = |kind: &str| {
        Answer::sse(format!(
            "event: error\n{}",
            event(&json!({"type": "error", "error": {"type": kind, "message": "no"}}))
        ))
    };
    vec![
        Fault::new(
            "an error inside a JSON 200",
            inside(json!({"message": "x", "type": "server_error"})),
            next("overloaded"),
        ),
        Fault::new(
            "an error in words inside a 200",
            inside(json!("out of memory")),
            next("overloaded"),
        ),
        Fault::new(
            "a rate limit inside a 200",
            inside(json!({"code": 429, "message": "retry after 0 seconds"})),
            next("rate_limited"),
        ),
        Fault::once(
            "a rate limit inside a stream",
            streamed(json!({"code": "rate_limit_exceeded", "message": "try again in 20ms"})),
            "rate_limited",
        ),
        Fault::new(
            "a wrong key inside a stream",
            streamed(json!({"code": "invalid_api_key", "message": "x"})),
            next("auth"),
        ),
        Fault::new(
            "no money inside a stream",
            streamed(json!({"code": "insufficient_quota", "message": "x"})),
            next("quota"),
        ),
        Fault::new("an error behind text", late, End::Fails("overloaded")),
        Fault::new(
            "anthropic: overloaded inside a stream",
            anthropic("overloaded_error"),
            next("overloaded"),
        )
        .anthropic(),
        Fault::new(
            "anthropic: a refusal of the request inside a stream",
            anthropic("invalid_request_error"),
            next("invalid"),
        )
        .anthropic(),
        Fault::new(
            "anthropic: a wrong key inside a stream",
            anthropic("authentication_error"),
            next("auth"),
        )
        .anthropic(),
        Fault::new(
            "anthropic: no money inside a stream",
            anthropic("billing_error"),
            next("quota"),
        )
        .anthropic(),
    ]
}

fn counts() -> Vec<Fault> {
    let usage = |name: &str, usage: Value| {
        Fault::new(
            name,
            Answer::sse(openai_usage(&usage)),
            End::Reply("Hi", &[]),
        )
    };
    let empty = format!("{}{DONE}", finish("stop"));
    vec![
        usage(
            "usage that is negative",
            json!({"prompt_tokens": -5, "completion_tokens": -1}),
        ),
        usage(
            "usage that is no number",
            json!({"prompt_tokens": "many", "completion_tokens": null}),
        ),
        usage(
            "usage beyond reason",
            json!({"prompt_tokens": 1e300, "completion_tokens": u64::MAX}),
        ),
        usage("usage that is a list", json!([1, 2])),
        usage(
            "more cached than sent",
            json!({"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 500}}),
        ),
        Fault::new(
            "no usage",
            Answer::sse(openai_text("Hi")),
            End::Reply("Hi", &[]),
        ),
        Fault::new(
            "an answer without words",
            Answer::sse(empty),
            End::Reply("", &[]),
        ),
        Fault::new(
            "no reason to stop, but [DONE]",
            Answer::sse(format!("{}{DONE}", text("Hi"))),
            End::Reply("Hi", &[]),
        ),
        Fault::new(
            "a reason to stop that nobody knows",
            Answer::sse(format!("{}{}", text("Hi"), finish("moon"))),
            End::Reply("Hi", &[]),
        ),
        Fault::new(
            "an answer cut by a content filter",
            Answer::sse(format!("{}{}", text("Hi"), finish("content_filter"))),
            End::Reply("Hi", &[]),
        ),
        Fault::new(
            "events of other shapes",
            Answer::sse(format!(
                "data: 5\n\ndata: []\n\ndata: null\n\ndata: {{\"choices\":{{}}}}\n\n{}",
                openai_text("Hi")
            )),
            End::Reply("Hi", &[]),
        ),
    ]
}

fn calls() -> Vec<Fault> {
    let (none, list) = (Value::Null, json!("list"));
    let (read, one, two) = (json!("fs_read_file"), json!("a"), json!("b"));
    let reply = |name: &str, events: String, calls: &'static [&'static str]| {
        Fault::new(
            name,
            Answer::sse(format!("{events}{}{DONE}", finish("tool_calls"))),
            End::Reply("", calls),
        )
    };
    let both: &[&str] = &["list {\"n\":1}", "fs.read_file {\"n\":2}"];
    let start =
        |index: u64, id: &Value, name: &Value| call(json!(index), id.clone(), name.clone(), "");
    let more = |index: u64, piece: &str| call(json!(index), none.clone(), none.clone(), piece);
    let cut = format!(
        "{}{}{}",
        call(json!(0), one.clone(), list.clone(), "{}"),
        call(json!(1), two.clone(), list.clone(), "{\"a"),
        finish("length")
    );
    let open = format!(
        "{}{DONE}",
        call(json!(0), one.clone(), list.clone(), "{\"a")
    );
    let nameless = format!("{}{DONE}", call(json!(0), one.clone(), none.clone(), "{}"));
    vec![
        reply(
            "calls that are interleaved",
            format!(
                "{}{}{}{}{}{}",
                start(0, &one, &list),
                start(1, &two, &read),
                more(1, "{\"n\""),
                more(0, "{\"n\""),
                more(1, ":2}"),
                more(0, ":1}")
            ),
            both,
        ),
        reply(
            "calls in another order than their numbers",
            format!(
                "{}{}{}{}",
                start(1, &two, &list),
                more(1, "{\"n\":1}"),
                start(0, &one, &read),
                more(0, "{\"n\":2}")
            ),
            both,
        ),
        reply(
            "calls with the same id",
            format!(
                "{}{}",
                call(json!(0), one.clone(), list.clone(), "{\"n\":1}"),
                call(json!(1), one.clone(), read.clone(), "{\"n\":2}")
            ),
            both,
        ),
        reply(
            "calls without ids",
            format!(
                "{}{}",
                call(json!(0), none.clone(), list.clone(), "{\"n\":1}"),
                call(json!(1), none.clone(), read.clone(), "{\"n\":2}")
            ),
            both,
        ),
        reply(
            "calls without numbers",
            format!(
                "{}{}",
                call(none.clone(), one.clone(), list.clone(), "{\"n\":1}"),
                call(none.clone(), two.clone(), read.clone(), "{\"n\":2}")
            ),
            both,
        ),
        reply(
            "all calls with the number 0",
            format!(
                "{}{}",
                call(json!(0), one.clone(), list.clone(), "{\"n\":1}"),
                call(json!(0), two.clone(), read.clone(), "{\"n\":2}")
            ),
            both,
        ),
        reply(
            "a call with its name in each piece",
            format!(
                "{}{}",
                call(json!(0), one.clone(), list.clone(), "{\"n\""),
                call(json!(0), one.clone(), list.clone(), ":1}")
            ),
            &["list {\"n\":1}"],
        ),
        reply(
            "a call without arguments",
            start(0, &one, &list),
            &["list {}"],
        ),
        Fault::new(
            "a call cut by the limit of tokens",
            Answer::sse(cut),
            End::Reply("", &["list {}"]),
        ),
        Fault::new(
            "[DONE] inside a call",
            Answer::sse(open),
            End::Next("broken_stream"),
        ),
        Fault::new(
            "a call without a name",
            Answer::sse(nameless),
            End::Next("broken_stream"),
        ),
    ]
}
