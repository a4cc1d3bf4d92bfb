//! Ignored: files that the project says are no part of it: `.gitignore`, `.ignore`, `.animusignore` and `.git/info/exclude`, the
//! deepest file and in it the last line first.
//!
//! Invariant: a file of rules is read only where it is a small regular file and no link, as git does: it belongs to the repository,
//! and a device or a pipe would never end.

use crate::path::{RelPath, Root};
use camino::{Utf8Path, Utf8PathBuf};
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Files that say what is ignored in their folder, the strongest first.
pub(crate) const FILES: [&str; 3] = [".animusignore", ".ignore", ".gitignore"];

/// Bytes of a file of rules; a larger one is not read.
const LARGEST: u64 = 1 << 20;

/// Folders of what a project uses but did not write: ignored by habit, and no secret of it.
const FOREIGN: [&str; 8] = [
    "node_modules",
    "bower_components",
    "site-packages",
    ".venv",
    "venv",
    "vendor",
    "third_party",
    "target",
];

/// Whether the file, or what it leads to, is ignored. What lies in a folder of dependencies or of a build is not counted: it holds
/// nobody's secrets.
pub fn is_ignored(root: &Root, path: &RelPath) -> bool {
    let rules = Rules::of(root.path());
    let real = root.leads_to(path).filter(|real| real != path);
    by_name(&rules, path) || real.is_some_and(|real| by_name(&rules, &real))
}

fn by_name(rules: &Rules, path: &RelPath) -> bool {
    let parts: Vec<&str> = path.as_str().split('/').collect();
    if parts.iter().any(|part| FOREIGN.contains(part)) {
        return false;
    }
    // A folder that is ignored takes everything below with it, whatever is said there.
    (1..=parts.len()).any(|end| {
        let place = rules.root.join(parts[..end].join("/"));
        rules.ignores(&place, end < parts.len())
    })
}

/// The rules of one workspace, each file read once.
#[derive(Debug)]
pub(crate) struct Rules {
    root: Utf8PathBuf,
    exclude: Option<Gitignore>,
    folders: Mutex<HashMap<Utf8PathBuf, Arc<[Gitignore]>>>,
}

impl Rules {
    /// Those of the folder at `root`, an absolute path; rules of the folders above it count too.
    pub(crate) fn of(root: &Utf8Path) -> Rules {
        Rules {
            root: root.to_owned(),
            exclude: read(root, &root.join(".git/info/exclude")),
            folders: Mutex::default(),
        }
    }

    /// What they say of a place by its own name, absolute; the folders above it are the caller's to ask about.
    pub(crate) fn ignores(&self, place: &Utf8Path, is_dir: bool) -> bool {
        for folder in place.ancestors().skip(1) {
            for rules in self.folder(folder).iter() {
                match rules.matched(place.as_std_path(), is_dir) {
                    Match::Ignore(_) => return true,
                    Match::Whitelist(_) => return false,
                    Match::None => {}
                }
            }
        }
        let exclude = self.exclude.as_ref();
        exclude.is_some_and(|rules| rules.matched(place.as_std_path(), is_dir).is_ignore())
    }

    fn folder(&self, folder: &Utf8Path) -> Arc<[Gitignore]> {
        if let Some(known) = self.folders.lock().get(folder) {
            return known.clone();
        }
        let rules: Arc<[Gitignore]> = FILES
            .iter()
            .filter_map(|name| read(folder, &folder.join(name)))
            .collect();
        self.folders.lock().insert(folder.to_owned(), rules.clone());
        rules
    }
}

/// The rules of one file for its folder; none where it says nothing or cannot be read safely.
fn read(folder: &Utf8Path, file: &Utf8Path) -> Option<Gitignore> {
    let meta = file.symlink_metadata().ok()?;
    if !meta.is_file() || meta.len() > LARGEST {
        tracing::warn!(%file, "not read: it is no regular file, or too large");
        return None;
    }
    // Beneath its own folder: what became a link meanwhile leads nowhere.
    let place = file.strip_prefix(folder).ok()?;
    let bytes = sandbox::Tree::open(folder)
        .ok()?
        .read(place.as_str())
        .ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let mut builder = GitignoreBuilder::new(folder);
    for line in text.strip_prefix('\u{feff}').unwrap_or(&text).lines() {
        if let Err(error) = builder.add_line(None, line) {
            tracing::debug!(%file, %error, "a rule says nothing");
        }
    }
    builder.build().ok().filter(|rules| !rules.is_empty())
}
