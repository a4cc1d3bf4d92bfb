//! `Reply`: a whole answer, and the chunks that announced it.

use std::time::Duration;

use serde_json::Value;

use crate::{BreakerState, Call, Carry, Message, ProviderRequest, Role, Scope};

/// What happens while a call runs, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// Next piece of the text.
    Text(&'a str),
    /// Next piece of the reasoning that the server lets us see.
    Reasoning(&'a str),
    /// The same model is asked again after `wait`; only before any piece. Told again each second with the time that is left.
    Retry {
        /// Time until then.
        wait: Duration,
        /// What failed.
        reason: String,
    },
    /// The next candidate is asked; only before any piece.
    Fallback {
        /// `provider/model` that failed.
        from: String,
        /// `provider/model` that is asked now.
        to: String,
        /// What failed.
        reason: String,
    },
    /// An attempt at a candidate is over, well or not; once for each, cancelled ones included.
    Attempt(Attempt),
    /// The breaker of a candidate changed.
    Breaker {
        /// `provider/model`.
        model: String,
        /// The new state.
        state: BreakerState,
    },
    /// As much of a cap is spent as `budget.warn_percent` says; once for each scope and run. Amounts in micro-dollars.
    BudgetWarning {
        /// Whose cap.
        scope: Scope,
        /// Spent so far.
        spent: u64,
        /// The cap.
        limit: u64,
    },
    /// There are caps, but they cannot count this model, whose price is unknown; once for each model and run.
    Uncounted {
        /// `provider/model`.
        model: String,
    },
}

/// One attempt at one candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Who asked.
    pub role: Role,
    /// `provider/model` that was asked.
    pub model: String,
    /// Number within the call and candidate, from 1.
    pub number: u32,
    /// Class ([`crate::Error::class`]) and message of the failure; none where it was answered.
    pub failure: Option<(&'static str, String)>,
    /// Time to the first piece; none where none came.
    pub first_piece: Option<Duration>,
    /// Time until it was over.
    pub took: Duration,
    /// Tokens used, estimated where it was cut; none where the server was not reached or charged nothing.
    pub usage: Option<Usage>,
    /// Cost of `usage` in micro-dollars; none where the price is unknown (M2).
    pub cost_micro_usd: Option<u64>,
}

/// A whole answer. A call that was cut short is in no reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// All text; empty where the model said nothing, which is for the caller to judge.
    pub text: String,
    /// All visible reasoning.
    pub reasoning: String,
    /// Tools that the model asked for, in order.
    pub calls: Vec<Call>,
    /// What the server wants back with this reply.
    pub carry: Option<Carry>,
    /// Tokens used.
    pub usage: Usage,
    /// Cost in micro-dollars; absent where the price is unknown (M2).
    pub cost_micro_usd: Option<u64>,
    /// Why the model stopped.
    pub stop: Stop,
    /// `provider/model` that answered.
    pub model: String,
}

/// Tokens of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Sent, cached ones included.
    pub input: u64,
    /// Of those, read from the server's cache.
    pub cached: u64,
    /// Of those sent, written to the server's cache.
    pub cache_write: u64,
    /// Received, reasoning included.
    pub output: u64,
    /// Whether a count is our estimate (a token per four bytes), since the server gave none.
    pub estimated: bool,
}

/// Why a model stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It was done.
    End,
    /// It waits for its calls.
    ToolUse,
    /// The limit of output tokens was reached.
    Length,
    /// The server's filter cut the answer.
    Filter,
    /// Another word of the server.
    Other(String),
}

/// Counts as reported; whatever is missing is estimated from the texts.
pub(crate) fn usage(
    request: &ProviderRequest<'_>,
    reported: (Option<u64>, Option<u64>, Option<u64>),
    received: usize,
) -> Usage {
    let (input, cached, output) = reported;
    let sent = || {
        let said = |message: &Message| match message {
            Message::Assistant { text, calls, .. } => {
                let calls = calls
                    .iter()
                    .map(|call| call.name.len() + call.arguments.len());
                text.len() + calls.sum::<usize>()
            }
            other => other.text().len(),
        };
        let tools = request.tools.iter();
        let tools = tools.map(|tool| tool.description.len() + tool.schema.to_string().len());
        request.system.len()
            + request.messages.iter().map(said).sum::<usize>()
            + tools.sum::<usize>()
    };
    let sum = input.unwrap_or_else(|| tokens(sent()));
    Usage {
        input: sum,
        cached: cached.unwrap_or(0).min(sum),
        cache_write: 0,
        output: output.unwrap_or_else(|| tokens(received)),
        estimated: input.is_none() || output.is_none(),
    }
}

/// Estimated tokens of a text with this many bytes.
pub(crate) fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}

/// A count as servers write it: a whole number from 0, also as 12.0. Anything else is no count, nor is a number that no
/// conversation has, so sums of counts stay far from their end.
pub(crate) fn count(value: &Value) -> Option<u64> {
    let real = value
        .as_f64()
        .filter(|real| (0.0..=1e12).contains(real) && real.fract() == 0.0);
    real.map(|real| real as u64)
}

/// What the text says in place of a part that is no text, by the server's name for its kind.
pub(crate) fn left_out(kind: &str) -> &'static str {
    let kind = kind.to_ascii_lowercase();
    let says = |word: &str| kind.contains(word);
    match () {
        () if says("image") => "[an image was left out]",
        () if says("audio") => "[a sound was left out]",
        () if says("video") => "[a film was left out]",
        () => "[a file was left out]",
    }
}
