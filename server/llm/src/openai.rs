//! `OpenAi`: the chat completions dialect, also of OpenRouter, Ollama and everything compatible.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::{FutureExt, future::BoxFuture};
use reqwest::header::AUTHORIZATION;
use tokio_util::sync::CancellationToken;

use crate::{
    Error, Piece, Provider, ProviderConfig, ProviderRequest, RawReply, body::Body, http::Endpoint,
    provider::unless_cancelled,
};

pub(crate) use request::decimal;

mod request;
mod stream;

/// A server that speaks chat completions.
#[derive(Debug)]
pub(crate) struct OpenAi {
    endpoint: Endpoint,
    /// Set once the server refused `stream_options`, which older ones do not know.
    plain: AtomicBool,
}

impl OpenAi {
    pub(crate) fn new(name: &str, config: &ProviderConfig) -> Result<OpenAi, Error> {
        let endpoint = Endpoint::new(name, config, "chat/completions")?;
        Ok(OpenAi {
            endpoint,
            plain: AtomicBool::new(false),
        })
    }

    async fn post(&self, request: &ProviderRequest<'_>) -> Result<Body, Error> {
        let endpoint = &self.endpoint;
        let key = (AUTHORIZATION, "Bearer ");
        let mut body = request::body(request, endpoint.kind, endpoint.is_makers_own());
        let options = "stream_options";
        if !self.plain.load(Ordering::Relaxed) {
            match endpoint.post(key.clone(), &[], &body).await {
                Err(Error::Invalid { message, .. }) if message.contains(options) => {
                    self.plain.store(true, Ordering::Relaxed);
                }
                other => return other,
            }
        }
        if let Some(object) = body.as_object_mut() {
            object.remove(options);
        }
        endpoint.post(key, &[], &body).await
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
            let endpoint = &self.endpoint;
            let body = self.post(request).await?;
            let mut answer = stream::Answer::new(endpoint);
            match body {
                Body::Json(value) => drop(answer.feed(&value, on)?),
                Body::Events(events) => {
                    let end = events.drain(|value| answer.feed(value, on)).await?;
                    answer.ended(end);
                }
            }
            answer.finish(request)
        };
        unless_cancelled(cancel, ask).boxed()
    }
}
