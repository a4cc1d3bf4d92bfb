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
    first.trust(&state(&bench));
    drop(first);
    std::fs::create_dir_all(path.join("target/debug")).unwrap();
    std::fs::write(path.join("target/debug/out"), "built").unwrap();
    std::fs::write(path.join("left.snap"), "x").unwrap();
    // What Python built is known by the second and would be taken for the next text's.
    std::fs::create_dir_all(path.join("src/__pycache__")).unwrap();
    std::fs::remove_file(bench.path.join("src/b")).unwrap();
    let before = time("a");
    let mut draft = bench.draft();
    draft.write(&rel("new"), "n\n").unwrap();
    let second = prepare(&bench, &draft);
    assert_eq!(second.path(), path);
    assert_eq!(time("a"), before);
    assert!(path.join("target/debug/out").exists());
    assert!(!path.join("left.snap").exists() && !path.join("src").exists());
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
    assert!(scratch.path().join("node_modules/m").is_symlink());
    assert!(!scratch.path().join("out").exists());
    assert_eq!(
        std::fs::read_to_string(scratch.path().join("in")).unwrap(),
        "{}\n"
    );
    drop(scratch);
    let again = prepare(&bench, &bench.draft());
    assert!(
        again.path().join("node_modules/m").is_symlink()
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

#[test]
fn the_unpatched_tree_is_another_and_has_no_draft() {
    let bench = Bench::new(&[("a", "1\n")]);
    let mut draft = bench.draft();
    draft.write(&rel("a"), "2\n").unwrap();
    let patched = prepare(&bench, &draft);
    let unpatched = Scratch::unpatched(&state(&bench), draft.snapshot()).unwrap();
    let text = |scratch: &Scratch| std::fs::read_to_string(scratch.path().join("a")).unwrap();
    assert_eq!(
        (text(&patched), text(&unpatched)),
        ("2\n".into(), "1\n".into())
    );
    let path = unpatched.path().to_owned();
    drop((patched, unpatched));
    // Whatever ran meanwhile, it is the same tree, with what was built there.
    drop(prepare(&bench, &draft));
    let again = Scratch::unpatched(&state(&bench), draft.snapshot()).unwrap();
    assert_eq!(again.path(), path);
}

#[test]
fn a_build_is_kept_only_where_its_run_was_trusted() {
    let bench = Bench::new(&[("a", "1\n"), ("web/package.json", "{}\n")]);
    let places = ["build/t", "web/node_modules/.bin/node", "target/debug/t"];
    let build = |scratch: &Scratch| {
        for place in places {
            let full = scratch.path().join(place);
            std::fs::create_dir_all(full.parent().unwrap()).unwrap();
            std::fs::write(full, "built").unwrap();
        }
    };
    let left = |scratch: &Scratch| places.map(|place| scratch.path().join(place).exists());
    let first = prepare(&bench, &bench.draft());
    build(&first);
    drop(first);
    let second = prepare(&bench, &bench.draft());
    assert_eq!(left(&second), [false; 3]);
    build(&second);
    second.trust(&state(&bench));
    drop(second);
    assert!(left(&prepare(&bench, &bench.draft()))[2]);
    // The word holds for one run.
    assert_eq!(left(&prepare(&bench, &bench.draft())), [false; 3]);
}

#[test]
fn what_a_command_builds_is_never_in_a_tree_of_tests() {
    let bench = Bench::new(&[("a", "1\n")]);
    let draft = bench.draft();
    let command = || Scratch::commands(&state(&bench), draft.snapshot(), &draft).unwrap();
    let first = command();
    let path = first.path().to_owned();
    std::fs::create_dir(path.join("build")).unwrap();
    drop(first);
    let tests = prepare(&bench, &draft);
    assert_ne!(tests.path(), path);
    assert!(!tests.path().join("build").exists());
    let unpatched = Scratch::unpatched(&state(&bench), draft.snapshot()).unwrap();
    assert!(unpatched.path() != path && !unpatched.path().join("build").exists());
    let again = command();
    assert!(again.path() == path && path.join("build").exists());
}

#[test]
fn reports_of_this_run_are_read_and_older_ones_are_not() {
    let bench = Bench::new(&[
        ("pom.xml", "<project/>\n"),
        ("app/build.gradle.kts", "\n"),
        (".gitignore", "target\nbuild\n"),
    ]);
    let scratch = prepare(&bench, &bench.draft());
    let put = |path: &str, text: &str| {
        let full = scratch.path().join(path);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(full, text).unwrap();
    };
    put("target/surefire-reports/TEST-old.xml", "old");
    std::thread::sleep(std::time::Duration::from_millis(30));
    let since = SystemTime::now();
    std::thread::sleep(std::time::Duration::from_millis(30));
    put("target/surefire-reports/TEST-new.xml", "new");
    put("target/surefire-reports/new.txt", "words");
    put("app/build/test-results/test/TEST-app.xml", "app");
    assert_eq!(scratch.reports(since), ["new", "app"]);
}

#[test]
fn packages_of_the_workspace_are_those_of_the_tree() {
    let bench = Bench::new(&[
        (".gitignore", "node_modules\n"),
        ("package.json", "{}\n"),
        ("packages/own/i.js", "old\n"),
        ("node_modules/.bin/tool", "#!/bin/sh\n"),
        ("node_modules/.store/far/i.js", "far\n"),
        ("node_modules/gone/i.js", "\n"),
    ]);
    let modules = bench.path.join("node_modules");
    std::fs::create_dir(modules.join("@me")).unwrap();
    for (target, name) in [
        ("../../packages/own", "@me/own"),
        (".store/far", "far"),
        (bench.path.join("packages/own").as_str(), "absolute"),
    ] {
        std::os::unix::fs::symlink(target, modules.join(name)).unwrap();
    }
    let mut draft = bench.draft();
    draft.write(&rel("packages/own/i.js"), "new\n").unwrap();
    let scratch = prepare(&bench, &draft);
    let text = |scratch: &Scratch, path: &str| {
        std::fs::read_to_string(scratch.path().join("node_modules").join(path)).ok()
    };
    for (path, said) in [
        ("@me/own/i.js", "new\n"),
        ("absolute/i.js", "new\n"),
        ("far/i.js", "far\n"),
        (".bin/tool", "#!/bin/sh\n"),
    ] {
        assert_eq!(text(&scratch, path).as_deref(), Some(said), "{path}");
    }
    // Tools write beside the packages; that stays, and what was uninstalled goes.
    std::fs::create_dir(scratch.path().join("node_modules/.cache")).unwrap();
    scratch.trust(&state(&bench));
    drop(scratch);
    let scratch = prepare(&bench, &draft);
    scratch.trust(&state(&bench));
    let hash = scratch.hash();
    drop(scratch);
    let scratch = prepare(&bench, &draft);
    scratch.trust(&state(&bench));
    assert_eq!(scratch.hash(), hash);
    drop(scratch);
    std::fs::remove_dir_all(modules.join("gone")).unwrap();
    let scratch = prepare(&bench, &draft);
    assert_ne!(
        scratch.hash(),
        hash,
        "other packages may give another verdict"
    );
    assert!(scratch.path().join("node_modules/.cache").is_dir());
    assert!(!scratch.path().join("node_modules/gone").is_symlink());
    assert_eq!(text(&scratch, "@me/own/i.js").as_deref(), Some("new\n"));
    assert!(!modules.join(".cache").exists());
}

#[test]
fn a_virtual_environment_finds_the_sources_of_the_tree() {
    let bench = Bench::new(&[
        (".gitignore", ".venv\n"),
        ("pyproject.toml", "[project]\n"),
        ("src/own/__init__.py", "old = 1\n"),
        (".venv/pyvenv.cfg", "home = /usr/bin\n"),
        (
            ".venv/lib/python3.11/site-packages/far/__init__.py",
            "far = 1\n",
        ),
    ]);
    let root = bench.path.as_str();
    bench.put(
        ".venv/bin/own",
        format!("#!{root}/.venv/bin/python\n").as_bytes(),
    );
    let editable = ".venv/lib/python3.11/site-packages/__editable__.own.pth";
    bench.put(editable, format!("{root}/src\n").as_bytes());
    std::os::unix::fs::symlink("/usr/bin/python3", bench.path.join(".venv/bin/python")).unwrap();
    std::os::unix::fs::symlink("lib", bench.path.join(".venv/lib64")).unwrap();
    for _ in 0..2 {
        let scratch = prepare(&bench, &bench.draft());
        let tree = scratch.path().to_string();
        let text = |path: &str| std::fs::read_to_string(scratch.path().join(path)).unwrap();
        assert_eq!(text(editable), format!("{tree}/src\n"));
        assert_eq!(
            text(".venv/bin/own"),
            format!("#!{tree}/.venv/bin/python\n")
        );
        assert_eq!(
            text(".venv/lib64/python3.11/site-packages/far/__init__.py"),
            "far = 1\n"
        );
        assert!(scratch.path().join(".venv/bin/python").is_symlink());
        assert!(scratch.changed_sources().unwrap().is_empty());
    }
    assert_eq!(bench.get(editable), Some(format!("{root}/src\n")));
}

/// Not a check of the clock on a loaded machine, but of the order: a minute for what takes a second.
#[test]
fn five_thousand_files_are_copied_quickly_and_then_only_looked_at() {
    let bench = Bench::new(&[]);
    for number in 0..5_000 {
        let path = bench
            .path
            .join(format!("src/m{}/f{number}.rs", number % 100));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("pub fn f{number}() {{}}\n").repeat(40)).unwrap();
    }
    let clock = std::time::Instant::now();
    drop(prepare(&bench, &bench.draft()));
    let cold = clock.elapsed();
    let mut draft = bench.draft();
    draft.write(&rel("src/m7/f7.rs"), "\n").unwrap();
    let clock = std::time::Instant::now();
    let scratch = prepare(&bench, &draft);
    let warm = clock.elapsed();
    println!("5,000 files: cold {cold:?}, warm {warm:?}");
    assert_eq!(
        std::fs::read_to_string(scratch.path().join("src/m7/f7.rs")).unwrap(),
        "\n"
    );
    assert!(cold < std::time::Duration::from_secs(60) && warm < std::time::Duration::from_secs(30));
}

