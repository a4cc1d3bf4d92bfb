//! Pauses between two attempts: what the server asks for, else growing steps with jitter.
//!
//! Invariant: no pause is longer than [`LONGEST`], and none is taken behind the last attempt.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

pub(crate) mod asked;

/// Attempts at one candidate where the configuration names no number.
pub(crate) const ATTEMPTS: u32 = 3;

/// The longest pause that we take; a server that asks for more is left for the next candidate.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

const FIRST: Duration = Duration::from_millis(400);
const CAP: Duration = Duration::from_secs(8);

/// The pause behind failed attempt `attempt` (from 1) of `attempts`; `None` where waiting is of no use.
pub(crate) fn pause(attempt: u32, attempts: u32, asked: Option<Duration>) -> Option<Duration> {
    if attempt >= attempts {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_end_and_never_pass_a_minute() {
        assert_eq!(pause(1, 3, Some(Duration::from_secs(60))), Some(LONGEST));
        assert_eq!(pause(1, 3, Some(Duration::from_secs(61))), None);
        assert_eq!(pause(3, 3, Some(Duration::ZERO)), None);
        assert_eq!(pause(1, 1, None), None);
        for (attempt, most) in [(1, 400), (2, 800), (9, 8000), (4_000_000_000, 8000)] {
            let time = pause(attempt, u32::MAX, None).unwrap().as_millis();
            assert!((most / 2..=most).contains(&time), "{attempt}: {time}");
        }
    }
}
