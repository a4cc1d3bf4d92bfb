//! Shelf: what keeps the reviews in memory true: it fetches the patches that changed, tells the client to ask again, and notices
//! hunks that an editor put into a document by itself. The only place here that waits.

use std::sync::Arc;
use std::time::Duration;

use agent::Agent;
use lsp_types::request::Request;
use protocol::{PatchId, PatchState};
use serde_json::{Value, json};
use workspace::{Host, RelPath};

use super::{Reviews, SCHEME, Sheet, Todo};
use crate::door::Door;
use crate::features::Feature;
use crate::negotiate::Client;

/// Landed patches of earlier sessions that are kept.
const LANDED: usize = 8;
/// How long a document rests before its text is looked through.
const REST: Duration = Duration::from_millis(200);

/// `workspace/textDocumentContent/refresh`.
enum ContentRefresh {}

impl Request for ContentRefresh {
    type Params = Value;
    type Result = Value;
    const METHOD: &'static str = "workspace/textDocumentContent/refresh";
}

/// Keeps the reviews for as long as the connection lives.
pub async fn run(door: Arc<Door>, agent: Agent) {
    let Some(client) = door.met().map(|met| met.client.clone()) else {
        return;
    };
    if let Some(folder) = agent.page_path(&PatchId::from("")).parent() {
        door.reviews().settle(folder);
    }
    first(&door, &agent).await;
    loop {
        let Todo { patches, paths } = door.reviews().todo().await;
        for id in &patches {
            fetch(&door, &agent, &client, id).await;
        }
        if !patches.is_empty() && client.can(Feature::LensRefresh) {
            let wire = door.wire().clone();
            door.spawn(async move {
                let _ = wire.code_lens_refresh().await;
            });
        }
        if !paths.is_empty() {
            tokio::time::sleep(REST).await;
            for path in paths {
                look_through(&door, &agent, &path).await;
            }
        }
    }
}

/// What waits, and what landed last.
async fn first(door: &Arc<Door>, agent: &Agent) {
    let agent = agent.clone();
    let listed = tokio::task::spawn_blocking(move || agent.patches()).await;
    let mut landed = 0;
    for patch in listed.unwrap_or_default() {
        match patch.state {
            PatchState::Proposed => door.reviews().changed(&patch.id),
            PatchState::Landed if landed < LANDED => {
                landed += 1;
                door.reviews().changed(&patch.id);
            }
            PatchState::Landed | PatchState::Refused | PatchState::Undone => {}
        }
    }
}

/// One patch from the agent, also one that the handlers ask for the first time.
pub async fn load(reviews: &Reviews, agent: &Agent, id: &PatchId) -> Option<Arc<Sheet>> {
    let (agent, wanted) = (agent.clone(), id.clone());
    let found = tokio::task::spawn_blocking(move || {
        let view = agent.patch(&wanted)?;
        agent.review(&wanted).map(|review| Sheet::new(view, review))
    })
    .await;
    match found {
        Ok(Ok(sheet)) => reviews.put(sheet),
        Ok(Err(_)) => reviews.remove(id),
        Err(error) => tracing::warn!(%id, %error, "a patch could not be fetched"),
    }
    reviews.get(id)
}

async fn fetch(door: &Arc<Door>, agent: &Agent, client: &Client, id: &PatchId) {
    let reviews = door.reviews();
    load(reviews, agent, id).await;
    if !reviews.is_shown(id) {
        return;
    }
    if client.can(Feature::Content) {
        let wire = door.wire().clone();
        let params = json!({ "uri": super::uri(id) });
        door.spawn(async move {
            let _ = wire.send_request::<ContentRefresh>(params).await;
        });
    } else {
        let (agent, id) = (agent.clone(), id.clone());
        let written = tokio::task::spawn_blocking(move || agent.write_page(&id)).await;
        if let Ok(Err(failure)) = written {
            door.note(format!("the review document is not up to date: {failure}"));
        }
    }
}

/// Tells the agent of the hunks that stand in the document already. Deciding may wait for a landing, so nobody waits for it.
async fn look_through(door: &Arc<Door>, agent: &Agent, path: &RelPath) {
    let Ok(editor) = door.editor() else { return };
    for (sheet, _) in door.reviews().of_path(path) {
        let (editor, here, of) = (editor.clone(), path.clone(), sheet.clone());
        let found = tokio::task::spawn_blocking(move || {
            let live = editor.read(&here).ok().flatten();
            live.is_some_and(|live| !of.review.found(&here, &live.bytes).is_empty())
        });
        if sheet.view.state != PatchState::Proposed || !found.await.unwrap_or(false) {
            continue;
        }
        let (agent, id, path) = (agent.clone(), sheet.view.id.clone(), path.clone());
        door.spawn(async move {
            if let Err(failure) = agent.notice(&id, &path).await {
                tracing::warn!(%id, %failure, "a hunk in a document was not noticed");
            }
        });
    }
}

/// What is registered with a client that takes registrations: the review documents are the only ones that these are for.
pub fn registrations(client: &Client) -> Vec<lsp_types::Registration> {
    let selector = json!([{ "scheme": SCHEME }, { "pattern": "**/review/*.diff" }]);
    let register = |method: &str, options: Value| lsp_types::Registration {
        id: format!("animus/{method}"),
        method: method.to_owned(),
        register_options: Some(options),
    };
    let mut list = Vec::new();
    if client.can(Feature::Content) {
        let options = json!({ "schemes": [SCHEME] });
        list.push(register("workspace/textDocumentContent", options));
    }
    if client.can(Feature::Selective) {
        for method in [
            "textDocument/documentLink",
            "textDocument/foldingRange",
            "textDocument/definition",
        ] {
            list.push(register(method, json!({ "documentSelector": selector })));
        }
    }
    // What is announced for all documents reaches those of the client's own schemes only.
    if client.can(Feature::Content) && client.can(Feature::Selective) {
        let ours = json!([{ "scheme": SCHEME }]);
        let kinds = [crate::actions::QUICKFIX];
        list.push(register(
            "textDocument/codeLens",
            json!({ "documentSelector": ours }),
        ));
        list.push(register(
            "textDocument/codeAction",
            json!({ "documentSelector": ours, "codeActionKinds": kinds }),
        ));
    }
    list
}
