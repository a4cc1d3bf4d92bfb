//! Pauses between two attempts: what the server asks for, else growing steps with jitter.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use jiff::Timestamp;
use reqwest::header::HeaderMap;

/// Attempts at one candidate.
pub(crate) const ATTEMPTS: u32 = 3;

/// The longest pause that we take; a server that asks for more is left for the next candidate.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

const FIRST: Duration = Duration::from_millis(400);
const CAP: Duration = Duration::from_secs(8);

/// The pause behind failed attempt `attempt` (from 1); `None` where waiting is of no use.
pub(crate) fn pause(attempt: u32, asked: Option<Duration>) -> Option<Duration> {
    if attempt >= ATTEMPTS {
        return None;
    }
    match asked {
        Some(time) => (time <= LONGEST).then_some(time),
        None => {
            let step = FIRST
                .saturating_mul(1 << attempt.saturating_sub(1).min(16))
                .min(CAP);
            // From half a step to a whole one, so that clients which failed together do not return together.
            let share =
                f64::from(RandomState::new().build_hasher().finish() as u32) / f64::from(u32::MAX);
            Some(step.mul_f64(0.5 + share / 2.0))
        }
    }
}

/// `retry-after-ms`, or `Retry-After` in seconds or as a date (RFC 9110, 10.2.3), counted from `now`.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
    };
    let number = |text: &str| {
        text.parse::<f64>()
            .ok()
            .filter(|n| n.is_finite() && *n >= 0.0)
    };
    if let Some(ms) = text("retry-after-ms").and_then(number) {
        return Duration::try_from_secs_f64(ms / 1000.0).ok();
    }
    let value = text("retry-after")?;
    if let Some(seconds) = number(value) {
        return Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(value)
        .ok()?;
    let seconds = date.as_second().saturating_sub(now.as_second());
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_each_form() {
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        for (name, value, seconds) in [
            ("retry-after", "7", Some(7.0)),
            ("retry-after", " 0 ", Some(0.0)),
            ("retry-after", "1.5", Some(1.5)),
            ("retry-after-ms", "250", Some(0.25)),
            ("retry-after", "Fri, 02 Jan 2026 03:04:35 GMT", Some(30.0)),
            ("retry-after", "Fri, 02 Jan 2026 03:00:00 GMT", Some(0.0)),
            ("retry-after", "soon", None),
            ("retry-after", "-1", None),
            ("retry-after", "NaN", None),
            ("other", "1", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            let read = retry_after(&headers, now).map(|time| time.as_secs_f64());
            assert_eq!(read, seconds, "{name}: {value}");
        }
        let mut absurd = HeaderMap::new();
        absurd.insert("retry-after", "1e300".parse().unwrap());
        assert_eq!(retry_after(&absurd, now), Some(Duration::MAX));
    }

    #[test]
    fn pauses_grow_end_and_never_pass_a_minute() {
        assert_eq!(pause(1, Some(Duration::from_secs(60))), Some(LONGEST));
        assert_eq!(pause(1, Some(Duration::from_secs(61))), None);
        assert_eq!(pause(ATTEMPTS, Some(Duration::ZERO)), None);
        for (attempt, most) in [(1, 400), (2, 800)] {
            let time = pause(attempt, None).unwrap().as_millis();
            assert!((most / 2..=most).contains(&time), "{attempt}: {time}");
        }
    }
}
