//! Discovery: the command for a project's tests, found from its files. The first kind of project that is there counts, in the order of
//! [`find`]; at the root before the folders of a change.

use serde_json::Value;
use std::collections::BTreeSet;
use workspace::{RelPath, Snapshot};

/// Pytest, as far as possible the same wherever it runs.
const PYTEST: &str = "python3 -m pytest -q -rfE --continue-on-collection-errors";

/// A folder of the workspace with its files.
struct Folder<'a> {
    snapshot: &'a Snapshot,
    /// Empty for the root, else with a slash at the end.
    path: String,
    files: &'a [RelPath],
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// A shell line to be run at the root.
    pub line: String,
    /// What runs the same tests where this machine has no pytest.
    pub without_pytest: Option<String>,
}

/// The command of a project. Where the root has no project, the nearest one above a changed file
/// has it.
pub fn discover(snapshot: &Snapshot, changed: &[RelPath]) -> Option<Found> {
    let files = snapshot.files().ok()?;
    let mut folders = vec![String::new()];
    for path in changed {
        let ends = path.as_str().rmatch_indices('/');
        folders.extend(ends.map(|(at, _)| path.as_str()[..=at].to_owned()));
    }
    let mut seen = BTreeSet::new();
    folders.retain(|folder| seen.insert(folder.clone()));
    let folders = folders.into_iter().map(|path| Folder {
        snapshot,
        path,
        files: &files,
    });
    let folders: Vec<Folder<'_>> = folders.collect();
    let of = |find: fn(&Folder<'_>) -> Option<String>| {
        folders
            .iter()
            .find_map(|folder| Some((folder, find(folder)?)))
    };
    // Lone test files may lie anywhere, also in a project inside that has a command of its own.
    let (folder, command) = of(find).or_else(|| of(lone))?;
    let without = (command == PYTEST).then(|| unittest(folder)).flatten();
    Some(Found {
        line: folder.at_root(command),
        without_pytest: without.map(|command| folder.at_root(command)),
    })
}

/// The command of a folder by what stands in it.
fn find(folder: &Folder<'_>) -> Option<String> {
    if folder.has("Cargo.toml") {
        return Some("cargo test --no-fail-fast".to_owned());
    }
    if folder.has("go.mod") || folder.has("go.work") {
        return Some("go test -v ./...".to_owned());
    }
    maven(folder)
        .or_else(|| gradle(folder))
        .or_else(|| package(folder))
        .or_else(|| python(folder))
        .or_else(|| make(folder))
}

/// The command for test files that no project is about.
fn lone(folder: &Folder<'_>) -> Option<String> {
    python_tests_command(folder).or_else(|| node(folder))
}

/// The line with what makes the runner go on behind the first failure, without which a red run says little of the rest.
pub fn thorough(line: &str) -> String {
    const RUNNERS: [(&str, &str, &[&str]); 3] = [
        (
            "cargo test",
            "--no-fail-fast",
            &["--no-run", "--help", "--list"],
        ),
        (
            "cargo nextest run",
            "--no-fail-fast",
            &["--no-run", "--help"],
        ),
        ("make", "-k", &["--keep-going", "-S", "-n", "-q"]),
    ];
    for (runner, flag, others) in RUNNERS {
        let mut places = line.match_indices(runner).map(|(at, _)| at);
        let is_start = |at: &usize| *at == 0 || line[..*at].ends_with("&& ");
        let Some(at) = places.find(is_start).map(|at| at + runner.len()) else {
            continue;
        };
        let rest = &line[at..];
        let own = rest.split("&&").next().unwrap_or(rest);
        let has = |name: &str| own.split_whitespace().any(|word| word == name);
        let is_word = rest.is_empty() || rest.starts_with(' ');
        if is_word && !has(flag) && !others.iter().any(|name| has(name)) {
            return format!("{} {flag}{rest}", &line[..at]);
        }
    }
    line.to_owned()
}

fn maven(folder: &Folder<'_>) -> Option<String> {
    let program = match (folder.has("pom.xml"), folder.has("mvnw")) {
        (false, _) => return None,
        (true, true) => "./mvnw",
        (true, false) => "mvn",
    };
    Some(format!("{program} -B -o -fae test"))
}

fn gradle(folder: &Folder<'_>) -> Option<String> {
    let is_one = [
        "build.gradle",
        "build.gradle.kts",
        "settings.gradle",
        "settings.gradle.kts",
    ]
    .iter()
    .any(|name| folder.has(name));
    let program = match (is_one, folder.has("gradlew")) {
        (false, _) => return None,
        (true, true) => "./gradlew",
        (true, false) => "gradle",
    };
    Some(format!("{program} test --offline --continue"))
}

/// The script that `npm init` writes says that there is none.
fn test_script(folder: &Folder<'_>) -> Option<String> {
    let package: Value = serde_json::from_str(&folder.text("package.json")?).ok()?;
    let script = package.get("scripts")?.get("test")?.as_str()?.trim();
    let is_real = !script.is_empty() && !script.contains("no test specified");
    is_real.then(|| script.to_owned())
}

