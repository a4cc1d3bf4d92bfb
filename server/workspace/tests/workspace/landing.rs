//! Landing: W3 and W5 on the real disk.

use crate::bench::{Bench, rel, wait};
use futures::future::BoxFuture;
use std::sync::Arc;
use workspace::{
    ChangeSet, Content, Disk, Error, Host, LandError, Landed, Mode, RelPath, Root, Snapshot,
    parse_patch,
};

#[test]
fn w5_nothing_is_written_before_land_and_the_inverse_restores() {
    let bench = Bench::new(&[("a", "1\n2\n"), ("b", "x\n")]);
    let disk = bench.disk();
    let mut draft = bench.draft();
    draft.write(&rel("a"), "1\ntwo\n").unwrap();
    draft.write(&rel("d/n"), "new\n").unwrap();
    draft.delete(&rel("b")).unwrap();
    assert_eq!(
        (
            bench.get("a").as_deref(),
            bench.get("d/n"),
            bench.get("b").as_deref()
        ),
        (Some("1\n2\n"), None, Some("x\n"))
    );
    let landed = wait(draft.land(&disk, "test")).unwrap();
    assert_eq!(landed.paths, [rel("a"), rel("b"), rel("d/n")]);
    assert_eq!(
        (
            bench.get("a").as_deref(),
            bench.get("d/n").as_deref(),
            bench.get("b")
        ),
        (Some("1\ntwo\n"), Some("new\n"), None)
    );
    wait(landed.change.invert().land(&disk, "undo")).unwrap();
    assert_eq!(
        (
            bench.get("a").as_deref(),
            bench.get("d/n"),
            bench.get("b").as_deref()
        ),
        (Some("1\n2\n"), None, Some("x\n"))
    );
}

#[test]
fn w3_a_changed_file_is_merged_and_the_undo_keeps_the_users_edit() {
    let bench = Bench::new(&[("a", "1\n2\n3\n4\n5\n")]);
    let disk = bench.disk();
    let mut draft = bench.draft();
    draft.write(&rel("a"), "1\n2\n3\n4\nfive\n").unwrap();
    bench.put("a", b"one\n2\n3\n4\n5\n");
    let landed = wait(draft.land(&disk, "test")).unwrap();
    assert_eq!(bench.get("a").as_deref(), Some("one\n2\n3\n4\nfive\n"));
    assert_eq!(
        &landed.change.files[0].base.as_ref().unwrap().bytes[..],
        b"one\n2\n3\n4\n5\n"
    );
    wait(landed.change.invert().land(&disk, "undo")).unwrap();
    assert_eq!(bench.get("a").as_deref(), Some("one\n2\n3\n4\n5\n"));
}

#[test]
fn w3_a_conflict_writes_nothing() {
    let bench = Bench::new(&[("a", "1\n2\n"), ("b", "x\n")]);
    let mut draft = bench.draft();
    draft.write(&rel("a"), "1\nagent\n").unwrap();
    draft.write(&rel("b"), "y\n").unwrap();
    bench.put("a", b"1\nuser\n");
    let error = wait(draft.land(&bench.disk(), "test")).unwrap_err();
    let LandError::Conflict { paths, details } = error else {
        panic!("{error}")
    };
    assert_eq!(paths, [rel("a")]);
    assert!(
        details.contains("user") && details.contains("agent"),
        "{details}"
    );
    assert_eq!(
        (bench.get("a").as_deref(), bench.get("b").as_deref()),
        (Some("1\nuser\n"), Some("x\n"))
    );
}

