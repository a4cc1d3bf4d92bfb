//! The pause that a server asks for, in whichever form it says so.
//!
//! Invariant: a text that is no time is none, a moment that is over is zero, and a time beyond reason is `Duration::MAX`, so that
//! [`super::pause`] refuses it; nothing panics.

use std::{sync::LazyLock, time::Duration};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use regex::Regex;
use serde_json::Value;

/// Headers in lower case, as `(name, value)`.
pub(crate) type Headers = Vec<(String, String)>;

/// Numbers below are seconds from now, those up to the next seconds since 1970, and larger ones milliseconds since 1970.
const FIRST_EPOCH_SECOND: f64 = 1e9;
const FIRST_EPOCH_MILLISECOND: f64 = 1e11;

const UNITS: [(f64, &[&str]); 7] = [
    (1e-9, &["ns"]),
    (1e-6, &["us", "µs", "μs"]),
    (
        1e-3,
        &["ms", "msec", "msecs", "millisecond", "milliseconds"],
    ),
    (1.0, &["s", "sec", "secs", "second", "seconds"]),
    (60.0, &["m", "min", "mins", "minute", "minutes"]),
    (3600.0, &["h", "hr", "hrs", "hour", "hours"]),
    (86_400.0, &["d", "day", "days"]),
];

static WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let number = r"[0-9]+(?:\.[0-9]+)?";
    let unit =
        "(?:milliseconds?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)";
    let verb = r"(?:try(?: your request)? again|retry(?:ing|[- _]?after)?|wait|resets?)";
    Regex::new(&format!(
        r"(?i)\b{verb}\W{{0,3}}(?:(?:in|after|for|at least|another)\s+)*((?:{number}\s*{unit}(?:,|\s|and)*)+|{number})(?:[^a-z0-9]|$)"
    ))
    .ok()
});

/// `retry-after-ms`; `Retry-After` in seconds or as a date (RFC 9110, 10.2.3 and 5.6.7); where `limited` says that the refusal is
/// about a rate, also `x-ratelimit-reset*`, `ratelimit-reset` and `anthropic-ratelimit-*-reset` of the limits that have nothing
/// remaining.
pub(crate) fn in_headers(headers: &Headers, now: Timestamp, limited: bool) -> Option<Duration> {
    let find = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.trim())
    };
    let ms = find("retry-after-ms").and_then(|text| text.parse::<f64>().ok());
    if let Some(time) = ms.and_then(|ms| seconds(ms / 1000.0)) {
        return Some(time);
    }
    if let Some(value) = find("retry-after")
        && let Some(time) = seconds_or_date(value, now)
    {
        return Some(time);
    }
    if !limited {
        return None;
    }
    let resets = headers.iter().filter_map(|(name, value)| {
        let known = name.starts_with("x-ratelimit-reset")
            || name == "ratelimit-reset"
            || (name.starts_with("anthropic-ratelimit-") && name.ends_with("-reset"));
        let remaining = known.then(|| find(&name.replace("reset", "remaining")))?;
        let exhausted =
            remaining.is_none_or(|left| left.parse().is_ok_and(|left: f64| left <= 0.0));
        exhausted.then(|| moment(value, now))?
    });
    resets.max()
}

/// `RetryInfo.retryDelay` in the details of a Google error, `retry_after` of others, and the headers that OpenRouter hands on in
/// `metadata.headers`.
pub(crate) fn in_error(error: &Value, now: Timestamp) -> Option<Duration> {
    let details = error["details"].as_array();
    let mut delays = details
        .into_iter()
        .flatten()
        .map(|detail| &detail["retryDelay"]);
    if let Some(time) = delays.find_map(|delay| span(delay.as_str()?)) {
        return Some(time);
    }
    for place in [error, &error["metadata"]] {
        for (key, unit) in [
            ("retry_after_ms", 1e-3),
            ("retry_after", 1.0),
            ("retry_after_seconds", 1.0),
        ] {
            let number = place[key]
                .as_f64()
                .and_then(|number| seconds(number * unit));
            let text = || {
                place[key]
                    .as_str()
                    .and_then(|text| seconds_or_date(text, now))
            };
            if let Some(time) = number.or_else(text) {
                return Some(time);
            }
        }
    }
    let headers = error["metadata"]["headers"].as_object()?;
    let pair = |(name, value): (&String, &Value)| {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        (name.to_ascii_lowercase(), value)
    };
    in_headers(&headers.iter().map(pair).collect(), now, true)
}

/// As in "Please try again in 1.2s" or "retry after 5 seconds".
pub(crate) fn in_words(message: &str) -> Option<Duration> {
    let found = WORDS.as_ref()?.captures(message)?;
    let text = found.get(1)?.as_str();
    span(text).or_else(|| seconds(text.parse().ok()?))
}

fn seconds_or_date(text: &str, now: Timestamp) -> Option<Duration> {
    match text.trim().parse::<f64>() {
        Ok(number) => seconds(number),
        Err(_) => span(text).or_else(|| until(date(text)?, now)),
    }
}

/// A time from now in any form, or a moment in any form.
fn moment(text: &str, now: Timestamp) -> Option<Duration> {
    let Ok(number) = text.trim().parse::<f64>() else {
        return span(text).or_else(|| until(date(text)?, now));
    };
    let since = now.as_millisecond() as f64 / 1000.0;
    match number {
        n if n < FIRST_EPOCH_SECOND => seconds(n),
        n if n < FIRST_EPOCH_MILLISECOND => seconds((n - since).max(0.0)),
        n => seconds((n / 1000.0 - since).max(0.0)),
    }
}

/// A number that is no time is none; one that is too large for a clock is the largest.
fn seconds(number: f64) -> Option<Duration> {
    let sound = number.is_finite() && number >= 0.0;
    sound.then(|| Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX))
}

/// Numbers with units: `6ms`, `1m2.5s`, `7 minutes and 12 seconds`.
fn span(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut sum = None;
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = rest[end..].trim_start();
        let end = rest
            .find(|letter: char| !letter.is_alphabetic())
            .unwrap_or(rest.len());
        let unit = rest[..end].to_lowercase();
        let (size, _) = UNITS
            .iter()
            .find(|(_, names)| names.contains(&unit.as_str()))?;
        sum = Some(sum.unwrap_or(0.0) + number * size);
        rest = rest[end..].trim_start_matches([' ', ',']);
        rest = rest.strip_prefix("and ").unwrap_or(rest).trim_start();
    }
    seconds(sum?)
}

/// RFC 3339, or the three forms of HTTP. The name of the day is not looked at: servers get it wrong.
fn date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let (_, behind) = text.split_once(' ')?;
    let forms = [
        "%d %b %Y %H:%M:%S GMT",
        "%d-%b-%y %H:%M:%S GMT",
        "%b %e %H:%M:%S %Y",
        "%d %b %Y %H:%M:%S +0000",
        "%d %b %Y %H:%M:%S UTC",
    ];
    let mut read = forms
        .iter()
        .filter_map(|form| DateTime::strptime(form, behind.trim()).ok());
    let time = read.next()?.to_zoned(TimeZone::UTC).ok()?;
    Some(time.timestamp())
}

fn until(moment: Timestamp, now: Timestamp) -> Option<Duration> {
    let left = moment.as_millisecond().saturating_sub(now.as_millisecond());
    Some(Duration::from_millis(u64::try_from(left).unwrap_or(0)))
}

#[cfg(test)]
mod tests;