#[test]
fn a_legible_tree_has_nothing_to_run_and_a_new_name_each_time() {
    let bench = Bench::new(&[
        ("src/a.ts", "export {};\n"),
        ("src/b.py", "1\n"),
        ("tsconfig.json", "{}\n"),
        ("package.json", "{}\n"),
        ("eslint.config.js", "run();\n"),
        (".eslintrc.js", "run();\n"),
        ("build.rs", "fn main() {}\n"),
        ("conftest.py", "run()\n"),
        ("node_modules/it/index.js", "run();\n"),
        (".gitignore", "node_modules\n"),
    ]);
    let mut draft = bench.draft();
    draft
        .write(&rel("src/a.ts"), "export const a = 1;\n")
        .unwrap();
    draft.write(&rel("eslint.config.mjs"), "run();\n").unwrap();
    let plain = bench.draft();
    let before = Scratch::legible(&state(&bench), draft.snapshot(), &plain).unwrap();
    let after = Scratch::legible(&state(&bench), draft.snapshot(), &draft).unwrap();
    let text =
        |scratch: &Scratch| std::fs::read_to_string(scratch.path().join("src/a.ts")).unwrap();
    assert_eq!(text(&before), "export {};\n");
    assert_eq!(text(&after), "export const a = 1;\n");
    let names = |path: camino::Utf8PathBuf| {
        let entries = path.read_dir_utf8().unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(
        names(after.path().to_owned()),
        ["node_modules", "src", "tsconfig.json"]
    );
    assert_eq!(names(after.path().join("src")), ["a.ts", "b.py"]);
    let old = after.path().to_owned();
    drop((before, after));
    let again = Scratch::legible(&state(&bench), draft.snapshot(), &plain).unwrap();
    assert_ne!(again.path(), old);
    assert_eq!(text(&again), "export {};\n");
}
