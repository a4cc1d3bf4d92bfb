//! Lineage: W6, what it keeps and lets go of, refs in git, and the lines that each patch wrote.

use crate::bench::{Bench, rel, wait};
use std::process::Command;
use std::sync::Arc;
use workspace::{
    Bound, ChangeSet, Content, Error, Host, Kind, Lineage, Node, NodeState, Review, Verdict,
};

fn lineage(bench: &Bench) -> Lineage {
    Lineage::open(Arc::new(sandbox::Tree::open(&bench.state).unwrap()))
}

fn node(id: &str, change: &ChangeSet) -> Node {
    let mut node = Node {
        id: id.to_owned(),
        kind: Kind::Change,
        parent: None,
        of: Vec::new(),
        task: "t1".to_owned(),
        step: Some(3),
        model: Some("openai/x".to_owned()),
        title: "Change it".to_owned(),
        created: format!("2026-01-01T00:00:00Z-{id}"),
        landed: Some(format!("2026-01-01T00:00:00Z-{id}")),
        tested: true,
        review: Review::of(change, Verdict::Accepted),
        intent: None,
        images: Vec::new(),
    };
    node.witness(change);
    node
}

fn landed(bench: &Bench, lineage: &Lineage, id: &str, edits: &[(&str, &str)]) -> Node {
    let mut draft = bench.draft();
    for (path, text) in edits {
        draft.write(&rel(path), text).unwrap();
    }
    let landed = wait(draft.land(&bench.disk(), "test")).unwrap();
    let node = node(id, &landed.change);
    lineage.record(&node).unwrap();
    node
}

#[test]
fn w6_nodes_read_back_and_nothing_else_is_written() {
    let bench = Bench::new(&[("a", "1\n"), ("bin", "x\n")]);
    let lineage = lineage(&bench);
    assert!(lineage.list().unwrap().is_empty());
    let first = landed(&bench, &lineage, "p1", &[("a", "2\n")]);
    landed(&bench, &lineage, "p2", &[("a", "3\n"), ("n", "new\n")]);
    let ids: Vec<String> = lineage
        .list()
        .unwrap()
        .into_iter()
        .map(|node| node.id)
        .collect();
    assert_eq!(ids, ["p1", "p2"]);
    let read = lineage.get("p1").unwrap();
    assert_eq!(read.review, first.review);
    assert_eq!((read.state(), read.verified()), (NodeState::Landed, true));
    let mut undone = read.clone();
    undone.review = read
        .review
        .decided(&read.review.spots(None, None).unwrap(), Verdict::Undone);
    undone.intent = Some(read.review.clone());
    lineage.record(&undone).unwrap();
    assert_eq!(lineage.get("p1").unwrap(), undone);
    assert_eq!(undone.state(), NodeState::Undone);
    assert!(matches!(lineage.get("../x"), Err(Error::NoPatch(_))));
    assert!(matches!(lineage.get("none"), Err(Error::NoPatch(_))));
    let names: Vec<String> = std::fs::read_dir(&bench.path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 3, "{names:?}");
    std::fs::write(bench.state.join("patches/broken.json"), "{").unwrap();
    assert_eq!(lineage.list().unwrap().len(), 2);
}

#[test]
fn the_same_text_is_kept_once_and_goes_with_its_last_patch() {
    let bench = Bench::new(&[("a", "1\n"), ("big", "0\n")]);
    let lineage = lineage(&bench);
    let big = "x".repeat(100_000);
    landed(&bench, &lineage, "p1", &[("big", &big)]);
    landed(&bench, &lineage, "p2", &[("big", "0\n")]);
    landed(&bench, &lineage, "p3", &[("big", &big)]);
    let usage = lineage.usage().unwrap();
    assert_eq!((usage.patches, usage.texts), (3, 2));
    assert!(usage.bytes > 100_000 && usage.bytes < 120_000, "{usage:?}");
    let bound = Bound {
        bytes: 50_000,
        patches: 100,
    };
    // The last landing can still be undone.
    assert_eq!(lineage.prune(bound).unwrap(), ["p1", "p2"]);
    assert_eq!(lineage.usage().unwrap().patches, 1);
}

