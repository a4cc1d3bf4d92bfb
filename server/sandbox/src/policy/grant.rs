//! `Grant`: what a person allowed beyond once.
//!
//! Invariant: a grant names a program by its absolute path, and is as wide as a subcommand at most; where words of a command have
//! no such shape it is the exact words. Programs that run other programs have none.

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::rules;

/// What a person allowed beyond once: a program by absolute path with leading words.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// The program's absolute path.
    pub program: Utf8PathBuf,
    /// The words after the program that must come first. Only a subcommand may be followed by others; anything else is meant to
    /// the word.
    pub prefix: Vec<String>,
}

/// Whether a program is one of the system, found by the search path, or lies in the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Installed,
    Workspace,
}

/// Programs whose first word says what they do, with the first words for which that is enough.
const SUBCOMMANDS: &[(&[&str], &[&str])] = &[
    (
        &["npm", "pnpm", "yarn"],
        &[
            "install", "i", "ci", "add", "remove", "update", "audit", "dedupe", "prune", "pack",
        ],
    ),
    (
        &["cargo"],
        &[
            "add",
            "remove",
            "update",
            "fetch",
            "run",
            "r",
            "generate-lockfile",
            "vendor",
            "package",
        ],
    ),
    (&["go"], &["mod", "get", "generate", "run", "work"]),
    (&["git"], &["add", "commit", "fetch", "stash"]),
    (&["pip", "pip3"], &["install", "download", "freeze"]),
    (
        &["poetry", "uv", "pipenv"],
        &["add", "install", "lock", "remove", "sync", "update"],
    ),
    (
        &["bundle", "composer", "gem"],
        &["add", "install", "update"],
    ),
    (
        &["make", "gmake", "just", "ninja"],
        &["install", "clean", "all", "dist"],
    ),
    (
        &["docker", "podman"],
        &["ps", "images", "pull", "build", "logs"],
    ),
    (&["dotnet"], &["add", "restore", "publish", "run"]),
    (
        &["apt", "apt-get", "brew", "dnf", "apk"],
        &["install", "update"],
    ),
    (&["rustup"], &["component", "target", "toolchain", "update"]),
    (&["gh", "glab"], &["issue", "pr", "repo", "run"]),
    (
        &["mvn", "gradle"],
        &["install", "package", "deploy", "publish"],
    ),
];

/// First words that a second one completes: `npm run build`.
const COMPLETED: &[(&[&str], &[&str])] = &[
    (&["npm", "pnpm", "yarn"], &["run", "run-script"]),
    (&["poetry", "pipenv"], &["run"]),
];

impl Grant {
    /// Whether other words may follow; else the command is meant to the word. A program of the workspace is always meant so.
    pub fn is_open(&self) -> bool {
        let words: Vec<&str> = self.prefix.iter().map(String::as_str).collect();
        name(&self.program, &words).is_some_and(|name| leading(name, &words) == Some(words.len()))
    }

    /// The grant that would cover this command and little more; `None` where only a person can decide each time. `settled`: every
    /// path means one place, so that the same words mean the same again.
    pub(super) fn offer(
        program: &Utf8Path,
        origin: Origin,
        args: &[&str],
        settled: bool,
    ) -> Option<Grant> {
        let name = name(program, args)?;
        let words = match (origin, leading(name, args)) {
            (Origin::Installed, Some(words)) => words,
            _ if settled => args.len(),
            _ => return None,
        };
        Some(Grant {
            program: program.to_owned(),
            prefix: args[..words].iter().map(|arg| (*arg).to_owned()).collect(),
        })
    }

    /// Whether a command may run by this grant.
    pub(super) fn covers(
        &self,
        program: &Utf8Path,
        origin: Origin,
        args: &[&str],
        settled: bool,
    ) -> bool {
        let Some(name) = name(program, args).filter(|_| self.program == program) else {
            return false;
        };
        // How wide a grant is, its own words say: what is stored can be no wider than what is offered.
        let words: Vec<&str> = self.prefix.iter().map(String::as_str).collect();
        match origin == Origin::Installed && leading(name, &words) == Some(words.len()) {
            true => args.starts_with(&words),
            false => settled && args == words,
        }
    }
}

/// The program's name, unless its words make it run something else.
fn name<'p>(program: &'p Utf8Path, args: &[&str]) -> Option<&'p str> {
    program
        .file_name()
        .filter(|name| rules::steering(name).is_none() && !rules::runs_others(name, args))
}

