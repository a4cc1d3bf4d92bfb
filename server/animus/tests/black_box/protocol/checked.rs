//! Checked: messages against the schema that the program prints.

use super::play::Crossed;
use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The schema with validators made from it.
pub struct Checked {
    document: Value,
    made: BTreeMap<String, Validator>,
}

impl Checked {
    pub fn new(document: Value) -> Checked {
        Checked {
            document,
            made: BTreeMap::new(),
        }
    }

    /// Holds a value against what stands at a pointer.
    fn hold(&mut self, pointer: &str, value: &Value) {
        let place = self.document.pointer(pointer);
        let place = place.unwrap_or_else(|| panic!("the schema has no {pointer}"));
        let validator = self.made.entry(pointer.to_owned()).or_insert_with(|| {
            let mut schema = place.clone();
            schema["$defs"] = self.document["$defs"].clone();
            schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
            jsonschema::validator_for(&schema).unwrap()
        });
        let problems: Vec<String> = validator
            .iter_errors(value)
            .map(|error| format!("{} at {}", error, error.instance_path()))
            .collect();
        assert!(problems.is_empty(), "{pointer}: {problems:#?}\n{value:#}");
    }

    /// The place of a verb's part, in an editor's words where there are such.
    fn part(&self, verb: &str, editor: &str, plain: &str) -> String {
        let verb = verb.replace('/', "~1");
        let own = format!("/verbs/{verb}/{editor}");
        match self.document.pointer(&own) {
            Some(_) => own,
            None => format!("/verbs/{verb}/{plain}"),
        }
    }

    /// Every message of a conversation.
    pub fn conversation(&mut self, crossed: &[Crossed]) {
        let mut asked: BTreeMap<String, (String, Value)> = BTreeMap::new();
        let mut from_server: BTreeMap<String, String> = BTreeMap::new();
        for it in crossed {
            let message = &it.message;
            if message["request"].is_number() {
                self.http(message, &mut asked);
                continue;
            }
            let (method, id) = (message["method"].as_str(), message["id"].to_string());
            match (method, &it.template) {
                (Some("initialize"), Some(_)) => self.announced(&message["params"]),
                (Some(method), Some(_)) => {
                    if let Some((verb, params)) = verb_of(method, &message["params"]) {
                        asked.insert(id, (verb, params));
                    } else if method == "$/animus/ack" {
                        self.notification(method, &message["params"]);
                    } else if method == "initialized" || id == "null" {
                    } else {
                        asked.insert(id, (String::new(), Value::Null));
                    }
                }
                (Some(method), None) if method.starts_with("animus/client/") => {
                    let verb = method.replacen("animus/", "", 1).replace('/', "~1");
                    self.hold(&format!("/clientVerbs/{verb}/params"), &message["params"]);
                    from_server.insert(id, verb);
                }
                (None, Some(_)) => {
                    if let Some(verb) = from_server.remove(&id) {
                        let place = format!("/clientVerbs/{verb}/answer");
                        self.hold(&place, &message["result"]);
                    }
                }
                (Some(method), None) if method.starts_with("$/animus/") => {
                    self.notification(method, &message["params"]);
                }
                (None, None) => self.answered(message, asked.remove(&id)),
                _ => {}
            }
        }
    }

    fn announced(&mut self, params: &Value) {
        let client = &params["capabilities"]["experimental"]["animus"];
        if client.is_object() {
            self.hold("/capabilities/client", client);
        }
        let options = &params["initializationOptions"]["animus"];
        if options.is_object() {
            self.hold("/capabilities/initializationOptions", options);
        }
    }

    fn notification(&mut self, method: &str, params: &Value) {
        self.hold(
            &format!("/notifications/{}/params", method.replace('/', "~1")),
            params,
        );
    }

    fn answered(&mut self, message: &Value, asked: Option<(String, Value)>) {
        if message["result"]["serverInfo"]["name"] == "animus" {
            let offer = &message["result"]["capabilities"]["experimental"]["animus"];
            self.hold("/capabilities/server", offer);
        }
        let Some((verb, params)) = asked.filter(|(verb, _)| !verb.is_empty()) else {
            return;
        };
        match message.get("error") {
            Some(error) => self.failed(&error["data"]),
            None => {
                self.hold(&self.part(&verb, "editorParams", "params"), &params);
                self.hold(
                    &self.part(&verb, "editorAnswer", "answer"),
                    &message["result"],
                );
            }
        }
    }

    fn failed(&mut self, failure: &Value) {
        if failure.is_object() {
            self.hold("/error/data", failure);
        }
    }

    fn http(&mut self, message: &Value, asked: &mut BTreeMap<String, (String, Value)>) {
        let request = message["request"].to_string();
        if let Some(path) = message["path"].as_str() {
            asked.insert(request, (path.to_owned(), message["body"].clone()));
            return;
        }
        if message["line"].is_object() {
            self.hold("/http/POST ~1agent~1run/line", &message["line"]);
            return;
        }
        let (Some((path, body)), Some(status)) =
            (asked.get(&request).cloned(), message["status"].as_u64())
        else {
            return;
        };
        if status >= 400 {
            self.failed(&message["body"]);
        } else if let Some(verb) = path.strip_prefix("/agent/verb/") {
            self.hold(&self.part(verb, "params", "params"), &body);
            self.hold(&self.part(verb, "answer", "answer"), &message["body"]);
        } else if path.starts_with("/agent/run") {
            self.hold("/http/POST ~1agent~1run/body", &body);
        }
    }
}

/// The verb of a request, by method or by command, with its parameters.
fn verb_of(method: &str, params: &Value) -> Option<(String, Value)> {
    let (name, params) = match method {
        "workspace/executeCommand" => {
            let name = params["command"].as_str()?.strip_prefix("animus.")?;
            (name.replace('.', "/"), &params["arguments"][0])
        }
        method => (method.strip_prefix("animus/")?.to_owned(), params),
    };
    let params = match params {
        Value::Null => json!({}),
        params => params.clone(),
    };
    Some((name, params))
}