#[test]
fn what_a_killed_process_left_half_written_goes_and_what_a_living_one_writes_stays() {
    let bench = Bench::new(&[("a", "1\n")]);
    let lineage = lineage(&bench);
    landed(&bench, &lineage, "p1", &[("a", "2\n")]);
    let mut child = std::process::Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let (dead, living) = (child.id(), std::process::id());
    std::fs::create_dir_all(bench.state.join("objects/ff")).unwrap();
    let place = |folder: &str, process: u32| {
        let place = format!("{folder}/.animus-{process}-9.tmp");
        bench.state.join(place)
    };
    for folder in ["objects/ff", "patches"] {
        std::fs::write(place(folder, dead), "half").unwrap();
        std::fs::write(place(folder, living), "half").unwrap();
    }
    let usage = lineage.usage().unwrap();
    assert_eq!(lineage.prune(Bound::default()).unwrap(), [""; 0]);
    for folder in ["objects/ff", "patches"] {
        let there = [dead, living].map(|process| place(folder, process).exists());
        assert_eq!(there, [false, true], "{folder}");
    }
    assert_eq!(lineage.usage().unwrap(), usage);
}

#[test]
fn what_landed_last_stays_however_long_ago_it_was_proposed() {
    let bench = Bench::new(&[("a", "1\n")]);
    let lineage = lineage(&bench);
    for id in ["p1", "p2", "p3"] {
        landed(&bench, &lineage, id, &[("a", &format!("{id}\n"))]);
    }
    // Proposed first, accepted last; and one whose decision is on its way.
    let mut late = lineage.get("p1").unwrap();
    late.landed = Some("2026-02-01T00:00:00Z".to_owned());
    lineage.record(&late).unwrap();
    let mut open = lineage.get("p2").unwrap();
    open.intent = Some(open.review.clone());
    lineage.record(&open).unwrap();
    let bound = Bound {
        patches: 0,
        ..Bound::default()
    };
    assert_eq!(lineage.prune(bound).unwrap(), ["p3"]);
    lineage.get("p1").unwrap();
    lineage.get("p2").unwrap();
}

#[test]
fn the_oldest_go_first_and_what_waits_stays() {
    let bench = Bench::new(&[("a", "1\n")]);
    let lineage = lineage(&bench);
    for id in ["p1", "p2", "p3", "p4"] {
        landed(&bench, &lineage, id, &[("a", &format!("{id}\n"))]);
    }
    let mut waits = lineage.get("p1").unwrap();
    waits.review = Review::of(&waits.review.change(), Verdict::Pending);
    lineage.record(&waits).unwrap();
    let mut refused = lineage.get("p4").unwrap();
    refused.review = Review::of(&refused.review.change(), Verdict::Refused);
    lineage.record(&refused).unwrap();
    let bound = Bound {
        patches: 2,
        ..Bound::default()
    };
    assert_eq!(lineage.prune(bound).unwrap(), ["p4", "p2"]);
    let parent = |id: &str| lineage.get(id).unwrap().parent;
    assert_eq!((parent("p1"), parent("p3")), (None, None));
}

#[test]
fn bytes_that_are_not_text_read_back() {
    let bench = Bench::new(&[]);
    let lineage = lineage(&bench);
    bench.put("latin", b"caf\xe9\n");
    let mut draft = bench.draft();
    draft.delete(&rel("latin")).unwrap();
    let change = wait(draft.land(&bench.disk(), "test")).unwrap().change;
    lineage.record(&node("p", &change)).unwrap();
    let undo = lineage.get("p").unwrap().review.change().invert();
    wait(undo.land(&bench.disk(), "undo")).unwrap();
    assert_eq!(
        std::fs::read(bench.path.join("latin")).unwrap(),
        b"caf\xe9\n"
    );
}

