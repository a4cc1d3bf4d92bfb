//! `Endpoint`: one server's address, key and client; sends a request and opens the body of the answer.
//!
//! Invariant: the key goes to the configured host alone (redirects are refused), and every message that leaves here is free of it.

use std::{sync::OnceLock, time::Duration};

use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use reqwest::{
    Client, Response, Url,
    header::{HeaderMap, HeaderName, HeaderValue, LOCATION},
    redirect::Policy,
};
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    Error, Kind, ProviderConfig, Secret,
    body::{self, Body},
    error::{Refusal, short},
    retry,
};

/// The part of an error page that is read.
const ERROR_PAGE: usize = 64 << 10;

/// One server.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    url: Url,
    key: Option<Secret>,
    idle: Duration,
    client: OnceLock<Client>,
}

impl Endpoint {
    /// Checks the configuration; no client is made before the first request.
    pub(crate) fn new(name: &str, config: &ProviderConfig, path: &str) -> Result<Endpoint, Error> {
        let kind = config.r#type;
        let wrong = |message: String| Error::Config(format!("providers.{name}.base_url {message}"));
        let given = config
            .base_url
            .as_deref()
            .map(str::trim)
            .filter(|url| !url.is_empty());
        let text = given.or(kind.default_url()).ok_or_else(|| {
            wrong(
                "is missing: write the address of the server, such as http://127.0.0.1:8080/v1"
                    .into(),
            )
        })?;
        let mut url =
            Url::parse(text).map_err(|error| wrong(format!("is not a valid address ({error})")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong("must start with http:// or https://".into()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong(
                "must hold no user and no password: use api_key_env".into(),
            ));
        }
        url.set_path(&full_path(url.path(), path));
        let seconds = config
            .timeout
            .filter(|seconds| *seconds > 0)
            .unwrap_or(match kind {
                Kind::Ollama => 300,
                _ => 60,
            });
        Ok(Endpoint {
            name: name.to_owned(),
            kind,
            url,
            key: config
                .api_key
                .clone()
                .filter(|key| !key.expose().is_empty()),
            idle: Duration::from_secs(seconds.min(86_400)),
            client: OnceLock::new(),
        })
    }

    /// Whether this is the maker's own server: it wants a key, and knows the newest words of the dialect.
    pub(crate) fn is_makers_own(&self) -> bool {
        let own = self.kind.default_url().and_then(|url| Url::parse(url).ok());
        self.kind != Kind::Ollama && own.is_some_and(|own| own.host_str() == self.url.host_str())
    }

    /// Posts `request`; the key goes into the header that `key_header` names, behind its prefix.
    pub(crate) async fn post(
        &self,
        key_header: (HeaderName, &str),
        headers: &[(&'static str, &'static str)],
        request: &Value,
    ) -> Result<Body, Error> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_static(value));
        }
        if let Some(key) = &self.key {
            let (name, prefix) = key_header;
            let mut value =
                HeaderValue::from_str(&format!("{prefix}{}", key.expose())).map_err(|_| {
                    Error::Auth {
                        provider: self.name.clone(),
                        message: "it holds a character that no key can hold".into(),
                    }
                })?;
            value.set_sensitive(true);
            map.insert(name, value);
        } else if self.is_makers_own() {
            return Err(Error::Auth {
                provider: self.name.clone(),
                message: "no key is set".into(),
            });
        }
        let send = self
            .client()?
            .post(self.url.clone())
            .headers(map)
            .json(request)
            .send();
        let response = match timeout(self.idle, send).await {
            Err(_) => {
                return Err(Error::Timeout {
                    provider: self.name.clone(),
                    after: self.idle,
                });
            }
            Ok(response) => response.map_err(|error| self.fault(error))?,
        };
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        let (name, key) = (self.name.clone(), self.key.clone());
        let chunks = response
            .bytes_stream()
            .map_err(move |error| Error::broken(&name, cause(error, key.as_ref())));
        body::open(
            body::guarded(chunks, &self.name, self.idle),
            &self.name,
            self.idle,
        )
        .await
    }

    /// The meaning of an `error` value inside a 200.
    pub(crate) fn error_in_stream(&self, error: &Value) -> Error {
        self.clean(Refusal::from_json(error, 500))
            .into_error(&self.name)
    }

    fn client(&self) -> Result<&Client, Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // Fails where another part of the process installed a provider first, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("animus/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(Duration::from_secs(10));
        if matches!(
            self.url.host_str(),
            Some("localhost" | "127.0.0.1" | "[::1]")
        ) {
            // A proxy cannot reach our own machine.
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| {
            Error::Config(format!(
                "no HTTPS client could be made: {}",
                cause(error, None)
            ))
        })?;
        Ok(self.client.get_or_init(|| client))
    }

    fn fault(&self, error: reqwest::Error) -> Error {
        if error.is_builder() {
            return Error::Config(format!(
                "providers.{}: {}",
                self.name,
                cause(error, self.key.as_ref())
            ));
        }
        let url = self.url.host_str().unwrap_or_default();
        let port = self
            .url
            .port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        Error::Unreachable {
            provider: self.name.clone(),
            url: format!("{}://{url}{port}", self.url.scheme()),
            message: cause(error, self.key.as_ref()),
        }
    }

    async fn refusal(&self, response: Response) -> Error {
        let status = response.status().as_u16();
        let headers = response.headers();
        let retry_after = retry::retry_after(headers, Timestamp::now());
        if response.status().is_redirection() {
            let target = headers.get(LOCATION).and_then(|to| to.to_str().ok());
            let target = target.and_then(|to| self.url.join(to).ok());
            let host = target.as_ref().and_then(Url::host_str).unwrap_or("nowhere");
            let message = format!("it redirects to {host}, and keys follow no redirect");
            return self
                .clean(Refusal {
                    status,
                    message,
                    ..Refusal::default()
                })
                .into_error(&self.name);
        }
        let mut page = Vec::new();
        let mut chunks = response.bytes_stream();
        let read = async {
            while let Some(Ok(chunk)) = chunks.next().await {
                page.extend_from_slice(&chunk);
                if page.len() > ERROR_PAGE {
                    break;
                }
            }
        };
        // What came is enough: the status alone says most.
        let _ = timeout(Duration::from_secs(5), read).await;
        page.truncate(ERROR_PAGE);
        self.clean(Refusal::from_body(status, retry_after, &page))
            .into_error(&self.name)
    }

    fn clean(&self, mut refusal: Refusal) -> Refusal {
        if let Some(key) = &self.key {
            refusal.message = key.redact(&refusal.message);
        }
        refusal
    }
}

