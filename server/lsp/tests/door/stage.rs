//! Stage: a small workspace on disk, a client on it and the server between them.
#![allow(clippy::disallowed_methods, reason = "fixtures are written here")]

use std::sync::Arc;

use agent::{Agent, Config, Parts, ToolsConfig};
use camino::{Utf8Path, Utf8PathBuf};
use lsp::{Exit, Opened};
use protocol::{Code, Failure};
use serde_json::{Value, json};
use testkit::lsp::{Editor, Pipes};
use tokio::task::JoinHandle;
use workspace::Host;

/// A workspace and the state folder beside it; both go when it goes.
pub struct Stage {
    _folder: tempfile::TempDir,
    pub root: Utf8PathBuf,
    pub state: Utf8PathBuf,
}

/// A connection.
pub struct Session {
    pub editor: Editor,
    pub server: JoinHandle<Exit>,
    /// The result of `initialize`.
    pub agreed: Value,
}

impl Stage {
    /// A workspace whose tests pass once `greet.txt` says goodbye and `count.txt` says 2.
    pub fn new() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let base = Utf8Path::from_path(folder.path())
            .unwrap()
            .canonicalize_utf8()
            .unwrap();
        let (root, state) = (base.join("work"), base.join("state"));
        std::fs::create_dir(&root).unwrap();
        let stage = Stage {
            _folder: folder,
            root,
            state,
        };
        stage.write("greet.txt", "hello\n\n\n\nworld\n");
        stage.write("count.txt", "one\n1\n");
        stage.write(
            "check.sh",
            "grep -q goodbye greet.txt && grep -q 2 count.txt\n",
        );
        stage
    }

    /// The same with a list of ten lines, and tests that pass.
    pub fn with_list() -> Stage {
        let stage = Stage::new();
        stage.write("check.sh", "true\n");
        stage.write("list.txt", LIST);
        stage
    }

    pub fn write(&self, path: &str, text: &str) {
        let file = self.root.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    /// A link in the workspace.
    #[cfg(unix)]
    pub fn link(&self, path: &str, to: &str) {
        std::os::unix::fs::symlink(to, self.root.join(path)).unwrap();
    }

    /// A file of the workspace, or anywhere.
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root.join(path)).unwrap()
    }

    /// A client with these `initialize` params, connected.
    pub async fn connect(&self, params: Value, script: &str) -> Session {
        let (editor, pipes) = Editor::new(self.root.as_std_path());
        let server = self.serve(pipes, script);
        let agreed = editor.initialize(params).await;
        Session {
            editor,
            server,
            agreed,
        }
    }

    /// A client, and the workspace as the agent gets it from the server.
    pub async fn connect_host(&self, params: Value) -> (Session, Arc<dyn Host>) {
        let (editor, pipes) = Editor::new(self.root.as_std_path());
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let server = tokio::spawn(lsp::serve(
            pipes.input,
            pipes.output,
            move |opened: Opened| {
                let _ = sender.send(opened.host);
                Err(Failure::new(Code::Config, "the test needs no agent"))
            },
        ));
        let agreed = editor.initialize(params).await;
        let session = Session {
            editor,
            server,
            agreed,
        };
        (session, receiver.await.unwrap())
    }

    /// The server on these pipes; an empty script means that no model is configured.
    pub fn serve(&self, pipes: Pipes, script: &str) -> JoinHandle<Exit> {
        let models = match script {
            "" => {
                Err(Failure::new(Code::Config, "no model is configured").hint("set OPENAI_API_KEY"))
            }
            script => Ok(Arc::new(llm::Models::scripted(script).unwrap())),
        };
        self.serve_with(pipes, models, agent::CompletionConfig::default())
    }

    /// The server on these pipes, with these models.
    pub fn serve_with(
        &self,
        pipes: Pipes,
        models: Result<Arc<llm::Models>, Failure>,
        completion: agent::CompletionConfig,
    ) -> JoinHandle<Exit> {
        let (root, state) = (self.root.clone(), self.state.clone());
        tokio::spawn(lsp::serve(
            pipes.input,
            pipes.output,
            move |Opened { host, .. }: Opened| {
                let config = Config {
                    enable_reflect: false,
                    test_command: Some("sh check.sh".to_owned()),
                    approval_timeout_seconds: 20,
                    ..Config::default()
                };
                Ok(Agent::new(Parts {
                    host,
                    sandbox: Arc::new(
                        sandbox::Sandbox::new(&sandbox::Config::default(), &root).unwrap(),
                    ),
                    models,
                    embeddings: None,
                    state: Arc::new(sandbox::Tree::create(&state).unwrap()),
                    home: None,
                    config,
                    wished_test_command: None,
                    tools: ToolsConfig::default(),
                    completion,
                    memory: agent::MemoryConfig::default(),
                    effective: Ok(json!({})),
                    version: "test".to_owned(),
                }))
            },
        ))
    }
}

