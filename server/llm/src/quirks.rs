//! `Quirks`: what the models of one server turned out to refuse or to want, by their own words.
//!
//! Invariant: each quirk is learnt once for each model (or conversation, where it is about what the conversation carries) and kept
//! as long as the process lives, so a request is asked again at most as often as there are quirks.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;

use limit::{limit_in, room_in};

use crate::{
    Effort, Error, Message, ProviderRequest, ToolCalling, openai::cache_key, plain::Plain,
};

mod limit;

/// A way in which a model differs from its dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Quirk {
    /// Knows no `stream_options`.
    NoStreamOptions,
    /// Has no tools: they are told in the text.
    NoTools,
    /// Has no system prompt: the user says it.
    NoSystem,
    /// Takes no schema for the answer.
    NoSchema,
    /// Takes no temperature.
    NoTemperature,
    /// Knows no `parallel_tool_calls`.
    NoParallel,
    /// Knows no `prompt_cache_key`.
    NoCacheKey,
    /// Wants `max_completion_tokens` instead of `max_tokens`.
    CompletionLimit,
    /// Gives at most this many tokens.
    Limit(u32),
    /// Takes no reasoning back.
    NoThoughtsBack,
    /// Wants reasoning back with every call, even where there was none.
    ThoughtsBack,
    /// Shows no summary of its reasoning.
    NoSummary,
    /// Has no encrypted reasoning.
    NoEncrypted,
    /// Wants a signature with every call, also with those of other models.
    Signatures,
    /// Takes no word about how much it reasons.
    NoEffort,
    /// Takes one, but in the older form of its dialect: a number of tokens, or yes and no.
    OldEffort,
    /// No longer takes what this many messages carry of the server's own: keys change, routes, and what was said before. What
    /// comes behind them holds for the conversation without.
    StaleCarry(usize),
    /// Knows the older form of schemas only.
    OldSchemas,
    /// Knows no ids of calls.
    NoIds,
    /// Wants ids of nine letters and digits.
    ShortIds,
    /// Wants user and assistant to take turns, and no user behind a result.
    Alternating,
}

/// All that Gemini says where a model cannot do without reasoning.
const VAGUE: &str = "request contains an invalid argument";

/// As Anthropic, Google and Ollama refuse the newer word for how much a model reasons.
const OLD_EFFORT: &[&str] = &[
    "adaptive",
    "effort",
    "thinking level",
    "thinking_level",
    "thinkinglevel",
    "think value",
];

/// As servers refuse any such word.
const NO_EFFORT: &[&str] = &[
    "effort",
    "thinking budget",
    "thinking_budget",
    "thinkingbudget",
    "budget_tokens",
    "budget 0",
    "thinking_level",
    "thinkinglevel",
    "thinking level",
    "`thinking`",
    "'thinking'",
    "\"thinking\"",
    "thinking:",
    "thinking.",
    "thinking is not supported",
    "reasoning is not supported",
    "support thinking",
    "think value",
    VAGUE,
];

/// As Mistral and the templates of models refuse an order of messages.
const ALTERNATING: &[&str] = &[
    "must alternate",
    "should alternate",
    "unexpected role 'user' after role",
    "unexpected role 'assistant' after role",
    "unexpected role 'system' after role",
    "roles must be alternating",
    "consecutive messages",
];

/// What is known about each model of a server.
#[derive(Debug, Default)]
pub(crate) struct Quirks {
    models: Mutex<BTreeMap<String, BTreeSet<Quirk>>>,
}

/// What is known about one model at the time of a call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    quirks: BTreeSet<Quirk>,
    tool_calling: ToolCalling,
}

impl Quirks {
    /// What is known about the model of a request.
    pub(crate) fn of(&self, request: &ProviderRequest<'_>) -> Known {
        let models = self.models.lock();
        let mut quirks = models.get(request.model).cloned().unwrap_or_default();
        quirks.extend(models.get(&conversation(request)).into_iter().flatten());
        drop(models);
        match request.tool_calling {
            ToolCalling::Text => drop(quirks.insert(Quirk::NoTools)),
            ToolCalling::Native => drop(quirks.remove(&Quirk::NoTools)),
            ToolCalling::Auto => {}
        }
        Known {
            quirks,
            tool_calling: request.tool_calling,
        }
    }

