//! Stage: a small workspace on disk, a client on it and the server between them.
#![allow(clippy::disallowed_methods, reason = "fixtures are written here")]

use std::sync::Arc;

use agent::{Agent, Config, Parts, ToolsConfig};
use camino::{Utf8Path, Utf8PathBuf};
use lsp::Exit;
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

    pub fn write(&self, path: &str, text: &str) {
        std::fs::write(self.root.join(path), text).unwrap();
    }

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
        let server = tokio::spawn(lsp::serve(pipes.input, pipes.output, move |host| {
            let _ = sender.send(host);
            Err(Failure::new(Code::Config, "the test needs no agent"))
        }));
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
        let (root, state, script) = (self.root.clone(), self.state.clone(), script.to_owned());
        tokio::spawn(lsp::serve(pipes.input, pipes.output, move |host| {
            let models =
                match script.as_str() {
                    "" => Err(Failure::new(Code::Config, "no model is configured")
                        .hint("set OPENAI_API_KEY")),
                    script => Ok(Arc::new(llm::Models::scripted(script).unwrap())),
                };
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
                state: Arc::new(sandbox::Tree::create(&state).unwrap()),
                config,
                tools: ToolsConfig::default(),
                effective: json!({}),
                version: "test".to_owned(),
            }))
        }))
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
