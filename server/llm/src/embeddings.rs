//! `Embeddings`: texts as vectors, from a server that speaks OpenAI's `/embeddings`.
//!
//! Invariant: an answer is used only whole: one vector a text, in the order of the texts, all of one length, every number finite.

use std::fmt;

use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    Error, Kind, ProviderConfig, body::Body, error::Next, http::Endpoint,
    provider::unless_cancelled, retry,
};

/// Numbers of one vector at most.
const MOST_NUMBERS: usize = 8_192;

/// One model of one server that makes vectors.
pub struct Embeddings {
    endpoint: Endpoint,
    model: String,
}

/// The vectors of some texts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Embedded {
    /// One for each text, in the order of the texts, all of one length, as the server sent them (not normalised).
    pub vectors: Vec<Vec<f32>>,
    /// Tokens that the server says it read; absent where it did not say for every request.
    pub tokens: Option<u64>,
}

impl Embeddings {
    /// Texts of one request at most.
    pub const MOST_TEXTS: usize = 64;
    /// Bytes of the texts of one request at most; a longer text goes alone.
    pub const MOST_BYTES: usize = 100_000;

    /// Checks the configuration; nothing is contacted.
    ///
    /// # Errors
    /// `Config` for a provider that does not speak OpenAI's form, a missing address or an empty `model`.
    pub fn new(name: &str, config: &ProviderConfig, model: &str) -> Result<Embeddings, Error> {
        if !config.r#type.has_embeddings() {
            return Err(Error::Config(format!(
                "providers.{name} makes no embeddings: only openai, openai_compatible, openrouter and ollama do"
            )));
        }
        if model.trim().is_empty() {
            return Err(Error::Config(
                "the model of the embeddings is missing: write the server's name for it".into(),
            ));
        }
        let mut config = config.clone();
        // An address that names the chat's path means the same server.
        config.base_url = config.base_url.map(|url| {
            let url = url.trim().trim_end_matches('/');
            let chat = ["/chat/completions", "/responses"];
            let base = chat.iter().find_map(|path| url.strip_suffix(path));
            base.unwrap_or(url).to_owned()
        });
        Ok(Embeddings {
            endpoint: Endpoint::new(name, &config, "embeddings")?,
            model: model.trim().to_owned(),
        })
    }

    /// `provider/model`.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}/{}", self.endpoint.name, self.model)
    }

    /// How many of the first of these texts (by their lengths in bytes) go into one request.
    #[must_use]
    pub fn batch(lengths: impl IntoIterator<Item = usize>) -> usize {
        let mut bytes = 0;
        let fits = |length: &usize| {
            bytes += length;
            bytes <= Self::MOST_BYTES
        };
        let fitting = lengths.into_iter().take(Self::MOST_TEXTS).take_while(fits);
        fitting.count().max(1)
    }

    /// The vectors of `texts`, asked in batches, one request at a time; each is asked again as a call of a model is. When `cancel`
    /// fires, the connection closes.
    ///
    /// # Errors
    /// As a call of a model; `Broken` for an answer that does not fit the texts.
    pub async fn embed(
        &self,
        texts: &[&str],
        cancel: &CancellationToken,
    ) -> Result<Embedded, Error> {
        let mut all = Embedded {
            vectors: Vec::with_capacity(texts.len()),
            tokens: Some(0),
        };
        let mut rest = texts;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(Self::batch(rest.iter().map(|text| text.len())));
            let some = self.persist(now, cancel).await?;
            all.tokens = all
                .tokens
                .zip(some.tokens)
                .map(|(sum, more)| sum.saturating_add(more));
            all.vectors.extend(some.vectors);
            rest = later;
        }
        let length = all.vectors.first().map_or(0, Vec::len);
        match all.vectors.iter().all(|vector| vector.len() == length) {
            true => Ok(all),
            false => Err(self.broken("its vectors have different lengths")),
        }
    }

    /// Attempts at one request, with pauses.
    async fn persist(&self, texts: &[&str], cancel: &CancellationToken) -> Result<Embedded, Error> {
        for attempt in 1.. {
            let error = match unless_cancelled(cancel, self.ask(texts)).await {
                Ok(embedded) => return Ok(embedded),
                Err(error) => error,
            };
            let wait = match error.next() {
                Next::Again(asked) => retry::pause(attempt, retry::ATTEMPTS, asked),
                Next::Fallback | Next::Stop => None,
            };
            let Some(wait) = wait else {
                return Err(error);
            };
            tracing::info!(model = self.label(), %error, "embeddings are asked for again");
            let rest = async {
                sleep(wait).await;
                Ok(())
            };
            unless_cancelled(cancel, rest).await?;
        }
        Err(Error::Cancelled)
    }

    async fn ask(&self, texts: &[&str]) -> Result<Embedded, Error> {
        let request = json!({"model": self.model, "input": texts, "encoding_format": "float"});
        let key = (AUTHORIZATION, "Bearer ");
        let answer = match self.endpoint.post(key, &[], &request).await? {
            Body::Json(answer) => answer,
            Body::Events(_) => return Err(self.broken("it is no JSON")),
        };
        if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
            return Err(self.endpoint.error_in_stream(error));
        }
        Ok(Embedded {
            vectors: vectors(&answer, texts.len()).map_err(|message| self.broken(message))?,
            tokens: answer["usage"]["prompt_tokens"].as_u64(),
        })
    }

    fn broken(&self, message: impl Into<String>) -> Error {
        Error::broken(&self.endpoint.name, message)
    }
}

impl fmt::Debug for Embeddings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label())
    }
}

impl Kind {
    /// Whether a server of this kind has OpenAI's `/embeddings`.
    #[must_use]
    pub fn has_embeddings(self) -> bool {
        !matches!(self, Kind::Anthropic | Kind::Gemini | Kind::Scripted)
    }
}

/// The vectors of an answer by their `index`, or what is wrong with it.
fn vectors(answer: &Value, count: usize) -> Result<Vec<Vec<f32>>, String> {
    let data = answer["data"]
        .as_array()
        .ok_or("it holds no list of embeddings")?;
    if data.len() != count {
        return Err(format!("{} embeddings for {count} texts", data.len()));
    }
    let mut vectors: Vec<Option<Vec<f32>>> = vec![None; count];
    for (at, item) in data.iter().enumerate() {
        let place = match &item["index"] {
            Value::Null => Some(at),
            index => index.as_u64().and_then(|index| usize::try_from(index).ok()),
        };
        let slot = place
            .and_then(|place| vectors.get_mut(place))
            .ok_or("an embedding belongs to no text")?;
        if slot.is_some() {
            return Err("two embeddings belong to one text".into());
        }
        *slot = Some(vector(&item["embedding"])?);
    }
    let vectors: Vec<Vec<f32>> = vectors.into_iter().flatten().collect();
    let length = vectors.first().map_or(0, Vec::len);
    match vectors.iter().all(|vector| vector.len() == length) {
        true => Ok(vectors),
        false => Err("its vectors have different lengths".into()),
    }
}

fn vector(value: &Value) -> Result<Vec<f32>, String> {
    let numbers = value.as_array().ok_or("an embedding is no list")?;
    if numbers.is_empty() || numbers.len() > MOST_NUMBERS {
        return Err(format!(
            "an embedding of {} numbers; from 1 to {MOST_NUMBERS} can be used",
            numbers.len()
        ));
    }
    let number = |value: &Value| {
        let number = value.as_f64().ok_or("an embedding holds no number")? as f32;
        match number.is_finite() {
            true => Ok(number),
            false => Err("an embedding holds a number without end".to_owned()),
        }
    };
    numbers.iter().map(number).collect()
}