    /// Whether `error` tells of a quirk out of `possible` that was not `known`, so that asking again is of use.
    pub(crate) fn learn(
        &self,
        request: &ProviderRequest<'_>,
        known: &mut Known,
        possible: &[Quirk],
        error: &Error,
    ) -> bool {
        let (Error::Invalid { message, .. }
        | Error::Overloaded { message, .. }
        | Error::TooLong { message, .. }
        | Error::Broken { message, .. }) = error
        else {
            return false;
        };
        let said = message.to_lowercase();
        let is_lower = |limit: &u32| {
            possible.contains(&Quirk::Limit(0)) && known.limit().is_none_or(|old| *limit < old)
        };
        if let Error::TooLong { .. } = error {
            // Of this request alone: another one leaves more room.
            let room = room_in(&said).filter(|room| request.max_tokens.is_some() && is_lower(room));
            known.quirks.extend(room.map(Quirk::Limit));
            return room.is_some();
        }
        let new = |quirk: &Quirk| {
            // A part that was not sent cannot be what is refused.
            let sent = match quirk {
                Quirk::NoTools => {
                    known.tool_calling != ToolCalling::Native && !request.tools.is_empty()
                }
                Quirk::NoSystem => !request.system.is_empty(),
                Quirk::NoSchema => request.answer_schema.is_some(),
                Quirk::NoTemperature => request.temperature.is_some(),
                Quirk::NoEffort if said.contains(VAGUE) => request.reasoning == Some(Effort::None),
                Quirk::NoEffort | Quirk::OldEffort => request.reasoning.is_some(),
                Quirk::CompletionLimit => request.max_tokens.is_some(),
                _ => true,
            };
            let by_itself = !matches!(quirk, Quirk::StaleCarry(_));
            by_itself && sent && !known.quirks.contains(quirk) && quirk.told_by(&said)
        };
        let limit = limit_in(&said).filter(is_lower).map(Quirk::Limit);
        let stale = possible
            .iter()
            .any(|quirk| matches!(quirk, Quirk::StaleCarry(_)) && quirk.told_by(&said));
        let carried = request
            .messages
            .iter()
            .skip(known.stale())
            .any(|message| match message {
                Message::Assistant { carry, .. } => request.carried(carry.as_ref()).is_some(),
                Message::User { .. } | Message::Tool { .. } => false,
            });
        let stale = (stale && carried).then_some(Quirk::StaleCarry(request.messages.len()));
        let other = || possible.iter().copied().find(new);
        let Some(quirk) = limit.or(stale).or_else(other) else {
            return false;
        };
        tracing::debug!(model = request.model, ?quirk, "the server differs");
        known.quirks.insert(quirk);
        let key = match quirk {
            Quirk::StaleCarry(_) => conversation(request),
            _ => request.model.to_owned(),
        };
        self.models.lock().entry(key).or_default().insert(quirk);
        true
    }
}

impl Known {
    /// The request in plainer words, for a model without tools or without a system prompt, or without what is stale.
    pub(crate) fn plain(&self, request: &ProviderRequest<'_>) -> Option<Plain> {
        let copied = || Plain::copied(request).without_carry(self.stale());
        match (self.has(Quirk::NoTools), self.has(Quirk::NoSystem)) {
            (false, false) => (self.stale() > 0).then(copied),
            (true, false) => Some(Plain::in_words(request)),
            (false, true) => Some(copied().system_by_user()),
            (true, true) => Some(Plain::in_words(request).system_by_user()),
        }
    }

    /// The request as the model takes it.
    pub(crate) fn fit<'a>(
        &self,
        request: &ProviderRequest<'a>,
        plain: Option<&'a Plain>,
    ) -> ProviderRequest<'a> {
        plain.map_or(*request, |plain| plain.request(request))
    }

    /// Whether the model has this quirk.
    pub(crate) fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    /// How much the model is told to reason.
    pub(crate) fn effort(&self, request: &ProviderRequest<'_>) -> Option<Effort> {
        request.reasoning.filter(|_| !self.has(Quirk::NoEffort))
    }

    /// How many messages carry nothing that the server still takes.
    fn stale(&self) -> usize {
        let counts = self.quirks.iter().filter_map(|quirk| match quirk {
            Quirk::StaleCarry(count) => Some(*count),
            _ => None,
        });
        counts.max().unwrap_or_default()
    }

    /// The largest number of tokens that the model gives, where it said so.
    pub(crate) fn limit(&self) -> Option<u32> {
        let limits = self.quirks.iter().filter_map(|quirk| match quirk {
            Quirk::Limit(limit) => Some(*limit),
            _ => None,
        });
        limits.min()
    }
}

/// The key of what is known about one conversation with a model; no model is called so.
fn conversation(request: &ProviderRequest<'_>) -> String {
    format!("{}\n{}", request.model, cache_key(request))
}

