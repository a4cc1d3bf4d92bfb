//! Editor: a scripted language client over in-memory pipes. It keeps buffers as a real one does: an edit of the server
//! changes them and comes back as `didChange`, unless the script says that this client misbehaves.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a fixture: it panics where the test should fail, and plays the editor that writes the user's files"
)]

mod buffer;
mod edits;
mod wire;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt, DuplexStream, WriteHalf};
use tokio::sync::{Notify, mpsc, oneshot};

use buffer::{Buffer, Encoding};

/// Longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the client does with `workspace/applyEdit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Applies {
    /// Checks versions, applies, sends the new text back, answers `true`.
    #[default]
    Well,
    /// As `Well`, but answers before the new text goes out.
    AnswersFirst,
    /// Answers `true` and does nothing.
    Lies,
    /// Answers `false` and does nothing.
    Refuses,
    /// Answers an error and does nothing.
    Errs,
    /// Never answers.
    Sulks,
    /// Types a line at the end of the last document, then applies if the versions still hold (they do not).
    TypesFirst,
    /// Applies to all documents but the last, answers `true`.
    Halfway,
    /// As Neovim 0.11: a newer first document is skipped, later ones are edited without a look at their version, the answer is
    /// `true`, and what was typed comes behind it together with what was applied.
    Neovim,
    /// Applies, and tells of each edit as two changes in one notification: first what goes, then what comes.
    InParts,
    /// As Kakoune: types each edit, where `\r` is a line end too and each becomes what the document has, and tells the whole text.
    Types,
    /// Applies, then puts another word before the first line of the last document, and only then answers.
    Reformats,
}

/// What the client says when it is asked something of our own wire.
#[derive(Debug, Clone)]
pub enum Says {
    /// This.
    Result(Value),
    /// An error with this message.
    Error(String),
    /// Nothing, until [`Editor::answers_late`].
    Nothing,
}

/// The other end of the pipes, for the server.
#[derive(Debug)]
pub struct Pipes {
    /// What the server reads.
    pub input: DuplexStream,
    /// What the server writes.
    pub output: DuplexStream,
}

/// The client.
#[derive(Debug)]
pub struct Editor {
    root: PathBuf,
    state: Arc<Mutex<State>>,
    happened: Arc<Notify>,
    out: mpsc::UnboundedSender<Vec<u8>>,
    close: Option<oneshot::Sender<()>>,
}

#[derive(Debug, Default)]
struct State {
    next_id: i64,
    waiting: HashMap<i64, oneshot::Sender<Result<Value, Value>>>,
    /// Everything that the server sent by itself: notifications, and requests with their params.
    seen: Vec<(String, Value)>,
    /// Answers that belong to no request of ours (errors with a null id).
    strays: Vec<Value>,
    buffers: BTreeMap<String, Buffer>,
    encoding: Encoding,
    applies: Applies,
    /// What is typed when the next edits come, before each is applied: URI and edit.
    typing: VecDeque<Vec<(String, Value)>>,
    /// Title of the button that is pressed; the box is closed where there is none.
    presses: Option<String>,
    /// Whether acknowledgements are sent for every event frame.
    acks: bool,
    /// What is said to requests of other methods; nothing but null where none is named.
    says: HashMap<String, Says>,
    /// Methods and ids of the requests that wait for an answer.
    unanswered: Vec<(String, Value)>,
}

impl Editor {
    /// A client for the workspace at `root`, and the pipes for the server.
    pub fn new(root: &Path) -> (Editor, Pipes) {
        Editor::with_pipe(root, 1 << 20)
    }

