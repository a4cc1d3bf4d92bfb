//! L3: every edit names the version it was made for, and is believed only when the text comes back.

use serde_json::{Value, json};
use testkit::lsp::Applies;
use workspace::{ChangeSet, FileEdit, LandError, RelPath};

use crate::stage::{Session, Stage, good_script, patch_turn, shim};

/// A task whose edit meets a client of this kind.
async fn meets(stage: &Stage, applies: Applies) -> (Session, Value) {
    let session = stage.connect(shim(), &good_script(0)).await;
    session.editor.open("count.txt");
    session.editor.open("greet.txt");
    session.editor.applies(applies);
    let task = session.start("say goodbye").await;
    let finished = session.editor.finished(&task).await;
    session.story(&task);
    (session, finished)
}

fn failure(finished: &Value) -> (&str, &str) {
    (
        finished["reason"].as_str().unwrap_or_default(),
        finished["failure"]["message"].as_str().unwrap_or_default(),
    )
}

async fn states(session: &Session) -> Vec<String> {
    let patches = session
        .editor
        .request("animus/patch/list", json!({}))
        .await
        .unwrap();
    let patches = patches["patches"].as_array().unwrap().clone();
    patches
        .iter()
        .map(|patch| patch["state"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_open_documents_come_with_their_versions() {
    let stage = Stage::new();
    let (session, finished) = meets(&stage, Applies::Well).await;
    assert_eq!(finished["reason"], "verified", "{finished}");
    let edit = session.editor.seen("workspace/applyEdit").remove(0);
    let versions: Vec<Value> = edit["edit"]["documentChanges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["textDocument"]["version"].clone())
        .collect();
    assert_eq!(versions, [json!(1), json!(1)]);
    assert_eq!(states(&session).await, ["landed"]);
    // The editor's files are the editor's to save.
    assert_eq!(stage.read("count.txt"), "one\n1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_the_answer_may_come_before_the_text() {
    let stage = Stage::new();
    let (session, finished) = meets(&stage, Applies::AnswersFirst).await;
    assert_eq!(finished["reason"], "verified", "{finished}");
    assert_eq!(session.editor.text("count.txt"), "one\n2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_document_that_changed_meanwhile_is_merged_never_overwritten() {
    let stage = Stage::new();
    let (session, finished) = meets(&stage, Applies::TypesFirst).await;
    assert_eq!(finished["reason"], "verified", "{finished}");
    assert_eq!(session.editor.text("count.txt"), "one\n2\n");
    assert_eq!(
        session.editor.text("greet.txt"),
        "goodbye\n\n\n\nworld\n// typed\n"
    );
    assert_eq!(session.editor.seen("workspace/applyEdit").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_applied_true_is_not_believed() {
    let stage = Stage::new();
    let (session, finished) = meets(&stage, Applies::Lies).await;
    let (reason, message) = failure(&finished);
    assert_eq!(reason, "needs_user", "{finished}");
    assert!(
        message.contains("did not come back") && message.contains("`greet.txt`"),
        "{message}"
    );
    assert_eq!(states(&session).await, ["proposed"], "nothing is claimed");
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_text_that_came_counts_though_it_moved_on() {
    let stage = Stage::new();
    let (session, finished) = meets(&stage, Applies::Reformats).await;
    assert_eq!(finished["reason"], "verified", "{finished}");
    assert!(
        session
            .editor
            .text("greet.txt")
            .starts_with("well, goodbye")
    );
    assert_eq!(states(&session).await, ["landed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_files_that_the_editor_does_not_show_are_on_disk_before_they_are_claimed() {
    let stage = Stage::new();
    let session = stage.connect(shim(), &good_script(0)).await;
    session.editor.applies(Applies::Lies);
    let task = session.start("say goodbye").await;
    let finished = session.editor.finished(&task).await;
    assert_eq!(finished["reason"], "verified", "{finished}");
    assert_eq!(stage.read("count.txt"), "one\n2\n");
    assert!(stage.read("greet.txt").starts_with("goodbye"));
    assert_eq!(states(&session).await, ["landed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_half_an_edit_is_not_believed() {
    let stage = Stage::new();
    let (session, finished) = meets(&stage, Applies::Halfway).await;
    let (reason, message) = failure(&finished);
    assert_eq!(reason, "needs_user", "{finished}");
    assert!(
        message.contains("`greet.txt`") && !message.contains("`count.txt`"),
        "{message}"
    );
    assert_eq!(states(&session).await, ["proposed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_with_its_reason() {
    for (applies, expected) in [(Applies::Refuses, "not today"), (Applies::Errs, "cannot")] {
        let stage = Stage::new();
        let (session, finished) = meets(&stage, applies).await;
        let (reason, message) = failure(&finished);
        assert_eq!(reason, "needs_user", "{finished}");
        assert!(message.contains(expected), "{message}");
        assert_eq!(session.editor.text("greet.txt"), "hello\n\n\n\nworld\n");
        assert_eq!(states(&session).await, ["proposed"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_a_client_that_never_answers_an_edit_makes_nobody_wait() {
    let stage = Stage::new();
    let session = stage.connect(shim(), &good_script(0)).await;
    session.editor.open("greet.txt");
    session.editor.applies(Applies::Sulks);
    session.start("say goodbye").await;
    session
        .editor
        .until("the edit", |editor| {
            editor.seen("workspace/applyEdit").pop()
        })
        .await;
    for _ in 0..300 {
        session
            .editor
            .request("animus/status", json!({}))
            .await
            .unwrap();
    }
    assert!(
        !session
            .actions("greet.txt", (0, 0), (0, 0))
            .await
            .is_empty()
    );
}

const FILES: &str = "*** Begin Patch
*** Update File: greet.txt
@@
-hello
+goodbye
*** Add File: new.txt
+fresh
+two
*** Delete File: old.txt
*** End Patch";

fn files_script() -> String {
    format!("turns:\n{}  - text: done\n", patch_turn(FILES))
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_and_go_with_the_edit() {
    let stage = Stage::new();
    stage.write("count.txt", "2\n");
    stage.write("old.txt", "old\n");
    let session = stage.connect(shim(), &files_script()).await;
    session.editor.open("greet.txt");
    let task = session.start("say goodbye").await;
    let finished = session.editor.finished(&task).await;
    assert_eq!(finished["reason"], "verified", "{finished}");
    assert_eq!(session.editor.text("new.txt"), "fresh\ntwo\n");
    assert_eq!(stage.read("new.txt"), "", "the editor has it unsaved");
    assert!(!stage.root.join("old.txt").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_file_operations_gets_the_texts_and_we_write_the_files() {
    let stage = Stage::new();
    stage.write("count.txt", "2\n");
    stage.write("old.txt", "old\n");
    let mut params = shim();
    params["capabilities"]["workspace"]["workspaceEdit"] = json!({ "documentChanges": true });
    let session = stage.connect(params, &files_script()).await;
    session.editor.open("greet.txt");
    let task = session.start("say goodbye").await;
    let finished = session.editor.finished(&task).await;
    assert_eq!(finished["reason"], "verified", "{finished}");
    assert_eq!(
        (
            stage.read("new.txt").as_str(),
            session.editor.text("greet.txt").as_str()
        ),
        ("fresh\ntwo\n", "goodbye\n\n\n\nworld\n")
    );
    assert!(!stage.root.join("old.txt").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_we_wrote_go_again_when_the_client_refuses_the_rest() {
    let stage = Stage::new();
    stage.write("count.txt", "2\n");
    stage.write("old.txt", "old\n");
    let mut params = shim();
    params["capabilities"]["workspace"]["workspaceEdit"] = json!({ "documentChanges": true });
    let session = stage.connect(params, &files_script()).await;
    session.editor.open("greet.txt");
    session.editor.applies(Applies::Refuses);
    let task = session.start("say goodbye").await;
    let finished = session.editor.finished(&task).await;
    assert_eq!(finished["reason"], "needs_user", "{finished}");
    assert!(!stage.root.join("new.txt").exists());
    assert_eq!(stage.read("old.txt"), "old\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_edits_keeps_its_open_files() {
    let stage = Stage::new();
    let mut params = shim();
    params["capabilities"]["workspace"]["applyEdit"] = json!(false);
    let session = stage.connect(params.clone(), &good_script(0)).await;
    session.editor.open("greet.txt");
    let task = session.start("say goodbye").await;
    let finished = session.editor.finished(&task).await;
    let (reason, message) = failure(&finished);
    assert!(
        reason == "needs_user" && message.contains("`greet.txt`"),
        "{finished}"
    );
    assert_eq!(
        (
            stage.read("greet.txt").as_str(),
            stage.read("count.txt").as_str()
        ),
        ("hello\n\n\n\nworld\n", "one\n1\n")
    );

    let closed = Stage::new();
    let session = closed.connect(params, &good_script(0)).await;
    let task = session.start("say goodbye").await;
    assert_eq!(session.editor.finished(&task).await["reason"], "verified");
    assert_eq!(
        (
            closed.read("greet.txt").as_str(),
            closed.read("count.txt").as_str()
        ),
        ("goodbye\n\n\n\nworld\n", "one\n2\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_closed_file_that_changed_on_disk_is_stale() {
    let stage = Stage::new();
    let (session, host) = stage.connect_host(shim()).await;
    let path = RelPath::new("count.txt").unwrap();
    let base = host.read(&path).unwrap();
    let after = Some(b"new\n".as_slice().into());
    let change = ChangeSet {
        files: vec![FileEdit {
            path: path.clone(),
            base,
            after,
            mode: None,
        }],
    };
    stage.write("count.txt", "somebody else\n");
    let error = host.land(&change, "test").await.unwrap_err();
    assert!(
        matches!(&error, LandError::Stale { paths } if *paths == [path]),
        "{error}"
    );
    assert!(session.editor.seen("workspace/applyEdit").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_shows_open_documents_before_files() {
    let stage = Stage::new();
    let (session, host) = stage.connect_host(shim()).await;
    session.editor.open("greet.txt");
    session.editor.open("count.txt");
    session.editor.insert("greet.txt", 0, 0, "unsaved ");
    session
        .editor
        .request("animus/status", json!({}))
        .await
        .unwrap_err();
    let greet = RelPath::new("greet.txt").unwrap();
    let content = host.read(&greet).unwrap().unwrap();
    assert_eq!(
        (content.text().unwrap(), content.version),
        ("unsaved hello\n\n\n\nworld\n", Some(2))
    );
    assert_eq!(
        host.open().iter().map(RelPath::as_str).collect::<Vec<_>>(),
        ["count.txt", "greet.txt"]
    );
    assert_eq!(host.dirty(), std::slice::from_ref(&greet));
    session.editor.notify(
        "textDocument/didSave",
        json!({ "textDocument": { "uri": session.editor.uri("greet.txt") } }),
    );
    session
        .editor
        .request("animus/status", json!({}))
        .await
        .unwrap_err();
    assert!(host.dirty().is_empty());
    let closed = host
        .read(&RelPath::new("check.sh").unwrap())
        .unwrap()
        .unwrap();
    assert_eq!(closed.version, None);
}
