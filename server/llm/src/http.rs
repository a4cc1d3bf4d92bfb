//! `Endpoint`: one server's address, key and client; sends a request and opens the body of the answer.
//!
//! Invariant: the key goes to the configured host alone (redirects are refused), and every message that leaves here is free of it.

mod listing;

pub use listing::{Listed, Listing, listing};

use std::{sync::OnceLock, time::Duration};

use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use reqwest::{
    Client, Response, Url,
    header::{HeaderMap, HeaderName, HeaderValue, LOCATION},
    redirect::Policy,
};
use serde::Serialize;
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    Error, Kind, ProviderConfig, Secret,
    body::{self, Body},
    error::{Refusal, short},
    retry::asked,
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
    /// Silence that is borne before the first byte of an answer, and behind it.
    first: Duration,
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
        url.set_path(&match kind {
            Kind::Gemini => full_path(url.path(), path, "/v1beta"),
            Kind::Ollama if path.starts_with("api/") => {
                let base = url.path().trim_end_matches('/');
                let base = base.strip_suffix("/api").unwrap_or(base);
                full_path(base, path, "")
            }
            _ => full_path(url.path(), path, "/v1"),
        });
        let given = config.timeout.filter(|seconds| *seconds > 0);
        let (first, idle) = match (given, kind) {
            (Some(seconds), _) => (seconds, seconds),
            // It loads a model first, also between two answers.
            (None, Kind::Ollama) => (300, 300),
            // Models that reason are silent for long before they begin.
            (None, _) => (300, 120),
        };
        let longest = |seconds: u64| Duration::from_secs(seconds.min(86_400));
        Ok(Endpoint {
            name: name.to_owned(),
            kind,
            url,
            key: config
                .api_key
                .clone()
                .filter(|key| !key.expose().is_empty()),
            first: longest(first),
            idle: longest(idle),
            client: OnceLock::new(),
        })
    }

    /// The same at another path of its host.
    pub(crate) fn moved(mut self, to: impl FnOnce(&str) -> String) -> Endpoint {
        let path = to(self.url.path());
        self.url.set_path(&path);
        self
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
        request: &(impl Serialize + Sync),
    ) -> Result<Body, Error> {
        let url = self.url.clone();
        let chunks = self.chunks(url, key_header, headers, request).await?;
        body::open(chunks, &self.name, self.idle).await
    }

    /// The same for a server that answers in JSON lines.
    pub(crate) async fn post_for_lines(
        &self,
        key_header: (HeaderName, &str),
        request: &(impl Serialize + Sync),
    ) -> Result<Body, Error> {
        let url = self.url.clone();
        let chunks = self.chunks(url, key_header, &[], request).await?;
        body::lines::open(chunks, &self.name, self.idle).await
    }

    /// The same for a server with an address for each model: `path` behind the last part of the address, `query` as it is.
    pub(crate) async fn post_to(
        &self,
        (path, query): (&str, &str),
        key_header: (HeaderName, &str),
        request: &(impl Serialize + Sync),
    ) -> Result<Body, Error> {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}", self.url.path()));
        url.set_query(Some(query));
        let chunks = self.chunks(url, key_header, &[], request).await?;
        body::open(chunks, &self.name, self.idle).await
    }

    /// Gets what is at the address.
    pub(crate) async fn get(&self, key_header: (HeaderName, &str)) -> Result<Body, Error> {
        let version: &[_] = match self.kind {
            Kind::Anthropic => &[("anthropic-version", "2023-06-01")],
            _ => &[],
        };
        let map = self.headers(key_header, version)?;
        let send = self.client()?.get(self.url.clone());
        let chunks = self.answer(send.headers(map).send()).await?;
        body::open(chunks, &self.name, self.idle).await
    }

    async fn chunks(
        &self,
        url: Url,
        key_header: (HeaderName, &str),
        headers: &[(&'static str, &'static str)],
        request: &(impl Serialize + Sync),
    ) -> Result<body::Chunks, Error> {
        let map = self.headers(key_header, headers)?;
        let send = self.client()?.post(url).headers(map).json(request);
        self.answer(send.send()).await
    }

    fn headers(
        &self,
        key_header: (HeaderName, &str),
        headers: &[(&'static str, &'static str)],
    ) -> Result<HeaderMap, Error> {
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
        Ok(map)
    }

    async fn answer(
        &self,
        send: impl Future<Output = reqwest::Result<Response>>,
    ) -> Result<body::Chunks, Error> {
        let response = match timeout(self.first, send).await {
            Err(_) => {
                return Err(Error::Timeout {
                    provider: self.name.clone(),
                    after: self.first,
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
        Ok(body::guarded(chunks, &self.name, (self.first, self.idle)))
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
        if !error.is_connect() {
            // The server may have read the request, so this is not the same as a port where nobody listens.
            let message = cause(error, self.key.as_ref());
            return Error::broken(&self.name, format!("no answer came ({message})"));
        }
        Error::Unreachable {
            provider: self.name.clone(),
            url: format!("{}://{url}{port}", self.url.scheme()),
            message: cause(error, self.key.as_ref()),
        }
    }

    async fn refusal(&self, response: Response) -> Error {
        let status = response.status().as_u16();
        let headers = response.headers();
        let pair = |(name, value): (&HeaderName, &HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        let all = headers.iter().filter_map(pair).collect();
        // The headers about rates come with every answer, and mean a pause only with a refusal that is about rates.
        let limited = matches!(status, 429 | 503 | 529);
        let retry_after = asked::in_headers(&all, Timestamp::now(), limited);
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
        let _ = timeout(Duration::from_secs(2), read).await;
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

/// `base` with or without a version, with or without `path` itself, becomes the whole path; `usual` is the version where there
/// is none.
fn full_path(base: &str, path: &str, usual: &str) -> String {
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
        usual
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
            assert_eq!(full_path(base, "messages", "/v1"), whole, "{base}");
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
