//! `OpenAi`: the chat completions dialect, also of OpenRouter, DashScope, vLLM, llama.cpp and everything compatible.

use futures::{FutureExt, future::BoxFuture};
use reqwest::header::AUTHORIZATION;
use tokio_util::sync::CancellationToken;

use crate::{
    Error, Piece, Progress, Provider, ProviderConfig, ProviderRequest, RawReply,
    body::Body,
    http::Endpoint,
    provider::unless_cancelled,
    quirks::{Known, Quirk, Quirks},
};

pub(crate) use request::{FOREIGN, cache_key, decimal, function};

mod details;
mod request;
mod sides;
mod stream;

const POSSIBLE: &[Quirk] = &[
    Quirk::StaleCarry(0),
    Quirk::Limit(0),
    Quirk::NoStreamOptions,
    Quirk::NoTools,
    Quirk::Alternating,
    Quirk::NoSystem,
    Quirk::NoParallel,
    Quirk::NoSchema,
    Quirk::CompletionLimit,
    Quirk::NoTemperature,
    Quirk::NoCacheKey,
    Quirk::ShortIds,
    Quirk::ThoughtsBack,
    Quirk::NoEffort,
    Quirk::NoThoughtsBack,
    Quirk::Signatures,
];

/// A server that speaks chat completions.
#[derive(Debug)]
pub(crate) struct OpenAi {
    endpoint: Endpoint,
    quirks: Quirks,
}

impl OpenAi {
    pub(crate) fn new(name: &str, config: &ProviderConfig) -> Result<OpenAi, Error> {
        let endpoint = Endpoint::new(name, config, "chat/completions")?;
        Ok(OpenAi {
            endpoint,
            quirks: Quirks::default(),
        })
    }

    async fn ask(
        &self,
        request: &ProviderRequest<'_>,
        known: &Known,
        on: &mut (dyn FnMut(Piece<'_>) + Send),
    ) -> Result<RawReply, Error> {
        let endpoint = &self.endpoint;
        let plain = known.plain(request);
        let request = &known.fit(request, plain.as_ref());
        let asked = request::body(request, endpoint.kind, endpoint.is_makers_own(), known);
        let body = endpoint
            .post((AUTHORIZATION, "Bearer "), &[], &asked)
            .await?;
        let mut told = Progress::default();
        let mut answer = stream::Answer::new(endpoint);
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
}

impl Provider for OpenAi {
    fn complete<'a>(
        &'a self,
        request: &'a ProviderRequest<'a>,
        cancel: &'a CancellationToken,
        on: &'a mut (dyn FnMut(Piece<'_>) + Send),
    ) -> BoxFuture<'a, Result<RawReply, Error>> {
        let ask = async move {
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
                    outcome => return outcome,
                }
            }
        };
        unless_cancelled(cancel, ask).boxed()
    }

    fn tells_tools_in_text(&self, request: &ProviderRequest<'_>) -> bool {
        self.quirks.of(request).has(Quirk::NoTools)
    }
}
