//! Sources: the files of a workspace that a search is over, with stamps that tell whether one changed. What a person did
//! not write is left out: vendored and generated files, locks; as are secrets, what git ignores, and what is no text.

use crate::error::Error;
use crate::path::{RelPath, Root};
use crate::secret::is_secret;
use crate::snapshot::walker_below;
use camino::Utf8Path;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Folders of other people's code and of built files, in any depth.
const VENDORED: &[&str] = &[
    ".gradle",
    ".mypy_cache",
    ".next",
    ".nuxt",
    ".pytest_cache",
    ".ruff_cache",
    ".svn",
    ".hg",
    ".jj",
    ".tox",
    ".venv",
    ".yarn",
    "Godeps",
    "Pods",
    "__pycache__",
    "bower_components",
    "dist",
    "jspm_packages",
    "node_modules",
    "site-packages",
    "third-party",
    "third_party",
    "thirdparty",
    "vendor",
    "venv",
];

/// Ends of names, in lower case, that a tool gives to what it writes.
const GENERATED_ENDS: &[&str] = &[
    ".bundle.js",
    ".css.map",
    ".designer.cs",
    ".g.cs",
    ".g.dart",
    ".freezed.dart",
    ".js.map",
    ".min.css",
    ".min.js",
    ".min.mjs",
    ".mjs.map",
    ".pb.cc",
    ".pb.go",
    ".pb.gw.go",
    ".pb.h",
    ".pb.swift",
    ".pbxproj",
    ".snap",
    "_pb.js",
    "_pb2.py",
    "_pb2.pyi",
    "_pb2_grpc.py",
    "_grpc.pb.go",
];

/// Names, in lower case, of locks: long lists that a tool writes.
const LOCKS: &[&str] = &[
    "bun.lock",
    "bun.lockb",
    "cargo.lock",
    "composer.lock",
    "deno.lock",
    "flake.lock",
    "gemfile.lock",
    "go.sum",
    "go.work.sum",
    "gradle.lockfile",
    "mix.lock",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "package.resolved",
    "packages.lock.json",
    "pdm.lock",
    "pipfile.lock",
    "pixi.lock",
    "pnpm-lock.yaml",
    "podfile.lock",
    "poetry.lock",
    "pubspec.lock",
    "uv.lock",
    "yarn.lock",
];

/// A NUL within this many bytes means that a file is no text.
const BINARY_WINDOW: usize = 8 << 10;
/// A tool that writes a file says so within these many lines and bytes.
const MARKED_LINES: usize = 10;
const MARKED_BYTES: usize = 2 << 10;
/// How a comment begins.
const COMMENTS: &[&str] = &[
    "//", "#", "/*", "*", "--", ";", "<!--", "%", "\"\"\"", "'''", "{-", "(*",
];

/// A file that changed later than this before it was looked at may change again without a new stamp: clocks of file
/// systems are coarse.
const SETTLED: Duration = Duration::from_millis(50);

/// What tells whether a file changed, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// When it was last changed, in nanoseconds since 1970; 0 where the file changed so lately that this proves nothing.
    modified: u64,
    /// Its length in bytes.
    len: u64,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where it is.
    pub path: RelPath,
    /// What it was like.
    pub stamp: Stamp,
}

/// The files below a root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// By path.
    pub files: Vec<Source>,
    /// The folders that were walked, the root not among them.
    pub folders: Vec<RelPath>,
}

impl Stamp {
    /// Proves nothing: equal to no stamp, not even itself.
    pub const UNKNOWN: Stamp = Stamp {
        modified: 0,
        len: 0,
    };

    /// Whether a file with this stamp is surely as it was with the other.
    pub fn proves(self, other: Stamp) -> bool {
        self == other && self.modified != 0
    }

    /// The length in bytes.
    pub fn len(self) -> u64 {
        self.len
    }

    /// Whether the file has no bytes.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    fn of(found: &std::fs::Metadata) -> Stamp {
        let modified = found.modified().unwrap_or(UNIX_EPOCH);
        let settled = SystemTime::now()
            .duration_since(modified)
            .is_ok_and(|age| age > SETTLED);
        let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        Stamp {
            modified: match settled {
                true => u64::try_from(since.as_nanos()).unwrap_or(0),
                false => 0,
            },
            len: found.len(),
        }
    }
}

impl Sources {
    /// Walks the root. Files of more than `longest` bytes are left out. `None` once `go_on` says no.
    ///
    /// # Errors
    /// [`Error::Io`] where the root cannot be walked.
    pub fn of(
        root: &Root,
        longest: u64,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Option<Sources>, Error> {
        let mut sources = Sources::default();
        for entry in walker_below(root.path(), is_own_folder) {
            if !go_on() {
                return Ok(None);
            }
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if error.depth() != Some(0) => {
                    tracing::debug!(%error, "not walked");
                    continue;
                }
                Err(error) => {
                    return Err(Error::io(
                        format!("cannot walk `{}`", root.path()),
                        std::io::Error::other(error.to_string()),
                    ));
                }
            };
            let (Some(kind), Some(full)) = (entry.file_type(), Utf8Path::from_path(entry.path()))
            else {
                continue;
            };
            let Some(path) = root.relative(full) else {
                continue;
            };
            if kind.is_dir() {
                sources.folders.push(path);
            } else if kind.is_file()
                && is_source(&path)
                && let Ok(found) = entry.metadata()
                && found.len() <= longest
            {
                let stamp = Stamp::of(&found);
                sources.files.push(Source { path, stamp });
            }
        }
        sources.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(Some(sources))
    }
}

