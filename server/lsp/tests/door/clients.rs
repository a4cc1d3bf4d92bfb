//! The recorded `initialize` of four real clients, each through one task: what is agreed, offered and sent.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::stage::{Stage, patch_turn};

const SCRIPT_PATCH: &str = "*** Begin Patch
*** Update File: greet.txt
@@
-hëllo 😀
+goodbye
*** Update File: count.txt
@@
-1
+2
*** Add File: new.txt
+fresh
*** End Patch";

async fn check(recorded: &str, expected: Expect) {
    let mut params: Value = serde_json::from_str(recorded).unwrap();
    // The recorded process is long gone, and its number may be anybody's by now.
    params["processId"] = Value::Null;
    let stage = Stage::new();
    stage.write(
        "check.sh",
        "grep -q goodbye greet.txt && grep -q 2 count.txt && test -f new.txt\n",
    );
    stage.write("greet.txt", "hëllo 😀\nworld");
    let session = stage
        .connect(
            params,
            &format!("turns:\n{}  - text: done\n", patch_turn(SCRIPT_PATCH)),
        )
        .await;
    let editor = &session.editor;
    let agreed = &session.agreed["capabilities"];
    let mut said = format!("encoding {}\n", agreed["positionEncoding"]);
    said += &format!("speaks {}\n", agreed["experimental"]["animus"]["protocol"]);
    // Typed behind an emoji: the place only means the same to both sides if the encoding does.
    stage.write("wide.rs", "/* é😀 */ fn a() {}\n");
    editor.open("wide.rs");
    let behind = match agreed["positionEncoding"].as_str() {
        Some("utf-8") => 17,
        Some("utf-32") => 13,
        _ => 14,
    };
    editor.insert("wide.rs", 0, behind, "b");
    let outline = editor
        .request("animus/outline", json!({ "uri": editor.uri("wide.rs") }))
        .await
        .unwrap();
    assert_eq!(outline["symbols"][0]["name"], "ab");
    editor.open("greet.txt");
    let actions = session.actions("greet.txt", (0, 0), (0, 1)).await;
    for action in &actions {
        said += &format!(
            "{} {} {}\n",
            action["title"], action["kind"], action["tags"]
        );
    }
    session.execute(&actions[0]).await;
    let last = editor
        .until("the end", |editor| editor.seen("window/showMessage").pop())
        .await;
    said += &format!("{}\n", last["message"]);
    let edits = editor.seen("workspace/applyEdit");
    assert_eq!(edits.len(), 1);
    said += &show(&edits[0]).replace(&editor.uri(""), "");
    expected.assert_eq(&said);
    assert_eq!(editor.text("greet.txt"), "goodbye\nworld");
    // What the client was not asked for is on disk.
    for (path, text) in [("count.txt", "one\n2\n"), ("new.txt", "fresh\n")] {
        let now = match said.contains(path) {
            true => editor.text(path),
            false => stage.read(path),
        };
        assert_eq!(now, text, "{path}");
    }
}

