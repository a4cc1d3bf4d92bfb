//! Disk: the host without an editor. Checks all bases, writes each file atomically, and puts back what it wrote where a later
//! file fails.

use crate::change::{ChangeSet, FileEdit};
use crate::content::Content;
use crate::error::Error;
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

    /// The files whose bytes are not what the change was made for, or that may not be replaced.
    fn check(&self, change: &ChangeSet) -> Result<(), LandError> {
        let mut stale = Vec::new();
        for file in &change.files {
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
            if now.map(|now| now.hash) != file.base.as_ref().map(|base| base.hash) {
                stale.push(file.path.clone());
            }
        }
        match stale.is_empty() {
            true => Ok(()),
            false => Err(LandError::Stale { paths: stale }),
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

    /// Writes all files; on a failure the ones before it get their old bytes again.
    fn land_now(&self, change: &ChangeSet) -> Result<Landed, LandError> {
        self.check(change)?;
        for (index, file) in change.files.iter().enumerate() {
            let Err(error) = self.write(file) else {
                continue;
            };
            let mut text = error.to_string();
            // The file that failed may be half done as well: it is put back too, where it changed at all.
            for done in change.files[..=index].iter().rev() {
                if let Err(error) = self.put_back(done) {
                    text.push_str(&format!(
                        "; and `{}` could not be put back: {error}",
                        done.path
                    ));
                }
            }
            return Err(LandError::Io(text));
        }
        Ok(Landed {
            paths: change.files.iter().map(|file| file.path.clone()).collect(),
            change: change.clone(),
        })
    }

    fn put_back(&self, file: &FileEdit) -> Result<(), Error> {
        let now = self.read(&file.path)?;
        if now.map(|now| now.hash) == file.base.as_ref().map(|base| base.hash) {
            return Ok(());
        }
        let path = file.path.as_str();
        match &file.base {
            Some(base) => self.tree.write(path, &base.bytes, file.mode),
            None => self.tree.remove(path),
        }
        .map_err(|source| Error::io(format!("cannot write `{path}`"), source))
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
