//! `lsp`: the language server on stdin and stdout. Nothing but the wire writes to stdout (X1), and nothing heavy happens
//! before `initialize` is answered: configuration is read when the agent is first needed.

use crate::compose::{self, Compose, Reader};
use crate::roster::no_model;
use crate::telemetry;
use crate::work;
use clap::Args;
use lsp::Opened;
use protocol::{Code, Failure};
use rpc::peers::Door;
use rpc::traces::Exporter;
use std::sync::{Arc, Mutex, PoisonError};

/// Serve an editor over stdin and stdout
#[derive(Debug, Args)]
pub struct Lsp {
    /// Accepted because many clients pass it; stdin and stdout are used either way
    #[arg(long)]
    stdio: bool,
}

/// Serves until the client leaves.
pub fn run(_: &Lsp, compose: &Compose) -> Result<u8, Failure> {
    let compose = compose.at(compose.root());
    let runtime = compose::runtime()?;
    let traces = Arc::new(Mutex::new(None));
    let kept = traces.clone();
    let exit = runtime.block_on(async {
        let make = move |opened| make(&compose, opened, &kept);
        let exit = lsp::serve(tokio::io::stdin(), tokio::io::stdout(), make).await;
        let traces = traces.lock().unwrap_or_else(PoisonError::into_inner).take();
        telemetry::finish(traces).await;
        exit
    });
    // Before the runtime is dropped: that would wait for a read of stdin that is still under way.
    std::process::exit(i32::from(exit.code()));
}

/// The agent of the editor's workspace. A broken configuration is no reason to leave the editor without a server: every task
/// answers with it, and status shows it.
fn make(
    compose: &Compose,
    Opened { host, settings }: Opened,
    traces: &Mutex<Option<Exporter>>,
) -> Result<agent::Agent, Failure> {
    let root = host.root().path().to_owned();
    match compose.load_with(&root, &settings) {
        Err(failure) => compose.agent(host, Err(failure), Err(no_model())),
        Ok(loaded) => {
            compose::log(&loaded.settings, Reader::Program);
            for note in loaded
                .ignored
                .iter()
                .map(ToString::to_string)
                .chain(loaded.notes.iter().cloned())
            {
                tracing::warn!("{note}");
            }
            let runtime = tokio::runtime::Handle::try_current()
                .map_err(|error| Failure::new(Code::Internal, format!("no runtime: {error}")))?;
            let roster = runtime.block_on(compose.models(&loaded.settings));
            let config = work::fingerprint(&loaded, roster.as_ref().ok());
            let models = roster.map(|roster| roster.models);
            let agent = compose.agent(host, Ok(&loaded), models)?;
            let _in_runtime = runtime.enter();
            // It ends with the process.
            drop(work::join(&agent, Door::Lsp, config));
            *traces.lock().unwrap_or_else(PoisonError::into_inner) =
                telemetry::start(compose, &loaded.settings, &agent);
            Ok(agent)
        }
    }
}