/// The innermost cause, which is the one that a person understands; never the address, which may hold a key.
fn cause(error: reqwest::Error, key: Option<&Secret>) -> String {
    let error = error.without_url();
    let mut inner: &dyn std::error::Error = &error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    let text = inner.to_string();
    short(&key.map_or(text.clone(), |key| key.redact(&text)))
}

/// `base` with or without a version, with or without `path` itself, becomes the whole path.
fn full_path(base: &str, path: &str) -> String {
    let base = base.trim_end_matches('/');
    let base = base
        .strip_suffix(path)
        .unwrap_or(base)
        .trim_end_matches('/');
    let is_version = |part: &str| {
        let mut letters = part.chars();
        letters.next() == Some('v') && letters.next().is_some_and(|letter| letter.is_ascii_digit())
    };
    let version = if base.split('/').any(is_version) {
        ""
    } else {
        "/v1"
    };
    format!("{base}{version}/{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_address_is_accepted_in_each_usual_form() {
        for (base, whole) in [
            ("", "/v1/messages"),
            ("/", "/v1/messages"),
            ("/v1", "/v1/messages"),
            ("/v1/", "/v1/messages"),
            ("/v1/messages", "/v1/messages"),
            ("/api", "/api/v1/messages"),
            ("/api/v1//", "/api/v1/messages"),
            ("/v1beta/openai/", "/v1beta/openai/messages"),
            ("/api/paas/v4", "/api/paas/v4/messages"),
            ("/vendor", "/vendor/v1/messages"),
        ] {
            assert_eq!(full_path(base, "messages"), whole, "{base}");
        }
    }

    #[test]
    fn a_broken_address_is_refused_at_the_start() {
        for url in [
            "",
            "localhost:8080",
            "ftp://x",
            "http://",
            "::",
            "http://me:secret@host",
        ] {
            let config = ProviderConfig {
                base_url: Some(url.into()),
                ..ProviderConfig::default()
            };
            let error = Endpoint::new("mine", &config, "chat/completions").unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains("providers.mine.base_url") && !text.contains("secret"),
                "{text}"
            );
        }
    }
}
