//! Faults of a stream as bytes: where it is cut, how its lines end, and what stands between its events.

use std::time::Duration;

use testkit::http::{Answer, Step};

use super::{
    fault::{End, Fault},
    streams::{ANTHROPIC, CALLS, OPENAI, OTHERS, TEXT, until},
};

const WHOLE: End = End::Reply(TEXT, CALLS);

pub fn faults() -> Vec<Fault> {
    let mut faults = Vec::new();
    for (dialect, stream, mark) in [
        ("openai", OPENAI, "\"tool_calls\"}]"),
        ("anthropic", ANTHROPIC, "\"tool_use\",\"stop"),
    ] {
        faults.extend(cuts(dialect, stream, mark));
        faults.extend(shapes(dialect, stream));
        faults.extend(silences(dialect, stream));
    }
    for (dialect, kind, stream) in OTHERS {
        // Each byte of the short streams, each third or fifth of the long ones.
        let step = stream.len() / 3000 * 2 + 1;
        let ends =
            move |turn: usize| Answer::sse(&stream.as_bytes()[..(turn * step).min(stream.len())]);
        let resets = move |turn: usize| {
            ends(turn * 4)
                .then(Step::Pause(Duration::from_millis(5)))
                .then(Step::Reset)
        };
        let end = End::WholeOr("broken_stream");
        for (what, answer) in [
            (
                "an end at bytes all along the stream",
                Fault::new("", Answer::default(), end).by(stream.len() / step, ends),
            ),
            (
                "a reset at bytes all along the stream",
                Fault::new("", Answer::default(), end).by(stream.len() / step / 4, resets),
            ),
        ] {
            let name = format!("{dialect}: {what}");
            faults.push(Fault {
                name,
                kind,
                ..answer.attempts(1).within(30)
            });
        }
    }
    faults
}

fn cuts(dialect: &'static str, stream: &'static str, mark: &str) -> Vec<Fault> {
    let name = |what: &str| format!("{dialect}: {what}");
    // The reason to stop is known with the line that holds it.
    let from = stream.find(mark).unwrap_or(0);
    let known = from + stream[from..].find('\n').unwrap_or(0);
    let whole = move |turn: usize| {
        let (before, behind) = stream.as_bytes().split_at(turn.min(stream.len()));
        let pause = Step::Pause(Duration::from_millis(2));
        Answer::sse(before)
            .then(pause)
            .then(Step::Bytes(behind.into()))
    };
    let ends = move |turn: usize| Answer::sse(&stream.as_bytes()[..turn.min(known - 1)]);
    let resets = move |turn: usize| {
        ends(turn * 4)
            .then(Step::Pause(Duration::from_millis(5)))
            .then(Step::Reset)
    };
    let late =
        move |turn: usize| Answer::sse(&stream.as_bytes()[..(known + turn).min(stream.len())]);
    let broken = End::Either("broken_stream");
    let start = Answer::default;
    let all = [
        Fault::new(name("two pieces, cut at each byte"), start(), WHOLE).by(stream.len(), whole),
        Fault::new(
            name("an end at each byte before the reason to stop"),
            start(),
            broken,
        )
        .by(known, ends),
        Fault::new(
            name("a reset at each fourth byte before the reason to stop"),
            start(),
            broken,
        )
        .by(known / 4, resets),
        Fault::new(
            name("an end at each byte behind the reason to stop"),
            start(),
            WHOLE,
        )
        .by(stream.len() - known, late),
    ];
    all.into_iter()
        .map(|fault| Fault {
            kind: dialect,
            ..fault.attempts(1).within(20)
        })
        .collect()
}

fn shapes(dialect: &'static str, stream: &'static str) -> Vec<Fault> {
    let whole = |what: &str, text: String| {
        let name = format!("{dialect}: {what}");
        let fault = Fault::new(name, Answer::sse(text), WHOLE);
        Fault {
            kind: dialect,
            ..fault
        }
    };
    let single = Answer::sse_pieces(stream.bytes().map(|byte| vec![byte]));
    let behind = "data: {garbage\n\n\u{0}\u{1}<html>\n\n";
    vec![
        whole("all events in one piece", stream.to_owned()),
        Fault {
            kind: dialect,
            ..Fault::new(format!("{dialect}: byte by byte"), single, WHOLE)
        },
        whole("lines that end in CR LF", stream.replace('\n', "\r\n")),
        whole("lines that end in CR", stream.replace('\n', "\r")),
        whole("a byte order mark", format!("\u{feff}{stream}")),
        whole(
            "comments between events",
            stream.replace("\n\n", "\n\n: alive\n\n:\n\n"),
        ),
        whole(
            "comments inside events",
            stream.replace("\ndata:", "\n: alive\ndata:"),
        ),
        whole("data: without a space", stream.replace("data: ", "data:")),
        whole(
            "empty lines before and between",
            format!("\n\n\n{}", stream.replace("\n\n", "\n\n\n\n")),
        ),
        whole(
            "fields that nobody knows",
            stream.replace("\ndata:", "\nid: 7\nretry: 5\nx: y\nz\ndata:"),
        ),
        whole("no empty line at the end", stream.trim_end().to_owned()),
        whole("garbage behind the end", format!("{stream}{behind}")),
    ]
}

fn silences(dialect: &'static str, stream: &'static str) -> Vec<Fault> {
    let cut = |mark: &str| Answer::sse(until(stream, mark));
    let in_call = match dialect {
        "openai" => "th\\\":",
        _ => "/ż.rs",
    };
    let no_text = |mark: &str| {
        // A stream with calls alone: nothing was shown when it breaks.
        let start = stream.find(if dialect == "openai" {
            "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\""
        } else {
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":2"
        });
        let stream = &stream[start.unwrap_or(0)..];
        Answer::sse(until(stream, mark))
    };
    let name = |what: &str| format!("{dialect}: {what}");
    let all = [
        Fault::new(
            name("a stall before the first event"),
            Answer::sse("").then(Step::Hang),
            End::Next("timeout"),
        ),
        Fault::new(
            name("a stall behind text"),
            cut(in_call).then(Step::Hang),
            End::Fails("timeout"),
        ),
        Fault::new(
            name("a stall inside a call"),
            no_text(in_call).then(Step::Hang),
            End::Next("timeout"),
        ),
        Fault::new(
            name("a reset inside a call"),
            no_text(in_call)
                .then(Step::Pause(Duration::from_millis(5)))
                .then(Step::Reset),
            End::Next("broken_stream"),
        ),
        Fault::new(
            name("an end inside a call"),
            no_text(in_call),
            End::Next("broken_stream"),
        ),
        Fault::new(
            name("a reset behind text"),
            cut(in_call)
                .then(Step::Pause(Duration::from_millis(5)))
                .then(Step::Reset),
            End::Fails("broken_stream"),
        ),
    ];
    all.into_iter()
        .map(|fault| Fault {
            kind: dialect,
            ..fault
        })
        .collect()
}
