//! `Anthropic`: the messages dialect.

use futures::{FutureExt, future::BoxFuture};
use reqwest::header::HeaderName;
use tokio_util::sync::CancellationToken;

use crate::{
    Error, Piece, Provider, ProviderConfig, ProviderRequest, RawReply, body::Body, http::Endpoint,
    provider::unless_cancelled,
};

mod request;
mod stream;

/// A server that speaks messages.
#[derive(Debug)]
pub(crate) struct Anthropic {
    endpoint: Endpoint,
}

impl Anthropic {
    pub(crate) fn new(name: &str, config: &ProviderConfig) -> Result<Anthropic, Error> {
        let endpoint = Endpoint::new(name, config, "messages")?;
        Ok(Anthropic { endpoint })
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
            let endpoint = &self.endpoint;
            let key = (HeaderName::from_static("x-api-key"), "");
            let version = [("anthropic-version", "2023-06-01")];
            let body = endpoint
                .post(key, &version, &request::body(request))
                .await?;
            let mut answer = stream::Answer::new(endpoint);
            match body {
                Body::Json(value) => answer.whole(&value, on)?,
                Body::Events(events) => drop(events.drain(|value| answer.feed(value, on)).await?),
            }
            answer.finish(request)
        };
        unless_cancelled(cancel, ask).boxed()
    }
}
