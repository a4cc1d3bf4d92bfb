//! The door for programs: NDJSON over HTTP on a loopback address, closed without a token. A hang-up cancels the task it owns
//! (R2).

mod guard;
mod metrics;
mod run;

use agent::Agent;
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use guard::Guard;
use metrics::Metrics;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Largest request body, in bytes.
const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// How long answers under way may take once the server is to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// The `server` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen, as `host:port`; `:port` means loopback.
    pub addr: String,
    /// Whether `GET /metrics` answers.
    pub metrics_enabled: bool,
    /// The wire: `ndjson`.
    pub transport: Transport,
}

/// The wires that tasks can be run over.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// One event a line.
    #[default]
    Ndjson,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            addr: "127.0.0.1:7777".to_owned(),
            metrics_enabled: true,
            transport: Transport::default(),
        }
    }
}

/// Why the door cannot open.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is no address.
    #[error("server.addr `{0}` is not host:port; use 127.0.0.1:7777")]
    Address(String),
    /// The address can be reached from other machines.
    #[error(
        "server.addr `{0}` is open to other machines, which needs TLS; use a loopback address such as 127.0.0.1:7777"
    )]
    Open(SocketAddr),
    /// The system refused.
    #[error("cannot listen on {addr}: {source}; is another server running there?")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The server stopped by itself.
    #[error("the server stopped: {0}")]
    Serve(std::io::Error),
}

/// A listening door.
pub struct Door {
    listener: TcpListener,
    router: Router,
    agent: Agent,
}

impl Door {
    /// Listens. `token` is what clients must send as `Authorization: Bearer …`.
    ///
    /// # Errors
    /// An address that is none, that is not loopback, or that is taken.
    pub async fn open(agent: Agent, config: &Config, token: String) -> Result<Door, Error> {
        let addr = address(&config.addr)?;
        let listener = TcpListener::bind(addr)
            .await
            .map_err(|source| Error::Listen { addr, source })?;
        let addr = listener
            .local_addr()
            .map_err(|source| Error::Listen { addr, source })?;
        let metrics = Arc::new(Metrics::new());
        metrics::follow(agent.feed(), metrics.clone());
        let router = router(
            agent.clone(),
            Guard::new(addr, &token),
            config.metrics_enabled.then_some(metrics),
        );
        Ok(Door {
            listener,
            router,
            agent,
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What the system says.
    pub fn addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop`; then cancels what runs and returns.
    ///
    /// # Errors
    /// [`Error::Serve`].
    pub async fn serve(self, stop: CancellationToken) -> Result<(), Error> {
        let agent = self.agent.clone();
        let stopped = stop.clone();
        let drained = async move {
            stopped.cancelled().await;
            agent.shutdown().await;
        };
        let over = stop.clone();
        let serving = axum::serve(self.listener, self.router).with_graceful_shutdown(drained);
        tokio::select! {
            served = serving => served.map_err(Error::Serve),
            // A client that does not read its answer must not keep the server alive.
            () = async { over.cancelled().await; tokio::time::sleep(DRAIN).await } => Ok(()),
        }
    }
}

fn address(text: &str) -> Result<SocketAddr, Error> {
    let full = if text.starts_with(':') {
        format!("127.0.0.1{text}")
    } else {
        text.replace("localhost", "127.0.0.1")
    };
    let addr: SocketAddr = full.parse().map_err(|_| Error::Address(text.to_owned()))?;
    match addr.ip().is_loopback() {
        true => Ok(addr),
        false => Err(Error::Open(addr)),
    }
}

fn router(agent: Agent, guard: Guard, metrics: Option<Arc<Metrics>>) -> Router {
    let mut router = Router::new()
        .route("/agent/run", post(run::run))
        .route("/tools/schemas", get(tool_schemas))
        .with_state(agent);
    if let Some(metrics) = metrics {
        router = router.merge(
            Router::new()
                .route("/metrics", get(scrape))
                .with_state(metrics),
        );
    }
    router
        .route("/healthz", get(|| async { "ok\n" }))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(
            Arc::new(guard),
            guard::check,
        ))
}

async fn scrape(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4")],
        metrics.text(),
    )
}

async fn tool_schemas() -> axum::response::Response {
    match agent::tool_schemas() {
        Ok(schemas) => axum::Json(schemas).into_response(),
        Err(failure) => guard::refuse(axum::http::StatusCode::INTERNAL_SERVER_ERROR, &failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_listened_on() {
        for (text, good) in [
            (":7777", true),
            ("localhost:1", true),
            ("[::1]:80", true),
            ("0.0.0.0:7777", false),
            ("192.168.1.4:80", false),
            ("nonsense", false),
        ] {
            assert_eq!(address(text).is_ok(), good, "{text}");
        }
    }
}
