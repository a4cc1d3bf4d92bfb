//! Review at the changed lines of the real files, without a plug-in: each action carries its edit inline.

use serde_json::{Value, json};
use testkit::lsp::Editor;

use crate::stage::{LIST, Session, Stage, list_script, recorded, shim};

/// A patch of three hunks in two files that waits, and both files open.
async fn waiting(stage: &Stage, params: Value) -> (Session, String) {
    let session = stage.connect(params, &list_script()).await;
    session.editor.open("list.txt");
    session.editor.open("count.txt");
    session
        .start_with(json!({ "prompt": "capitals", "land": "review" }))
        .await;
    let patch = session.newest().await;
    session.hunks(&patch, "pending; pending pending").await;
    (session, patch)
}

#[tokio::test(flavor = "multi_thread")]
async fn hunks_are_decided_in_any_order_in_every_client() {
    for client in ["vscode", "neovim", "emacs", "helix", "kate"] {
        let stage = Stage::with_list();
        let (session, patch) = waiting(&stage, recorded(client)).await;
        let editor = &session.editor;

        let accept = session.action("list.txt", 1, "Accept hunk 1 of 2").await;
        let document = &accept["edit"]["documentChanges"][0]["textDocument"];
        assert_eq!(document["version"], 1, "{client}: {accept}");
        session.take(&accept).await;
        session.hunks(&patch, "pending; accepted pending").await;
        let first = LIST.replace("two\n", "TWO\nand a half\n");
        assert_eq!(editor.text("list.txt"), first, "{client}");

        editor.insert("list.txt", 6, 0, "typed\n");
        let refuse = session.action("list.txt", 10, "Refuse hunk 2 of 2").await;
        assert!(refuse["edit"].is_null(), "{refuse}");
        session.take(&refuse).await;
        session.hunks(&patch, "pending; accepted refused").await;

        let accept = session.action("count.txt", 1, "Accept hunk 1 of 1").await;
        session.take(&accept).await;
        session.hunks(&patch, "accepted; accepted refused").await;
        assert_eq!(editor.text("count.txt"), "one\n2\n");

        let back = session.action("list.txt", 2, "Take back hunk 1 of 2").await;
        session.take(&back).await;
        session.hunks(&patch, "accepted; undone refused").await;
        assert_eq!(
            editor.text("list.txt"),
            LIST.replace("six\n", "typed\nsix\n"),
            "{client}"
        );
        // Everything went by the actions' own edits, and nothing was saved.
        assert!(editor.seen("workspace/applyEdit").is_empty(), "{client}");
        assert_eq!(stage.read("list.txt"), LIST);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_client_that_tells_of_an_edit_too_late_gets_the_command_alone() {
    let stage = Stage::with_list();
    let (session, patch) = waiting(&stage, recorded("kakoune")).await;
    let editor = &session.editor;
    let accept = session.action("list.txt", 1, "Accept hunk 1 of 2").await;
    assert!(accept["edit"].is_null(), "{accept}");
    session.take(&accept).await;
    session.hunks(&patch, "pending; accepted pending").await;
    let first = LIST.replace("two\n", "TWO\nand a half\n");
    assert_eq!(editor.text("list.txt"), first);
    let back = session.action("list.txt", 2, "Take back hunk 1 of 2").await;
    assert!(back["edit"].is_null(), "{back}");
    session.take(&back).await;
    session.hunks(&patch, "pending; undone pending").await;
    assert_eq!(editor.text("list.txt"), LIST);
    assert_eq!(editor.seen("workspace/applyEdit").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_hunks_of_a_file_go_at_once() {
    let stage = Stage::with_list();
    let (session, patch) = waiting(&stage, recorded("neovim")).await;
    let all = session
        .action("list.txt", 8, "Accept all 2 waiting hunks of this file")
        .await;
    session.take(&all).await;
    session.hunks(&patch, "pending; accepted accepted").await;
    let text = LIST
        .replace("two\n", "TWO\nand a half\n")
        .replace("nine", "NINE");
    assert_eq!(session.editor.text("list.txt"), text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hunk_is_known_by_the_text_of_a_client_that_runs_no_command() {
    let stage = Stage::with_list();
    let (session, patch) = waiting(&stage, recorded("neovim")).await;
    let accept = session.action("list.txt", 8, "Accept hunk 2 of 2").await;
    assert!(session.editor.edit(&accept["edit"]));
    session.hunks(&patch, "pending; pending accepted").await;
    // Typing elsewhere decides nothing.
    session.editor.insert("list.txt", 0, 0, "typed\n");
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    session.hunks(&patch, "pending; pending accepted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_touched_hunk_is_offered() {
    let stage = Stage::with_list();
    let (session, _) = waiting(&stage, recorded("vscode")).await;
    session.action("list.txt", 1, "Accept hunk 1 of 2").await;
    let hunks = |actions: Vec<Value>| -> Vec<String> {
        let titles = actions
            .iter()
            .map(|action| action["title"].as_str().unwrap());
        titles
            .filter(|title| title.contains("hunk "))
            .map(|title| title.split(':').next().unwrap().to_owned())
            .collect()
    };
    let at = |line| session.actions("list.txt", (line, 0), (line, 0));
    assert_eq!(
        hunks(at(1).await),
        ["Accept hunk 1 of 2", "Refuse hunk 1 of 2"]
    );
    assert_eq!(hunks(at(4).await), Vec::<String>::new());
    let whole = session.actions("list.txt", (0, 0), (9, 0)).await;
    assert_eq!(hunks(whole).len(), 4);
    let quick = json!({
        "textDocument": { "uri": session.editor.uri("list.txt") },
        "range": { "start": { "line": 1, "character": 0 }, "end": { "line": 1, "character": 0 } },
        "context": { "diagnostics": [], "only": ["quickfix"] },
    });
    let quick = session
        .editor
        .request("textDocument/codeAction", quick)
        .await;
    for action in quick.unwrap().as_array().unwrap() {
        assert_eq!(action["kind"], "quickfix.animus");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lenses_stand_above_the_hunks_that_wait() {
    let lenses = |answer: &Value| -> Vec<String> {
        let shown = answer.as_array().cloned().unwrap_or_default();
        let one = |lens: &Value| {
            format!(
                "{} {}",
                lens["range"]["start"]["line"],
                lens["command"]["title"].as_str().unwrap()
            )
        };
        shown.iter().map(one).collect()
    };
    let stage = Stage::with_list();
    let (session, patch) = waiting(&stage, recorded("vscode")).await;
    session.action("list.txt", 1, "Accept hunk 1 of 2").await;
    let uri = session.editor.uri("list.txt");
    session.editor.insert("list.txt", 4, 0, "typed\n");
    let answer = session.of_document("textDocument/codeLens", &uri).await;
    let shown = lenses(&answer);
    assert_eq!(shown[0], "1 Accept hunk 1 of 2");
    assert_eq!(shown[1], "1 Refuse hunk 1 of 2");
    assert_eq!(shown[3], "9 Accept hunk 2 of 2");
    session.execute(&answer[3]).await;
    session.hunks(&patch, "pending; pending accepted").await;
    session
        .editor
        .until("a refresh", |editor| {
            editor.seen("workspace/codeLens/refresh").pop()
        })
        .await;
    // A shim that draws hunks by itself gets none.
    let other = Stage::with_list();
    let mut params = shim();
    params["capabilities"]["experimental"]["animus"]["verbs"] = json!(["patch/resolve"]);
    let (session, _) = waiting(&other, params).await;
    session.action("list.txt", 1, "Accept hunk 1 of 2").await;
    let uri = session.editor.uri("list.txt");
    let answer = session.of_document("textDocument/codeLens", &uri).await;
    assert_eq!(answer, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_in_one_window_shows_in_the_other() {
    let stage = Stage::with_list();
    let (one, patch) = waiting(&stage, recorded("neovim")).await;
    let other = stage.connect(recorded("vscode"), &list_script()).await;
    other.editor.open("list.txt");
    let accept = other.action("list.txt", 1, "Accept hunk 1 of 2").await;
    one.take(&one.action("list.txt", 1, "Refuse hunk 1 of 2").await)
        .await;
    one.hunks(&patch, "pending; refused pending").await;
    for _ in 0..100 {
        let offered = other.actions("list.txt", (1, 0), (1, 0)).await;
        if !offered
            .iter()
            .any(|action| action["title"] == accept["title"])
        {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the other window offers the hunk for ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_from_an_earlier_session_is_offered_before_the_first_verb() {
    let stage = Stage::with_list();
    let (session, _) = waiting(&stage, recorded("emacs")).await;
    drop(session);
    let session = stage.connect(recorded("emacs"), "").await;
    session.editor.open("list.txt");
    session.action("list.txt", 8, "Accept hunk 2 of 2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hunk_goes_by_command_into_a_file_with_its_own_line_endings() {
    let stage = Stage::with_list();
    stage.write("count.txt", "one\r\n1\r\nthree");
    let (session, patch) = waiting(&stage, recorded("vscode")).await;
    let accept = session.action("count.txt", 1, "Accept hunk 1 of 1").await;
    session.execute(&accept).await;
    session.hunks(&patch, "accepted; pending pending").await;
    assert_eq!(session.editor.text("count.txt"), "one\r\n2\r\nthree");
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_eglot_has_read_the_answer_before_the_edit_comes() {
    let stage = Stage::with_list();
    let (session, _) = waiting(&stage, recorded("emacs")).await;
    let accept = session.action("list.txt", 1, "Accept hunk 1 of 2").await;
    let begun = std::time::Instant::now();
    session.execute(&accept).await;
    let edit = |editor: &Editor| editor.seen("workspace/applyEdit").pop();
    session.editor.until("the edit", edit).await;
    assert!(begun.elapsed() >= std::time::Duration::from_millis(100));
}