#[test]
fn w3_a_file_that_came_or_went_meanwhile_is_a_conflict() {
    let bench = Bench::new(&[("gone", "1\n"), ("del", "1\n")]);
    let mut draft = bench.draft();
    draft.write(&rel("gone"), "2\n").unwrap();
    draft.write(&rel("came"), "mine\n").unwrap();
    draft.delete(&rel("del")).unwrap();
    std::fs::remove_file(bench.path.join("gone")).unwrap();
    bench.put("came", b"user\n");
    bench.put("del", b"user\n");
    let error = wait(draft.land(&bench.disk(), "test")).unwrap_err();
    let LandError::Conflict { paths, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(paths, [rel("came"), rel("del"), rel("gone")]);
    assert_eq!(
        (bench.get("came").as_deref(), bench.get("del").as_deref()),
        (Some("user\n"), Some("user\n"))
    );
}

#[test]
fn w3_a_stale_base_is_refused_by_the_disk_itself() {
    let bench = Bench::new(&[("a", "1\n")]);
    let mut draft = bench.draft();
    draft.write(&rel("a"), "2\n").unwrap();
    let change = draft.change_set();
    bench.put("a", b"user\n");
    let error = wait(bench.disk().land(&change, "test")).unwrap_err();
    assert!(matches!(error, LandError::Stale { .. }), "{error}");
    assert_eq!(bench.get("a").as_deref(), Some("user\n"));
}

/// A disk whose user saves a file just before each of the first landings.
struct Typing {
    disk: Disk,
    path: camino::Utf8PathBuf,
    left: std::sync::atomic::AtomicI32,
}

impl Host for Typing {
    fn root(&self) -> &Root {
        self.disk.root()
    }
    fn read(&self, path: &RelPath) -> Result<Option<Content>, Error> {
        self.disk.read(path)
    }
    fn open(&self) -> Vec<RelPath> {
        Vec::new()
    }
    fn dirty(&self) -> Vec<RelPath> {
        Vec::new()
    }
    fn land<'a>(
        &'a self,
        change: &'a ChangeSet,
        label: &'a str,
    ) -> BoxFuture<'a, Result<Landed, LandError>> {
        if self.left.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) > 0 {
            let text = std::fs::read_to_string(&self.path).unwrap();
            std::fs::write(&self.path, format!("typed\n{text}")).unwrap();
        }
        self.disk.land(change, label)
    }
}

#[test]
fn w3_a_user_who_types_while_it_lands_is_never_overwritten() {
    for (times, lands) in [(2, true), (9, false)] {
        let bench = Bench::new(&[("a", "1\n2\n3\n")]);
        let host = Typing {
            disk: bench.disk(),
            path: bench.path.join("a"),
            left: times.into(),
        };
        let mut draft = bench.draft();
        draft.write(&rel("a"), "1\n2\nthree\n").unwrap();
        let landed = wait(draft.land(&host, "test"));
        assert_eq!(landed.is_ok(), lands);
        match landed {
            Ok(_) => assert_eq!(
                bench.get("a").as_deref(),
                Some("typed\ntyped\n1\n2\nthree\n")
            ),
            Err(error) => {
                assert!(matches!(error, LandError::Stale { .. }), "{error}");
                assert!(bench.get("a").unwrap().ends_with("typed\n1\n2\n3\n"));
            }
        }
    }
}

