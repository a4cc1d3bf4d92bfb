//! Disk: the host without an editor. Checks all bases, and each again just before it writes that file atomically; puts back what it
//! wrote where a later file fails, but never over what the user saved since.

use crate::change::{ChangeSet, FileEdit};
use crate::content::{Content, Hash};
use crate::error::{Error, names};
use crate::host::{Host, LandError, Landed};
use crate::path::{RelPath, Root};
use crate::secret::is_secret;
use futures::future::BoxFuture;
use sandbox::{Kind, Tree};
use std::io::ErrorKind;

/// Largest file that is read, in bytes.
const LARGEST: u64 = 32 * 1024 * 1024;

/// The files below a folder, without an editor: contents have no version and nothing is open.
#[derive(Debug)]
pub struct Disk {
    root: Root,
    tree: Tree,
}

impl Disk {
    /// Opens the workspace folder.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder cannot be opened.
    pub fn open(root: Root) -> Result<Disk, Error> {
        let tree = Tree::open(root.path()).map_err(|source| {
            Error::io(format!("cannot open the folder `{}`", root.path()), source)
        })?;
        Ok(Disk { root, tree })
    }

    /// The guarded folder.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Whether the file's bytes are what the change was made for; an error where they may not be replaced.
    fn is_base(&self, file: &FileEdit) -> Result<bool, LandError> {
        if let Ok(Some(stat)) = self.tree.stat(file.path.as_str())
            && stat.kind != Kind::File
        {
            return Err(LandError::Refused(format!(
                "`{}` is a link or a special file; name the file it leads to",
                file.path
            )));
        }
        let now = self
            .read(&file.path)
            .map_err(|error| LandError::Refused(error.to_string()))?;
        Ok(now.map(|now| now.hash) == file.base.as_ref().map(|base| base.hash))
    }

    /// All files together, so that a change that cannot land is known before anything is written.
    fn check(&self, change: &ChangeSet) -> Result<(), LandError> {
        let mut paths = Vec::new();
        for file in &change.files {
            if !self.is_base(file)? {
                paths.push(file.path.clone());
            }
        }
        match paths.is_empty() {
            true => Ok(()),
            false => Err(LandError::Stale { paths }),
        }
    }

    /// W1: where the path leads once links in it are followed must be in the workspace, not in `.git`, and no secret.
    fn follow(&self, path: &RelPath) -> Result<(), Error> {
        let full = self.root.absolute(path);
        let real = full.ancestors().find_map(|above| {
            let real = above.canonicalize_utf8().ok()?;
            let rest = full.strip_prefix(above).ok()?;
            Some(match rest.as_str() {
                "" => real,
                rest => real.join(rest),
            })
        });
        match real {
            Some(real) if real == full => Ok(()),
            Some(real) => match self.root.relative(&real) {
                Some(target) if is_secret(&target) => Err(Error::Secret(path.clone())),
                Some(_) => Ok(()),
                None => Err(Error::Unreadable {
                    path: path.to_string(),
                    why: "a link in it leads outside the workspace or into `.git`".to_owned(),
                }),
            },
            None => Ok(()),
        }
    }

    fn write(&self, file: &FileEdit) -> Result<(), Error> {
        let path = file.path.as_str();
        match &file.after {
            Some(bytes) => self.tree.write(path, bytes, file.mode),
            None => self.tree.remove(path),
        }
        .map_err(|source| Error::io(format!("cannot write `{path}`"), source))?;
        let now = self.read(&file.path)?;
        match now.as_ref().map(|now| &now.bytes) == file.after.as_ref() {
            true => Ok(()),
            false => Err(Error::io(
                format!("`{path}` does not hold what was written"),
                ErrorKind::Other.into(),
            )),
        }
    }

    fn land_now(&self, change: &ChangeSet) -> Result<Landed, LandError> {
        self.check(change)?;
        self.write_all(change.files.iter())?;
        Ok(Landed {
            paths: change.files.iter().map(|file| file.path.clone()).collect(),
            change: change.clone(),
        })
    }

