//! Every verb by both of its doors: the request and the command say the same.

use serde_json::{Value, json};

use crate::stage::{Stage, good_script, shim};

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_answers_alike_as_request_and_as_command() {
    let stage = Stage::new();
    stage.write("a.rs", "/// Doc.\nfn first() {}\n");
    let session = stage.connect(shim(), &good_script(0)).await;
    let editor = &session.editor;
    let task = session.start("say goodbye").await;
    editor.finished(&task).await;
    let patch = editor
        .request("animus/patch/list", json!({}))
        .await
        .unwrap()["patches"][0]["id"]
        .clone();
    let cases = [
        ("task/start", json!({ "session": "none", "prompt": "x" })),
        ("task/cancel", json!({})),
        ("task/steer", json!({ "task": task, "text": "x" })),
        ("task/list", json!({})),
        ("task/get", json!({ "task": task })),
        ("task/replay", json!({ "task": task, "after": 3 })),
        ("patch/list", json!({})),
        ("patch/get", json!({ "patch": patch })),
        ("patch/review", json!({ "patch": patch })),
        (
            "patch/resolve",
            json!({ "patch": "none", "resolution": "accept" }),
        ),
        ("patch/undo", json!({ "patch": "none" })),
        ("approval/list", json!({})),
        (
            "approval/resolve",
            json!({ "approval": "none", "option": "allow_once" }),
        ),
        ("session/list", json!({})),
        ("session/get", json!({ "session": "none" })),
        ("session/resume", json!({ "session": "none" })),
        ("session/fork", json!({ "session": "none" })),
        ("session/delete", json!({ "session": "none" })),
        ("memory/list", json!({})),
        ("memory/add", json!({ "text": "The gate opens at nine." })),
        ("memory/search", json!({ "query": "gate" })),
        ("memory/forget", json!({ "ids": ["none"] })),
        ("memory/clear", json!({})),
        ("search", json!({ "query": "first" })),
        ("outline", json!({ "uri": editor.uri("a.rs") })),
        ("symbol", json!({ "name": "first" })),
        (
            "definition",
            json!({ "uri": editor.uri("a.rs"), "position": { "line": 1, "character": 4 } }),
        ),
        ("references", json!({ "name": "first", "k": 3 })),
        ("neighbours", json!({ "name": "first" })),
        ("status", json!({})),
        ("models", json!({})),
        ("config/effective", json!({})),
    ];
    let verbs: Vec<&str> = cases.iter().map(|(verb, _)| *verb).collect();
    assert_eq!(verbs, agent::verbs::ALL, "every verb is in the table");
    let offered = &session.agreed["capabilities"];
    let commands: Vec<Value> = verbs
        .iter()
        .map(|verb| json!(format!("animus.{}", verb.replace('/', "."))))
        .collect();
    assert_eq!(
        offered["executeCommandProvider"]["commands"],
        json!(commands)
    );
    assert_eq!(offered["experimental"]["animus"]["verbs"], json!(verbs));
    for (verb, params) in cases {
        let by_request = editor
            .request(&format!("animus/{verb}"), params.clone())
            .await;
        let command = json!({ "command": format!("animus.{}", verb.replace('/', ".")), "arguments": [params] });
        let by_command = editor.request("workspace/executeCommand", command).await;
        assert_eq!(by_request, by_command, "{verb}");
        let known = params_name_nothing(&by_request) || by_request.is_ok();
        assert!(known, "{verb}: {by_request:?}");
    }
    let events = editor
        .request("animus/task/replay", json!({ "task": task, "after": 3 }))
        .await
        .unwrap();
    assert_eq!(events["events"][0]["seq"], 4);
}

/// The cases that name what does not exist.
fn params_name_nothing(answer: &Result<Value, Value>) -> bool {
    answer
        .as_ref()
        .is_err_and(|error| error["data"]["code"] == "not_found")
}
