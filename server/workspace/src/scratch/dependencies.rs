//! Dependencies: installed packages that tests need and git ignores. They are linked, so read from the workspace and never copied; but
//! what in them leads back to the workspace's own sources leads to the tree's, or the tests would run on other text than the tree has.

use crate::error::Error;
use crate::path::RelPath;
use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use sandbox::{Kind, Tree};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::time::SystemTime;

/// Folders with dependencies.
const FOLDERS: [&str; 4] = ["node_modules", ".venv", "venv", "vendor"];

/// Folders in `node_modules` that tools write to; the tree has its own.
const WRITTEN: [&str; 4] = [".cache", ".vite", ".vite-temp", ".vitest"];

/// Bytes of a text that is looked at for the workspace's path.
const LARGEST: u64 = 256 * 1024;

/// One way between two trees.
struct Bridge<'a> {
    tree: &'a Tree,
    source: &'a Tree,
    /// The folders with packages and when something in them came or went.
    installed: RefCell<Vec<Installed>>,
}

/// A folder with packages, and the time of its last change.
pub(super) type Installed = (String, SystemTime);

/// Brings the folders that lie beside the manifest of a project in the workspace and are not part of it. What is installed in them
/// is told, for a verdict holds for these packages only.
pub(super) fn bring<'a>(
    tree: &Tree,
    source: &Tree,
    paths: impl Iterator<Item = &'a RelPath>,
) -> Result<Vec<Installed>, Error> {
    let mut folders: BTreeSet<&str> = BTreeSet::from([""]);
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    for path in paths {
        let path_text = path.as_str();
        let ends = path_text.match_indices('/').map(|(at, _)| &path_text[..at]);
        taken.extend(ends);
        if is_manifest(path.name()) {
            folders.insert(path_text.rsplit_once('/').map_or("", |(folder, _)| folder));
        }
    }
    let bridge = Bridge {
        tree,
        source,
        installed: RefCell::default(),
    };
    for folder in folders {
        for name in FOLDERS {
            let place = join(folder, name);
            let is_there = bridge.kind(&place) == Some(Kind::Dir);
            if is_there && !taken.contains(place.as_str()) {
                bridge.folder(&place, name).map_err(|error| {
                    Error::io(
                        format!("cannot link `{place}` into the scratch tree"),
                        error,
                    )
                })?;
            }
        }
    }
    Ok(bridge.installed.into_inner())
}

fn is_manifest(name: &str) -> bool {
    matches!(
        name,
        "package.json"
            | "pyproject.toml"
            | "requirements.txt"
            | "setup.py"
            | "composer.json"
            | "go.mod"
    )
}

fn join(folder: &str, name: &str) -> String {
    match folder.is_empty() {
        true => name.to_owned(),
        false => format!("{folder}/{name}"),
    }
}

