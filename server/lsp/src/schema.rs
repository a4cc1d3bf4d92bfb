//! Schema: the whole protocol as one JSON Schema document, made from the types. What is on the wire and is not in it, or the other
//! way round, is a defect.

mod asked;

use protocol::{Approval, Event, Failure, LandMode, PROTOCOL_VERSION, PatchView};
use protocol::{StatusView, TaskId, TaskView};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::negotiate::NOTIFICATIONS;

/// The document's own address. It changes with the major version only.
pub const ID: &str = "urn:animus:protocol:1";

const ABOUT: &str = "What crosses the wire between Animus and its clients. `verbs`, `clientVerbs`, `notifications`, `capabilities` and `http` say \
which definition stands where. Within a major version only optional fields, verbs, updates, notifications, codes and words of \
closed sets are added: pass over what you do not know.";

/// What a client says in `capabilities.experimental.animus`, or in `initializationOptions.animus.client`.
#[derive(JsonSchema)]
#[expect(
    dead_code,
    reason = "only its schema is used: what a client says is read leniently"
)]
struct Announcement {
    /// The major versions that it speaks.
    protocol: Vec<u64>,
    /// Whether it takes `$/animus/*`.
    #[serde(default)]
    notifications: bool,
    /// Requests that it promises to make itself, such as `approval/resolve`, so that nothing stands in for them.
    #[serde(default)]
    verbs: Vec<String>,
    /// Whether it sends `$/animus/ack`.
    #[serde(default)]
    acks: bool,
}

/// What the server says in `capabilities.experimental.animus`.
#[derive(Serialize, JsonSchema)]
pub struct Offer {
    /// The major version that it speaks.
    pub protocol: u64,
    /// Every verb, as it stands after `animus/`.
    pub verbs: Vec<String>,
    /// Every notification that it may send.
    pub notifications: Vec<String>,
}

/// `initializationOptions.animus`.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Options {
    /// What the client speaks, where it cannot say so in its capabilities.
    #[serde(default)]
    client: Option<Announcement>,
    /// What to do with a patch where the request does not say.
    #[serde(default)]
    land: Option<LandMode>,
    /// Settings of the agent, keys of the configuration as JSON.
    #[serde(default)]
    config: Option<Value>,
}

/// Events of one task, in order, following those before.
#[derive(JsonSchema)]
#[expect(
    dead_code,
    reason = "only its schema is used: `outbox::Frame` shares its events"
)]
struct Frame {
    /// Major version of the events.
    v: u32,
    /// The task of all of them.
    task: TaskId,
    /// In order, without gaps.
    events: Vec<Event>,
}

/// What a client has read.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used: it is read leniently")]
struct Ack {
    /// The task.
    task: TaskId,
    /// The number of the last event that was read.
    seq: u64,
}

/// A place in a document as an editor counts: both from 0, characters in the encoding that was agreed on.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Position {
    line: u32,
    character: u32,
}

/// Part of a document.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Range {
    start: Position,
    /// Outside.
    end: Position,
}

/// The whole document.
pub fn document() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let verbs = verbs(&mut generator);
    let notifications = notifications(&mut generator);
    let capabilities = json!({
        "client": generator.subschema_for::<Announcement>(),
        "server": generator.subschema_for::<Offer>(),
        "initializationOptions": generator.subschema_for::<Options>(),
    });
    let failure = generator.subschema_for::<Failure>();
    let event = generator.subschema_for::<Event>();
    let mut definitions = Value::Object(generator.take_definitions(true));
    // A language server adds these to every place of an answer.
    for name in ["Definition", "Signed", "Use", "User"] {
        insert(
            &mut definitions[name],
            &json!({
                "uri": { "type": "string", "description": "Added by a language server: the file's address." },
                "range": { "$ref": "#/$defs/Range", "description": "Added by a language server: the place as an editor counts." },
            }),
        );
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": format!("Animus protocol, version {PROTOCOL_VERSION}"),
        "description": ABOUT,
        "verbs": verbs,
        "clientVerbs": asked::verbs(),
        "notifications": notifications,
        "capabilities": capabilities,
        "error": { "data": failure },
        "http": {
            "POST /agent/run": { "body": { "$ref": "#/$defs/TaskRequest" }, "line": event },
            "GET /agent/events": { "line": event },
            "POST /agent/verb/VERB": { "body": "as `verbs.VERB.params`", "answer": "as `verbs.VERB.answer`" },
            "failure": failure,
        },
        "$defs": definitions,
    })
}

