//! `serve`: the agent for programs, on a loopback address. The token is made once a workspace and lies in a file that only its
//! owner reads.

use crate::cli::Output;
use crate::compose::{self, Compose, Reader};
use crate::config::Transport;
use crate::print;
use crate::render::style::{DIM, Painted, STRONG, WARN};
use crate::stops::{INTERRUPTED, Stops};
use camino::Utf8PathBuf;
use clap::Args;
use protocol::{Code, Failure};
use sandbox::Tree;
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Name of the token's file in the state folder.
const TOKEN: &str = "serve.token";

/// Serve programs over HTTP on a loopback address
#[derive(Debug, Args)]
pub struct Serve {
    /// Listen here instead of at `server.addr`; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT")]
    addr: Option<String>,
}

/// Serves until Ctrl-C. A second one ends the program at once.
pub fn run(args: &Serve, compose: &Compose) -> Result<u8, Failure> {
    let loaded = compose.load()?;
    compose::log(&loaded.settings, Reader::Program);
    for note in loaded
        .ignored
        .iter()
        .map(ToString::to_string)
        .chain(loaded.notes.iter().cloned())
    {
        print::warning(&Painted(WARN, note).to_string());
    }
    let server = &loaded.settings.server;
    if server.transport == Transport::Connect {
        let missing =
            "server.transport: connect is not spoken by this version; NDJSON at POST /agent/run is";
        print::warning(&Painted(WARN, missing).to_string());
    }
    let config = rpc::Config {
        addr: args.addr.clone().unwrap_or_else(|| server.addr.clone()),
        metrics_enabled: server.metrics_enabled,
        transport: rpc::Transport::Ndjson,
    };
    let (token, path) = token(&*compose.state(compose.root())?)?;
    compose::runtime()?.block_on(async {
        let models = compose
            .models(&loaded.settings)
            .await
            .map(|roster| roster.models);
        if let Err(failure) = &models {
            print::failure(failure, compose.output());
        }
        let agent = compose.agent(compose.disk()?, Ok(&loaded.settings), models)?;
        agent.settle().await;
        let door = rpc::Door::open(agent, &config, token)
            .await
            .map_err(of_door)?;
        let address = door
            .addr()
            .map_err(|error| Failure::new(Code::Io, error.to_string()))?;
        match compose.output() {
            Output::Json => print::json(
                &json!({ "listening": format!("http://{address}"), "token_file": path }),
            ),
            Output::Text => print::text(&format!(
                "{} http://{address}\n{} {path}\n",
                Painted(STRONG, "listening"),
                Painted(DIM, "token in ")
            )),
        }
        let stop = CancellationToken::new();
        tokio::spawn(end_on_signal(stop.clone()));
        door.serve(stop).await.map_err(of_door)?;
        Ok(0)
    })
}

async fn end_on_signal(stop: CancellationToken) {
    let mut stops = Stops::new();
    stops.next().await;
    stop.cancel();
    stops.next().await;
    std::process::exit(i32::from(INTERRUPTED));
}

/// The workspace's token and the file it is in; made on first use.
fn token(state: &Tree) -> Result<(String, Utf8PathBuf), Failure> {
    let path = state.path().join(TOKEN);
    if let Ok(bytes) = state.read(TOKEN)
        && let Ok(text) = String::from_utf8(bytes)
        && text.trim().len() >= 32
    {
        return Ok((text.trim().to_owned(), path));
    }
    // Two random ids: 244 random bits.
    let token = format!(
        "{}{}",
        uuid::Uuid::new_v4().simple(),
        uuid::Uuid::new_v4().simple()
    );
    state
        .write(TOKEN, format!("{token}\n").as_bytes(), Some(0o600))
        .map_err(|error| {
            Failure::new(Code::Io, format!("{path}: {error}"))
                .hint("set ANIMUS_STATE_DIR to a folder that can be written")
        })?;
    Ok((token, path))
}

fn of_door(error: rpc::Error) -> Failure {
    let code = match error {
        rpc::Error::Address(_) | rpc::Error::Open(_) => Code::Config,
        rpc::Error::Listen { .. } | rpc::Error::Serve(_) => Code::Io,
    };
    Failure::new(code, error.to_string())
}
