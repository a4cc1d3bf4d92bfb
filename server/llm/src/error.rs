//! `Error`: why a call gave no reply; the variant says what a caller can do, the text never holds a key (M3).

use std::time::Duration;

use crate::Scope;

pub(crate) use refusal::Refusal;

mod refusal;

/// `provider` is the user's name of the server. `message` is short and has no key in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(
    missing_docs,
    reason = "the fields mean the same everywhere; see above"
)]
pub enum Error {
    /// The key is missing, wrong or not allowed to do this.
    #[error("{provider} refused the key: {message}")]
    Auth { provider: String, message: String },
    /// The server does not accept the request, or is no such server.
    #[error("{provider} refused the request (HTTP {status}): {message}")]
    Invalid {
        provider: String,
        status: u16,
        message: String,
    },
    /// Too many requests; `retry_after` as the server said.
    #[error("{provider} limits the rate of requests: {message}")]
    RateLimited {
        provider: String,
        retry_after: Option<Duration>,
        message: String,
    },
    /// The account has no money or no quota left.
    #[error("{provider} says the quota is used up: {message}")]
    Quota { provider: String, message: String },
    /// The server failed or is overloaded.
    #[error("{provider} failed (HTTP {status}): {message}")]
    Overloaded {
        provider: String,
        status: u16,
        retry_after: Option<Duration>,
        message: String,
    },
    /// The server went silent, or sent keep-alives only.
    #[error("{provider} sent nothing for {} s", after.as_secs())]
    Timeout { provider: String, after: Duration },
    /// The answer was cut, empty or not in the server's format.
    #[error("the answer of {provider} broke off: {message}")]
    Broken { provider: String, message: String },
    /// The conversation does not fit into the model's context.
    #[error("the conversation is too long for {provider}: {message}")]
    TooLong { provider: String, message: String },
    /// A content filter refused the request.
    #[error("a content filter of {provider} refused: {message}")]
    Refused { provider: String, message: String },
    /// No connection.
    #[error("{provider} cannot be reached at {url}: {message}")]
    Unreachable {
        provider: String,
        url: String,
        message: String,
    },
    /// Nothing is configured for the role, or no such model.
    #[error("{0}")]
    NoModel(String),
    /// Only expensive models are left and the run may not call one more.
    #[error("this run has made its {limit} calls of expensive models")]
    Expensive { limit: u32 },
    /// The budget does not allow one more call; amounts in micro-dollars, the reserve of this call left out.
    #[error("the budget of this {scope} is used up: {} of {} spent", usd(*.spent), usd(*.limit))]
    Budget {
        scope: Scope,
        limit: u64,
        spent: u64,
    },
    /// A configuration that cannot work.
    #[error("{0}")]
    Config(String),
    /// The caller gave up.
    #[error("the call was cancelled")]
    Cancelled,
    /// A script has no turn left for the role.
    #[error("the script {script} has no turn left for the {role} (it has {turns})")]
    ScriptEnded {
        script: String,
        role: &'static str,
        turns: usize,
    },
    /// A script cannot be read, or expected another message.
    #[error("the script {script}: {message}")]
    Script { script: String, message: String },
}

/// Whether the same server may answer the same request a little later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Ask again after a pause; at least the given one.
    Again(Option<Duration>),
    /// Ask the next candidate.
    Fallback,
    /// Give up.
    Stop,
}