/// What a file is like now; `None` where there is no regular file.
pub fn stamp(root: &Root, path: &RelPath) -> Option<Stamp> {
    let found = std::fs::symlink_metadata(root.absolute(path)).ok()?;
    found.is_file().then(|| Stamp::of(&found))
}

/// Whether a path may be a source, as far as its name tells.
pub fn is_source(path: &RelPath) -> bool {
    let (folders, name) = match path.as_str().rsplit_once('/') {
        Some((folders, name)) => (folders, name),
        None => ("", path.as_str()),
    };
    folders.split('/').all(is_own_folder) && !is_written_by_a_tool(name) && !is_secret(path)
}

/// Whether these bytes are the text of a source: not binary, and no tool says that it wrote them.
pub fn is_source_text(bytes: &[u8]) -> bool {
    let window = bytes.get(..BINARY_WINDOW).unwrap_or(bytes);
    // UTF-16 has NULs and is text.
    let is_wide = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    if window.contains(&0) && !is_wide {
        return false;
    }
    let head = bytes.get(..MARKED_BYTES).unwrap_or(bytes);
    let head = String::from_utf8_lossy(head);
    !head.lines().take(MARKED_LINES).any(is_mark)
}

/// `@generated`, or `Code generated by … DO NOT EDIT.`, in a comment.
fn is_mark(line: &str) -> bool {
    let line = line.trim_start();
    COMMENTS.iter().any(|sign| line.starts_with(sign))
        && (line.contains("@generated")
            || (line.contains("Code generated") && line.contains("DO NOT EDIT")))
}

fn is_own_folder(name: &str) -> bool {
    !VENDORED.contains(&name)
}

fn is_written_by_a_tool(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let stem = name.split('.').next().unwrap_or_default();
    LOCKS.contains(&name.as_str())
        || GENERATED_ENDS.iter().any(|end| name.ends_with(end))
        || name.contains(".generated.")
        || stem.ends_with("_generated")
        || stem.starts_with("zz_generated")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_a_person_wrote() {
        for (path, want) in [
            ("src/main.rs", true),
            ("src/vendor.rs", true),
            ("docs/dist.md", true),
            (".github/workflows/ci.yml", true),
            ("a/generated/b.rs", true),
            ("vendor/a/b.go", false),
            ("web/node_modules/x/index.js", false),
            ("third_party/x.c", false),
            ("api/a.pb.go", false),
            ("api/a_pb2.py", false),
            ("web/App.MIN.js", false),
            ("k8s/zz_generated.deepcopy.go", false),
            ("src/schema_generated.ts", false),
            ("src/schema.generated.ts", false),
            ("Cargo.lock", false),
            ("web/package-lock.json", false),
            ("go.sum", false),
            (".env", false),
            ("tls/server.key", false),
        ] {
            assert_eq!(is_source(&RelPath::new(path).unwrap()), want, "{path}");
        }
    }

    #[test]
    fn texts_tell_who_wrote_them() {
        let late = format!("{}// @generated\n", "x\n".repeat(MARKED_LINES));
        for (text, want) in [
            ("fn main() {}\n", true),
            ("", true),
            (
                "// Code generated by protoc. DO NOT EDIT.\npackage a\n",
                false,
            ),
            ("/*\n * @generated by x\n */\n", false),
            ("# @generated\n", false),
            ("const MARK = \"@generated\";\n", true),
            ("a\0b", false),
            ("\u{feff}x", true),
            (late.as_str(), true),
        ] {
            assert_eq!(is_source_text(text.as_bytes()), want, "{text:?}");
        }
        assert!(is_source_text(b"\xff\xfea\0"));
    }

    #[test]
    fn a_stamp_of_a_file_that_just_changed_proves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(Utf8Path::from_path(dir.path()).unwrap()).unwrap();
        let path = RelPath::new("a.rs").unwrap();
        let full = root.absolute(&path);
        assert_eq!(stamp(&root, &path), None);
        let file = tempfile::NamedTempFile::new_in(dir.path()).unwrap();
        file.persist(&full).unwrap();
        let fresh = stamp(&root, &path).unwrap();
        assert!(!fresh.proves(fresh));
        std::thread::sleep(SETTLED * 2);
        let settled = stamp(&root, &path).unwrap();
        assert!(settled.proves(settled) && !settled.proves(fresh));
        assert!(!Stamp::UNKNOWN.proves(Stamp::UNKNOWN));
    }
}
