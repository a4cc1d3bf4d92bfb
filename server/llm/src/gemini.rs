//! `Gemini`: Google's `generateContent` dialect, with an address for each model.

use futures::{FutureExt, future::BoxFuture};
use reqwest::header::HeaderName;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    Error, Piece, Progress, Provider, ProviderConfig, ProviderRequest, RawReply,
    body::Body,
    http::Endpoint,
    provider::unless_cancelled,
    quirks::{Known, Quirk, Quirks},
};

mod request;
mod schema;
mod stream;

const POSSIBLE: &[Quirk] = &[
    Quirk::StaleCarry(0),
    Quirk::Signatures,
    Quirk::NoTools,
    Quirk::NoSystem,
    Quirk::OldSchemas,
    Quirk::NoIds,
    Quirk::OldEffort,
    Quirk::NoEffort,
    Quirk::NoSummary,
    Quirk::NoSchema,
    Quirk::NoTemperature,
];

/// A server that speaks `generateContent`.
#[derive(Debug)]
pub(crate) struct Gemini {
    endpoint: Endpoint,
    quirks: Quirks,
}

impl Gemini {
    pub(crate) fn new(name: &str, config: &ProviderConfig) -> Result<Gemini, Error> {
        let endpoint = Endpoint::new(name, config, "models")?;
        Ok(Gemini {
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
        let plain = known.plain(request);
        let request = &known.fit(request, plain.as_ref());
        // The key goes into a header: addresses end up in logs.
        let key = (HeaderName::from_static("x-goog-api-key"), "");
        let model = request
            .model
            .strip_prefix("models/")
            .unwrap_or(request.model);
        let path = format!("/{model}:streamGenerateContent");
        let asked = request::body(request, known);
        let body = self
            .endpoint
            .post_to((&path, "alt=sse"), key, &asked)
            .await?;
        let mut told = Progress::default();
        let mut answer = stream::Answer::new(&self.endpoint);
        match body {
            Body::Json(Value::Array(chunks)) => {
                for chunk in &chunks {
                    answer.feed(chunk, on)?;
                }
            }
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

impl Provider for Gemini {
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