fn package(folder: &Folder<'_>) -> Option<String> {
    test_script(folder)?;
    let has = |names: &[&str]| names.iter().any(|name| folder.has(name));
    Some(
        match () {
            () if has(&["pnpm-lock.yaml"]) => "pnpm test",
            () if has(&["yarn.lock"]) => "yarn test",
            () if has(&["bun.lock", "bun.lockb"]) => "bun run test",
            () => "npm test --silent",
        }
        .to_owned(),
    )
}

fn python(folder: &Folder<'_>) -> Option<String> {
    let says = |name: &str, word: &str| folder.text(name).is_some_and(|text| text.contains(word));
    let configured = folder.has("pytest.ini")
        || folder.has("conftest.py")
        || says("pyproject.toml", "pytest")
        || says("setup.cfg", "[tool:pytest]")
        || says("tox.ini", "[pytest]")
        || folder.has("tests/conftest.py");
    if configured {
        return Some(PYTEST.to_owned());
    }
    let manifests = [
        "pyproject.toml",
        "setup.py",
        "setup.cfg",
        "requirements.txt",
    ];
    let is_project = manifests.iter().any(|name| folder.has(name));
    is_project.then(|| python_tests_command(folder)).flatten()
}

fn python_tests_command(folder: &Folder<'_>) -> Option<String> {
    let texts = python_tests(folder);
    if texts.is_empty() {
        return None;
    }
    let needs = |text: &String| text.contains("import pytest") || text.contains("from pytest");
    if texts.iter().any(needs) {
        return Some(PYTEST.to_owned());
    }
    unittest(folder).or_else(|| Some(PYTEST.to_owned()))
}

/// The texts of the first tests.
fn python_tests(folder: &Folder<'_>) -> Vec<String> {
    let tests = folder.inside().filter(|path| is_python_test(path)).take(50);
    tests
        .filter_map(|path| text_of(folder.snapshot, path))
        .collect()
}

fn is_python_test(path: &RelPath) -> bool {
    let name = path.name();
    name.ends_with(".py") && (name.starts_with("test") || name.ends_with("_test.py"))
}

/// Where there are tests in unittest's form.
fn unittest(folder: &Folder<'_>) -> Option<String> {
    if !python_tests(folder)
        .iter()
        .any(|text| text.contains("unittest"))
    {
        return None;
    }
    // Discovery goes into packages only, so the folder of the tests is named where it is none.
    let lone = ["tests", "test"].into_iter().find(|name| {
        let inner = |path: &RelPath| {
            folder
                .below(path)
                .is_some_and(|path| path.starts_with(&format!("{name}/")))
        };
        folder
            .files
            .iter()
            .any(|path| inner(path) && is_python_test(path))
            && !folder.has(&format!("{name}/__init__.py"))
    });
    Some(match lone {
        Some(name) => format!("python3 -m unittest discover -v -s {name}"),
        None => "python3 -m unittest -v".to_owned(),
    })
}

fn make(folder: &Folder<'_>) -> Option<String> {
    let names = ["GNUmakefile", "makefile", "Makefile"];
    let text = names.iter().find_map(|name| folder.text(name))?;
    let targets = targets(&text);
    let target = ["test", "tests", "check"]
        .into_iter()
        .find(|name| targets.contains(name))?;
    Some(format!("make -k {target}"))
}

/// The names before the colon of rules; recipes, comments, variables and what belongs to one target alone are none.
fn targets(text: &str) -> BTreeSet<&str> {
    let mut targets = BTreeSet::new();
    for line in text.lines() {
        let rule = line.split('#').next().unwrap_or_default();
        if rule.starts_with(['\t', ' ', '.']) {
            continue;
        }
        if let Some((names, rest)) = rule.split_once(':')
            && !rest.starts_with('=')
            && !rest.starts_with(":=")
            && !names.contains('=')
        {
            targets.extend(names.split_whitespace());
        }
    }
    targets
}

fn node(folder: &Folder<'_>) -> Option<String> {
    let is_test = |path: &RelPath| {
        let name = path.name();
        let ends = [".test.js", ".test.mjs", ".test.cjs", "_test.js", "-test.js"];
        ends.iter().any(|end| name.ends_with(end))
    };
    folder
        .inside()
        .any(is_test)
        .then(|| "node --test".to_owned())
}

impl Folder<'_> {
    /// The command as it is run at the root.
    fn at_root(&self, command: String) -> String {
        match self.path.trim_end_matches('/') {
            "" => command,
            inner => format!("cd {} && {command}", quoted(inner)),
        }
    }

    fn has(&self, name: &str) -> bool {
        let path = format!("{}{name}", self.path);
        self.files
            .binary_search_by(|file| file.as_str().cmp(&path))
            .is_ok()
    }

    fn text(&self, name: &str) -> Option<String> {
        text_of(
            self.snapshot,
            &RelPath::new(&format!("{}{name}", self.path)).ok()?,
        )
    }

    fn below<'p>(&self, path: &'p RelPath) -> Option<&'p str> {
        path.as_str().strip_prefix(&self.path)
    }

    fn inside(&self) -> impl Iterator<Item = &RelPath> {
        self.files.iter().filter(|path| self.below(path).is_some())
    }
}

fn text_of(snapshot: &Snapshot, path: &RelPath) -> Option<String> {
    let content = snapshot.read(path).ok()??;
    content.text().ok().map(str::to_owned)
}

fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    match path.chars().all(plain) && !path.starts_with('-') {
        true => path.to_owned(),
        false => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests;
