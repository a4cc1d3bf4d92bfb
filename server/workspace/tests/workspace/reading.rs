//! Reading: snapshots, listings, search, git.

use crate::bench::{Bench, rel};
use workspace::{Error, Root, git};

#[test]
fn w2_two_reads_give_the_same_text() {
    let bench = Bench::new(&[("a", "1\n")]);
    let draft = bench.draft();
    let first = draft.read(&rel("a")).unwrap();
    assert_eq!(draft.snapshot().read(&rel("late")).unwrap(), None);
    bench.put("a", b"2\n");
    bench.put("late", b"x\n");
    assert_eq!(draft.read(&rel("a")).unwrap(), first);
    assert_eq!(draft.snapshot().read(&rel("late")).unwrap(), None);
    assert!(matches!(
        bench.draft().read(&rel(".env")),
        Err(Error::Secret(_))
    ));
}

#[test]
fn files_leave_out_what_is_ignored_and_secret() {
    let bench = Bench::new(&[
        (".gitignore", "target/\n*.log\n"),
        ("src/main.rs", "x\n"),
        (".github/w.yml", "x\n"),
        ("target/o", "x\n"),
        ("a.log", "x\n"),
        (".env", "K=1\n"),
        ("id_rsa", "x\n"),
        (".git/config", "x\n"),
        (".animusignore", "notes/\n"),
        ("notes/a.md", "x\n"),
    ]);
    let files: Vec<String> = bench
        .draft()
        .files()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        files,
        [
            ".animusignore",
            ".github/w.yml",
            ".gitignore",
            "src/main.rs"
        ]
    );
}

#[test]
fn single_files_are_ignored_as_the_walk_ignores_them() {
    let bench = Bench::new(&[
        (".gitignore", "build/\n*.log\n!keep.log\n/top.txt\n"),
        (".git/info/exclude", "mine.txt\n"),
        (".animusignore", "notes/\n!a/notes/\n"),
        ("a/.gitignore", "!b.log\nlocal\n"),
    ]);
    let draft = bench.draft();
    for (path, want) in [
        ("build/secret.txt", true),
        ("a/build/x", true),
        ("x.log", true),
        ("keep.log", false),
        ("a/b.log", false),
        ("a/c.log", true),
        ("top.txt", true),
        ("a/top.txt", false),
        ("a/local", true),
        ("local", false),
        ("mine.txt", true),
        ("notes/x", true),
        ("node_modules/p/build/x", false),
        ("src/main.rs", false),
    ] {
        assert_eq!(
            workspace::is_ignored(draft.snapshot().root(), &rel(path)),
            want,
            "{path}"
        );
    }
}

#[test]
fn find_sees_the_draft() {
    let bench = Bench::new(&[
        ("src/a.rs", "fn one() {}\nfn two() {}\n"),
        ("src/b.txt", "fn three\n"),
        ("bin", "fn\0\n"),
    ]);
    let mut draft = bench.draft();
    draft
        .write(&rel("src/a.rs"), "fn one() {}\r\nfn drafted() {}\n")
        .unwrap();
    draft.write(&rel("n.rs"), "fn new() {}\n").unwrap();
    let found = |pattern, glob, max| {
        let lines = draft.find(pattern, glob, max).unwrap();
        lines
            .into_iter()
            .map(|hit| format!("{}:{}:{}", hit.path, hit.line, hit.text))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found(r"fn \w+\(", Some("*.rs"), 9),
        [
            "n.rs:1:fn new() {}",
            "src/a.rs:1:fn one() {}",
            "src/a.rs:2:fn drafted() {}"
        ]
    );
    assert_eq!(found("fn", Some("src/*.txt"), 9), ["src/b.txt:1:fn three"]);
    assert_eq!(found("fn", None, 2).len(), 2);
    assert!(matches!(draft.find("(", None, 1), Err(Error::Pattern(_))));
    assert!(matches!(
        draft.find("a", Some("[z"), 1),
        Err(Error::Pattern(_))
    ));
}

#[test]
fn git_reads_and_says_when_there_is_none() {
    let bench = Bench::new(&[("a", "1\n")]);
    let root = Root::open(&bench.path).unwrap();
    assert!(
        git::status(&root)
            .unwrap_err()
            .to_string()
            .contains("git init")
    );
    assert_eq!(git::head(&root), None);

    let repository = git2::Repository::init(&bench.path).unwrap();
    assert!(git::status(&root).unwrap().contains("no commits yet"));
    let mut index = repository.index().unwrap();
    index.add_path("a".as_ref()).unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    index.write().unwrap();
    let author = git2::Signature::now("A", "a@example.org").unwrap();
    let commit = repository
        .commit(Some("HEAD"), &author, &author, "x", &tree, &[])
        .unwrap();
    assert_eq!(git::head(&root), Some(commit.to_string()));
    bench.put("a", b"2\n");
    bench.put("n", b"new\n");
    bench.put(".env", b"KEY=secret\n");
    let status = git::status(&root).unwrap();
    assert!(
        status.contains(" M a\n") && status.contains("?? n\n"),
        "{status}"
    );
    let diff = git::diff(&root, None).unwrap();
    assert!(
        diff.contains("-1\n+2\n") && diff.contains("+new\n") && !diff.contains("secret"),
        "{diff}"
    );
    let one = git::diff(&root, Some(&rel("n"))).unwrap();
    assert!(one.contains("+new\n") && !one.contains("+2\n"), "{one}");
}

#[test]
fn git_makes_a_repository_once() {
    let bench = Bench::new(&[("a", "1\n"), ("sub/b", "2\n")]);
    let root = Root::open(&bench.path).unwrap();
    git::create(&root, "first").unwrap();
    assert!(git::head(&root).is_some());
    let status = git::status(&root).unwrap();
    assert_eq!(
        status.lines().count(),
        1,
        "everything is committed: {status}"
    );
    let head = git::head(&root);
    let again = git::create(&root, "second").unwrap_err().to_string();
    assert!(again.contains("already"), "{again}");
    assert_eq!(git::head(&root), head);
}

#[cfg(unix)]
#[test]
fn rules_that_lead_to_a_device_or_are_a_pipe_are_not_read() {
    let bench = Bench::new(&[("a/x.txt", "x\n"), ("b/y.txt", "x\n")]);
    let draft = bench.draft();
    let root = draft.snapshot().root().path().to_owned();
    for place in [".gitignore", "a/.ignore", "a/.animusignore"] {
        std::os::unix::fs::symlink("/dev/zero", root.join(place)).unwrap();
    }
    std::os::unix::fs::symlink("/dev/stdin", root.join("b/.gitignore")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(root.join("b/.ignore"))
        .status();
    assert!(made.unwrap().success());
    let files = draft.files().unwrap();
    assert_eq!(
        files.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["a/x.txt", "b/y.txt"]
    );
    assert!(!workspace::is_ignored(
        draft.snapshot().root(),
        &rel("b/y.txt")
    ));
}
