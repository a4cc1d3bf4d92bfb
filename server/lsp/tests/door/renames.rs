//! Renames by the editor's language server: where it is asked, and which of its edits are taken.
#![allow(clippy::disallowed_methods, reason = "fixtures are written here")]

use serde_json::{Value, json};
use testkit::lsp::Says;

use crate::insight::{ONE, SUM, calls, client, outputs, range, stage, stage_text};
use crate::stage::{Session, Stage};

/// `{changes}` without versions, as the shims send them.
fn changes(session: &Session, edits: &[(&str, Value, &str)]) -> Value {
    let mut changes = json!({});
    for (path, range, text) in edits {
        let uri = session.editor.uri(path);
        if changes[&uri].is_null() {
            changes[&uri] = json!([]);
        }
        let edit = json!({ "range": range, "newText": text });
        changes[&uri].as_array_mut().unwrap().push(edit);
    }
    json!({ "edit": { "changes": changes } })
}

/// A session whose only call renames `sum` to `total`.
async fn session(stage: &Stage) -> Session {
    let script = calls(&[("rename", json!({ "name": "sum", "new_name": "total" }))]);
    stage.connect(client(&["client/rename"]), &script).await
}

/// What the tool says where the language server answers with these edits.
async fn said(session: &Session, edits: &[(&str, Value, &str)]) -> String {
    renamed(session, edits).await.1
}

