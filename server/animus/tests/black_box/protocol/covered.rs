//! Covered: every word of the protocol is in a transcript, or says here why not.

use super::{docs, schema};
use serde_json::Value;
use std::collections::BTreeSet;

/// What no transcript has, and why.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "code command_failed",
        "a command that runs is an answer; the program must vanish between verdict and start",
    ),
    ("code internal", "a defect of ours"),
    ("code io", "needs a disk that fails"),
    (
        "code sandbox_unavailable",
        "needs a kernel that confines nothing",
    ),
];

/// The words of one message, wherever they stand in it.
fn words(message: &Value, found: &mut BTreeSet<String>) {
    match message {
        Value::Array(list) => list.iter().for_each(|one| words(one, found)),
        Value::Object(map) => {
            let word = |key: &str| map.get(key).and_then(Value::as_str);
            if let Some(kind) = word("type").filter(|_| !map.contains_key("command")) {
                found.insert(format!("update {kind}"));
            }
            if let Some(code) = word("code") {
                found.insert(format!("code {code}"));
            }
            if let Some(method) = word("method") {
                match method.strip_prefix("animus/") {
                    Some(verb) => found.insert(format!("verb {verb}")),
                    None => found.insert(format!("notification {method}")),
                };
            }
            if let Some(command) = word("command").and_then(|word| word.strip_prefix("animus.")) {
                found.insert(format!("verb {}", command.replace('.', "/")));
            }
            if let Some(verb) = word("path").and_then(|word| word.strip_prefix("/agent/verb/")) {
                found.insert(format!("verb {verb}"));
            }
            map.values().for_each(|value| words(value, found));
        }
        _ => {}
    }
}

/// Every word of the schema.
fn all() -> BTreeSet<String> {
    let schema = schema();
    let keys =
        |place: &Value| -> Vec<String> { place.as_object().unwrap().keys().cloned().collect() };
    let consts = |name: &str, pointer: &str| -> Vec<String> {
        let ways = schema["$defs"][name]["oneOf"].as_array().unwrap().iter();
        ways.map(|way| way.pointer(pointer).unwrap().as_str().unwrap().to_owned())
            .collect()
    };
    let named = |kind: &str, names: Vec<String>| -> Vec<String> {
        names.iter().map(|name| format!("{kind} {name}")).collect()
    };
    [
        named("verb", keys(&schema["verbs"])),
        named("verb", keys(&schema["clientVerbs"])),
        named("notification", keys(&schema["notifications"])),
        named("update", consts("Update", "/properties/type/const")),
        named("code", consts("Code", "/const")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn every_verb_update_notification_and_code_is_in_a_transcript_or_says_why_not() {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(docs().join("transcripts")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for line in text.lines().skip(1) {
            words(&serde_json::from_str(line).unwrap(), &mut found);
        }
    }
    let all = all();
    assert!(all.len() > 70, "{all:?}");
    let listed: BTreeSet<String> = ELSEWHERE
        .iter()
        .map(|(word, _)| (*word).to_owned())
        .collect();
    let missing: Vec<&String> = all.iter().filter(|word| !found.contains(*word)).collect();
    let listed: Vec<&String> = listed.iter().collect();
    assert_eq!(
        missing, listed,
        "left: in no transcript; right: listed as such"
    );
    assert!(ELSEWHERE.iter().all(|(_, why)| why.len() > 10));
}

#[test]
fn the_page_names_every_notification_client_verb_capability_and_parameter_of_a_task() {
    let page = std::fs::read_to_string(docs().join("../protocol.md")).unwrap();
    let schema = schema();
    let keys = |pointer: &str| -> Vec<String> {
        let place = schema.pointer(pointer).unwrap().as_object().unwrap();
        place.keys().cloned().collect()
    };
    let (_, start) = page.split_once("\n## Starting a task\n").unwrap();
    let start = start.split("\n## ").next().unwrap();
    for name in keys("/verbs/task~1start/editorParams/properties") {
        assert!(start.contains(&format!("`{name}`")), "{name}");
    }
    for name in keys("/clientVerbs") {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
    for name in keys("/notifications") {
        let named = page.contains(&format!("`{name}`")) || page.contains(&format!("`{name} {{"));
        assert!(named, "{name}");
    }
    for name in keys("/$defs/Announcement/properties") {
        assert!(page.contains(&format!("\"{name}\":")), "{name}");
    }
}
