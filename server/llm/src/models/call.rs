//! One call: its candidates one after the other.
//!
//! Invariant: M1 (see the crate). Who is not asked is told with the reason as soon as another is.

use std::{collections::VecDeque, time::Duration};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Models,
    attempt::{Trace, Turn},
    choice::Candidate,
    size::TooSmall,
};
use crate::{
    BreakerState, Chunk, Error, Gap, Reply, Request, Role, Scope,
    breaker::{Admission, Last, Pass},
    error::Next,
    provider::unless_cancelled,
};

/// How long a call waits for money of the day that other calls hold.
const LONGEST_HELD: Duration = Duration::from_secs(60);

pub(super) type On<'o> = &'o mut (dyn FnMut(Chunk<'_>) + Send);

/// Everything that stays the same over the attempts of a call.
pub(super) struct Question<'a> {
    pub(super) role: Role,
    pub(super) request: &'a Request,
    pub(super) cancel: &'a CancellationToken,
    /// The gap that is to be filled, where it is no conversation.
    pub(super) filling: Option<Filling<'a>>,
}

/// A gap, and when enough of it is filled.
#[derive(Clone, Copy)]
pub(super) struct Filling<'a> {
    pub(super) gap: &'a Gap,
    pub(super) enough: &'a (dyn Fn(&str) -> bool + Sync),
}

/// The candidates of a call that were not asked yet.
struct Queue {
    waiting: VecDeque<Candidate>,
    /// Those with an open breaker.
    resting: Vec<Candidate>,
    /// Who failed or was skipped since the last one was asked, and why.
    passed: Vec<(String, String)>,
}

