//! `Config`: providers, models and strategy as the configuration file words them; pure data, nothing is contacted.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::{BreakerConfig, Budget, Secret};

/// The sections `providers`, `models`, `strategy` and `budget`.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Servers, by a name of the user's choice.
    pub providers: BTreeMap<String, ProviderConfig>,
    /// Models, by a name of the user's choice.
    pub models: BTreeMap<String, ModelConfig>,
    /// Which model does what.
    pub strategy: StrategyConfig,
    /// What may be spent.
    pub budget: Budget,
}

/// What a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// OpenAI's own chat completions.
    #[serde(rename = "openai")]
    OpenAi,
    /// OpenAI's responses.
    #[serde(rename = "openai_responses")]
    OpenAiResponses,
    /// Anthropic's messages.
    Anthropic,
    /// Google's Gemini (`generateContent`).
    Gemini,
    /// OpenRouter (OpenAI-compatible).
    #[serde(rename = "openrouter")]
    OpenRouter,
    /// A local Ollama, by its own `/api/chat`; by its OpenAI-compatible endpoint where `base_url` ends in `/v1`.
    Ollama,
    /// Any other server that speaks OpenAI's chat completions.
    #[default]
    #[serde(rename = "openai_compatible")]
    OpenAiCompatible,
    /// No server: turns from a YAML file.
    Scripted,
}

/// How a model is told of tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolCalling {
    /// In the server's way, and in the text as soon as the server says that it has none.
    #[default]
    Auto,
    /// In the server's way only.
    Native,
    /// In the text: the model writes its calls as fenced JSON.
    Text,
}

/// How a model is asked to fill a gap in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Infill {
    /// As its server is known to be asked, and in a conversation as soon as the server says that it has no other way.
    #[default]
    Auto,
    /// OpenAI's `/completions` with `suffix`.
    Completions,
    /// Mistral's `/fim/completions`.
    Mistral,
    /// DeepSeek's `/beta/completions`.
    #[serde(rename = "deepseek")]
    DeepSeek,
    /// Ollama's `/api/generate` with `suffix`.
    Ollama,
    /// The `/infill` of llama.cpp.
    LlamaCpp,
    /// In a conversation, the place marked in the text.
    Chat,
}

/// How much a model reasons before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// Not at all, or as little as the model can.
    None,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// A lot.
    High,
}

/// One server.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProviderConfig {
    /// What it speaks.
    pub r#type: Kind,
    /// Its address, with or without `/v1`. Needed for `openai_compatible`; the others have a default.
    pub base_url: Option<String>,
    /// The key, sent to the host of `base_url` only.
    pub api_key: Option<Secret>,
    /// Name of the environment variable that holds the key.
    pub api_key_env: Option<String>,
    /// Seconds of silence after which a call fails, or a text such as `90s` or `2m`. Where absent: 300 before the answer begins and 120
    /// behind (`ollama`: 300, since it loads a model first).
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "Option<Seconds>")]
    pub timeout: Option<u64>,
    /// Limit of output tokens for every model of this server.
    pub max_tokens: Option<u32>,
    /// `scripted` only: path of the YAML file.
    pub script: Option<String>,
}

/// One model of a server.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// A name of `providers`.
    pub provider: String,
    /// The server's name for the model.
    pub model: String,
    /// Sampling temperature; the server's own where absent.
    pub temperature: Option<f32>,
    /// Limit of output tokens.
    pub max_tokens: Option<u32>,
    /// Whether roles without a model of their own use this one.
    pub default: bool,
    /// Whether a call counts against `strategy.max_expensive`.
    pub expensive: bool,
    /// Tokens that a conversation may have in all, the answer included; unknown where absent.
    pub context_tokens: Option<u64>,
    /// How much it reasons: `none`, `low`, `medium` or `high`; the server's own way where absent, or where it takes no such word.
    pub reasoning: Option<Effort>,
    /// Whether tools are told in the server's own way or in the text.
    pub tool_calling: ToolCalling,
    /// How it is asked to fill the gap at the cursor.
    pub infill: Infill,
    /// What it costs; unknown where absent.
    pub price: Option<Price>,
}

