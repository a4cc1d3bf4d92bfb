//! `Collector`: where traces go, by OTLP over HTTP (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>). It holds no model, and is here since
//! nothing else talks outwards.
//!
//! Invariant: headers go to the configured host alone (redirects are refused), and no message holds one.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::{
    Client, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};

use crate::{Error, Secret};

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The path that the address of a collector stands for.
const PATH: &str = "v1/traces";

/// One collector.
#[derive(Debug)]
pub struct Collector {
    url: Url,
    headers: HeaderMap,
    client: OnceLock<Client>,
}

/// What the collector said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    /// It took what it was sent.
    Taken,
    /// It was not reached or is overloaded; the same may be sent again.
    Later(String),
    /// It refused for good.
    Refused(String),
}

impl Collector {
    /// For an address with or without `/v1/traces`, and headers as `name=value`, comma-separated, values percent-encoded (the form of
    /// `OTEL_EXPORTER_OTLP_HEADERS`). No client is made before the first request.
    ///
    /// # Errors
    /// [`Error::Config`] for an address or a header that is none.
    pub fn new(endpoint: &str, headers: Option<&Secret>) -> Result<Collector, Error> {
        let wrong = |message: &str| Error::Config(format!("telemetry.otlp_endpoint {message}"));
        let mut url = Url::parse(endpoint.trim())
            .map_err(|error| wrong(&format!("is not a valid address ({error})")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong("must start with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong(
                "must hold no user and no password: use otlp_headers_env",
            ));
        }
        let given = url.path().trim_end_matches('/');
        let path = match given.ends_with(PATH) {
            true => given.to_owned(),
            false => format!("{given}/{PATH}"),
        };
        url.set_path(&path);
        Ok(Collector {
            url,
            headers: parsed(headers.map_or("", Secret::expose))?,
            client: OnceLock::new(),
        })
    }

    /// Where it is, without the path.
    #[must_use]
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Posts a protobuf message.
    pub async fn post(&self, body: Vec<u8>) -> Posted {
        let client = match self.client() {
            Ok(client) => client,
            Err(error) => return Posted::Refused(cause(error)),
        };
        let request = client
            .post(self.url.clone())
            .headers(self.headers.clone())
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(body);
        match request.send().await {
            Err(error) => Posted::Later(cause(error)),
            Ok(response) => match response.status().as_u16() {
                200..=299 => Posted::Taken,
                status @ (429 | 502 | 503 | 504) => Posted::Later(format!("HTTP {status}")),
                status => Posted::Refused(format!("HTTP {status}")),
            },
        }
    }

    fn client(&self) -> reqwest::Result<&Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // Fails where another part of the process installed a provider first, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("animus/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .timeout(PATIENCE);
        if matches!(
            self.url.host_str(),
            Some("localhost" | "127.0.0.1" | "[::1]")
        ) {
            builder = builder.no_proxy();
        }
        let client = builder.build()?;
        Ok(self.client.get_or_init(|| client))
    }
}

/// Headers out of one text. An error names the place, never the text: it may be a key.
fn parsed(text: &str) -> Result<HeaderMap, Error> {
    let mut map = HeaderMap::new();
    let pairs = text.split(',').map(str::trim);
    for (at, pair) in pairs.enumerate().filter(|(_, pair)| !pair.is_empty()) {
        let header = || {
            let (name, value) = pair.split_once('=')?;
            let name: HeaderName = name.trim().parse().ok()?;
            let mut value = HeaderValue::from_bytes(&decoded(value.trim())?).ok()?;
            value.set_sensitive(true);
            Some((name, value))
        };
        let (name, value) = header().ok_or_else(|| {
            Error::Config(format!(
                "telemetry.otlp_headers_env: header {} of the variable is not name=value",
                at + 1
            ))
        })?;
        map.insert(name, value);
    }
    Ok(map)
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let hex = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        rest = &rest[2..];
    }
    Some(bytes)
}

/// The innermost cause, without the address.
fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut inner: &dyn std::error::Error = &error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    crate::error::short(&inner.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::http::{Answer, RefusedPort, Server};

    #[test]
    fn an_address_gets_the_path_once() {
        for (given, path) in [
            ("http://h:4318", "/v1/traces"),
            ("http://h:4318/", "/v1/traces"),
            ("https://h/otlp", "/otlp/v1/traces"),
            ("https://h/otlp/v1/traces/", "/otlp/v1/traces"),
        ] {
            let collector = Collector::new(given, None).unwrap();
            assert_eq!(collector.url.path(), path, "{given}");
        }
        for wrong in ["", "h:4318", "ftp://h", "http://me:pw@h"] {
            assert!(Collector::new(wrong, None).is_err(), "{wrong}");
        }
    }

    #[test]
    fn headers_are_decoded_and_never_quoted() {
        let headers = |text: &str| {
            let secret = Secret::from(text.to_owned());
            Collector::new("http://h", Some(&secret))
        };
        let good = headers("authorization=Basic%20abc, x-team = a").unwrap();
        assert_eq!(good.headers["authorization"], "Basic abc");
        assert_eq!(good.headers["x-team"], "a");
        assert!(!format!("{good:?}").contains("abc"));
        for wrong in ["topsecret", "a=%zz", "a b=topsecret", "x=%2"] {
            let error = headers(wrong).unwrap_err().to_string();
            assert!(
                error.contains("header 1") && !error.contains("topsecret"),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn answers_say_whether_to_try_again() {
        for (status, again) in [(200, None), (503, Some(true)), (400, Some(false))] {
            let server = Server::with(move |_, _| Answer::http(status, &[], ""));
            let secret = Secret::from("x-key=k".to_owned());
            let collector = Collector::new(&server.url(), Some(&secret)).unwrap();
            let posted = collector.post(vec![1, 2]).await;
            let found = match posted {
                Posted::Taken => None,
                Posted::Later(_) => Some(true),
                Posted::Refused(_) => Some(false),
            };
            assert_eq!(found, again, "{status}");
            let request = &server.requests()[0];
            assert_eq!(request.path, "/v1/traces");
            assert_eq!(request.header("x-key"), Some("k"));
            assert_eq!(request.body, [1, 2]);
        }
        let closed = RefusedPort::take();
        let collector = Collector::new(&closed.url(), None).unwrap();
        assert!(matches!(collector.post(Vec::new()).await, Posted::Later(_)));
    }
}
