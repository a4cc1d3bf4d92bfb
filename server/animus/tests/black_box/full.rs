//! Full: disks and folders that do not take a change. W3: nothing of it is there afterwards, and the error says what to do.
//! Small disks and other users are made in user namespaces; where there are none, a test says so on stderr.

use crate::stage::{Said, Stage, said};
use std::path::Path;
use std::process::{Command, Stdio};

const OLD: &str = "one\ntwo\n";

/// A patch that edits `a/f` and gives `b/f` a line of so many bytes.
fn patch(bytes: usize) -> String {
    let long = "x".repeat(bytes);
    format!(
        "*** Begin Patch\n*** Update File: a/f\n@@\n-one\n+1\n*** Add File: new/g\n+g\n*** Update File: b/f\n@@\n-one\n+{long}\n*** End Patch\n"
    )
}

/// Runs a shell script with `$1` the workspace, `$2` the program, `$3` a patch and `$4` an empty folder.
fn script(stage: &Stage, within: &[&str], script: &str, patch: &str) -> Said {
    let place = stage.home().join("patch.txt");
    std::fs::write(&place, patch).unwrap();
    let out = stage.home().join("out");
    std::fs::create_dir_all(&out).unwrap();
    let env = stage.animus(&[]);
    let mut command = Command::new(within.first().copied().unwrap_or("sh"));
    command.env_clear().current_dir(stage.home());
    for (name, value) in env.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    if let Some((_, rest)) = within.split_first() {
        command.args(rest).arg("sh");
    }
    command
        .args(["-c", script, "sh"])
        .arg(stage.root())
        .arg(env!("CARGO_BIN_EXE_animus"))
        .args([place, out])
        .stdin(Stdio::null());
    said(&mut command)
}

/// Whether programs can be started like that here.
fn can(within: &[&str], script: &str) -> bool {
    let (program, rest) = within.split_first().unwrap();
    let mut command = Command::new(program);
    command.args(rest).args(["sh", "-c", script]);
    let can = command.stdin(Stdio::null()).output();
    let can = can.is_ok_and(|output| output.status.success());
    if !can {
        eprintln!("not tested here, `{}` does not work", within.join(" "));
    }
    can
}

/// As before, with no temporary file, no new folder and no journal.
fn untouched(stage: &Stage, root: &Path) {
    for path in ["a/f", "b/f"] {
        let text = std::fs::read_to_string(root.join(path)).unwrap();
        assert_eq!(text, OLD, "{path}");
    }
    let mut names: Vec<_> = ["", "a", "b"]
        .iter()
        .flat_map(|folder| root.join(folder).read_dir().unwrap().flatten())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["a", "b", "f", "f"]);
    let state = stage.root().parent().unwrap().join("state/workspaces");
    let state = state.read_dir().unwrap().flatten().next().unwrap().path();
    let left = state.join("journal").read_dir();
    assert_eq!(left.map_or(0, Iterator::count), 0);
}

#[test]
fn w3_a_file_larger_than_the_limit_changes_nothing() {
    let stage = Stage::with(&[("a/f", OLD), ("b/f", OLD)]);
    let run = script(
        &stage,
        &[],
        "trap '' XFSZ; ulimit -f 100; cd \"$1\" && exec \"$2\" apply-patch <\"$3\"",
        &patch(400_000),
    );
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.err.contains("free space"), "{}", run.err);
    untouched(&stage, &stage.root());
}

#[test]
fn w3_a_full_disk_changes_nothing() {
    let within = ["unshare", "-Urm"];
    if !can(&within, "mount -t tmpfs none /mnt") {
        return;
    }
    // The state is on another disk, so that it is the files that do not fit.
    let stage = Stage::empty();
    let run = script(
        &stage,
        &within,
        "mount -t tmpfs -o size=256k none \"$1\" && cd \"$1\" && mkdir a b \
         && printf 'one\\ntwo\\n' >a/f && printf 'one\\ntwo\\n' >b/f || exit 99
         \"$2\" apply-patch <\"$3\"; code=$?; cp -a . \"$4\"; exit $code",
        &patch(400_000),
    );
    assert_eq!(run.code, 1, "{}", run.err);
    // The files are written side by side, so the small one may meet the full disk first.
    let named = ["a/f", "b/f", "new/g"].map(|path| run.err.contains(&format!("`{path}`")));
    assert!(
        run.err.contains("free space") && named.contains(&true),
        "{}",
        run.err
    );
    untouched(&stage, &stage.home().join("out"));
}

#[test]
fn w3_a_folder_that_is_mounted_read_only_changes_nothing() {
    let within = ["unshare", "-Urm"];
    if !can(&within, "mount -t tmpfs none /mnt") {
        return;
    }
    let stage = Stage::with(&[("a/f", OLD), ("b/f", OLD)]);
    for patch in [patch(10), gone()] {
        let run = script(
            &stage,
            &within,
            "cd \"$1\" && mount --bind b b && mount -o remount,bind,ro b || exit 99
             exec \"$2\" apply-patch <\"$3\"",
            &patch,
        );
        assert_eq!(run.code, 1, "{}", run.err);
        assert!(run.err.contains("mount it for writing"), "{}", run.err);
        untouched(&stage, &stage.root());
    }
}

/// Edits `a/f`, removes `b/f`.
fn gone() -> String {
    "*** Begin Patch\n*** Update File: a/f\n@@\n-one\n+1\n*** Delete File: b/f\n*** End Patch\n"
        .to_owned()
}

#[test]
fn w3_a_folder_without_write_bits_changes_nothing_and_a_file_without_them_is_replaced() {
    use std::os::unix::fs::PermissionsExt;
    // Root may write everywhere; here nobody is root.
    let within = ["unshare", "-U", "--map-user=1000", "--map-group=1000"];
    if !can(&within, "exit 0") {
        return;
    }
    let stage = Stage::with(&[("a/f", OLD), ("b/f", OLD)]);
    let bits = |path: &str, mode| {
        let mode = PermissionsExt::from_mode(mode);
        std::fs::set_permissions(stage.root().join(path), mode).unwrap();
    };
    let apply = "cd \"$1\" && exec \"$2\" apply-patch <\"$3\"";
    bits("b", 0o555);
    for patch in [patch(10), gone()] {
        let run = script(&stage, &within, apply, &patch);
        assert_eq!(run.code, 1, "{}", run.err);
        assert!(run.err.contains("writable"), "{}", run.err);
        untouched(&stage, &stage.root());
    }
    bits("b", 0o755);
    bits("b/f", 0o444);
    let run = script(&stage, &within, apply, &patch(10));
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(stage.read("b/f"), "xxxxxxxxxx\ntwo\n");
    let found = stage.root().join("b/f").metadata().unwrap();
    assert_eq!(found.permissions().mode() & 0o777, 0o444);
}

#[test]
fn without_a_state_folder_a_patch_is_applied_and_the_missing_journal_is_said() {
    let stage = Stage::with(&[("a/f", OLD), ("b/f", OLD)]);
    let place = stage.home().join("patch.txt");
    std::fs::write(&place, patch(10)).unwrap();
    let mut command = stage.animus(&["apply-patch"]);
    let run = said(
        command
            .env("ANIMUS_STATE_DIR", "/dev/null/state")
            .stdin(std::fs::File::open(place).unwrap()),
    );
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("without a journal"), "{}", run.err);
    assert_eq!(stage.read("a/f"), "1\ntwo\n");
}