/// US dollars per million tokens, which is the same number as micro-dollars per token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// For tokens sent.
    pub input_per_mtok_usd: f64,
    /// For tokens that the server read from its cache; as `input_per_mtok_usd` where absent.
    #[serde(default)]
    pub cached_per_mtok_usd: Option<f64>,
    /// For tokens that the server wrote to its cache; as `input_per_mtok_usd` where absent.
    #[serde(default)]
    pub cache_write_per_mtok_usd: Option<f64>,
    /// For tokens received.
    pub output_per_mtok_usd: f64,
}

/// Which model does what; every value is a name of `models`, or `provider/model`.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StrategyConfig {
    /// For roles without a model of their own.
    pub default_model: Option<String>,
    /// Makes the plan.
    pub planner_model: Option<String>,
    /// Calls tools and writes patches.
    pub coder_model: Option<String>,
    /// Judges a patch.
    pub critic_model: Option<String>,
    /// Completes code while you type, where `completion.enabled`; no other model does where absent.
    pub completer_model: Option<String>,
    /// Role (`planner`, `coder`, `critic`, `summariser`, `completer`) to model; wins over the keys above.
    pub overrides: BTreeMap<String, String>,
    /// Asked in this order where the first choice fails before any output.
    pub fallbacks: Vec<String>,
    /// Role to models that are asked before `fallbacks`, in this order.
    pub role_fallbacks: BTreeMap<String, Vec<String>>,
    /// Attempts at one candidate where a failure may pass, from 1 to 10: 3 where absent.
    pub attempts: Option<u32>,
    /// When a candidate that fails again and again is left alone.
    pub breaker: BreakerConfig,
    /// Calls of expensive models that one run may make; unlimited where absent.
    pub max_expensive: Option<u32>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    match Option::<Seconds>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Seconds::Number(seconds)) => Ok(Some(seconds)),
        Some(Seconds::Text(text)) => {
            let time = text.parse::<jiff::SignedDuration>().ok();
            // Half a second is not "no limit", which 0 would be.
            let time = time.map(|time| {
                time.as_millis().div_euclid(1000) + i128::from(time.subsec_nanos() > 0)
            });
            let seconds = time.and_then(|seconds| u64::try_from(seconds).ok());
            let wrong = || {
                D::Error::custom(format!(
                    "{text:?} is no time: write seconds (90) or a text such as 90s or 2m"
                ))
            };
            seconds.ok_or_else(wrong).map(Some)
        }
    }
}

impl Kind {
    /// The limit of output tokens where nobody names one, of a server that wants a limit in every request. Each current model of
    /// Anthropic accepts this one, and an older one names its own.
    pub(crate) fn wanted_limit(self) -> Option<u32> {
        (self == Kind::Anthropic).then_some(32_000)
    }

    /// The server's address where the configuration names none.
    #[must_use]
    pub fn default_url(self) -> Option<&'static str> {
        match self {
            Kind::OpenAi | Kind::OpenAiResponses => Some("https://api.openai.com/v1"),
            Kind::Gemini => Some("https://generativelanguage.googleapis.com/v1beta"),
            Kind::Anthropic => Some("https://api.anthropic.com/v1"),
            Kind::OpenRouter => Some("https://openrouter.ai/api/v1"),
            Kind::Ollama => Some("http://127.0.0.1:11434"),
            Kind::OpenAiCompatible | Kind::Scripted => None,
        }
    }
}

impl Effort {
    /// The word as servers know it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Effort::None => "none",
            Effort::Low => "low",
            Effort::Medium => "medium",
            Effort::High => "high",
        }
    }

    /// The same in tokens of reasoning, for models that want a number: as Google maps the words of OpenAI
    /// (ai.google.dev/gemini-api/docs/openai#thinking). All are within what Anthropic takes.
    pub(crate) fn tokens(self) -> u32 {
        match self {
            Effort::None => 0,
            Effort::Low => 1024,
            Effort::Medium => 8192,
            Effort::High => 24_576,
        }
    }
}

