//! Tests of the quirks: one for each row, from what the client really sends.

use super::*;
use crate::apply::{self, Address};
use crate::negotiate::Client;
use expect_test::{Expect, expect};
use serde_json::json;
use workspace::{ChangeSet, Content, FileEdit, RelPath};

/// What a client gets that sends these params: the shape of an edit, and what is thought of it.
fn check(params: &str, expected: Expect) {
    let params: Value = serde_json::from_str(params).unwrap();
    let client = Client::of(&params);
    let file = |path: &str, base: Option<&str>| FileEdit {
        path: RelPath::new(path).unwrap(),
        base: base.map(|text| Content::new(text.as_bytes(), Some(3))),
        after: Some(b"b\n".as_slice().into()),
        mode: None,
    };
    let mut change = ChangeSet {
        files: vec![file("new", None), file("old", Some("a\n"))],
    };
    // What the client cannot create is written to disk.
    let creates = client.can(CreateFile);
    change.files.retain(|file| creates || file.base.is_some());
    let address = |path: &RelPath| Address {
        uri: path.to_string(),
        version: (path.as_str() == "old").then_some(3),
    };
    let sent = apply::params(&change, "", &client, address).unwrap();
    let operation = |one: &Value| match one.get("kind").and_then(Value::as_str) {
        Some(kind) => format!("{kind} {}", one["uri"]),
        None => format!(
            "edit {} at {}",
            one["textDocument"]["uri"], one["textDocument"]["version"]
        ),
    };
    let edit = match sent["edit"]["documentChanges"].as_array() {
        Some(list) => list.iter().map(operation).collect::<Vec<_>>().join(", "),
        None => "changes".to_owned(),
    };
    let mut features: Vec<String> = crate::features::ALL
        .iter()
        .filter(|feature| client.can(**feature))
        .map(|feature| format!("{feature:?}"))
        .collect();
    features.sort();
    expected.assert_eq(&format!(
        "{} ({:?})\nstale {:?}, patience {:?}, window {:?}, land {:?}\n{edit}{}\n{}\n",
        client.editor(),
        client.encoding,
        client.stale(),
        client.patience(),
        client.window(),
        client.land,
        match sent.get("metadata") {
            Some(_) => ", saved",
            None => "",
        },
        features.join(" "),
    ));
}

