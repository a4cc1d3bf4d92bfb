//! What the agent asks the editor: a good answer counts; a wrong, late or missing one is a note, and the index takes over.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::lsp::Says;

use crate::stage::{Session, Stage, shim};

pub const SUM: &str = "export function sum(a: number): number {\n  return a;\n}\n";
pub const ONE: &str = "import { sum } from './sum';\nexport const one = sum(1);\n";
pub const TWO: &str = "import { sum } from './sum';\n/* 😀 */ export const two = sum(2);\n";

/// A client that answers these verbs.
pub fn client(verbs: &[&str]) -> Value {
    let mut params = shim();
    params["capabilities"]["experimental"]["animus"]["verbs"] = json!(verbs);
    params
}

pub fn stage() -> Stage {
    let stage = Stage::new();
    stage.write("check.sh", "true\n");
    stage.write("sum.ts", SUM);
    stage.write("one.ts", ONE);
    stage.write("two.ts", TWO);
    stage
}

/// A script that makes these calls, one a turn, and ends.
pub fn calls(calls: &[(&str, Value)]) -> String {
    let turn = |(name, arguments): &(&str, Value)| {
        format!("  - calls:\n      - name: {name}\n        arguments: {arguments}\n")
    };
    let turns: String = calls.iter().map(turn).collect();
    format!("turns:\n{turns}  - text: done\n")
}

pub fn range(line: u32, start: u32, end: u32) -> Value {
    json!({ "start": { "line": line, "character": start }, "end": { "line": line, "character": end } })
}

/// The outputs of a task's calls, in order.
pub async fn outputs(session: &Session, task: &str) -> Vec<String> {
    session.editor.finished(task).await;
    let story = session.story(task).into_iter();
    story
        .filter(|update| update["type"] == "toolResult")
        .map(|update| update["result"]["output"].as_str().unwrap().to_owned())
        .collect()
}

