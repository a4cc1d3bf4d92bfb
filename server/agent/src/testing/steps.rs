//! Steps: whether something of a red command may not have run because of what is red before it. Then what failed before the patch hides
//! what the patch may have broken.

mod make;

use serde_json::Value;

/// Programs that test nothing.
const ASIDE: [&str; 13] = [
    "cd", "export", "set", "true", "false", ":", "echo", "exit", "test", "[", "cat", "tee", "mkdir",
];
/// Programs that run the rest of their words, which the policy names as well.
const WRAPPERS: [&str; 10] = [
    "env", "command", "builtin", "exec", "nice", "nohup", "time", "timeout", "stdbuf", "ionice",
];
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "zsh", "ksh", "ash"];

/// Scripts that call scripts that are looked into.
const DEEP: usize = 5;

const PARTS: &str =
    "the command has several parts, and what stands behind the red one may not have run";
const FIRST: &str = "the command stops at the first failure, and what stands behind did not run";

/// Why a red run of these commands says too little; `read` has the files of the draft.
pub fn hidden(
    commands: &[Vec<String>],
    output: &str,
    read: impl Fn(&str) -> Option<String>,
) -> Option<&'static str> {
    let commands = unwrapped(commands);
    let is_aside = |argv: &&&[String]| ASIDE.contains(&word(argv, 0));
    let mut real = commands.iter().filter(|argv| !is_aside(argv));
    let (first, more) = (real.next()?, real.next());
    if more.is_some() {
        return Some(PARTS);
    }
    let folder = commands
        .iter()
        .filter(|argv| word(argv, 0) == "cd")
        .map(|argv| word(argv, 1));
    let folder = folder.fold(String::new(), |path, inner| {
        format!("{path}{}/", inner.trim_end_matches('/'))
    });
    let in_folder = |name: &str| read(&format!("{folder}{name}"));
    let words: Vec<&str> = first.iter().map(String::as_str).collect();
    if stops_early(&words) {
        return Some(FIRST);
    }
    match word(first, 0) {
        "npm" | "pnpm" | "yarn" | "bun" => {
            let package: Value = serde_json::from_str(&in_folder("package.json")?).ok()?;
            of_script(package.get("scripts")?, &words, DEEP)
        }
        "make" | "gmake" => make::hidden(&words, output, in_folder),
        _ => None,
    }
}

fn word(argv: &[String], at: usize) -> &str {
    argv.get(at).map(String::as_str).unwrap_or_default()
}

/// The commands without those that only run another one of them.
fn unwrapped(commands: &[Vec<String>]) -> Vec<&[String]> {
    let runs = |argv: &[String], inner: &[String]| {
        let name = word(argv, 0).rsplit('/').next().unwrap_or_default();
        let is_line = argv
            .iter()
            .skip(1)
            .any(|word| word.starts_with('-') && word.ends_with('c'));
        let wraps = WRAPPERS.contains(&name) && argv.len() > inner.len() && argv.ends_with(inner);
        wraps || (SHELLS.contains(&name) && is_line)
    };
    let next = commands.iter().skip(1).map(Some).chain([None]);
    let kept = commands
        .iter()
        .zip(next)
        .filter(|(argv, next)| !next.is_some_and(|inner| runs(argv, inner)));
    kept.map(|(argv, _)| &argv[..]).collect()
}

/// Whether a runner is told to end at the first failure.
fn stops_early(words: &[&str]) -> bool {
    let has = |name: &str| {
        words
            .iter()
            .any(|word| word.rsplit('/').next() == Some(name))
    };
    let (pytest, unittest) = (has("pytest") || has("py.test"), has("unittest"));
    let is_one = |word: &&str| {
        let flag = word.split('=').next().unwrap_or(word);
        // Other letters have values, which may be glued on.
        let is_cluster = |known: &str, letter: char| {
            let letters = flag.strip_prefix('-').unwrap_or_default();
            letters.contains(letter) && letters.chars().all(|c| known.contains(c))
        };
        match flag {
            "--failfast" | "-failfast" | "--fail-fast" | "--exitfirst" | "--bail" | "--maxfail"
            | "--max-fail" | "--stop-on-failure" | "--stop-on-defect" | "--stop-on-error" => true,
            "-b" => has("mocha") || has("jest") || has("_mocha"),
            _ => (pytest && is_cluster("qvslx", 'x')) || (unittest && is_cluster("qvbcf", 'f')),
        }
    };
    words.iter().any(is_one)
}

/// What the script that these words run leaves out.
fn of_script(scripts: &Value, words: &[&str], deep: usize) -> Option<&'static str> {
    let name = script_name(words)?;
    let script = |name: &str| scripts.get(name).and_then(Value::as_str);
    let text = script(name)?;
    let around = ["pre", "post"].map(|end| script(&format!("{end}{name}")));
    if around.iter().any(Option::is_some) || parts(text) > 1 || is_series(text) {
        return Some(PARTS);
    }
    let inner: Vec<&str> = text.split_whitespace().collect();
    if stops_early(&inner) {
        return Some(FIRST);
    }
    match inner.first() {
        Some(&("npm" | "pnpm" | "yarn" | "bun")) if deep > 0 => {
            of_script(scripts, &inner, deep - 1)
        }
        _ => None,
    }
}

