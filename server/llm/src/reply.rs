//! `Reply`: a whole answer, and the chunks that announced it.

use std::time::Duration;

use crate::{Call, Message, ProviderRequest};

/// What happens while a call runs, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// Next piece of the text.
    Text(&'a str),
    /// Next piece of the reasoning that the server lets us see.
    Reasoning(&'a str),
    /// The same model is asked again after `wait`; only before any piece.
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
            Message::Assistant { text, calls } => {
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
    Usage {
        input: input.unwrap_or_else(|| tokens(sent())),
        cached: cached.unwrap_or(0),
        output: output.unwrap_or_else(|| tokens(received)),
        estimated: input.is_none() || output.is_none(),
    }
}

fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}
