//! Watch: what the system tells of changes below the root, folder by folder, so that ignored folders cost nothing.

use crate::error::Error;
use crate::path::{RelPath, Root};
use camino::Utf8PathBuf;
use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, RemoveKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::HashSet;

/// What is known of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A file may have changed, come or gone.
    File(RelPath),
    /// A folder came or went, a rule of what is ignored changed, or something was missed: only a walk tells.
    Unsure,
}

/// A watch on folders. Ends when dropped.
#[derive(Debug)]
pub struct Watch {
    root: Root,
    watcher: RecommendedWatcher,
    watched: HashSet<Utf8PathBuf>,
}

impl Watch {
    /// Begins to watch the root itself. `tell` is called on a thread of the watch, and must be quick.
    ///
    /// # Errors
    /// [`Error::Io`] where the system watches nothing (any more).
    pub fn begin(root: &Root, mut tell: impl FnMut(Told) + Send + 'static) -> Result<Watch, Error> {
        let of = root.clone();
        let watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| match event {
                Ok(event) => told(&of, &event, &mut tell),
                Err(_) => tell(Told::Unsure),
            })
            .map_err(|error| failed(root, &error))?;
        let mut watch = Watch {
            root: root.clone(),
            watcher,
            watched: HashSet::new(),
        };
        watch.add(root.path().to_owned())?;
        Ok(watch)
    }

    /// Watches these folders as well; those that are watched already cost nothing. Whether any was new: what happened in it until
    /// now was not told.
    ///
    /// # Errors
    /// [`Error::Io`] at the first that the system does not watch: from then on not all changes are told.
    pub fn extend(&mut self, folders: &[RelPath]) -> Result<bool, Error> {
        let before = self.watched.len();
        for folder in folders {
            let folder = self.root.absolute(folder);
            if !self.watched.contains(&folder) {
                self.add(folder)?;
            }
        }
        Ok(self.watched.len() > before)
    }

    /// A folder that is gone need not be watched; one that comes back under its name is a new one.
    pub fn retain(&mut self, folders: &[RelPath]) {
        let root = self.root.clone();
        let kept: HashSet<Utf8PathBuf> = folders
            .iter()
            .map(|folder| root.absolute(folder))
            .chain([root.path().to_owned()])
            .collect();
        let watcher = &mut self.watcher;
        self.watched.retain(|folder| {
            let is_kept = kept.contains(folder);
            if !is_kept {
                // It may be gone by itself.
                let _ = watcher.unwatch(folder.as_std_path());
            }
            is_kept
        });
    }

    /// Whether a place is a folder that is watched, or was one and is gone now.
    pub fn has(&self, folder: &RelPath) -> bool {
        self.watched.contains(&self.root.absolute(folder))
    }

    fn add(&mut self, folder: Utf8PathBuf) -> Result<(), Error> {
        match self
            .watcher
            .watch(folder.as_std_path(), RecursiveMode::NonRecursive)
        {
            Ok(()) => {
                self.watched.insert(folder);
                Ok(())
            }
            // Gone meanwhile: whoever told of it will say so.
            Err(_) if !folder.is_dir() => Ok(()),
            Err(error) => Err(failed(&self.root, &error)),
        }
    }
}

fn failed(root: &Root, error: &notify::Error) -> Error {
    Error::io(
        format!("cannot watch `{}`", root.path()),
        std::io::Error::other(error.to_string()),
    )
}

fn told(root: &Root, event: &notify::Event, tell: &mut impl FnMut(Told)) {
    let is_of_folders = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
        EventKind::Access(_) => return,
        EventKind::Create(CreateKind::Folder) | EventKind::Remove(RemoveKind::Folder) => true,
        _ => false,
    };
    if event.need_rescan() {
        return tell(Told::Unsure);
    }
    for path in &event.paths {
        let path = camino::Utf8Path::from_path(path);
        // What has no place in the workspace (`.git`, the root itself) is no source.
        let Some(path) = path.and_then(|path| root.relative(path)) else {
            continue;
        };
        let is_rule = crate::ignored::FILES.contains(&path.name());
        match is_rule || is_of_folders || root.absolute(&path).is_dir() {
            true => tell(Told::Unsure),
            false => tell(Told::File(path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    fn wait_for(told: &Receiver<Told>, wanted: &Told) {
        loop {
            // Fails loudly where nothing of the kind is ever told.
            let next = told.recv_timeout(Duration::from_secs(10)).unwrap();
            if next == *wanted {
                return;
            }
        }
    }

    #[test]
    #[allow(clippy::disallowed_methods)]
    fn files_folders_and_rules() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path();
        std::fs::create_dir(at.join("in")).unwrap();
        let root = Root::open(camino::Utf8Path::from_path(at).unwrap()).unwrap();
        let (tell, told) = channel();
        let mut watch = Watch::begin(&root, move |it| drop(tell.send(it))).unwrap();
        let inside = RelPath::new("in").unwrap();
        assert!(!watch.has(&inside));
        assert!(watch.extend(std::slice::from_ref(&inside)).unwrap());
        assert!(!watch.extend(std::slice::from_ref(&inside)).unwrap());
        let file = |path: &str| Told::File(RelPath::new(path).unwrap());
        std::fs::write(at.join("a.rs"), "1").unwrap();
        wait_for(&told, &file("a.rs"));
        std::fs::write(at.join("in/b.rs"), "1").unwrap();
        wait_for(&told, &file("in/b.rs"));
        std::fs::remove_file(at.join("a.rs")).unwrap();
        wait_for(&told, &file("a.rs"));
        std::fs::write(at.join(".gitignore"), "x").unwrap();
        wait_for(&told, &Told::Unsure);
        std::fs::create_dir(at.join("new")).unwrap();
        wait_for(&told, &Told::Unsure);
        assert!(watch.has(&inside));
        watch.retain(&[]);
        assert!(!watch.has(&inside));
        std::fs::write(at.join("in/c.rs"), "1").unwrap();
        std::fs::write(at.join("last.rs"), "1").unwrap();
        let all: Vec<Told> = std::iter::from_fn(|| {
            let next = told.recv_timeout(Duration::from_secs(10)).unwrap();
            (next != file("last.rs")).then_some(next)
        })
        .collect();
        assert!(!all.contains(&file("in/c.rs")), "{all:?}");
    }
}
