//! Guarded reads and writes on a real disk.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used)]

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use sandbox::{Kind, Tree};

fn tree() -> (tempfile::TempDir, Utf8PathBuf, Tree) {
    let dir = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(dir.path().canonicalize().unwrap()).unwrap();
    std::fs::create_dir(path.join("out")).unwrap();
    std::fs::write(path.join("out/victim"), "precious").unwrap();
    let tree = Tree::create(&path.join("a/tree")).unwrap();
    (dir, path, tree)
}

#[test]
fn what_is_written_is_read_and_leaves_no_trace() {
    let (_dir, path, tree) = tree();
    assert_eq!(
        path.join("a/tree").metadata().unwrap().mode() & 0o777,
        0o700
    );
    tree.write("d/e/f", b"one", Some(0o755)).unwrap();
    tree.write("d/e/f", b"two", None).unwrap();
    assert_eq!(tree.read("d/e/f").unwrap(), b"two");
    let stat = tree.stat("d/e/f").unwrap().unwrap();
    assert_eq!(
        (stat.len, stat.mode, stat.kind, stat.links),
        (3, 0o755, Kind::File, 1)
    );
    assert_eq!(tree.entries("d/e").unwrap(), [("f".to_owned(), Kind::File)]);
    tree.rename("d/e/f", "g/h").unwrap();
    assert_eq!(tree.stat("d/e/f").unwrap(), None);
    assert_eq!(tree.stat("nothing/at/all").unwrap(), None);
    tree.create_dir("d/x/y").unwrap();
    tree.symlink("d/x/l", Utf8Path::new("/etc")).unwrap();
    tree.remove_all("d").unwrap();
    tree.remove_all("d").unwrap();
    tree.remove("g/h").unwrap();
    assert_eq!(tree.entries("").unwrap(), [("g".to_owned(), Kind::Dir)]);
    assert!(Utf8Path::new("/etc/passwd").exists());
}

#[test]
fn s3_no_path_leaves_the_tree() {
    let (_dir, path, tree) = tree();
    let out = path.join("out");
    symlink(&out, tree.path().join("dir")).unwrap();
    symlink(out.join("victim"), tree.path().join("file")).unwrap();
    symlink("../../out", tree.path().join("up")).unwrap();
    symlink(out.join("fresh"), tree.path().join("dangling")).unwrap();
    let absolute = out.join("victim");
    for rel in [
        "dir/victim",
        "file",
        "up/victim",
        "../../out/victim",
        "x/../../../out/victim",
        absolute.as_str(),
        "dangling",
        "a\0b",
        "",
    ] {
        assert!(tree.read(rel).is_err(), "read {rel:?}");
        assert!(tree.write(rel, b"pwned", None).is_err(), "write {rel:?}");
        assert!(tree.append(rel).is_err(), "append {rel:?}");
        assert!(tree.lock(rel).is_err(), "lock {rel:?}");
    }
    for rel in ["dir/victim", "up/victim", "../../out/victim", "dir/new"] {
        assert!(tree.remove(rel).is_err(), "remove {rel:?}");
        assert!(tree.create_dir(rel).is_err(), "create_dir {rel:?}");
        assert!(
            tree.symlink(rel, Utf8Path::new("x")).is_err(),
            "symlink {rel:?}"
        );
        assert!(tree.rename("up", rel).is_err(), "rename {rel:?}");
    }
    tree.remove_all("dir").unwrap();
    let names: Vec<_> = out
        .read_dir_utf8()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_owned())
        .collect();
    assert_eq!(names, ["victim"]);
    assert_eq!(
        std::fs::read_to_string(out.join("victim")).unwrap(),
        "precious"
    );
}

#[test]
fn links_inside_are_read_through_and_never_written_through() {
    let (_dir, _path, tree) = tree();
    tree.write("real/f", b"x", None).unwrap();
    tree.symlink("l", Utf8Path::new("real/f")).unwrap();
    assert_eq!(tree.read("l").unwrap(), b"x");
    assert!(tree.write("l", b"y", None).is_err());
    assert_eq!(tree.stat("l").unwrap().unwrap().kind, Kind::Symlink);
}

#[test]
fn hard_links_are_replaced_not_written_through() {
    let (_dir, path, tree) = tree();
    std::fs::hard_link(path.join("out/victim"), tree.path().join("hl")).unwrap();
    assert_eq!(tree.stat("hl").unwrap().unwrap().links, 2);
    tree.write("hl", b"new", None).unwrap();
    assert_eq!(tree.read("hl").unwrap(), b"new");
    assert_eq!(
        std::fs::read_to_string(path.join("out/victim")).unwrap(),
        "precious"
    );
}

