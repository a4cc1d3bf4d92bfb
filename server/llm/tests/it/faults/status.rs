//! Faults of HTTP itself: statuses, pauses, redirects, pages, and connections that are none.

use testkit::http::{Answer, Step};

use super::fault::{End, Fault, Place};
use crate::ask::KEY;

/// The forms in which a server asks for a pause that is short or over; each is asked again.
pub const SOON: [(&str, &str, &str); 17] = [
    ("Retry-After of 0", "retry-after", "0"),
    ("Retry-After as a fraction", "retry-after", "0.05"),
    ("Retry-After with a unit", "retry-after", "20ms"),
    (
        "Retry-After as a date (IMF)",
        "retry-after",
        "Sun, 06 Nov 1994 08:49:37 GMT",
    ),
    (
        "Retry-After as a date (RFC 850)",
        "retry-after",
        "Sunday, 06-Nov-94 08:49:37 GMT",
    ),
    (
        "Retry-After as a date (asctime)",
        "retry-after",
        "Sun Nov  6 08:49:37 1994",
    ),
    ("Retry-After that is negative", "retry-after", "-7"),
    ("Retry-After that is no time", "retry-after", "soon"),
    ("Retry-After that is empty", "retry-after", ""),
    ("retry-after-ms", "retry-after-ms", "20"),
    (
        "x-ratelimit-reset as a duration",
        "x-ratelimit-reset-requests",
        "6ms",
    ),
    (
        "x-ratelimit-reset in seconds since 1970",
        "x-ratelimit-reset",
        "1500000000",
    ),
    (
        "x-ratelimit-reset in milliseconds since 1970",
        "x-ratelimit-reset",
        "1500000000000",
    ),
    (
        "anthropic-ratelimit-reset",
        "anthropic-ratelimit-tokens-reset",
        "2020-01-01T00:00:00Z",
    ),
    (
        "RetryInfo in the body",
        "",
        r#"{"error":{"message":"x","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"0.02s"}]}}"#,
    ),
    (
        "a pause in words",
        "",
        r#"{"error":{"message":"Please try again in 20ms. Visit https://x"}}"#,
    ),
    (
        "a pause in OpenRouter's metadata",
        "",
        r#"{"error":{"message":"Provider returned error","metadata":{"raw":"retry after 0 seconds","headers":{"X-RateLimit-Remaining":"0","X-RateLimit-Reset":"1500000000000"}}}}"#,
    ),
];

/// Those that ask for more than a minute; nobody waits for them.
pub const LATE: [(&str, &str, &str); 8] = [
    ("Retry-After of 61 s", "retry-after", "61"),
    ("Retry-After of a year", "retry-after", "31536000"),
    ("Retry-After of 1e300", "retry-after", "1e300"),
    (
        "Retry-After of more digits than a number has",
        "retry-after",
        "99999999999999999999999",
    ),
    (
        "Retry-After as a date in 2999",
        "retry-after",
        "Fri, 01 Nov 2999 08:49:37 GMT",
    ),
    (
        "x-ratelimit-reset of 1h0m0s",
        "x-ratelimit-reset-tokens",
        "1h0m0s",
    ),
    (
        "RetryInfo of a day",
        "",
        r#"{"error":{"message":"x","details":[{"retryDelay":"86400s"}]}}"#,
    ),
    (
        "a pause of 7 minutes in words",
        "",
        r#"{"error":{"message":"Please try again in 7m12s."}}"#,
    ),
];

/// An answer with a pause in a header, or in the body where the header has no name.
pub fn pause(status: u16, header: &str, value: &str) -> Answer {
    match header {
        "" => Answer::http(status, &[], value),
        name => Answer::http(status, &[(name, value)], ""),
    }
}

pub fn faults() -> Vec<Fault> {
    let mut faults = plain();
    for (form, header, value) in SOON {
        let answer = pause(429, header, value);
        faults.push(Fault::once(
            format!("429 with {form}"),
            answer,
            "rate_limited",
        ));
    }
    for (form, header, value) in LATE {
        let end = End::Next("rate_limited");
        faults.push(Fault::new(
            format!("429 with {form}"),
            pause(429, header, value),
            end,
        ));
    }
    faults.extend(pages());
    faults.extend(connections());
    faults
}

