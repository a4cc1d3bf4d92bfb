//! Landings that were cut short, at every point and with people writing since.
#![allow(clippy::disallowed_methods)]

use super::super::tests::edit;
use super::super::{landing, step};
use super::*;
use crate::path::Root;
use camino::Utf8PathBuf;
use sandbox::Tree;
use std::sync::Arc;
use std::time::Duration;

/// A landing of seven files that was cut short: its journal is on the disk, and the files are as a case says.
struct Cut {
    _dir: tempfile::TempDir,
    top: Utf8PathBuf,
}

/// Old and new text of each file; `None`: it is not there. One changes, one goes, one comes, one comes in a folder that comes too,
/// and two have enough lines to merge.
const FILES: [(&str, Option<&str>, Option<&str>); 7] = [
    ("change", Some("1"), Some("2")),
    ("come", None, Some("2")),
    ("d/e/come", None, Some("2")),
    ("go", Some("1"), None),
    ("merge", Some("a\nb\nc\nd\ne\n"), Some("A\nb\nc\nd\ne\n")),
    ("other", Some("a\nb\nc\n"), Some("a\nb\nC\n")),
    ("f/go", Some("1"), None),
];

impl Cut {
    /// Each letter: `o` old, `n` new; or the text that somebody wrote, by the file's name.
    fn at(states: &str, wrote: &[(&str, Option<&str>)], way: Way) -> Cut {
        let dir = tempfile::tempdir().unwrap();
        let top = camino::Utf8Path::from_path(dir.path()).unwrap();
        let top = top.canonicalize_utf8().unwrap();
        std::fs::create_dir_all(top.join("work")).unwrap();
        let cut = Cut { _dir: dir, top };
        for (path, old, _) in FILES {
            cut.put(path, old);
        }
        let disk = cut.disk();
        let files = FILES.map(|(path, old, new)| edit(path, old, new)).into();
        let steps = step::all(&disk, &ChangeSet { files }).unwrap();
        let held = disk.journal.get().unwrap().hold(Duration::ZERO).unwrap();
        let held = held.unwrap();
        let folders = ["d/e".to_owned(), "d".to_owned()];
        held.write("the label", &folders, &steps).unwrap();
        // What the first renames leave behind, and the temporary files of those that did not come.
        for ((path, _, new), state) in FILES.into_iter().zip(states.chars()) {
            if state == 'n' {
                cut.put(path, new);
            }
        }
        let temporary = format!("work/.animus-{}-999999.tmp", std::process::id());
        std::fs::write(cut.top.join(temporary), "half").unwrap();
        for (path, text) in wrote {
            cut.put(path, *text);
        }
        if way == Way::Back {
            held.turn_back().unwrap();
        }
        cut
    }

    fn disk(&self) -> Disk {
        let state = Tree::create(&self.top.join("state")).unwrap();
        let root = Root::open(&self.top.join("work")).unwrap();
        Disk::open(root).unwrap().journalled(Arc::new(state))
    }

    fn put(&self, path: &str, text: Option<&str>) {
        let full = self.top.join("work").join(path);
        match text {
            Some(text) => {
                std::fs::create_dir_all(full.parent().unwrap()).unwrap();
                let _ = std::fs::remove_dir(&full);
                std::fs::write(full, text).unwrap();
            }
            None => drop(std::fs::remove_file(full)),
        }
    }

    /// A letter for each file, `x` where it is neither old nor new.
    fn states(&self) -> String {
        let state = |(path, old, new): (&str, Option<&str>, Option<&str>)| {
            let now = std::fs::read_to_string(self.top.join("work").join(path)).ok();
            match now.as_deref() {
                now if now == old => 'o',
                now if now == new => 'n',
                _ => 'x',
            }
        };
        FILES.into_iter().map(state).collect()
    }
}

fn paths(paths: &[RelPath]) -> String {
    let paths: Vec<&str> = paths.iter().map(RelPath::as_str).collect();
    paths.join(" ")
}