    /// As [`Editor::new`], with room for so many bytes in each pipe.
    pub fn with_pipe(root: &Path, room: usize) -> (Editor, Pipes) {
        let (ours_in, output) = tokio::io::duplex(room);
        let (ours_out, input) = tokio::io::duplex(room);
        let (_, writer) = tokio::io::split(ours_out);
        let (out, outgoing) = mpsc::unbounded_channel();
        let (close, closed) = oneshot::channel();
        let editor = Editor {
            root: root.to_owned(),
            state: Arc::default(),
            happened: Arc::default(),
            out,
            close: Some(close),
        };
        tokio::spawn(write(writer, outgoing, closed));
        let reader = Reader {
            state: editor.state.clone(),
            happened: editor.happened.clone(),
            out: editor.out.clone(),
        };
        tokio::spawn(reader.run(ours_in));
        (editor, Pipes { input, output })
    }

    /// `initialize` with these params (the root is filled in), then `initialized`. Returns the result.
    pub async fn initialize(&self, mut params: Value) -> Value {
        let root = self.uri("");
        params["rootUri"] = json!(root);
        params["rootPath"] = json!(self.root);
        params["workspaceFolders"] = json!([{ "uri": root, "name": "ws" }]);
        let result = self
            .request("initialize", params)
            .await
            .expect("initialize");
        let encoding = result
            .pointer("/capabilities/positionEncoding")
            .and_then(Value::as_str);
        self.state.lock().unwrap().encoding = Encoding::parse(encoding.unwrap_or("utf-16"));
        self.notify("initialized", json!({}));
        result
    }

    /// A request and its answer.
    ///
    /// # Errors
    /// The error object.
    pub async fn request(&self, method: &str, params: Value) -> Result<Value, Value> {
        let answer = self.ask(method, params);
        tokio::time::timeout(PATIENCE, answer)
            .await
            .unwrap_or_else(|_| panic!("no answer to {method}"))
            .expect("the server is there")
    }