#[test]
fn w5_a_tested_text_lands_exactly_or_not_at_all() {
    for (typed, lands) in [(0, true), (1, false)] {
        let bench = Bench::new(&[("a", "1\n2\n3\n")]);
        let host = Typing {
            disk: bench.disk(),
            path: bench.path.join("a"),
            left: typed.into(),
        };
        let mut draft = bench.draft();
        draft.write(&rel("a"), "1\n2\nthree\n").unwrap();
        let landed = wait(draft.land_exact(&host, "test"));
        // Asked once: a second try would have found the user done with typing, and merged.
        assert_eq!(
            host.left.into_inner(),
            typed - 1,
            "the host is asked exactly once"
        );
        match landed {
            Ok(landed) if lands => {
                assert_eq!(landed.paths, [rel("a")]);
                assert_eq!(bench.get("a").as_deref(), Some("1\n2\nthree\n"));
            }
            Err(LandError::Stale { paths }) if !lands => {
                assert_eq!(paths, [rel("a")]);
                assert_eq!(bench.get("a").as_deref(), Some("typed\n1\n2\n3\n"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn w5_an_empty_draft_lands_nothing_and_asks_nobody() {
    let bench = Bench::new(&[("a", "1\n")]);
    let host = Typing {
        disk: bench.disk(),
        path: bench.path.join("a"),
        left: 1.into(),
    };
    let mut draft = bench.draft();
    draft.write(&rel("a"), "2\n").unwrap();
    draft.write(&rel("a"), "1\n").unwrap();
    let landed = wait(draft.land_exact(&host, "test")).unwrap();
    assert!(landed.paths.is_empty() && landed.change.is_empty());
    assert_eq!(host.left.into_inner(), 1);
    assert_eq!(bench.get("a").as_deref(), Some("1\n"));
}

#[test]
fn a_rebase_that_changes_nothing_keeps_the_revision_and_another_text_grows_it() {
    type Case = (&'static str, &'static [(&'static str, &'static str)], bool);
    let cases: [Case; 4] = [
        ("nothing happened", &[], true),
        ("a file beside the draft", &[("other", "x\n")], true),
        (
            "saved with the same text",
            &[("a", "1\n2\n3\n4\n5\n")],
            true,
        ),
        ("typed above", &[("a", "one\n2\n3\n4\n5\n")], false),
    ];
    for (name, saved, keeps) in cases {
        let bench = Bench::new(&[("a", "1\n2\n3\n4\n5\n"), ("gone", "x\n")]);
        let mut draft = bench.draft();
        draft.write(&rel("a"), "1\n2\n3\n4\nfive\n").unwrap();
        draft.write(&rel("new"), "n\n").unwrap();
        draft.delete(&rel("gone")).unwrap();
        for (path, text) in saved {
            bench.put(path, text.as_bytes());
        }
        let live = Arc::new(Snapshot::new(Arc::new(bench.disk())));
        let moved = draft.rebase(live).unwrap();
        assert_eq!(moved.revision() == draft.revision(), keeps, "{name}");
        assert!(moved.revision() >= draft.revision(), "{name}");
        assert!(
            wait(moved.land_exact(&bench.disk(), "test")).is_ok(),
            "{name}"
        );
    }
    // The user did the same themselves: what is left to land is less, so it is another text.
    let bench = Bench::new(&[("a", "1\n"), ("b", "1\n")]);
    let mut draft = bench.draft();
    draft.write(&rel("a"), "2\n").unwrap();
    draft.write(&rel("b"), "2\n").unwrap();
    bench.put("b", b"2\n");
    let live = Arc::new(Snapshot::new(Arc::new(bench.disk())));
    assert!(draft.rebase(live).unwrap().revision() > draft.revision());
}

#[test]
fn w3_a_second_file_that_cannot_be_written_takes_back_the_first() {
    let bench = Bench::new(&[("a", "1\n"), ("z/f", "x\n")]);
    let mut draft = bench.draft();
    draft.write(&rel("a"), "2\n").unwrap();
    draft.write(&rel("b"), "new\n").unwrap();
    // A folder stands where the last file should come to be: this fails for root as well.
    draft.write(&rel("z/n/f"), "new\n").unwrap();
    let change = draft.change_set();
    bench.put("z/n", b"in the way\n");
    let error = wait(bench.disk().land(&change, "test")).unwrap_err();
    assert!(matches!(error, LandError::Io(_)), "{error}");
    assert_eq!(
        (bench.get("a").as_deref(), bench.get("b")),
        (Some("1\n"), None)
    );
    assert_eq!(bench.get("z/n").as_deref(), Some("in the way\n"));
}

#[test]
fn w3_many_land_at_once_and_each_is_whole() {
    // Two hosts, as two processes would be, over one state folder; each landing writes all files.
    let names: Vec<String> = (0..12)
        .map(|number| format!("d{}/f{number}", number % 3))
        .collect();
    let bench = Bench::new(&[]);
    for name in &names {
        bench.put(name, b"start\n");
    }
    let disk = || {
        let state = sandbox::Tree::create(&bench.state).unwrap();
        Arc::new(bench.disk().journalled(Arc::new(state)))
    };
    std::thread::scope(|scope| {
        for who in ["one\n", "two\n"] {
            let (disk, names) = (disk(), &names);
            scope.spawn(move || {
                for _ in 0..10 {
                    let mut draft = workspace::Draft::new(Arc::new(Snapshot::new(disk.clone())));
                    for name in names {
                        draft.write(&rel(name), who).unwrap();
                    }
                    // Whoever comes second finds other bases.
                    match wait(draft.land_exact(disk.as_ref(), who)) {
                        Ok(_) | Err(LandError::Stale { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    let texts: std::collections::BTreeSet<_> = names.iter().map(|name| bench.get(name)).collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert_eq!(
        std::fs::read_dir(bench.state.join("journal"))
            .unwrap()
            .count(),
        0
    );
    assert!(disk().recover().unwrap().is_empty());
}

#[test]
fn w3_a_landing_that_fails_leaves_no_folder_and_no_temporary_file() {
    let bench = Bench::new(&[("a", "1\n")]);
    let state = sandbox::Tree::create(&bench.state).unwrap();
    let disk = bench.disk().journalled(Arc::new(state));
    let mut draft = bench.draft();
    draft.write(&rel("a"), "2\n").unwrap();
    draft.write(&rel("new/er/f"), "new\n").unwrap();
    draft.write(&rel("z/f"), "new\n").unwrap();
    bench.put("z", b"in the way\n");
    let error = wait(disk.land(&draft.change_set(), "test")).unwrap_err();
    assert!(error.to_string().contains("move it away"), "{error}");
    assert_eq!(std::fs::read_dir(&bench.path).unwrap().count(), 2);
    assert_eq!(
        std::fs::read_dir(bench.state.join("journal"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn partial_mode_puts_in_what_fits() {
    let bench = Bench::new(&[("a", "1\n2\n")]);
    let mut draft = bench.draft();
    let text = "a\n<<<<<<< SEARCH\n1\n=======\none\n>>>>>>> REPLACE\n<<<<<<< SEARCH\nzzz\n=======\nthree\n>>>>>>> REPLACE\n";
    let patch = parse_patch(text, Default::default(), None).unwrap();
    let applied = draft.apply(&patch, Mode::Partial).unwrap();
    assert_eq!((applied.refused.len(), applied.refused[0].hunk), (1, 2));
    assert!(applied.refused[0].teach.contains("do not send them again"));
    assert!(applied.diff.contains("-1\n+one\n"), "{}", applied.diff);
    assert_eq!(draft.revision(), 1);
    draft.restore(&rel("a"));
    assert!(draft.is_empty());
}

#[test]
fn partial_mode_moves_nothing_onto_a_file_that_is_there() {
    let bench = Bench::new(&[("o", "a\n"), ("p", "keep me\n"), ("q", "1\n")]);
    let mut draft = bench.draft();
    let text = "diff --git a/o b/p\nrename from o\nrename to p\ndiff --git a/q b/q\n--- a/q\n+++ b/q\n@@ -1 +1 @@\n-1\n+2\n";
    let patch = parse_patch(text, Default::default(), None).unwrap();
    let applied = draft.apply(&patch, Mode::Partial).unwrap();
    assert_eq!(applied.paths, [rel("q")]);
    assert_eq!(applied.refused.len(), 1);
}

#[test]
fn views_and_line_edits() {
    let bench = Bench::new(&[("a", "1\n2\n3\n4\n5\n6\n7\n8\n9\n")]);
    let mut draft = bench.draft();
    draft
        .write(&rel("a"), "1\ntwo\n3\n4\n5\n6\n7\n8\n9\n10\n")
        .unwrap();
    let change = draft.change_set();
    let view = &change.view()[0];
    assert_eq!((view.added, view.removed, view.hunks.len()), (2, 1, 2));
    expect_test::expect![[r#"
        --- a/a
        +++ b/a
        @@ -1,5 +1,5 @@
         1
        -2
        +two
         3
         4
         5
        @@ -7,3 +7,4 @@
         7
         8
         9
        +10
    "#]]
    .assert_eq(&view.diff);
    let edits: Vec<_> = change
        .edits(&change.files[0])
        .into_iter()
        .map(|edit| (edit.start_line, edit.end_line, edit.text))
        .collect();
    assert_eq!(
        edits,
        [(1, 2, "two\n".to_owned()), (9, 9, "10\n".to_owned())]
    );
    assert_eq!(
        change.files[0].base,
        Some(Content::new(&b"1\n2\n3\n4\n5\n6\n7\n8\n9\n"[..], None))
    );
}
