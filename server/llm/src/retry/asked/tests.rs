//! Every form in which servers word a pause.

use serde_json::json;

use super::*;

const NOW: &str = "2026-01-02T03:04:05Z";

fn check(headers: &[(&str, &str)], wanted: Option<f64>) {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let all: Headers = headers.iter().map(pair).collect();
    let read = in_headers(&all, NOW.parse().unwrap(), true);
    assert_eq!(read.map(|time| time.as_secs_f64()), wanted, "{headers:?}");
}

#[test]
fn retry_after_is_read_in_each_form() {
    for (value, wanted) in [
        ("7", Some(7.0)),
        (" 0 ", Some(0.0)),
        ("1.5", Some(1.5)),
        ("30s", Some(30.0)),
        ("Fri, 02 Jan 2026 03:04:35 GMT", Some(30.0)),
        ("Fri, 02 Jan 2026 03:00:00 GMT", Some(0.0)),
        ("Mon, 02 Jan 2026 03:04:35 GMT", Some(30.0)),
        ("Friday, 02-Jan-26 03:04:45 GMT", Some(40.0)),
        ("Fri Jan  2 03:05:05 2026", Some(60.0)),
        ("Fri, 02 Jan 2026 03:04:35 +0000", Some(30.0)),
        ("2026-01-02T03:04:15Z", Some(10.0)),
        ("soon", None),
        ("", None),
        ("-1", None),
        ("NaN", None),
        ("inf", None),
        ("1e300", Some(Duration::MAX.as_secs_f64())),
        ("99999999999999999999", Some(Duration::MAX.as_secs_f64())),
        ("Fri, 02 Jan 2099 03:04:05 GMT", Some(2_303_683_200.0)),
        ("Fri, 99 Foo 2026 03:04:35 GMT", None),
    ] {
        check(&[("retry-after", value)], wanted);
    }
    check(
        &[("retry-after-ms", "250"), ("retry-after", "9")],
        Some(0.25),
    );
    check(&[("retry-after-ms", "-3"), ("retry-after", "9")], Some(9.0));
    check(&[("other", "1")], None);
}

#[test]
fn resets_count_for_the_limits_that_have_nothing_left() {
    let reset = "x-ratelimit-reset-requests";
    for (value, wanted) in [
        ("1m2.5s", Some(62.5)),
        ("6ms", Some(0.006)),
        ("1h0m0s", Some(3600.0)),
        ("2m59.56s", Some(179.56)),
        ("12", Some(12.0)),
        ("1767323075", Some(30.0)),
        ("1767323075000", Some(30.0)),
        ("1500000000", Some(0.0)),
        ("2026-01-02T03:04:15Z", Some(10.0)),
        ("1e300", Some(Duration::MAX.as_secs_f64())),
        ("-5", None),
        ("5 parsecs", None),
        ("m", None),
    ] {
        check(&[(reset, value)], wanted);
    }
    let both = [
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "2s"),
        ("x-ratelimit-remaining-tokens", "900"),
        ("x-ratelimit-reset-tokens", "6m0s"),
    ];
    check(&both, Some(2.0));
    let anthropic = [
        ("anthropic-ratelimit-requests-remaining", "49"),
        ("anthropic-ratelimit-requests-reset", "2026-01-02T04:04:05Z"),
        ("anthropic-ratelimit-input-tokens-remaining", "0"),
        (
            "anthropic-ratelimit-input-tokens-reset",
            "2026-01-02T03:04:25Z",
        ),
    ];
    check(&anthropic, Some(20.0));
    check(
        &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "8")],
        Some(8.0),
    );
    let all: Headers = vec![("x-ratelimit-reset-tokens".into(), "5s".into())];
    assert_eq!(in_headers(&all, NOW.parse().unwrap(), false), None);
}

#[test]
fn a_body_says_it_too() {
    for (error, wanted) in [
        (
            json!({"details": [{"@type": "x"}, {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "13s"}]}),
            Some(13.0),
        ),
        (
            json!({"details": [{"retryDelay": "0.847655010s"}]}),
            Some(0.847_655_01),
        ),
        (json!({"details": [{"retryDelay": "-1s"}]}), None),
        (json!({"retry_after": 4}), Some(4.0)),
        (
            json!({"metadata": {"headers": {"X-RateLimit-Reset": "1767323055000", "X-RateLimit-Remaining": "0"}}}),
            Some(10.0),
        ),
        (json!({"metadata": {"retry_after_seconds": 2.5}}), Some(2.5)),
        (json!("words"), None),
    ] {
        let read = in_error(&error, NOW.parse().unwrap());
        assert_eq!(read.map(|time| time.as_secs_f64()), wanted, "{error}");
    }
}

#[test]
fn words_are_read_where_a_verb_and_a_time_meet() {
    for (message, wanted) in [
        (
            "Please try again in 1.2s. Visit https://x to learn more.",
            Some(1.2),
        ),
        ("Rate limit reached. Try again in 6m0s.", Some(360.0)),
        ("retry after 5 seconds", Some(5.0)),
        ("Please retry in 13.984s.", Some(13.984)),
        ("Please wait 30 seconds", Some(30.0)),
        ("please try again in 250ms", Some(0.25)),
        ("try again in 7 minutes and 12 seconds", Some(432.0)),
        ("Retry-After: 9", Some(9.0)),
        ("retry after 5", Some(5.0)),
        ("Try again later; 5 seconds passed", None),
        ("please retry", None),
        (
            "try again in 99999999999999999999999 days",
            Some(Duration::MAX.as_secs_f64()),
        ),
    ] {
        let read = in_words(message);
        assert_eq!(read.map(|time| time.as_secs_f64()), wanted, "{message}");
    }
}

/// Texts made of the parts that the readers look for, in every order: none may panic.
#[test]
fn no_text_panics() {
    let parts = [
        "retry after ",
        "try again in ",
        "1",
        "9",
        ".",
        "e308",
        "-",
        " ",
        "ms",
        "m",
        "s",
        "µs",
        "d",
        "ż",
        "🐢",
        "GMT",
        "Fri, ",
        "02 Jan 2026 ",
        "31-Feb-99 ",
        "99:99:99",
        "2026-01-02T03:04:05Z",
        "9999-12-31T23:59:60Z",
        "and ",
        ",",
        "{\"error\":",
        "[",
        "\"",
        "}",
    ];
    let now = NOW.parse().unwrap();
    let mut seed = 7u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..(seed >> 60) {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text.push_str(parts[(seed >> 33) as usize % parts.len()]);
        }
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let _ = in_words(&text);
        for name in [
            "retry-after",
            "retry-after-ms",
            "x-ratelimit-reset",
            "anthropic-ratelimit-x-reset",
        ] {
            let _ = in_headers(&vec![(name.to_owned(), text.clone())], now, true);
        }
        let _ = in_error(
            &json!({"details": [{"retryDelay": text}], "retry_after": text}),
            now,
        );
        let refusal = crate::error::Refusal::from_body(429, None, text.as_bytes());
        assert!(
            super::super::pause(1, 3, refusal.retry_after)
                .is_none_or(|wait| wait <= super::super::LONGEST)
        );
        let _ = refusal.into_error("p").hint();
    }
}
