//! `lsp` as a process: only the wire is on stdout, a broken configuration is no reason to die, and `exit` ends it while
//! stdin is still open.

use crate::stage::Stage;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Client {
    pub child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Client {
    fn start(stage: &Stage) -> Client {
        Client::of(&mut stage.animus(&["lsp"]))
    }

    /// A client of the server that this command starts.
    pub fn of(command: &mut Command) -> Client {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (
            child.stdin.take().unwrap(),
            BufReader::new(child.stdout.take().unwrap()),
        );
        Client {
            child,
            input,
            output,
        }
    }

    pub fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.input.flush().unwrap();
    }

    /// The answer to a request; notifications before it are passed over.
    fn answer(&mut self, id: u64) -> Value {
        loop {
            let message = self.message();
            if message["id"] == id && message.get("method").is_none() {
                return message;
            }
        }
    }

    /// The next message of the server.
    fn message(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(
                self.output.read_line(&mut line).unwrap() > 0,
                "the server is gone"
            );
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().unwrap()
                }
                Some(_) => {}
                None => {
                    assert_eq!(line, "\r\n", "something else than the wire is on stdout");
                    break;
                }
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// The exit code, which must come soon.
    pub fn end(&mut self, after: &str) -> Option<i32> {
        let begun = Instant::now();
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => return status.code(),
                None if begun.elapsed() > Duration::from_secs(4) => {
                    let _ = self.child.kill();
                    panic!("still there after {after}");
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    pub fn ask(&mut self, id: u64, method: &str, params: Value) -> Value {
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        self.answer(id)
    }
}

#[test]
fn x1_a_broken_configuration_does_not_stop_the_server_and_exit_does() {
    let stage = Stage::with(&[("a.rs", "fn a() {}\n")]);
    stage.configure("agent:\n  max_step: 3\n");
    let mut client = Client::start(&stage);
    let root = format!("file://{}", stage.root().canonicalize().unwrap().display());
    let params = json!({"processId": std::process::id(), "rootUri": root, "capabilities": {"experimental": {"animus": {"protocol": [1], "notifications": true}}}});
    let hello = client.ask(1, "initialize", params);
    assert!(hello["result"]["capabilities"].is_object(), "{hello}");
    client.send(&json!({"jsonrpc": "2.0", "method": "initialized", "params": {}}));
    let status = client.ask(2, "animus/status", json!({}));
    let problem = status["result"]["problem"]
        .as_str()
        .unwrap_or_else(|| panic!("{status}"));
    assert!(
        problem.contains("agent.max_step") && problem.contains(":2:3"),
        "{problem}"
    );
    let task = client.ask(3, "animus/task/start", json!({"prompt": "Say hello"}));
    assert_eq!(task["error"]["data"]["code"], "config", "{task}");
    assert!(client.ask(4, "shutdown", Value::Null)["error"].is_null());
    client.send(&json!({"jsonrpc": "2.0", "method": "exit"}));
    assert_eq!(client.end("exit, with stdin open"), Some(0));
}

#[test]
fn a_dead_client_ends_the_process_though_stdin_stays_open() {
    let stage = Stage::with(&[("a.rs", "fn a() {}\n")]);
    let mut other = std::process::Command::new("sleep")
        .arg("600")
        .spawn()
        .unwrap();
    let mut client = Client::start(&stage);
    let root = format!("file://{}", stage.root().canonicalize().unwrap().display());
    let params = json!({"processId": other.id(), "rootUri": root, "capabilities": {}});
    client.ask(1, "initialize", params);
    std::thread::sleep(Duration::from_millis(200));
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(client.end("the death of its client"), Some(1));
}

#[test]
fn the_editors_settings_are_configuration() {
    let stage = Stage::with(&[("a.rs", "fn a() {}\n")]);
    let root = format!("file://{}", stage.root().canonicalize().unwrap().display());
    let hello = |client: &mut Client, config: Value| {
        let params = json!({"processId": std::process::id(), "rootUri": root, "capabilities": {}, "initializationOptions": {"animus": {"config": config}}});
        client.ask(1, "initialize", params);
        client.send(&json!({"jsonrpc": "2.0", "method": "initialized", "params": {}}));
    };
    let mut client = Client::start(&stage);
    hello(&mut client, json!({"agent": {"max_steps": 17}}));
    let effective = client.ask(2, "animus/config/effective", json!({}));
    assert_eq!(effective["result"]["agent"]["max_steps"], 17, "{effective}");

    let mut client = Client::start(&stage);
    hello(&mut client, json!({"agent": {"max_step": 17}}));
    // It is said without being asked, once.
    let shown = loop {
        let message = client.message();
        if message["method"] == "window/showMessage" {
            break message["params"].clone();
        }
    };
    assert_eq!(shown["type"], 1, "{shown}");
    let words = shown["message"].as_str().unwrap();
    for part in ["the editor's settings", "max_steps", "animus config check"] {
        assert!(words.contains(part), "{words}");
    }
    client.send(
        &json!({"jsonrpc": "2.0", "id": 7, "method": "animus/config/effective", "params": {}}),
    );
    let effective = loop {
        let message = client.message();
        assert_ne!(message["method"], "window/showMessage", "{message}");
        if message["id"] == 7 {
            break message;
        }
    };
    assert_eq!(effective["error"]["data"]["code"], "config", "{effective}");
    let status = client.ask(2, "animus/status", json!({}));
    let problem = status["result"]["problem"].as_str().unwrap_or_default();
    assert!(
        problem.contains("the editor's settings") && problem.contains("max_steps"),
        "{status}"
    );
}