impl Quirk {
    /// Whether a refusal in lower case speaks of it.
    fn told_by(self, said: &str) -> bool {
        let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
        let refused = says(&[
            "support",
            "unknown",
            "unrecogni",
            "unexpected",
            "extra",
            "not permitted",
            "not allowed",
            "unavailable",
            "deprecated",
            "invalid",
            "not enabled",
            "additional propert",
            "may only be",
        ]);
        match self {
            Quirk::NoStreamOptions => says(&["stream_options"]),
            Quirk::NoTools => says(&[
                "support tool",
                "support for tool",
                "support the tool",
                "support function",
                "support `tools`",
                "support 'tools'",
                "support \"tools\"",
                "tools is not supported",
                "tools are not supported",
                "tool use is not",
                "tool calling is not",
                "tool calls are not",
                "function calling is not",
                "enable-auto-tool-choice",
                "requires --jinja",
                "unsupported parameter: tools",
                "unsupported parameter: 'tools'",
                "extra field: tools",
            ]),
            Quirk::NoSchema => says(&[
                "response_format",
                "json_schema",
                "json schema",
                "output_config",
                "text.format",
                "response_schema",
                "structured output",
                "responsemimetype",
                "response mime type",
                "responsejsonschema",
                "grammar",
            ]),
            Quirk::NoSystem => says(&[
                "system role not supported",
                "system role is not supported",
                "system message is not supported",
                "developer instruction is not enabled",
                "system instruction is not",
                "only user and assistant roles are supported",
                "only user, assistant and tool roles are supported",
                // Where taking turns was not enough.
                "must alternate user/assistant",
            ]),
            Quirk::NoTemperature => says(&["temperature"]) && refused,
            Quirk::NoParallel => says(&["parallel_tool_calls"]),
            Quirk::NoCacheKey => says(&["prompt_cache_key"]),
            Quirk::CompletionLimit => says(&["max_completion_tokens"]),
            Quirk::Limit(_) => false,
            Quirk::NoThoughtsBack => {
                says(&[
                    "reasoning_content",
                    "reasoning_details",
                    "'reasoning'",
                    "\"reasoning\"",
                    "`reasoning`",
                ]) && refused
            }
            Quirk::ThoughtsBack => {
                says(&["reasoning_content"]) && says(&["must be passed back", "missing"])
            }
            Quirk::NoSummary => says(&[
                "reasoning.summary",
                "reasoning summar",
                "thinking",
                "'reasoning'",
            ]),
            Quirk::OldEffort => {
                says(OLD_EFFORT) || (says(&["output_config"]) && !says(&["format"]))
            }
            // Named among the messages, reasoning is what goes back.
            Quirk::NoEffort if says(&["`reasoning`", "'reasoning'", "\"reasoning\""]) => {
                !says(&["messages"])
            }
            Quirk::NoEffort => says(NO_EFFORT),
            Quirk::NoEncrypted => says(&["encrypted"]) && refused,
            Quirk::Signatures => {
                says(&["thought_signature", "thought signature"]) && says(&["missing"])
            }
            Quirk::StaleCarry(_) => says(&[
                "invalid thought signature",
                "corrupted thought signature",
                "thought signature is not valid",
                "invalid_encrypted_content",
                "could not be verified",
                "could not be decrypted",
                "invalid `signature`",
                "blocks in the latest assistant message cannot be modified",
                "items are not persisted",
                "without its required following item",
                "should match pattern",
            ]),
            Quirk::OldSchemas => says(&["jsonschema", "json_schema"]) && refused,
            Quirk::ShortIds => says(&["length of 9"]),
            Quirk::Alternating => says(ALTERNATING),
            Quirk::NoIds => says(&["unknown name \"id\""]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_of_its_quirk() {
        for (quirk, said) in [
            (
                Quirk::NoTools,
                "registry.ollama.ai/library/gemma3:4b does not support tools",
            ),
            (
                Quirk::NoTools,
                "No endpoints found that support tool use. To learn more, visit the docs",
            ),
            (
                Quirk::NoTools,
                "\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set",
            ),
            (Quirk::NoTools, "tools param requires --jinja flag"),
            (
                Quirk::NoTools,
                "Function calling is not enabled for models/gemma-3-27b-it",
            ),
            (Quirk::NoSystem, "System role not supported"),
            (
                Quirk::NoSystem,
                "Developer instruction is not enabled for models/gemma-3-27b-it",
            ),
            (
                Quirk::NoTemperature,
                "Unsupported value: 'temperature' does not support 0.2 with this model.",
            ),
            (
                Quirk::NoTemperature,
                "`temperature` is deprecated for this model.",
            ),
            (
                Quirk::NoTemperature,
                "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode.",
            ),
            (
                Quirk::StaleCarry(0),
                "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a different conversation.",
            ),
            (
                Quirk::NoThoughtsBack,
                "'messages.2' : for 'role:assistant' the following must be satisfied[('messages.2' : property 'reasoning' is unsupported)]",
            ),
            (
                Quirk::NoSchema,
                "This response_format type is unavailable now",
            ),
            (
                Quirk::CompletionLimit,
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            ),
            (
                Quirk::ThoughtsBack,
                "The reasoning_content in the thinking mode must be passed back to the API.",
            ),
            (
                Quirk::Signatures,
                "Function call `list` in the 1. content block is missing a `thought_signature`.",
            ),
            (
                Quirk::OldSchemas,
                "Invalid JSON payload received. Unknown name \"parametersJsonSchema\" at 'tools[0]'",
            ),
        ] {
            assert!(quirk.told_by(&said.to_lowercase()), "{quirk:?}: {said}");
        }
        for said in [
            "Invalid schema for function 'list': array schema missing items",
            "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after",
            "model not found",
        ] {
            assert!(!Quirk::NoTools.told_by(&said.to_lowercase()), "{said}");
        }
    }
}
