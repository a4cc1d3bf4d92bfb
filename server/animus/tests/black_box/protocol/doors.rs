//! Doors: the two ways to a server, as messages. Over the language server's pipes each is one of JSON-RPC; over HTTP each is a
//! request, and the status, the lines and the end of its answer.

use crate::serve::{SERVE, Served};
use crate::stage::Stage;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// A door with a server behind it.
pub enum Door {
    Lsp { child: Child, input: ChildStdin },
    Http(Served),
}

/// A door and what comes out of it.
pub struct Open {
    door: Door,
    sender: Option<Sender<Value>>,
    receiver: Receiver<Value>,
}

impl Open {
    pub fn new(kind: &str, stage: &Stage) -> Open {
        let (sender, receiver) = channel();
        let door = match kind {
            "http" => Door::Http(Served::of(&mut stage.animus(&SERVE))),
            _ => {
                let mut command = stage.animus(&["lsp"]);
                let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
                let mut child = command.stderr(Stdio::null()).spawn().unwrap();
                let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
                let sender = sender.clone();
                std::thread::spawn(move || read_frames(BufReader::new(output), &sender));
                Door::Lsp { child, input }
            }
        };
        let sender = matches!(door, Door::Http(_)).then_some(sender);
        Open {
            door,
            sender,
            receiver,
        }
    }

    pub fn send(&mut self, message: &Value) {
        match &mut self.door {
            Door::Lsp { input, .. } => {
                let text = message.to_string();
                write!(input, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
                input.flush().unwrap();
            }
            Door::Http(served) => {
                let (method, path) = (&message["method"], &message["path"]);
                let mut head = format!(
                    "{} {} HTTP/1.0\r\nHost: {}\r\nContent-Type: application/json\r\n",
                    method.as_str().unwrap(),
                    path.as_str().unwrap(),
                    served.address
                );
                if message["token"] != false {
                    head += &format!("Authorization: Bearer {}\r\n", served.token);
                }
                let body = match &message["body"] {
                    Value::Null => String::new(),
                    body => body.to_string(),
                };
                head += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
                let stream = TcpStream::connect(&served.address).unwrap();
                let (request, sender) = (message["request"].clone(), self.sender.clone().unwrap());
                std::thread::spawn(move || read_answer(stream, &head, &request, &sender));
            }
        }
    }

    /// The next message; `None` where the time is over, or nothing can come any more.
    pub fn next(&mut self, patience: Duration) -> Option<Value> {
        self.receiver.recv_timeout(patience).ok()
    }

    /// Ends the server, and returns what it still said.
    pub fn end(mut self) -> Vec<Value> {
        self.sender = None;
        match self.door {
            Door::Lsp { mut child, input } => {
                drop(input);
                let rest = self.receiver.iter().collect();
                assert_eq!(child.wait().unwrap().code(), Some(0), "after `exit`");
                rest
            }
            Door::Http(mut served) => {
                let rest = self.receiver.iter().collect();
                served.end();
                rest
            }
        }
    }
}

fn read_frames(mut output: BufReader<impl Read>, sender: &Sender<Value>) {
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if output.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            match line.trim_end().split_once(": ") {
                Some((_, value)) => length = value.parse().unwrap(),
                None => break,
            }
        }
        let mut body = vec![0; length];
        output.read_exact(&mut body).unwrap();
        let _ = sender.send(serde_json::from_slice(&body).unwrap());
    }
}

fn read_answer(mut stream: TcpStream, head: &str, request: &Value, sender: &Sender<Value>) {
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = BufReader::new(stream);
    let (mut status, mut lines) = (0, false);
    loop {
        let mut line = String::new();
        answer.read_line(&mut line).unwrap();
        match line.trim_end() {
            "" => break,
            line if line.starts_with("HTTP/") => {
                status = line.split(' ').nth(1).unwrap().parse().unwrap();
            }
            line => lines |= line.to_ascii_lowercase().contains("application/x-ndjson"),
        }
    }
    if !lines {
        let mut body = String::new();
        answer.read_to_string(&mut body).unwrap();
        let body = serde_json::from_str(&body).unwrap_or(Value::from(body));
        let _ = sender.send(json!({ "request": request, "status": status, "body": body }));
        return;
    }
    let _ = sender.send(json!({ "request": request, "status": status }));
    for line in answer.lines() {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let _ = sender.send(json!({ "request": request, "line": line }));
    }
    let _ = sender.send(json!({ "request": request, "end": true }));
}
