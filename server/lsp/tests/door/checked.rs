//! What a draft adds is said of the files that were looked at, and of no other.

use serde_json::{Value, json};
use testkit::lsp::{Editor, Says};

use crate::stage::{Stage, shim};

const ASKED: &str = "animus/client/diagnostics";

/// The question about hidden files that is the `number`th.
async fn hidden(editor: &Editor, number: usize) -> Value {
    let asked = |editor: &Editor| {
        let asked = editor.seen(ASKED).into_iter();
        asked
            .filter(|params| params["hidden"].is_array())
            .nth(number)
    };
    editor.until("the question", asked).await
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_nobody_looked_at_are_not_called_right() {
    let stage = Stage::new();
    stage.write("check.sh", "true\n");
    stage.write("old.ts", "export const old = 1;\n");
    let add = |name: &str, text: &str| format!("*** Add File: {name}\n+{text}\n");
    let many: String = (0..21)
        .map(|number| add(&format!("m{number}.ts"), "export {};"))
        .collect();
    let patch = format!(
        "*** Begin Patch\n{many}{}*** Delete File: old.ts\n*** End Patch",
        add("m.rs", "fn main() {}")
    );
    let script = format!(
        "turns:\n{}  - calls:\n      - name: diagnostics\n        arguments: {{}}\n  - text: done\n",
        crate::stage::patch_turn(&patch)
    );
    let mut params = shim();
    params["capabilities"]["experimental"]["animus"]["verbs"] = json!(["client/diagnostics"]);
    let session = stage.connect(params, &script).await;
    let editor = &session.editor;
    editor.says(ASKED, Says::Nothing);
    let task = session.start("change").await;
    for number in 0..2 {
        let params = hidden(editor, number).await;
        let uris = params["uris"].as_array().unwrap();
        assert_eq!(uris.len(), 20, "{uris:?}");
        let documents: Vec<Value> = uris
            .iter()
            .map(|uri| json!({ "uri": uri, "diagnostics": [] }))
            .collect();
        editor.answers_late(ASKED, &json!({ "documents": documents }));
    }
    editor.finished(&task).await;
    let story = session.story(&task);
    let outputs = story.iter().filter(|it| it["type"] == "toolResult");
    let said: Vec<&str> = outputs
        .filter_map(|it| it["result"]["output"].as_str())
        .collect();
    let said = said.join("\n");
    assert!(
        said.contains("your draft adds no error in the 20 files that were looked at\n[not looked at: 1 changed files that cannot be checked apart, 1 more changed files"),
        "{said}"
    );
}
