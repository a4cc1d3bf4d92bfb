//! L3 with a client that answers `applied: true` whatever it did (Neovim 0.11): what the person typed meanwhile is never lost,
//! and the edit is there in the end or not at all.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::lsp::Applies;
use workspace::{ChangeSet, FileEdit, Host, LandError, RelPath};

use crate::stage::{Session, Stage, recorded};

const COUNT: &str = "one\n1\nthree\nfour\nfive\n";
const GREET: &str = "top\nt1\nt2\nhello\nm1\nm2\nm3\nworld\nb1\nb2\n";

/// A client as Neovim, with both files open, and the workspace as the agent has it.
async fn open(stage: &Stage) -> (Session, std::sync::Arc<dyn Host>) {
    stage.write("count.txt", COUNT);
    stage.write("greet.txt", GREET);
    let mut params: Value =
        serde_json::from_str(include_str!("../clients/neovim-0.11.4.json")).unwrap();
    params["processId"] = Value::Null;
    params["capabilities"]["experimental"] =
        json!({ "animus": { "protocol": [1], "notifications": true } });
    let (session, host) = stage.connect_host(params).await;
    session.editor.applies(Applies::Neovim);
    session.editor.open("count.txt");
    session.editor.open("greet.txt");
    // Answered behind the notifications: the documents are there.
    let _ = session.editor.request("animus/status", json!({})).await;
    (session, host)
}

fn change(host: &dyn Host, files: &[(&str, &str)]) -> ChangeSet {
    let edit = |(path, after): &(&str, &str)| {
        let path = RelPath::new(path).unwrap();
        FileEdit {
            base: host.read(&path).unwrap(),
            after: Some(after.as_bytes().into()),
            path,
            mode: None,
        }
    };
    ChangeSet {
        files: files.iter().map(edit).collect(),
    }
}

/// Waits until the server has read everything, and returns what it holds.
async fn held(session: &Session, host: &dyn Host, path: &str) -> String {
    let _ = session.editor.request("animus/status", json!({})).await;
    let content = host.read(&RelPath::new(path).unwrap()).unwrap().unwrap();
    content.text().unwrap().to_owned()
}

