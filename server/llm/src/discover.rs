//! A configuration out of what is lying about: keys in the environment, or an Ollama on this machine.

use std::{collections::BTreeMap, time::Duration};

use reqwest::Client;
use serde_json::Value;

use crate::{Config, Kind, ModelConfig, ProviderConfig, Secret};

/// One hosted server: name, kind, variables that may hold the key, variable of the address, usual model.
type Hosted = (
    &'static str,
    Kind,
    &'static [&'static str],
    &'static str,
    &'static str,
);

/// In the order in which they count.
const HOSTED: [Hosted; 5] = [
    (
        "openai",
        Kind::OpenAi,
        &["OPENAI_API_KEY"],
        "OPENAI_BASE_URL",
        "gpt-5.2",
    ),
    (
        "anthropic",
        Kind::Anthropic,
        &["ANTHROPIC_API_KEY"],
        "ANTHROPIC_BASE_URL",
        "claude-sonnet-5-5",
    ),
    (
        "openrouter",
        Kind::OpenRouter,
        &["OPENROUTER_API_KEY"],
        "OPENROUTER_BASE_URL",
        "openrouter/auto",
    ),
    (
        "gemini",
        Kind::Gemini,
        &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        "GEMINI_BASE_URL",
        "gemini-3.8-flash",
    ),
    (
        "dashscope",
        Kind::OpenAiCompatible,
        &["DASHSCOPE_API_KEY"],
        "DASHSCOPE_BASE_URL",
        "qwen3-coder-plus",
    ),
];

/// DashScope outside China.
const DASHSCOPE: &str = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1";

