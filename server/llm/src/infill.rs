//! `Infilling`: a provider that fills gaps in its server's own way, and in a conversation where the server has none.
//!
//! Invariant: a conversation passes unchanged; a gap goes out once, but for a server that says that it cannot: then once more, as a
//! conversation, and that is remembered for the model.
//!
//! The ways, each as its maker documents it: `/completions` with `suffix`
//! (platform.openai.com/docs/api-reference/completions/create), `/fim/completions` (docs.mistral.ai/api/#tag/fim),
//! `/beta/completions` (api-docs.deepseek.com/api/create-completion), `/api/generate` with `suffix` (docs.ollama.com/api/generate)
//! and `/infill` (github.com/ggml-org/llama.cpp, tools/server/README.md).

use std::collections::BTreeSet;

use futures::{FutureExt, future::BoxFuture};
use parking_lot::Mutex;
use reqwest::header::AUTHORIZATION;
use tokio_util::sync::CancellationToken;

use crate::{
    Error, Gap, Infill, Kind, Piece, Progress, Provider, ProviderConfig, ProviderRequest, RawReply,
    body::Body, http::Endpoint, ollama::Ollama, provider::unless_cancelled,
};

mod bare;
mod wire;

/// How a gap goes out, once it is no conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Completions,
    Mistral,
    DeepSeek,
    Ollama,
    LlamaCpp,
}

/// Another provider, with the addresses for gaps.
struct Infilling {
    provider: Box<dyn Provider>,
    name: String,
    config: ProviderConfig,
    /// What `auto` means here.
    usual: Option<Way>,
    endpoints: Mutex<Vec<(Way, std::sync::Arc<Endpoint>)>>,
    /// Names of models whose server said that it fills no gaps.
    conversing: Mutex<BTreeSet<String>>,
}

/// `provider`, which fills gaps as well.
///
/// # Errors
/// `Config` where the address is no address.
pub(crate) fn over(
    provider: Box<dyn Provider>,
    name: &str,
    config: &ProviderConfig,
) -> Result<Box<dyn Provider>, Error> {
    Ok(Box::new(Infilling {
        provider,
        name: name.to_owned(),
        config: config.clone(),
        usual: usual(config),
        endpoints: Mutex::default(),
        conversing: Mutex::default(),
    }))
}

/// How a server is asked where nobody says.
fn usual(config: &ProviderConfig) -> Option<Way> {
    let host = config
        .base_url
        .as_deref()
        .and_then(|url| reqwest::Url::parse(url.trim()).ok())
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default();
    let is_at = |domain: &str| host == domain || host.ends_with(&format!(".{domain}"));
    match config.r#type {
        Kind::Ollama if Ollama::is_native(config) => Some(Way::Ollama),
        Kind::Ollama => Some(Way::Completions),
        Kind::OpenAi | Kind::OpenAiCompatible if is_at("mistral.ai") => Some(Way::Mistral),
        Kind::OpenAi | Kind::OpenAiCompatible if is_at("deepseek.com") => Some(Way::DeepSeek),
        Kind::OpenAiCompatible => Some(Way::Completions),
        // OpenAI's own models of today converse only.
        Kind::OpenAi
        | Kind::OpenAiResponses
        | Kind::Anthropic
        | Kind::Gemini
        | Kind::OpenRouter
        | Kind::Scripted => None,
    }
}

impl Infilling {
    fn way(&self, request: &ProviderRequest<'_>) -> Option<Way> {
        match request.infill {
            Infill::Auto if self.conversing.lock().contains(request.model) => None,
            Infill::Auto => self.usual,
            Infill::Completions => Some(Way::Completions),
            Infill::Mistral => Some(Way::Mistral),
            Infill::DeepSeek => Some(Way::DeepSeek),
            Infill::Ollama => Some(Way::Ollama),
            Infill::LlamaCpp => Some(Way::LlamaCpp),
            Infill::Chat => None,
        }
    }

    /// The address of a way, made when it is first needed.
    fn endpoint(&self, way: Way) -> Result<std::sync::Arc<Endpoint>, Error> {
        let mut known = self.endpoints.lock();
        if let Some((_, endpoint)) = known.iter().find(|(known, _)| *known == way) {
            return Ok(endpoint.clone());
        }
        let endpoint = std::sync::Arc::new(way.endpoint(&self.name, &self.config)?);
        known.push((way, endpoint.clone()));
        Ok(endpoint)
    }