impl Price {
    /// The cost in micro-dollars, rounded up. Each price becomes a whole number of micro-dollars per million tokens first, so
    /// prices below a micro-dollar per token stay exact; sums are in 128 bits, then capped.
    #[must_use]
    pub fn cost_micro_usd(&self, usage: &crate::Usage) -> u64 {
        let cached = usage.cached.min(usage.input);
        let written = usage.cache_write.min(usage.input - cached);
        let rate = |usd: f64| u128::from((usd * 1e6).round() as u64);
        let sum = u128::from(usage.input - cached - written) * rate(self.input_per_mtok_usd)
            + u128::from(cached)
                * rate(self.cached_per_mtok_usd.unwrap_or(self.input_per_mtok_usd))
            + u128::from(written)
                * rate(
                    self.cache_write_per_mtok_usd
                        .unwrap_or(self.input_per_mtok_usd),
                )
            + u128::from(usage.output) * rate(self.output_per_mtok_usd);
        u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }

    /// Whether every price is a number from 0 to 1,000,000.
    pub(crate) fn is_sound(&self) -> bool {
        self.all().all(|usd| (0.0..=1e6).contains(&usd))
    }

    /// Whether nothing costs anything.
    pub(crate) fn is_free(&self) -> bool {
        self.all().all(|usd| usd == 0.0)
    }

    fn all(&self) -> impl Iterator<Item = f64> {
        let optional = [self.cached_per_mtok_usd, self.cache_write_per_mtok_usd];
        let always = [self.input_per_mtok_usd, self.output_per_mtok_usd];
        always.into_iter().chain(optional.into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Usage;

    #[test]
    fn m2_cost_is_exact_in_integers_and_rounded_up() {
        let price = Price {
            input_per_mtok_usd: 0.15,
            cached_per_mtok_usd: Some(0.075),
            cache_write_per_mtok_usd: None,
            output_per_mtok_usd: 0.6,
        };
        for (input, cached, output, micro_usd) in [
            (1_000_000, 0, 0, 150_000),
            (1_000_000, 1_000_000, 0, 75_000),
            (0, 0, 1_000_000, 600_000),
            (1, 0, 0, 1),
            (0, 0, 0, 0),
            (10, 99, 0, 1),
            (u64::MAX, 0, u64::MAX, 13_835_058_055_282_163_712),
        ] {
            let cost = price.cost_micro_usd(&Usage {
                input,
                cached,
                cache_write: 0,
                output,
                estimated: false,
            });
            assert_eq!(cost, micro_usd, "{input} {cached} {output}");
        }
    }

    #[test]
    fn a_timeout_is_a_number_of_seconds_or_a_text() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("2m", 120), ("500ms", 1), ("0", 0)] {
            let provider: ProviderConfig =
                serde_saphyr::from_str(&format!("timeout: {text}")).unwrap();
            assert_eq!(provider.timeout, Some(seconds), "{text}");
        }
        assert_eq!(
            serde_saphyr::from_str::<ProviderConfig>("type: ollama")
                .unwrap()
                .timeout,
            None
        );
        for text in ["soon", "-5", "-5s", "[1]"] {
            assert!(
                serde_saphyr::from_str::<ProviderConfig>(&format!("timeout: {text}")).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn m3_a_config_shows_no_key() {
        let config: Config = serde_saphyr::from_str(
            "providers: {a: {type: openrouter, api_key: sk-top-secret, timeout: 5}}\nmodels: {m: {provider: a, model: x}}",
        )
        .unwrap();
        let shown = format!("{config:?} {}", serde_json::to_string(&config).unwrap());
        assert!(!shown.contains("top-secret"), "{shown}");
        assert_eq!(config.providers["a"].r#type, Kind::OpenRouter);
        let broken = serde_saphyr::from_str::<Config>("models: {m: {providr: a}}").unwrap_err();
        assert!(broken.to_string().contains("providr"), "{broken}");
    }
}