impl Session {
    /// `task/start` with these words.
    pub async fn start(&self, prompt: &str) -> String {
        self.start_with(json!({ "prompt": prompt })).await
    }

    pub async fn start_with(&self, params: Value) -> String {
        let started = self
            .editor
            .request("animus/task/start", params)
            .await
            .unwrap();
        started["task"].as_str().unwrap().to_owned()
    }

    /// The code actions at a range.
    pub async fn actions(&self, path: &str, start: (u32, u32), end: (u32, u32)) -> Vec<Value> {
        let place = |(line, character): (u32, u32)| json!({ "line": line, "character": character });
        let params = json!({
            "textDocument": { "uri": self.editor.uri(path) },
            "range": { "start": place(start), "end": place(end) },
            "context": { "diagnostics": [] },
        });
        let answer = self
            .editor
            .request("textDocument/codeAction", params)
            .await
            .unwrap();
        answer.as_array().unwrap().clone()
    }

    /// Takes a code action, as a client does: its command goes back.
    pub async fn execute(&self, action: &Value) -> Value {
        let command = if action["command"].is_string() {
            action
        } else {
            &action["command"]
        };
        let params = json!({ "command": command["command"], "arguments": command["arguments"] });
        self.editor
            .request("workspace/executeCommand", params)
            .await
            .unwrap()
    }

    /// Takes a code action as a client does: its edit first, then its command.
    pub async fn take(&self, action: &Value) {
        if action["edit"].is_object() {
            assert!(self.editor.edit(&action["edit"]), "made for this version");
        }
        if !action["command"].is_null() {
            self.execute(action).await;
        }
    }

    /// Waits for an action whose title begins so, at a line.
    pub async fn action(&self, path: &str, line: u32, title: &str) -> Value {
        self.action_in(&self.editor.uri(path), line, title).await
    }

