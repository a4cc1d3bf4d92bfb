//! `Breakers`: which candidates are ill, so that nobody waits for them again and again.
//!
//! Invariant: a breaker opens after so many failures in a row that say the server is ill, and lets exactly one probe through at a
//! time until one is answered; a [`Pass`] that is dropped, as on cancel, changes nothing but frees the place of its probe.

use std::{collections::BTreeMap, time::Duration};

use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::{sync::Notify, time::Instant};

use crate::Error;

/// When a candidate is left alone: `strategy.breaker`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerConfig {
    /// Failures in a row that open it: overloaded, timeout, unreachable, broken stream. 5 where absent.
    pub failures: u32,
    /// Seconds until a probe, doubled with each probe that fails. 30 where absent.
    pub open_seconds: u64,
    /// The most seconds until a probe. 300 where absent.
    pub longest_seconds: u64,
}

/// Whether a candidate is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// As usual.
    Closed,
    /// Not before its time is over, or nobody else is left.
    Open,
    /// One probe is under way.
    HalfOpen,
}

/// The breakers of all candidates, by label.
#[derive(Debug)]
pub(crate) struct Breakers {
    limits: BreakerConfig,
    all: Mutex<BTreeMap<String, Breaker>>,
    /// A probe is over.
    over: Notify,
}

#[derive(Debug)]
struct Breaker {
    state: BreakerState,
    /// Failures in a row.
    failures: u32,
    due: Instant,
    /// How long it is open the next time.
    span: Duration,
}

/// What a candidate's breaker says to a call.
#[derive(Debug)]
pub(crate) enum Admission<'b> {
    /// Ask.
    Asked(Pass<'b>),
    /// Skip it; it may be probed in so long.
    Resting(Duration),
    /// Another call probes it now.
    Probed,
}

/// Leave to ask a candidate once.
#[derive(Debug)]
pub(crate) struct Pass<'b> {
    breakers: &'b Breakers,
    label: String,
    /// Whether this is the probe of a breaker that was open.
    probe: bool,
}

/// What the outcome of an attempt says about the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Well,
    Ill,
    Unknown,
}

impl Default for BreakerConfig {
    fn default() -> BreakerConfig {
        BreakerConfig {
            failures: 5,
            open_seconds: 30,
            longest_seconds: 300,
        }
    }
}

impl BreakerConfig {
    fn first(&self) -> Duration {
        Duration::from_secs(self.open_seconds.min(86_400))
    }

    fn longest(&self) -> Duration {
        Duration::from_secs(self.longest_seconds.min(86_400)).max(self.first())
    }
}

impl BreakerState {
    /// The state in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            BreakerState::Closed => "closed",
            BreakerState::Open => "open",
            BreakerState::HalfOpen => "half_open",
        }
    }
}

impl Breakers {
    pub(crate) fn new(limits: BreakerConfig) -> Breakers {
        Breakers {
            limits,
            all: Mutex::default(),
            over: Notify::new(),
        }
    }

    /// Every candidate that was asked so far.
    pub(crate) fn view(&self) -> Vec<(String, BreakerState, u32)> {
        let all = self.all.lock();
        let row = |(label, breaker): (&String, &Breaker)| {
            (label.clone(), breaker.state, breaker.failures)
        };
        all.iter().map(row).collect()
    }

