//! Usage: tokens and money of one model call.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What one call used. `estimated` marks counts that the server did not report.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// `planner`, `coder`, `critic` or `summariser`.
    pub role: String,
    /// The model that answered, as `provider/model`.
    pub model: String,
    /// Tokens sent, cached ones included.
    pub input_tokens: u64,
    /// Of those, tokens the server read from its cache.
    pub cached_tokens: u64,
    /// Of those sent, tokens the server wrote to its cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_write_tokens: u64,
    /// Tokens received.
    pub output_tokens: u64,
    /// Cost in millionths of a US dollar; absent where the price is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micro_usd: Option<u64>,
    /// Whether any count is our estimate.
    pub estimated: bool,
}

impl Usage {
    /// Adds a call to a sum; `role` and `model` of the sum stay. One call whose price is not known makes the sum's cost
    /// unknown (M2).
    pub fn add(&mut self, call: &Usage) {
        let first = self.input_tokens == 0 && self.output_tokens == 0;
        self.input_tokens += call.input_tokens;
        self.cached_tokens += call.cached_tokens;
        self.cache_write_tokens += call.cache_write_tokens;
        self.output_tokens += call.output_tokens;
        self.estimated |= call.estimated;
        self.cost_micro_usd = match (first, self.cost_micro_usd, call.cost_micro_usd) {
            (true, _, cost) => cost,
            (false, Some(sum), Some(cost)) => Some(sum + cost),
            _ => None,
        };
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
