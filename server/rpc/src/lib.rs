//! The door for programs: Connect, gRPC, gRPC-Web and NDJSON on one address, closed without a token. A hang-up cancels the task
//! it owns (R2).

mod config;
mod connect;
mod guard;
mod hall;
mod listen;
mod metrics;
mod ndjson;
pub mod peers;
mod proto;
mod reader;
mod routes;
mod seed;
mod status;
mod tls;
pub mod traces;
mod transport;
mod wire;

pub use config::{Config, Tls, Transport};
pub use listen::{Error, Wiretap};
pub use proto::FILES as PROTO_FILES;
pub use routes::{METHODS, ROUTES};
pub use tls::Keys;

use agent::Agent;
use axum::Router;
use guard::Guard;
use hall::Hall;
use listen::{Socket, Stream};
use metrics::Metrics;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use transport::Transports;

/// Most connections at a time; more wait until one ends.
const CONNECTIONS: u32 = 1024;

/// How long answers under way may take once every task is over.
const LINGER: Duration = Duration::from_secs(10);

/// What the configuration does not hold.
pub struct Secrets {
    /// What clients must send as `Authorization: Bearer …`.
    pub token: String,
    /// The files that `server.tls` names.
    pub keys: Option<Keys>,
    /// Whether the token may go over the network as it is.
    pub wiretap: Wiretap,
}

/// The wishes that a serving door listens to.
#[derive(Debug, Clone, Default)]
pub struct Stops {
    /// Take no more tasks, and end once those that run are over or their time is.
    pub drain: CancellationToken,
    /// Cancel what runs, and end.
    pub now: CancellationToken,
}

/// Whether a door with this configuration would open without more words on the command line. Nothing is bound.
///
/// # Errors
/// What [`Door::open`] says of the address.
pub fn permitted(config: &Config) -> Result<(), Error> {
    listen::address(config, Wiretap::Refused).map(drop)
}

/// A listening door.
pub struct Door {
    socket: Socket,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    hall: Hall,
    patience: Duration,
    idle: Duration,
}

impl Door {
    /// Listens.
    ///
    /// # Errors
    /// An address that is none, that may not be listened on, or that is taken; keys that are none.
    pub async fn open(agent: Agent, config: &Config, secrets: Secrets) -> Result<Door, Error> {
        let address = listen::address(config, secrets.wiretap)?;
        let acceptor = secrets.keys.as_ref().map(tls::acceptor).transpose()?;
        if acceptor.is_none() && config.tls.cert_file.is_some() {
            return Err(Error::Tls("the files were not read".to_owned()));
        }
        let internal = |error: &dyn std::fmt::Display| Error::Internal(error.to_string());
        let socket = Socket::bind(&address).await?;
        let hosts = socket.hosts(config).map_err(|error| internal(&error))?;
        let metrics = Arc::new(Metrics::of(agent.clone()));
        let transports = Transports::new(metrics.registry()).map_err(|error| internal(&error))?;
        let transports = Arc::new(transports);
        metrics::follow(agent.feed(), metrics.clone());
        let hall = Hall {
            agent,
            metrics,
            transports: transports.clone(),
            draining: CancellationToken::new(),
            over: CancellationToken::new(),
            named: Arc::default(),
        };
        let guard = Guard::new(hosts, &secrets.token, transports);
        Ok(Door {
            socket,
            acceptor,
            router: routes::router(&hall, guard, config),
            hall,
            patience: Duration::from_secs(config.drain_seconds),
            idle: Duration::from_secs(config.idle_seconds.max(1)),
        })
    }

    /// Where it listens: `http://…`, `https://…` or `unix:…`.
    ///
    /// # Errors
    /// What the system says.
    pub fn name(&self) -> std::io::Result<String> {
        self.socket.name(match self.acceptor {
            Some(_) => "https",
            None => "http",
        })
    }

    /// Whether other machines can reach it.
    pub fn is_remote(&self) -> bool {
        self.socket.is_remote()
    }

    /// Serves until it is to stop and every task is over.
    pub async fn serve(self, stops: Stops) {
        let hall = self.hall.clone();
        let patience = self.patience;
        let ending = async move {
            tokio::select! {
                () = stops.drain.cancelled() => tokio::select! {
                    () = hall.drain(patience) => {}
                    () = stops.now.cancelled() => hall.drain(Duration::ZERO).await,
                },
                () = stops.now.cancelled() => hall.drain(Duration::ZERO).await,
            }
        };
        let room = Arc::new(Semaphore::new(CONNECTIONS as usize));
        tokio::select! {
            () = ending => {}
            () = self.accept(&room) => {}
        }
        // A client that does not read its answer must not keep the server alive.
        let _ = tokio::time::timeout(LINGER, room.acquire_many(CONNECTIONS)).await;
    }

    async fn accept(&self, room: &Arc<Semaphore>) {
        // The semaphore is never closed.
        while let Ok(place) = room.clone().acquire_owned().await {
            let stream = match self.socket.accept().await {
                Ok(stream) => stream,
                Err(error) => {
                    // Too many open files, a client that is gone already: it passes.
                    tracing::debug!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let connection = self.connection(stream);
            tokio::spawn(async move {
                connection.await;
                drop(place);
            });
        }
    }

    fn connection(&self, stream: Box<dyn Stream>) -> impl Future<Output = ()> + Send + use<> {
        let (router, idle, over) = (self.router.clone(), self.idle, self.hall.over.clone());
        let acceptor = self.acceptor.clone();
        async move {
            match acceptor {
                None => wire::serve(stream, router, idle, over).await,
                Some(acceptor) => {
                    let greeting = acceptor.accept(stream);
                    if let Ok(Ok(stream)) = tokio::time::timeout(wire::HEAD_TIME, greeting).await {
                        wire::serve(stream, router, idle, over).await;
                    }
                }
            }
        }
    }
}
