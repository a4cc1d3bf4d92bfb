//! Models: what the calls of models did, by role and model: how they ended, how long they took, what they used and cost.

use super::names::Names;
use super::{counter, histogram, seconds};
use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry};
use protocol::{BreakerState, BudgetState, ModelCall, Update, Usage};

/// The counters of models.
pub struct Models {
    names: Names,
    answered: IntCounterVec,
    failures: IntCounterVec,
    calls: IntCounterVec,
    retries: IntCounterVec,
    fallbacks: IntCounterVec,
    first_token: HistogramVec,
    duration: HistogramVec,
    tokens: IntCounterVec,
    cost: IntCounterVec,
    unpriced: IntCounterVec,
    breakers: IntGaugeVec,
    budget: IntCounterVec,
}

const WHO: [&str; 2] = ["role", "model"];

impl Models {
    pub fn new(registry: &Registry) -> Models {
        let times =
            |name: &str, help: &str, bounds: &[f64]| histogram(registry, name, help, &WHO, bounds);
        let by = |extra| [WHO[0], WHO[1], extra];
        let models = Models {
            names: Names::default(),
            answered: counter(
                registry,
                "mycodex_model_usage_total",
                "Answered model calls.",
                &WHO,
            ),
            failures: counter(
                registry,
                "mycodex_model_failures_total",
                "Failed attempts at models.",
                &WHO,
            ),
            calls: counter(
                registry,
                "animus_model_attempts_total",
                "Attempts at models by outcome: answered, or the class of the failure.",
                &by("outcome"),
            ),
            retries: counter(
                registry,
                "animus_model_retries_total",
                "Attempts at a model that had just failed.",
                &WHO,
            ),
            fallbacks: counter(
                registry,
                "animus_model_fallbacks_total",
                "Times that the next model was asked instead.",
                &["role", "from", "to"],
            ),
            first_token: times(
                "animus_model_first_token_seconds",
                "Time from the question to the first piece of the answer.",
                &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0],
            ),
            duration: times(
                "animus_model_attempt_seconds",
                "Time from the question to the end of the answer or its failure.",
                &[0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0, 60.0, 180.0, 600.0],
            ),
            tokens: counter(
                registry,
                "animus_model_tokens_total",
                "Tokens: input (cached and cache_write are part of it), output.",
                &by("kind"),
            ),
            cost: counter(
                registry,
                "animus_model_cost_micro_usd_total",
                "Cost in millionths of a US dollar, where the price is known.",
                &WHO,
            ),
            unpriced: counter(
                registry,
                "animus_model_unpriced_attempts_total",
                "Attempts that used tokens whose price is not known.",
                &WHO,
            ),
            breakers: super::register(
                registry,
                IntGaugeVec::new(
                    Opts::new(
                        "animus_model_breaker_state",
                        "What the breaker of a model lets through: 0 all, 1 one probe, 2 nothing.",
                    ),
                    &["model"],
                ),
            ),
            budget: counter(
                registry,
                "animus_budget_events_total",
                "Budgets that came to their end, were used up or raised.",
                &["scope", "state"],
            ),
        };
        for scope in ["run", "session", "day"] {
            for state in ["warning", "exhausted", "raised"] {
                models.budget.with_label_values(&[scope, state]);
            }
        }
        models
    }

    /// Models that will be asked: their series begin at 0, so that the first failure is a rise.
    pub fn expect<'a>(&self, asked: impl Iterator<Item = (&'a str, &'a str)>) {
        for (role, model) in asked {
            let who = [role, self.names.label(model)];
            for counter in [&self.answered, &self.failures, &self.cost, &self.unpriced] {
                counter.with_label_values(&who);
            }
            self.breakers.with_label_values(&who[1..]).set(0);
        }
    }

    /// Takes one fact in.
    pub fn apply(&self, update: &Update) {
        match update {
            Update::ModelCall { call } => self.called(call),
            Update::Usage { usage } => self.used(usage),
            Update::Fallback { role, from, to, .. } => {
                let [from, to] = [from, to].map(|name| self.names.label(name));
                self.fallbacks.with_label_values(&[role, from, to]).inc();
            }
            Update::Breaker { model, state } => {
                let model = self.names.label(model);
                self.breakers.with_label_values(&[model]).set(match state {
                    BreakerState::Closed => 0,
                    BreakerState::HalfOpen => 1,
                    BreakerState::Open => 2,
                });
            }
            Update::Budget { scope, state, .. } => {
                let state = match state {
                    BudgetState::Warning => "warning",
                    BudgetState::Exhausted => "exhausted",
                    BudgetState::Raised => "raised",
                };
                self.budget
                    .with_label_values(&[scope.as_str(), state])
                    .inc();
            }
            _ => {}
        }
    }

    fn called(&self, call: &ModelCall) {
        let who = [call.role.as_str(), self.names.label(&call.model)];
        self.calls
            .with_label_values(&[who[0], who[1], &call.outcome])
            .inc();
        match call.outcome.as_str() {
            "answered" => self.answered.with_label_values(&who).inc(),
            // A person who cancels is no failure of the model.
            "cancelled" => {}
            _ => self.failures.with_label_values(&who).inc(),
        }
        if call.attempt > 1 {
            self.retries.with_label_values(&who).inc();
        }
        if let Some(ms) = call.first_piece_ms {
            self.first_token
                .with_label_values(&who)
                .observe(seconds(ms));
        }
        self.duration
            .with_label_values(&who)
            .observe(seconds(call.duration_ms));
    }

    fn used(&self, usage: &Usage) {
        let who = [usage.role.as_str(), self.names.label(&usage.model)];
        for (kind, count) in [
            ("input", usage.input_tokens),
            ("cached", usage.cached_tokens),
            ("cache_write", usage.cache_write_tokens),
            ("output", usage.output_tokens),
        ] {
            self.tokens
                .with_label_values(&[who[0], who[1], kind])
                .inc_by(count);
        }
        match usage.cost_micro_usd {
            Some(cost) => self.cost.with_label_values(&who).inc_by(cost),
            None => self.unpriced.with_label_values(&who).inc(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::TextEncoder;

    #[test]
    fn calls_are_counted_by_how_they_end() {
        let registry = Registry::new();
        let models = Models::new(&registry);
        let call = |outcome: &str, attempt| Update::ModelCall {
            call: ModelCall {
                role: "coder".into(),
                model: "p/m".into(),
                attempt,
                outcome: outcome.into(),
                first_piece_ms: Some(300),
                duration_ms: 2_000,
                ..ModelCall::default()
            },
        };
        for update in [
            call("overloaded", 1),
            call("answered", 2),
            call("cancelled", 1),
            Update::Usage {
                usage: Usage {
                    role: "coder".into(),
                    model: "p/m".into(),
                    input_tokens: 100,
                    cached_tokens: 40,
                    output_tokens: 7,
                    cost_micro_usd: Some(123),
                    ..Usage::default()
                },
            },
            Update::Breaker {
                model: "p/m".into(),
                state: BreakerState::Open,
            },
        ] {
            models.apply(&update);
        }
        let text = TextEncoder::new()
            .encode_to_string(&registry.gather())
            .unwrap();
        for line in [
            "mycodex_model_usage_total{model=\"p/m\",role=\"coder\"} 1",
            "mycodex_model_failures_total{model=\"p/m\",role=\"coder\"} 1",
            "animus_model_attempts_total{model=\"p/m\",outcome=\"cancelled\",role=\"coder\"} 1",
            "animus_model_retries_total{model=\"p/m\",role=\"coder\"} 1",
            "animus_model_tokens_total{kind=\"cached\",model=\"p/m\",role=\"coder\"} 40",
            "animus_model_cost_micro_usd_total{model=\"p/m\",role=\"coder\"} 123",
            "animus_model_breaker_state{model=\"p/m\"} 2",
            "animus_model_first_token_seconds_bucket{model=\"p/m\",role=\"coder\",le=\"0.5\"} 3",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