#[test]
fn w3_a_landing_that_was_cut_short_becomes_whole_or_nothing_and_no_ones_text_is_lost() {
    use Way::{Back, Forward};
    type Case = (
        &'static str,
        &'static [(&'static str, Option<&'static str>)],
        Way,
        &'static str,
        [&'static str; 3],
    );
    // States, what somebody wrote, where it was going; then the states after, and what is said: finished, taken back, left.
    let cases: [Case; 14] = [
        ("ooooooo", &[], Forward, "ooooooo", ["", "", ""]),
        ("nnnnnnn", &[], Forward, "nnnnnnn", ["", "", ""]),
        (
            "noooooo",
            &[],
            Forward,
            "nnnnnnn",
            ["come d/e/come go merge other f/go", "", ""],
        ),
        ("nnnnnoo", &[], Forward, "nnnnnnn", ["other f/go", "", ""]),
        (
            "onononn",
            &[],
            Forward,
            "nnnnnnn",
            ["change d/e/come merge", "", ""],
        ),
        (
            "nnnoooo",
            &[],
            Back,
            "ooooooo",
            ["", "change come d/e/come", ""],
        ),
        (
            "nnnnnnn",
            &[],
            Back,
            "ooooooo",
            ["", "change come d/e/come go merge other f/go", ""],
        ),
        ("ooooooo", &[], Back, "ooooooo", ["", "", ""]),
        // Written on top of the new text: the landing's edit is in it, so the others follow.
        (
            "nnnnooo",
            &[("merge", Some("A\nb\nc\nd\nmine\n"))],
            Forward,
            "nnnnxnn",
            ["other f/go", "", ""],
        ),
        // Written on top of the old text: the landing's edit is not in it, so the others go back.
        (
            "nnnnooo",
            &[("merge", Some("a\nb\nc\nd\nmine\n"))],
            Forward,
            "ooooxoo",
            ["", "change come d/e/come go", ""],
        ),
        // Nobody can tell on top of what.
        (
            "nnnnooo",
            &[("merge", Some("mine\n"))],
            Forward,
            "ooooxoo",
            ["", "change come d/e/come go", "merge"],
        ),
        (
            "nnooooo",
            &[("come", Some("mine"))],
            Forward,
            "oxooooo",
            ["", "change", "come"],
        ),
        (
            "nnooooo",
            &[("change", None)],
            Forward,
            "xoooooo",
            ["", "come", "change"],
        ),
        (
            "ooooooo",
            &[("merge", Some("a\nb\nc\nd\nmine\n"))],
            Forward,
            "ooooxoo",
            ["", "", ""],
        ),
    ];
    for (states, wrote, way, after, said) in cases {
        let cut = Cut::at(states, wrote, way);
        let name = format!("{states} {wrote:?} {way:?}");
        let done = cut.disk().recover().unwrap();
        assert_eq!(cut.states(), after, "{name}");
        let left: Vec<RelPath> = done.left.iter().map(|(path, _)| path.clone()).collect();
        let told = [&done.finished, &done.rolled_back, &left].map(|list| paths(list));
        assert_eq!(told, said, "{name}");
        assert!(!done.unfinished, "{name}: {done}");
        assert_eq!(done.landed.is_some(), after.starts_with('n'), "{name}");
        for (path, text) in wrote {
            let now = std::fs::read_to_string(cut.top.join("work").join(path)).ok();
            assert_eq!(now.as_deref(), *text, "{name}");
        }
        // Nothing is left of it, and there is nothing more to do.
        let names = |folder: &str| std::fs::read_dir(cut.top.join(folder)).unwrap().count();
        assert_eq!(names("state/journal"), 0, "{name}");
        let there = FILES
            .iter()
            .zip(after.chars())
            .filter(|((path, old, new), state)| {
                let text = match state {
                    'o' => *old,
                    'n' => *new,
                    _ => wrote.iter().find(|(wrote, _)| wrote == path).unwrap().1,
                };
                // The folder of a file that went stays.
                text.is_some() || *path == "f/go"
            });
        assert_eq!(names("work"), there.count(), "{name}");
        assert!(cut.disk().recover().unwrap().is_empty(), "{name}");
    }
}

#[test]
fn w3_who_lands_next_finishes_what_was_cut_short_first() {
    let cut = Cut::at("noooooo", &[], Way::Forward);
    let change = ChangeSet {
        files: vec![edit("other", Some("a\nb\nC\n"), Some("last\n"))],
    };
    landing::land(&cut.disk(), &change, "next").unwrap();
    assert_eq!(cut.states(), "nnnnnxn");
}

#[test]
fn w3_nothing_is_recovered_while_another_lands() {
    let cut = Cut::at("noooooo", &[], Way::Forward);
    let other = cut.disk();
    let held = other.journal.get().unwrap().hold(Duration::ZERO).unwrap();
    assert!(cut.disk().recover().unwrap().is_empty());
    assert_eq!(cut.states(), "noooooo");
    drop(held);
    assert!(!cut.disk().recover().unwrap().is_empty());
    assert_eq!(cut.states(), "nnnnnnn");
}

#[test]
fn w3_what_cannot_be_finished_is_taken_back() {
    // A file where a folder should come to be: this fails for root as well.
    let wrote = [("d", Some("in the way"))];
    let cut = Cut::at("nnooooo", &wrote, Way::Forward);
    let done = cut.disk().recover().unwrap();
    assert_eq!(cut.states(), "ooooooo", "{done}");
    let told = [&done.finished, &done.rolled_back].map(|list| paths(list));
    assert_eq!(told, ["", "change come"]);
    assert_eq!(done.left.len(), 1);
    assert!(
        done.to_string()
            .contains("`d/e/come` could not be finished")
    );
    assert!(!done.unfinished && done.landed.is_none());
    assert!(cut.disk().recover().unwrap().is_empty());
}

#[test]
fn w3_what_cannot_be_taken_back_now_is_tried_again_at_the_next_start() {
    let wrote = [("f", Some("in the way"))];
    let cut = Cut::at("nnonoon", &wrote, Way::Back);
    for _ in 0..2 {
        let done = cut.disk().recover().unwrap();
        assert!(done.unfinished, "{done}");
        assert_eq!(cut.states(), "oooooon");
    }
    let change = ChangeSet {
        files: vec![edit("x", None, Some("x"))],
    };
    let error = landing::land(&cut.disk(), &change, "next").unwrap_err();
    assert!(error.to_string().contains("f/go"), "{error}");
    cut.put("f", None);
    let done = cut.disk().recover().unwrap();
    assert_eq!(
        (paths(&done.rolled_back).as_str(), done.unfinished),
        ("f/go", false)
    );
    assert_eq!(cut.states(), "ooooooo");
}

#[test]
fn w3_a_torn_journal_changes_nothing_and_one_of_a_newer_version_stays() {
    let cut = Cut::at("ooooooo", &[], Way::Forward);
    let place = cut.top.join("state/journal/landing");
    let whole = std::fs::read(&place).unwrap();
    std::fs::write(&place, &whole[..whole.len() - 1]).unwrap();
    assert!(cut.disk().recover().unwrap().is_empty());
    assert_eq!((cut.states().as_str(), place.exists()), ("ooooooo", false));

    let mut newer = b"{\"version\":2}\n".to_vec();
    let hash = *crate::content::Hash::of(&newer).as_bytes();
    newer.extend_from_slice(&hash);
    std::fs::write(&place, &newer).unwrap();
    let error = cut.disk().recover().unwrap_err().to_string();
    assert!(error.contains("newer Animus"), "{error}");
    assert!(place.exists());
}
