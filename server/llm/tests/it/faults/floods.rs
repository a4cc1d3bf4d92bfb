//! Faults of size and of pace, bytes that are no text, and ends behind the reason to stop.

use std::time::Duration;

use serde_json::json;
use testkit::http::{Answer, Step};

use super::{
    fault::{End, Fault},
    streams::{DONE, call, finish, openai_text, text},
};

const BROKEN: End = End::Next("broken_stream");

pub fn faults() -> Vec<Fault> {
    [large(), slow(), odd(), late()]
        .into_iter()
        .flatten()
        .collect()
}

fn json_start(start: &str) -> Answer {
    Answer::head(200, &[("content-type", "application/json")]).then(Step::Bytes(start.into()))
}

fn large() -> Vec<Fault> {
    let mebibyte = vec![b'x'; 1 << 20];
    let repeat = |answer: Answer, piece: &[u8], times| {
        answer.then(Step::Repeat(piece.to_vec(), Some(times)))
    };
    let gigabyte = |answer: Answer| repeat(answer, &mebibyte, 1024);
    let (objects, lists) = (b"{},".repeat(1000), b"[".repeat(1000));
    let tiny = call(json!(0), json!("a"), json!("list"), "x").repeat(100);
    let empty = b"data: {}\n\n".repeat(100);
    let floods = [
        ("1 GB as one JSON value", gigabyte(json_start("{\"x\":\""))),
        (
            "1 GB as one event",
            gigabyte(Answer::sse("data: {\"x\":\"")),
        ),
        ("1 GB as one comment", gigabyte(Answer::sse(":"))),
        (
            "a million tiny events",
            repeat(Answer::sse(""), tiny.as_bytes(), 10_000),
        ),
        (
            "a million empty events",
            repeat(Answer::sse(""), &empty, 10_000),
        ),
        (
            "a small JSON text of a million values",
            repeat(json_start("["), &objects, 1000),
        ),
        ("a deep JSON value", repeat(json_start(""), &lists, 100)),
        (
            "an event of a million values",
            repeat(Answer::sse("data: ["), &objects, 1000),
        ),
        (
            "a gzip bomb as an event",
            Answer::gzip(b"data: ", &mebibyte, 1024),
        ),
        (
            "a gzip bomb as JSON",
            Answer::gzip(b"{\"x\":\"", &mebibyte, 1024),
        ),
    ];
    let flood = |(name, answer)| {
        Fault::new(name, answer, BROKEN)
            .attempts(1)
            .alone()
            .within(40)
    };
    floods.into_iter().map(flood).collect()
}

fn slow() -> Vec<Fault> {
    let drip = |answer: Answer, bytes: &[u8], ms| {
        answer.then(Step::Drip(bytes.to_vec(), Duration::from_millis(ms)))
    };
    let sse = Answer::sse;
    let event = sse("data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"x\":\"");
    let ping = b"event: ping\ndata: {\"type\":\"ping\"}\n\n".repeat(40);
    let timeout = |name, answer| Fault::new(name, answer, End::Next("timeout")).within(9);
    vec![
        Fault::new(
            "a slow drip",
            drip(sse(""), openai_text("Back.").as_bytes(), 5),
            End::Reply("Back.", &[]),
        ),
        timeout(
            "a drip inside one event for ever",
            drip(event, &[b'x'; 100], 300),
        ),
        timeout(
            "a drip inside one JSON value for ever",
            drip(json_start("{\"choices\": "), &[b' '; 100], 300),
        ),
        timeout(
            "keep-alive comments for ever",
            drip(sse(""), &b": alive\n\n".repeat(80), 20),
        ),
        timeout("empty lines for ever", drip(sse(""), &[b'\n'; 2000], 50)),
        timeout("pings of Anthropic for ever", drip(sse(""), &ping, 20)).anthropic(),
    ]
}

fn odd() -> Vec<Fault> {
    let http = |body: &[u8]| Answer::http(200, &[], body);
    let halves = [
        b"data: {\"choices\":[{\"delta\":{\"content\":\"\xf0\x9f".to_vec(),
        b"x\"}}]}\n\n".to_vec(),
    ];
    let invalid = Answer::sse(b"data: {\"choices\":[{\"delta\":{\"content\":\"\xff\xfe\"}}]}\n\n");
    [
        ("invalid UTF-8", invalid),
        ("invalid UTF-8 over two pieces", Answer::sse_pieces(halves)),
        (
            "invalid UTF-8 in one JSON value",
            http(b"{\"choices\":\"\xff\"}"),
        ),
        ("an empty body", http(b"")),
        ("blank space alone", http(b" \r\n\t\n")),
        ("words that are no events", http(b"garbage\nmore garbage\n")),
        ("an event that is no JSON", Answer::sse("data: {oops\n\n")),
        ("half a JSON value", http(b"{\"choices\":[{")),
        ("[DONE] alone", Answer::sse(DONE)),
    ]
    .into_iter()
    .map(|(name, answer)| Fault::new(name, answer, BROKEN))
    .collect()
}

fn late() -> Vec<Fault> {
    let said = |more: &str| Answer::sse(format!("{}{}{more}", text("Hi"), finish("stop")));
    let pause = Step::Pause(Duration::from_millis(20));
    let whole = |name, answer| Fault::new(name, answer, End::Reply("Hi", &[])).within(9);
    let fails = |name, answer| Fault::new(name, answer, End::Fails("broken_stream"));
    vec![
        whole("no [DONE]", said("")),
        whole(
            "a stall behind the reason to stop",
            said("").then(Step::Hang),
        ),
        whole(
            "a reset behind the reason to stop",
            said("").then(pause.clone()).then(Step::Reset),
        ),
        whole("garbage behind the reason to stop", said("data: {oops\n\n")),
        fails(
            "a reset behind text",
            Answer::sse(text("Hi")).then(pause).then(Step::Reset),
        ),
        fails("an end behind text", Answer::sse(text("Hi"))),
    ]
}
