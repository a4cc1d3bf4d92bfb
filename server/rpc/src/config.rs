//! Config: the `server` section. Its defaults are closed: loopback, a token, no other machine.

use axum::http::uri::Authority;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// The network door (`animus serve`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen: `HOST:PORT` (`:PORT` means loopback), or `unix:/PATH` for a socket file.
    pub addr: String,
    /// Whether `GET /metrics` answers.
    pub metrics_enabled: bool,
    /// `connect` (with NDJSON beside it) or `ndjson` alone.
    pub transport: Transport,
    /// Whether other machines may be listened to.
    pub allow_remote: bool,
    /// Host names, besides those of this machine, that requests may ask for: `NAME` or `NAME:PORT`.
    pub allowed_hosts: Vec<String>,
    /// Encryption; plain where the files are not named.
    pub tls: Tls,
    /// How long running tasks may go on once the server is to end, in seconds.
    pub drain_seconds: u64,
    /// After how long without any progress a connection is cut, in seconds.
    pub idle_seconds: u64,
}

/// The files for encryption, both or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Certificates, PEM, the server's own first.
    pub cert_file: Option<String>,
    /// Its private key, PEM; only its owner may read it.
    pub key_file: Option<String>,
}

/// The wires that tasks can be run over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// One event a line, over HTTP, and nothing else.
    Ndjson,
    /// Connect, gRPC and gRPC-Web, with NDJSON beside them.
    #[default]
    Connect,
}

impl<'de> Deserialize<'de> for Transport {
    /// In any case, as the original program reads it, and by its names.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let word = String::deserialize(from)?;
        match word.trim().to_ascii_lowercase().as_str() {
            "ndjson" | "ndjson-http" | "http" => Ok(Transport::Ndjson),
            "connect" => Ok(Transport::Connect),
            _ => Err(D::Error::unknown_variant(&word, &["connect", "ndjson"])),
        }
    }
}

impl Config {
    /// What of `allowed_hosts` is no `NAME` or `NAME:PORT`, such as a pattern: it would allow nothing.
    pub fn wrong_host(&self) -> Option<&str> {
        let names = self.allowed_hosts.iter().map(String::as_str);
        names.into_iter().find(|name| {
            let Ok(parsed) = name.parse::<Authority>() else {
                return true;
            };
            let whole = match parsed.port() {
                Some(port) => format!("{}:{port}", parsed.host()),
                None => parsed.host().to_owned(),
            };
            let host = parsed.host().trim_matches(['[', ']']);
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
            whole != *name || host.is_empty() || !host.bytes().all(plain)
        })
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            addr: "127.0.0.1:7777".to_owned(),
            metrics_enabled: true,
            transport: Transport::default(),
            allow_remote: false,
            allowed_hosts: Vec::new(),
            tls: Tls::default(),
            drain_seconds: 20,
            idle_seconds: 600,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transport_is_written_in_any_case() {
        for (word, meant) in [
            ("Connect", Some(Transport::Connect)),
            ("NDJSON", Some(Transport::Ndjson)),
            ("ndjson-HTTP", Some(Transport::Ndjson)),
            ("pigeon", None),
        ] {
            let read = serde_json::from_value::<Transport>(word.into()).ok();
            assert_eq!(read, meant, "{word}");
        }
    }

    #[test]
    fn patterns_and_addresses_of_pages_are_no_host_names() {
        let judge = |name: &str| {
            let config = Config {
                allowed_hosts: vec!["good.example".to_owned(), name.to_owned()],
                ..Config::default()
            };
            config.wrong_host().map(str::to_owned)
        };
        for good in ["box", "box.example:80", "10.0.0.1", "[fe80::1]:7777", "a_b"] {
            assert_eq!(judge(good), None, "{good}");
        }
        for bad in [
            "*",
            "*.example",
            "http://box",
            "box/",
            "me@box",
            "",
            "box:99999",
        ] {
            assert_eq!(judge(bad), Some(bad.to_owned()), "{bad}");
        }
    }
}
