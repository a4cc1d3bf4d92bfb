//! The editor's own preview: annotated edits that it asks about one by one. What was taken is learnt from the texts.

use expect_test::expect;
use serde_json::json;

use crate::stage::{LIST, Stage, list_script, recorded};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ticked_in_the_preview_is_accepted() {
    let stage = Stage::with_list();
    let session = stage.connect(recorded("vscode"), &list_script()).await;
    session.editor.open("list.txt");
    session
        .start_with(json!({ "prompt": "capitals", "land": "review" }))
        .await;
    let patch = session.newest().await;
    let action = session
        .action("list.txt", 4, "Review in the editor's preview")
        .await;
    assert!(action["edit"].is_null() && action["command"].is_null());
    let resolved = session
        .editor
        .request("codeAction/resolve", action)
        .await
        .unwrap();
    let mut edit = resolved["edit"].clone();
    let shown: Vec<String> = edit["documentChanges"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|document| {
            let version = document["textDocument"]["version"].clone();
            let annotations = edit["changeAnnotations"].clone();
            let edits = document["edits"].as_array().unwrap().clone();
            edits.into_iter().map(move |one| {
                let annotation = &annotations[one["annotationId"].as_str().unwrap()];
                format!(
                    "{version} {}-{} {} {} {}\n",
                    one["range"]["start"]["line"],
                    one["range"]["end"]["line"],
                    one["newText"],
                    annotation["label"],
                    annotation["needsConfirmation"],
                )
            })
        })
        .collect();
    expect![[r#"
        null 1-2 "2\n" "Hunk 1 of 1 in count.txt" true
        1 1-2 "TWO\nand a half\n" "Hunk 1 of 2 in list.txt" true
        1 8-9 "NINE\n" "Hunk 2 of 2 in list.txt" true
    "#]]
    .assert_eq(&shown.concat());
    // Only the second hunk of the list is ticked.
    let list = edit["documentChanges"][1].clone();
    let second = list["edits"][1].clone();
    edit["documentChanges"] = json!([{ "textDocument": list["textDocument"], "edits": [second] }]);
    assert!(session.editor.edit(&edit));
    session.hunks(&patch, "pending; pending accepted").await;
    assert_eq!(
        session.editor.text("list.txt"),
        LIST.replace("nine", "NINE")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_ask_is_offered_no_preview() {
    for client in ["neovim", "emacs", "kakoune"] {
        let stage = Stage::with_list();
        let session = stage.connect(recorded(client), &list_script()).await;
        session.editor.open("list.txt");
        session
            .start_with(json!({ "prompt": "capitals", "land": "review" }))
            .await;
        session.action("list.txt", 1, "Accept hunk 1 of 2").await;
        let offered = session.actions("list.txt", (1, 0), (1, 0)).await;
        let preview = |title: &str| title.contains("preview");
        assert!(
            !offered
                .iter()
                .any(|one| preview(one["title"].as_str().unwrap()))
        );
        let provider = &session.agreed["capabilities"]["codeActionProvider"];
        assert_eq!(provider["resolveProvider"], false, "{client}");
    }
}
