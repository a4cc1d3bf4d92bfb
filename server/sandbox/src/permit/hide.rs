//! Which files of a workspace or scratch tree a command is not shown, because their names say that they hold secrets.
//!
//! Invariant: the walk follows no link, never leaves its folder, and looks at no more than [`MOST`] names, outer folders first.

use std::collections::VecDeque;

use camino::{Utf8Path, Utf8PathBuf};

use crate::secret::{is_secret_folder, is_secret_path};
use crate::tree::{Kind, Tree};

/// Most names that are looked at below one folder.
const MOST: usize = 100_000;

/// Folders that other people's packages and git's objects fill; what is named like a secret there is a sample or a certificate
/// that programs need.
const SKIPPED: [&str; 6] = [
    ".git",
    "target",
    "node_modules",
    ".venv",
    "venv",
    "site-packages",
];

/// Folders of a scratch tree that builds fill and the next run uses again. No secret of the user gets into the tree, so what is
/// there was made by an earlier test, for tests.
const BUILT: [&str; 7] = [
    "build",
    "dist",
    "out",
    "vendor",
    "__pycache__",
    ".cache",
    ".gradle",
];

/// Files and folders to hide.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Hidden {
    /// Absolute, existing when they were found, no links.
    pub(super) paths: Vec<Utf8PathBuf>,
    /// Sockets, pipes and devices of the workspace: a read-only mount does not keep a command from talking through them.
    pub(super) doors: Vec<Utf8PathBuf>,
    /// Whether every name was looked at.
    pub(super) all: bool,
}

impl Hidden {
    /// The secrets below the workspace and below the scratch tree. A folder that cannot be read is as closed to the command.
    pub(super) fn below(root: &Utf8Path, scratch: Option<&Utf8Path>) -> Hidden {
        let mut hidden = Hidden {
            paths: Vec::new(),
            doors: Vec::new(),
            all: true,
        };
        hidden.walk(root, |path, name| {
            SKIPPED.contains(&name) || scratch == Some(path)
        });
        if let Some(scratch) = scratch {
            // What is there is the tests' own.
            let doors = hidden.doors.len();
            hidden.walk(scratch, |_, name| {
                SKIPPED.contains(&name) || BUILT.contains(&name)
            });
            hidden.doors.truncate(doors);
        }
        hidden.paths.sort();
        hidden.paths.dedup();
        hidden
    }

    /// What to say beside the mechanisms, where there is something to hide.
    pub(super) fn told(&self) -> impl Iterator<Item = String> {
        let secrets = match (self.paths.len(), self.all) {
            (0, true) => None,
            (count, true) => Some(format!("secret files hidden ({count})")),
            (count, false) => Some(format!(
                "secret files hidden ({count}, among the first {MOST} names)"
            )),
        };
        let doors = match self.doors.len() {
            0 => None,
            count => Some(format!("sockets and pipes hidden ({count})")),
        };
        secrets.into_iter().chain(doors)
    }

    fn walk(&mut self, root: &Utf8Path, skipped: impl Fn(&Utf8Path, &str) -> bool) {
        let Ok(tree) = Tree::open(root) else {
            return;
        };
        let mut left = MOST;
        let mut open = VecDeque::from([String::new()]);
        while let Some(folder) = open.pop_front() {
            for (name, kind) in tree.entries(&folder).unwrap_or_default() {
                if left == 0 {
                    self.all = false;
                    return;
                }
                left -= 1;
                let below = match folder.is_empty() {
                    true => name.clone(),
                    false => format!("{folder}/{name}"),
                };
                let path = root.join(&below);
                match kind {
                    Kind::Dir if is_secret_folder(&name) => self.paths.push(path),
                    Kind::Dir if skipped(&path, &name) => {}
                    Kind::Dir => open.push_back(below),
                    Kind::File if is_secret_path(&below) => self.paths.push(path),
                    // The secret is where the link leads, whatever it is called there.
                    Kind::Symlink if is_secret_path(&below) || is_secret_folder(&name) => {
                        let real = path.canonicalize_utf8().ok();
                        self.paths
                            .extend(real.filter(|real| real.starts_with(root) && real != root));
                    }
                    Kind::Other => self.doors.push(path),
                    Kind::File | Kind::Symlink => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_secrets_wherever_they_lie_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(dir.path())
            .unwrap()
            .canonicalize_utf8()
            .unwrap();
        for path in [
            ".env",
            ".env.example",
            "src/main.rs",
            "a/b/c/server.key",
            "conf/shared",
            ".ssh/config",
            "node_modules/m/a.pem",
            "target/x/a.pem",
            "build/made.key",
            "scratch/.env",
            "scratch/build/made.key",
        ] {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        std::os::unix::fs::symlink("conf/shared", root.join(".env.link")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.join(".env.out")).unwrap();
        std::os::unix::fs::symlink("..", root.join("a/up")).unwrap();
        let below = |scratch: Option<&Utf8Path>| {
            let hidden = Hidden::below(&root, scratch);
            assert!(hidden.all);
            hidden
                .paths
                .iter()
                .map(|path| path.strip_prefix(&root).unwrap().to_string())
                .collect::<Vec<_>>()
                .join(" ")
        };
        expect_test::expect![
            ".env .ssh a/b/c/server.key build/made.key conf/shared scratch/.env scratch/build/made.key"
        ]
        .assert_eq(&below(None));
        expect_test::expect![".env .ssh a/b/c/server.key build/made.key conf/shared scratch/.env"]
            .assert_eq(&below(Some(&root.join("scratch"))));
    }

    #[test]
    fn the_walk_is_bounded_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(dir.path())
            .unwrap()
            .canonicalize_utf8()
            .unwrap();
        std::fs::create_dir(root.join("many")).unwrap();
        for number in 0..MOST {
            std::fs::File::create(root.join(format!("many/{number}"))).unwrap();
        }
        std::fs::write(root.join("z.key"), "x").unwrap();
        let since = std::time::Instant::now();
        let hidden = Hidden::below(&root, None);
        eprintln!("{MOST} names: {:?}", since.elapsed());
        // The outer folder came first.
        assert_eq!(hidden.paths, [root.join("z.key")]);
        assert!(!hidden.all);
        assert!(hidden.told().any(|text| text.contains("first 100000")));
    }
}