fn notifications(generator: &mut SchemaGenerator) -> Value {
    let mut all = Map::new();
    for method in NOTIFICATIONS {
        let params = match method {
            "$/animus/event" => generator.subschema_for::<Frame>(),
            "$/animus/task" => generator.subschema_for::<TaskView>(),
            "$/animus/patch" => generator.subschema_for::<PatchView>(),
            "$/animus/approval" => generator.subschema_for::<Approval>(),
            "$/animus/status" => generator.subschema_for::<StatusView>(),
            _ => continue,
        };
        all.insert(
            method.to_owned(),
            json!({ "from": "server", "params": params }),
        );
    }
    let ack = generator.subschema_for::<Ack>();
    all.insert(
        "$/animus/ack".to_owned(),
        json!({ "from": "client", "params": ack }),
    );
    Value::Object(all)
}

/// Params and answer of every verb; `editorParams` where an editor may say a place in its own words.
fn verbs(generator: &mut SchemaGenerator) -> Value {
    let range = json!(generator.subschema_for::<Range>());
    let position = json!(generator.subschema_for::<Position>());
    let uri = json!({ "type": "string", "description": "Address of a document of the workspace." });
    let mut all = Map::new();
    for verb in agent::verbs::ALL {
        let Some(words) = agent::verbs::schema(verb, generator) else {
            continue;
        };
        let mut said = json!({ "params": words.params, "answer": words.answer });
        let more = match *verb {
            "task/start" => Some(json!({
                "uri": uri,
                "range": range,
                "diagnostics": { "type": "array", "items": { "type": "string" }, "description": "Diagnostics there, as `severity: message`; with `uri`." },
            })),
            "outline" => Some(json!({ "uri": uri })),
            "patch/review" => Some(json!({
                "path": { "type": "string", "description": "Shows that file's difference only, by a client that has `client/openDiff`." },
            })),
            "symbol" | "definition" | "references" | "neighbours" => {
                Some(json!({ "uri": uri, "position": position }))
            }
            _ => None,
        };
        if let Some(more) = more {
            let mut params = resolved(generator, &said["params"]);
            insert(&mut params, &more);
            // `uri` stands for it.
            if *verb == "outline" {
                params["required"] = json!([]);
            }
            said["editorParams"] = params;
        }
        if *verb == "patch/review" {
            let mut answer = resolved(generator, &said["answer"]);
            insert(
                &mut answer,
                &json!({ "uri": { "type": "string", "description": "Address of the review document." } }),
            );
            said["editorAnswer"] = answer;
        }
        all.insert((*verb).to_owned(), said);
    }
    Value::Object(all)
}

/// The definition behind a reference.
fn resolved(generator: &SchemaGenerator, schema: &Value) -> Value {
    let name = schema["$ref"]
        .as_str()
        .and_then(|reference| reference.strip_prefix("#/$defs/"));
    name.and_then(|name| generator.definitions().get(name))
        .cloned()
        .unwrap_or_else(|| schema.clone())
}

fn insert(schema: &mut Value, properties: &Value) {
    for (name, property) in properties.as_object().into_iter().flatten() {
        schema["properties"][name] = property.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_and_notification_is_in_it_and_every_reference_leads_somewhere() {
        let document = document();
        for verb in agent::verbs::ALL {
            assert!(document["verbs"][verb]["params"].is_object(), "{verb}");
            assert!(document["verbs"][verb]["answer"].is_object(), "{verb}");
        }
        for verb in agent::insight::Verb::ALL {
            let said = &document["clientVerbs"][verb.word()];
            assert!(said["params"].is_object() && said["answer"].is_object());
        }
        for method in NOTIFICATIONS {
            assert!(
                document["notifications"][method]["params"].is_object(),
                "{method}"
            );
        }
        let text = document.to_string();
        let mut references = 0;
        for rest in text.split("\"$ref\":\"#").skip(1) {
            let pointer = rest.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
            references += 1;
        }
        assert!(references > 100, "{references}");
        assert!(ID.ends_with(&format!(":{PROTOCOL_VERSION}")));
    }

    #[test]
    fn no_two_types_fight_for_a_name() {
        let document = document();
        for name in document["$defs"].as_object().unwrap().keys() {
            assert!(
                !name.ends_with(|last: char| last.is_ascii_digit()),
                "{name}"
            );
        }
    }
}