    /// Whether `label` may be asked now. `last`: nobody else is left, so that one whose time is not over is probed all the same.
    pub(crate) fn admit(&self, label: &str, now: Instant, last: Last) -> Admission<'_> {
        let mut all = self.all.lock();
        let breaker = all.entry(label.to_owned()).or_insert_with(|| Breaker {
            state: BreakerState::Closed,
            failures: 0,
            due: now,
            span: self.limits.first(),
        });
        let pass = |probe| {
            Admission::Asked(Pass {
                breakers: self,
                label: label.to_owned(),
                probe,
            })
        };
        match breaker.state {
            BreakerState::Closed => pass(false),
            BreakerState::HalfOpen => Admission::Probed,
            BreakerState::Open if last == Last::No && now < breaker.due => {
                Admission::Resting(breaker.due - now)
            }
            BreakerState::Open => {
                breaker.state = BreakerState::HalfOpen;
                pass(true)
            }
        }
    }

    /// When `label` may be probed; now, where it is not open.
    pub(crate) fn due(&self, label: &str, now: Instant) -> Instant {
        let all = self.all.lock();
        let open = all
            .get(label)
            .filter(|breaker| breaker.state != BreakerState::Closed);
        open.map_or(now, |breaker| breaker.due)
    }

    /// Returns once no probe of `label` is under way.
    pub(crate) async fn probed(&self, label: &str) {
        loop {
            let over = self.over.notified();
            tokio::pin!(over);
            // Before the look: a probe that ends between the two is not missed.
            over.as_mut().enable();
            let state = self.all.lock().get(label).map(|breaker| breaker.state);
            if state != Some(BreakerState::HalfOpen) {
                return;
            }
            over.await;
        }
    }

    fn settle(
        &self,
        label: &str,
        probe: bool,
        health: Health,
        now: Instant,
    ) -> Option<BreakerState> {
        let changed = {
            let mut all = self.all.lock();
            let breaker = all.get_mut(label)?;
            breaker.settle(probe, health, now, self.limits)
        };
        if probe {
            self.over.notify_waiters();
        }
        changed
    }
}

/// Whether a call has another candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    Yes,
    No,
}

impl Breaker {
    /// The new state, where it changed.
    fn settle(
        &mut self,
        probe: bool,
        health: Health,
        now: Instant,
        limits: BreakerConfig,
    ) -> Option<BreakerState> {
        let before = self.state;
        match health {
            Health::Unknown if probe => self.state = BreakerState::Open,
            Health::Unknown => {}
            Health::Well => {
                // An answer to a call that began before the breaker opened also says that the server is well.
                self.state = BreakerState::Closed;
                self.failures = 0;
                self.span = limits.first();
            }
            Health::Ill => {
                self.failures = self.failures.saturating_add(1);
                let tripped =
                    before == BreakerState::Closed && self.failures >= limits.failures.max(1);
                if probe || tripped {
                    self.state = BreakerState::Open;
                    self.due = now + self.span;
                    self.span = self.span.saturating_mul(2).min(limits.longest());
                }
            }
        }
        (self.state != before).then_some(self.state)
    }
}

impl Pass<'_> {
    /// Whether the breaker was open.
    pub(crate) fn is_probe(&self) -> bool {
        self.probe
    }

    /// Records the outcome; the state, where it changed by it.
    pub(crate) fn settle(mut self, outcome: Result<(), &Error>) -> Option<BreakerState> {
        let health = match outcome {
            Ok(()) => Health::Well,
            Err(error) => Health::of(error),
        };
        let probe = std::mem::take(&mut self.probe);
        self.breakers
            .settle(&self.label, probe, health, Instant::now())
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.breakers
                .settle(&self.label, true, Health::Unknown, Instant::now());
        }
    }
}

/// Whether it counts towards an open breaker.
#[cfg(test)]
pub(crate) fn says_ill(error: &Error) -> bool {
    Health::of(error) == Health::Ill
}

impl Health {
    fn of(error: &Error) -> Health {
        match error {
            Error::Overloaded { .. }
            | Error::Timeout { .. }
            | Error::Unreachable { .. }
            | Error::Broken { .. } => Health::Ill,
            Error::Auth { .. }
            | Error::Invalid { .. }
            | Error::RateLimited { .. }
            | Error::Quota { .. }
            | Error::TooLong { .. }
            | Error::Refused { .. } => Health::Well,
            Error::NoModel(_)
            | Error::Expensive { .. }
            | Error::Budget { .. }
            | Error::Config(_)
            | Error::Cancelled
            | Error::ScriptEnded { .. }
            | Error::Script { .. } => Health::Unknown,
        }
    }
}

#[cfg(test)]
mod tests;
