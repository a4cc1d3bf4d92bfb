//! `Places`: where a line may read and write without a question.
//!
//! Invariant: a path counts by where it really leads (links followed), from every folder that the line may be in by then.

mod names;

use std::cell::Cell;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use crate::guard::{Guard, guard};
use crate::secret::is_secret_path;

/// The workspace and the folders that a line may have changed to.
#[derive(Debug)]
pub(super) struct Places {
    root: Utf8PathBuf,
    cwds: Vec<Utf8PathBuf>,
    /// Whether the line has moved or copied files by now.
    moved: bool,
    /// Whether it has made any.
    made: bool,
    /// Paths that may still be looked up, and entries of folders that may still be looked at.
    lookups: Cell<usize>,
    entries: Cell<usize>,
}

/// Whether a `cd` must have worked for the rest to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Entering {
    Surely,
    #[default]
    Perhaps,
}

/// What a write leaves behind.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Nothing: a sink, or the run's own `/tmp`.
    Nothing,
    /// A file of the workspace.
    File,
}

/// What the machine tells anybody about itself.
const FACTS: [&str; 8] = [
    "/etc/os-release",
    "/etc/debian_version",
    "/etc/lsb-release",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/version",
    "/proc/loadavg",
    "/proc/uptime",
];
/// Paths looked up for one line.
const MOST_LOOKUPS: usize = 4_096;
/// Entries of folders looked at for one line.
const MOST_ENTRIES: usize = 50_000;

impl Places {
    pub(super) fn new(root: &Utf8Path) -> Places {
        let root = root.canonicalize_utf8().unwrap_or_else(|_| root.to_owned());
        Places {
            cwds: vec![root.clone()],
            moved: false,
            made: false,
            lookups: Cell::new(MOST_LOOKUPS),
            entries: Cell::new(MOST_ENTRIES),
            root,
        }
    }

    /// A `cd`: from here on paths are taken from this folder, or still from one before it.
    pub(super) fn enter(&mut self, folder: &str, entering: Entering) -> Result<(), String> {
        const MOST_FOLDERS: usize = 16;
        let mut entered = Vec::new();
        self.look_up()?;
        for cwd in &self.cwds {
            let real = real(&cwd.join(folder));
            if folder.starts_with('~') || !real.starts_with(&self.root) {
                return Err(format!("goes to {folder}, outside the workspace"));
            }
            // The shell goes back the way it came, not to the folder above the link's target.
            if real != plain(&cwd.join(folder)) {
                return Err(format!("goes to {folder} through a link"));
            }
            self.still(folder)?;
            entered.push(real);
        }
        if entering == Entering::Surely {
            self.cwds.clear();
        }
        for folder in entered {
            if self.cwds.contains(&folder) {
                continue;
            }
            // Each `cd` may double the possibilities.
            if self.cwds.len() == MOST_FOLDERS {
                return Err("changes the folder too often to follow".to_owned());
            }
            self.cwds.push(folder);
        }
        Ok(())
    }

    /// From here on names may mean other files than now.
    pub(super) fn moved(&mut self) {
        self.moved = true;
    }

    /// From here on patterns may stand for other names than now.
    pub(super) fn made(&mut self) {
        self.made = true;
    }

    /// Any name may mean something else after a move, through a link that was moved or its own folder.
    fn still(&self, path: &str) -> Result<(), String> {
        match self.moved {
            true => Err(format!(
                "names {path} after the line has moved or copied files"
            )),
            false => Ok(()),
        }
    }

    /// Whether what lies here may be read.
    pub(super) fn readable(&self, path: &str) -> Result<(), String> {
        let secret = |real: &Utf8PathBuf| {
            real.strip_prefix(&self.root)
                .is_ok_and(|below| is_secret_path(below.as_str()))
        };
        match self.reachable(path)?.iter().any(secret) {
            true => Err(format!("reads {path}, which may hold secrets")),
            false => Ok(()),
        }
    }

