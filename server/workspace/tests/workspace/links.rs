//! W1: where links lead, what is no plain file, and what of a file stays when it is replaced.

use crate::bench::{Bench, rel, wait};
use workspace::{ChangeSet, Content, Error, Host, LandError};

#[test]
fn w1_links_do_not_lead_out() {
    let bench = Bench::new(&[("in/f", "x\n")]);
    let outside = bench.state.join("secret");
    std::fs::write(&outside, "outside\n").unwrap();
    std::os::unix::fs::symlink(&outside, bench.path.join("link")).unwrap();
    std::os::unix::fs::symlink(&bench.state, bench.path.join("dir")).unwrap();
    std::os::unix::fs::symlink("in/f", bench.path.join("inner")).unwrap();
    let mut draft = bench.draft();
    assert!(draft.read(&rel("link")).is_err());
    assert!(draft.read(&rel("dir/secret")).is_err());
    assert_eq!(
        draft.read(&rel("inner")).unwrap().unwrap().text().unwrap(),
        "x\n"
    );
    assert!(
        draft.write(&rel("dir/new"), "x").is_err()
            || wait(draft.land(&bench.disk(), "test")).is_err()
    );
    assert!(!bench.state.join("new").exists());
    let entries = std::fs::read_dir(&bench.state).unwrap().count();
    assert_eq!(entries, 1, "nothing came to be outside");
}

#[test]
fn w1_a_link_to_a_file_inside_is_written_through_and_stays_a_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let bench = Bench::new(&[("in/f", "x\n"), ("deep/er/g", "g\n")]);
    let mode = PermissionsExt::from_mode(0o750);
    std::fs::set_permissions(bench.path.join("in/f"), mode).unwrap();
    symlink("in/f", bench.path.join("relative")).unwrap();
    symlink(bench.path.join("in/f"), bench.path.join("absolute")).unwrap();
    symlink("relative", bench.path.join("twice")).unwrap();
    symlink("deep/er", bench.path.join("folder")).unwrap();
    for (number, (name, target)) in [
        ("relative", "in/f"),
        ("absolute", "in/f"),
        ("twice", "in/f"),
        ("folder/g", "deep/er/g"),
    ]
    .into_iter()
    .enumerate()
    {
        let before = bench.get(target);
        let text = format!("{number}\n");
        let mut draft = bench.draft();
        draft.write(&rel(name), &text).unwrap();
        let landed = wait(draft.land(&bench.disk(), "test")).unwrap();
        assert_eq!(landed.paths, [rel(name)]);
        assert_eq!(bench.get(target), Some(text), "{name}");
        let link = name.split('/').next().unwrap();
        assert!(bench.path.join(link).is_symlink(), "{name}");
        let full = bench.path.join("in/f").metadata().unwrap();
        assert_eq!(full.permissions().mode() & 0o777, 0o750);
        wait(landed.change.invert().land(&bench.disk(), "undo")).unwrap();
        assert_eq!(bench.get(target), before, "{name}");
    }
    // A new file in a linked folder comes to be where the link leads.
    let mut draft = bench.draft();
    draft.write(&rel("folder/new"), "n\n").unwrap();
    wait(draft.land(&bench.disk(), "test")).unwrap();
    assert_eq!(bench.get("deep/er/new").as_deref(), Some("n\n"));
}

