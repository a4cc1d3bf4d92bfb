//! Play: a transcript against a server. What the client says is sent in its turn, what the server says is waited for; messages that
//! nothing orders may come in any order. Every message that crosses the wire is held against the schema.

use super::doors::Open;
use super::pattern::{Bound, fill, matches};
use crate::stage::Stage;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Longest that one message is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A conversation.
pub struct Transcript {
    /// `title`, `door`, `files` of the workspace, `config` and the model's `script`.
    pub head: Value,
    /// `{from, message}` each.
    pub lines: Vec<Value>,
}

/// One message as it crossed the wire.
pub struct Crossed {
    /// As it stands in the transcript, where a client sent it.
    pub template: Option<Value>,
    pub message: Value,
    /// Whether the transcript asked for it.
    pub wanted: bool,
    /// What the transcript calls the request, where the server asks.
    pub called: Option<Value>,
}

/// What happened.
pub struct Played {
    pub crossed: Vec<Crossed>,
    pub bound: Bound,
}

impl Transcript {
    pub fn parse(text: &str) -> Transcript {
        let mut lines = text.lines().map(|line| {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        });
        Transcript {
            head: lines.next().unwrap()["transcript"].clone(),
            lines: lines.collect(),
        }
    }

    /// The folders that it wants.
    pub fn stage(&self) -> Stage {
        let files = self.head["files"].as_object().unwrap();
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str().unwrap()))
            .collect();
        let stage = Stage::with(&files);
        let config = stage.configure(&self.head["config"].to_string());
        let script = self.head["script"].to_string();
        std::fs::write(config.with_file_name("script.json"), script).unwrap();
        stage
    }
}

/// What says only how things are now: the next one makes it old, so that some may be left out.
pub fn is_view(message: &Value) -> bool {
    match message["method"].as_str().unwrap_or_default() {
        "$/animus/task" | "$/animus/patch" | "$/animus/approval" | "$/animus/status" => true,
        "textDocument/publishDiagnostics" | "window/logMessage" => true,
        "$/progress" => message["params"]["value"]["kind"] == "report",
        _ => false,
    }
}

/// A message as transcripts have it: an event each.
fn split(message: Value) -> Vec<Value> {
    if message["method"] != "$/animus/event" {
        return vec![message];
    }
    let events = message["params"]["events"].as_array().unwrap();
    let one = |event: &Value| {
        let mut one = message.clone();
        one["params"]["events"] = json!([event]);
        one
    };
    events.iter().map(one).collect()
}

/// Plays it.
pub fn play(transcript: &Transcript) -> Played {
    let stage = transcript.stage();
    let folder = |path: std::path::PathBuf| Value::from(path.canonicalize().unwrap().to_str());
    let mut bound = Bound::from([
        ("<root>".to_owned(), folder(stage.root())),
        (
            "<script>".to_owned(),
            folder(stage.home().join(".config/animus/script.json")),
        ),
        (
            "<state>".to_owned(),
            folder(stage.home().parent().unwrap().join("state")),
        ),
    ]);
    let kind = transcript.head["door"].as_str().unwrap();
    let mut open: Option<Open> = None;
    let mut crossed: Vec<Crossed> = Vec::new();
    let take = |crossed: &mut Vec<Crossed>, message: Value| {
        for message in split(message) {
            crossed.push(Crossed {
                template: None,
                message,
                wanted: false,
                called: None,
            });
        }
    };
    for (number, line) in transcript.lines.iter().enumerate() {
        let expected = &line["message"];
        if line["from"] == "client" {
            let message = fill(expected, &bound);
            let door = open.get_or_insert_with(|| Open::new(kind, &stage));
            door.send(&message);
            let leaves = message["method"] == "exit";
            crossed.push(Crossed {
                template: Some(expected.clone()),
                message,
                wanted: true,
                called: None,
            });
            // What comes after `exit` is a new connection.
            if leaves && let Some(left) = open.take() {
                left.end()
                    .into_iter()
                    .for_each(|rest| take(&mut crossed, rest));
            }
            continue;
        }
        let since = Instant::now();
        loop {
            let found = crossed.iter_mut().filter(|it| !it.wanted).find_map(|it| {
                let mut tried = bound.clone();
                matches(expected, &it.message, &mut tried).then(|| {
                    it.wanted = true;
                    it.called = expected.get("id").cloned();
                    tried
                })
            });
            if let Some(found) = found {
                bound = found;
                break;
            }
            let left = PATIENCE.saturating_sub(since.elapsed());
            let next = open.as_mut().and_then(|door| door.next(left));
            let Some(next) = next else {
                let rest: Vec<String> = crossed
                    .iter()
                    .filter(|it| !it.wanted && !is_view(&it.message))
                    .map(|it| it.message.to_string())
                    .collect();
                let line = number + 2;
                panic!(
                    "line {line} never came: {expected}\ncame instead:\n{}",
                    rest.join("\n")
                );
            };
            take(&mut crossed, next);
        }
    }
    if let Some(left) = open {
        left.end()
            .into_iter()
            .for_each(|rest| take(&mut crossed, rest));
    }
    in_order(&crossed);
    Played { crossed, bound }
}

/// P1 on the wire: the events of a task come in the order of their numbers, none missing between them.
fn in_order(crossed: &[Crossed]) {
    let mut last = std::collections::BTreeMap::new();
    for it in crossed {
        let event = match &it.message["line"] {
            Value::Null => &it.message["params"]["events"][0],
            line => line,
        };
        let Some(seq) = event["seq"].as_u64() else {
            continue;
        };
        let stream = (it.message["request"].to_string(), event["task"].to_string());
        if seq == 0 {
            last.remove(&stream);
        }
        if let Some(before) = last.insert(stream, seq) {
            assert_eq!(seq, before + 1, "P1: {event}");
        }
    }
}