impl Bridge<'_> {
    fn folder(&self, place: &str, name: &str) -> io::Result<()> {
        match name {
            "node_modules" => self.packages(place),
            ".venv" | "venv" => self.environment(place),
            _ => match self.tree.stat(place)? {
                None => self.link(place),
                Some(_) => Ok(()),
            },
        }
    }

    /// Node's packages, one link each. Those of the workspace itself (npm and pnpm link them in) are the tree's own.
    fn packages(&self, place: &str) -> io::Result<()> {
        self.note(place);
        let entries = self.source.entries(place)?;
        self.forget(place, &entries)?;
        for (name, kind) in entries {
            let inner = join(place, &name);
            match kind {
                Kind::Dir if name.starts_with('@') => self.packages(&inner)?,
                Kind::Dir if WRITTEN.contains(&name.as_str()) => {}
                Kind::Symlink => match self.own_target(&inner) {
                    Some(target) => self.tree.symlink(&inner, &target)?,
                    None => self.link(&inner)?,
                },
                _ => self.link(&inner)?,
            }
        }
        Ok(())
    }

    /// A virtual environment of Python: its packages are linked, its scripts and the files that say where sources lie are written
    /// anew with the tree's path.
    fn environment(&self, place: &str) -> io::Result<()> {
        if self.kind(&join(place, "pyvenv.cfg")) != Some(Kind::File) {
            return self.link(place);
        }
        for (name, kind) in self.source.entries(place)? {
            let inner = join(place, &name);
            match (name.as_str(), kind) {
                ("bin", Kind::Dir) => self.texts(&inner, |_| true)?,
                ("lib", Kind::Dir) => self.libraries(&inner)?,
                ("pyvenv.cfg", Kind::File) => self.text(&inner)?,
                (_, Kind::Symlink) => self.same_link(&inner)?,
                _ => self.link(&inner)?,
            }
        }
        Ok(())
    }

    fn libraries(&self, place: &str) -> io::Result<()> {
        for (name, kind) in self.source.entries(place)? {
            let inner = join(place, &name);
            let packages = join(&inner, "site-packages");
            if kind != Kind::Dir || self.kind(&packages) != Some(Kind::Dir) {
                self.link(&inner)?;
                continue;
            }
            let says_where = |name: &str| {
                name.ends_with(".pth")
                    || name.ends_with(".egg-link")
                    || name.starts_with("__editable__")
            };
            self.texts(&packages, says_where)?;
        }
        Ok(())
    }

    /// Links what is in a folder, and writes those anew that name the workspace and are `wanted`.
    fn texts(&self, place: &str, wanted: impl Fn(&str) -> bool) -> io::Result<()> {
        self.note(place);
        let entries = self.source.entries(place)?;
        self.forget(place, &entries)?;
        for (name, kind) in entries {
            let inner = join(place, &name);
            match kind {
                _ if name == "__pycache__" => {}
                Kind::File if wanted(&name) => self.text(&inner)?,
                Kind::Symlink => self.same_link(&inner)?,
                _ => self.link(&inner)?,
            }
        }
        Ok(())
    }

    /// Writes a text anew with the tree's path in place of the workspace's; a file without it is linked.
    fn text(&self, place: &str) -> io::Result<()> {
        let Some(stat) = self.source.stat(place)?.filter(|stat| stat.len <= LARGEST) else {
            return self.link(place);
        };
        let bytes = self.source.read(place)?;
        let (from, to) = (self.source.path().as_str(), self.tree.path().as_str());
        let Some(text) = String::from_utf8(bytes)
            .ok()
            .filter(|text| text.contains(from))
        else {
            return self.link(place);
        };
        let text = text.replace(from, to);
        match self.tree.stat(place)?.map(|stat| stat.kind) {
            Some(Kind::File) if self.tree.read(place)? == text.as_bytes() => return Ok(()),
            None | Some(Kind::File) => {}
            Some(_) => self.tree.remove_all(place)?,
        }
        self.tree
            .write(place, text.as_bytes(), Some(stat.mode & 0o777))
    }

    fn note(&self, place: &str) {
        // npm writes its own list anew also where it replaces a package by another version of it.
        for place in [place.to_owned(), join(place, ".package-lock.json")] {
            if let Ok(Some(stat)) = self.source.stat(&place) {
                self.installed.borrow_mut().push((place, stat.modified));
            }
        }
    }

    /// Removes what is no longer there in the workspace, or is another thing now.
    fn forget(&self, place: &str, entries: &[(String, Kind)]) -> io::Result<()> {
        let Ok(known) = self.tree.entries(place) else {
            return Ok(());
        };
        let names: BTreeSet<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
        for (name, kind) in known {
            let is_left = !names.contains(name.as_str()) && !WRITTEN.contains(&name.as_str());
            if kind == Kind::Symlink || is_left {
                self.tree.remove_all(&join(place, &name))?;
            }
        }
        Ok(())
    }

    fn link(&self, place: &str) -> io::Result<()> {
        if self
            .tree
            .stat(place)?
            .is_some_and(|stat| stat.kind != Kind::Symlink)
        {
            self.tree.remove_all(place)?;
        }
        self.tree.symlink(place, &self.source.path().join(place))
    }

    /// A link of a virtual environment as it is: `python` to an interpreter, `lib64` to `lib`.
    fn same_link(&self, place: &str) -> io::Result<()> {
        match self.target(place) {
            Some(target) if target.is_relative() => self.tree.symlink(place, &target),
            _ => self.link(place),
        }
    }

    /// The target of a link that leads to the workspace's own sources.
    fn own_target(&self, place: &str) -> Option<Utf8PathBuf> {
        let target = self.target(place)?;
        let full = match target.is_relative() {
            true => self.source.path().join(place).parent()?.join(&target),
            false => target.clone(),
        };
        let full = plain(&full);
        let inside = full.strip_prefix(self.source.path()).ok()?;
        let installed = inside
            .components()
            .any(|part| part.as_str() == "node_modules");
        // What is linked absolutely is linked to the tree's own.
        (!installed).then(|| match target.is_relative() {
            true => target,
            false => self.tree.path().join(inside),
        })
    }

    fn target(&self, place: &str) -> Option<Utf8PathBuf> {
        let target = std::fs::read_link(self.source.path().join(place)).ok()?;
        Utf8PathBuf::from_path_buf(target).ok()
    }

    fn kind(&self, place: &str) -> Option<Kind> {
        self.source.stat(place).ok().flatten().map(|stat| stat.kind)
    }
}

/// The path without `.` and `..`, by its words.
fn plain(path: &Utf8Path) -> Utf8PathBuf {
    let mut out = Utf8PathBuf::new();
    for part in path.components() {
        match part {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => drop(out.pop()),
            part => out.push(part.as_str()),
        }
    }
    out
}
