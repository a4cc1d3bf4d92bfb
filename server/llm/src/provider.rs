//! `Provider`: one server's dialect, from a request to a whole reply, without retries, prices or choice.

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::{Call, Error, Message, Role, Stop, ToolSpec, Usage};

/// A request with everything that the choice of the model fixes.
#[derive(Debug, Clone, Copy)]
pub struct ProviderRequest<'a> {
    /// Who asks; `scripted` chooses its turn by it.
    pub role: Role,
    /// The server's name for the model.
    pub model: &'a str,
    /// Sampling temperature.
    pub temperature: Option<f32>,
    /// Limit of output tokens.
    pub max_tokens: Option<u32>,
    /// The system prompt.
    pub system: &'a str,
    /// The conversation so far.
    pub messages: &'a [Message],
    /// The tools on offer.
    pub tools: &'a [ToolSpec],
}

/// A piece of an answer, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text.
    Text(&'a str),
    /// Visible reasoning.
    Reasoning(&'a str),
}

/// A whole answer without a price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawReply {
    /// All text.
    pub text: String,
    /// All visible reasoning.
    pub reasoning: String,
    /// Calls in order, each complete, ids unique.
    pub calls: Vec<Call>,
    /// Tokens used.
    pub usage: Usage,
    /// Why the model stopped.
    pub stop: Stop,
}

/// Who can answer.
pub trait Provider: Send + Sync {
    /// Asks once. Pieces go to `on` as they arrive. When `cancel` fires, the connection closes and the error is
    /// [`Error::Cancelled`].
    ///
    /// # Errors
    /// Everything but `NoModel` and `Config`.
    fn complete<'a>(
        &'a self,
        request: &'a ProviderRequest<'a>,
        cancel: &'a CancellationToken,
        on: &'a mut (dyn FnMut(Piece<'_>) + Send),
    ) -> BoxFuture<'a, Result<RawReply, Error>>;
}

/// Drops `work` as soon as `cancel` fires, which closes its connection.
pub(crate) async fn unless_cancelled<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    cancel
        .run_until_cancelled(work)
        .await
        .unwrap_or(Err(Error::Cancelled))
}
