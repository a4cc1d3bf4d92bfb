//! Completions: the requests for inline completion that wait for a model, the one kind of request that may (L1 says how).
//!
//! Invariant: at most one waits for a document and [`MOST`] in all; the older one is answered at once with nothing, and so is one whose
//! document changes. None is in a handler of tower-lsp, so whatever they wait for, other requests and cancels do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use agent::{Agent, Cursor};
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use lsp_types::{Position, Registration};
use parking_lot::Mutex;
use ropey::Rope;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tower_lsp::jsonrpc::{Error, Id, Request, Response};
use workspace::RelPath;

use crate::door::{Door, Stage};
use crate::features::Feature;
use crate::position;

/// The request, as LSP 3.18 has it.
pub const METHOD: &str = "textDocument/inlineCompletion";

/// Requests that wait at once, over all documents.
const MOST: usize = 8;

/// A person asked for it (`InlineCompletionTriggerKind.Invoked`).
const INVOKED: u64 = 1;

/// Those that wait, the oldest first.
#[derive(Default)]
pub struct Completions {
    waiting: Mutex<Vec<Arc<Waiting>>>,
}

/// One that waits.
struct Waiting {
    id: Id,
    path: RelPath,
    end: CancellationToken,
    /// The client said so itself, and wants to hear that.
    is_cancelled: AtomicBool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    text_document: lsp_types::TextDocumentIdentifier,
    position: Position,
    #[serde(default)]
    context: Value,
}

impl Completions {
    /// The client gave up on a request; false where it is none of these.
    pub fn cancel(&self, id: &Value) -> bool {
        let waiting = self.waiting.lock();
        let found = waiting.iter().find(|one| json!(one.id) == *id);
        if let Some(one) = found {
            one.is_cancelled.store(true, Ordering::Release);
            one.end.cancel();
        }
        found.is_some()
    }

    /// A document is not as it was: what was asked about it is of no use any more.
    pub fn changed(&self, path: &RelPath) {
        for one in self.waiting.lock().iter().filter(|one| one.path == *path) {
            one.end.cancel();
        }
    }

    /// The client leaves: whatever waits is answered with nothing, and its connection ends.
    pub fn end(&self) {
        for one in self.waiting.lock().iter() {
            one.end.cancel();
        }
    }

    /// Takes a seat for a request, where needed from an older one.
    fn sit(&self, id: Id, path: RelPath) -> Arc<Waiting> {
        self.changed(&path);
        let one = Arc::new(Waiting {
            id,
            path,
            end: CancellationToken::new(),
            is_cancelled: AtomicBool::new(false),
        });
        let mut waiting = self.waiting.lock();
        waiting.push(one.clone());
        let open: Vec<_> = waiting
            .iter()
            .filter(|one| !one.end.is_cancelled())
            .collect();
        for oldest in &open[..open.len().saturating_sub(MOST)] {
            oldest.end.cancel();
        }
        one
    }

    fn leave(&self, one: &Arc<Waiting>) {
        self.waiting.lock().retain(|other| !Arc::ptr_eq(other, one));
    }
}

/// A request's place among those that wait; it ends with the future that holds it, also where that is dropped.
struct Seat {
    door: Arc<Door>,
    one: Arc<Waiting>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.one.end.cancel();
        self.door.completions().leave(&self.one);
    }
}

/// Whether the request is answered here: with nothing, where completion is off.
pub fn is_served(door: &Door) -> bool {
    door.stage() == Stage::Open
}

/// The answer to one request. It is taken up in wire order, and waits outside every handler.
pub fn answer<E: Send + 'static>(
    door: &Arc<Door>,
    request: Request,
) -> BoxFuture<'static, Result<Option<Response>, E>> {
    let (_, id, params) = request.into_parts();
    let Some(id) = id else {
        return ready(Ok(None)).boxed();
    };
    let params = match serde_json::from_value::<Params>(params.unwrap_or_default()) {
        Ok(params) => params,
        Err(error) => {
            let refused = Error::invalid_params(error.to_string());
            return ready(Ok(Some(Response::from_error(id, refused)))).boxed();
        }
    };
    let Some((agent, cursor)) = cursor(door, &params) else {
        return ready(Ok(Some(Response::from_ok(id, Value::Null)))).boxed();
    };
    let one = door.completions().sit(id.clone(), cursor.path.clone());
    let seat = Seat {
        door: door.clone(),
        one: one.clone(),
    };
    let (send, receive) = oneshot::channel();
    door.spawn(async move {
        let text = agent.completion().suggest(cursor, &one.end).await;
        let _ = send.send(text);
    });
    let at = params.position;
    async move {
        let text = tokio::select! {
            biased;
            () = seat.one.end.cancelled() => None,
            text = receive => text.ok().flatten(),
        };
        let response = match seat.one.is_cancelled.load(Ordering::Acquire) {
            true => Response::from_error(id, Error::request_cancelled()),
            false => Response::from_ok(id, items(text, at)),
        };
        Ok(Some(response))
    }
    .boxed()
}