#[test]
fn fifos_and_folders_are_refused_without_waiting() {
    let (_dir, _path, tree) = tree();
    let fifo = tree.path().join("fifo");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    tree.create_dir("folder").unwrap();
    for rel in ["fifo", "folder"] {
        assert!(
            tree.read(rel).is_err()
                && tree.write(rel, b"x", None).is_err()
                && tree.append(rel).is_err(),
            "{rel}"
        );
    }
    assert_eq!(tree.stat("fifo").unwrap().unwrap().kind, Kind::Other);
}

#[test]
fn s3_a_folder_swapped_for_a_link_never_lets_a_write_out() {
    let (_dir, path, tree) = tree();
    let out = path.join("out");
    tree.create_dir("real").unwrap();
    symlink(&out, tree.path().join("bad")).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let at = |name: &str| tree.path().join(name);
            while !stop.load(Ordering::Relaxed) {
                let _ = std::fs::rename(at("real"), at("d"));
                let _ = std::fs::rename(at("d"), at("real"));
                let _ = std::fs::rename(at("bad"), at("d"));
                let _ = std::fs::rename(at("d"), at("bad"));
            }
        });
        for _ in 0..400 {
            let _ = tree.write("d/x", b"x", None);
            let _ = tree.append("d/y");
        }
        stop.store(true, Ordering::Relaxed);
    });
    let names: Vec<_> = out
        .read_dir_utf8()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_owned())
        .collect();
    assert_eq!(names, ["victim"]);
}

#[test]
fn copies_look_unchanged_to_a_build_tool() {
    let (_dir, path, tree) = tree();
    let source = Tree::open(&path.join("out")).unwrap();
    let victim = std::fs::File::open(path.join("out/victim")).unwrap();
    let time = std::time::UNIX_EPOCH + Duration::new(1_600_000_000, 123_456_789);
    victim.set_modified(time).unwrap();
    std::fs::set_permissions(path.join("out/victim"), PermissionsExt::from_mode(0o750)).unwrap();
    tree.copy_from(&source, "victim").unwrap();
    let stat = tree.stat("victim").unwrap().unwrap();
    assert_eq!((stat.mode, stat.modified, stat.len), (0o750, time, 8));
    symlink("victim", path.join("out/inner")).unwrap();
    symlink("/etc/passwd", path.join("out/outer")).unwrap();
    tree.copy_from(&source, "inner").unwrap();
    assert_eq!(tree.read("inner").unwrap(), b"precious");
    assert!(
        tree.copy_from(&source, "outer")
            .unwrap_err()
            .to_string()
            .contains("leaves the folder")
    );
}

#[test]
fn appends_add_up_and_locks_exclude() {
    let (_dir, _path, tree) = tree();
    tree.append("log/events")
        .unwrap()
        .write_all(b"one\n")
        .unwrap();
    let mut log = tree.append("log/events").unwrap();
    log.write_all(b"two\n").unwrap();
    log.sync().unwrap();
    assert_eq!(tree.read("log/events").unwrap(), b"one\ntwo\n");
    assert_eq!(tree.stat("log/events").unwrap().unwrap().mode, 0o600);
    let lock = tree.lock("lock").unwrap();
    assert_eq!(
        tree.lock("lock").unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock
    );
    drop(lock);
    tree.lock("lock").unwrap();
}

#[test]
fn staged_bytes_are_put_in_place_or_leave_nothing() {
    let (_dir, path, tree) = tree();
    tree.write("d/f", b"old", Some(0o640)).unwrap();
    tree.write("d/empty-mode", b"old", Some(0o000)).unwrap();
    let staged = tree.stage("d/f", b"new", None).unwrap();
    assert_eq!(tree.read("d/f").unwrap(), b"old");
    assert_eq!(tree.entries("d").unwrap().len(), 3);
    staged.place().unwrap();
    tree.sync("d").unwrap();
    assert_eq!(tree.read("d/f").unwrap(), b"new");
    assert_eq!(tree.stat("d/f").unwrap().unwrap().mode, 0o640);
    drop(tree.stage("d/f", b"never", None).unwrap());
    drop(tree.stage("new/g", b"never", None).unwrap());
    assert_eq!(tree.entries("d").unwrap().len(), 2);
    assert_eq!(tree.entries("new").unwrap(), []);
    // A file that came meanwhile is not replaced; one that was there is.
    let staged = tree.stage("new/g", b"ours", None).unwrap();
    std::fs::write(tree.path().join("new/g"), "theirs").unwrap();
    let error = staged.place().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(tree.read("new/g").unwrap(), b"theirs");
    assert_eq!(tree.entries("new").unwrap().len(), 1);
    // The folder of a staged file is a link that leads out by now.
    let staged = tree.stage("d/f", b"out", None).unwrap();
    std::fs::rename(tree.path().join("d"), tree.path().join("e")).unwrap();
    symlink(path.join("out"), tree.path().join("d")).unwrap();
    assert!(staged.place().is_err());
    assert_eq!(std::fs::read_dir(path.join("out")).unwrap().count(), 1);
}