const BOTH: [(&str, &str); 2] = [
    ("count.txt", "one\n2\nthree\nfour\nfive\n"),
    (
        "greet.txt",
        "top\nt1\nt2\ngoodbye\nand\nm1\nm2\nm3\nworld!\nb1\nb2\n",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_single_edit_that_was_skipped_is_stale_within_a_second() {
    let stage = Stage::new();
    let (session, host) = open(&stage).await;
    session
        .editor
        .types_meanwhile(&[("greet.txt", (9, 2), ", typed")]);
    let change = change(host.as_ref(), &BOTH[1..]);
    let start = Instant::now();
    let error = host.land(&change, "test").await.unwrap_err();
    assert!(
        matches!(&error, LandError::Stale { paths } if paths[0].as_str() == "greet.txt"),
        "{error}"
    );
    assert!(start.elapsed() < Duration::from_secs(2));
    assert_eq!(
        session.editor.text("greet.txt"),
        GREET.replace("b2", "b2, typed")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_skipped_edit_is_made_again_on_the_newer_text() {
    let stage = Stage::new();
    let (session, host) = open(&stage).await;
    session
        .editor
        .types_meanwhile(&[("count.txt", (4, 4), ", typed")]);
    let change = change(host.as_ref(), &BOTH[..1]);
    let landed = change.land(host.as_ref(), "test").await.unwrap();
    let expected = "one\n2\nthree\nfour\nfive, typed\n";
    assert_eq!(session.editor.text("count.txt"), expected);
    assert_eq!(
        landed.change.files[0].after.as_deref(),
        Some(expected.as_bytes())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_skipped_first_document_follows_the_others() {
    let stage = Stage::new();
    let (session, host) = open(&stage).await;
    session
        .editor
        .types_meanwhile(&[("count.txt", (0, 0), "typed\n")]);
    let change = change(host.as_ref(), &BOTH);
    let landed = host.land(&change, "test").await.unwrap();
    assert_eq!(
        session.editor.text("count.txt"),
        "typed\none\n2\nthree\nfour\nfive\n"
    );
    assert_eq!(session.editor.text("greet.txt"), BOTH[1].1);
    // The way back is told as it is.
    let file = &landed.change.files[0];
    assert_eq!(
        file.base.as_ref().unwrap().text().unwrap(),
        format!("typed\n{COUNT}")
    );
    let back = landed.change.invert();
    back.land(host.as_ref(), "back").await.unwrap();
    assert_eq!(session.editor.text("count.txt"), format!("typed\n{COUNT}"));
    assert_eq!(session.editor.text("greet.txt"), GREET);
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_an_edit_at_the_wrong_place_is_repaired() {
    for (place, typed, line) in [
        // Above: every line moved on before the edit went by line numbers.
        ((0, 0), "typed\n", "top"),
        // Between.
        ((5, 0), "typed\n", "m2"),
        // Below: the edit is right as it is.
        ((9, 0), "typed\n", "b2"),
    ] {
        let stage = Stage::new();
        let (session, host) = open(&stage).await;
        session
            .editor
            .types_meanwhile(&[("greet.txt", place, typed)]);
        let change = change(host.as_ref(), &BOTH);
        host.land(&change, "test").await.unwrap();
        let expected = BOTH[1].1.replace(line, &format!("{typed}{line}"));
        assert_eq!(session.editor.text("greet.txt"), expected, "{place:?}");
        assert_eq!(session.editor.text("count.txt"), BOTH[0].1);
        assert_eq!(held(&session, host.as_ref(), "greet.txt").await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_typing_goes_on_while_an_edit_is_repaired() {
    let stage = Stage::new();
    let (session, host) = open(&stage).await;
    session
        .editor
        .types_meanwhile(&[("greet.txt", (0, 0), "typed\n")]);
    // The follow-up is of one document: the client checks its version and skips it twice.
    session
        .editor
        .types_meanwhile(&[("greet.txt", (11, 0), "more\n")]);
    session
        .editor
        .types_meanwhile(&[("greet.txt", (2, 0), "and more\n")]);
    let change = change(host.as_ref(), &BOTH);
    host.land(&change, "test").await.unwrap();
    assert_eq!(
        session.editor.text("greet.txt"),
        "typed\ntop\nand more\nt1\nt2\ngoodbye\nand\nm1\nm2\nm3\nworld!\nb1\nmore\nb2\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_conflict_leaves_what_was_typed_and_nothing_of_the_edit() {
    let stage = Stage::new();
    let (session, host) = open(&stage).await;
    session
        .editor
        .types_meanwhile(&[("greet.txt", (3, 5), ", my own")]);
    let change = change(host.as_ref(), &BOTH);
    let error = host.land(&change, "test").await.unwrap_err();
    assert!(
        matches!(&error, LandError::Conflict { paths, details }
            if paths[0].as_str() == "greet.txt" && details.contains("my own")),
        "{error:?}"
    );
    assert_eq!(
        session.editor.text("greet.txt"),
        GREET.replace("hello", "hello, my own")
    );
    assert_eq!(session.editor.text("count.txt"), COUNT);
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// Some lines of a text replaced, removed or added.
fn changed(dice: &mut Dice, text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for number in 0..=dice.below(3) {
        let at = dice.below(lines.len());
        match dice.below(3) {
            0 => lines[at] = format!("changed {number}"),
            1 if lines.len() > 3 => drop(lines.remove(at)),
            _ => lines.insert(at, format!("added {number}")),
        }
    }
    lines.join("\n") + "\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_whatever_is_typed_where_the_edit_comes_out_as_a_merge_or_not_at_all() {
    let stage = Stage::new();
    let (session, host) = open(&stage).await;
    let mut dice = Dice(7);
    let (mut landed, mut conflicts) = (0, 0);
    for round in 0..120 {
        let base = session.editor.text("greet.txt");
        let count = session.editor.text("count.txt");
        let after = changed(&mut dice, &base);
        let other = changed(&mut dice, &count);
        if after == base || other == count {
            continue;
        }
        // What the person has before the edit comes.
        let line = dice.below(base.lines().count());
        let width = base.lines().nth(line).unwrap().chars().count();
        let (column, typed) = match dice.below(2) {
            0 => (0, format!("typed {round}\n")),
            _ => (dice.below(width + 1), "é😀".to_owned()),
        };
        let byte: usize = base.lines().take(line).map(|line| line.len() + 1).sum();
        let within = base.lines().nth(line).unwrap().char_indices().nth(column);
        let column = within.map_or(base.lines().nth(line).unwrap().len(), |(at, _)| at);
        let mut user = base.clone();
        user.insert_str(byte + column, &typed);
        session
            .editor
            .types_meanwhile(&[("greet.txt", (line as u64, column as u64), &typed)]);
        let change = change(
            host.as_ref(),
            &[("count.txt", &other), ("greet.txt", &after)],
        );
        let what = format!("round {round}: {base:?} -> {after:?}, typed {user:?}");
        let merged = workspace::merge(
            base.as_bytes(),
            after.as_bytes(),
            user.as_bytes(),
            workspace::Tie::Conflict,
        );
        match (host.land(&change, "test").await, merged) {
            (Ok(_), Ok(merged)) => {
                let merged = String::from_utf8(merged).unwrap();
                assert_eq!(session.editor.text("greet.txt"), merged, "{what}");
                assert_eq!(session.editor.text("count.txt"), other, "{what}");
                landed += 1;
            }
            (Err(LandError::Conflict { .. }), Err(_)) => {
                assert_eq!(session.editor.text("greet.txt"), user, "{what}");
                assert_eq!(session.editor.text("count.txt"), count, "{what}");
                conflicts += 1;
            }
            (got, merged) => panic!("{what}: {got:?}, merge {merged:?}"),
        }
        let text = session.editor.text("greet.txt");
        assert_eq!(held(&session, host.as_ref(), "greet.txt").await, text);
    }
    assert!(landed > 20 && conflicts > 2, "{landed} {conflicts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_client_may_tell_of_an_edit_in_parts_of_its_own() {
    for name in ["Visual Studio Code", "a fork of it"] {
        let stage = Stage::new();
        let mut params = crate::stage::shim();
        params["clientInfo"]["name"] = json!(name);
        let (session, host) = stage.connect_host(params).await;
        session.editor.applies(Applies::InParts);
        session.editor.open("count.txt");
        let _ = session.editor.request("animus/status", json!({})).await;
        let change = change(host.as_ref(), &[("count.txt", "uno\n12\n")]);
        host.land(&change, "test").await.unwrap();
        assert_eq!(session.editor.text("count.txt"), "uno\n12\n");
        assert_eq!(
            session.editor.seen("workspace/applyEdit").len(),
            1,
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_types_its_edits_gets_line_ends_that_it_can_type_or_no_edit() {
    for (text, after, typed) in [
        ("one\r\ntwo\r\n", "one\r\n2\r\n3\r\n", true),
        ("one\ntwo\n", "one\n2\n3\n", true),
        ("one\r\ntwo\n", "one\r\n2\n", true),
        ("one\r\ntwo\n", "1\r\ntwo\n", false),
        ("one\ntwo\n", "one\r\ntwo\n", false),
        ("one\r\ntwo\r\n", "one\r\ntw\ro\r\n", false),
    ] {
        let stage = Stage::new();
        stage.write("count.txt", text);
        let (session, host) = stage.connect_host(recorded("kakoune")).await;
        session.editor.applies(Applies::Types);
        session.editor.open("count.txt");
        let _ = session.editor.request("animus/status", json!({})).await;
        let change = change(host.as_ref(), &[("count.txt", after)]);
        let landed = host.land(&change, "test").await;
        let shown = session.editor.text("count.txt");
        match typed {
            true => assert_eq!((landed.is_ok(), shown.as_str()), (true, after)),
            false => {
                let error = landed.unwrap_err();
                assert!(matches!(error, LandError::Refused(_)), "{text:?}: {error}");
                assert_eq!(shown, text);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_types_its_edits_is_not_asked_for_those_of_files_that_it_does_not_show() {
    let stage = Stage::new();
    let (session, host) = stage.connect_host(recorded("kakoune")).await;
    session.editor.applies(Applies::Types);
    session.editor.open("count.txt");
    let _ = session.editor.request("animus/status", json!({})).await;
    let files = [("count.txt", "one\n2\n"), ("greet.txt", "goodbye\r\n")];
    let change = change(host.as_ref(), &files);
    host.land(&change, "test").await.unwrap();
    assert_eq!(stage.read("greet.txt"), "goodbye\r\n");
    assert_eq!(session.editor.text("count.txt"), "one\n2\n");
    let asked = session.editor.seen("workspace/applyEdit");
    let documents = asked[0]["edit"]["documentChanges"].as_array().unwrap();
    assert_eq!((asked.len(), documents.len()), (1, 1), "{asked:?}");
}