    async fn ask(
        &self,
        way: Way,
        gap: &Gap,
        request: &ProviderRequest<'_>,
        on: &mut (dyn FnMut(Piece<'_>) + Send),
    ) -> Result<RawReply, Error> {
        let endpoint = self.endpoint(way)?;
        let key = (AUTHORIZATION, "Bearer ");
        let asked = wire::body(way, gap, request);
        let body = match way {
            Way::Ollama => endpoint.post_for_lines(key, &asked).await?,
            _ => endpoint.post(key, &[], &asked).await?,
        };
        let mut told = Progress::default();
        let mut answer = wire::Answer::new(&endpoint);
        match body {
            Body::Json(value) => drop(answer.feed(&value, on)?),
            Body::Events(events) => {
                let end = events
                    .drain(|value| {
                        let step = answer.feed(value, on);
                        told.tell(answer.progress(), &endpoint.name, on)?;
                        step
                    })
                    .await?;
                answer.ended(end);
            }
        }
        told.tell(answer.progress(), &endpoint.name, on)?;
        answer.finish(request)
    }

    /// Asks in a conversation; fences and marks that the model wrote all the same are left out.
    async fn converse(
        &self,
        request: &ProviderRequest<'_>,
        cancel: &CancellationToken,
        on: &mut (dyn FnMut(Piece<'_>) + Send),
    ) -> Result<RawReply, Error> {
        let request = ProviderRequest {
            gap: None,
            ..*request
        };
        let mut bare = bare::Bare::default();
        let mut hear = |piece: Piece<'_>| match piece {
            Piece::Text(text) => {
                let shown = bare.feed(text);
                if !shown.is_empty() {
                    on(Piece::Text(&shown));
                }
            }
            other => on(other),
        };
        let reply = self.provider.complete(&request, cancel, &mut hear).await?;
        let rest = bare.end();
        if !rest.is_empty() {
            on(Piece::Text(&rest));
        }
        Ok(RawReply {
            text: bare.text,
            ..reply
        })
    }
}

impl Way {
    fn endpoint(self, name: &str, config: &ProviderConfig) -> Result<Endpoint, Error> {
        let mut config = config.clone();
        // An address that names the path of the chat means the same server.
        config.base_url = config.base_url.map(|url| {
            let url = url.trim().trim_end_matches('/');
            let base = url.strip_suffix("/chat/completions");
            base.unwrap_or(url).to_owned()
        });
        Ok(match self {
            Way::Completions => Endpoint::new(name, &config, "completions")?,
            Way::Mistral => Endpoint::new(name, &config, "fim/completions")?,
            Way::Ollama => Endpoint::new(name, &config, "api/generate")?.moved(|path| {
                // Written for a server whose address is that of its compatible part.
                path.replace("/v1/api/generate", "/api/generate")
            }),
            Way::DeepSeek => Endpoint::new(name, &config, "completions")?.moved(|path| {
                let base = path.trim_end_matches("/completions");
                let base = base.trim_end_matches("/v1").trim_end_matches("/beta");
                format!("{base}/beta/completions")
            }),
            Way::LlamaCpp => Endpoint::new(name, &config, "infill")?
                .moved(|path| path.replace("/v1/infill", "/infill")),
        })
    }
}

impl Provider for Infilling {
    fn complete<'a>(
        &'a self,
        request: &'a ProviderRequest<'a>,
        cancel: &'a CancellationToken,
        on: &'a mut (dyn FnMut(Piece<'_>) + Send),
    ) -> BoxFuture<'a, Result<RawReply, Error>> {
        let Some(gap) = request.gap else {
            return self.provider.complete(request, cancel, on);
        };
        let ask = async move {
            if let Some(way) = self.way(request) {
                let mut spoke = false;
                let mut hear = |piece: Piece<'_>| {
                    spoke |= piece.is_shown();
                    on(piece);
                };
                let asked = self.ask(way, gap, request, &mut hear);
                match unless_cancelled(cancel, asked).await {
                    Err(error) if !spoke && request.infill == Infill::Auto && cannot(&error) => {
                        tracing::info!(model = request.label, %error, "gaps go out as conversations");
                        self.conversing.lock().insert(request.model.to_owned());
                    }
                    outcome => return outcome,
                }
            }
            self.converse(request, cancel, on).await
        };
        ask.boxed()
    }

    fn tells_tools_in_text(&self, request: &ProviderRequest<'_>) -> bool {
        self.provider.tells_tools_in_text(request)
    }
}

/// Whether the server knows no such path or no such request.
fn cannot(error: &Error) -> bool {
    matches!(
        error,
        Error::Invalid {
            status: 400 | 404 | 405 | 422,
            ..
        } | Error::Overloaded { status: 501, .. }
    )
}
