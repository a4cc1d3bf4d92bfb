//! Small projects, and the command that is found for each.
#![allow(clippy::disallowed_methods, reason = "fixtures are written here")]

use super::*;
use std::sync::Arc;
use workspace::{Disk, Root};

/// Paths with their texts.
type Files<'a> = &'a [(&'a str, &'a str)];

fn found(files: Files<'_>, changed: &[&str]) -> Option<String> {
    look(files, changed).map(|found| found.line)
}

fn look(files: Files<'_>, changed: &[&str]) -> Option<Found> {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let root = camino::Utf8Path::from_path(folder.path()).unwrap();
    let disk = Disk::open(Root::open(root).unwrap()).unwrap();
    let snapshot = Snapshot::new(Arc::new(disk));
    let changed: Vec<RelPath> = changed
        .iter()
        .map(|path| RelPath::new(path).unwrap())
        .collect();
    discover(&snapshot, &changed)
}

#[test]
fn each_kind_of_project_has_its_command() {
    let script = |text: &str| format!("{{\"scripts\": {{\"test\": {text}}}}}");
    let (real, none) = (
        script("\"jest\""),
        script("\"echo \\\"Error: no test specified\\\" && exit 1\""),
    );
    let unit = "import unittest\n";
    const PYTEST: &str = "python3 -m pytest -q -rfE --continue-on-collection-errors";
    let cases: [(Files<'_>, Option<&str>); 24] = [
        (
            &[("Cargo.toml", ""), ("Makefile", "test:\n")],
            Some("cargo test --no-fail-fast"),
        ),
        (&[("go.mod", "module x\n")], Some("go test -v ./...")),
        (&[("pom.xml", "<project/>")], Some("mvn -B -o -fae test")),
        (
            &[("pom.xml", ""), ("mvnw", "")],
            Some("./mvnw -B -o -fae test"),
        ),
        (
            &[("build.gradle.kts", ""), ("gradlew", "")],
            Some("./gradlew test --offline --continue"),
        ),
        (&[("package.json", &real)], Some("npm test --silent")),
        (
            &[("package.json", &real), ("pnpm-lock.yaml", "")],
            Some("pnpm test"),
        ),
        (
            &[("package.json", &real), ("yarn.lock", "")],
            Some("yarn test"),
        ),
        (
            &[("package.json", &real), ("bun.lock", "")],
            Some("bun run test"),
        ),
        (&[("package.json", &none)], None),
        (
            &[("package.json", "{\"description\": \"\\\"test\\\": 1\"}")],
            None,
        ),
        (
            &[("package.json", &none), ("a.test.js", "")],
            Some("node --test"),
        ),
        (&[("lib/a.test.mjs", "")], Some("node --test")),
        (&[("pytest.ini", "")], Some(PYTEST)),
        (
            &[("pyproject.toml", "[tool.pytest.ini_options]\n")],
            Some(PYTEST),
        ),
        (&[("pyproject.toml", "[project]\n")], None),
        (
            &[("pyproject.toml", "[project]\n"), ("test_a.py", unit)],
            Some("python3 -m unittest -v"),
        ),
        (
            &[("tests/test_a.py", unit)],
            Some("python3 -m unittest discover -v -s tests"),
        ),
        (
            &[("tests/__init__.py", ""), ("tests/test_a.py", unit)],
            Some("python3 -m unittest -v"),
        ),
        (
            &[("tests/test_a.py", "def test_x():\n    assert 1\n")],
            Some(PYTEST),
        ),
        (
            &[(
                "Makefile",
                "all:\n# test: not yet\nX = a:test\n\nrun test-all: x\n",
            )],
            None,
        ),
        (
            &[("Makefile", "all:\n\ntest: all\n\t./t\n")],
            Some("make -k test"),
        ),
        (
            &[("Makefile", ".PHONY: check\ncheck lint: all\n\t./t\n")],
            Some("make -k check"),
        ),
        (&[("readme.md", "test: x")], None),
    ];
    for (files, command) in cases {
        assert_eq!(found(files, &[]).as_deref(), command, "{files:?}");
    }
}

#[test]
fn a_project_inside_is_found_above_the_change() {
    let files = [
        (
            "web app/package.json",
            "{\"scripts\": {\"test\": \"jest\"}}",
        ),
        ("web app/src/a.js", ""),
        ("api/go.mod", ""),
        ("api/in/b.go", ""),
        ("c.txt", ""),
    ];
    for (changed, command) in [
        (vec!["api/in/b.go"], Some("cd api && go test -v ./...")),
        (
            vec!["web app/src/a.js"],
            Some("cd 'web app' && npm test --silent"),
        ),
        (vec!["c.txt"], None),
        (
            vec!["c.txt", "api/in/b.go"],
            Some("cd api && go test -v ./..."),
        ),
    ] {
        assert_eq!(found(&files, &changed).as_deref(), command, "{changed:?}");
    }
}

#[test]
fn cargo_goes_on_behind_a_red_program() {
    for (line, thorough_line) in [
        ("cargo test", "cargo test --no-fail-fast"),
        (
            "cargo test -p a -- --nocapture",
            "cargo test --no-fail-fast -p a -- --nocapture",
        ),
        ("cd a && cargo test", "cd a && cargo test --no-fail-fast"),
        ("cargo test --no-fail-fast", "cargo test --no-fail-fast"),
        (
            "cargo nextest run -p a",
            "cargo nextest run --no-fail-fast -p a",
        ),
        ("cargo tests", "cargo tests"),
        ("echo cargo test", "echo cargo test"),
        ("npm test", "npm test"),
        ("make test", "make -k test"),
        ("make", "make -k"),
        ("cd a && make check", "cd a && make -k check"),
        ("make -k test", "make -k test"),
        ("make --keep-going", "make --keep-going"),
        ("makefile", "makefile"),
        ("cmake --build .", "cmake --build ."),
    ] {
        assert_eq!(thorough(line), thorough_line);
    }
}

#[test]
fn what_is_meant_for_pytest_and_in_unittests_form_runs_without_it() {
    for (text, without) in [
        ("import unittest\n", Some("cd a && python3 -m unittest -v")),
        ("def test_x():\n    pass\n", None),
    ] {
        let files = [("a/pytest.ini", ""), ("a/test_x.py", text)];
        let found = look(&files, &["a/x.py"]).unwrap();
        assert!(found.line.starts_with("cd a && python3 -m pytest"));
        assert_eq!(found.without_pytest.as_deref(), without);
    }
}