    /// Writes the files in turn, each only while it still is what the change was made for. Where one is not, or fails, those before
    /// it get their old bytes and mode again.
    fn write_all<'a>(&self, files: impl Iterator<Item = &'a FileEdit>) -> Result<(), LandError> {
        let mut done: Vec<(&FileEdit, Option<u32>)> = Vec::new();
        for file in files {
            // The user may have saved it while the ones before it were written.
            let failed = match self.is_base(file) {
                Ok(true) => {
                    // Also where the write fails: then it may have come half way.
                    done.push((file, self.mode(&file.path)));
                    match self.write(file) {
                        Ok(()) => continue,
                        Err(error) => LandError::Io(error.to_string()),
                    }
                }
                Ok(false) => LandError::Stale {
                    paths: vec![file.path.clone()],
                },
                Err(error) => error,
            };
            return Err(self.take_back(&done, failed));
        }
        Ok(())
    }

    /// Puts back what was written, last first, and gives the error again; where a file is not as it was before, another that says
    /// which.
    fn take_back(&self, done: &[(&FileEdit, Option<u32>)], failed: LandError) -> LandError {
        let mut left = String::new();
        for (file, mode) in done.iter().rev() {
            if let Err(why) = self.put_back(file, *mode) {
                left.push_str(&format!("; and `{}` {why}", file.path));
            }
        }
        if left.is_empty() {
            return failed;
        }
        let what = match failed {
            LandError::Stale { paths } => format!("{} changed meanwhile", names(&paths)),
            LandError::Io(what) | LandError::Refused(what) => what,
            LandError::Conflict { .. } | LandError::Timeout => failed.to_string(),
        };
        LandError::Io(what + &left)
    }

    /// Only what still holds the bytes that were written here gets its old ones.
    fn put_back(&self, file: &FileEdit, mode: Option<u32>) -> Result<(), String> {
        let failed = |error: Error| format!("could not be put back: {error}");
        let now = self.read(&file.path).map_err(failed)?.map(|now| now.hash);
        if now == file.base.as_ref().map(|base| base.hash) {
            return Ok(());
        }
        if now != file.after.as_ref().map(|after| Hash::of(after)) {
            return Err("was saved meanwhile and is left as it is now; look at it".to_owned());
        }
        let path = file.path.as_str();
        match &file.base {
            Some(base) => self.tree.write(path, &base.bytes, mode.or(file.mode)),
            None => self.tree.remove(path),
        }
        .map_err(|source| failed(Error::io(format!("cannot write `{path}`"), source)))
    }
}

impl Host for Disk {
    fn root(&self) -> &Root {
        &self.root
    }

    fn read(&self, path: &RelPath) -> Result<Option<Content>, Error> {
        self.follow(path)?;
        read(&self.tree, path)
    }

    fn open(&self) -> Vec<RelPath> {
        Vec::new()
    }

    fn dirty(&self) -> Vec<RelPath> {
        Vec::new()
    }

    fn land<'a>(
        &'a self,
        change: &'a ChangeSet,
        label: &'a str,
    ) -> BoxFuture<'a, Result<Landed, LandError>> {
        tracing::debug!(label, files = change.files.len(), "landing on disk");
        Box::pin(async move { self.land_now(change) })
    }
}

