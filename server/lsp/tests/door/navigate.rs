//! Questions about names from an editor: its positions, its unsaved text.

use serde_json::{Value, json};

use crate::stage::{Stage, shim};

#[tokio::test(flavor = "multi_thread")]
async fn places_are_the_editors_own_and_unsaved_text_counts() {
    let stage = Stage::new();
    stage.write("a.rs", "pub fn first() {}\n");
    stage.write("b.rs", "fn other() {\n    first();\n}\n");
    let session = stage.connect(shim(), "").await;
    let editor = &session.editor;
    editor.open("b.rs");
    // 😀 is two units of UTF-16 and four bytes.
    editor.insert("b.rs", 1, 4, "/* 😀 */ ");
    editor.insert("b.rs", 0, 0, "fn typed_just_now() {}\n");
    // Verbs answer out of what is there: the index is built on the first one.
    let built = async || loop {
        let status = editor.request("animus/status", json!({})).await.unwrap();
        if status["index"]["state"] == "ready" {
            return;
        }
        let _ = editor
            .request("animus/symbol", json!({ "name": "first" }))
            .await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), built())
        .await
        .expect("the index is built");
    let ask = async |verb: &str, params: Value| {
        let answer = editor.request(&format!("animus/{verb}"), params).await;
        answer.unwrap()
    };

    let uses = ask("references", json!({ "name": "first" })).await;
    let range =
        json!({ "start": { "line": 2, "character": 13 }, "end": { "line": 2, "character": 18 } });
    assert_eq!(uses["uses"][0]["range"], range, "{uses}");
    assert_eq!(uses["uses"][0]["uri"], editor.uri("b.rs"));
    assert_eq!(uses["uses"][0]["column"], 15);

    let place = json!({ "uri": editor.uri("b.rs"), "position": { "line": 2, "character": 14 } });
    let defined = ask("definition", place.clone()).await;
    assert_eq!(defined["definitions"][0]["uri"], editor.uri("a.rs"));
    let near = ask("neighbours", place).await;
    assert_eq!(near["of"]["range"]["start"]["line"], 0);
    assert_eq!(near["used_by"][0]["name"], "other");

    let typed = ask("symbol", json!({ "name": "typed_just_now" })).await;
    assert_eq!(typed["symbols"][0]["uri"], editor.uri("b.rs"));
    let none = editor
        .request(
            "animus/definition",
            json!({ "position": { "line": 0, "character": 0 } }),
        )
        .await
        .unwrap_err();
    assert_eq!(none["data"]["code"], "invalid_input");
}
