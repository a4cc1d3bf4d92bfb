//! `Places`: where a line may read and write without a question.
//!
//! Invariant: a path counts by where it really leads (links followed), from every folder that the line may be in by then.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use crate::secret::is_secret_path;

/// The workspace and the folders that a line may have changed to.
#[derive(Debug)]
pub(super) struct Places {
    root: Utf8PathBuf,
    cwds: Vec<Utf8PathBuf>,
}

/// What a write leaves behind.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Nothing: a sink, or the run's own `/tmp`.
    Nothing,
    /// A file of the workspace.
    File,
}

/// Files that editors, git or toolchains obey (SECURITY: protected whether they exist or not). Lower case.
const PROTECTED: [&str; 19] = [
    ".git",
    ".animus",
    ".vscode",
    ".idea",
    ".zed",
    ".cursor",
    ".claude",
    ".codex",
    ".gemini",
    ".mcp.json",
    ".exrc",
    ".nvim.lua",
    ".nvimrc",
    ".envrc",
    ".ripgreprc",
    ".gitmodules",
    ".pre-commit-config.yaml",
    ".husky",
    ".cargo",
];

impl Places {
    pub(super) fn new(root: &Utf8Path) -> Places {
        let root = root.canonicalize_utf8().unwrap_or_else(|_| root.to_owned());
        Places {
            cwds: vec![root.clone()],
            root,
        }
    }

    /// A `cd`: from here on paths are taken from this folder, or still from one before it.
    pub(super) fn enter(&mut self, folder: &str) -> Result<(), String> {
        let mut entered = Vec::new();
        for cwd in &self.cwds {
            let real = real(&cwd.join(folder));
            if folder.starts_with('~') || !real.starts_with(&self.root) {
                return Err(format!("goes to {folder}, outside the workspace"));
            }
            entered.push(real);
        }
        for folder in entered {
            if !self.cwds.contains(&folder) {
                self.cwds.push(folder);
            }
        }
        // Each `cd` may double the possibilities.
        match self.cwds.len() {
            0..=16 => Ok(()),
            _ => Err("changes the folder too often to follow".to_owned()),
        }
    }

    pub(super) fn readable(&self, path: &str) -> Result<(), String> {
        const SYSTEM: [&str; 5] = ["/usr", "/lib", "/lib64", "/bin", "/sbin"];
        if device(path) || path == "-" {
            return Ok(());
        }
        for real in self.all(path)? {
            let below = real.strip_prefix(&self.root).ok();
            if below.is_none()
                && !SYSTEM.iter().any(|place| real.starts_with(place))
                && !own_tmp(&real)
            {
                return Err(format!("reads {path}, outside the workspace"));
            }
            if below.is_some_and(|below| is_secret_path(below.as_str())) {
                return Err(format!("reads {path}, which may hold secrets"));
            }
        }
        Ok(())
    }

    pub(super) fn writable(&self, path: &str) -> Result<Written, String> {
        if device(path) {
            return Ok(Written::Nothing);
        }
        let mut written = Written::Nothing;
        for real in self.all(path)? {
            if own_tmp(&real) && !real.starts_with(&self.root) {
                continue;
            }
            let Ok(inside) = real.strip_prefix(&self.root) else {
                return Err(format!("writes {path}, outside the workspace"));
            };
            if inside.components().any(|part| protected(part.as_str())) {
                return Err(format!(
                    "writes {path}, which git, an editor or a toolchain obeys"
                ));
            }
            written = Written::File;
        }
        Ok(written)
    }

    fn all(&self, path: &str) -> Result<Vec<Utf8PathBuf>, String> {
        match path.starts_with('~') {
            true => Err(format!("uses {path}, in a home folder")),
            false => Ok(self.cwds.iter().map(|cwd| real(&cwd.join(path))).collect()),
        }
    }
}

/// Where a path leads: links of the part that exists followed, `.` and `..` of the rest resolved.
fn real(path: &Utf8Path) -> Utf8PathBuf {
    let mut real = Utf8PathBuf::from("/");
    for part in path.components() {
        match part {
            Utf8Component::ParentDir => drop(real.pop()),
            Utf8Component::Normal(name) => {
                real.push(name);
                if let Ok(there) = real.canonicalize_utf8() {
                    real = there;
                } else if let Ok(target) = real.read_link_utf8() {
                    // Dangling: what is made through it is made at its target.
                    real.pop();
                    real.push(target);
                }
            }
            Utf8Component::RootDir | Utf8Component::CurDir | Utf8Component::Prefix(_) => {}
        }
    }
    real
}

/// A name directly in `/tmp` that the host has not: it can only be the run's own.
fn own_tmp(real: &Utf8Path) -> bool {
    real == "/tmp"
        || (real.parent() == Some(Utf8Path::new("/tmp")) && real.symlink_metadata().is_err())
}

fn device(path: &str) -> bool {
    matches!(
        path,
        "/dev/null" | "/dev/stdin" | "/dev/stdout" | "/dev/stderr" | "/dev/zero" | "/dev/full"
    )
}

fn protected(name: &str) -> bool {
    // File systems that fold case or drop trailing dots and spaces would still find them.
    let name = name.to_lowercase();
    let name = name.trim_end_matches(['.', ' ']);
    PROTECTED.contains(&name) || name.starts_with(".animus") || name.starts_with("rust-toolchain")
}
