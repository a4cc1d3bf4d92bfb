//! `llm`: the only crate that talks outwards; one call of a model, streamed, whichever server answers it.
//!
//! Invariants: M1 candidates are asked in configured order (those that refused the key or the quota in this run last, those with
//! an open breaker only if nobody else is left), each at most once, and none after text reached the user. M2 what an attempt may
//! cost is reserved before and settled after it; an unknown price is unknown, never 0. M3 a key is in no Debug output, error, log or reply.

pub use breaker::{BreakerConfig, BreakerState};
pub use budget::{Budget, Ledger, Scope, Spent, UnknownPrice};
pub use collector::{Collector, Posted};
pub use config::{
    Config, Effort, Infill, Kind, ModelConfig, Price, ProviderConfig, StrategyConfig, ToolCalling,
};
pub use discover::{discover, ollama_models, ollama_url};
pub use embeddings::{Embedded, Embeddings};
pub use error::Error;
pub use gap::{Gap, Near};
pub use http::{Listed, Listing, listing};
pub use mask::{Known, MASK, Masked, mask};
pub use message::{Call, Carry, Message, Request, Role, ToolSpec};
pub use models::{CandidateOverview, Models, RoleOverview};
pub use provider::{Piece, Progress, Provider, ProviderRequest, RawReply};
pub use reply::{Attempt, Chunk, Reply, Stop, Usage};
pub use secret::Secret;

mod anthropic;
mod body;
mod breaker;
mod budget;
mod calls;
mod collector;
mod config;
mod discover;
mod embeddings;
mod error;
mod gap;
mod gemini;
mod http;
mod infill;
mod layout;
mod mask;
mod message;
mod models;
mod ollama;
mod openai;
mod plain;
mod provider;
mod quirks;
mod reply;
mod responses;
mod retry;
mod scripted;
mod secret;
pub mod text_calls;
mod tool_schema;
mod veil;
