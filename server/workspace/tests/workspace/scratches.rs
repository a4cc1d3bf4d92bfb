//! Scratch trees: what tests run on.

use crate::bench::{Bench, rel};
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::SystemTime;
use workspace::{
    ChangeSet, Content, Disk, Documents, Draft, Error, Host, LandError, Landed, RelPath, Root,
    Scratch, Snapshot,
};

/// An editor with open buffers over the real disk.
struct Editor {
    disk: Disk,
    documents: Documents,
}

impl Host for Editor {
    fn root(&self) -> &Root {
        self.disk.root()
    }
    fn read(&self, path: &RelPath) -> Result<Option<Content>, Error> {
        match self.documents.get(path) {
            Some(document) => Ok(Some(Content::new(
                document.rope.to_string().into_bytes(),
                Some(document.version),
            ))),
            None => self.disk.read(path),
        }
    }
    fn open(&self) -> Vec<RelPath> {
        self.documents.paths()
    }
    fn dirty(&self) -> Vec<RelPath> {
        self.documents.dirty()
    }
    fn land<'a>(
        &'a self,
        change: &'a ChangeSet,
        label: &'a str,
    ) -> BoxFuture<'a, Result<Landed, LandError>> {
        self.disk.land(change, label)
    }
}

fn state(bench: &Bench) -> sandbox::Tree {
    sandbox::Tree::open(&bench.state).unwrap()
}

fn prepare(bench: &Bench, draft: &Draft) -> Scratch {
    Scratch::prepare(&state(bench), draft.snapshot(), draft).unwrap()
}

#[test]
fn holds_disk_then_buffers_then_draft() {
    let bench = Bench::new(&[
        ("disk", "d\n"),
        ("buffer", "saved\n"),
        ("draft", "old\n"),
        ("gone", "x\n"),
        (".env", "K=1\n"),
    ]);
    let documents = Documents::new();
    documents.open(rel("buffer"), 1, "saved\n", None);
    documents
        .change(&rel("buffer"), 2, |rope| rope.insert(0, "un"))
        .unwrap();
    documents.open(rel("new buffer"), 1, "never saved\n", None);
    let host = Arc::new(Editor {
        disk: bench.disk(),
        documents,
    });
    let mut draft = Draft::new(Arc::new(Snapshot::new(host.clone())));
    // What is typed after the snapshot is not in it.
    host.documents
        .change(&rel("buffer"), 3, |rope| rope.insert(0, "later "))
        .unwrap();
    draft.write(&rel("draft"), "new\n").unwrap();
    draft.write(&rel("sub/made"), "made\n").unwrap();
    draft.delete(&rel("gone")).unwrap();
    let scratch = prepare(&bench, &draft);
    let text = |path: &str| std::fs::read_to_string(scratch.path().join(path)).ok();
    assert_eq!(text("disk").as_deref(), Some("d\n"));
    assert_eq!(text("buffer").as_deref(), Some("unsaved\n"));
    assert_eq!(text("new buffer").as_deref(), Some("never saved\n"));
    assert_eq!(text("draft").as_deref(), Some("new\n"));
    assert_eq!(text("sub/made").as_deref(), Some("made\n"));
    assert_eq!((text("gone"), text(".env")), (None, None));
    assert_eq!(bench.get("draft").as_deref(), Some("old\n"));
}

#[test]
fn is_kept_warm_and_clean() {
    let bench = Bench::new(&[(".gitignore", "target\n"), ("a", "1\n"), ("src/b", "1\n")]);
    let first = prepare(&bench, &bench.draft());
    let path = first.path().to_owned();
    let time = |name: &str| {
        std::fs::metadata(path.join(name))
            .unwrap()
            .modified()
            .unwrap()
    };
    let original = |name: &str| {
        std::fs::metadata(bench.path.join(name))
            .unwrap()
            .modified()
            .unwrap()
    };
    assert_eq!(time("a"), original("a"));
    let hash = first.hash();
    drop(first);
    std::fs::create_dir_all(path.join("target/debug")).unwrap();
    std::fs::write(path.join("target/debug/out"), "built").unwrap();
    std::fs::write(path.join("left.snap"), "x").unwrap();
    std::fs::remove_file(bench.path.join("src/b")).unwrap();
    let before = time("a");
    let mut draft = bench.draft();
    draft.write(&rel("new"), "n\n").unwrap();
    let second = prepare(&bench, &draft);
    assert_eq!(second.path(), path);
    assert_eq!(time("a"), before);
    assert!(path.join("target/debug/out").exists());
    assert!(!path.join("left.snap").exists() && !path.join("src/b").exists());
    assert_ne!(second.hash(), hash);
}

