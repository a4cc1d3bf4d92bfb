//! The review document of a patch: by the server where the client asks for its text, a file elsewhere.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::stage::{Session, Stage, list_script, recorded};

/// A patch that waits, with its document shown. Returns the document's URI.
async fn shown(stage: &Stage, client: &str) -> (Session, String, String) {
    let session = stage.connect(recorded(client), &list_script()).await;
    session.editor.open("list.txt");
    session
        .start_with(json!({ "prompt": "capitals", "land": "review" }))
        .await;
    let patch = session.newest().await;
    session.hunks(&patch, "pending; pending pending").await;
    let open = session
        .action("list.txt", 1, "Review the agent's patch")
        .await;
    let answer = session.execute(&open).await;
    let uri = answer["uri"].as_str().unwrap().to_owned();
    // It is in memory once it is offered.
    session.action_in(&uri, 0, "Accept the patch").await;
    (session, patch, uri)
}

fn check(text: &str, patch: &str, expected: Expect) {
    expected.assert_eq(&text.replace(patch, "ID"));
}

async fn content(session: &Session, uri: &str) -> String {
    let answer = session
        .editor
        .request("workspace/textDocumentContent", json!({ "uri": uri }))
        .await
        .unwrap();
    answer["text"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_for_the_text_gets_it_from_the_server() {
    let stage = Stage::with_list();
    let (session, patch, uri) = shown(&stage, "vscode").await;
    assert_eq!(uri, format!("animus:/review/{patch}.diff"));
    let text = content(&session, &uri).await;
    check(
        &text,
        &patch,
        expect![[r#"
        # Patch ID: capitals
        # proposed; hunks: 3 pending; verified by a test run
        # Decide here or at the changed lines of the files: code actions (and lenses) accept, refuse and take back.

        --- a/count.txt
        +++ b/count.txt
        @@ -1,2 +1,2 @@ pending
         one
        -1
        +2
        --- a/list.txt
        +++ b/list.txt
        @@ -1,5 +1,6 @@ pending
         one
        -two
        +TWO
        +and a half
         three
         four
         five
        @@ -6,5 +7,5 @@ pending
         six
         seven
         eight
        -nine
        +NINE
         ten
    "#]],
    );
    let show = session
        .editor
        .until("the document", |editor| {
            editor.seen("window/showDocument").pop()
        })
        .await;
    assert_eq!(show["uri"], uri);
    // A decision changes the text, and the client is told to ask again.
    session
        .take(&session.action("list.txt", 1, "Accept hunk 1 of 2").await)
        .await;
    session.hunks(&patch, "pending; accepted pending").await;
    session
        .editor
        .until("a refresh", |editor| {
            let seen = editor.seen("workspace/textDocumentContent/refresh");
            seen.into_iter().find(|params| params["uri"] == uri)
        })
        .await;
    let mut text = String::new();
    for _ in 0..100 {
        text = content(&session, &uri).await;
        if text.contains("@@ accepted") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(text.contains("@@ accepted"), "{text}");
    for other in [
        "animus:/review/none.diff",
        "animus:/x",
        "file:///etc/passwd",
    ] {
        let error = session
            .editor
            .request("workspace/textDocumentContent", json!({ "uri": other }))
            .await
            .unwrap_err();
        assert_eq!(error["data"]["code"], "not_found", "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_decision_on_a_hunk_of_an_open_file_carries_its_edit() {
    let stage = Stage::with_list();
    let (session, patch, uri) = shown(&stage, "emacs").await;
    let path = uri.strip_prefix("file://").unwrap();
    let text = stage.read(path);
    let line = |head: &str| {
        let found = text.lines().position(|line| line.starts_with(head));
        u32::try_from(found.unwrap()).unwrap()
    };
    let accept = session
        .action_in(&uri, line("+TWO"), "Accept hunk 1 of 2 in list.txt")
        .await;
    let document = &accept["edit"]["documentChanges"][0]["textDocument"];
    assert_eq!(document["uri"], session.editor.uri("list.txt"));
    assert_eq!(document["version"], 1);
    session.take(&accept).await;
    session.hunks(&patch, "pending; accepted pending").await;
    assert!(
        session
            .editor
            .text("list.txt")
            .contains("TWO\nand a half\n")
    );
    // It went by the action's own edit; a file that is not open is changed by the command.
    assert!(session.editor.seen("workspace/applyEdit").is_empty());
    let accept = session
        .action_in(&uri, line("+2"), "Accept hunk 1 of 1 in count.txt")
        .await;
    assert!(accept["edit"].is_null(), "{accept}");
    session.take(&accept).await;
    session.hunks(&patch, "accepted; accepted pending").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn elsewhere_it_is_a_file_that_is_written_again() {
    for client in ["neovim", "emacs", "kakoune"] {
        let stage = Stage::with_list();
        let (session, patch, uri) = shown(&stage, client).await;
        let path = stage.state.join(format!("review/{patch}.diff"));
        assert_eq!(uri, format!("file://{path}"));
        let read = || stage.read(path.as_str());
        assert!(read().contains("+TWO"), "{}", read());
        match client {
            "neovim" => {
                let show = session
                    .editor
                    .until("the document", |editor| {
                        editor.seen("window/showDocument").pop()
                    })
                    .await;
                assert_eq!(show["uri"], uri);
            }
            _ => {
                let told = |editor: &testkit::lsp::Editor| {
                    let seen = editor.seen("window/showMessage");
                    let mut words = seen.iter().map(|shown| shown["message"].clone());
                    words.find(|words| words.as_str().unwrap().contains(path.as_str()))
                };
                session.editor.until("its path", told).await;
            }
        }
        // The head of the first hunk of the list.
        let line = read()
            .lines()
            .position(|line| line.starts_with("@@ -1,"))
            .unwrap();
        let accept = session
            .action_in(
                &uri,
                u32::try_from(line).unwrap(),
                "Accept hunk 1 of 1 in count.txt",
            )
            .await;
        session.take(&accept).await;
        session.hunks(&patch, "accepted; pending pending").await;
        for _ in 0..100 {
            if read().contains("@@ accepted") {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert!(read().contains("@@ accepted"), "{client}: {}", read());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_folds_lenses_and_definitions_lead_to_the_real_lines() {
    let stage = Stage::with_list();
    let (session, _, uri) = shown(&stage, "neovim").await;
    let path = uri.strip_prefix("file://").unwrap();
    let text = stage.read(path);
    let lines: Vec<&str> = text.lines().collect();
    // The live text is what counts: everything moves down by one.
    session.editor.insert("list.txt", 0, 0, "typed\n");
    let of = |method: &'static str| session.of_document(method, &uri);

    let links = of("textDocument/documentLink").await;
    let shown: Vec<String> = links
        .as_array()
        .unwrap()
        .iter()
        .map(|link| {
            let line = link["range"]["start"]["line"].as_u64().unwrap() as usize;
            let target = link["target"].as_str().unwrap();
            format!(
                "{} -> {}\n",
                lines[line],
                target.rsplit('/').next().unwrap()
            )
        })
        .collect();
    expect![[r#"
        --- a/count.txt -> count.txt
        +++ b/count.txt -> count.txt
        @@ -1,2 +1,2 @@ pending -> count.txt#L2
        --- a/list.txt -> list.txt
        +++ b/list.txt -> list.txt
        @@ -1,5 +1,6 @@ pending -> list.txt#L3
        @@ -6,5 +7,5 @@ pending -> list.txt#L10
    "#]]
    .assert_eq(&shown.concat());

    let folds = of("textDocument/foldingRange").await;
    let shown: Vec<String> = folds
        .as_array()
        .unwrap()
        .iter()
        .map(|fold| {
            let at = |end: &str| lines[fold[end].as_u64().unwrap() as usize];
            format!("{} .. {}\n", at("startLine"), at("endLine"))
        })
        .collect();
    expect![[r#"
        --- a/count.txt .. +2
        @@ -1,2 +1,2 @@ pending .. +2
        --- a/list.txt ..  ten
        @@ -1,5 +1,6 @@ pending ..  five
        @@ -6,5 +7,5 @@ pending ..  ten
    "#]]
    .assert_eq(&shown.concat());

    let lenses = of("textDocument/codeLens").await;
    let shown: Vec<String> = lenses
        .as_array()
        .unwrap()
        .iter()
        .map(|lens| {
            let line = lens["range"]["start"]["line"].as_u64().unwrap() as usize;
            let head = lines[line].split(' ').next().unwrap();
            format!("{head} {}\n", lens["command"]["title"].as_str().unwrap())
        })
        .collect();
    expect![[r#"
        # Accept the patch
        # Refuse the patch
        --- Accept the file
        --- Refuse the file
        @@ Accept hunk 1 of 1
        @@ Refuse hunk 1 of 1
        --- Accept the file
        --- Refuse the file
        @@ Accept hunk 1 of 2
        @@ Refuse hunk 1 of 2
        @@ Accept hunk 2 of 2
        @@ Refuse hunk 2 of 2
    "#]]
    .assert_eq(&shown.concat());

    let mut shown = String::new();
    for (number, line) in lines.iter().enumerate() {
        let position = json!({ "line": number, "character": 0 });
        let params = json!({ "textDocument": { "uri": uri }, "position": position });
        let found = session
            .editor
            .request("textDocument/definition", params)
            .await
            .unwrap();
        if let Some(file) = found["uri"].as_str() {
            let file = file.rsplit('/').next().unwrap();
            shown += &format!("{line:20} {file}:{}\n", found["range"]["start"]["line"]);
        }
    }
    expect![[r#"
        --- a/count.txt      count.txt:0
        +++ b/count.txt      count.txt:0
        @@ -1,2 +1,2 @@ pending count.txt:1
         one                 count.txt:0
        -1                   count.txt:1
        +2                   count.txt:1
        --- a/list.txt       list.txt:0
        +++ b/list.txt       list.txt:0
        @@ -1,5 +1,6 @@ pending list.txt:2
         one                 list.txt:1
        -two                 list.txt:2
        +TWO                 list.txt:2
        +and a half          list.txt:2
         three               list.txt:3
         four                list.txt:4
         five                list.txt:5
        @@ -6,5 +7,5 @@ pending list.txt:9
         six                 list.txt:6
         seven               list.txt:7
         eight               list.txt:8
        -nine                list.txt:9
        +NINE                list.txt:9
         ten                 list.txt:10
    "#]]
    .assert_eq(&shown);
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_other_documents_are_nobodys_business_here() {
    let stage = Stage::with_list();
    let (session, patch, _) = shown(&stage, "neovim").await;
    let foreign = session.editor.uri(&format!("review/{patch}.diff"));
    for uri in [
        session.editor.uri("check.sh"),
        foreign,
        "untitled:1".to_owned(),
    ] {
        for method in ["documentLink", "foldingRange", "codeLens"] {
            let method = format!("textDocument/{method}");
            let answer = session.of_document(&method, &uri).await;
            assert!(answer.is_null() || answer == json!([]), "{method} {uri}");
        }
        let params = json!({
            "textDocument": { "uri": uri }, "position": { "line": 0, "character": 0 },
        });
        let answer = session
            .editor
            .request("textDocument/definition", params)
            .await;
        assert_eq!(answer.unwrap(), Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_registrations_asks_about_review_documents_only() {
    let stage = Stage::with_list();
    let session = stage.connect(recorded("vscode"), "").await;
    let capabilities = &session.agreed["capabilities"];
    for provider in [
        "documentLinkProvider",
        "foldingRangeProvider",
        "definitionProvider",
    ] {
        assert!(capabilities[provider].is_null(), "{capabilities}");
    }
    assert!(capabilities["codeLensProvider"].is_object());
    let registered = session
        .editor
        .until("registrations", |editor| {
            editor.seen("client/registerCapability").pop()
        })
        .await;
    let methods: Vec<&str> = registered["registrations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["method"].as_str().unwrap())
        .collect();
    assert_eq!(
        methods,
        [
            "workspace/textDocumentContent",
            "textDocument/documentLink",
            "textDocument/foldingRange",
            "textDocument/definition",
            "textDocument/codeLens",
            "textDocument/codeAction",
        ]
    );
    let other = Stage::with_list();
    let session = other.connect(recorded("neovim"), "").await;
    let capabilities = &session.agreed["capabilities"];
    for provider in [
        "documentLinkProvider",
        "foldingRangeProvider",
        "definitionProvider",
    ] {
        assert!(!capabilities[provider].is_null(), "{capabilities}");
    }
}