    /// Where a path may lead, all of it in the workspace or where the system keeps its programs.
    pub(super) fn reachable(&self, path: &str) -> Result<Vec<Utf8PathBuf>, String> {
        const SYSTEM: [&str; 5] = ["/usr", "/lib", "/lib64", "/bin", "/sbin"];
        if matches!(path, "/dev/zero" | "/dev/full") {
            return Err(format!("reads {path}, which never ends"));
        }
        if device(path) || path == "-" || FACTS.contains(&path) {
            return Ok(Vec::new());
        }
        let all = self.all(path)?;
        self.still(path)?;
        for real in &all {
            if !real.starts_with(&self.root)
                && !SYSTEM.iter().any(|place| real.starts_with(place))
                && !own_tmp(real)
            {
                return Err(format!("reads {path}, outside the workspace"));
            }
        }
        Ok(all)
    }

    pub(super) fn writable(&self, path: &str) -> Result<Written, String> {
        if device(path) {
            return Ok(Written::Nothing);
        }
        let mut written = Written::Nothing;
        self.still(path)?;
        for real in self.all(path)? {
            if own_tmp(&real) && !real.starts_with(&self.root) {
                continue;
            }
            let Ok(inside) = real.strip_prefix(&self.root) else {
                return Err(format!("writes {path}, outside the workspace"));
            };
            if protected(inside) {
                return Err(format!(
                    "writes {path}, which git, an editor or a toolchain obeys"
                ));
            }
            written = Written::File;
        }
        Ok(written)
    }

    /// A word of a command whose words are not judged, in case it is a path or has one after `=`: no secret, nothing protected,
    /// nothing outside the workspace and the system's programs.
    pub(super) fn contained(&self, word: &str) -> Result<(), String> {
        let value = word.split_once('=').map_or(word, |(_, value)| value);
        let glued = word
            .strip_prefix('-')
            .and_then(|option| option.get(1..))
            .filter(|rest| rest.contains(['/', '.', '~']));
        for part in [Some(word), Some(value), glued].into_iter().flatten() {
            // An address is no path.
            if part.is_empty() || part.starts_with('-') || part.contains("://") {
                continue;
            }
            self.readable(part)?;
            let inside =
                |real: &Utf8PathBuf| real.strip_prefix(&self.root).ok().map(Utf8Path::to_owned);
            let obeyed = self
                .all(part)?
                .iter()
                .filter_map(inside)
                .any(|path| protected(&path));
            if obeyed {
                return Err(format!(
                    "names {part}, which git, an editor or a toolchain obeys"
                ));
            }
        }
        Ok(())
    }

    /// Where a path leads, while no `cd` makes that unsure.
    pub(super) fn only(&self, path: &str) -> Option<Utf8PathBuf> {
        match self.cwds.as_slice() {
            [cwd] => Some(real(&cwd.join(path))),
            _ => None,
        }
    }

    /// Whether every path means what it means in the workspace's own folder.
    pub(super) fn settled(&self) -> bool {
        self.cwds == [self.root.as_path()]
    }

    /// Counts a path for each folder from which it is taken.
    fn look_up(&self) -> Result<(), String> {
        let left = self.lookups.get().saturating_sub(self.cwds.len());
        self.lookups.set(left);
        match left {
            0 => Err("names more places than can be looked at".to_owned()),
            _ => Ok(()),
        }
    }

    fn all(&self, path: &str) -> Result<Vec<Utf8PathBuf>, String> {
        self.look_up()?;
        match path.starts_with('~') {
            true => Err(format!("uses {path}, in a home folder")),
            false => Ok(self.cwds.iter().map(|cwd| real(&cwd.join(path))).collect()),
        }
    }
}

/// Where a path leads: links of the part that exists followed, `.` and `..` of the rest resolved.
fn real(path: &Utf8Path) -> Utf8PathBuf {
    if let Ok(there) = path.canonicalize_utf8() {
        return there;
    }
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

/// A path with `.` and `..` taken out of its text.
fn plain(path: &Utf8Path) -> Utf8PathBuf {
    let mut plain = Utf8PathBuf::from("/");
    for part in path.components() {
        match part {
            Utf8Component::ParentDir => drop(plain.pop()),
            Utf8Component::Normal(name) => plain.push(name),
            Utf8Component::RootDir | Utf8Component::CurDir | Utf8Component::Prefix(_) => {}
        }
    }
    plain
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

/// Whether git, an editor or a toolchain obeys what has this name, or it is this program's own.
fn protected(path: &Utf8Path) -> bool {
    matches!(guard(path.as_str()), Some(Guard::Obeyed | Guard::Owned))
}
