//! Overview: who would be asked for each role, and what each candidate is known to be. Nothing is contacted.

use super::Models;
use crate::{Kind, Price, Role};

/// The candidates of a role, first choice first.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleOverview {
    /// The role.
    pub role: Role,
    /// Whom it asks, in order.
    pub candidates: Vec<CandidateOverview>,
}

/// A candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct CandidateOverview {
    /// Its name in the configuration.
    pub name: String,
    /// The name of its provider.
    pub provider: String,
    /// The server's name for the model.
    pub model: String,
    /// What the server speaks; absent where there is no such provider.
    pub kind: Option<Kind>,
    /// What it costs; unknown where absent.
    pub price: Option<Price>,
    /// Tokens that a conversation may have in all, as configured.
    pub context_tokens: Option<u64>,
    /// Whether its calls count against `max_expensive`.
    pub expensive: bool,
}

impl Models {
    /// Every role that has a model.
    #[must_use]
    pub fn overview(&self) -> Vec<RoleOverview> {
        let row = |role: Role| {
            let candidates = self.shared.candidates(role, None).ok()?.into_iter();
            let candidates = candidates.map(|candidate| CandidateOverview {
                kind: self
                    .shared
                    .providers
                    .get(&candidate.model.provider)
                    .map(|server| server.kind),
                name: candidate.name,
                provider: candidate.model.provider,
                model: candidate.model.model,
                price: candidate.model.price,
                context_tokens: candidate.model.context_tokens,
                expensive: candidate.model.expensive,
            });
            Some(RoleOverview {
                role,
                candidates: candidates.collect(),
            })
        };
        Role::ALL.into_iter().filter_map(row).collect()
    }
}