#[test]
fn a_sweep_takes_what_dead_processes_left_and_nothing_else() {
    let (_dir, _path, tree) = tree();
    let dead = {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    };
    let ours = std::process::id();
    let init = format!(".animus-1-{}.tmp", 1);
    let kept = [
        format!(".animus-{ours}-77.tmp"),
        init,
        format!(".animus-{dead}-1.tmp.swp"),
        format!("x.animus-{dead}-1.tmp"),
        ".animus-x-1.tmp".to_owned(),
    ];
    for name in &kept {
        tree.write(&format!("d/{name}"), b"", None).unwrap();
    }
    tree.write(&format!("d/.animus-{dead}-1.tmp"), b"", None)
        .unwrap();
    tree.create_dir(&format!("d/.animus-{dead}-2.tmp")).unwrap();
    assert_eq!(tree.sweep("d", None).unwrap(), 1);
    assert_eq!(tree.entries("d").unwrap().len(), kept.len() + 1);
    assert_eq!(tree.sweep("d", Some(ours)).unwrap(), 1);
    assert_eq!(tree.sweep("nothing/here", None).unwrap(), 0);
}

#[test]
fn a_file_keeps_its_attributes_and_as_root_its_owner() {
    let (_dir, _path, tree) = tree();
    tree.write("f", b"old", Some(0o664)).unwrap();
    let full = tree.path().join("f");
    let set = rustix::fs::setxattr(
        full.as_str(),
        "user.note",
        b"kept",
        rustix::fs::XattrFlags::empty(),
    );
    let root = rustix::process::geteuid().is_root();
    if root {
        std::os::unix::fs::chown(&full, Some(4711), Some(4712)).unwrap();
        std::fs::set_permissions(&full, PermissionsExt::from_mode(0o664)).unwrap();
    }
    tree.write("f", b"new", None).unwrap();
    let found = full.metadata().unwrap();
    assert_eq!(found.mode() & 0o777, 0o664);
    if root {
        assert_eq!((found.uid(), found.gid()), (4711, 4712));
    }
    // Not every file system has attributes; where it has, they stay.
    if set.is_ok() {
        let mut value = [0; 16];
        let length = rustix::fs::getxattr(full.as_str(), "user.note", &mut value[..]).unwrap();
        assert_eq!(&value[..length], b"kept");
    }
}

#[test]
fn a_folder_that_may_not_be_changed_says_so() {
    let (_dir, _path, tree) = tree();
    tree.create_dir("open").unwrap();
    tree.may_change("open").unwrap();
    assert!(tree.may_change("nothing").is_err());
    if !rustix::process::geteuid().is_root() {
        std::fs::set_permissions(tree.path().join("open"), PermissionsExt::from_mode(0o500))
            .unwrap();
        let error = tree.may_change("open").unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    }
}

#[test]
fn a_path_is_plain_only_without_links() {
    let (_dir, path, tree) = tree();
    tree.write("d/f", b"x", None).unwrap();
    tree.symlink("l", Utf8Path::new("d/f")).unwrap();
    tree.symlink("k", Utf8Path::new("d")).unwrap();
    symlink(path.join("out"), tree.path().join("out")).unwrap();
    tree.symlink("nowhere", Utf8Path::new("none")).unwrap();
    for (rel, plain) in [
        ("d/f", true),
        ("d", true),
        ("d/new/er", true),
        ("l", false),
        ("k/f", false),
        ("k/new", false),
        ("out/victim", false),
        ("nowhere", false),
        ("../d", false),
        ("", false),
    ] {
        assert!(tree.is_plain(rel) <= plain, "{rel:?}");
        if cfg!(target_os = "linux") {
            assert_eq!(tree.is_plain(rel), plain, "{rel:?}");
        }
    }
}