/// The task and what the tool says.
async fn renamed(session: &Session, edits: &[(&str, Value, &str)]) -> (String, String) {
    let answer = Says::Result(changes(session, edits));
    session.editor.says("animus/client/rename", answer);
    let task = session.start("rename sum").await;
    let said = outputs(session, &task).await.remove(0);
    (task, said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_at_the_start_of_a_file_is_not_counted() {
    let sum = SUM.replace('\n', "\r\n");
    let utf16 = |text: &str| {
        let units = format!("\u{feff}{text}");
        let units: Vec<u8> = units.encode_utf16().flat_map(u16::to_le_bytes).collect();
        units
    };
    for is_utf16 in [false, true] {
        let stage = Stage::new();
        stage.write("check.sh", "true\n");
        stage.write("one.ts", &format!("\u{feff}{ONE}"));
        match is_utf16 {
            false => stage.write("sum.ts", &format!("\u{feff}{sum}")),
            true => std::fs::write(stage.root.join("sum.ts"), utf16(&sum)).unwrap(),
        }
        let session = session(&stage).await;
        let (task, said) = renamed(
            &session,
            &[
                ("sum.ts", range(0, 16, 19), "total"),
                ("one.ts", range(0, 9, 12), "total"),
                ("one.ts", range(1, 19, 22), "total"),
            ],
        )
        .await;
        assert!(said.contains("3 places in 2 files"), "{said}");
        let asked = &session.editor.seen("animus/client/rename")[0];
        assert_eq!(asked["position"], json!({ "line": 0, "character": 16 }));
        // The scripted editor counts the mark, so it is the draft that shows it.
        let events = session.editor.events(&task);
        let drafted = |line: &str| {
            let mut drafts = events.iter().map(|it| &it["update"]["diff"]);
            drafts.any(|diff| diff.as_str().is_some_and(|diff| diff.contains(line)))
        };
        for line in [
            "import { total } from './sum';",
            "+export const one = total(1);",
            "export function total(a: number)",
        ] {
            assert!(drafted(line), "{line}: {events:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_is_not_counted_in_answers_about_names() {
    let stage = Stage::new();
    stage.write("check.sh", "true\n");
    stage.write("sum.ts", &format!("\u{feff}{SUM}"));
    stage.write("one.ts", "\u{feff}sum(1); import { sum } from './sum';\n");
    let session = stage.connect(client(&[]), &calls(&[])).await;
    let editor = &session.editor;
    let place = json!({ "uri": editor.uri("one.ts"), "position": { "line": 0, "character": 18 } });
    // Verbs answer out of what is there: the index is built on the first one.
    let built = async || loop {
        let status = editor.request("animus/status", json!({})).await.unwrap();
        if status["index"]["state"] == "ready" {
            return;
        }
        let asked = json!({ "name": "sum" });
        let _ = editor.request("animus/symbol", asked).await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), built())
        .await
        .expect("the index is built");
    for about in [place, json!({ "name": "sum" })] {
        let answer = editor.request("animus/references", about).await.unwrap();
        let uses = answer["uses"].as_array().unwrap();
        let at: Vec<&Value> = uses
            .iter()
            .map(|it| &it["range"]["start"]["character"])
            .collect();
        assert_eq!(at, [0, 17], "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_return_ends_a_line_where_the_editor_is_asked() {
    let stage = Stage::new();
    stage.write("check.sh", "true\n");
    stage.write("sum.ts", &format!("// one\rlet x = 1;\n{SUM}"));
    let session = session(&stage).await;
    let said = said(&session, &[("sum.ts", range(2, 16, 19), "total")]).await;
    let asked = &session.editor.seen("animus/client/rename")[0];
    assert_eq!(asked["position"], json!({ "line": 2, "character": 16 }));
    assert!(said.contains("1 places in 1 files"), "{said}");
    let after = stage_text(&session.editor, &stage, "sum.ts");
    assert!(after.contains("function total("), "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_asked_for_where_it_stands_and_not_where_the_word_does() {
    let stage = Stage::new();
    stage.write("check.sh", "true\n");
    stage.write(
        "g.go",
        "package g\n\nfunc (sum *T) sum() int { return 1 }\n",
    );
    let session = session(&stage).await;
    said(&session, &[("g.go", range(2, 14, 17), "total")]).await;
    let asked = &session.editor.seen("animus/client/rename")[0];
    assert_eq!(asked["position"], json!({ "line": 2, "character": 14 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_does_more_than_rename_is_refused_whole() {
    for (edits, what) in [
        (vec![("sum.ts", range(1, 2, 8), "total")], "another word"),
        (
            vec![("sum.ts", range(0, 16, 20), "total")],
            "more than the word",
        ),
        (vec![("sum.ts", range(0, 16, 19), "Total")], "another name"),
        (
            vec![
                ("sum.ts", range(0, 16, 19), "total"),
                ("one.ts", range(0, 0, 0), "import 'x';\n"),
            ],
            "another line",
        ),
    ] {
        let stage = stage();
        let session = session(&stage).await;
        let said = said(&session, &edits).await;
        assert!(
            said.contains("nothing was renamed") && said.contains("more than to write `total`"),
            "{what}: {said}"
        );
        assert_eq!(stage_text(&session.editor, &stage, "sum.ts"), SUM, "{what}");
        assert_eq!(stage_text(&session.editor, &stage, "one.ts"), ONE, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_and_a_whole_text_are_renames_too() {
    let stage = stage();
    let session = session(&stage).await;
    let whole = SUM.replace("sum", "total");
    let lines =
        json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 3, "character": 0 } });
    let said = said(
        &session,
        &[
            ("sum.ts", lines, &whole),
            ("one.ts", range(0, 9, 12), "total as sum"),
        ],
    )
    .await;
    assert!(said.contains("2 places in 2 files"), "{said}");
    let one = stage_text(&session.editor, &stage, "one.ts");
    assert_eq!(one, ONE.replace("{ sum", "{ total as sum"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_for_a_text_that_is_no_more_is_refused() {
    let stage = Stage::new();
    stage.write("check.sh", "true\n");
    stage.write("sum.ts", SUM);
    // The line that is typed moves the second `sum` to where the answer has the first.
    let one = "import { sum } from './sum';\nexport const a = sum(1);\nexport const b = sum(2);\n";
    stage.write("one.ts", one);
    let session = session(&stage).await;
    let editor = &session.editor;
    editor.open("one.ts");
    editor.says("animus/client/rename", Says::Nothing);
    let task = session.start("rename sum").await;
    let asked =
        |editor: &testkit::lsp::Editor| editor.seen("animus/client/rename").into_iter().next();
    editor.until("the question", asked).await;
    editor.insert("one.ts", 1, 0, "// new\n");
    let edits = [
        ("sum.ts", range(0, 16, 19), "total"),
        ("one.ts", range(0, 9, 12), "total"),
        ("one.ts", range(2, 17, 20), "total"),
    ];
    let answer = changes(&session, &edits);
    assert_eq!(editor.answers_late("animus/client/rename", &answer), 1);
    let said = outputs(&session, &task).await.remove(0);
    assert!(said.contains("one.ts changed while it worked"), "{said}");
    assert!(!said.contains("by the language server"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rename_outside_the_workspace_is_none() {
    let stage = stage();
    let session = session(&stage).await;
    let uri = "file:///usr/lib/x.d.ts";
    let edit = json!({ "range": range(0, 0, 3), "newText": "total" });
    let answer = json!({ "edit": { "changes": { uri: [edit] } } });
    session
        .editor
        .says("animus/client/rename", Says::Result(answer));
    let task = session.start("rename sum").await;
    let said = outputs(&session, &task).await.remove(0);
    assert!(
        said.contains("nothing was renamed") && said.contains("outside the workspace"),
        "{said}"
    );
    assert_eq!(stage_text(&session.editor, &stage, "sum.ts"), SUM);
}

#[tokio::test(flavor = "multi_thread")]
async fn symbols_that_are_left_out_are_counted() {
    let stage = stage();
    let script = calls(&[("find_symbol", json!({ "name": "sum" }))]);
    let session = stage.connect(client(&["client/symbols"]), &script).await;
    let editor = &session.editor;
    let symbol = |uri: &str, range: Value| json!({ "name": "sum", "location": { "uri": uri, "range": range } });
    let symbols = json!({ "symbols": [
        symbol(&editor.uri(".env"), range(0, 0, 3)),
        symbol("file:///usr/lib/x.d.ts", range(0, 0, 3)),
        symbol(&editor.uri("sum.ts"), range(0, 16, 19)),
    ] });
    editor.says("animus/client/symbols", Says::Result(symbols));
    let task = session.start("look").await;
    let said = outputs(&session, &task).await.remove(0);
    assert!(
        said.contains("sum.ts:1")
            && said.contains("[2 outside the workspace or in files that may hold secrets]"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_editor_is_asked_for_names_that_only_its_language_has() {
    for (old, new) in [
        ("valid?", "fine?"),
        ("set-up", "get-up"),
        ("kind", "r#type"),
    ] {
        let stage = Stage::new();
        stage.write("check.sh", "true\n");
        let text = format!("({old} it)\n");
        stage.write("names.lisp", &text);
        let asked = json!({ "name": old, "new_name": new, "path": "names.lisp", "line": 1 });
        let script = calls(&[("rename", asked)]);
        let session = stage.connect(client(&["client/rename"]), &script).await;
        let end = u32::try_from(old.len()).unwrap() + 1;
        let said = said(&session, &[("names.lisp", range(0, 1, end), new)]).await;
        assert!(said.contains("1 places in 1 files"), "{new}: {said}");
        assert_eq!(
            stage_text(&session.editor, &stage, "names.lisp"),
            text.replace(old, new)
        );
    }
}