/// Where the client is, and what it sees there; none where that is nowhere of ours.
fn cursor(door: &Arc<Door>, params: &Params) -> Option<(Agent, Cursor)> {
    let agent = door.agent_if_made()?;
    if !agent.completion().is_on() {
        return None;
    }
    let editor = door.editor().ok()?;
    let path = editor.addresses().path(params.text_document.uri.as_str())?;
    let document = editor.documents().get(&path)?;
    let rope = &document.rope;
    let char = position::to_char(rope, params.position, editor.client().encoding);
    let at = rope.char_to_byte(char);
    let (before, after) = around(rope, at, agent.completion().reach());
    let kind = params.context.get("triggerKind").and_then(Value::as_u64);
    let cursor = Cursor {
        path,
        language: document.language.unwrap_or_default(),
        at,
        before,
        after,
        asked: kind == Some(INVOKED),
    };
    Some((agent, cursor))
}

/// The text around a place: so many bytes before and behind it, and on to the ends of their lines where these are no farther away than
/// that again.
fn around(rope: &Rope, at: usize, (before, after): (usize, usize)) -> (String, String) {
    let (least, most) = (
        at.saturating_sub(before),
        at.saturating_sub(before.saturating_mul(2)),
    );
    let line = rope.line_to_byte(rope.byte_to_line(least));
    let from = rope.byte_to_char(if line >= most { line } else { least });
    let whole = rope.len_bytes();
    let ahead = |count: usize| at.saturating_add(count).min(whole);
    let (least, most) = (ahead(after), ahead(after.saturating_mul(2)));
    let next = rope.byte_to_line(least) + 1;
    let end = match next < rope.len_lines() {
        true => rope.line_to_byte(next),
        false => whole,
    };
    let to = rope.byte_to_char(if end <= most { end } else { least });
    let at = rope.byte_to_char(at);
    let text = |from: usize, to: usize| rope.slice(from..to).to_string();
    (text(from, at), text(at, to))
}

/// What the client gets: it is inserted at the cursor and replaces nothing.
fn items(text: Option<String>, at: Position) -> Value {
    let item = |text: String| {
        json!({
            "insertText": text,
            "range": { "start": at, "end": at },
        })
    };
    json!({ "items": text.map(item).into_iter().collect::<Vec<_>>() })
}

/// Tells a client that takes registrations that it may ask, where the configuration wants it: that is known only once the agent is
/// made. Others are told in the answer to `initialize`, whatever the configuration says, and get nothing where it is off.
pub async fn offer(door: Arc<Door>, agent: Agent) {
    let completion = agent.completion();
    let Some(met) = door.met().filter(|_| completion.is_on()) else {
        return;
    };
    if !met.client.can(Feature::RegisteredCompletion) {
        return;
    }
    let filter = |language: &String| json!({ "scheme": "file", "language": language });
    let selector: Vec<Value> = match completion.config().languages.as_slice() {
        [] => vec![json!({ "scheme": "file" })],
        languages => languages.iter().map(filter).collect(),
    };
    let registration = Registration {
        id: "animus.inlineCompletion".to_owned(),
        method: METHOD.to_owned(),
        register_options: Some(json!({ "documentSelector": selector })),
    };
    if let Err(error) = door.wire().register_capability(vec![registration]).await {
        tracing::info!("the client asks for no completion: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_around_a_place_has_whole_lines_where_these_end_soon() {
        let rope = Rope::from_str("aż\n🐢c\nlonger line");
        let whole = rope.to_string();
        for at in (0..=whole.len()).filter(|at| whole.is_char_boundary(*at)) {
            for reach in 0..20 {
                let (before, after) = around(&rope, at, (reach, reach));
                assert!(whole[..at].ends_with(&before) && whole[at..].starts_with(&after));
                assert!(before.len() >= reach.min(at) && before.len() < 2 * reach + 4);
                assert!(after.len() + 4 > reach.min(whole.len() - at) && after.len() <= 2 * reach);
            }
        }
        let end = whole.len();
        assert_eq!(around(&rope, end, (6, 6)).0, "longer line");
        assert_eq!(around(&rope, end, (5, 5)).0, " line");
        assert_eq!(around(&rope, 0, (3, 3)).1, "aż\n");
    }
}