    /// A request whose answer is awaited later.
    pub fn ask(&self, method: &str, params: Value) -> oneshot::Receiver<Result<Value, Value>> {
        let (sender, receiver) = oneshot::channel();
        let id = {
            let mut state = self.state.lock().unwrap();
            state.next_id += 1;
            let id = state.next_id;
            state.waiting.insert(id, sender);
            id
        };
        self.raw(&wire::frame(
            &json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }),
        ));
        receiver
    }

    /// Gives up on the newest request.
    pub fn cancel_newest(&self) {
        let id = self.state.lock().unwrap().next_id;
        self.notify("$/cancelRequest", json!({ "id": id }));
    }

    /// A notification.
    pub fn notify(&self, method: &str, params: Value) {
        self.raw(&wire::frame(
            &json!({ "jsonrpc": "2.0", "method": method, "params": params }),
        ));
    }

    /// Bytes as they are.
    pub fn raw(&self, bytes: &[u8]) {
        let _ = self.out.send(bytes.to_vec());
    }

    /// Closes the server's input.
    pub fn close(&mut self) {
        self.close.take();
    }

    /// The URI of a file of the workspace.
    pub fn uri(&self, path: &str) -> String {
        uri(&self.root, path)
    }

    /// Opens a file as it is on disk.
    pub fn open(&self, path: &str) {
        let text = std::fs::read_to_string(self.root.join(path)).unwrap_or_default();
        let open = self.state.lock().unwrap().open(&self.uri(path), &text);
        self.raw(&open);
    }

    /// Closes a buffer; what was not saved is gone.
    pub fn close_document(&self, path: &str) {
        let uri = self.uri(path);
        self.state.lock().unwrap().buffers.remove(&uri);
        self.notify(
            "textDocument/didClose",
            json!({ "textDocument": { "uri": uri } }),
        );
    }

    /// Types text at a place (line and character in the negotiated encoding).
    pub fn insert(&self, path: &str, line: u64, character: u64, text: &str) {
        let place = json!({ "line": line, "character": character });
        let edit = json!({ "range": { "start": place, "end": place }, "newText": text });
        let change = self.state.lock().unwrap().change(&self.uri(path), &[edit]);
        self.raw(&change);
    }

    /// The text of an open buffer.
    pub fn text(&self, path: &str) -> String {
        let state = self.state.lock().unwrap();
        state
            .buffers
            .get(&self.uri(path))
            .map(|buffer| buffer.text.clone())
            .unwrap_or_default()
    }

    /// The version of an open buffer.
    pub fn version(&self, path: &str) -> Option<i64> {
        self.state
            .lock()
            .unwrap()
            .buffers
            .get(&self.uri(path))
            .map(|buffer| buffer.version)
    }

    /// Applies the edit of a code action to the buffers, unless one of them is another version by now. Whether it did.
    pub fn edit(&self, edit: &Value) -> bool {
        let messages = self.state.lock().unwrap().edit(edit);
        let Some(messages) = messages else {
            return false;
        };
        messages.iter().for_each(|message| self.raw(message));
        true
    }

    /// From now on edits are met like this.
    pub fn applies(&self, how: Applies) {
        self.state.lock().unwrap().applies = how;
    }

    /// When the next edit comes that no typing waits for yet, this is typed before it is applied: path, place (line and
    /// character) and text.
    pub fn types_meanwhile(&self, typed: &[(&str, (u64, u64), &str)]) {
        let edit = |(path, (line, character), text): &(&str, (u64, u64), &str)| {
            let place = json!({ "line": line, "character": character });
            let edit = json!({ "range": { "start": place, "end": place }, "newText": text });
            (self.uri(path), edit)
        };
        let typed = typed.iter().map(edit).collect();
        self.state.lock().unwrap().typing.push_back(typed);
    }

    /// From now on this button is pressed in message boxes.
    pub fn presses(&self, title: &str) {
        self.state.lock().unwrap().presses = Some(title.to_owned());
    }

    /// From now on requests of this method are answered so.
    pub fn says(&self, method: &str, says: Says) {
        let mut state = self.state.lock().unwrap();
        state.says.insert(method.to_owned(), says);
    }

    /// Answers the requests that nothing was said to; how many there were.
    pub fn answers_late(&self, method: &str, result: &Value) -> usize {
        let mut state = self.state.lock().unwrap();
        let (late, rest) = std::mem::take(&mut state.unanswered)
            .into_iter()
            .partition(|(of, _)| of == method);
        state.unanswered = rest;
        let late: Vec<(String, Value)> = late;
        for (_, id) in &late {
            let _ = self.out.send(wire::answer(id, result.clone()));
        }
        late.len()
    }

    /// From now on every event frame is acknowledged.
    pub fn acks(&self) {
        self.state.lock().unwrap().acks = true;
    }

    /// Params of everything that the server sent under this method, in order.
    pub fn seen(&self, method: &str) -> Vec<Value> {
        let state = self.state.lock().unwrap();
        state
            .seen
            .iter()
            .filter(|(name, _)| name == method)
            .map(|(_, params)| params.clone())
            .collect()
    }

    /// Answers without a request: errors with a null id.
    pub fn strays(&self) -> Vec<Value> {
        self.state.lock().unwrap().strays.clone()
    }

    /// Every event of a task that came by `$/animus/event`, in order of arrival.
    pub fn events(&self, task: &str) -> Vec<Value> {
        let frames = self.seen("$/animus/event");
        let of_task = frames.into_iter().filter(|frame| frame["task"] == task);
        of_task
            .flat_map(|frame| frame["events"].as_array().cloned().unwrap_or_default())
            .collect()
    }

    /// Waits until the client has seen what `wanted` finds.
    pub async fn until<T>(&self, what: &str, wanted: impl Fn(&Editor) -> Option<T>) -> T {
        let search = async {
            loop {
                let happened = self.happened.notified();
                if let Some(found) = wanted(self) {
                    return found;
                }
                let _ = tokio::time::timeout(Duration::from_millis(200), happened).await;
            }
        };
        match tokio::time::timeout(PATIENCE, search).await {
            Ok(found) => found,
            Err(_) => panic!(
                "never came: {what}; seen: {:#?}",
                self.state.lock().unwrap().seen
            ),
        }
    }

    /// Waits for the `finished` event of a task and returns its update.
    pub async fn finished(&self, task: &str) -> Value {
        let last = |editor: &Editor| {
            let events = editor.events(task);
            events
                .into_iter()
                .map(|event| event["update"].clone())
                .find(|update| update["type"] == "finished")
        };
        self.until("finished", last).await
    }
}