/// Builds a configuration with one provider and one model. `vars` looks up an environment variable; `ollama` is the address of
/// a running Ollama and its models, newest first (see [`ollama_models`]). The first of these that is there counts:
/// `OPENAI_API_KEY` (or `OPENAI_BASE_URL` alone, for a server without keys), `ANTHROPIC_API_KEY`, `OPENROUTER_API_KEY`,
/// `GEMINI_API_KEY` or `GOOGLE_API_KEY`, `DASHSCOPE_API_KEY`, Ollama. `ANIMUS_MODEL` names the model.
#[must_use]
pub fn discover(
    vars: impl Fn(&str) -> Option<String>,
    ollama: Option<(String, Vec<String>)>,
) -> Option<Config> {
    let var = |name: &str| {
        vars(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    };
    let named = var("ANIMUS_MODEL");
    for (name, kind, keys, address, model) in HOSTED {
        let key = keys.iter().find_map(|key| var(key));
        let base_url = var(address);
        if key.is_none() && (kind != Kind::OpenAi || base_url.is_none()) {
            continue;
        }
        let usual = (kind == Kind::OpenAiCompatible).then(|| DASHSCOPE.to_owned());
        let provider = ProviderConfig {
            r#type: kind,
            base_url: base_url.or(usual),
            api_key: key.map(Secret::from),
            ..ProviderConfig::default()
        };
        return Some(single(
            name,
            provider,
            named.unwrap_or_else(|| model.to_owned()),
        ));
    }
    let (base_url, models) = ollama?;
    let model = named.or_else(|| models.into_iter().next())?;
    let provider = ProviderConfig {
        r#type: Kind::Ollama,
        base_url: Some(base_url),
        ..ProviderConfig::default()
    };
    Some(single("ollama", provider, model))
}

/// The address of Ollama: from the value of `OLLAMA_HOST` where set (`host`, `host:port`, `:port` or an address; `0.0.0.0`
/// means this machine), else `http://127.0.0.1:11434`.
#[must_use]
pub fn ollama_url(host: Option<&str>) -> String {
    let host = host
        .map(str::trim)
        .unwrap_or_default()
        .trim_end_matches('/');
    let (scheme, rest) = host.split_once("://").unwrap_or(("http", host));
    let rest = rest.replacen("0.0.0.0", "127.0.0.1", 1);
    let rest = if rest.is_empty() || rest.starts_with(':') {
        format!("127.0.0.1{rest}")
    } else {
        rest
    };
    let ported = rest
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let plain = scheme == "http" && !ported && !rest.contains('/');
    let port = if plain { ":11434" } else { "" };
    format!("{scheme}://{rest}{port}")
}

/// The models of the Ollama at `base_url`, in its order; `None` where nothing answers within `limit`, or it has no model.
pub async fn ollama_models(base_url: &str, limit: Duration) -> Option<Vec<String>> {
    let base = base_url.trim_end_matches('/');
    let base = base.strip_suffix("/v1").unwrap_or(base);
    // Fails where a provider is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().timeout(limit).build().ok()?;
    let answer = client
        .get(format!("{base}/api/tags"))
        .send()
        .await
        .ok()?
        .error_for_status()
        .ok()?;
    let list: Value = answer.json().await.ok()?;
    let names = list["models"]
        .as_array()?
        .iter()
        .filter_map(|model| model["name"].as_str());
    let names: Vec<String> = names.map(str::to_owned).collect();
    (!names.is_empty()).then_some(names)
}

fn single(name: &str, provider: ProviderConfig, model: String) -> Config {
    let model = ModelConfig {
        provider: name.to_owned(),
        model,
        default: true,
        ..ModelConfig::default()
    };
    Config {
        providers: BTreeMap::from([(name.to_owned(), provider)]),
        models: BTreeMap::from([(name.to_owned(), model)]),
        ..Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Models;

    #[test]
    fn the_first_key_counts_then_ollama() {
        let ollama = || {
            Some((
                "http://127.0.0.1:11434".to_owned(),
                vec!["qwen3".to_owned(), "other".to_owned()],
            ))
        };
        for (set, ollama, found) in [
            ("", None, None),
            ("OPENAI_API_KEY= ", None, None),
            (
                "OPENAI_API_KEY=a ANTHROPIC_API_KEY=b",
                ollama(),
                Some("openai/gpt-5.2"),
            ),
            (
                "OPENAI_BASE_URL=http://127.0.0.1:1/v1 ANIMUS_MODEL=m",
                None,
                Some("openai/m"),
            ),
            (
                "ANTHROPIC_API_KEY=b",
                ollama(),
                Some("anthropic/claude-sonnet-5-5"),
            ),
            ("ANTHROPIC_BASE_URL=http://127.0.0.1:1", None, None),
            (
                "OPENROUTER_API_KEY=c ANIMUS_MODEL=x/y",
                None,
                Some("openrouter/x/y"),
            ),
            (
                "GOOGLE_API_KEY=d",
                ollama(),
                Some("gemini/gemini-3.8-flash"),
            ),
            (
                "DASHSCOPE_API_KEY=e GEMINI_API_KEY=",
                None,
                Some("dashscope/qwen3-coder-plus"),
            ),
            ("", ollama(), Some("ollama/qwen3")),
            ("ANIMUS_MODEL=big", ollama(), Some("ollama/big")),
        ] {
            let vars = |name: &str| {
                let pairs = set.split(' ').filter_map(|pair| pair.split_once('='));
                pairs
                    .into_iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| value.to_owned())
            };
            let models = discover(vars, ollama).map(|config| Models::new(&config).unwrap());
            let label = models.map(|models| models.view()[0].2.clone());
            assert_eq!(label.as_deref(), found, "{set}");
        }
    }

    #[test]
    fn ollama_host_in_each_form() {
        for (host, url) in [
            (None, "http://127.0.0.1:11434"),
            (Some(""), "http://127.0.0.1:11434"),
            (Some("0.0.0.0"), "http://127.0.0.1:11434"),
            (Some("0.0.0.0:99"), "http://127.0.0.1:99"),
            (Some(":99"), "http://127.0.0.1:99"),
            (Some("box.local"), "http://box.local:11434"),
            (Some("http://box.local:80/"), "http://box.local:80"),
            (Some("https://box.local"), "https://box.local"),
            (Some("https://box.local/ollama"), "https://box.local/ollama"),
        ] {
            assert_eq!(ollama_url(host), url, "{host:?}");
        }
    }
}
