//! Insight: the agent's questions to the editor, as requests `animus/client/*` to the client, and its answers in the agent's words. No
//! handler of ours waits for them (L1): a question belongs to a task, which goes on without the answer, and then it is cancelled.

mod answers;
mod rewrite;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use agent::insight::{Question, Reply, Spot, Trees, Verb};
use lsp_types::notification::Cancel;
use lsp_types::{CancelParams, NumberOrString, Uri};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower::Service;
use tower_lsp::Client as Wire;
use tower_lsp::jsonrpc::{Id, Request};

use crate::door::Door;
use crate::editor::Editor;
use crate::navigate;
use crate::negotiate::Client;

/// Characters of an error of the client that are passed on.
const MOST_WORDS: usize = 200;

/// What the client says that it answers.
pub fn promised(client: &Client) -> BTreeSet<Verb> {
    let verbs = Verb::ALL.into_iter();
    verbs.filter(|verb| client.promises(verb.word())).collect()
}

/// Serves the agent's questions until the agent is gone.
pub async fn run(door: Arc<Door>, mut questions: mpsc::UnboundedReceiver<Question>) {
    while let Some(question) = questions.recv().await {
        let Ok(editor) = door.editor() else { return };
        let asker = Asker {
            wire: door.wire().clone(),
            editor,
        };
        door.spawn(asker.serve(question));
    }
}

/// Who asks the client.
struct Asker {
    wire: Wire,
    editor: Arc<Editor>,
}

impl Asker {
    async fn serve(self, question: Question) {
        match question {
            Question::Diagnostics(paths, reply) => {
                let uris: Vec<String> = paths
                    .iter()
                    .map(|path| self.editor.addresses().uri(path))
                    .collect();
                let params = match uris.is_empty() {
                    true => json!({}),
                    false => json!({ "uris": uris }),
                };
                self.settle(Verb::Diagnostics, params, reply, answers::told)
                    .await;
            }
            Question::Compare(trees, reply) => {
                let asked = answers::Asked::of(&trees);
                let params = hidden(&trees, &asked);
                let read = move |_: &Editor, answer| answers::compared(&asked, answer);
                self.settle(Verb::Diagnostics, params, reply, read).await;
            }
            Question::Definition(spot, reply) => {
                let params = self.at(&spot).await;
                self.settle(Verb::Definition, params, reply, answers::places)
                    .await;
            }
            Question::References(spot, reply) => {
                let params = self.at(&spot).await;
                self.settle(Verb::References, params, reply, answers::places)
                    .await;
            }
            Question::Rename(spot, name, reply) => {
                // Before the question, so that no change between the two is missed.
                let then = rewrite::Moment::of(&self.editor);
                let mut params = self.at(&spot).await;
                params["newName"] = Value::from(name);
                let read = move |editor: &Editor, answer| rewrite::renamed(editor, &then, answer);
                self.settle(Verb::Rename, params, reply, read).await;
            }
            Question::Symbols(query, reply) => {
                let params = json!({ "query": query });
                self.settle(Verb::Symbols, params, reply, answers::symbols)
                    .await;
            }
            Question::Selection(reply) => {
                self.settle(Verb::Selection, json!({}), reply, answers::selected)
                    .await;
            }
        }
    }

    /// Asks, reads the answer and passes it on; a question that nobody waits for any more is cancelled at the client.
    async fn settle<T: Send + 'static>(
        &self,
        verb: Verb,
        params: Value,
        mut reply: Reply<T>,
        read: impl FnOnce(&Editor, Value) -> Result<T, String> + Send + 'static,
    ) {
        let answer = ask(&self.wire, verb, params, reply.closed()).await;
        let name = self.editor.client().editor();
        let answer = match answer {
            None => return,
            Some(Err(why)) => Err(format!("{name} answered with an error: {why}")),
            Some(Ok(answer)) => {
                let editor = self.editor.clone();
                // It reads the files that it is about.
                let job = tokio::task::spawn_blocking(move || read(&editor, answer));
                job.await
                    .unwrap_or_else(|_| Err("the answer could not be read".to_owned()))
                    .map_err(|why| format!("{name} gave an answer that is none: {why}"))
            }
        };
        let _ = reply.send(answer);
    }

    /// `{textDocument, position}` of a place, in the client's encoding.
    async fn at(&self, spot: &Spot) -> Value {
        let (editor, spot) = (self.editor.clone(), spot.clone());
        let job = tokio::task::spawn_blocking(move || {
            let text = navigate::text(&editor, &spot.path).unwrap_or_default();
            let at = text.position_of(spot.line, spot.column, editor.client().encoding);
            json!({ "uri": editor.addresses().uri(&spot.path), "position": at })
        });
        job.await.unwrap_or_default()
    }
}

/// Asks the client to read files out of sight.
fn hidden(trees: &Trees, asked: &answers::Asked) -> Value {
    let folder =
        |path: &camino::Utf8Path| Uri::from_file_path(path).map(|uri| uri.as_str().to_owned());
    json!({
        "uris": asked.uris(),
        "hidden": [folder(&trees.before), folder(&trees.after)],
    })
}

/// One request to the client; `None` where `closed` came first, and then the client is told.
async fn ask(
    wire: &Wire,
    verb: Verb,
    params: Value,
    closed: impl Future<Output = ()>,
) -> Option<Result<Value, String>> {
    let id = wire.next_request_id();
    let method = format!("animus/{}", verb.word());
    let request = Request::build(method).params(params).id(id.clone());
    let mut way = wire.clone();
    let answer = way.call(request.finish());
    tokio::select! {
        answer = answer => Some(match answer.ok().flatten().map(tower_lsp::jsonrpc::Response::into_parts) {
            Some((_, Ok(answer))) => Ok(answer),
            Some((_, Err(error))) => Err(error.message.chars().take(MOST_WORDS).collect()),
            None => Err("the connection is over".to_owned()),
        }),
        () = closed => {
            if let Id::Number(number) = id && let Ok(number) = i32::try_from(number) {
                let id = NumberOrString::Number(number);
                wire.send_notification::<Cancel>(CancelParams { id }).await;
            }
            None
        }
    }
}

/// Shows two texts side by side, in the editor's own way. Waits for nothing but the client's word, in a task of its own.
pub fn open_diff(door: &Door, sides: [Value; 2], title: &str) {
    let wire = door.wire().clone();
    let [left, right] = sides;
    let params = json!({ "left": left, "right": right, "title": title });
    door.spawn(async move {
        let never = std::future::pending();
        if let Some(Err(why)) = ask(&wire, Verb::OpenDiff, params, never).await {
            tracing::info!("the client shows no difference: {why}");
        }
    });
}