#[test]
fn a_file_that_goes_back_to_the_disks_text_is_newer_than_what_was_built() {
    let bench = Bench::new(&[("a", "1\n")]);
    let mut draft = bench.draft();
    drop(prepare(&bench, &draft));
    draft.write(&rel("a"), "2\n").unwrap();
    drop(prepare(&bench, &draft));
    let built = SystemTime::now();
    std::thread::sleep(std::time::Duration::from_millis(20));
    draft.restore(&rel("a"));
    let scratch = prepare(&bench, &draft);
    assert_eq!(
        std::fs::read_to_string(scratch.path().join("a")).unwrap(),
        "1\n"
    );
    assert!(
        std::fs::metadata(scratch.path().join("a"))
            .unwrap()
            .modified()
            .unwrap()
            > built
    );
}

#[test]
fn a_source_that_a_test_changed_is_told_and_restored() {
    let bench = Bench::new(&[("a", "1\n"), ("b", "1\n")]);
    let scratch = prepare(&bench, &bench.draft());
    assert!(scratch.changed_sources().unwrap().is_empty());
    let full = scratch.path().join("a");
    let time = std::fs::metadata(&full).unwrap().modified().unwrap();
    std::fs::write(&full, "9\n").unwrap();
    std::fs::File::options()
        .write(true)
        .open(&full)
        .unwrap()
        .set_modified(time)
        .unwrap();
    assert_eq!(scratch.changed_sources().unwrap(), [rel("a")]);
    drop(scratch);
    prepare(&bench, &bench.draft());
    assert_eq!(std::fs::read_to_string(full).unwrap(), "1\n");
}

#[test]
fn two_at_once_have_a_tree_each() {
    let bench = Bench::new(&[("a", "1\n")]);
    let first = prepare(&bench, &bench.draft());
    let second = prepare(&bench, &bench.draft());
    assert_ne!(first.path(), second.path());
}

#[test]
fn dependencies_are_linked_and_links_do_not_lead_out() {
    let bench = Bench::new(&[
        (".gitignore", "node_modules\n"),
        ("package.json", "{}\n"),
        ("node_modules/m/i.js", "1\n"),
    ]);
    std::fs::write(bench.state.join("outside"), "x").unwrap();
    std::os::unix::fs::symlink(bench.state.join("outside"), bench.path.join("out")).unwrap();
    std::os::unix::fs::symlink("package.json", bench.path.join("in")).unwrap();
    let scratch = prepare(&bench, &bench.draft());
    assert_eq!(
        std::fs::read_to_string(scratch.path().join("node_modules/m/i.js")).unwrap(),
        "1\n"
    );
    assert!(scratch.path().join("node_modules").is_symlink());
    assert!(!scratch.path().join("out").exists());
    assert_eq!(
        std::fs::read_to_string(scratch.path().join("in")).unwrap(),
        "{}\n"
    );
    drop(scratch);
    let again = prepare(&bench, &bench.draft());
    assert!(
        again.path().join("node_modules").is_symlink()
            && again.changed_sources().unwrap().is_empty()
    );
}

#[test]
fn a_file_has_the_mode_that_it_would_land_with() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new(&[("run.sh", "#!/bin/sh\n"), ("plain", "p\n"), ("same", "s\n")]);
    let chmod = |name: &str, mode| {
        std::fs::set_permissions(bench.path.join(name), PermissionsExt::from_mode(mode)).unwrap();
    };
    chmod("run.sh", 0o755);
    let mode = |scratch: &Scratch, name: &str| {
        let found = std::fs::metadata(scratch.path().join(name)).unwrap();
        found.permissions().mode() & 0o777
    };
    let usual = mode(&prepare(&bench, &bench.draft()), "plain");
    // Moved, and moved over a file that was there with another mode.
    let mut draft = bench.draft();
    draft.rename(&rel("run.sh"), &rel("bin/go.sh")).unwrap();
    let scratch = prepare(&bench, &draft);
    assert_eq!(mode(&scratch, "bin/go.sh"), 0o755);
    drop(scratch);
    draft.rename(&rel("bin/go.sh"), &rel("plain")).unwrap();
    let scratch = prepare(&bench, &draft);
    assert_eq!(mode(&scratch, "plain"), 0o755);
    drop(scratch);
    // The same bytes in the same place with another mode.
    let mut draft = bench.draft();
    draft.write(&rel("new"), "#!/bin/sh\n").unwrap();
    let scratch = prepare(&bench, &draft);
    assert_eq!(
        (mode(&scratch, "new"), mode(&scratch, "plain")),
        (usual, usual)
    );
    drop(scratch);
    let mut draft = bench.draft();
    draft.rename(&rel("run.sh"), &rel("new")).unwrap();
    let scratch = prepare(&bench, &draft);
    assert_eq!(mode(&scratch, "new"), 0o755);
    drop(scratch);
    let mut draft = bench.draft();
    draft.write(&rel("new"), "#!/bin/sh\n").unwrap();
    let scratch = prepare(&bench, &draft);
    assert_eq!(mode(&scratch, "new"), usual);
    drop(scratch);
    // On the disk a new mode leaves the file's time alone.
    chmod("same", 0o700);
    assert_eq!(mode(&prepare(&bench, &bench.draft()), "same"), 0o700);
}