    pub async fn action_in(&self, uri: &str, line: u32, title: &str) -> Value {
        let mut seen = Vec::new();
        for _ in 0..200 {
            seen = self.actions_in(uri, line).await;
            let begins = |action: &&Value| action["title"].as_str().unwrap().starts_with(title);
            if let Some(action) = seen.iter().find(begins) {
                return action.clone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("never offered: {title}; offered: {seen:#?}");
    }

    /// The actions at a line of any document.
    pub async fn actions_in(&self, uri: &str, line: u32) -> Vec<Value> {
        let place = json!({ "line": line, "character": 0 });
        let params = json!({
            "textDocument": { "uri": uri },
            "range": { "start": place, "end": place },
            "context": { "diagnostics": [] },
        });
        let answer = self
            .editor
            .request("textDocument/codeAction", params)
            .await
            .unwrap();
        answer.as_array().unwrap().clone()
    }

    /// Asks something of a document.
    pub async fn of_document(&self, method: &str, uri: &str) -> Value {
        let params = json!({ "textDocument": { "uri": uri } });
        self.editor.request(method, params).await.unwrap()
    }

    /// The states of a patch's hunks, file by file, once they are as expected.
    pub async fn hunks(&self, patch: &str, expected: &str) {
        let mut seen = String::new();
        for _ in 0..200 {
            let params = json!({ "patch": patch });
            let view = self
                .editor
                .request("animus/patch/get", params)
                .await
                .unwrap();
            let files = view["files"].as_array().unwrap().iter().map(|file| {
                let hunks = file["hunks"].as_array().unwrap().iter();
                hunks
                    .map(|hunk| hunk["state"].as_str().unwrap())
                    .collect::<Vec<_>>()
                    .join(" ")
            });
            seen = files.collect::<Vec<_>>().join("; ");
            if seen == expected {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("hunks are `{seen}`, not `{expected}`");
    }

    /// The newest patch.
    pub async fn newest(&self) -> String {
        for _ in 0..400 {
            let list = self
                .editor
                .request("animus/patch/list", json!({}))
                .await
                .unwrap();
            if let Some(id) = list["patches"][0]["id"].as_str() {
                return id.to_owned();
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("no patch came");
    }

    /// Checks P1 on what came over the wire, and returns the events' updates.
    pub fn story(&self, task: &str) -> Vec<Value> {
        let events = self.editor.events(task);
        for (seq, event) in events.iter().enumerate() {
            assert_eq!(event["seq"], seq as u64, "P1: no gaps");
        }
        let ends = events
            .iter()
            .filter(|event| event["update"]["type"] == "finished")
            .count();
        assert_eq!(ends, 1, "P1: one finished");
        events
            .into_iter()
            .map(|event| event["update"].clone())
            .collect()
    }
}

/// A client that speaks our notifications, as the shims do.
pub fn shim() -> Value {
    let mut params = stock();
    params["capabilities"]["experimental"] =
        json!({ "animus": { "protocol": [1], "notifications": true } });
    params
}

/// A capable client without a shim.
pub fn stock() -> Value {
    json!({
        "processId": null,
        "clientInfo": { "name": "scripted" },
        "capabilities": {
            "general": { "positionEncodings": ["utf-16"] },
            "window": { "workDoneProgress": true },
            "workspace": {
                "applyEdit": true,
                "workspaceEdit": { "documentChanges": true, "resourceOperations": ["create", "delete", "rename"] },
            },
            "textDocument": { "codeAction": {
                "codeActionLiteralSupport": { "codeActionKind": { "valueSet": [""] } },
                "disabledSupport": true,
            } },
        },
    })
}

/// A turn of a script that calls `apply_patch`.
pub fn patch_turn(patch: &str) -> String {
    let indented = patch.trim().replace('\n', "\n            ");
    format!(
        "  - calls:\n      - name: apply_patch\n        arguments:\n          patch: |\n            {indented}\n"
    )
}

/// A script that makes the good patch, and thinks for so many milliseconds before its last words.
pub fn good_script(delay_ms: u64) -> String {
    format!(
        "turns:\n{}  - text: done\n    delay_ms: {delay_ms}\n",
        patch_turn(GOOD)
    )
}

/// The patch that makes the stage's tests pass.
pub const GOOD: &str = "*** Begin Patch
*** Update File: greet.txt
@@
-hello
+goodbye
*** Update File: count.txt
@@
-1
+2
*** End Patch";

/// A list.
pub const LIST: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n";

/// Two hunks in the list and one in the count.
pub fn list_script() -> String {
    let patch = "*** Begin Patch
*** Update File: list.txt
@@
-two
+TWO
+and a half
@@
-nine
+NINE
*** Update File: count.txt
@@
-1
+2
*** End Patch";
    format!("turns:\n{}  - text: done\n", patch_turn(patch))
}

/// The recorded `initialize` of a real client.
pub fn recorded(client: &str) -> Value {
    let text = match client {
        "vscode" => include_str!("../clients/vscode-1.139.1_languageclient-11.0.0.json"),
        "neovim" => include_str!("../clients/neovim-0.11.4.json"),
        "emacs" => include_str!("../clients/emacs-28.2_eglot-1.9.json"),
        "kakoune" => include_str!("../clients/kakoune-2022.10.31_kak-lsp-22.0.0.json"),
        "helix" => include_str!("../clients/helix-25.07.json"),
        "kate" => include_str!("../clients/kate.json"),
        other => panic!("{other} was not recorded"),
    };
    let mut params: Value = serde_json::from_str(text).unwrap();
    // The recorded process is long gone, and its number may be anybody's by now.
    params["processId"] = Value::Null;
    params
}
