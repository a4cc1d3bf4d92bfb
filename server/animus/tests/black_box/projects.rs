//! Projects: four small real ones with the tools of their languages. Each has a test that fails before the task; the first patch breaks
//! another one and the second mends that. Only what the patch did goes back to the model, and what failed before fails still.

use crate::run::{critic, plan};
use crate::stage::{Said, Stage, said};
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use testkit::http::ModelServer;

/// One project with its two patches.
struct Project {
    files: &'static [(&'static str, &'static str)],
    /// The file that both patches change, what it says at first, wrongly, and rightly.
    path: &'static str,
    texts: [&'static str; 3],
    /// A part of the name of the test that the first patch breaks, and of the one that failed before.
    broken: &'static str,
    old: &'static str,
    /// What only the output of the old failure says.
    old_words: &'static str,
    /// Where the broken test stands, and a line around it.
    place: &'static str,
    around: &'static str,
}

/// Whether the programs are there; where not it is said.
pub fn have(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|program| {
        let mut command = Command::new(program);
        let ran = command
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        !ran.is_ok_and(|status| status.success())
    });
    if let Some(program) = missing {
        eprintln!("not tested here: there is no `{program}`");
    }
    missing.is_none()
}

fn patch(path: &str, from: &str, to: &str) -> Value {
    json!({"name": "apply_patch", "arguments": {"patch": format!(
        "*** Begin Patch\n*** Update File: {path}\n@@\n-{from}\n+{to}\n*** End Patch\n"
    )}})
}