fn plain() -> Vec<Fault> {
    let said = |status, body: &str| Answer::http(status, &[("retry-after", "0")], body);
    let classes = [
        (400, "invalid"),
        (401, "auth"),
        (402, "quota"),
        (403, "auth"),
        (404, "invalid"),
        (405, "invalid"),
        (408, "overloaded"),
        (409, "overloaded"),
        (413, "context_overflow"),
        (418, "invalid"),
        (422, "invalid"),
        (425, "overloaded"),
        (429, "rate_limited"),
        (500, "overloaded"),
        (502, "overloaded"),
        (503, "overloaded"),
        (504, "overloaded"),
        (529, "overloaded"),
        (599, "overloaded"),
    ];
    let mut faults: Vec<Fault> = classes
        .into_iter()
        .map(|(status, class)| Fault::new(format!("{status}"), said(status, ""), End::Next(class)))
        .collect();
    for (name, status, body, class) in [
        ("429 without quota", 429, r#"{"error":{"message":"pay","code":"insufficient_quota"}}"#.to_owned(), "quota"),
        ("400 with a context that is too long", 400, r#"{"error":{"message":"maximum context length is 8"}}"#.to_owned(), "context_overflow"),
        ("400 by a content filter", 400, r#"{"error":{"message":"no","code":"content_filter"}}"#.to_owned(), "content_filter"),
        ("400 of an account in arrears", 400, r#"{"code":"Arrearage","message":"Access denied"}"#.to_owned(), "quota"),
        ("400 with a key that is not valid", 400, r#"[{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT"}}]"#.to_owned(), "auth"),
        ("401 that quotes the key", 401, format!(r#"{{"error":{{"message":"Incorrect API key provided: {KEY}"}}}}"#), "auth"),
        ("500 with the error of another server inside", 500, r#"{"error":{"message":"Provider returned error","metadata":{"raw":"{\"error\":{\"message\":\"prompt is too long\"}}"}}}"#.to_owned(), "context_overflow"),
    ] {
        faults.push(Fault::new(name, said(status, &body), End::Next(class)));
    }
    let overloaded =
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    faults.push(
        Fault::new(
            "529 of Anthropic",
            said(529, overloaded),
            End::Next("overloaded"),
        )
        .anthropic(),
    );
    faults
}

fn pages() -> Vec<Fault> {
    let html = "<!doctype html><html><body>Sign in</body></html>";
    let next = End::Next;
    let elsewhere = [("location", "http://elsewhere.test/v1")];
    let page = |status| {
        Answer::http(
            status,
            &[("content-type", "text/html"), ("retry-after", "0")],
            html,
        )
    };
    let endless =
        Answer::head(500, &[("retry-after", "0")]).then(Step::Repeat(vec![b'x'; 4096], None));
    let stalled = Answer::head(400, &[("content-length", "100")]).then(Step::Hang);
    vec![
        Fault::new("an HTML page with 200", page(200), next("invalid")),
        Fault::new("an HTML page with 404", page(404), next("invalid")),
        Fault::new("an HTML page with 502", page(502), next("overloaded")),
        Fault::new(
            "a redirect to another host",
            Answer::http(307, &elsewhere, ""),
            next("invalid"),
        ),
        Fault::new(
            "a redirect without a target",
            Answer::http(302, &[], ""),
            next("invalid"),
        ),
        Fault::new("an error page without end", endless, next("overloaded")),
        Fault::new("an error page that stalls", stalled, next("invalid")),
    ]
}

fn connections() -> Vec<Fault> {
    let next = End::Next;
    let nothing = Answer::default;
    let flood = Answer::raw("HTTP/1.1 200 OK\r\n")
        .then(Step::Repeat(b"x-flood: yes\r\n".to_vec(), Some(200_000)));
    let hundreds = nothing().then(Step::Repeat(
        b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(),
        None,
    ));
    let short = Answer::head(
        200,
        &[
            ("content-type", "application/json"),
            ("content-length", "1000"),
        ],
    )
    .then(Step::Bytes(b"{\"choices\":[]}".to_vec()));
    let chunked = Answer::head(200, &[("transfer-encoding", "chunked")])
        .then(Step::Bytes(b"zz\r\n{}\r\n".to_vec()));
    let no_gzip = Answer::http(200, &[("content-encoding", "gzip")], "data: {}\n\n");
    vec![
        Fault::new("a port that refuses", nothing(), next("unreachable")).at(Place::Refused),
        Fault::new("a host without an address", nothing(), next("unreachable"))
            .at(Place::Nowhere)
            .within(20),
        Fault::new(
            "TLS that is none",
            Answer::raw("no TLS here"),
            next("unreachable"),
        )
        .at(Place::Tls),
        Fault::new(
            "a close before the answer",
            nothing(),
            next("broken_stream"),
        ),
        Fault::new(
            "a reset before the answer",
            nothing().then(Step::Reset),
            next("broken_stream"),
        ),
        Fault::new(
            "silence before the answer",
            nothing().then(Step::Hang),
            next("timeout"),
        ),
        Fault::new(
            "an answer that is no HTTP",
            Answer::raw("hello, who is there?\r\n\r\n"),
            next("broken_stream"),
        ),
        Fault::new("headers without end", flood, next("broken_stream")),
        Fault::new("100 Continue for ever", hundreds, next("timeout")).within(8),
        Fault::new(
            "a body shorter than its length",
            short,
            next("broken_stream"),
        ),
        Fault::new("chunks that are none", chunked, next("broken_stream")),
        Fault::new("gzip that is none", no_gzip, next("broken_stream")),
    ]
}