fn is_series(script: &str) -> bool {
    ["run-s ", "npm-run-all", "run-p ", "concurrently "]
        .iter()
        .any(|name| script.contains(name))
}

/// Commands of a line of shell that may test something.
fn parts(line: &str) -> usize {
    let line = line.replace("&&", ";").replace("||", ";");
    let is_real = |part: &&str| {
        let mut words = part
            .trim()
            .trim_start_matches(['@', '-', '+', '(', '{'])
            .split_whitespace();
        let first = words.find(|word| !word.contains('='));
        first.is_some_and(|word| !ASIDE.contains(&word))
    };
    line.split([';', '\n']).filter(is_real).count()
}

/// The script that `npm test`, `npm run name` or `yarn name` runs.
fn script_name<'a>(words: &[&'a str]) -> Option<&'a str> {
    let mut words = words
        .iter()
        .skip(1)
        .copied()
        .filter(|word| !word.starts_with('-'));
    match words.next()? {
        "test" | "t" | "tst" => Some("test"),
        "run" | "run-script" => words.next(),
        name => Some(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(line: &[&str], output: &str, files: &[(&str, &str)]) -> bool {
        let commands: Vec<Vec<String>> = line
            .iter()
            .map(|command| command.split(' ').map(str::to_owned).collect())
            .collect();
        let read = |path: &str| {
            let found = files.iter().find(|(name, _)| *name == path);
            found.map(|(_, text)| (*text).to_owned())
        };
        hidden(&commands, output, read).is_some()
    }

    #[test]
    fn a_red_part_may_hide_others() {
        let scripts = r#"{"scripts": {"test": "jest", "all": "jest && eslint .", "deep": "npm run all", "bail": "jest --bail",
            "unit": "jest", "preunit": "eslint .", "e2e": "jest", "poste2e": "jest other", "env": "cross-env A=1 jest"}}"#;
        let make = "test: a\n\t./a\n\t./b\n\nlast:\n\t./a\n\n# the end\nboth: a last\nafter: last\n\t./b\nline:\n\t./a && ./b\nlong:\n\t./a; \\\n\t./b\none:\n\t@cd x && ./a \\\n\t  --all\n\t@echo done\nstop:\n\tpython3 -m unittest -f\n";
        let files = [
            ("web/package.json", scripts),
            ("package.json", scripts),
            ("Makefile", make),
        ];
        for (line, output, hides) in [
            (&["cargo test"][..], "", false),
            (&["cargo test", "npm test"], "", true),
            (&["cd web", "npm test --silent"], "", false),
            (&["cd web", "npm run all"], "", true),
            (&["yarn all"], "", true),
            (&["npm run deep"], "", true),
            (&["npm run bail"], "", true),
            (&["npm run unit"], "", true),
            (&["npm run e2e"], "", true),
            (&["npm run env"], "", false),
            (&["python3 -m unittest -v -f"], "", true),
            (&["python3 -m unittest -v"], "", false),
            (&["python3 -m unittest discover -vf"], "", true),
            (&["pytest -x"], "", true),
            (&["pytest -q -rfE"], "", false),
            (&["pytest -rx -qv"], "", false),
            (&["pytest -vx"], "", true),
            (&["python3 -m pytest --maxfail=1"], "", true),
            (&["python3 -m pytest --maxfail 1"], "", true),
            (&["go test -failfast ./..."], "", true),
            (&["tar -xf a"], "", false),
            (&["timeout 60 cargo test", "cargo test"], "", false),
            (
                &[
                    "env A=1 timeout 60 cargo test",
                    "timeout 60 cargo test",
                    "cargo test",
                ],
                "",
                false,
            ),
            (&["sh -c cargo_test", "cargo test"], "", false),
            (&["sh -c both", "cargo test", "npm test"], "", true),
            (
                &["timeout 60 cargo test", "cargo test", "npm test"],
                "",
                true,
            ),
            (&["timeout 60 cargo test", "npm test"], "", true),
            (&["cargo test", "tee log"], "", false),
            (&["make both"], "make: *** [Makefile:6: last] Error 1", true),
            (
                &["make -k both"],
                "make: *** [Makefile:6: last] Error 1\nmake: Target 'both' not remade because of errors.",
                false,
            ),
            (
                &["make -k after"],
                "make: *** [Makefile:6: last] Error 1\nmake: Target 'after' not remade because of errors.",
                true,
            ),
            (
                &["make line"],
                "make: *** [Makefile:13: line] Error 1",
                true,
            ),
            (
                &["make long"],
                "make: *** [Makefile:15: long] Error 1",
                true,
            ),
            (&["make one"], "make: *** [Makefile:18: one] Error 1", false),
            (
                &["make stop"],
                "make: *** [Makefile:22: stop] Error 1",
                true,
            ),
            (&["yarn --silent test"], "", false),
            (&["make test"], "make: *** [Makefile:2: test] Error 1", true),
            (
                &["make test"],
                "make: *** [Makefile:3: test] Error 1",
                false,
            ),
            (
                &["make last"],
                "make: *** [Makefile:6: last] Error 1",
                false,
            ),
            (
                &["make test"],
                "make[1]: *** [Makefile:2: test] Error 1",
                false,
            ),
        ] {
            assert_eq!(why(line, output, &files), hides, "{line:?} {output}");
        }
    }
}