/// The edit of the rename of `sum` to `total` in all three files, as a language server makes it.
fn rename(session: &Session) -> Value {
    let edit = |range: Value| json!({ "range": range, "newText": "total" });
    let document = |path: &str, edits: Value| json!({ "textDocument": { "uri": session.editor.uri(path), "version": null }, "edits": edits });
    json!({ "edit": { "documentChanges": [
        document("sum.ts", json!([edit(range(0, 16, 19))])),
        document("one.ts", json!([edit(range(0, 9, 12)), edit(range(1, 19, 22))])),
        document("two.ts", json!([edit(range(0, 9, 12)), edit(range(1, 28, 31))])),
    ] } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rename_of_the_editor_lands_in_all_files_and_merges_with_the_draft() {
    let stage = stage();
    let patch = "*** Begin Patch\n*** Update File: sum.ts\n@@\n-  return a;\n+  return a + 0;\n*** End Patch";
    let script = calls(&[
        ("apply_patch", json!({ "patch": patch })),
        ("rename", json!({ "name": "sum", "new_name": "total" })),
    ]);
    let session = stage.connect(client(&["client/rename"]), &script).await;
    let editor = &session.editor;
    editor.open("two.ts");
    editor.says("animus/client/rename", Says::Result(rename(&session)));
    let task = session.start("rename sum").await;
    let outputs = outputs(&session, &task).await;
    assert!(
        outputs[1].contains("by the language server of scripted: 5 places in 3 files"),
        "{}",
        outputs[1]
    );
    assert_eq!(editor.finished(&task).await["reason"], "verified");
    assert_eq!(
        editor.text("two.ts"),
        TWO.replace("sum }", "total }").replace("sum(", "total(")
    );
    let asked = editor.seen("animus/client/rename");
    assert_eq!(
        asked,
        [
            json!({ "uri": editor.uri("sum.ts"), "position": { "line": 0, "character": 16 }, "newName": "total" })
        ]
    );
    let applied = editor.seen("workspace/applyEdit");
    assert_eq!(applied.len(), 1, "one transaction (W5): {applied:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn references_are_told_at_the_lines_of_the_draft() {
    let stage = stage();
    let patch = "*** Begin Patch\n*** Update File: one.ts\n@@\n+// new\n import { sum } from './sum';\n*** End Patch";
    let script = calls(&[
        ("apply_patch", json!({ "patch": patch })),
        ("references", json!({ "name": "sum" })),
    ]);
    let session = stage.connect(client(&["client/references"]), &script).await;
    let editor = &session.editor;
    let place = |uri: &str, range: Value| json!({ "uri": uri, "range": range });
    let locations = json!([
        place(&editor.uri("one.ts"), range(1, 19, 22)),
        place(&editor.uri("sum.ts"), range(0, 16, 19)),
        place(&editor.uri(".env"), range(0, 0, 1)),
        place("file:///usr/lib/elsewhere.ts", range(0, 0, 1)),
    ]);
    let answer = json!({ "locations": locations });
    editor.says("animus/client/references", Says::Result(answer));
    let task = session.start("look").await;
    let outputs = outputs(&session, &task).await;
    assert_eq!(
        outputs[1],
        "by the language server of scripted:\none.ts:3: export const one = sum(1);\n[2 more outside the workspace or in files that may hold secrets]\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_and_errors_are_noted_and_the_index_answers() {
    let nonsense = json!({ "locations": "everywhere" });
    for (says, words) in [
        (Says::Result(nonsense), "gave an answer that is none"),
        (Says::Result(json!([1])), "gave an answer that is none"),
        (Says::Error("no such method".to_owned()), "no such method"),
        (Says::Result(json!({ "locations": [] })), "knows no use"),
    ] {
        let stage = stage();
        let script = calls(&[("references", json!({ "name": "sum" }))]);
        let session = stage.connect(client(&["client/references"]), &script).await;
        session.editor.says("animus/client/references", says);
        let task = session.start("look").await;
        let outputs = outputs(&session, &task).await;
        assert!(
            outputs[0].starts_with("[by the index: ") && outputs[0].contains(words),
            "{words}: {}",
            outputs[0]
        );
        assert!(outputs[0].contains("two.ts:2:"), "{}", outputs[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_client_is_not_waited_for_and_its_late_answer_changes_nothing() {
    let stage = stage();
    let script = calls(&[
        ("references", json!({ "name": "sum" })),
        ("rename", json!({ "name": "sum", "new_name": "total" })),
    ]);
    let verbs = ["client/references", "client/rename"];
    let session = stage.connect(client(&verbs), &script).await;
    let editor = &session.editor;
    for verb in verbs {
        editor.says(&format!("animus/{verb}"), Says::Nothing);
    }
    let task = session.start("look").await;
    let cancelled = editor
        .until("the cancelled question", |editor| {
            editor.seen("$/cancelRequest").into_iter().next()
        })
        .await;
    assert!(cancelled["id"].is_i64());
    let late = json!({ "locations": [{ "uri": editor.uri("one.ts"), "range": range(0, 0, 1) }] });
    assert_eq!(editor.answers_late("animus/client/references", &late), 1);
    let outputs = outputs(&session, &task).await;
    assert!(
        outputs[0].starts_with("[by the index: scripted gave no answer within 2 s]\n"),
        "{}",
        outputs[0]
    );
    // One definition, and all uses are calls and imports: the index may rename.
    assert!(
        outputs[1]
            .contains("by the index (scripted gave no answer within 2 s): 5 places in 3 files"),
        "{}",
        outputs[1]
    );
    assert_eq!(
        stage_text(editor, &stage, "sum.ts"),
        SUM.replace("sum", "total")
    );
}

pub fn stage_text(editor: &testkit::lsp::Editor, stage: &Stage, path: &str) -> String {
    match editor.version(path) {
        Some(_) => editor.text(path),
        None => stage.read(path),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_task_cancels_its_question() {
    let stage = stage();
    let script = calls(&[("references", json!({ "name": "sum" }))]);
    let session = stage.connect(client(&["client/references"]), &script).await;
    let editor = &session.editor;
    editor.says("animus/client/references", Says::Nothing);
    let task = session.start("look").await;
    let asked = |editor: &testkit::lsp::Editor| {
        let asked = editor.seen("animus/client/references");
        (!asked.is_empty()).then_some(())
    };
    editor.until("the question", asked).await;
    let params = json!({ "task": task });
    editor.request("animus/task/cancel", params).await.unwrap();
    assert_eq!(editor.finished(&task).await["reason"], "cancelled");
    let told = |editor: &testkit::lsp::Editor| editor.seen("$/cancelRequest").into_iter().next();
    editor.until("the cancelled question", told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_requests_are_answered_while_the_client_owes_an_answer() {
    let stage = stage();
    let script = calls(&[("references", json!({ "name": "sum" }))]);
    let session = stage.connect(client(&["client/references"]), &script).await;
    let editor = &session.editor;
    editor.says("animus/client/references", Says::Nothing);
    let task = session.start("look").await;
    let asked = |editor: &testkit::lsp::Editor| {
        let asked = editor.seen("animus/client/references");
        (!asked.is_empty()).then_some(())
    };
    editor.until("the question", asked).await;
    for _ in 0..8 {
        editor.request("animus/status", json!({})).await.unwrap();
    }
    assert!(
        editor
            .events(&task)
            .iter()
            .all(|event| event["update"]["type"] != "toolResult")
    );
    editor.finished(&task).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_announces_nothing_is_asked_nothing() {
    let stage = stage();
    let script = calls(&[
        ("references", json!({ "name": "sum" })),
        ("diagnostics", json!({ "path": "sum.ts" })),
        ("rename", json!({ "name": "sum", "new_name": "total" })),
    ]);
    let session = stage.connect(shim(), &script).await;
    let task = session.start("look").await;
    let outputs = outputs(&session, &task).await;
    assert!(outputs[0].starts_with("one.ts:"), "{}", outputs[0]);
    assert!(outputs[1].contains("by the parser alone"), "{}", outputs[1]);
    assert!(outputs[2].contains("by the index"), "{}", outputs[2]);
    for verb in ["references", "diagnostics", "rename", "selection"] {
        let method = format!("animus/client/{verb}");
        assert!(session.editor.seen(&method).is_empty(), "{verb}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_draft_breaks_goes_back_to_the_model_once() {
    let stage = stage();
    let good = "*** Begin Patch\n*** Update File: one.ts\n@@\n-export const one = sum('1');\n+export const one = sum(11);\n*** End Patch";
    let bad = "*** Begin Patch\n*** Update File: one.ts\n@@\n-export const one = sum(1);\n+export const one = sum('1');\n*** End Patch";
    let script = format!(
        "turns:\n{}  - text: done\n{}  - text: done\n",
        crate::stage::patch_turn(bad),
        crate::stage::patch_turn(good)
    );
    let session = stage
        .connect(client(&["client/diagnostics"]), &script)
        .await;
    let editor = &session.editor;
    editor.says("animus/client/diagnostics", Says::Nothing);
    let task = session.start("change").await;
    for (number, is_wrong) in [(1, true), (2, false)] {
        let asked = |editor: &testkit::lsp::Editor| {
            let asked = editor.seen("animus/client/diagnostics");
            let hidden = asked
                .into_iter()
                .filter(|params| params["hidden"].is_array());
            hidden.collect::<Vec<_>>().into_iter().nth(number - 1)
        };
        let params = editor.until("the question", asked).await;
        let folders: Vec<&str> = params["hidden"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_str().unwrap())
            .collect();
        let uris = params["uris"].as_array().unwrap();
        let document = |uri: &Value| {
            let is_draft = uri.as_str().unwrap().starts_with(folders[1]);
            let text = stage.read(uri.as_str().unwrap().strip_prefix("file://").unwrap());
            assert_eq!(
                is_draft,
                text != ONE,
                "the draft is in one of the trees only"
            );
            let old = json!({ "range": range(0, 0, 1), "message": "no types", "severity": 1 });
            let new = json!({ "range": range(1, 23, 26), "message": "a string is no number", "severity": 1, "source": "ts", "code": 2345 });
            let diagnostics = match is_draft && is_wrong {
                true => json!([old, new]),
                false => json!([old]),
            };
            json!({ "uri": uri, "diagnostics": diagnostics })
        };
        let documents: Vec<Value> = uris.iter().map(document).collect();
        assert_eq!(documents.len(), 2, "{uris:?}");
        let answer = json!({ "documents": documents });
        assert_eq!(editor.answers_late("animus/client/diagnostics", &answer), 1);
    }
    assert_eq!(editor.finished(&task).await["reason"], "verified");
    let story = session.story(&task);
    let prompts: Vec<&str> = story
        .iter()
        .filter(|it| it["type"] == "prompt")
        .map(|it| it["text"].as_str().unwrap())
        .collect();
    let told: Vec<_> = prompts
        .iter()
        .filter(|text| text.contains("errors that were not there before"))
        .collect();
    assert_eq!(told.len(), 1, "{prompts:?}");
    assert!(
        told[0].contains("one.ts:2: error: a string is no number (ts 2345)\n"),
        "{}",
        told[0]
    );
    assert!(!told[0].contains("no types"), "{}", told[0]);
    assert_eq!(
        stage_text(editor, &stage, "one.ts"),
        ONE.replace("(1)", "(11)")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_editor_that_says_nothing_of_the_draft_holds_a_task_up_once() {
    let stage = stage();
    let patch = "*** Begin Patch\n*** Update File: one.ts\n@@\n-export const one = sum(1);\n+export const one = sum(11);\n*** End Patch";
    let script = format!(
        "turns:\n{}  - text: done\n",
        crate::stage::patch_turn(patch)
    );
    let session = stage
        .connect(client(&["client/diagnostics"]), &script)
        .await;
    let editor = &session.editor;
    // An answer that leaves files out is none.
    editor.says(
        "animus/client/diagnostics",
        Says::Result(json!({ "documents": [] })),
    );
    let start = Instant::now();
    let task = session.start("change").await;
    assert_eq!(editor.finished(&task).await["reason"], "verified");
    assert!(start.elapsed() < Duration::from_secs(25));
    let story = session.story(&task);
    let notice = story.iter().find(|it| {
        it["type"] == "notice"
            && it["message"]
                .as_str()
                .unwrap()
                .contains("not checked by the editor")
    });
    assert!(notice.is_some(), "{story:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_of_one_file_is_shown_by_the_editor_itself() {
    let stage = Stage::with_list();
    let mut params = client(&["client/openDiff"]);
    params["initializationOptions"] = json!({ "animus": { "land": "review" } });
    let session = stage.connect(params, &crate::stage::list_script()).await;
    let editor = &session.editor;
    let task = session.start("change the list").await;
    editor.finished(&task).await;
    let patch = session.newest().await;
    let asked = json!({ "patch": patch, "path": "list.txt" });
    editor.request("animus/patch/review", asked).await.unwrap();
    let shown = editor
        .until("the difference", |editor| {
            editor.seen("animus/client/openDiff").into_iter().next()
        })
        .await;
    assert_eq!(shown["title"], "list.txt");
    assert_eq!(shown["left"]["text"], crate::stage::LIST);
    assert!(
        shown["right"]["text"]
            .as_str()
            .unwrap()
            .contains("TWO\nand a half")
    );
    assert!(editor.seen("window/showDocument").is_empty());
    let other = json!({ "patch": patch, "path": "greet.txt" });
    let refused = editor
        .request("animus/patch/review", other)
        .await
        .unwrap_err();
    assert_eq!(refused["data"]["code"], "not_found");
}
