//! `Guard`: files that other programs obey, by their names.
//!
//! Invariant: a name counts as the file systems of all platforms may read it: case folded, dots and spaces at its end dropped,
//! alternate streams and characters that some of them ignore taken out. Whether the file is there makes no difference.

use serde::Serialize;

/// Why a file is guarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// It is run, as it stands, by the next build or test: `Makefile`, `build.rs`. To be named to a person.
    Built,
    /// An editor, git, a shell or a toolchain does what it says: `.vscode`, `.envrc`. A person decides.
    Obeyed,
    /// It belongs to git or to this program: never written.
    Owned,
}

/// Names that are obeyed, as parts of a path. Lower case.
const OBEYED: [&str; 63] = [
    ".vscode",
    ".vscode-server",
    ".idea",
    ".fleet",
    ".zed",
    ".helix",
    ".cursor",
    ".cursorrules",
    ".windsurf",
    ".claude",
    ".codex",
    ".gemini",
    ".continue",
    ".mcp.json",
    ".exrc",
    ".vimrc",
    ".nvimrc",
    ".nvim.lua",
    ".lvimrc",
    ".dir-locals.el",
    ".emacs.d",
    ".envrc",
    ".direnv",
    ".bashrc",
    ".bash_profile",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".ripgreprc",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".vim",
    ".gitmodules",
    ".gitconfig",
    ".pre-commit-config.yaml",
    ".husky",
    ".cargo",
    ".devcontainer",
    ".devcontainer.json",
    ".theia",
    ".roo",
    ".kiro",
    ".opencode",
    ".amazonq",
    ".aider.conf.yml",
    ".dir-locals-2.el",
    ".lazy.lua",
    ".ycm_extra_conf.py",
    ".gdbinit",
    ".lldbinit",
    ".rprofile",
    ".mise.toml",
    "mise.toml",
    ".tool-versions",
    ".zprofile",
    ".bash_login",
    ".direnvrc",
    ".githooks",
    ".hg",
    ".pnpmfile.cjs",
    "bunfig.toml",
    ".bazelrc",
];
/// Names that the next build or test runs. Lower case.
const BUILT: [&str; 54] = [
    "makefile",
    "gnumakefile",
    "justfile",
    "cmakelists.txt",
    "meson.build",
    "build.rs",
    "package.json",
    "conftest.py",
    "setup.py",
    "noxfile.py",
    "tox.ini",
    "pyproject.toml",
    "cargo.toml",
    "build.gradle",
    "build.gradle.kts",
    "settings.gradle",
    "settings.gradle.kts",
    "pom.xml",
    "rakefile",
    "gemfile",
    "dockerfile",
    "compose.yaml",
    "docker-compose.yml",
    "procfile",
    "gruntfile.js",
    "gulpfile.js",
    "webpack.config.js",
    "vite.config.ts",
    "vite.config.js",
    "vitest.config.ts",
    "jest.config.js",
    "jest.config.ts",
    "babel.config.js",
    "eslint.config.js",
    "pytest.ini",
    "setup.cfg",
    "sitecustomize.py",
    "usercustomize.py",
    "gradlew",
    "mvnw",
    "gradle.properties",
    "gradle-wrapper.properties",
    "cmakepresets.json",
    ".gitlab-ci.yml",
    "jenkinsfile",
    "nextest.toml",
    "jest.config.mjs",
    "jest.config.cjs",
    "vitest.config.js",
    "vitest.config.mts",
    ".mocharc.js",
    ".mocharc.cjs",
    ".mocharc.json",
    ".mocharc.yml",
];
/// Endings of files that an editor opens as a workspace with settings and tasks.
const WORKSPACES: [&str; 3] = [".code-workspace", ".sublime-project", ".sublime-workspace"];

/// How the file at `path` (`/` between parts, relative to the workspace) is guarded; `None` for an ordinary one.
pub fn guard(path: &str) -> Option<Guard> {
    let mut parts = path.split('/').rev().map(seen);
    let name = parts.next()?;
    let last = match () {
        () if BUILT.contains(&name.as_str()) => Some(Guard::Built),
        () if WORKSPACES.iter().any(|end| name.ends_with(end)) => Some(Guard::Obeyed),
        () => None,
    };
    let lower = path.to_lowercase();
    let workflow = [".github/workflows/", ".github/actions/", ".mvn/"]
        .iter()
        .any(|part| lower.contains(part))
        || lower.ends_with(".mk");
    parts
        .chain([name])
        .filter_map(|part| folder(&part))
        .chain(last)
        .chain(workflow.then_some(Guard::Built))
        .max()
}

/// Whether a part of a path is git's, in any of the ways in which a file system may read it.
pub fn is_git(part: &str) -> bool {
    matches!(seen(part).as_str(), ".git" | "git~1" | "git~2")
}

fn folder(part: &str) -> Option<Guard> {
    match part {
        ".git" | "git~1" | "git~2" => Some(Guard::Owned),
        part if part == ".animus" || part.starts_with(".animus.") => Some(Guard::Owned),
        part if OBEYED.contains(&part) || part.starts_with("rust-toolchain") => Some(Guard::Obeyed),
        _ => None,
    }
}

/// A name as the file system that reads it most widely would.
fn seen(part: &str) -> String {
    // HFS+ ignores these (git's own list); NTFS takes `:` for the start of a stream's name.
    let ignored = |c: char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{200b}' | '\u{2060}');
    let plain: String = part.chars().filter(|c| !ignored(*c)).collect();
    let before = plain.split(':').next().unwrap_or_default();
    before.trim_end_matches(['.', ' ']).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_however_they_are_written() {
        for (path, want) in [
            (".git/config", Some(Guard::Owned)),
            ("sub/.GIT/hooks/x", Some(Guard::Owned)),
            (".g\u{200c}it/config", Some(Guard::Owned)),
            (".git::$INDEX_ALLOCATION/config", Some(Guard::Owned)),
            (".git. /config", Some(Guard::Owned)),
            ("GIT~1/config", Some(Guard::Owned)),
            (".animus/config.yaml", Some(Guard::Owned)),
            (".Animus", Some(Guard::Owned)),
            (".vscode/tasks.json", Some(Guard::Obeyed)),
            (".VSCode./settings.json", Some(Guard::Obeyed)),
            ("a/.envrc", Some(Guard::Obeyed)),
            ("x.code-workspace", Some(Guard::Obeyed)),
            ("rust-toolchain.toml", Some(Guard::Obeyed)),
            ("Makefile", Some(Guard::Built)),
            ("web/package.json", Some(Guard::Built)),
            (".github/workflows/ci.yml", Some(Guard::Built)),
            (".vscode/package.json", Some(Guard::Obeyed)),
            ("src/main.rs", None),
            (".gitignore", None),
            ("animus.yaml", None),
            (".animus-notes.md", None),
            ("docs/git.md", None),
            ("", None),
        ] {
            assert_eq!(guard(path), want, "{path:?}");
        }
    }
}
