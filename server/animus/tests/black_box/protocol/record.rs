//! Record: a transcript out of a conversation that took place. What differs from run to run becomes a placeholder.

use super::pattern::Bound;
use super::play::{Played, Transcript, is_view};
use regex::Regex;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Numbers that depend on the machine, the day or the words of prompts.
const NUMBERS: [&str; 8] = [
    "inputTokens",
    "outputTokens",
    "cachedTokens",
    "tokensBefore",
    "tokensAfter",
    "bytes",
    "seconds",
    "score",
];

/// Lists and words that depend on the machine, or grow with the server.
const ANY: [&str; 7] = [
    "codeActionKinds",
    "enforcedBy",
    "sandbox",
    "commands",
    "verbs",
    "notifications",
    "why",
];

/// Longest text that a transcript shows, in bytes.
const LONG: usize = 4_000;

struct Names {
    /// Placeholders by what they stand for.
    known: BTreeMap<String, String>,
    counts: BTreeMap<&'static str, usize>,
    id: Regex,
    time: Regex,
    /// What a call may cost depends on the length of the workspace's path, and how long something still lasts on the machine.
    measured: Regex,
    /// A workspace's folder in the state folder is named by its path.
    folder: Regex,
}

/// The text of the transcript.
pub fn text(scene: &Transcript, played: &Played) -> String {
    let mut names = Names::new(&played.bound);
    let mut text = json!({ "transcript": scene.head }).to_string() + "\n";
    for it in &played.crossed {
        let line = match &it.template {
            Some(template) => json!({ "from": "client", "message": template }),
            None if !it.wanted && is_view(&it.message) => continue,
            None => {
                let mut message = it.message.clone();
                names.rename(&mut message, "");
                // How far the task is when the progress begins is a matter of time.
                if message["params"]["value"]["kind"] == "begin" {
                    message["params"]["value"]["message"] = json!("<any>");
                }
                if it.message["method"].is_string() && it.message["id"].is_number() {
                    let called = it.called.clone().filter(Value::is_string);
                    message["id"] = called.expect("a request that nobody answers");
                }
                json!({ "from": "server", "message": message })
            }
        };
        text += &format!("{line}\n");
    }
    text
}

impl Names {
    fn new(bound: &Bound) -> Names {
        let known = bound
            .iter()
            .filter_map(|(hole, value)| Some((value.as_str()?.to_owned(), hole.clone())))
            .collect();
        Names {
            known,
            counts: BTreeMap::new(),
            measured: Regex::new(r"\$\d|for \d+ s").unwrap(),
            folder: Regex::new("ws-[0-9a-f]{12}").unwrap(),
            id: Regex::new(r"\b(?:[0-9a-f]{32}|[0-9a-f]{12})\b").unwrap(),
            time: Regex::new(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z").unwrap(),
        }
    }

    /// `within` is the nearest key that says what a value is.
    fn rename(&mut self, value: &mut Value, within: &str) {
        match value {
            Value::String(text) => *text = self.renamed(text, within),
            Value::Array(list) => list.iter_mut().for_each(|one| self.rename(one, within)),
            Value::Object(map) => {
                let is_prompt = map.get("type").is_some_and(|kind| kind == "prompt");
                for (key, value) in map {
                    // A long text, or one that lists the verbs, which will be more.
                    let long = value
                        .as_str()
                        .is_some_and(|text| text.len() > LONG || text.contains("task/cancel, "));
                    if ANY.contains(&key.as_str()) || is_prompt && key == "text" || long {
                        *value = json!("<any>");
                    } else if value.is_number() && is_free(key) {
                        *value = json!("<number>");
                    } else if key == "version" && value.is_string() {
                        *value = json!("<version>");
                    } else {
                        let inner = if key == "id" { within } else { key };
                        self.rename(value, inner);
                    }
                }
            }
            _ => {}
        }
    }

    fn renamed(&mut self, text: &str, within: &str) -> String {
        let text = self.time.replace_all(text, "<time>");
        let mut text = self.folder.replace_all(&text, "ws-<hash>").into_owned();
        let found: Vec<String> = self
            .id
            .find_iter(&text)
            .map(|id| id.as_str().to_owned())
            .collect();
        for id in found {
            if !self.known.contains_key(&id) {
                let hole = self.fresh(kind(within));
                self.known.insert(id, hole);
            }
        }
        if self.measured.is_match(&text) {
            return "<any>".to_owned();
        }
        // The longest first: a path may begin with another.
        let mut known: Vec<_> = self.known.iter().collect();
        known.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        for (value, hole) in known {
            text = text.replace(value, hole);
        }
        text
    }

    fn fresh(&mut self, kind: &'static str) -> String {
        loop {
            let count = self.counts.entry(kind).or_default();
            *count += 1;
            let hole = format!("<{kind}:{count}>");
            if !self.known.values().any(|known| *known == hole) {
                return hole;
            }
        }
    }
}

fn is_free(key: &str) -> bool {
    NUMBERS.contains(&key) || key.ends_with("Ms")
}

fn kind(within: &str) -> &'static str {
    match within {
        "task" | "tasks" | "cancelled" => "task",
        "session" | "sessions" => "session",
        "patch" | "patches" | "parent" | "of" => "patch",
        "approval" | "approvals" => "approval",
        "memory" | "memories" | "forgotten" | "recalled" => "memory",
        _ => "id",
    }
}
