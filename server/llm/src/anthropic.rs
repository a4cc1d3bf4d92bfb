//! `Anthropic`: the messages dialect.

use futures::{FutureExt, future::BoxFuture};
use reqwest::header::HeaderName;
use tokio_util::sync::CancellationToken;

use crate::{
    Error, Piece, Progress, Provider, ProviderConfig, ProviderRequest, RawReply,
    body::Body,
    http::Endpoint,
    provider::unless_cancelled,
    quirks::{Known, Quirk, Quirks},
};

mod request;
mod stream;

const POSSIBLE: &[Quirk] = &[
    Quirk::StaleCarry(0),
    Quirk::Limit(0),
    Quirk::NoTools,
    Quirk::OldEffort,
    Quirk::NoEffort,
    Quirk::NoTemperature,
    Quirk::NoSchema,
];

/// A server that speaks messages.
#[derive(Debug)]
pub(crate) struct Anthropic {
    endpoint: Endpoint,
    quirks: Quirks,
}

impl Anthropic {
    pub(crate) fn new(name: &str, config: &ProviderConfig) -> Result<Anthropic, Error> {
        let endpoint = Endpoint::new(name, config, "messages")?;
        Ok(Anthropic {
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
        let key = (HeaderName::from_static("x-api-key"), "");
        let version = [("anthropic-version", "2023-06-01")];
        let asked = request::body(request, known);
        let body = self.endpoint.post(key, &version, &asked).await?;
        let mut told = Progress::default();
        let mut answer = stream::Answer::new(&self.endpoint);
        match body {
            Body::Json(value) => answer.whole(&value, on)?,
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

impl Provider for Anthropic {
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
