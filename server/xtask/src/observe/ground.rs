//! Ground: a workspace with a server whose model is scripted, and tasks that touch every counter. The server ends with the value.

use super::field;
use crate::editors;
use crate::shell::command;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

const CONFIG: &str = include_str!("scene/config.yaml");
const MAIN: &str = include_str!("scene/main.yaml");
const SPARE: &str = include_str!("scene/spare.yaml");

/// Each task and how it must end.
const TASKS: [(&str, &str); 3] = [
    ("Say hello", "verified"),
    ("Say goodbye", "test_failed"),
    ("Say it again", "no_change"),
];

pub struct Ground {
    folder: PathBuf,
    server: Child,
    address: String,
    token: String,
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Ground {
    /// Lays the workspace and starts the server.
    pub fn begin() -> Result<Ground> {
        let folder = std::env::temp_dir().join(format!("animus-observe-{}", std::process::id()));
        for part in ["ws", "home", "state"] {
            fs::create_dir_all(folder.join(part))?;
        }
        for (path, text) in [
            ("ws/greeting.txt", "hullo\nworld\n"),
            (
                "ws/check.sh",
                "grep -q '^hello$' greeting.txt || { echo 'FAILED says_hello'; exit 1; }\n",
            ),
            ("config.yaml", CONFIG),
            ("main.yaml", MAIN),
            ("spare.yaml", SPARE),
        ] {
            fs::write(folder.join(path), text)?;
        }
        let mut server = command(editors::target()?.join("debug/animus"))
            .args(["serve", "--json", "--addr", "127.0.0.1:0"])
            .current_dir(folder.join("ws"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder.join("home"))
            .env("ANIMUS_CONFIG", folder.join("config.yaml"))
            .env("ANIMUS_STATE_DIR", folder.join("state"))
            .stdout(Stdio::piped())
            .spawn()
            .context("animus does not start")?;
        let out = server.stdout.take().context("no standard output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let hello: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
        let address = field(&hello, "listening")?.trim_start_matches("http://");
        Ok(Ground {
            folder,
            address: address.to_owned(),
            token: fs::read_to_string(field(&hello, "token_file")?)?
                .trim()
                .to_owned(),
            server,
        })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    /// Runs the tasks, one after the other.
    pub fn work(&self) -> Result<()> {
        for (prompt, reason) in TASKS {
            let body = json!({ "prompt": prompt }).to_string();
            let answer = self.ask("POST", "/agent/run", &body)?;
            let wanted = format!("\"reason\":\"{reason}\"");
            let end: String = answer
                .chars()
                .rev()
                .take(1000)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect();
            ensure!(
                answer.contains(&wanted),
                "`{prompt}` does not end {reason}: …{end}"
            );
        }
        Ok(())
    }

    /// What `GET /metrics` says.
    pub fn scrape(&self) -> Result<String> {
        self.ask("GET", "/metrics", "")
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Result<String> {
        let head = format!(
            "Authorization: Bearer {}\r\nContent-Type: application/json\r\n",
            self.token
        );
        exchange(&self.address, method, path, &head, body)
    }
}

/// Gets a page, with more headers where there are some.
pub fn get(address: &str, path: &str, head: Option<&str>) -> Result<String> {
    exchange(address, "GET", path, head.unwrap_or_default(), "")
}

/// One request in HTTP/1.0, whose answers come in one piece. Returns the body.
fn exchange(address: &str, method: &str, path: &str, head: &str, body: &str) -> Result<String> {
    let mut stream =
        TcpStream::connect(address).with_context(|| format!("nobody listens at {address}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(120)))?;
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\n{head}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        bail!("{path}: no answer: {answer}");
    };
    let status = head.split(' ').nth(1).unwrap_or_default();
    // Prometheus explains a query that it does not take in the body of a 400.
    ensure!(
        matches!(status, "200" | "400" | "422"),
        "{path}: {head}\n{body}"
    );
    Ok(body.to_owned())
}
