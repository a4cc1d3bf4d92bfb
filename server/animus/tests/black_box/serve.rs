//! `serve` as a process: a token in a private file, one task over HTTP, an orderly end.

use crate::interrupt::{ended, signal};
use crate::run::{critic, greeting, patch, plan};
use crate::stage::{Stage, said};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use testkit::http::ModelServer;

/// One request over a connection of its own; the whole answer.
pub fn ask(address: &str, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let length = body.len();
    write!(stream, "{head}\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

pub const SERVE: [&str; 4] = ["serve", "--json", "--addr", "127.0.0.1:0"];

/// A running server.
pub struct Served {
    pub child: Child,
    pub address: String,
    pub token: String,
    pub token_file: String,
}

impl Served {
    /// With the configuration of a stage.
    pub fn start(stage: &Stage) -> Served {
        Served::of(&mut stage.animus(&SERVE))
    }

    /// The server that this command starts.
    pub fn of(command: &mut Command) -> Served {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let hello: Value = serde_json::from_str(&line).unwrap();
        let word = |key: &str| hello[key].as_str().unwrap().to_owned();
        let token_file = word("token_file");
        Served {
            child,
            address: word("listening").trim_start_matches("http://").to_owned(),
            token: std::fs::read_to_string(&token_file)
                .unwrap()
                .trim()
                .to_owned(),
            token_file,
        }
    }

    /// Posts with the token; the whole answer.
    pub fn post(&self, path: &str, body: &str) -> String {
        ask(&self.address, &self.head("POST", path), body)
    }

    /// Gets with the token; the whole answer.
    pub fn get(&self, path: &str) -> String {
        ask(&self.address, &self.head("GET", path), "")
    }

    /// A request's first lines, the token among them.
    pub fn head(&self, method: &str, path: &str) -> String {
        format!(
            "{method} {path} HTTP/1.1\r\nAuthorization: Bearer {}",
            self.token
        )
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends it a signal and waits for its end.
    pub fn stop(&mut self, how: &str) {
        signal(&self.child, how);
        ended(&mut self.child, Duration::from_secs(60));
    }

    /// Ends it as a person would.
    pub fn end(&mut self) {
        signal(&self.child, "-INT");
        assert_eq!(ended(&mut self.child, Duration::from_secs(5)), 0);
    }
}

#[test]
fn one_task_over_http_with_the_token_and_none_without() {
    let stage = greeting();
    let model = ModelServer::openai(vec![
        json!({"calls": [plan(), patch("hello")]}),
        json!({"text": "Done."}),
        critic(),
    ]);
    let mut served = Served::of(&mut stage.with_model(&model.base_url(), &SERVE));
    let file = &served.token_file;
    assert_eq!(
        std::fs::metadata(file).unwrap().permissions().mode() & 0o777,
        0o600
    );

    assert!(ask(&served.address, "GET /healthz HTTP/1.1", "").starts_with("HTTP/1.1 200"));
    let body = json!({"prompt": "Say hello", "testCommand": "sh check.sh"}).to_string();
    assert!(ask(&served.address, "POST /agent/run HTTP/1.1", &body).starts_with("HTTP/1.1 401"));
    assert_eq!(model.requests().len(), 0);
    let answer = served.post("/agent/run", &body);
    assert!(answer.contains("\"reason\":\"verified\""), "{answer}");
    assert_eq!(stage.read("greeting.txt"), "hello\nworld\n");

    served.end();
}

#[test]
fn an_address_that_other_machines_reach_is_refused() {
    let stage = greeting();
    let serve = said(&mut stage.animus(&["serve", "--addr", "0.0.0.0:0"]));
    assert!(
        serve.code == 11 && serve.err.contains("loopback"),
        "{}",
        serve.err
    );
}
