//! `Refusal`: an error as a server words it, and what it means.
//!
//! Invariant: the status of HTTP counts, the words of the server refine it; whatever is not understood keeps the meaning of its
//! status.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{Error, short};
use crate::retry::asked;

/// Before it is known what to do about it.
#[derive(Debug, Default)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    /// Every word for programs that was found, in lower case.
    pub(crate) code: String,
    pub(crate) message: String,
}

/// Words for programs, and the status that they mean where the server sent another or none. The first that is found counts.
const IMPLIED: [(&str, u16); 27] = [
    ("resource_exhausted", 429),
    ("rate_limit", 429),
    ("ratelimit", 429),
    ("too_many_requests", 429),
    ("throttling", 429),
    ("api_key_invalid", 401),
    ("invalid_api_key", 401),
    ("invalidapikey", 401),
    ("authentication", 401),
    ("unauthenticated", 401),
    ("permission", 403),
    ("accessdenied", 403),
    ("billing", 402),
    ("arrearage", 402),
    ("overloaded", 529),
    ("slow_down", 529),
    ("unavailable", 503),
    ("deadline_exceeded", 504),
    ("timeout_error", 504),
    ("requesttimeout", 408),
    ("server_error", 500),
    ("api_error", 500),
    ("internal", 500),
    ("request_too_large", 413),
    ("not_found", 404),
    ("invalid_argument", 400),
    ("invalid_request", 400),
];

const NO_MONEY: [&str; 10] = [
    "insufficient_quota",
    "credit balance",
    "billing_hard_limit",
    "billing_not_active",
    "insufficient balance",
    "insufficient credits",
    "insufficient funds",
    "requires more credits",
    "arrearage",
    "payment required",
];

/// Quotas that no pause brings back: Google names them by their day.
const DAILY: [&str; 3] = ["perday", "per_day", "per day"];

/// As OpenAI, Anthropic, Google, DashScope, Mistral, xAI, Groq, Cohere, Bedrock, vLLM, llama.cpp, LM Studio and Ollama say it.
const TOO_LONG: [&str; 26] = [
    "context_length",
    "context length",
    "context window",
    "context size",
    "context limit",
    "exceed_context_size",
    "maximum context",
    "maximum model length",
    "maximum prompt length",
    "prompt is too long",
    "prompt too long",
    "input is too long",
    "input too long",
    "too many tokens",
    "too many input tokens",
    "input token count",
    "range of input length",
    "input length exceed",
    "exceeded model token limit",
    "max tokens allowed",
    "request_too_large",
    "request too large",
    "reduce the length",
    "string_above_max_length",
    "exceeds the maximum number of tokens",
    "prompt token count",
];

const FILTERED: [&str; 11] = [
    "content_filter",
    "content filter",
    "content_policy",
    "content policy",
    "content management policy",
    "responsibleaipolicy",
    "datainspectionfailed",
    "data_inspection_failed",
    "safety system",
    "prohibited_content",
    "requires moderation",
];