/// The number of words that say what a program does.
fn leading(name: &str, args: &[&str]) -> Option<usize> {
    let listed = |table: &[(&[&str], &[&str])], word: &str| {
        table
            .iter()
            .any(|(names, words)| names.contains(&name) && words.contains(&word))
    };
    match args {
        [first, ..] if listed(SUBCOMMANDS, first) => Some(1),
        [first, second, ..] if listed(COMPLETED, first) && plain(second) => Some(2),
        _ => None,
    }
}

fn plain(word: &str) -> bool {
    !word.is_empty()
        && !word.starts_with(['-', '.'])
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.'))
}

#[cfg(test)]
mod tests {
    use super::super::{Decision, Line, Policy};
    use super::*;
    use crate::Config;

    fn workspace(dir: &tempfile::TempDir) -> Utf8PathBuf {
        let root = Utf8Path::from_path(dir.path())
            .unwrap()
            .canonicalize_utf8()
            .unwrap()
            .join("up/ws");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        root
    }

    fn judged(root: &Utf8Path, line: &str, grants: &[Grant]) -> (Decision, Vec<Grant>) {
        let verdict = Policy::new(&Config::default()).unwrap().judge_granted(
            &Line::Shell(line.to_owned()),
            root,
            grants,
        );
        (verdict.decision, verdict.grants().to_vec())
    }

    #[test]
    fn a_grant_lets_its_own_line_and_no_other_program_or_place_run() {
        let dir = tempfile::tempdir().unwrap();
        let root = workspace(&dir);
        // The first line offers the grants; with them the others run or do not.
        for (line, runs, asks) in [
            (
                "git commit -m x",
                &[
                    "git commit --amend",
                    "cd sub && git commit -m y",
                    "timeout 9 git commit",
                    "git commit -m y | cat",
                ][..],
                &[
                    "git push",
                    "git commit -F .env",
                    "git commit -F ../../../etc/hosts",
                    "git -c a.b=c commit",
                    "git commit > .git/x",
                    "git commit; git push",
                    "git commit $x",
                    "sudo git commit",
                    "./git commit",
                ][..],
            ),
            (
                "rm a b",
                &["rm a b", "ls; rm a b"],
                &["rm a", "rm a b c", "cd sub && rm a b", "rm -r a b"],
            ),
            (
                "./x.sh a",
                &["./x.sh a", "sub/../x.sh a"],
                &["./x.sh", "./x.sh a b", "cd sub && ./x.sh a", "x.sh a"],
            ),
            ("git add a && rm b", &["rm b; git add c"], &["rm c"]),
            (
                "ls > out && git add out",
                &["git add out"],
                &["git add ../x"],
            ),
        ] {
            let (decision, grants) = judged(&root, line, &[]);
            assert!(decision == Decision::Ask && !grants.is_empty(), "{line}");
            assert_eq!(
                judged(&root, line, &grants),
                (Decision::Allow, Vec::new()),
                "{line}"
            );
            for line in runs {
                assert_eq!(judged(&root, line, &grants).0, Decision::Allow, "{line}");
            }
            for line in asks {
                assert_eq!(judged(&root, line, &grants).0, Decision::Ask, "{line}");
            }
        }
    }

    #[test]
    fn some_lines_no_grant_can_lift() {
        let dir = tempfile::tempdir().unwrap();
        let root = workspace(&dir);
        for line in [
            "python3 x.py",
            "bash x.sh",
            "perl -e 1",
            "sudo git commit",
            "env -S 'git commit'",
            "ls | xargs rm",
            "cat ../x",
            "cat .env",
            "git commit > ../x",
            "git commit &",
            "rm $x",
            "rm .git/config",
            "rm -rf /",
            "FOO=1 git commit",
            "no-such-program-here",
            "git commit; cat .env",
            "(",
            "find . -exec ls ;",
            "git fetch --upload-pack=./x",
        ] {
            let (decision, grants) = judged(&root, line, &[]);
            assert!(
                decision != Decision::Allow && grants.is_empty(),
                "{line}: {grants:?}"
            );
        }
        // What was stored by hand is no wider than what would be offered.
        for (program, prefix) in [
            ("/usr/bin/rm", vec![]),
            ("/usr/bin/git", vec!["push"]),
            ("/usr/bin/bash", vec!["x.sh"]),
        ] {
            let grant = Grant {
                program: program.into(),
                prefix: prefix.into_iter().map(str::to_owned).collect(),
            };
            for line in ["rm a", "git push origin", "bash x.sh"] {
                assert_eq!(
                    judged(&root, line, std::slice::from_ref(&grant)).0,
                    Decision::Ask,
                    "{line}"
                );
            }
        }
    }
}
