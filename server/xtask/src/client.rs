//! Client: a language client for measurements. One message out or in at a time, over the pipes of a child.

use crate::shell::command;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

pub struct Client {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next: u64,
}

impl Client {
    /// Starts a server in `folder`.
    pub fn start(words: &[&str], folder: &Path) -> Result<Client> {
        let mut server = command(words[0]);
        server
            .args(&words[1..])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = server
            .spawn()
            .with_context(|| format!("cannot start {}", words[0]))?;
        let input = child.stdin.take().context("no standard input")?;
        let output = BufReader::new(child.stdout.take().context("no standard output")?);
        Ok(Client {
            child,
            input,
            output,
            next: 1,
        })
    }

    pub fn initialize(&mut self, folder: &Path) -> Result<()> {
        let uri = format!("file://{}", folder.display());
        self.request(
            "initialize",
            json!({
                "processId": std::process::id(),
                "rootUri": uri,
                "workspaceFolders": [{ "uri": uri, "name": "bench" }],
                "capabilities": { "textDocument": { "codeAction": { "codeActionLiteralSupport": { "codeActionKind": { "valueSet": [] } } } } },
            }),
        )?;
        self.notify("initialized", json!({}))
    }

    pub fn notify(&mut self, method: &str, params: Value) -> Result<()> {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
    }

    /// Sends a request and waits for its answer; what the server asks meanwhile is answered with null.
    pub fn request(&mut self, method: &str, params: Value) -> Result<Value> {
        let id = self.next;
        self.next += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        loop {
            let mut message =
                read_message(&mut self.output)?.context("the server closed its output")?;
            if message["method"].is_string() {
                if !message["id"].is_null() {
                    self.send(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": null }))?;
                }
            } else if message["id"] == id {
                if !message["error"].is_null() {
                    bail!("{method}: {}", message["error"]);
                }
                return Ok(message["result"].take());
            }
        }
    }

    /// A figure of `/proc/PID/status` in KiB, such as `VmRSS`.
    pub fn memory(&self, key: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        status
            .lines()
            .find_map(|line| {
                line.strip_prefix(key)?
                    .strip_prefix(':')?
                    .split_whitespace()
                    .next()?
                    .parse()
                    .ok()
            })
            .with_context(|| format!("/proc has no {key}"))
    }

    pub fn end(mut self) -> Result<()> {
        self.request("shutdown", Value::Null)?;
        self.notify("exit", Value::Null)?;
        self.child.wait()?;
        Ok(())
    }

    fn send(&mut self, message: &Value) -> Result<()> {
        write_message(&mut self.input, message)
    }
}

/// The next message, or none at the end of the stream.
pub fn read_message(input: &mut impl BufRead) -> Result<Option<Value>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        match line.trim_end() {
            "" => break,
            header => {
                if let Some(value) = header.strip_prefix("Content-Length:") {
                    length = value.trim().parse()?;
                }
            }
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    Ok(Some(serde_json::from_slice(&body)?))
}

pub fn write_message(output: &mut impl Write, message: &Value) -> Result<()> {
    let body = serde_json::to_vec(message)?;
    output.write_all(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes())?;
    output.write_all(&body)?;
    output.flush()?;
    Ok(())
}