fn git(bench: &Bench, args: &[&str]) -> String {
    let out = Command::new("git")
        .args(args)
        .current_dir(&bench.path)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "git {args:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn w6_a_landed_patch_is_a_ref_and_nothing_else_of_git_changes() {
    let bench = Bench::new(&[("sub/a", "1\n"), ("b", "b\n")]);
    let lineage = lineage(&bench);
    git(&bench, &["init", "-q", "-b", "main"]);
    git(&bench, &["add", "."]);
    let commit = [
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@t",
        "commit",
        "-qm",
        "first",
    ];
    git(&bench, &commit);
    bench.put("b", b"staged\n");
    git(&bench, &["add", "b"]);
    let before = [
        git(&bench, &["rev-parse", "HEAD"]),
        git(&bench, &["ls-files", "-s"]),
        git(
            &bench,
            &["for-each-ref", "refs/heads", "refs/tags", "refs/stash"],
        ),
    ];
    let node = landed(&bench, &lineage, "p1", &[("sub/a", "2\n"), ("new", "n\n")]);
    let disk = bench.disk();
    let name = lineage.export(disk.root(), &node).unwrap().unwrap();
    assert_eq!(name, "refs/animus/patches/p1");
    assert_eq!(
        git(
            &bench,
            &[
                "diff",
                "--name-status",
                "refs/animus/patches/p1^",
                "refs/animus/patches/p1"
            ]
        ),
        "A\tnew\nM\tsub/a\n"
    );
    assert_eq!(
        git(&bench, &["show", "refs/animus/patches/p1:sub/a"]),
        "2\n"
    );
    let message = git(
        &bench,
        &["log", "-1", "--format=%B", "refs/animus/patches/p1"],
    );
    for trailer in [
        "Animus-Patch: p1",
        "Animus-Task: t1",
        "Animus-Model: openai/x",
        "Animus-Verdict: verified",
    ] {
        assert!(message.contains(trailer), "{message}");
    }
    let after = [
        git(&bench, &["rev-parse", "HEAD"]),
        git(&bench, &["ls-files", "-s"]),
        git(
            &bench,
            &["for-each-ref", "refs/heads", "refs/tags", "refs/stash"],
        ),
    ];
    assert_eq!(before, after);
    git(&bench, &["fsck", "--strict"]);
    lineage.unexport(disk.root(), "p1").unwrap();
    assert_eq!(git(&bench, &["for-each-ref", "refs/animus"]), "");
    lineage.unexport(disk.root(), "p1").unwrap();
}

#[test]
fn without_git_there_is_no_ref_and_no_error() {
    let bench = Bench::new(&[("a", "1\n")]);
    let lineage = lineage(&bench);
    let node = landed(&bench, &lineage, "p1", &[("a", "2\n")]);
    assert_eq!(lineage.export(bench.disk().root(), &node).unwrap(), None);
}

#[test]
fn every_line_is_blamed_on_the_patch_that_wrote_it() {
    let bench = Bench::new(&[("a", "1\n2\n3\n4\n5\n6\n7\n8\n")]);
    let lineage = lineage(&bench);
    landed(&bench, &lineage, "p1", &[("a", "1\nB\n3\n4\n5\n6\n7\n8\n")]);
    bench.put("a", b"user\n1\nB\n3\n4\n5\n6\n7\n8\n");
    landed(
        &bench,
        &lineage,
        "p2",
        &[("a", "user\n1\nB\n3\n4\n5\n6\nG\nH\n8\n")],
    );
    bench.put("a", b"user\n1\nB\nmine\n3\n4\n5\n6\nG\n8\n");
    let live = Content::new(std::fs::read(bench.path.join("a")).unwrap(), None);
    let blame = lineage.blame(&rel("a"), &live).unwrap();
    let who: Vec<&str> = blame
        .lines
        .iter()
        .map(|line| line.as_ref().map_or("-", |origin| &origin.patch))
        .collect();
    assert_eq!(who, ["-", "-", "p1", "-", "-", "-", "-", "-", "p2", "-"]);
}

#[test]
fn utf_16_is_merged_and_blamed_by_its_lines() {
    let utf_16 = |text: &str| -> Vec<u8> {
        let mut bytes = vec![0xff, 0xfe];
        bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        bytes
    };
    let bench = Bench::new(&[]);
    let lineage = lineage(&bench);
    // U+010A and U+0A05 have the bytes of line ends in them.
    bench.put("a", &utf_16("\u{10a}\r\n2\r\n3\r\n4\r\n\u{a05}\r\n"));
    let mut draft = bench.draft();
    draft
        .write(&rel("a"), "\u{feff}\u{10a}\r\ntwo\r\n3\r\n4\r\n\u{a05}\r\n")
        .unwrap();
    bench.put("a", &utf_16("\u{10a}\r\n2\r\n3\r\nmine\r\n\u{a05}\r\n"));
    let change = wait(draft.land(&bench.disk(), "test")).unwrap().change;
    lineage.record(&node("p", &change)).unwrap();
    let live = Content::new(std::fs::read(bench.path.join("a")).unwrap(), None);
    let want = "\u{10a}\r\ntwo\r\n3\r\nmine\r\n\u{a05}\r\n";
    assert_eq!(live.bytes.to_vec(), utf_16(want));
    let blame = lineage.blame(&rel("a"), &live).unwrap();
    let who: Vec<bool> = blame.lines.iter().map(Option::is_some).collect();
    assert_eq!(who, [false, true, false, false, false]);
}