impl Error {
    /// What to do about it, one sentence.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Error::Auth { provider, .. } => format!(
                "Set a valid key: in `providers.{provider}.api_key_env` or `api_key`, or in OPENAI_API_KEY, ANTHROPIC_API_KEY, OPENROUTER_API_KEY, GEMINI_API_KEY or DASHSCOPE_API_KEY."
            ),
            Error::Invalid { provider, .. } => {
                format!("Check the model's name, and `providers.{provider}.type` and `base_url`.")
            }
            Error::RateLimited {
                retry_after: Some(time),
                ..
            } => format!("Try again in {} s, or name another model in `strategy.fallbacks`.", time.as_secs()),
            Error::RateLimited { .. } | Error::Overloaded { .. } => {
                "Try again in a minute, or name another model in `strategy.fallbacks`.".into()
            }
            Error::Quota { provider, .. } => {
                format!("Add credit at {provider}, or use another provider.")
            }
            Error::Timeout { provider, .. } => format!(
                "Try again; raise `providers.{provider}.timeout` (seconds) where the model is slow."
            ),
            Error::Broken { .. } => "Try again; nothing of the broken answer was used.".into(),
            Error::TooLong { .. } => {
                "Give fewer or smaller files as context, or use a model with a larger context.".into()
            }
            Error::Refused { .. } => "Word the request differently, or use another model.".into(),
            Error::Unreachable { provider, .. } => format!(
                "Start the server or check the network, and check `providers.{provider}.base_url`."
            ),
            Error::NoModel(_) => "Set OPENAI_API_KEY or ANTHROPIC_API_KEY, start Ollama, or configure `providers` and `models`.".into(),
            Error::Expensive { .. } => {
                "Raise `strategy.max_expensive`, or name a cheaper model in `strategy.fallbacks`.".into()
            }
            Error::Budget { scope, .. } => format!(
                "Raise `budget` for the {scope} in the configuration, or name a cheaper model in `strategy.fallbacks`."
            ),
            Error::Config(_) => "Correct the configuration file.".into(),
            Error::Cancelled => "Ask again when you are ready.".into(),
            Error::ScriptEnded { .. } | Error::Script { .. } => "Correct the script.".into(),
        }
    }

    /// The class of the failure, as events, metrics and docs/models.md name it.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Error::Auth { .. } => "auth",
            Error::Invalid { .. } => "invalid",
            Error::RateLimited { .. } => "rate_limited",
            Error::Quota { .. } => "quota",
            Error::Overloaded { .. } => "overloaded",
            Error::Timeout { .. } => "timeout",
            Error::Broken { .. } => "broken_stream",
            Error::TooLong { .. } => "context_overflow",
            Error::Refused { .. } => "content_filter",
            Error::Unreachable { .. } => "unreachable",
            Error::NoModel(_) => "no_model",
            Error::Expensive { .. } | Error::Budget { .. } => "budget",
            Error::Config(_) => "config",
            Error::Cancelled => "cancelled",
            Error::ScriptEnded { .. } | Error::Script { .. } => "script",
        }
    }

    pub(crate) fn next(&self) -> Next {
        match self {
            Error::RateLimited { retry_after, .. } | Error::Overloaded { retry_after, .. } => {
                Next::Again(*retry_after)
            }
            Error::Broken { .. } | Error::Unreachable { .. } => Next::Again(None),
            Error::Auth { .. }
            | Error::Invalid { .. }
            | Error::Quota { .. }
            | Error::Timeout { .. }
            | Error::TooLong { .. }
            | Error::Refused { .. }
            | Error::Expensive { .. }
            | Error::Budget { .. } => Next::Fallback,
            Error::NoModel(_)
            | Error::Config(_)
            | Error::Cancelled
            | Error::ScriptEnded { .. }
            | Error::Script { .. } => Next::Stop,
        }
    }

    /// Whether the server may have worked on the request, and charges for it.
    pub(crate) fn is_charged(&self) -> bool {
        matches!(
            self,
            Error::Timeout { .. } | Error::Broken { .. } | Error::Cancelled
        )
    }

    pub(crate) fn broken(provider: &str, message: impl Into<String>) -> Error {
        Error::Broken {
            provider: provider.to_owned(),
            message: message.into(),
        }
    }
}

/// Micro-dollars for a person.
#[expect(clippy::cast_precision_loss, reason = "shown with four digits")]
fn usd(micro: u64) -> String {
    format!("${:.4}", micro as f64 / 1e6)
}

/// The first 300 characters on one line.
pub(crate) fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests;
