//! Walk: the files of a workspace, without what git ignores, without `.git`, without secrets.

use crate::error::Error;
use crate::ignored::Rules;
use crate::path::{RelPath, Root};
use crate::secret::is_secret;
use camino::Utf8Path;
use ignore::{DirEntry, WalkBuilder};
use std::collections::BTreeSet;

/// A file or a folder in a listing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    /// A folder and how many files are below it.
    Folder(RelPath, usize),
    /// A file.
    File(RelPath),
}

/// The files, sorted.
pub(super) fn files(root: &Root, open: &[RelPath]) -> Result<Vec<RelPath>, Error> {
    let mut found: BTreeSet<RelPath> = open
        .iter()
        .filter(|path| !is_secret(path))
        .cloned()
        .collect();
    for entry in walker(root.path()) {
        match entry {
            Ok(entry) => {
                if let Some(path) = file(root, &entry) {
                    found.insert(path);
                }
            }
            // A folder that may not be read is no reason to know nothing of the others.
            Err(error) if error.depth() != Some(0) => tracing::debug!(%error, "not walked"),
            Err(error) => {
                return Err(Error::io(
                    format!("cannot walk `{}`", root.path()),
                    std::io::Error::other(error.to_string()),
                ));
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// Walks a folder as described above.
pub(crate) fn walker(dir: &Utf8Path) -> ignore::Walk {
    walker_below(dir, |_| true)
}

/// As [`walker`], but only into folders whose name is wanted.
pub(crate) fn walker_below(dir: &Utf8Path, is_wanted: fn(&str) -> bool) -> ignore::Walk {
    let rules = Rules::of(dir);
    WalkBuilder::new(dir)
        // The library would follow a file of rules wherever it leads.
        .standard_filters(false)
        .follow_links(false)
        .filter_entry(move |entry| {
            let is_dir = entry.file_type().is_some_and(|kind| kind.is_dir());
            let name = entry.file_name();
            // The root itself may have any name.
            if entry.depth() == 0 {
                return true;
            }
            let is_wanted = !is_dir || name.to_str().is_none_or(is_wanted);
            let is_ignored = || {
                let place = Utf8Path::from_path(entry.path());
                place.is_some_and(|place| rules.ignores(place, is_dir))
            };
            name != ".git" && is_wanted && !is_ignored()
        })
        .build()
}

/// A regular file, or a link to one inside the root.
fn file(root: &Root, entry: &DirEntry) -> Option<RelPath> {
    let kind = entry.file_type()?;
    let full = Utf8Path::from_path(entry.path())?;
    let inside = || {
        let target = full.canonicalize_utf8().ok()?;
        let path = root.relative(&target)?;
        let is_shown = !is_secret(&path) && !crate::ignored::is_ignored(root, &path);
        (target.is_file() && is_shown).then_some(())
    };
    if kind.is_symlink() {
        inside()?;
    } else if !kind.is_file() {
        return None;
    }
    root.relative(full).filter(|path| !is_secret(path))
}

/// What is directly below `dir`, and below that, down to `depth` levels.
pub(crate) fn list(files: &[RelPath], dir: Option<&RelPath>, depth: usize) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let skip = dir.map_or(0, |dir| dir.as_str().split('/').count());
    let mut last: Vec<(String, usize)> = Vec::new();
    for file in files
        .iter()
        .filter(|file| dir.is_none_or(|dir| file.is_below(dir)))
    {
        let parts: Vec<&str> = file.as_str().split('/').collect();
        let shown = parts.len().min(skip + depth.max(1));
        for end in skip + 1..=shown {
            let name = parts[..end].join("/");
            if end == parts.len() {
                entries.push(Entry::File(file.clone()));
            } else if let Some((_, index)) = last.iter().find(|(known, _)| *known == name) {
                if let Entry::Folder(_, count) = &mut entries[*index] {
                    *count += 1;
                }
            } else if let Ok(folder) = RelPath::new(&name) {
                // Files are sorted, so a folder that is not an ancestor of this file will not come again.
                last.retain(|(known, _)| name.starts_with(&format!("{known}/")));
                last.push((name, entries.len()));
                entries.push(Entry::Folder(folder, 1));
            }
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_shows_levels_and_counts() {
        let files: Vec<RelPath> = ["a/b/x", "a/b/y", "a/z", "c", "d/e"]
            .into_iter()
            .map(|path| RelPath::new(path).unwrap())
            .collect();
        let show = |dir: Option<&str>, depth| {
            let dir = dir.map(|dir| RelPath::new(dir).unwrap());
            let lines: Vec<String> = list(&files, dir.as_ref(), depth)
                .into_iter()
                .map(|entry| match entry {
                    Entry::File(path) => path.to_string(),
                    Entry::Folder(path, count) => format!("{path}/ {count}"),
                })
                .collect();
            lines.join(", ")
        };
        assert_eq!(show(None, 1), "a/ 3, c, d/ 1");
        assert_eq!(show(None, 2), "a/ 3, a/b/ 2, a/z, c, d/ 1, d/e");
        assert_eq!(show(Some("a"), 1), "a/b/ 2, a/z");
        assert_eq!(show(Some("c"), 1), "");
    }
}
