//! Asking a model: the one place where a task calls one. What happens meanwhile is told as events, and where a budget ends, a person
//! is asked for more.

use super::Task;
use crate::approvals::Covers;
use crate::permission::{self, Question};
use crate::pieces::{Pieces, Voice};
use llm::{Chunk, Reply, Request, Role, Scope};
use parking_lot::Mutex;
use protocol::{BreakerState, BudgetState, Level, Update};

impl Task {
    /// Asks the model of `role`, or the one that the request names. `hear` gets the answer in portions of a frame.
    pub(super) async fn ask_model(
        &self,
        role: Role,
        choice: Option<&str>,
        request: &Request,
        hear: &mut (dyn FnMut(Chunk<'_>) + Send),
    ) -> Result<Reply, llm::Error> {
        let hear = Mutex::new(hear);
        let tell = |voice: Voice, text: String| match voice {
            Voice::Message => (hear.lock())(Chunk::Text(&text)),
            Voice::Thought => (hear.lock())(Chunk::Reasoning(&text)),
        };
        loop {
            let pieces = Pieces::default();
            let mut on = |chunk: Chunk<'_>| match chunk {
                Chunk::Text(text) => pieces.add(Voice::Message, text, tell),
                Chunk::Reasoning(text) => pieces.add(Voice::Thought, text, tell),
                other => {
                    pieces.flush(tell);
                    self.hop(role, &other);
                    (hear.lock())(other);
                }
            };
            let call = self
                .models
                .complete(role, choice, request, &self.cancel, &mut on);
            match pieces.during(call, tell).await {
                Err(error) if self.gets_more(&error).await => {}
                answer => return answer,
            }
        }
    }

    /// Asks without showing the answer's pieces: it is not for the user to read.
    pub(super) async fn ask_unheard(
        &self,
        role: Role,
        choice: Option<&str>,
        request: &Request,
    ) -> Result<Reply, llm::Error> {
        let mut hear = |chunk: Chunk<'_>| {
            if !matches!(chunk, Chunk::Text(_) | Chunk::Reasoning(_)) {
                self.hear(chunk);
            }
        };
        self.ask_model(role, choice, request, &mut hear).await
    }

    /// What programs want to know of the way to an answer; people read it in words.
    pub(super) fn hop(&self, role: Role, chunk: &Chunk<'_>) {
        match chunk {
            Chunk::Fallback { from, to, reason } => self.emit(Update::Fallback {
                role: role.as_str().to_owned(),
                from: from.clone(),
                to: to.clone(),
                message: reason.clone(),
            }),
            Chunk::Breaker { model, state } => self.emit(Update::Breaker {
                model: model.clone(),
                state: match state {
                    llm::BreakerState::Closed => BreakerState::Closed,
                    llm::BreakerState::HalfOpen => BreakerState::HalfOpen,
                    llm::BreakerState::Open => BreakerState::Open,
                },
            }),
            Chunk::BudgetWarning {
                scope,
                spent,
                limit,
            } => self.budget(*scope, BudgetState::Warning, *spent, *limit),
            _ => {}
        }
    }

    fn budget(&self, scope: Scope, state: BudgetState, spent: u64, limit: u64) {
        self.emit(Update::Budget {
            scope: scope.to_string(),
            state,
            spent_micro_usd: spent,
            limit_micro_usd: limit,
        });
    }

    /// Whether a person gave more of what the call lacked. A cap of nothing is a decision that nobody is asked to take back.
    async fn gets_more(&self, error: &llm::Error) -> bool {
        match *error {
            llm::Error::Budget {
                scope,
                limit,
                spent,
            } => {
                self.budget(scope, BudgetState::Exhausted, spent, limit);
                let call = self.models.refused();
                // As much again, and enough for this call in any case: one question is to be enough.
                let more = limit.max(spent.saturating_add(call).saturating_sub(limit));
                let question = Question {
                    title: format!("Spend up to {} more for this {scope}", usd(more)),
                    details: vec![format!(
                        "{} of the {scope}'s {} are spent; the next call may cost up to {}",
                        usd(spent),
                        usd(limit),
                        usd(call)
                    )],
                    reasons: vec!["no model that would fit is left to ask".to_owned()],
                    covers: Covers::Once,
                };
                if limit == 0 || permission::ask(self, None, question).await.is_err() {
                    return false;
                }
                self.models.raise(scope, more);
                let limit = limit.saturating_add(more);
                self.budget(scope, BudgetState::Raised, spent, limit);
                true
            }
            llm::Error::Expensive { limit } => {
                let question = Question {
                    title: format!("Make {limit} more calls of expensive models in this run"),
                    details: vec![format!(
                        "all {limit} calls that strategy.max_expensive allows are made"
                    )],
                    reasons: vec!["no other model is left to ask".to_owned()],
                    covers: Covers::Once,
                };
                if limit == 0 || permission::ask(self, None, question).await.is_err() {
                    return false;
                }
                self.models.allow_expensive(limit);
                true
            }
            _ => false,
        }
    }

    /// The words for a chunk that is neither text nor an attempt.
    pub(super) fn notice_of(chunk: &Chunk<'_>) -> Option<(Level, String, Option<String>)> {
        Some(match chunk {
            Chunk::Fallback { from, to, reason } => (
                Level::Warning,
                format!("{from} failed ({reason}); asking {to}"),
                None,
            ),
            Chunk::Breaker { model, state } => match state {
                llm::BreakerState::Open => (
                    Level::Warning,
                    format!("{model} fails again and again, and is left alone for a while"),
                    None,
                ),
                llm::BreakerState::HalfOpen => (
                    Level::Info,
                    format!("{model} is asked once, to see whether it is well again"),
                    None,
                ),
                llm::BreakerState::Closed => (Level::Info, format!("{model} is well again"), None),
            },
            Chunk::BudgetWarning {
                scope,
                spent,
                limit,
            } => (
                Level::Warning,
                format!(
                    "{} of the {} for this {scope} are spent",
                    usd(*spent),
                    usd(*limit)
                ),
                None,
            ),
            Chunk::Uncounted { model } => (
                Level::Warning,
                format!("{model} has no price, so no budget can count it"),
                Some("set models.NAME.price, or budget.unknown_price: refuse".to_owned()),
            ),
            Chunk::Text(_) | Chunk::Reasoning(_) | Chunk::Retry { .. } | Chunk::Attempt(_) => {
                return None;
            }
        })
    }
}

/// Micro-dollars for a person, exact, with two digits at least.
fn usd(micro: u64) -> String {
    let text = format!("${}.{:06}", micro / 1_000_000, micro % 1_000_000);
    let zeros = text.len() - text.trim_end_matches('0').len();
    text[..text.len() - zeros.min(4)].to_owned()
}
