//! The list of models that a server offers: proof that it is there and takes the key, at no cost.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderName};
use serde_json::Value;
use tokio::time::timeout;

use super::Endpoint;
use crate::{Error, Kind, ProviderConfig, body::Body};

/// Entries of a list that are kept.
const MOST: usize = 10_000;

/// A model as its server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The server's name for it.
    pub id: String,
    /// Tokens that a conversation may have in all, where the list says so.
    pub context_tokens: Option<u64>,
}

/// The models of a server, and whether these are all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// In the server's order.
    pub models: Vec<Listed>,
    /// Whether the server said that there are more.
    pub more: bool,
}

/// Asks the server `name` for its models, for at most `limit`: `GET {base}/models`, which OpenAI, Anthropic, Gemini, Ollama and
/// everything compatible have.
///
/// # Errors
/// As a call of a model; `Config` for a scripted provider.
pub async fn listing(
    name: &str,
    config: &ProviderConfig,
    limit: Duration,
) -> Result<Listing, Error> {
    let config = ProviderConfig {
        base_url: config.base_url.as_deref().map(bare),
        ..config.clone()
    };
    let endpoint = Endpoint::new(name, &config, "models")?;
    let ask = async {
        match endpoint.get(key_header(config.r#type)).await? {
            Body::Json(value) => Ok(read(&value)),
            _ => Err(Error::broken(name, "its list of models is no JSON")),
        }
    };
    let late = |_| Error::Timeout {
        provider: name.to_owned(),
        after: limit,
    };
    timeout(limit, ask).await.map_err(late)?
}

/// An address that names the path of a dialect means the same server.
fn bare(url: &str) -> String {
    let url = url.trim().trim_end_matches('/');
    let paths = [
        "/chat/completions",
        "/responses",
        "/messages",
        "/api/chat",
        "/api",
    ];
    let path = paths.iter().find_map(|path| url.strip_suffix(path));
    path.unwrap_or(url).to_owned()
}

fn key_header(kind: Kind) -> (HeaderName, &'static str) {
    match kind {
        Kind::Anthropic => (HeaderName::from_static("x-api-key"), ""),
        Kind::Gemini => (HeaderName::from_static("x-goog-api-key"), ""),
        _ => (AUTHORIZATION, "Bearer "),
    }
}

/// `{"data": [{"id"}]}` of most, `{"models": [{"name": "models/…"}]}` of Gemini; how each names the size of the context.
fn read(value: &Value) -> Listing {
    let entries = value["data"].as_array().or(value["models"].as_array());
    let more = value["has_more"] == true || value["nextPageToken"].is_string();
    let entries = entries.map_or(&[][..], Vec::as_slice);
    let models = entries.iter().take(MOST).filter_map(|entry| {
        let id = entry["id"].as_str().or(entry["name"].as_str())?;
        let sizes = [
            &entry["context_length"],
            &entry["max_model_len"],
            &entry["inputTokenLimit"],
            &entry["max_input_tokens"],
            &entry["meta"]["n_ctx_train"],
        ];
        Some(Listed {
            id: id.strip_prefix("models/").unwrap_or(id).to_owned(),
            context_tokens: sizes.into_iter().find_map(Value::as_u64),
        })
    });
    Listing {
        models: models.collect(),
        more: more || entries.len() > MOST,
    }
}

impl Listing {
    /// The entry of a model, by the server's name for it; Ollama's `:latest` may be left out.
    #[must_use]
    pub fn find(&self, model: &str) -> Option<&Listed> {
        let same = |listed: &&Listed| {
            listed.id == model || listed.id.strip_suffix(":latest") == Some(model)
        };
        self.models.iter().find(same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_makers_list_is_read() {
        let openrouter = json!({"data": [{"id": "a/b", "context_length": 128_000}, {"no": "id"}]});
        let vllm = json!({"object": "list", "data": [{"id": "qwen", "max_model_len": 32_768}]});
        let gemini = json!({"models": [{"name": "models/gem", "inputTokenLimit": 1_048_576}], "nextPageToken": "x"});
        let ollama = json!({"data": [{"id": "qwen3:latest"}]});
        let found = |value: &Value, model: &str| {
            let listing = read(value);
            let found = listing.find(model).map(|listed| listed.context_tokens);
            (found, listing.more)
        };
        assert_eq!(found(&openrouter, "a/b"), (Some(Some(128_000)), false));
        assert_eq!(found(&vllm, "qwen"), (Some(Some(32_768)), false));
        assert_eq!(found(&gemini, "gem"), (Some(Some(1_048_576)), true));
        assert_eq!(found(&ollama, "qwen3"), (Some(None), false));
        assert_eq!(found(&ollama, "qwen"), (None, false));
        assert_eq!(read(&json!("nonsense")), Listing::default());
    }
}
