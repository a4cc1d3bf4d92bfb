//! Daemon: `animus serve` as a process that many clients read from at once, and that can be killed.

use crate::stage::Stage;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

pub const SERVE: [&str; 4] = ["serve", "--json", "--addr", "127.0.0.1:0"];

/// A running server.
pub struct Daemon {
    child: Child,
    address: String,
    token: String,
}

impl Daemon {
    pub fn start(command: &mut Command) -> Daemon {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let hello: Value = serde_json::from_str(&line).unwrap();
        let word = |key: &str| hello[key].as_str().unwrap().to_owned();
        let token = std::fs::read_to_string(word("token_file")).unwrap();
        Daemon {
            child,
            address: word("listening").trim_start_matches("http://").to_owned(),
            token: token.trim().to_owned(),
        }
    }

    /// Starts a task. Nothing of the answer is read yet.
    pub fn task(&self, prompt: &str, test_command: Option<&str>) -> std::io::Result<Reader> {
        let body = json!({ "prompt": prompt, "testCommand": test_command }).to_string();
        let mut stream = TcpStream::connect(&self.address)?;
        // HTTP/1.0: the lines come as they are, not in chunks.
        write!(
            stream,
            "POST /agent/run HTTP/1.0\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        )?;
        Ok(Reader {
            stream: BufReader::new(stream),
            head: true,
        })
    }

    /// As `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// A figure of `/proc/PID/status` in KiB.
    pub fn memory(&self, key: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        let figure = line.split_whitespace().nth(1).unwrap();
        figure.parse().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The events of one task.
pub struct Reader {
    stream: BufReader<TcpStream>,
    head: bool,
}

impl Reader {
    /// The next event; none where the server went away or the task is over.
    pub fn next(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if self.head {
                assert!(
                    !line.starts_with("HTTP") || line.contains(" 200 "),
                    "{line}"
                );
                self.head = line.trim_end() != "";
                continue;
            }
            // A line that the kill cut is no event.
            return serde_json::from_str(line.trim_end()).ok();
        }
    }
}

/// The session files of a stage's only workspace.
pub fn sessions(stage: &Stage) -> Vec<std::path::PathBuf> {
    let state = stage.root().parent().unwrap().join("state/workspaces");
    let Some(folder) = state.read_dir().ok().and_then(|mut all| all.next()) else {
        return Vec::new();
    };
    let folder = folder.unwrap().path().join("sessions");
    let files = folder.read_dir().into_iter().flatten().flatten();
    files
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|it| it == "ndjson"))
        .collect()
}
