//! L2: document changes are applied in wire order, before anything is awaited, and cost what they change.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::stage::{Session, Stage, shim};

/// Text of a document as the agent sees it: the names in its outline.
async fn names(session: &Session, path: &str) -> String {
    let outline = session
        .editor
        .request("animus/outline", json!({ "uri": session.editor.uri(path) }))
        .await
        .unwrap();
    let symbols = outline["symbols"].as_array().unwrap().clone();
    symbols
        .iter()
        .map(|symbol| symbol["name"].as_str().unwrap().to_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

async fn logged(session: &Session, words: &str) {
    session
        .editor
        .until(words, |editor| {
            let lines = editor.seen("window/logMessage");
            lines.into_iter().find(|line| {
                line["message"]
                    .as_str()
                    .is_some_and(|text| text.contains(words))
            })
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_5000_changes_while_a_task_and_a_slow_request_run() {
    let stage = Stage::new();
    stage.write("a.rs", "");
    for file in 0..40 {
        stage.write(
            &format!("m{file}.rs"),
            &format!("fn f{file}() {{}}\n").repeat(200),
        );
    }
    let session = stage
        .connect(shim(), "turns:\n  - text: a b c\n    delay_ms: 60000\n")
        .await;
    session.editor.open("a.rs");
    session.start("wait").await;
    // The first search builds the index.
    let slow = session
        .editor
        .ask("animus/search", json!({ "query": "f7" }));
    for number in 0..5000u64 {
        session.editor.insert("a.rs", 0, number, "x");
    }
    session.editor.insert("a.rs", 0, 0, "fn ");
    session.editor.insert("a.rs", 0, 5003, "() {}");
    assert_eq!(names(&session, "a.rs").await, "x".repeat(5000));
    let hits = slow.await.unwrap().unwrap();
    // It answers out of what is there, and says where that is not all.
    assert!(hits["partial"] == true || !hits["hits"].as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_of_a_long_file_are_answered_quickly() {
    let stage = Stage::new();
    stage.write("long.rs", &"fn line() { let value = 1; }\n".repeat(10_000));
    let session = stage.connect(shim(), "").await;
    session.editor.open("long.rs");
    session.actions("long.rs", (0, 0), (0, 0)).await;
    let since = Instant::now();
    let mut changes = Vec::new();
    for number in 0..2000u64 {
        let place = json!({ "line": number * 5, "character": 3 });
        let change = json!({ "range": { "start": place, "end": place }, "text": "x" });
        let document = json!({ "uri": session.editor.uri("long.rs"), "version": number + 2 });
        changes.push(json!({ "textDocument": document, "contentChanges": [change] }));
    }
    for change in changes {
        session.editor.notify("textDocument/didChange", change);
    }
    session.actions("long.rs", (5, 0), (5, 0)).await;
    // Milliseconds in a release build; the bound only has to tell that from work over the whole file per edit.
    assert!(
        since.elapsed() < Duration::from_secs(3),
        "{:?}",
        since.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_in_one_message_apply_one_after_the_other() {
    let stage = Stage::new();
    stage.write("a.rs", "fn a() {}\n");
    let session = stage.connect(shim(), "").await;
    session.editor.open("a.rs");
    let at = |line: u32, character: u32| json!({ "line": line, "character": character });
    let changes = json!([
        { "range": { "start": at(0, 3), "end": at(0, 4) }, "text": "bb" },
        { "range": { "start": at(0, 5), "end": at(0, 5) }, "text": "c" },
        { "range": { "start": at(9, 9), "end": at(99, 0) }, "text": "fn last() {}" },
    ]);
    let document = json!({ "uri": session.editor.uri("a.rs"), "version": 2 });
    session.editor.notify(
        "textDocument/didChange",
        json!({ "textDocument": document, "contentChanges": changes }),
    );
    assert_eq!(names(&session, "a.rs").await, "bbc last");
    // Full text, and a version that goes backwards: applied as it came, and logged.
    let document = json!({ "uri": session.editor.uri("a.rs"), "version": 1 });
    session.editor.notify(
        "textDocument/didChange",
        json!({ "textDocument": document, "contentChanges": [{ "text": "fn z() {}" }] }),
    );
    assert_eq!(names(&session, "a.rs").await, "z");
    logged(&session, "from version 2 to 1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ours_is_kept_out() {
    let stage = Stage::new();
    let session = stage.connect(shim(), "").await;
    let change = |uri: &str| json!({ "textDocument": { "uri": uri, "version": 2 }, "contentChanges": [{ "text": "x" }] });
    session.editor.notify(
        "textDocument/didChange",
        change(&session.editor.uri("count.txt")),
    );
    logged(&session, "without having been opened").await;
    for uri in ["untitled:Untitled-1", "file:///etc/hostname", "git:/x.rs"] {
        let document = json!({ "uri": uri, "languageId": "x", "version": 1, "text": "secret" });
        session
            .editor
            .notify("textDocument/didOpen", json!({ "textDocument": document }));
        session.editor.notify("textDocument/didChange", change(uri));
        logged(&session, uri).await;
        let params = json!({ "prompt": "x", "uri": uri });
        let error = session
            .editor
            .request("animus/task/start", params)
            .await
            .unwrap_err();
        assert_eq!(error["data"]["code"], "path_refused", "{error}");
    }
    session
        .editor
        .notify("textDocument/didOpen", json!({ "textDocument": 7 }));
    logged(&session, "`textDocument/didOpen` has wrong params").await;
    let error = session
        .editor
        .request("textDocument/didOpen", Value::Null)
        .await
        .unwrap_err();
    assert_eq!(error["code"], -32600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_document_is_read_from_disk_again() {
    let stage = Stage::new();
    stage.write("a.rs", "fn disk() {}\n");
    let session = stage.connect(shim(), "").await;
    session.editor.open("a.rs");
    session.editor.insert("a.rs", 0, 3, "un");
    assert_eq!(names(&session, "a.rs").await, "undisk");
    session.editor.close_document("a.rs");
    assert_eq!(names(&session, "a.rs").await, "disk");
}