#[test]
fn w1_what_is_no_plain_file_is_refused_and_nothing_changes() {
    use std::os::unix::fs::symlink;
    let bench = Bench::new(&[("f", "1\n"), ("a", "1\n")]);
    symlink("f", bench.path.join("link")).unwrap();
    symlink("nowhere", bench.path.join("dangling")).unwrap();
    symlink("loop", bench.path.join("loop")).unwrap();
    std::fs::create_dir(bench.path.join("folder")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(bench.path.join("fifo"))
        .status();
    assert!(made.unwrap().success());
    let edit = |path: &str, base: Option<&str>, after: Option<&str>| workspace::FileEdit {
        path: rel(path),
        base: base.map(|text| Content::new(text.as_bytes(), None)),
        after: after.map(|text| text.as_bytes().into()),
        mode: None,
    };
    let cases = [
        (vec![edit("fifo", None, Some("x"))], "FIFO"),
        (vec![edit("fifo", Some("x"), None)], "FIFO"),
        (vec![edit("folder", None, Some("x"))], "is a folder"),
        (vec![edit("dangling", None, Some("x"))], "leads nowhere"),
        (vec![edit("loop", None, Some("x"))], "leads nowhere"),
        (vec![edit("link", Some("1\n"), None)], "is a link"),
        (
            vec![
                edit("f", Some("1\n"), Some("2\n")),
                edit("link", Some("1\n"), Some("3\n")),
            ],
            "same file",
        ),
    ];
    for (mut files, said) in cases {
        files.insert(0, edit("a", Some("1\n"), Some("2\n")));
        let change = ChangeSet { files };
        let error = wait(bench.disk().land(&change, "test")).unwrap_err();
        assert!(matches!(error, LandError::Refused(_)), "{error}");
        assert!(error.to_string().contains(said), "{said}: {error}");
        assert_eq!(bench.get("a").as_deref(), Some("1\n"), "{said}");
        assert_eq!(bench.get("f").as_deref(), Some("1\n"), "{said}");
    }
    assert!(bench.path.join("dangling").is_symlink());
    assert_eq!(std::fs::read_dir(&bench.path).unwrap().count(), 7);
}

#[test]
fn w1_hard_links_part_and_a_file_without_write_bits_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new(&[("one", "1\n"), ("ro", "1\n")]);
    let (one, ro) = (bench.path.join("one"), bench.path.join("ro"));
    std::fs::hard_link(&one, bench.path.join("two")).unwrap();
    std::fs::hard_link(&one, bench.state.join("outside")).unwrap();
    std::fs::set_permissions(&ro, PermissionsExt::from_mode(0o444)).unwrap();
    let mut draft = bench.draft();
    draft.write(&rel("one"), "2\n").unwrap();
    draft.write(&rel("ro"), "2\n").unwrap();
    wait(draft.land(&bench.disk(), "test")).unwrap();
    assert_eq!(bench.get("one").as_deref(), Some("2\n"));
    assert_eq!(bench.get("two").as_deref(), Some("1\n"));
    let outside = std::fs::read_to_string(bench.state.join("outside")).unwrap();
    assert_eq!(outside, "1\n");
    assert_eq!(bench.get("ro").as_deref(), Some("2\n"));
    let mode = ro.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o444);
}

#[test]
fn w1_another_hard_link_keeps_its_bytes_and_the_mode_stays() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new(&[("a.sh", "1\n")]);
    std::fs::hard_link(bench.path.join("a.sh"), bench.state.join("other")).unwrap();
    std::fs::set_permissions(
        bench.path.join("a.sh"),
        std::fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    let mut draft = bench.draft();
    draft.rename(&rel("a.sh"), &rel("b.sh")).unwrap();
    draft.write(&rel("b.sh"), "2\n").unwrap();
    let landed = wait(draft.land(&bench.disk(), "test")).unwrap();
    assert_eq!(
        std::fs::read_to_string(bench.state.join("other")).unwrap(),
        "1\n"
    );
    let mode = |name: &str| {
        std::fs::metadata(bench.path.join(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode("b.sh"), 0o755);
    wait(landed.change.invert().land(&bench.disk(), "undo")).unwrap();
    assert_eq!(mode("a.sh"), 0o755);
}

#[test]
fn w1_links_do_not_lead_to_secrets_or_into_git() {
    let bench = Bench::new(&[(".env", "K=1\n"), (".git/config", "x\n"), ("f", "1\n")]);
    std::os::unix::fs::symlink(".env", bench.path.join("plain.txt")).unwrap();
    std::os::unix::fs::symlink(".git", bench.path.join("g")).unwrap();
    let mut draft = bench.draft();
    assert!(matches!(
        draft.read(&rel("plain.txt")),
        Err(Error::Secret(_))
    ));
    assert!(draft.read(&rel("g/config")).is_err());
    assert!(draft.write(&rel("g/hooks/pre-commit"), "x").is_err());
    assert!(draft.find("K=|x", None, 9).unwrap().is_empty());
}

#[test]
fn w3_a_mode_that_was_set_since_stays_when_text_lands() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &camino::Utf8Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let chmod = |path: &camino::Utf8Path, bits| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(bits)).unwrap();
    };
    let bench = Bench::new(&[("run", "a\nb\n"), ("gone", "x\n")]);
    let (run, gone) = (bench.path.join("run"), bench.path.join("gone"));
    chmod(&run, 0o640);
    chmod(&gone, 0o750);
    let mut draft = bench.draft();
    draft.write(&rel("run"), "a\nB\n").unwrap();
    draft.delete(&rel("gone")).unwrap();
    let proposed = draft.change_set();
    chmod(&run, 0o755);
    // Also through a merge onto newer text.
    std::fs::write(&run, "A\nb\n").unwrap();
    let landed = wait(proposed.land(&bench.disk(), "accept")).unwrap();
    assert_eq!(std::fs::read_to_string(&run).unwrap(), "A\nB\n");
    assert_eq!(mode(&run), 0o755);
    chmod(&run, 0o700);
    wait(landed.change.invert().land(&bench.disk(), "undo")).unwrap();
    assert_eq!((mode(&run), mode(&gone)), (0o700, 0o750));
    // What a draft asks for is written all the same.
    let mut draft = bench.draft();
    draft.rename(&rel("gone"), &rel("run")).unwrap();
    wait(draft.land(&bench.disk(), "move")).unwrap();
    assert_eq!(mode(&run), 0o750);
}
