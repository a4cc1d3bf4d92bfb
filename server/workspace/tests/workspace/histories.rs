//! History: what `git log` says, whatever kind of repository it is.

use camino::Utf8Path;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use workspace::{Commit, CommitId, Depth, Error, Root, history};

const DEPTH: Depth = Depth {
    commits: 100,
    files: 3,
    threads: 2,
};

fn git(dir: &Path, words: &[&str]) -> String {
    let out = std::process::Command::new("git")
        .args([
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@b",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(["-c", "protocol.file.allow=always"])
        .args(words)
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{words:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout).unwrap()
}

fn commit(dir: &Path, message: &str, files: &[(&str, &str)]) {
    for (path, text) in files {
        let full = dir.join(path);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(full, text).unwrap();
    }
    git(dir, &["add", "-A"]);
    git(dir, &["commit", "-qm", message]);
}

fn root(dir: &Path) -> Root {
    Root::open(Utf8Path::from_path(dir).unwrap()).unwrap()
}

fn read(dir: &Path) -> Vec<Commit> {
    history(&root(dir), DEPTH, Vec::new(), &|| true)
        .unwrap()
        .unwrap()
}

fn shown(commits: &[Commit]) -> Vec<String> {
    let line = |it: &Commit| format!("{}: {}", it.message.trim_end(), it.files.join(" "));
    commits.iter().map(line).collect()
}

/// `a`, `b`, `side` merged into it, `many`.
fn fixture() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    git(at, &["init", "-q"]);
    commit(
        at,
        "a",
        &[("x.rs", "1"), ("lib/y.rs", "1"), ("lib.rs", "1")],
    );
    commit(
        at,
        "b\n\nmore",
        &[("lib/y.rs", "2"), ("lib/deep/z.rs", "1")],
    );
    git(at, &["checkout", "-qb", "side", "HEAD~1"]);
    commit(at, "side", &[("side.rs", "1")]);
    git(at, &["checkout", "-q", "main"]);
    git(at, &["merge", "-q", "--no-ff", "-m", "merged", "side"]);
    git(at, &["mv", "lib/y.rs", "lib/w.rs"]);
    std::fs::remove_file(at.join("x.rs")).unwrap();
    commit(at, "moved", &[]);
    let many: Vec<String> = (0..4).map(|n| format!("many/{n}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|path| (path.as_str(), "")).collect();
    commit(at, "many", &many);
    dir
}

#[test]
fn messages_and_paths_without_merges_and_without_what_is_too_large() {
    let dir = fixture();
    let commits = read(dir.path());
    let mut lines = shown(&commits);
    assert_eq!(lines[..2], [": ", "moved: lib/w.rs lib/y.rs x.rs"]);
    // Commits of one second have no order.
    lines[2..].sort();
    assert_eq!(
        lines[2..],
        [
            "a: lib.rs lib/y.rs x.rs",
            "b\n\nmore: lib/deep/z.rs lib/y.rs",
            "side: side.rs"
        ]
    );
    let log = git(dir.path(), &["log", "--no-merges", "--format=%H"]);
    let mut want: Vec<&str> = log.lines().collect();
    let ids: Vec<String> = commits.iter().map(|it| it.id.to_string()).collect();
    let mut got: Vec<&str> = ids.iter().map(String::as_str).collect();
    want.sort_unstable();
    got.sort_unstable();
    assert_eq!(got, want);
    assert_eq!(CommitId::head(&root(dir.path())), Some(commits[0].id));
}

#[test]
fn a_root_below_the_top_has_its_own_paths_also_in_a_worktree() {
    let dir = fixture();
    let lines = shown(&read(&dir.path().join("lib")));
    assert!(lines.contains(&"moved: w.rs y.rs".to_owned()), "{lines:?}");
    assert!(lines.contains(&"a: y.rs".to_owned()), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("side")), "{lines:?}");
    let other = tempfile::tempdir().unwrap();
    let at = other.path().join("tree");
    git(
        dir.path(),
        &["worktree", "add", "-q", at.to_str().unwrap(), "HEAD~1"],
    );
    assert_eq!(shown(&read(&at))[0], "moved: lib/w.rs lib/y.rs x.rs");
    assert_eq!(shown(&read(&at.join("lib")))[0], "moved: w.rs y.rs");
}

#[test]
fn no_repository_no_commit_and_a_shallow_clone() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(
        history(&root(dir.path()), DEPTH, Vec::new(), &|| true),
        Err(Error::NoRepository(_))
    ));
    assert_eq!(CommitId::head(&root(dir.path())), None);
    git(dir.path(), &["init", "-q"]);
    assert_eq!(read(dir.path()), []);
    commit(dir.path(), "only", &[("a", "1")]);
    assert_eq!(shown(&read(dir.path())), ["only: a"]);
    commit(dir.path(), "later", &[("a", "2")]);
    let clone = tempfile::tempdir().unwrap();
    let from = format!("file://{}", dir.path().display());
    git(clone.path(), &["clone", "-q", "--depth", "1", &from, "."]);
    // All files seem new there.
    assert_eq!(shown(&read(clone.path())), [""; 0]);
}

#[test]
fn only_new_commits_are_read_and_reading_stops_when_told() {
    let dir = fixture();
    let mut before = read(dir.path());
    for commit in &mut before {
        commit.message.insert_str(0, "known ");
    }
    commit(dir.path(), "new", &[("new.rs", "1")]);
    let after = history(&root(dir.path()), DEPTH, before.clone(), &|| true);
    let after = after.unwrap().unwrap();
    assert_eq!(shown(&after)[0], "new: new.rs");
    assert_eq!(after[1..], before);
    let asked = AtomicUsize::new(0);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) < 3;
    let stopped = history(&root(dir.path()), DEPTH, Vec::new(), &stop);
    assert_eq!(stopped.unwrap(), None);
}

/// A tree of trees that hold nothing has no file to count; one of 9 levels has 31^9 of them.
#[test]
fn a_tree_without_end_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q"]);
    commit(dir.path(), "first", &[("a", "1")]);
    let mut tree = git(
        dir.path(),
        &["hash-object", "-t", "tree", "-w", "/dev/null"],
    );
    for _ in 0..9 {
        let rows: Vec<String> = (0..31)
            .map(|at| format!("040000 tree {}\tn{at:02}", tree.trim()))
            .collect();
        std::fs::write(dir.path().join("rows"), rows.join("\n") + "\n").unwrap();
        let make = std::process::Command::new("git")
            .arg("mktree")
            .stdin(std::fs::File::open(dir.path().join("rows")).unwrap())
            .current_dir(dir.path())
            .output()
            .unwrap();
        tree = String::from_utf8(make.stdout).unwrap();
    }
    let parent = git(dir.path(), &["rev-parse", "HEAD"]);
    let bomb = git(
        dir.path(),
        &[
            "commit-tree",
            tree.trim(),
            "-p",
            parent.trim(),
            "-m",
            "bomb",
        ],
    );
    git(dir.path(), &["update-ref", "HEAD", bomb.trim()]);
    assert_eq!(shown(&read(dir.path())), [": ", "first: a"]);
}