fn failures(run: &Said) -> Vec<Vec<(String, String)>> {
    let events = run.events();
    let reports = events.iter().filter(|event| {
        event["update"]["type"] == "test" && event["update"]["report"]["verdict"] != "running"
    });
    let of = |report: &Value| {
        let failures = report["failures"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        failures
            .iter()
            .map(|failure| (text(&failure["name"]), text(&failure["standing"])))
            .collect()
    };
    reports
        .map(|event| of(&event["update"]["report"]))
        .collect()
}

fn mends_only_its_own(project: &Project) {
    mends_in(&Stage::with(project.files), project, &[]);
}

fn mends_in(stage: &Stage, project: &Project, more: &[&str]) {
    let [first, wrong, right] = project.texts;
    let model = ModelServer::openai(vec![
        json!({"calls": [plan(), patch(project.path, first, wrong)]}),
        json!({"text": "Done."}),
        critic(),
        json!({"calls": [patch(project.path, wrong, right)]}),
        json!({"text": "Mended."}),
        critic(),
    ]);
    let args = [&["run", "--json"], more, &["Write the sum in another way"]].concat();
    let mut command = stage.with_model(&model.base_url(), &args);
    // A python of pyenv is a script that needs its own folder, which is not in the home of this test.
    let home = std::env::var("HOME").unwrap_or_default();
    let pyenv = std::env::var("PYENV_ROOT").unwrap_or(format!("{home}/.pyenv"));
    if std::path::Path::new(&pyenv).is_dir() {
        command.env("PYENV_ROOT", pyenv);
    }
    let run = said(&mut command);
    let end = run.finished();
    assert_eq!(
        (end["reason"].as_str(), run.code),
        (Some("verified"), 0),
        "{}\n{}",
        run.out,
        run.err
    );
    assert!(stage.read(project.path).contains(right), "{}", run.out);

    let has = |failures: &[(String, String)], part: &str, standing: &str| {
        failures
            .iter()
            .any(|(name, other)| name.contains(part) && other == standing)
    };
    let reports = failures(&run);
    assert_eq!(reports.len(), 2, "{}", run.out);
    assert!(
        has(&reports[0], project.broken, "introduced"),
        "{reports:?}"
    );
    assert!(has(&reports[0], project.old, "pre_existing"), "{reports:?}");
    assert!(has(&reports[1], project.old, "pre_existing"), "{reports:?}");
    assert_eq!(reports[1].len(), 1, "{reports:?}");

    // What the model was told between the two patches, and what it was not.
    let requests = model.requests();
    let told = requests.iter().rev().find_map(|request| {
        let messages = request.json()["messages"].as_array()?.clone();
        let text = messages.iter().rev().find_map(|message| {
            message["content"]
                .as_str()
                .filter(|text| text.contains("The tests fail on your draft"))
        })?;
        Some(text.to_owned())
    });
    let told = told.expect("the model was told of the red tests");
    assert!(told.contains(project.broken), "{told}");
    assert!(
        told.contains(project.place) && told.contains(project.around),
        "{told}"
    );
    assert!(!told.contains(project.old_words), "{told}");
    let not_yours = told
        .lines()
        .find(|line| line.contains("not your business"))
        .unwrap();
    assert!(not_yours.contains(project.old), "{told}");
}

#[test]
fn rust_with_cargo() {
    assert!(
        have(&["cargo"]),
        "cargo builds this program, so it is there"
    );
    mends_only_its_own(&Project {
        files: &[
            (
                "Cargo.toml",
                "[package]\nname = \"sums\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
            ),
            (".gitignore", "target\n"),
            (
                "src/lib.rs",
                "pub fn sum(a: i32, b: i32) -> i32 {\n    a + b\n}\n\npub fn half(a: i32) -> i32 {\n    a\n}\n",
            ),
            (
                "tests/half.rs",
                "#[test]\nfn halves() {\n    assert_eq!(sums::half(4), 2, \"half of four\");\n}\n",
            ),
            (
                "tests/sums.rs",
                "#[test]\nfn adds() {\n    // One and two.\n    assert_eq!(sums::sum(1, 2), 3);\n}\n\n#[test]\nfn adds_nothing() {\n    assert_eq!(sums::sum(0, 0), 0);\n}\n",
            ),
        ],
        path: "src/lib.rs",
        texts: ["    a + b", "    a - b", "    b + a"],
        broken: "adds",
        old: "halves",
        old_words: "half of four",
        place: "tests/sums.rs:4",
        around: "// One and two.",
    });
}

#[test]
fn python_with_unittest() {
    if !have(&["python3"]) {
        return;
    }
    mends_only_its_own(&Project {
        files: &[
            (
                "sums.py",
                "def add(a, b):\n    return a + b\n\n\ndef half(a):\n    return a\n",
            ),
            (
                "test_sums.py",
                "import unittest\nimport sums\n\n\nclass Sums(unittest.TestCase):\n    def test_adds(self):\n        # One and two.\n        self.assertEqual(sums.add(1, 2), 3)\n\n    def test_nothing(self):\n        self.assertEqual(sums.add(0, 0), 0)\n\n    def test_half(self):\n        self.assertEqual(sums.half(4), 2, \"half of four\")\n",
            ),
        ],
        path: "sums.py",
        texts: ["    return a + b", "    return a - b", "    return b + a"],
        broken: "test_adds",
        old: "test_half",
        old_words: "half of four",
        place: "test_sums.py:8",
        around: "# One and two.",
    });
}

/// The packages of a virtual environment name the user's sources; what is tested is the draft all the same.
#[test]
fn python_with_a_virtual_environment() {
    if !have(&["python3"]) {
        return;
    }
    let project = Project {
        files: &[
            ("pyproject.toml", "[project]\nname = \"sums\"\n"),
            (".gitignore", ".venv\n"),
            (
                "src/sums.py",
                "def add(a, b):\n    return a + b\n\n\ndef half(a):\n    return a\n",
            ),
            (
                "tests/test_sums.py",
                "import unittest\nimport sums\n\n\nclass Sums(unittest.TestCase):\n    def test_adds(self):\n        # One and two.\n        self.assertEqual(sums.add(1, 2), 3)\n\n    def test_nothing(self):\n        self.assertEqual(sums.add(0, 0), 0)\n\n    def test_half(self):\n        self.assertEqual(sums.half(4), 2, \"half of four\")\n",
            ),
        ],
        path: "src/sums.py",
        texts: ["    return a + b", "    return a - b", "    return b + a"],
        broken: "test_adds",
        old: "test_half",
        old_words: "half of four",
        place: "tests/test_sums.py:8",
        around: "# One and two.",
    };
    let stage = Stage::with(project.files);
    let mut command = Command::new("python3");
    let made = command
        .args(["-m", "venv", "--without-pip", ".venv"])
        .current_dir(stage.root())
        .status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("not tested here: python3 makes no virtual environment");
        return;
    }
    let lib = stage
        .root()
        .join(".venv/lib")
        .read_dir()
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let name = lib.file_name().into_string().unwrap();
    let sources = stage.root().canonicalize().unwrap().join("src");
    let link = format!(".venv/lib/{name}/site-packages/__editable__.sums.pth");
    stage.write(&link, &format!("{}\n", sources.display()));
    let command = ".venv/bin/python -m unittest discover -v -s tests";
    mends_in(&stage, &project, &["--test-command", command]);
}

