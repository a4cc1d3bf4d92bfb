//! Edits on the command line beyond the contract's first lines: near matches, warnings, links, streams.

use crate::stage::{Stage, fed};
use serde_json::json;

const TEXT: &str = "one\ntwo\nthree\n";

#[test]
fn apply_patch_takes_near_lines_only_where_asked() {
    let patch = "a.rs\n<<<<<<< SEARCH\nlet results = fetch_all(url);\n=======\nlet data = get(url);\n>>>>>>> REPLACE\n";
    for (args, code, after) in [
        (&["apply-patch"][..], 1, "let result = fetch_all(url);\n"),
        (&["apply-patch", "--fuzzy"], 0, "let data = get(url);\n"),
    ] {
        let stage = Stage::with(&[("a.rs", "let result = fetch_all(url);\n")]);
        let answer = fed(&mut stage.animus(args), patch);
        assert_eq!(
            (answer.code, stage.read("a.rs").as_str()),
            (code, after),
            "{}",
            answer.err
        );
    }
}

#[test]
fn apply_patch_warns_of_new_syntax_errors() {
    let stage = Stage::with(&[("a.rs", "fn a() {}\n"), ("b.rs", "fn b( {\n")]);
    let patch = "a.rs\n<<<<<<< SEARCH\nfn a() {}\n=======\nfn a( {}\n>>>>>>> REPLACE\nb.rs\n<<<<<<< SEARCH\nfn b( {\n=======\nfn b() {}\n>>>>>>> REPLACE\n";
    let answer = fed(&mut stage.animus(&["apply-patch", "--json"]), patch);
    let value = answer.json();
    assert_eq!((answer.code, &value["applied"]), (0, &json!(true)));
    let parse = value["parse"].as_array().unwrap();
    assert_eq!(parse.len(), 1, "{value}");
    assert_eq!(
        (&parse[0]["path"], &parse[0]["before"]),
        (&json!("a.rs"), &json!(0))
    );
    assert!(parse[0]["after"].as_u64().unwrap() > 0);
}

#[cfg(unix)]
#[test]
fn apply_patch_shows_no_diff_of_what_it_does_not_write() {
    let stage = Stage::with(&[("a.txt", TEXT)]);
    std::os::unix::fs::symlink("a.txt", stage.root().join("l.txt")).unwrap();
    let patch = "l.txt\n<<<<<<< SEARCH\ntwo\n=======\n2\n>>>>>>> REPLACE\n";
    for args in [&["apply-patch"][..], &["apply-patch", "--dry-run"]] {
        let answer = fed(&mut stage.animus(args), patch);
        assert!(
            answer.code == 1 && answer.out.is_empty() && answer.err.contains("is a link"),
            "{}{}",
            answer.out,
            answer.err
        );
        assert_eq!(stage.read("a.txt"), TEXT);
    }
}

#[test]
fn edits_parse_streams_a_line_an_item() {
    let reply = "a.txt\n<<<<<<< SEARCH\ntwo\n=======\n2\n>>>>>>> REPLACE\n\n```sh\nls\n```\n<<<<<<< SEARCH\ncut\n";
    let answer = fed(
        &mut Stage::empty().animus(&["edits", "parse", "--stream"]),
        reply,
    );
    let lines: Vec<serde_json::Value> = answer
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines[..2],
        [
            json!({"path": "a.txt", "search": "two\n", "replace": "2\n"}),
            json!({"shell": "ls\n"})
        ]
    );
    assert!(lines.len() == 3 && lines[2]["error"].as_str().unwrap().contains("cut off"));
}

#[test]
fn edits_parse_says_all_and_whole_files() {
    for (reply, want) in [
        (
            r#"{"file":"a","edits":[{"old":"x","new":"y","all":true}]}"#,
            json!([{"path": "a", "search": "x", "replace": "y", "all": true}]),
        ),
        (
            "a.py\n```python\nprint()\n```\n",
            json!([{"path": "a.py", "search": "", "replace": "print()\n"}]),
        ),
    ] {
        let answer = fed(&mut Stage::empty().animus(&["edits", "parse"]), reply);
        assert_eq!(answer.json(), want);
    }
}