impl Refusal {
    /// Reads the body of an HTTP error.
    pub(crate) fn from_body(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Refusal {
        let text = String::from_utf8_lossy(body);
        let trimmed = text.trim_start_matches('\u{feff}').trim();
        let words = |message: &str| Refusal {
            message: message.to_owned(),
            status,
            ..Refusal::default()
        };
        let mut refusal = match serde_json::from_str::<Value>(trimmed) {
            Ok(value) => Refusal::from_json(inner(&value), status),
            Err(_) if trimmed.starts_with('<') => {
                words("an HTML page instead of an API answer; is this the address of the API?")
            }
            Err(_) if trimmed.is_empty() => words("it gave no reason"),
            Err(_) => words(trimmed),
        };
        // Except where the refusal came in a 200, the status of HTTP counts: words only refine it.
        if status >= 300 {
            refusal.status = status;
        }
        refusal.retry_after = retry_after.or(refusal.retry_after);
        refusal
    }

    /// Reads an `error` value: an object of any dialect, or a string. `status` counts where the object implies none.
    pub(crate) fn from_json(error: &Value, status: u16) -> Refusal {
        let mut code = String::new();
        let mut message = String::new();
        words(error, 3, &mut code, &mut message);
        let implied = IMPLIED.iter().find(|(name, _)| code.contains(name));
        let number = ["code", "status", "status_code"].iter().find_map(|key| {
            let value = &error[*key];
            value.as_u64().or_else(|| value.as_str()?.parse().ok())
        });
        let number = number
            .and_then(|number| u16::try_from(number).ok())
            .filter(|number| (400..600).contains(number));
        let asked = asked::in_error(error, Timestamp::now());
        Refusal {
            status: number
                .or(implied.map(|(_, status)| *status))
                .unwrap_or(status),
            retry_after: asked.or_else(|| asked::in_words(&message)),
            code,
            message: match message.is_empty() {
                true => without_echo(error).to_string(),
                false => message,
            },
        }
    }

    /// Decides what it means. `message` must be free of keys already (in full: a cut could leave half a key).
    pub(crate) fn into_error(self, provider: &str) -> Error {
        let provider = provider.to_owned();
        let said = format!("{} {}", self.code, self.message).to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
        // What looks like an empty purse at Google is a limit per minute, unless it names the day.
        let limited = ["resource_exhausted", "throttling"]
            .iter()
            .any(|word| self.code.contains(word));
        let poor = match limited {
            true => says(&DAILY),
            false => says(&NO_MONEY) || (self.status == 429 && says(&["current quota"])),
        };
        let (status, retry_after, message) = (self.status, self.retry_after, short(&self.message));
        let keyless = says(&[
            "api key not valid",
            "api_key_invalid",
            "api key expired",
            "invalidapikey",
        ]);
        match status {
            402 => Error::Quota { provider, message },
            400.. if poor => Error::Quota { provider, message },
            // A 403 of a moderated model is about the words, not about the key.
            403 if says(&FILTERED) => Error::Refused { provider, message },
            401 | 403 => Error::Auth { provider, message },
            400 if keyless => Error::Auth { provider, message },
            413 => Error::TooLong { provider, message },
            429 if says(&["request too large", "request_too_large"]) => {
                Error::TooLong { provider, message }
            }
            // DashScope and others name a limit of the rate in a 400.
            429 => Error::RateLimited {
                provider,
                retry_after,
                message,
            },
            400 if limited => Error::RateLimited {
                provider,
                retry_after,
                message,
            },
            400 | 404 | 422 | 500 if says(&TOO_LONG) => Error::TooLong { provider, message },
            400.. if says(&FILTERED) => Error::Refused { provider, message },
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

/// The value that holds the words: `{"error": …}`, Google's `[{"error": …}]`, or the whole.
fn inner(value: &Value) -> &Value {
    let value = value.get(0).unwrap_or(value);
    value
        .get("error")
        .filter(|error| !error.is_null())
        .unwrap_or(value)
}

/// Collects codes and the clearest message; servers wrap the error of another server as text in `message` or `metadata.raw`.
fn words(error: &Value, depth: u8, code: &mut String, message: &mut String) {
    let mut add = |value: &Value| {
        if let Some(text) = value.as_str() {
            code.push_str(&text.to_lowercase());
            code.push(' ');
        }
    };
    for key in ["code", "type", "status", "reason"] {
        add(&error[key]);
    }
    add(&error["metadata"]["error_type"]);
    add(&error["innererror"]["code"]);
    for detail in error["details"].as_array().into_iter().flatten() {
        add(&detail["reason"]);
        add(&detail["metadata"]["quota_limit"]);
        for violation in detail["violations"].as_array().into_iter().flatten() {
            add(&violation["quotaId"]);
        }
    }
    let said = [
        error,
        &error["message"],
        &error["detail"],
        &error["error"],
        &error["msg"],
    ];
    let text = said.into_iter().find_map(Value::as_str).unwrap_or_default();
    let raw = &error["metadata"]["raw"];
    let wrapped = [raw.as_str().unwrap_or_default(), text];
    let nested = wrapped.iter().find_map(|text| {
        let value: Value = serde_json::from_str(text.trim()).ok()?;
        (value.is_object() || value.is_array()).then_some(value)
    });
    let nested = nested.or_else(|| raw.is_object().then(|| raw.clone()));
    if let Some(list) = violations(error).or_else(|| violations_in(text)) {
        message.push_str(&list);
        return;
    }
    if let Some(value) = nested.filter(|_| depth > 0) {
        words(inner(&value), depth - 1, code, message);
    } else if let Some(raw) = raw.as_str().filter(|raw| !raw.trim().is_empty()) {
        message.push_str(&format!("{text}: {}", raw.trim()));
    } else if !text.is_empty() {
        message.push_str(text);
    } else if let Some(object) = error["error"].as_object().filter(|_| depth > 0) {
        words(&Value::Object(object.clone()), depth - 1, code, message);
    }
}

/// What pydantic found (FastAPI's `{"detail": [{"loc", "msg", "input"}]}`): the places and the words, not the request that it quotes.
fn violations(error: &Value) -> Option<String> {
    let found = [error, &error["detail"], &error["message"]];
    let found = found.into_iter().find_map(Value::as_array)?;
    let one = |violation: &Value| {
        let part = |part: &Value| {
            part.as_str()
                .map_or_else(|| part.to_string(), str::to_owned)
        };
        let place: Vec<String> = violation["loc"].as_array()?.iter().map(part).collect();
        let said = violation["msg"].as_str()?;
        Some(format!("{}: {said}", place.join(".")))
    };
    let all: Vec<String> = found.iter().filter_map(one).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// The same as Python prints it: `[{'type': …, 'loc': ('body', 'x'), 'msg': '…', 'input': …}]`.
fn violations_in(text: &str) -> Option<String> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once("'loc': (") {
        let (place, behind) = behind.split_once(')')?;
        let said = behind.strip_prefix(", 'msg': ")?;
        let quote = said
            .chars()
            .next()
            .filter(|sign| matches!(sign, '\'' | '"'))?;
        let (said, behind) = said[1..].split_once(quote)?;
        let place = place.replace(['\'', ' '], "").replace(',', ".");
        all.push(format!("{}: {said}", place.trim_end_matches('.')));
        // What it quotes may look the same.
        rest = match behind.starts_with(", 'input': ") {
            true => "",
            false => behind,
        };
    }
    (!all.is_empty()).then(|| all.join("; "))
}

/// An error without words, and without the parts in which servers repeat the request.
fn without_echo(error: &Value) -> Value {
    match error {
        Value::Object(object) => {
            let echoes = ["input", "messages", "body", "request", "prompt"];
            let own = object
                .iter()
                .filter(|(key, _)| !echoes.contains(&key.as_str()));
            own.map(|(key, value)| (key.clone(), without_echo(value)))
                .collect()
        }
        Value::Array(items) => items.iter().map(without_echo).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
