//! JSON cases.

use crate::bench::{Bench, rel};
use crate::bench::{Case, Want::*, check};
use workspace::{Format, Mode, parse_patch_below};

const CASES: &[Case] = &[
    Case {
        name: "the contract's form",
        files: &[("f", "a b a\n")],
        patch: r#"{"file":"f","edits":[{"old":"b","new":"c","all":false},{"old":"a","new":"x","all":true}]}"#,
        want: Files(&[("f", Some("x c x\n"))]),
    },
    Case {
        name: "an array of them",
        files: &[("f", "a\n"), ("g", "a\n")],
        patch: r#"[{"file":"f","edits":[{"old":"a","new":"b"}]},{"path":"g","old":"a","new":"c","replace_all":false}]"#,
        want: Files(&[("f", Some("b\n")), ("g", Some("c\n"))]),
    },
    Case {
        name: "two places",
        files: &[("f", "a\nx\na\n")],
        patch: r#"{"file":"f","edits":[{"old":"a","new":"b"}]}"#,
        want: Refused(&["Ambiguous", "lines 1, 3"]),
    },
    Case {
        name: "all of none",
        files: &[("f", "a\n")],
        patch: r#"{"file":"f","edits":[{"old":"zzz","new":"b","all":true}]}"#,
        want: Refused(&["NotFound"]),
    },
    Case {
        name: "a whole file keeps endings and BOM",
        files: &[("f", "\u{feff}a\r\nb\r\n")],
        patch: r#"{"path":"f","content":"a\nB\nc\n"}"#,
        want: Files(&[("f", Some("\u{feff}a\r\nB\r\nc\r\n"))]),
    },
    Case {
        name: "a whole file with code left out",
        files: &[("f.js", "a\nb\n")],
        patch: r#"{"path":"f.js","content":"a\n// ... rest of the code ...\n"}"#,
        want: Refused(&["Placeholder"]),
    },
    Case {
        name: "CRLF in the file",
        files: &[("f", "a\r\nb\r\nc\r\n")],
        patch: r#"{"file":"f","edits":[{"old":"a\nb\n","new":"a\nB\nB2\n"}]}"#,
        want: Files(&[("f", Some("a\r\nB\r\nB2\r\nc\r\n"))]),
    },
    Case {
        name: "one line into two in a CRLF file",
        files: &[("f", "a\r\nb\r\n")],
        patch: r#"{"file":"f","edits":[{"old":"b","new":"b1\nb2"}]}"#,
        want: Files(&[("f", Some("a\r\nb1\r\nb2\r\n"))]),
    },
    Case {
        name: "whole lines by the ladder",
        files: &[("f.py", "def f():\n    a()\n    b()\n")],
        patch: r#"{"file":"f.py","edits":[{"old":"a()\nb()\n","new":"a()\nc()\n"}]}"#,
        want: Files(&[("f.py", Some("def f():\n    a()\n    c()\n"))]),
    },
    Case {
        name: "an empty old on a file with text",
        files: &[("f", "a\n")],
        patch: r#"{"file":"f","edits":[{"old":"","new":"x"}]}"#,
        want: Refused(&["Exists"]),
    },
    Case {
        name: "an empty old makes the file",
        files: &[],
        patch: r#"{"file":"f","edits":[{"old":"","new":"x\n"}]}"#,
        want: Files(&[("f", Some("x\n"))]),
    },
    Case {
        name: "the same",
        files: &[("f", "a\n")],
        patch: r#"{"file":"f","edits":[{"old":"a","new":"a"}]}"#,
        want: Refused(&["NoChange"]),
    },
    Case {
        name: "no new",
        files: &[],
        patch: r#"{"file":"f","edits":[{"old":"a"}]}"#,
        want: Broken("`old` and `new`"),
    },
    Case {
        name: "no file",
        files: &[],
        patch: r#"{"edits":[{"old":"a","new":"b"}]}"#,
        want: Broken("names no file"),
    },
    Case {
        name: "delete and rename",
        files: &[("d", "a\n"), ("r", "b\n")],
        patch: r#"[{"path":"d","delete":true},{"path":"r","rename_to":"s/t"}]"#,
        want: Files(&[("d", None), ("r", None), ("s/t", Some("b\n"))]),
    },
];

#[test]
fn json_cases() {
    check(Format::Auto, None, CASES);
}

#[test]
fn broken_json_is_told_with_its_line() {
    let error = workspace::parse_patch("{\n \"file\": \n}", Format::Json, None).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("line 3: the JSON does not parse"),
        "{error}"
    );
}

#[test]
fn an_lsp_workspace_edit_with_absolute_addresses() {
    let bench = Bench::new(&[("a b.rs", "fn x() {}\nx();\n"), ("o", "1\n")]);
    let mut draft = bench.draft();
    let root = draft.snapshot().root().clone();
    let range = |line: u32, from: u32, to: u32| serde_json::json!({"start": {"line": line, "character": from}, "end": {"line": line, "character": to}});
    let uri = |name: &str| format!("file://{}/{name}", root.path());
    let edit = serde_json::json!({"documentChanges": [
        {"textDocument": {"uri": uri("a%20b.rs"), "version": 3},
         "edits": [{"range": range(0, 3, 4), "newText": "y"}, {"range": range(1, 0, 1), "newText": "y"}]},
        {"kind": "rename", "oldUri": uri("o"), "newUri": uri("p")},
        {"kind": "create", "uri": uri("n")},
    ]});
    let patch = parse_patch_below(&edit.to_string(), Format::Auto, None, &root).unwrap();
    draft.apply(&patch, Mode::Atomic).unwrap();
    let text = |path| {
        draft
            .read(&rel(path))
            .unwrap()
            .map(|content| content.text().unwrap().to_owned())
    };
    assert_eq!(text("a b.rs").as_deref(), Some("fn y() {}\ny();\n"));
    assert_eq!(
        (text("o"), text("p").as_deref(), text("n").as_deref()),
        (None, Some("1\n"), Some(""))
    );
    let outside = edit.to_string().replace(root.path().as_str(), "/elsewhere");
    assert!(parse_patch_below(&outside, Format::Auto, None, &root).is_err());
}
