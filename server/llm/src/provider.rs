//! `Provider`: one server's dialect, from a request to a whole reply, without retries, prices or choice.

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::{
    Call, Carry, Effort, Error, Gap, Infill, Message, Role, Stop, ToolCalling, ToolSpec, Usage,
    calls::MOST_CALLS,
};

/// Bytes of text, reasoning and calls that one answer may have.
const LARGEST: usize = 4 << 20;

/// A request with everything that the choice of the model fixes.
#[derive(Debug, Clone, Copy)]
pub struct ProviderRequest<'a> {
    /// Who asks; `scripted` chooses its turn by it.
    pub role: Role,
    /// `provider/model`, as [`Carry::model`] has it.
    pub label: &'a str,
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
    /// JSON Schema that the text of the answer must fit.
    pub answer_schema: Option<&'a serde_json::Value>,
    /// Tokens that the conversation may have in all; unknown where absent.
    pub context_tokens: Option<u64>,
    /// How much the model reasons; as its server likes where absent.
    pub reasoning: Option<Effort>,
    /// How the model is told of tools.
    pub tool_calling: ToolCalling,
    /// The gap that is to be filled, which `messages` tell as well; none in a conversation.
    pub gap: Option<&'a Gap>,
    /// How the model is asked to fill it.
    pub infill: Infill,
}

impl ProviderRequest<'_> {
    /// What this model's own server wants back with an earlier reply.
    pub(crate) fn carried<'c>(&self, carry: Option<&'c Carry>) -> Option<&'c serde_json::Value> {
        carry
            .filter(|carry| carry.model == self.label)
            .map(|carry| &carry.value)
    }
}

/// A piece of an answer, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text.
    Text(&'a str),
    /// Visible reasoning.
    Reasoning(&'a str),
    /// Nothing to show, but more of a call or of the counts than before.
    Progress(Progress),
}

/// What came so far, and what the server counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Bytes of text and reasoning.
    pub shown: usize,
    /// Calls that have begun.
    pub number: usize,
    /// Bytes of their names and arguments.
    pub calls: usize,
    /// Tokens sent, those of the cache included.
    pub input: Option<u64>,
    /// Of those, read from the server's cache.
    pub cached: u64,
    /// Of those sent, written to the server's cache.
    pub cache_write: u64,
    /// Tokens received.
    pub output: Option<u64>,
}

impl Piece<'_> {
    /// Whether there is something to show.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        !matches!(self, Piece::Progress(_))
    }
}

impl Progress {
    /// Becomes `new`, and tells it where it is news to anybody who heard text and reasoning.
    ///
    /// # Errors
    /// `Broken` where the answer has more than any model says.
    pub(crate) fn tell(
        &mut self,
        new: Progress,
        provider: &str,
        on: &mut (dyn FnMut(Piece<'_>) + Send),
    ) -> Result<(), Error> {
        let shown = new.shown;
        if (Progress { shown, ..*self }) != new {
            on(Piece::Progress(new));
        }
        *self = new;
        if new.number > MOST_CALLS {
            let message = format!("it has more than {MOST_CALLS} calls");
            return Err(Error::broken(provider, message));
        }
        if shown.saturating_add(new.calls) > LARGEST {
            let message = format!("it is larger than {} MiB", LARGEST >> 20);
            return Err(Error::broken(provider, message));
        }
        Ok(())
    }
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
    /// What the server wants back with this reply.
    pub carry: Option<serde_json::Value>,
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

    /// Whether the model is told its tools in the text, as far as is known by now.
    fn tells_tools_in_text(&self, request: &ProviderRequest<'_>) -> bool {
        request.tool_calling == ToolCalling::Text
    }
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