fn uri(root: &Path, path: &str) -> String {
    let root = root.to_str().expect("a UTF-8 path").trim_end_matches('/');
    if path.is_empty() {
        format!("file://{root}")
    } else {
        format!("file://{root}/{path}")
    }
}

async fn write(
    mut pipe: WriteHalf<DuplexStream>,
    mut outgoing: mpsc::UnboundedReceiver<Vec<u8>>,
    mut closed: oneshot::Receiver<()>,
) {
    loop {
        tokio::select! {
            biased;
            bytes = outgoing.recv() => match bytes {
                Some(bytes) => if pipe.write_all(&bytes).await.is_err() { return },
                None => return,
            },
            _ = &mut closed => {
                let _ = pipe.shutdown().await;
                return;
            }
        }
    }
}

struct Reader {
    state: Arc<Mutex<State>>,
    happened: Arc<Notify>,
    out: mpsc::UnboundedSender<Vec<u8>>,
}

impl Reader {
    async fn run(self, mut pipe: DuplexStream) {
        while let Some(message) = wire::read(&mut pipe).await {
            for answer in self.take(message) {
                let _ = self.out.send(answer);
            }
            self.happened.notify_waiters();
        }
    }

    /// Takes one message and returns what goes back.
    fn take(&self, message: Value) -> Vec<Vec<u8>> {
        let mut state = self.state.lock().unwrap();
        let Some(method) = message["method"].as_str() else {
            let answer = match message.get("error") {
                Some(error) => Err(error.clone()),
                None => Ok(message["result"].clone()),
            };
            match message["id"]
                .as_i64()
                .and_then(|id| state.waiting.remove(&id))
            {
                Some(waiter) => drop(waiter.send(answer)),
                None => state.strays.push(message),
            }
            return Vec::new();
        };
        let params = message["params"].clone();
        state.seen.push((method.to_owned(), params.clone()));
        match (method, message.get("id")) {
            ("$/animus/event", None) if state.acks => {
                let last = params["events"]
                    .as_array()
                    .and_then(|events| events.last())
                    .map(|event| event["seq"].clone());
                let ack = json!({ "jsonrpc": "2.0", "method": "$/animus/ack", "params": { "task": params["task"], "seq": last } });
                vec![wire::frame(&ack)]
            }
            (_, None) => Vec::new(),
            ("workspace/applyEdit", Some(id)) => state.apply(id, &params),
            ("window/showDocument", Some(id)) => vec![wire::answer(id, json!({ "success": true }))],
            ("window/showMessageRequest", Some(id)) => {
                let pressed = state
                    .presses
                    .as_ref()
                    .map(|title| json!({ "title": title }));
                vec![wire::answer(id, pressed.unwrap_or_default())]
            }
            (_, Some(id)) => match state.says.get(method).cloned() {
                None => vec![wire::answer(id, Value::Null)],
                Some(Says::Result(result)) => vec![wire::answer(id, result)],
                Some(Says::Error(message)) => {
                    let error = json!({ "code": -32603, "message": message });
                    let answer = json!({ "jsonrpc": "2.0", "id": id, "error": error });
                    vec![wire::frame(&answer)]
                }
                Some(Says::Nothing) => {
                    let id = id.clone();
                    state.unanswered.push((method.to_owned(), id));
                    Vec::new()
                }
            },
        }
    }
}
