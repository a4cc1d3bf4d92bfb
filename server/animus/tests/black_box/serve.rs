//! `serve` as a process: a token in a private file, one task over HTTP, an orderly end.

use crate::interrupt::{ended, signal};
use crate::run::{critic, greeting, patch, plan};
use crate::stage::said;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;
use testkit::http::ModelServer;

fn ask(address: &str, head: &str, body: &str) -> String {
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

#[test]
fn one_task_over_http_with_the_token_and_none_without() {
    let stage = greeting();
    let model = ModelServer::openai(vec![
        json!({"calls": [plan(), patch("hello")]}),
        json!({"text": "Done."}),
        critic(),
    ]);
    let mut child = stage
        .with_model(
            &model.base_url(),
            &["serve", "--json", "--addr", "127.0.0.1:0"],
        )
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let hello: Value = serde_json::from_str(&line).unwrap();
    let address = hello["listening"]
        .as_str()
        .unwrap()
        .trim_start_matches("http://")
        .to_owned();
    let file = hello["token_file"].as_str().unwrap();
    let token = std::fs::read_to_string(file).unwrap();
    assert_eq!(
        std::fs::metadata(file).unwrap().permissions().mode() & 0o777,
        0o600
    );

    assert!(ask(&address, "GET /healthz HTTP/1.1", "").starts_with("HTTP/1.1 200"));
    let body = json!({"prompt": "Say hello", "testCommand": "sh check.sh"}).to_string();
    assert!(ask(&address, "POST /agent/run HTTP/1.1", &body).starts_with("HTTP/1.1 401"));
    assert_eq!(model.requests().len(), 0);
    let head = format!(
        "POST /agent/run HTTP/1.1\r\nAuthorization: Bearer {}",
        token.trim()
    );
    let answer = ask(&address, &head, &body);
    assert!(answer.contains("\"reason\":\"verified\""), "{answer}");
    assert_eq!(stage.read("greeting.txt"), "hello\nworld\n");

    signal(&child, "-INT");
    assert_eq!(ended(&mut child, Duration::from_secs(5)), 0);
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