/// A regular file below a folder (W1: also a link's target must be inside); `None` where nothing is.
fn read(tree: &Tree, path: &RelPath) -> Result<Option<Content>, Error> {
    let io = |source| Error::io(format!("cannot read `{path}`"), source);
    let unreadable = |why: &str| Error::Unreadable {
        path: path.to_string(),
        why: why.to_owned(),
    };
    let stat = match tree.stat(path.as_str()) {
        Ok(Some(stat)) => stat,
        Ok(None) => return Ok(None),
        Err(source) => return Err(io(source)),
    };
    match stat.kind {
        Kind::Dir => return Err(unreadable("it is a folder")),
        Kind::Other => return Err(unreadable("it is not a regular file")),
        Kind::File if stat.len > LARGEST => return Err(unreadable("it is larger than 32 MiB")),
        Kind::File | Kind::Symlink => {}
    }
    match tree.read(path.as_str()) {
        Ok(bytes) => Ok(Some(Content::new(bytes, None))),
        Err(source) if source.kind() == ErrorKind::NotFound && stat.kind == Kind::File => Ok(None),
        Err(source) if stat.kind == Kind::Symlink => Err(unreadable(&format!(
            "it is a link that leads nowhere or outside the workspace ({source})"
        ))),
        Err(source) => Err(io(source)),
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Lands `a`, `b` and `new` with the user doing something just before `b` is written; gives back what came of it and the files.
    fn landed(user: impl Fn(&camino::Utf8Path)) -> (LandError, BTreeMap<String, (String, u32)>) {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let root = camino::Utf8Path::from_path(dir.path())
            .unwrap()
            .canonicalize_utf8()
            .unwrap();
        std::fs::write(root.join("a"), "a1").unwrap();
        std::fs::set_permissions(root.join("a"), PermissionsExt::from_mode(0o640)).unwrap();
        std::fs::write(root.join("b"), "b1").unwrap();
        let disk = Disk::open(Root::open(&root).unwrap()).unwrap();
        let edit = |path: &str, base: Option<&str>, after: Option<&str>| FileEdit {
            path: RelPath::new(path).unwrap(),
            base: base.map(|text| Content::new(text.as_bytes(), None)),
            after: after.map(|text| text.as_bytes().into()),
            mode: Some(0o600),
        };
        let files = [
            edit("a", Some("a1"), Some("a2")),
            edit("a-new", None, Some("n2")),
            edit("b", Some("b1"), Some("b2")),
        ];
        let acting = files.iter().inspect(|file| {
            if file.path.as_str() == "b" {
                assert_eq!(std::fs::read_to_string(root.join("a")).unwrap(), "a2");
                user(&root);
            }
        });
        let error = disk.write_all(acting).unwrap_err();
        let files = std::fs::read_dir(&root).unwrap().map(|entry| {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            (entry.file_name().into_string().unwrap(), (text, mode))
        });
        let files = files.collect();
        (error, files)
    }

    fn texts(files: &BTreeMap<String, (String, u32)>) -> Vec<(&str, &str)> {
        files
            .iter()
            .map(|(name, (text, _))| (name.as_str(), text.as_str()))
            .collect()
    }

    #[test]
    fn w3_a_file_saved_between_two_writes_stops_the_landing() {
        let (error, files) = landed(|root| std::fs::write(root.join("b"), "user").unwrap());
        assert_eq!(texts(&files), [("a", "a1"), ("b", "user")]);
        assert_eq!(files["a"].1, 0o640, "the old mode comes back too");
        let LandError::Stale { paths } = error else {
            panic!("{error}")
        };
        assert_eq!(paths, [RelPath::new("b").unwrap()]);
    }

    #[test]
    fn w3_what_the_user_saved_over_a_written_file_is_not_put_back_and_is_named() {
        let (error, files) = landed(|root| {
            std::fs::write(root.join("a"), "user").unwrap();
            // The write of `b` fails for root as well.
            std::fs::remove_file(root.join("b")).unwrap();
            std::fs::create_dir(root.join("b")).unwrap();
        });
        assert_eq!(texts(&files), [("a", "user"), ("b", "")]);
        assert!(matches!(error, LandError::Io(_)), "{error}");
        let text = error.to_string();
        assert!(text.contains("`a` was saved meanwhile"), "{text}");
        assert!(!text.contains("`a-new`"), "{text}");
    }

    #[test]
    fn w3_a_landing_that_both_stops_and_cannot_be_taken_back_says_both() {
        let (error, files) = landed(|root| {
            std::fs::write(root.join("a-new"), "user").unwrap();
            std::fs::write(root.join("b"), "user").unwrap();
        });
        assert_eq!(
            texts(&files),
            [("a", "a1"), ("a-new", "user"), ("b", "user")]
        );
        let text = error.to_string();
        assert!(
            text.contains("`b` changed meanwhile; and `a-new` was saved meanwhile"),
            "{text}"
        );
    }
}