#[test]
fn javascript_with_npm() {
    if !have(&["node", "npm"]) {
        return;
    }
    mends_only_its_own(&Project {
        files: &[
            (
                "package.json",
                "{\"name\": \"sums\", \"scripts\": {\"test\": \"node --test\"}}\n",
            ),
            (".gitignore", "node_modules\n"),
            ("node_modules/far/index.js", "exports.three = 3;\n"),
            (
                "sums.js",
                "exports.add = (a, b) =>\n  a + b;\nexports.half = (a) => a;\n",
            ),
            (
                "sums.test.js",
                "const test = require('node:test');\nconst assert = require('node:assert');\nconst sums = require('./sums.js');\n\ntest('adds two numbers', () => {\n  // One and two.\n  assert.strictEqual(sums.add(1, 2), require('far').three);\n});\ntest('adds nothing', () => assert.strictEqual(sums.add(0, 0), 0));\n// Halves.\n\ntest('halves a number', () => assert.strictEqual(sums.half(4), 2, 'half of four'));\n",
            ),
        ],
        path: "sums.js",
        texts: ["  a + b;", "  a - b;", "  b + a;"],
        broken: "adds two numbers",
        old: "halves a number",
        old_words: "half of four",
        place: "sums.test.js:7",
        around: "// One and two.",
    });
}

/// The test program of the C project; `report` prints a result.
const C_TEST: &str = "#include <stdio.h>\n#include \"sums.h\"\nstatic int number, failed;\nstatic void report(int ok, const char *name, int line) {\n    printf(\"%s %d - %s\\n\", ok ? \"ok\" : \"not ok\", ++number, name);\n    if (!ok) { printf(\"# test.c:%d: is not so\\n\", line); failed = 1; }\n}\nint main(void) {\n    printf(\"1..3\\n\");\n    /* One and two. */\n    report(add(1, 2) == 3, \"adds two numbers\", __LINE__);\n    report(add(0, 0) == 0, \"adds nothing\", __LINE__);\n    report(half(4) == 2, \"halves a number\", __LINE__);\n    return failed;\n}\n";

#[test]
fn c_with_make() {
    if !have(&["gcc", "make"]) {
        return;
    }
    mends_only_its_own(&Project {
        files: &[
            (
                "Makefile",
                "test: all\n\t./all\n\nall: test.c sums.c sums.h\n\tgcc -o all test.c sums.c\n",
            ),
            (".gitignore", "all\n"),
            ("sums.h", "int add(int a, int b);\nint half(int a);\n"),
            (
                "sums.c",
                "#include \"sums.h\"\nint add(int a, int b) {\n    return a + b;\n}\nint half(int a) { return a; }\n",
            ),
            ("test.c", C_TEST),
        ],
        path: "sums.c",
        texts: [
            "    return a + b;",
            "    return a - b;",
            "    return b + a;",
        ],
        broken: "adds two numbers",
        old: "halves a number",
        old_words: "test.c:13: is not so",
        place: "test.c:11",
        around: "/* One and two. */",
    });
}
