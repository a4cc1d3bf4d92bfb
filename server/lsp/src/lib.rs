//! The language server of Animus: the door through which an editor asks, watches and gets its edits.
//!
//! What always holds here: no handler awaits a model, a tool, a test or the client (L1); document changes are applied in
//! wire order before anything is awaited (L2); an edit names the version it was made for and is believed only when the
//! text comes back (L3); a slow client never slows the agent and loses nothing (R1); the output belongs to the wire (X1).

mod actions;
mod addresses;
mod apply;
mod approvals;
mod board;
mod comment;
mod completion;
mod door;
mod editor;
mod features;
mod framing;
mod indexing;
mod ingress;
mod insight;
mod judgement;
mod lifetime;
mod navigate;
mod negotiate;
mod outbox;
mod position;
mod progress;
mod prompt;
mod quirks;
mod refusal;
mod review;
mod schema;
mod server;
mod stock;
mod stream;
mod sync;
mod verbs;

use agent::Agent;
use lsp_types::MessageType;
use protocol::Failure;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tower_lsp::LspService;

use crate::door::{Door, MakeAgent};

pub use crate::door::Opened;
pub use crate::lifetime::Exit;
pub use crate::schema::document as schema;

/// Requests that may be under way at once.
const CONCURRENCY: usize = 256;

/// Serves one client until it says `exit`, closes `input` or its process is gone; then ends every task and its children
/// (at most 2 s) and returns. Must run in a tokio runtime with time and several threads.
///
/// `make_agent` is called once, after `initialize` was answered, with the client's workspace as the agent's host and its
/// settings; it may block, and its failure is what every verb then answers. It is not called where the client gives no workspace folder.
///
/// A thread may still be reading standard input when this returns: end the process with [`Exit::code`].
pub async fn serve<I, O, M>(input: I, output: O, make_agent: M) -> Exit
where
    I: AsyncRead + Unpin,
    O: AsyncWrite,
    M: FnOnce(Opened) -> Result<Agent, Failure> + Send + 'static,
{
    let ended = CancellationToken::new();
    let make: MakeAgent = Box::new(make_agent);
    let mut opened = None;
    let (service, socket) = LspService::build(|wire| {
        let (door, notes) = Door::new(wire, make, ended.clone());
        opened = Some((door.clone(), notes));
        server::Server(door)
    })
    .custom_method(
        "window/workDoneProgress/cancel",
        server::Server::cancel_progress,
    )
    .custom_method(
        "workspace/textDocumentContent",
        server::Server::text_document_content,
    )
    .finish();
    let door = service.inner().0.clone();
    if let Some((door, mut notes)) = opened {
        let wire = door.wire().clone();
        door.spawn(async move {
            while let Some(line) = notes.recv().await {
                wire.log_message(MessageType::WARNING, line).await;
            }
        });
    }
    let frames = framing::Frames::new(input, ended.clone());
    let serving = tower_lsp::Server::new(frames, output, socket)
        .concurrency_level(CONCURRENCY)
        .serve(ingress::Ingress::new(service, door.clone()));
    let overdue = async {
        ended.cancelled().await;
        tokio::time::sleep(lifetime::GRACE).await;
    };
    let exit = tokio::select! {
        () = serving => lifetime::of(door.stage()),
        // A client that does not read our output any more must not keep us.
        () = overdue => lifetime::of(door.stage()),
        () = lifetime::orphaned(door.clone()) => Exit::Orphaned,
    };
    door.stop();
    if let Some(agent) = door.agent_if_made()
        && tokio::time::timeout(lifetime::SHUTDOWN, agent.shutdown())
            .await
            .is_err()
    {
        tracing::warn!("tasks did not end within {:?}", lifetime::SHUTDOWN);
    }
    exit
}