impl Models {
    /// Asks the model of `role`, or `choice` (a name of `models`, or `provider/model`), then the fallbacks.
    ///
    /// # Errors
    /// `Budget` where a candidate was left out for it and no other answered; else that of the last candidate asked. Those before it
    /// were told by [`Chunk::Fallback`].
    pub async fn complete(
        &self,
        role: Role,
        choice: Option<&str>,
        request: &Request,
        cancel: &CancellationToken,
        on: &mut (dyn FnMut(Chunk<'_>) + Send),
    ) -> Result<Reply, Error> {
        let question = Question {
            role,
            request,
            cancel,
            filling: None,
        };
        self.ask(&question, choice, on).await
    }

    /// Asks the model of [`Role::Completer`] for what belongs into `gap`, in its server's own way; each candidate once. As soon as
    /// `enough` says so of what came, the connection is closed and what came is the reply.
    ///
    /// # Errors
    /// As [`Models::complete`]; `NoModel` where no model is named for it.
    pub async fn fill(
        &self,
        gap: &Gap,
        max_tokens: u32,
        enough: &(dyn Fn(&str) -> bool + Sync),
        cancel: &CancellationToken,
        on: &mut (dyn FnMut(Chunk<'_>) + Send),
    ) -> Result<Reply, Error> {
        let request = gap.told(max_tokens);
        let question = Question {
            role: Role::Completer,
            request: &request,
            cancel,
            filling: Some(Filling { gap, enough }),
        };
        self.ask(&question, None, on).await
    }

    async fn ask(
        &self,
        question: &Question<'_>,
        choice: Option<&str>,
        on: On<'_>,
    ) -> Result<Reply, Error> {
        let deadline = Instant::now() + LONGEST_HELD;
        loop {
            let mut asked = false;
            let error = match self.round(question, choice, &mut asked, on).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            let scope = Scope::Day;
            let is_day = matches!(&error, Error::Budget { scope: own, .. } if *own == scope);
            let left = deadline.saturating_duration_since(Instant::now());
            let held = self.run.account.held_up();
            let Some(held) = held.filter(|_| is_day && !asked && !left.is_zero()) else {
                return Err(error);
            };
            on(Chunk::Retry {
                wait: left,
                reason: "calls under way hold the rest of the budget of this day".into(),
            });
            unless_cancelled(question.cancel, self.release(held)).await?;
        }
    }

    /// Waits until less of the day's cap is held than this, at most a second.
    async fn release(&self, held: u64) -> Result<(), Error> {
        for _ in 0..10 {
            sleep(Duration::from_millis(100)).await;
            if self.run.account.held_up().is_none_or(|now| now < held) {
                break;
            }
        }
        Ok(())
    }

    /// Asks each candidate at most once; `asked` is set where one was.
    async fn round(
        &self,
        question: &Question<'_>,
        choice: Option<&str>,
        asked: &mut bool,
        on: On<'_>,
    ) -> Result<Reply, Error> {
        let (role, cancel) = (question.role, question.cancel);
        let candidates = self.run.order(self.shared.candidates(role, choice)?);
        let (candidates, small) = self.fitting(candidates, question);
        let mut queue = Queue {
            waiting: candidates.into(),
            resting: Vec::new(),
            passed: small.iter().map(TooSmall::told).collect(),
        };
        self.run.rise();
        let (mut failed, mut refused, mut capped) = (None, None, None);
        while let Some((candidate, last)) = self.next(&mut queue) {
            let label = candidate.label();
            let Some(pass) = self.admit(&candidate, last, cancel, &mut queue).await? else {
                queue.resting.push(candidate);
                continue;
            };
            let hold = self.run.take(&candidate).and_then(|()| {
                let hold = self.hold(&candidate, question);
                hold.inspect_err(|_| self.run.give_back(&candidate))
            });
            let hold = match hold {
                Ok(hold) => hold,
                Err(error) => {
                    queue.passed.push((label, error.to_string()));
                    match error {
                        Error::Budget { .. } => capped.get_or_insert(error),
                        _ => refused.get_or_insert(error),
                    };
                    continue;
                }
            };
            *asked = true;
            queue.tell(&label, on);
            if pass.is_probe() {
                let (model, state) = (label.clone(), BreakerState::HalfOpen);
                on(Chunk::Breaker { model, state });
            }
            self.warn(&candidate, role, on);
            let mut trace = Trace::default();
            let turn = Turn {
                candidate,
                last,
                pass,
                hold,
            };
            let candidate = turn.candidate.clone();
            let error = match self.persist(turn, question, &mut trace, on).await {
                Ok(reply) => {
                    self.run.fits(role, candidate.model.context_tokens);
                    let asked = self.asked(&candidate, &label, question);
                    return Ok(self.shared.reply(reply, &candidate, &asked));
                }
                Err(error) => error,
            };
            if error == Error::Cancelled {
                return Err(error);
            }
            tracing::warn!(model = label, role = role.as_str(), %error, "a model failed");
            if trace.spoke {
                self.run.stumble(&label);
            }
            if trace.spoke || error.next() == Next::Stop {
                return Err(error);
            }
            if !trace.charged {
                self.run.give_back(&candidate);
            }
            self.run.bench(&label, &error);
            queue.passed.push((label, error.to_string()));
            match error {
                Error::Budget { .. } | Error::Expensive { .. } => capped = capped.or(Some(error)),
                _ => failed = Some(error),
            }
        }
        let nobody =
            || Error::NoModel(format!("No model is configured for the {}.", role.as_str()));
        // A shorter conversation finds another who answers.
        if let Some(largest) = small.iter().max_by_key(|small| small.context) {
            self.run.squeeze(role, largest.context);
            return Err(largest.error());
        }
        // A person can lift a budget, so that comes first.
        Err(capped.or(failed).or(refused).unwrap_or_else(nobody))
    }

    /// The next in order; where all that are left have open breakers, the one that is due soonest.
    fn next(&self, queue: &mut Queue) -> Option<(Candidate, Last)> {
        let Queue {
            waiting, resting, ..
        } = queue;
        if let Some(candidate) = waiting.pop_front() {
            let last = match waiting.is_empty() && resting.is_empty() {
                true => Last::Yes,
                false => Last::No,
            };
            return Some((candidate, last));
        }
        let now = Instant::now();
        let due = |at: &usize| self.shared.breakers.due(&resting[*at].label(), now);
        let soonest = (0..resting.len()).min_by_key(due)?;
        Some((resting.remove(soonest), Last::Yes))
    }

    /// Leave to ask; none where the breaker is open and others are left. The last candidate waits for the probe of another call.
    async fn admit(
        &self,
        candidate: &Candidate,
        last: Last,
        cancel: &CancellationToken,
        queue: &mut Queue,
    ) -> Result<Option<Pass<'_>>, Error> {
        let breakers = &self.shared.breakers;
        let label = candidate.label();
        loop {
            let reason = match breakers.admit(&label, Instant::now(), last) {
                Admission::Asked(pass) => return Ok(Some(pass)),
                Admission::Resting(left) => format!(
                    "it failed again and again, and is left alone for {} s",
                    left.as_millis().div_ceil(1000)
                ),
                Admission::Probed if last == Last::No => {
                    "it failed again and again, and another call probes it".to_owned()
                }
                Admission::Probed => {
                    let over = async {
                        breakers.probed(&label).await;
                        Ok(())
                    };
                    unless_cancelled(cancel, over).await?;
                    continue;
                }
            };
            queue.passed.push((label, reason));
            return Ok(None);
        }
    }
}

impl Queue {
    /// Says that `to` is asked now, instead of those that were passed.
    fn tell(&mut self, to: &str, on: On<'_>) {
        for (from, reason) in self.passed.drain(..).filter(|(from, _)| from != to) {
            let to = to.to_owned();
            on(Chunk::Fallback { from, to, reason });
        }
    }
}
