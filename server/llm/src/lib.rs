//! `llm`: the only crate that talks outwards; one call of a model, streamed, whichever server answers it.
//!
//! Invariants: M1 candidates are asked in configured order, each at most once, and none after text reached the user. M2 an
//! unknown price is unknown, never 0. M3 a key is in no Debug output, error, log or reply.

pub use config::{Config, Kind, ModelConfig, Price, ProviderConfig, StrategyConfig};
pub use discover::{discover, ollama_models, ollama_url};
pub use embeddings::{Embedded, Embeddings};
pub use error::Error;
pub use message::{Call, Message, Request, Role, ToolSpec};
pub use models::Models;
pub use provider::{Piece, Provider, ProviderRequest, RawReply};
pub use reply::{Chunk, Reply, Stop, Usage};
pub use secret::Secret;

mod anthropic;
mod body;
mod calls;
mod config;
mod discover;
mod embeddings;
mod error;
mod http;
mod message;
mod models;
mod openai;
mod provider;
mod reply;
mod retry;
mod scripted;
mod secret;
pub mod text_calls;
