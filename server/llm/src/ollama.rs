//! `Ollama`: its own chat, in JSON lines. Unlike its compatible endpoint this one lets us say how long the context is, and a
//! prompt that does not fit is an error instead of being cut in silence. A server that has no such chat but takes its place is
//! asked for chat completions.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::{FutureExt, future::BoxFuture};
use reqwest::header::AUTHORIZATION;
use tokio_util::sync::CancellationToken;

use crate::{
    Error, Piece, Progress, Provider, ProviderConfig, ProviderRequest, RawReply,
    body::Body,
    http::Endpoint,
    openai::OpenAi,
    provider::unless_cancelled,
    quirks::{Known, Quirk, Quirks},
};

mod request;
mod stream;

const POSSIBLE: &[Quirk] = &[
    Quirk::NoTools,
    Quirk::NoSystem,
    Quirk::NoSchema,
    Quirk::OldEffort,
    Quirk::NoEffort,
];

/// A server that speaks Ollama's chat.
#[derive(Debug)]
pub(crate) struct Ollama {
    endpoint: Endpoint,
    quirks: Quirks,
    stand_in: OpenAi,
    /// Set once the stand-in answered.
    is_stand_in: AtomicBool,
}

impl Ollama {
    pub(crate) fn new(name: &str, config: &ProviderConfig) -> Result<Ollama, Error> {
        let endpoint = Endpoint::new(name, config, "api/chat")?;
        Ok(Ollama {
            endpoint,
            quirks: Quirks::default(),
            stand_in: OpenAi::new(name, config)?,
            is_stand_in: AtomicBool::new(false),
        })
    }

    /// Whether the address is that of the server itself, not of its OpenAI-compatible part.
    pub(crate) fn is_native(config: &ProviderConfig) -> bool {
        let url = config.base_url.as_deref().unwrap_or_default().trim();
        !url.split('/').any(|part| part == "v1")
    }

    async fn ask(
        &self,
        request: &ProviderRequest<'_>,
        known: &Known,
        on: &mut (dyn FnMut(Piece<'_>) + Send),
    ) -> Result<RawReply, Error> {
        let plain = known.plain(request);
        let request = &known.fit(request, plain.as_ref());
        let asked = request::body(request, known);
        let key = (AUTHORIZATION, "Bearer ");
        let body = self.endpoint.post_for_lines(key, &asked).await?;
        let mut told = Progress::default();
        let mut answer = stream::Answer::new(&self.endpoint);
        match body {
            Body::Json(value) => drop(answer.feed(&value, on)?),
            Body::Events(events) => drop(
                events
                    .drain(|value| {
                        let step = answer.feed(value, on);
                        told.tell(answer.progress(), &self.endpoint.name, on)?;
                        step
                    })
                    .await?,
            ),
        }
        told.tell(answer.progress(), &self.endpoint.name, on)?;
        answer.finish(request)
    }
}

impl Provider for Ollama {
    fn complete<'a>(
        &'a self,
        request: &'a ProviderRequest<'a>,
        cancel: &'a CancellationToken,
        on: &'a mut (dyn FnMut(Piece<'_>) + Send),
    ) -> BoxFuture<'a, Result<RawReply, Error>> {
        let ask = async move {
            if self.is_stand_in.load(Ordering::Relaxed) {
                return self.stand_in.complete(request, cancel, on).await;
            }
            let mut known = self.quirks.of(request);
            loop {
                let mut spoke = false;
                let mut hear = |piece: Piece<'_>| {
                    spoke |= piece.is_shown();
                    on(piece);
                };
                match self.ask(request, &known, &mut hear).await {
                    Err(error)
                        if !spoke && self.quirks.learn(request, &mut known, POSSIBLE, &error) => {}
                    Err(error) if has_no_such_path(&error) => {
                        let reply = self.stand_in.complete(request, cancel, on).await;
                        if reply.is_err() {
                            return Err(error);
                        }
                        self.is_stand_in.store(true, Ordering::Relaxed);
                        return reply;
                    }
                    outcome => return outcome,
                }
            }
        };
        unless_cancelled(cancel, ask).boxed()
    }

    fn tells_tools_in_text(&self, request: &ProviderRequest<'_>) -> bool {
        match self.is_stand_in.load(Ordering::Relaxed) {
            true => self.stand_in.tells_tools_in_text(request),
            false => self.quirks.of(request).has(Quirk::NoTools),
        }
    }
}

/// Whether the server knows no `/api/chat`; Ollama itself says 404 also of a model, and names it.
fn has_no_such_path(error: &Error) -> bool {
    matches!(error, Error::Invalid { status: 404 | 405, message, .. } if !message.contains("model"))
}
