//! `Error`: why a call gave no reply; the variant says what a caller can do, the text never holds a key (M3).

use std::time::Duration;

use serde_json::Value;

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
                "Set a valid key: OPENAI_API_KEY, ANTHROPIC_API_KEY or OPENROUTER_API_KEY, or `providers.{provider}.api_key_env`."
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
            Error::Config(_) => "Correct the configuration file.".into(),
            Error::Cancelled => "Ask again when you are ready.".into(),
            Error::ScriptEnded { .. } | Error::Script { .. } => "Correct the script.".into(),
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
            | Error::Refused { .. } => Next::Fallback,
            Error::NoModel(_)
            | Error::Expensive { .. }
            | Error::Config(_)
            | Error::Cancelled
            | Error::ScriptEnded { .. }
            | Error::Script { .. } => Next::Stop,
        }
    }

    pub(crate) fn broken(provider: &str, message: impl Into<String>) -> Error {
        Error::Broken {
            provider: provider.to_owned(),
            message: message.into(),
        }
    }
}

/// A refusal as a server words it, before it is known what to do about it.
#[derive(Debug, Default)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Refusal {
    /// Reads the body of an HTTP error.
    pub(crate) fn from_body(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Refusal {
        let text = String::from_utf8_lossy(body);
        let trimmed = text.trim_start_matches('\u{feff}').trim();
        let mut refusal = match serde_json::from_str::<Value>(trimmed) {
            Ok(value) => Refusal::from_json(value.get("error").unwrap_or(&value), status),
            Err(_) if trimmed.starts_with('<') => Refusal {
                message: "an HTML page instead of an API answer; is this the address of the API?"
                    .into(),
                ..Refusal::default()
            },
            Err(_) if trimmed.is_empty() => Refusal {
                message: "no explanation".into(),
                ..Refusal::default()
            },
            Err(_) => Refusal {
                message: trimmed.to_owned(),
                ..Refusal::default()
            },
        };
        refusal.status = status;
        refusal.retry_after = retry_after;
        refusal
    }

    /// Reads an `error` value: an object of any dialect, or a string. `status` counts where the object implies none.
    pub(crate) fn from_json(error: &Value, status: u16) -> Refusal {
        let word = |key: &str| error[key].as_str().unwrap_or_default();
        let message = [
            error.as_str().unwrap_or_default(),
            word("message"),
            word("detail"),
            word("error"),
        ];
        let message = message.into_iter().find(|text| !text.is_empty());
        let code = format!("{} {}", word("code"), word("type"));
        let number = error["code"].as_u64().or_else(|| word("code").parse().ok());
        let implied = [
            ("rate_limit", 429),
            ("authentication", 401),
            ("invalid_api_key", 401),
            ("permission", 403),
            ("not_found", 404),
            ("billing", 402),
            ("invalid_request", 400),
            ("overloaded", 529),
        ];
        let implied = implied
            .iter()
            .find(|(name, _)| code.contains(name))
            .map(|(_, status)| *status);
        let number = number
            .and_then(|n| u16::try_from(n).ok())
            .filter(|n| (400..600).contains(n));
        Refusal {
            status: number.or(implied).unwrap_or(status),
            retry_after: None,
            code,
            message: message.map_or_else(|| error.to_string(), str::to_owned),
        }
    }

    /// Decides what it means. `message` must be free of keys already (in full: a cut could leave half a key).
    pub(crate) fn into_error(self, provider: &str) -> Error {
        let Refusal {
            status,
            retry_after,
            code,
            message,
        } = self;
        let (provider, message) = (provider.to_owned(), short(&message));
        let said = format!("{code} {message}").to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
        let too_long = [
            "context_length",
            "context length",
            "context window",
            "maximum context",
            "prompt is too long",
            "too many tokens",
            "request_too_large",
        ];
        match status {
            402 => Error::Quota { provider, message },
            _ if says(&["insufficient_quota", "credit balance"]) => {
                Error::Quota { provider, message }
            }
            401 | 403 => Error::Auth { provider, message },
            429 => Error::RateLimited {
                provider,
                retry_after,
                message,
            },
            413 => Error::TooLong { provider, message },
            400 | 422 if says(&too_long) => Error::TooLong { provider, message },
            400 | 422
                if says(&[
                    "content_filter",
                    "content_policy",
                    "content management policy",
                ]) =>
            {
                Error::Refused { provider, message }
            }
            408 | 409 | 425 | 500.. => Error::Overloaded {
                provider,
                status,
                retry_after,
                message,
            },
            _ => Error::Invalid {
                provider,
                status,
                message,
            },
        }
    }
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
mod tests {
    use super::*;

    #[test]
    fn a_refusal_means_what_can_be_done_about_it() {
        let table = [
            (
                401,
                r#"{"error":{"message":"bad key","type":"invalid_request_error","code":"invalid_api_key"}}"#,
                "Auth",
            ),
            (403, "", "Auth"),
            (402, r#"{"error":{"message":"pay","code":402}}"#, "Quota"),
            (
                429,
                r#"{"error":{"message":"You exceeded","code":"insufficient_quota"}}"#,
                "Quota",
            ),
            (429, r#"{"error":{"message":"slow down"}}"#, "RateLimited"),
            (
                400,
                r#"{"error":{"message":"too big","code":"context_length_exceeded"}}"#,
                "TooLong",
            ),
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 > 8"}}"#,
                "TooLong",
            ),
            (413, "<html>", "TooLong"),
            (
                400,
                r#"{"error":{"message":"no","code":"content_filter"}}"#,
                "Refused",
            ),
            (400, r#"{"error":"unknown field"}"#, "Invalid"),
            (404, r#"{"error":{"message":"no such model"}}"#, "Invalid"),
            (500, "<html><h1>Oops", "Overloaded"),
            (503, "", "Overloaded"),
            (
                529,
                r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#,
                "Overloaded",
            ),
            (302, "", "Invalid"),
        ];
        for (status, body, name) in table {
            let error = Refusal::from_body(status, None, body.as_bytes()).into_error("p");
            assert!(
                format!("{error:?}").starts_with(name),
                "{status} {body}: {error:?}"
            );
            assert!(error.hint().ends_with('.'));
        }
    }

    #[test]
    fn an_error_inside_a_stream_implies_its_status() {
        for (error, name) in [
            (r#"{"type":"overloaded_error","message":"x"}"#, "Overloaded"),
            (
                r#"{"type":"rate_limit_error","message":"x"}"#,
                "RateLimited",
            ),
            (r#"{"code":502,"message":"upstream"}"#, "Overloaded"),
            (r#"{"code":"429","message":"x"}"#, "RateLimited"),
            (r#""just words""#, "Overloaded"),
            ("{}", "Overloaded"),
        ] {
            let value = serde_json::from_str(error).unwrap();
            let error = Refusal::from_json(&value, 500).into_error("p");
            assert!(format!("{error:?}").starts_with(name), "{error:?}");
        }
    }
}
