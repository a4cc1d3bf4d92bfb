//! The index follows what is typed: new names are found before they are saved, names that are gone are not.

use serde_json::{Value, json};

use crate::stage::{Session, Stage, shim, stock};

async fn found(session: &Session, query: &str) -> Vec<String> {
    let answer = session
        .editor
        .request("animus/search", json!({ "query": query }))
        .await
        .unwrap();
    let hits = answer["hits"].as_array().unwrap();
    hits.iter()
        .map(|hit| {
            format!(
                "{}:{}-{}",
                hit["path"].as_str().unwrap(),
                hit["start"],
                hit["end"]
            )
        })
        .collect()
}

async fn index(session: &Session) -> Value {
    let status = session.editor.request("animus/status", json!({})).await;
    status.unwrap()["index"].clone()
}

async fn ready(session: &Session) -> Value {
    loop {
        let index = index(session).await;
        if index["state"] == "ready" {
            return index;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_is_found_before_it_is_saved_and_what_is_gone_is_not() {
    let stage = Stage::new();
    stage.write("a.rs", "fn plain() {}\n");
    stage.write("b.rs", "fn other() {}\n");
    let session = stage.connect(shim(), "turns: []").await;
    assert_eq!(index(&session).await["state"], "idle");
    session.editor.open("a.rs");
    session
        .editor
        .insert("a.rs", 1, 0, "fn zygomorphic_quux() {}\n");
    // From the first answer on, however far the index is.
    assert_eq!(found(&session, "zygomorphic").await, ["a.rs:1-2"]);
    let figures = ready(&session).await;
    assert_eq!(figures["files"], 5);
    assert_eq!(figures["total"], 5);
    assert_eq!(figures["commits"], 0);
    assert_eq!(found(&session, "zygomorphic_quux").await, ["a.rs:1-2"]);
    assert_eq!(stage.read("a.rs"), "fn plain() {}\n");
    // Closed without saving: gone again.
    session.editor.close_document("a.rs");
    assert_eq!(found(&session, "zygomorphic_quux").await, [""; 0]);
    assert_eq!(found(&session, "plain").await, ["a.rs:1-1"]);
    // Somebody else saves it.
    stage.write("b.rs", "fn zygomorphic_quux() {}\n");
    while found(&session, "zygomorphic_quux").await != ["b.rs:1-1"] {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(found(&session, "other").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_takes_long_is_shown_and_can_be_stopped() {
    let stage = Stage::new();
    let body = "fn shown(a: usize) -> usize { let b = a + 1; b }\n".repeat(2_000);
    for file in 0..160 {
        stage.write(&format!("m{file}.rs"), &body);
    }
    let session = stage.connect(stock(), "turns: []").await;
    session.editor.open("greet.txt");
    let token = session
        .editor
        .until("a bar", |editor| {
            let created = editor.seen("window/workDoneProgress/create");
            created.first().map(|it| it["token"].clone())
        })
        .await;
    assert_eq!(token, "animus-index");
    let begin = session
        .editor
        .until("its beginning", |editor| {
            editor.seen("$/progress").first().cloned()
        })
        .await;
    assert_eq!(begin["value"]["title"], "Animus index");
    // Nobody waits for it.
    let asked = session
        .editor
        .request("animus/search", json!({ "query": "shown" }));
    assert_eq!(asked.await.unwrap()["partial"], true);
    session
        .editor
        .notify("window/workDoneProgress/cancel", json!({ "token": token }));
    let end = session
        .editor
        .until("its end", |editor| {
            let all = editor.seen("$/progress");
            all.into_iter().find(|it| it["value"]["kind"] == "end")
        })
        .await;
    assert_eq!(end["value"]["message"], "stopped");
    assert_eq!(index(&session).await["state"], "idle");
    // The next question goes on with it.
    found(&session, "shown").await;
    assert_ne!(index(&session).await["state"], "idle");
}

#[cfg(unix)]
#[allow(clippy::disallowed_methods, reason = "fixtures are written here")]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_secret_or_out_of_the_workspace_is_not_found_when_it_is_open() {
    let stage = Stage::new();
    let outside = tempfile::tempdir().unwrap();
    let far = outside.path().join("far.txt");
    std::fs::write(&far, "zygomorphic canary\n").unwrap();
    stage.write("a.rs", "fn plain() {}\n");
    stage.write(".env", "ZYGOMORPHIC_CANARY=1\n");
    stage.write("real.txt", "zygomorphic canary\n");
    for (target, name) in [
        (".env".as_ref(), "notes.txt"),
        (far.as_path(), "far.txt"),
        ("real.txt".as_ref(), "near.txt"),
    ] {
        std::os::unix::fs::symlink(target, stage.root.join(name)).unwrap();
    }
    let session = stage.connect(shim(), "turns: []").await;
    for path in ["notes.txt", "far.txt", "near.txt", "a.rs"] {
        session.editor.open(path);
    }
    let wanted = ["near.txt:1-1", "real.txt:1-1"];
    for _ in 0..2 {
        ready(&session).await;
        let mut found = found(&session, "zygomorphic canary").await;
        found.sort();
        assert_eq!(found, wanted);
        // Typed into, they are as before.
        for path in ["notes.txt", "far.txt"] {
            session.editor.insert(path, 1, 0, "ZYGOMORPHIC_CANARY=2\n");
        }
    }
}