/// An edit, one line an operation.
fn show(params: &Value) -> String {
    let mut said = format!("edit {} {}\n", params["label"], params["metadata"]);
    for operation in params["edit"]["documentChanges"].as_array().unwrap() {
        if operation["kind"].is_string() {
            said += &format!("{} {}\n", operation["kind"], operation["uri"]);
            continue;
        }
        let document = &operation["textDocument"];
        said += &format!("{} version {}\n", document["uri"], document["version"]);
        for edit in operation["edits"].as_array().unwrap() {
            let place = |end: &str| {
                format!(
                    "{}:{}",
                    edit["range"][end]["line"], edit["range"][end]["character"]
                )
            };
            said += &format!(
                "  {}-{} {}\n",
                place("start"),
                place("end"),
                edit["newText"]
            );
        }
    }
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn vscode() {
    check(
        include_str!("../clients/vscode-1.139.1_languageclient-11.0.0.json"),
        expect![[r#"
        encoding "utf-16"
        speaks 1
        "Ask agent to refactor the selection in line 1" "refactor.rewrite.animus" [1]
        "Ask agent to document the selection in line 1" "source.animus.document" [1]
        "Ask agent to write tests for the selection in line 1" "source.animus.tests" [1]
        "Ask agent to explain the selection in line 1" "source.animus.explain" [1]
        "Agent: verified. done"
        edit "Refactor greet.txt:1" {"isRefactoring":true}
        "/count.txt" version null
          1:0-2:0 "2\n"
        "/greet.txt" version 1
          0:0-1:0 "goodbye\n"
        "create" "/new.txt"
        "/new.txt" version null
          0:0-1:0 "fresh\n"
    "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn neovim() {
    check(
        include_str!("../clients/neovim-0.11.4.json"),
        expect![[r#"
        encoding "utf-8"
        speaks 1
        "Ask agent to refactor the selection in line 1" "refactor.rewrite.animus" null
        "Ask agent to document the selection in line 1" "source.animus.document" null
        "Ask agent to write tests for the selection in line 1" "source.animus.tests" null
        "Ask agent to explain the selection in line 1" "source.animus.explain" null
        "Agent: verified. done"
        edit "Refactor greet.txt:1" null
        "/count.txt" version null
          1:0-2:0 "2\n"
        "/greet.txt" version 1
          0:0-1:0 "goodbye\n"
        "create" "/new.txt"
        "/new.txt" version null
          0:0-1:0 "fresh\n"
    "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kakoune() {
    check(
        include_str!("../clients/kakoune-2022.10.31_kak-lsp-22.0.0.json"),
        expect![[r#"
        encoding "utf-8"
        speaks 1
        "Ask agent to refactor the selection in line 1" "refactor.rewrite.animus" null
        "Ask agent to document the selection in line 1" "source.animus.document" null
        "Ask agent to write tests for the selection in line 1" "source.animus.tests" null
        "Ask agent to explain the selection in line 1" "source.animus.explain" null
        "Agent: verified. done"
        edit "Refactor greet.txt:1" null
        "/greet.txt" version 1
          0:0-1:0 "goodbye\n"
    "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn emacs() {
    check(
        include_str!("../clients/emacs-28.2_eglot-1.9.json"),
        expect![[r#"
        encoding "utf-16"
        speaks 1
        "Ask agent to refactor the selection in line 1" "refactor.rewrite.animus" null
        "Ask agent to document the selection in line 1" "source.animus.document" null
        "Ask agent to write tests for the selection in line 1" "source.animus.tests" null
        "Ask agent to explain the selection in line 1" "source.animus.explain" null
        "Agent: verified. done"
        edit "Refactor greet.txt:1" null
        "/count.txt" version null
          1:0-2:0 "2\n"
        "/greet.txt" version 1
          0:0-1:0 "goodbye\n"
    "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kate_is_asked_for_an_edit_behind_a_command_only() {
    let mut params: Value = serde_json::from_str(include_str!("../clients/kate.json")).unwrap();
    params["processId"] = Value::Null;
    params["capabilities"]["experimental"] =
        json!({ "animus": { "protocol": [1], "notifications": true } });
    let stage = Stage::new();
    let (session, host) = stage.connect_host(params).await;
    session.editor.open("greet.txt");
    let _ = session.editor.request("animus/models", json!({})).await;
    let path = workspace::RelPath::new("greet.txt").unwrap();
    let change = workspace::ChangeSet {
        files: vec![workspace::FileEdit {
            base: host.read(&path).unwrap(),
            after: Some(b"goodbye\n".as_slice().into()),
            path,
            mode: None,
        }],
    };
    // A command opens the window for 2 s.
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    let error = host.land(&change, "test").await.unwrap_err();
    assert!(error.to_string().contains("within 2 s"), "{error}");
    assert!(session.editor.seen("workspace/applyEdit").is_empty());
    let _ = session.editor.request("animus/models", json!({})).await;
    host.land(&change, "test").await.unwrap();
    assert_eq!(session.editor.text("greet.txt"), "goodbye\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_up_after_ten_seconds_is_answered_before() {
    let stage = Stage::new();
    let mut params = crate::stage::recorded("emacs");
    params["capabilities"]["experimental"] = Value::Null;
    let (editor, pipes) = testkit::lsp::Editor::new(stage.root.as_std_path());
    tokio::spawn(lsp::serve(pipes.input, pipes.output, move |_| {
        std::thread::sleep(std::time::Duration::from_secs(13));
        Err(protocol::Failure::new(protocol::Code::Config, "too late"))
    }));
    editor.initialize(params).await;
    let since = std::time::Instant::now();
    let error = editor
        .request("animus/models", json!({}))
        .await
        .unwrap_err();
    assert_eq!(error["data"]["code"], "timeout", "{error}");
    assert!(since.elapsed() < std::time::Duration::from_secs(10));
}
