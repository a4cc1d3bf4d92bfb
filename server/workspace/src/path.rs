//! RelPath and Root: a place in the workspace. W1: relative, normal, with `/`, never above the root, never in `.git`.

use crate::error::Error;
use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Longest path that is taken, in bytes (as `PATH_MAX` on Linux).
const LONGEST: usize = 4096;

/// A path relative to the workspace root: normal, `/` between parts, not empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelPath(Arc<str>);

impl RelPath {
    /// Takes `src/a.rs` and `./src//a.rs`; refuses absolute paths, `..`, drives, UNC and other backslashes,
    /// `.git` as a part (however a file system may spell it), control characters and the empty path.
    ///
    /// # Errors
    /// [`Error::Path`] says which rule the path breaks.
    pub fn new(path: &str) -> Result<RelPath, Error> {
        let refuse = |why| {
            Err(Error::Path {
                path: path.chars().take(200).collect(),
                why,
            })
        };
        if path.len() > LONGEST {
            return refuse("it is too long");
        }
        if path.chars().any(char::is_control) {
            return refuse("it has a control character");
        }
        if path.starts_with('/') {
            return refuse("it is absolute");
        }
        if path.starts_with("~/") || path == "~" {
            return refuse("it starts in the home folder");
        }
        if path.contains('\\') {
            return refuse("it has a backslash");
        }
        let bytes = path.as_bytes();
        if bytes.len() >= 2 && bytes[1] == b':' && bytes[0].is_ascii_alphabetic() {
            return refuse("it names a drive");
        }
        let mut parts: Vec<&str> = Vec::new();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => return refuse("it has `..`"),
                part if sandbox::is_git(part) => return refuse("it reaches into `.git`"),
                part => parts.push(part),
            }
        }
        if parts.is_empty() {
            return refuse("it is empty");
        }
        if path.ends_with('/') {
            return refuse("it names a folder");
        }
        Ok(RelPath(parts.join("/").into()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Whether this path lies below `folder`.
    pub fn is_below(&self, folder: &RelPath) -> bool {
        self.0
            .strip_prefix(folder.as_str())
            .is_some_and(|rest| rest.starts_with('/'))
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", &self.0)
    }
}

impl TryFrom<String> for RelPath {
    type Error = Error;
    fn try_from(path: String) -> Result<RelPath, Error> {
        RelPath::new(&path)
    }
}

impl From<RelPath> for String {
    fn from(path: RelPath) -> String {
        path.0.to_string()
    }
}

/// The workspace folder, canonical.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    path: Utf8PathBuf,
    given: Utf8PathBuf,
}

impl Root {
    /// Opens the folder; symlinks on the way to it are resolved once, here.
    ///
    /// # Errors
    /// [`Error::Io`] where there is no such folder, [`Error::Path`] where its real name is not UTF-8 or it is a file.
    pub fn open(dir: &Utf8Path) -> Result<Root, Error> {
        let path = dir
            .canonicalize_utf8()
            .map_err(|source| Error::io(format!("cannot open the folder `{dir}`"), source))?;
        if !path.is_dir() {
            return Err(Error::Path {
                path: dir.to_string(),
                why: "it is not a folder",
            });
        }
        Ok(Root {
            path,
            given: dir.to_owned(),
        })
    }

    /// The folder, absolute, without symlinks.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// The place of an absolute path in the workspace, also when it is written through the name the root was opened
    /// by; `None` outside, for the root itself, and for what [`RelPath::new`] refuses.
    pub fn relative(&self, abs: &Utf8Path) -> Option<RelPath> {
        let rest = abs
            .strip_prefix(&self.path)
            .or_else(|_| abs.strip_prefix(&self.given))
            .ok()?;
        if rest.is_absolute() || !abs.is_absolute() {
            return None;
        }
        let parts: Vec<&str> = rest
            .components()
            .map(|part| match part {
                Utf8Component::Normal(name) => name,
                _ => "..",
            })
            .collect();
        RelPath::new(&parts.join("/")).ok()
    }

    /// Where a path leads once links on the way, as far as it exists, are followed; `None` outside the workspace and for what
    /// [`RelPath::new`] refuses.
    pub fn leads_to(&self, path: &RelPath) -> Option<RelPath> {
        let full = self.absolute(path);
        let real = full.ancestors().find_map(|above| {
            let real = above.canonicalize_utf8().ok()?;
            let rest = full.strip_prefix(above).ok()?;
            Some(match rest.as_str() {
                "" => real,
                rest => real.join(rest),
            })
        });
        match real {
            Some(real) => self.relative(&real),
            None => Some(path.clone()),
        }
    }

    /// The absolute path of a place in the workspace.
    pub fn absolute(&self, path: &RelPath) -> Utf8PathBuf {
        self.path.join(path.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w1_paths_are_relative_and_normal() {
        for (given, want) in [
            ("a", Some("a")),
            ("./a", Some("a")),
            ("src//b/./c.rs", Some("src/b/c.rs")),
            (".gitignore", Some(".gitignore")),
            ("...", Some("...")),
            ("a b/ü.txt", Some("a b/ü.txt")),
            ("", None),
            (".", None),
            ("./", None),
            ("a/", None),
            ("/etc/passwd", None),
            ("../a", None),
            ("a/../b", None),
            ("a/..", None),
            (".git", None),
            (".git/config", None),
            ("sub/.GIT/config", None),
            (".git./config", None),
            ("git~1/config", None),
            (".g\u{200d}it/config", None),
            (".git::$INDEX_ALLOCATION/config", None),
            ("C:/x", None),
            ("c:x", None),
            ("\\\\server\\share", None),
            ("a\\b", None),
            ("a\0b", None),
            ("a\nb", None),
            ("~/x", None),
        ] {
            let got = RelPath::new(given).ok();
            assert_eq!(got.as_ref().map(RelPath::as_str), want, "{given:?}");
        }
    }

    #[test]
    fn root_maps_both_ways_also_through_a_symlink() {
        let dir = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(dir.path()).unwrap().to_owned();
        let root = Root::open(&dir).unwrap();
        let path = RelPath::new("a/b.rs").unwrap();
        assert_eq!(root.relative(&root.absolute(&path)), Some(path.clone()));
        assert_eq!(root.relative(&dir.join("a/b.rs")), Some(path));
        assert_eq!(root.relative(&dir.join("a/../../x")), None);
        assert_eq!(root.relative(Utf8Path::new("/elsewhere/x")), None);
        assert_eq!(root.relative(&dir), None);
    }
}
