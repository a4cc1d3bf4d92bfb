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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
