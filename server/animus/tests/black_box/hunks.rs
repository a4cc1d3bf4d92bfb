//! Hunks and the lineage on the terminal: every patch is kept, and there is a way back from each.

use crate::stage::{Stage, fed, said};
use serde_json::Value;

const PATCH: &str = "*** Begin Patch
*** Update File: a.txt
@@
-3
+three
@@
-15
+fifteen
*** Add File: new.txt
+n
*** End Patch
";

fn numbers(lines: std::ops::RangeInclusive<u32>) -> String {
    lines.map(|line| format!("{line}\n")).collect()
}

fn stage() -> Stage {
    Stage::with(&[("a.txt", &numbers(1..=20))])
}

fn apply(stage: &Stage, patch: &str) -> String {
    let applied = fed(&mut stage.animus(&["apply-patch", "--json"]), patch);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    applied.json()["patch"].as_str().unwrap().to_owned()
}

fn patch(stage: &Stage, args: &[&str]) -> Value {
    let args: Vec<&str> = ["patch"]
        .iter()
        .chain(args)
        .chain(&["--json"])
        .copied()
        .collect();
    let answer = said(&mut stage.animus(&args));
    assert_eq!(answer.code, 0, "{args:?}: {}{}", answer.out, answer.err);
    answer.json()
}

#[test]
fn a_patch_from_stdin_can_be_taken_back_hunk_by_hunk_and_brought_back() {
    let stage = stage();
    let id = apply(&stage, PATCH);
    let listed = patch(&stage, &["list"]);
    assert_eq!(listed["patches"][0]["id"], id.as_str());
    assert!(listed["storage"]["bytes"].as_u64().unwrap() > 0);
    let shown = said(&mut stage.animus(&["patch", "show"]));
    assert!(
        shown.out.contains("a.txt hunk 1  accepted  line 15"),
        "{}",
        shown.out
    );

    stage.write("a.txt", &format!("top\n{}", stage.read("a.txt")));
    patch(&stage, &["undo", &id, "--file", "a.txt", "--hunk", "0"]);
    let fifteen = numbers(1..=20).replace("\n15\n", "\nfifteen\n");
    assert_eq!(stage.read("a.txt"), format!("top\n{fifteen}"));
    let undone = patch(&stage, &["undo", &id]);
    assert_eq!(undone["state"], "undone");
    assert_eq!(stage.read("a.txt"), format!("top\n{}", numbers(1..=20)));
    assert!(!stage.root().join("new.txt").exists());
    let again = patch(&stage, &["redo", &id[id.len() - 8..]]);
    assert_eq!(again["state"], "landed");
    assert_eq!(
        stage.read("a.txt"),
        format!("top\n{}", fifteen.replace("\n3\n", "\nthree\n"))
    );
    assert_eq!(stage.read("new.txt"), "n\n");
    let kinds: Vec<String> = patch(&stage, &["list"])["patches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|patch| patch["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["redo", "undo", "undo", "change"]);
}

#[test]
fn restore_squash_blame_and_drop() {
    let stage = stage();
    let first = apply(&stage, PATCH);
    let second = apply(
        &stage,
        "*** Begin Patch\n*** Update File: a.txt\n@@\n-18\n+eighteen\n*** End Patch\n",
    );
    let blame = patch(&stage, &["blame", "a.txt"]);
    let who = |line: usize| blame["lines"][line - 1]["origin"]["patch"].as_str();
    assert_eq!(
        (who(3), who(18), who(1)),
        (Some(first.as_str()), Some(second.as_str()), None)
    );
    let text = said(&mut stage.animus(&["patch", "blame", "a.txt"]));
    assert!(
        text.out
            .contains(&format!("{}     3  three\n", &first[first.len() - 8..])),
        "{}",
        text.out
    );

    patch(&stage, &["restore", &first, "--before", "a.txt"]);
    assert_eq!(stage.read("a.txt"), numbers(1..=20));
    patch(&stage, &["undo"]);
    assert!(stage.read("a.txt").contains("eighteen"));

    let one = patch(&stage, &["squash", &first, &second]);
    let sum = one["id"].as_str().unwrap();
    assert_eq!(one["of"].as_array().unwrap().len(), 2);
    let kept = said(&mut stage.animus(&["patch", "drop", sum]));
    assert!(
        kept.code != 0 && kept.err.contains("--force"),
        "{}",
        kept.err
    );
    patch(&stage, &["undo", sum]);
    assert_eq!(stage.read("a.txt"), numbers(1..=20));
    patch(&stage, &["drop", sum]);
    let gone = said(&mut stage.animus(&["patch", "show", sum]));
    assert_eq!(gone.code, 1);
}

#[test]
fn a_conflict_is_shown_and_nothing_is_written() {
    let stage = stage();
    apply(&stage, PATCH);
    stage.write("a.txt", &stage.read("a.txt").replace("three", "mine"));
    let before = stage.read("a.txt");
    let undo = said(&mut stage.animus(&["patch", "undo"]));
    assert_eq!(undo.code, 1);
    for part in [
        "a.txt",
        "<<<<<<< patch",
        "three",
        "mine",
        ">>>>>>> your text",
    ] {
        assert!(undo.err.contains(part), "{}", undo.err);
    }
    assert_eq!(stage.read("a.txt"), before);
    assert!(stage.root().join("new.txt").exists());
}
