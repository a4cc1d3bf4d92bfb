//! `serve`: the agent for programs, closed by default. The token is made once a workspace and lies in a file that only its owner
//! reads; what could have been read or planted by others is refused before anything listens.

mod secrets;

use crate::cli::Output;
use crate::compose::{self, Compose, Reader};
use crate::print;
use crate::render::style::{DIM, Painted, STRONG, WARN};
use crate::stops::{INTERRUPTED, Stop, Stops};
use crate::telemetry;
use crate::work;
use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use protocol::{Code, Failure};
use rpc::peers::Door;
use rpc::{Secrets, Wiretap};
use sandbox::Tree;
use serde_json::json;

/// Serve programs over HTTP on a loopback address
#[derive(Debug, Args)]
pub struct Serve {
    /// Listen here instead of at `server.addr`; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT|unix:PATH")]
    addr: Option<String>,
    /// Listen also where other machines can reach it
    #[arg(long)]
    allow_remote: bool,
    /// Let other machines connect without TLS: the token can be read on the way
    #[arg(long)]
    insecure: bool,
    /// Write the .proto files, and their compiled set, below this folder and end
    #[arg(long, value_name = "DIR")]
    proto: Option<Utf8PathBuf>,
}

/// Serves until Ctrl-C, or until SIGTERM and the end of what runs. A second signal ends the program at once.
pub fn run(args: &Serve, compose: &Compose) -> Result<u8, Failure> {
    if let Some(folder) = &args.proto {
        return write_proto(folder, compose);
    }
    let loaded = compose.load()?;
    compose::log(&loaded.settings, Reader::Program);
    let warn = |note: String| print::warning(&Painted(WARN, note).to_string());
    for note in loaded.ignored.iter().map(ToString::to_string) {
        warn(note);
    }
    loaded.notes.iter().cloned().for_each(warn);
    let mut config = loaded.settings.server.clone();
    if let Some(addr) = &args.addr {
        config.addr.clone_from(addr);
    }
    config.allow_remote |= args.allow_remote;
    let (token, path) = secrets::token(&*compose.state(compose.root())?)?;
    let secrets = Secrets {
        token,
        keys: secrets::keys(&config.tls)?,
        wiretap: match args.insecure {
            true => Wiretap::Accepted,
            false => Wiretap::Refused,
        },
    };
    compose::runtime()?.block_on(async {
        let roster = compose.models(&loaded.settings).await;
        let fingerprint = work::fingerprint(&loaded, roster.as_ref().ok());
        let models = roster.map(|roster| roster.models);
        if let Err(failure) = &models {
            print::failure(failure, compose.output());
        }
        let agent = compose.agent(compose.disk()?, Ok(&loaded), models)?;
        agent.settle().await;
        let meeting = work::join(&agent, Door::Serve, fingerprint);
        let traces = telemetry::start(compose, &loaded.settings, &agent);
        let door = rpc::Door::open(agent, &config, secrets)
            .await
            .map_err(of_door)?;
        let address = door
            .name()
            .map_err(|error| Failure::new(Code::Io, error.to_string()))?;
        if door.is_remote() {
            warn(format!(
                "{address} can be reached from other machines: whoever has the token can run commands here"
            ));
        }
        // Listens before it says that it serves, so that a signal finds it.
        let stops = rpc::Stops::default();
        let signals = Stops::new();
        match compose.output() {
            Output::Json => print::json(&json!({ "listening": address, "token_file": path })),
            Output::Text => print::text(&format!(
                "{} {address}\n{} {path}\n",
                Painted(STRONG, "listening"),
                Painted(DIM, "token in ")
            )),
        }
        tokio::spawn(end_on_signal(signals, stops.clone()));
        door.serve(stops).await;
        meeting.abort();
        telemetry::finish(traces).await;
        Ok(0)
    })
}

async fn end_on_signal(mut signals: Stops, stops: rpc::Stops) {
    match signals.which().await {
        Stop::Interrupt => stops.now.cancel(),
        Stop::Terminate => stops.drain.cancel(),
    }
    signals.next().await;
    std::process::exit(i32::from(INTERRUPTED));
}

fn write_proto(folder: &Utf8Path, compose: &Compose) -> Result<u8, Failure> {
    let wrong = |error: std::io::Error| Failure::new(Code::Io, format!("{folder}: {error}"));
    let tree = Tree::create(folder).map_err(wrong)?;
    for (path, bytes) in rpc::PROTO_FILES {
        if let Some(parent) = Utf8Path::new(path).parent().filter(|parent| *parent != "") {
            tree.create_dir(parent.as_str()).map_err(wrong)?;
        }
        tree.write(path, bytes, None).map_err(wrong)?;
    }
    let written: Vec<String> = rpc::PROTO_FILES
        .iter()
        .map(|(path, _)| folder.join(path).into_string())
        .collect();
    match compose.output() {
        Output::Json => print::json(&json!({ "written": written })),
        Output::Text => print::text(&format!("{}\n", written.join("\n"))),
    }
    Ok(0)
}

fn of_door(error: rpc::Error) -> Failure {
    let code = match error {
        rpc::Error::Address(_)
        | rpc::Error::Open(_)
        | rpc::Error::Plain(_)
        | rpc::Error::Socket { .. }
        | rpc::Error::Tls(_) => Code::Config,
        rpc::Error::Listen { .. } => Code::Io,
        rpc::Error::Internal(_) => Code::Internal,
    };
    Failure::new(code, error.to_string())
}
