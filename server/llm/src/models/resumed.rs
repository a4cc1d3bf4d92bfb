//! What a session that goes on brings with it: the call that a dead process left under way, and the money that a person gave.

use super::Models;
use crate::{Role, Scope, Usage};

impl Models {
    /// What a call of `role` used at worst of which nobody saw the end: who is asked first (`provider/model`), so many tokens sent and
    /// as many as are reserved for the answer, and the cost in micro-dollars where the price is known. None without a model.
    #[must_use]
    pub fn worst(
        &self,
        role: Role,
        choice: Option<&str>,
        sent: u64,
        max_tokens: Option<u32>,
    ) -> Option<(String, Usage, Option<u64>)> {
        let candidates = self.shared.candidates(role, choice).ok()?;
        let first = candidates.into_iter().next()?;
        let server = self.shared.providers.get(&first.model.provider)?;
        let limits = [max_tokens, first.model.max_tokens, server.max_tokens];
        let least = limits.into_iter().flatten().min();
        let most = least.unwrap_or(self.shared.budget.reserve_output_tokens);
        let usage = Usage {
            input: sent,
            output: u64::from(most),
            estimated: true,
            ..Usage::default()
        };
        let price = first.model.price;
        let cost = price.map(|price| price.cost_micro_usd(&usage));
        Some((first.label(), usage, cost))
    }

    /// Lifts the session's cap to this many micro-dollars where it is lower: a person gave that much in an earlier run of the session.
    pub fn lift_session_to(&self, micro_usd: u64) {
        if let Some(cap) = self.shared.caps.get(&Scope::Session) {
            self.raise(Scope::Session, micro_usd.saturating_sub(*cap));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Config, Models, Role};

    #[test]
    fn the_worst_is_the_limit_and_unknown_stays_unknown() {
        let config: Config = serde_saphyr::from_str(
            "providers: {p: {type: openai_compatible, base_url: 'http://127.0.0.1:9/v1'}}
models:
  dear: {provider: p, model: d, default: true, price: {input_per_mtok_usd: 1, output_per_mtok_usd: 10}}
  short: {provider: p, model: s, max_tokens: 100, price: {input_per_mtok_usd: 1, output_per_mtok_usd: 10}}
  unknown: {provider: p, model: u}",
        )
        .unwrap();
        let models = Models::new(&config).unwrap();
        let worst = |choice| models.worst(Role::Coder, choice, 1_000, None).unwrap();
        let (label, usage, cost) = worst(None);
        assert_eq!(
            (label.as_str(), usage.output, cost),
            ("p/d", 4_096, Some(41_960))
        );
        assert_eq!(worst(Some("short")).2, Some(2_000));
        assert_eq!(worst(Some("unknown")).2, None);
        assert_eq!(
            models.worst(Role::Coder, None, 0, Some(1)).unwrap().2,
            Some(10)
        );
    }
}