#[test]
fn l3_vscode() {
    check(
        include_str!("../../tests/clients/vscode-1.139.1_languageclient-11.0.0.json"),
        expect![[r#"
            VS Code (Utf16)
            stale Refuses, patience None, window None, land None
            create "new", edit "new" at null, edit "old" at 3, saved
            ActionLiterals ApplyEdit Content CreateExclusive CreateFile DeleteFile Diagnostics DisabledActions DocumentChanges EditConfirmation EditMetadata GeneratedTag InlineCompletion LensRefresh Lenses Progress RegisteredCompletion ResolvedEdit Selective ShowDocument
        "#]],
    );
}

#[test]
fn l3_neovim() {
    check(
        include_str!("../../tests/clients/neovim-0.11.4.json"),
        expect![[r#"
            Neovim (Utf8)
            stale Unreliable, patience None, window None, land None
            create "new", edit "new" at null, edit "old" at 3
            ActionLiterals ApplyEdit CancelButton CreateFile DeleteFile Diagnostics DocumentChanges Lenses Progress ResolvedEdit ShowDocument
        "#]],
    );
}

#[test]
fn l3_helix() {
    check(
        include_str!("../../tests/clients/helix-25.07.json"),
        expect![[r#"
            Helix (Utf8)
            stale Refuses, patience Some(20s), window None, land None
            create "new", edit "new" at null, edit "old" at 3
            ActionLiterals ApplyEdit CreateExclusive CreateFile DeleteFile Diagnostics DisabledActions DocumentChanges Progress ResolvedEdit
        "#]],
    );
}

#[test]
fn l3_eglot_without_a_name() {
    check(
        include_str!("../../tests/clients/emacs-28.2_eglot-1.9.json"),
        expect![[r#"
            Emacs (eglot) (Utf16)
            stale Refuses, patience Some(10s), window None, land None
            edit "old" at 3
            ActionLiterals ApplyEdit CreateExclusive Diagnostics DocumentChanges ReadsTogether
        "#]],
    );
}

#[test]
fn l3_kakoune() {
    check(
        include_str!("../../tests/clients/kakoune-2022.10.31_kak-lsp-22.0.0.json"),
        expect![[r#"
            Kakoune (kak-lsp) (Utf8)
            stale Unreliable, patience None, window None, land None
            edit "old" at 3
            ActionLiterals ApplyEdit CreateExclusive DeleteFile Diagnostics DocumentChanges LateEdits LensRefresh Lenses Progress SortedButtons TypedEdits
        "#]],
    );
}

#[test]
fn l3_kate_without_a_name() {
    check(
        include_str!("../../tests/clients/kate.json"),
        expect![[r#"
            Kate (Utf16)
            stale Unreliable, patience None, window Some(2s), land Some(Review)
            edit "old" at 3
            ActionLiterals ApplyEdit CreateExclusive Diagnostics DocumentChanges Progress
        "#]],
    );
}

#[test]
fn l3_zed() {
    check(
        include_str!("../../tests/clients/zed.json"),
        expect![[r#"
            Zed (Utf16)
            stale Moves, patience None, window None, land None
            create "new", edit "new" at null, edit "old" at 3
            ActionLiterals ApplyEdit CancelButton CreateExclusive CreateFile DeleteFile DocumentChanges LensRefresh Lenses Progress ResolvedEdit Selective
        "#]],
    );
}

#[test]
fn l3_sublime_text() {
    check(
        include_str!("../../tests/clients/sublime-lsp-2.13.json"),
        expect![[r#"
            Sublime Text (LSP) (Utf16)
            stale Unreliable, patience None, window None, land None
            edit "old" at 3
            ActionLiterals ApplyEdit Content CreateExclusive DisabledActions DocumentChanges GeneratedTag LensRefresh Lenses Progress ResolvedEdit Selective ShowDocument
        "#]],
    );
}

#[test]
fn every_name_finds_its_row_and_no_other() {
    for quirk in QUIRKS {
        for mark in quirk.marks {
            let Mark::Name(name) = mark else { continue };
            let params = json!({ "clientInfo": { "name": name.to_uppercase() } });
            assert_eq!(of(&params).map(|row| row.editor), Some(quirk.editor));
        }
    }
    for stranger in [
        json!({}),
        json!({ "clientInfo": { "name": "other" } }),
        json!({ "clientInfo": { "name": "" } }),
        json!({ "clientInfo": 1, "capabilities": 2 }),
    ] {
        assert_eq!(of(&stranger), None, "{stranger}");
    }
}

#[test]
fn every_row_overrules_what_the_client_announces() {
    for quirk in QUIRKS {
        let Some(Mark::Name(name)) = quirk.marks.first() else {
            panic!("{} has no name", quirk.editor);
        };
        let client = Client::of(&json!({ "clientInfo": { "name": name } }));
        assert!(quirk.has.iter().all(|feature| client.can(*feature)));
        assert!(!quirk.lacks.iter().any(|feature| client.can(*feature)));
        assert!(!quirk.why.is_empty(), "{}", quirk.editor);
    }
}

/// The table of the docs, row by row.
fn rows() -> Vec<String> {
    let list = |features: &[Feature]| {
        let names: Vec<String> = features
            .iter()
            .map(|feature| format!("{feature:?}"))
            .collect();
        names.join(", ")
    };
    let seconds = |time: Option<Duration>| match time {
        Some(time) => format!("{} s", time.as_secs()),
        None => String::new(),
    };
    let row = |quirk: &Quirk| {
        format!(
            "| {} | {} | {} | {} | {} | {} |",
            quirk.editor,
            list(quirk.has),
            list(quirk.lacks),
            match quirk.stale {
                Stale::Refuses => "refuses",
                Stale::Unreliable => "says yes to anything",
                Stale::Unknown => "",
                Stale::Moves => "moves",
            },
            seconds(quirk.patience),
            seconds(quirk.window),
        )
    };
    QUIRKS.iter().map(row).collect()
}

#[test]
fn the_docs_have_this_table() {
    let docs = include_str!("../../../../docs/protocol.md");
    for row in rows() {
        let squeezed = row.replace("  ", " ");
        assert!(
            docs.contains(&squeezed),
            "docs/protocol.md lacks: {squeezed}"
        );
    }
}
