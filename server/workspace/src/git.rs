//! Git as the agent may read it: status, diff and head, from the objects themselves (no program is started). Nothing of a
//! repository that exists is written; `create` makes a new one.

use crate::content::Hash;
use crate::error::Error;
use crate::path::{RelPath, Root};
use crate::secret::is_secret;
use camino::Utf8Path;
use git2::{Delta, DiffFormat, DiffOptions, Repository, Status, StatusOptions};
use std::sync::Once;

/// Most bytes of a diff that are given.
const LONGEST: usize = 256 * 1024;

/// Makes a repository of a folder that is none yet, with all its files in one commit by `Animus <animus@localhost>`.
///
/// # Errors
/// [`Error::Io`] where the folder is a repository already, [`Error::Git`].
pub fn create(root: &Root, message: &str) -> Result<(), Error> {
    if root.path().join(".git").exists() {
        let source = std::io::ErrorKind::AlreadyExists.into();
        return Err(Error::io(
            format!("`{}` is a git repository already", root.path()),
            source,
        ));
    }
    let repository = Repository::init(root.path())?;
    let mut index = repository.index()?;
    index.add_all(["*"], git2::IndexAddOption::DEFAULT, None)?;
    index.write()?;
    let tree = repository.find_tree(index.write_tree()?)?;
    let author = git2::Signature::now("Animus", "animus@localhost")?;
    repository.commit(Some("HEAD"), &author, &author, message, &tree, &[])?;
    Ok(())
}

/// The branch and what is not committed, as `git status --short --branch` shows it.
///
/// # Errors
/// [`Error::NoRepository`], [`Error::Git`].
pub fn status(root: &Root) -> Result<String, Error> {
    let repository = open(root)?;
    let mut options = StatusOptions::new();
    options
        .include_untracked(true)
        .recurse_untracked_dirs(false)
        .update_index(false);
    let mut text = format!("## {}\n", branch(&repository));
    for entry in repository.statuses(Some(&mut options))?.iter() {
        let (index, tree) = letters(entry.status());
        let path = String::from_utf8_lossy(entry.path_bytes()).into_owned();
        text.push_str(&format!("{index}{tree} {path}\n"));
    }
    Ok(text)
}

/// What is not committed, staged or not, as a unified diff; new files with their text, files with secrets by name only.
///
/// # Errors
/// [`Error::NoRepository`], [`Error::Git`].
pub fn diff(root: &Root, path: Option<&RelPath>) -> Result<String, Error> {
    let repository = open(root)?;
    let mut options = DiffOptions::new();
    options
        .include_untracked(true)
        .recurse_untracked_dirs(true)
        .show_untracked_content(true)
        .update_index(false);
    if let (Some(path), Some(top)) = (path, repository.workdir()) {
        let absolute = root.absolute(path);
        let top = top.canonicalize().unwrap_or_else(|_| top.to_owned());
        let inside = absolute
            .as_std_path()
            .strip_prefix(&top)
            .unwrap_or(path.as_str().as_ref());
        options.pathspec(inside).disable_pathspec_match(true);
    }
    let head = repository
        .head()
        .ok()
        .and_then(|head| head.peel_to_tree().ok());
    let diff = repository.diff_tree_to_workdir_with_index(head.as_ref(), Some(&mut options))?;
    let mut text = String::new();
    let mut cut = 0usize;
    diff.print(DiffFormat::Patch, |delta, _, line| {
        let secret = delta
            .new_file()
            .path()
            .or(delta.old_file().path())
            .is_some_and(is_secret_path);
        if secret && line.origin() != 'F' {
            return true;
        }
        if text.len() >= LONGEST {
            cut += 1;
            return true;
        }
        if matches!(line.origin(), '+' | '-' | ' ') {
            text.push(line.origin());
        }
        text.push_str(&String::from_utf8_lossy(line.content()));
        true
    })?;
    if cut > 0 {
        text.push_str(&format!("… {cut} more lines; ask for one file\n"));
    }
    Ok(text)
}

/// The commit that is checked out, in hexadecimal; `None` without a repository or without a commit.
pub fn head(root: &Root) -> Option<String> {
    let repository = open(root).ok()?;
    let commit = repository.head().ok()?.peel_to_commit().ok()?;
    Some(commit.id().to_string())
}

/// Where a shallow clone ends: the hash of git's own list; `None` for a clone that is whole, or no repository.
pub fn shallow(root: &Root) -> Option<Hash> {
    let repository = open(root).ok()?;
    let folder = Utf8Path::from_path(repository.commondir())?;
    let list = sandbox::Tree::open(folder).ok()?.read("shallow").ok()?;
    Some(Hash::of(&list))
}

pub(crate) fn open(root: &Root) -> Result<Repository, Error> {
    // As git itself reads: whether each object still has its hash is for `git fsck` to ask.
    static AS_GIT: Once = Once::new();
    AS_GIT.call_once(|| git2::opts::strict_hash_verification(false));
    Repository::discover(root.path()).map_err(|error| match error.code() {
        git2::ErrorCode::NotFound => Error::NoRepository(root.path().to_string()),
        _ => Error::Git(error),
    })
}

fn branch(repository: &Repository) -> String {
    match repository.head() {
        Ok(head) if repository.head_detached().unwrap_or(false) => {
            let id = head.target().map(|id| id.to_string()).unwrap_or_default();
            format!(
                "HEAD (detached at {})",
                id.chars().take(8).collect::<String>()
            )
        }
        Ok(head) => String::from_utf8_lossy(head.shorthand_bytes()).into_owned(),
        Err(_) => "no commits yet".to_owned(),
    }
}

fn is_secret_path(path: &std::path::Path) -> bool {
    path.to_str()
        .and_then(|path| RelPath::new(path).ok())
        .is_some_and(|path| is_secret(&path))
}

/// The two letters of `git status --short`.
fn letters(status: Status) -> (char, char) {
    if status.contains(Status::CONFLICTED) {
        return ('U', 'U');
    }
    if status.contains(Status::WT_NEW)
        && !status.intersects(Status::INDEX_NEW | Status::INDEX_MODIFIED)
    {
        return ('?', '?');
    }
    let pick = |table: [(Status, Delta); 5]| {
        let found = table.into_iter().find(|(flag, _)| status.contains(*flag));
        found.map_or(' ', |(_, delta)| match delta {
            Delta::Added => 'A',
            Delta::Modified => 'M',
            Delta::Deleted => 'D',
            Delta::Renamed => 'R',
            _ => 'T',
        })
    };
    let index = pick([
        (Status::INDEX_NEW, Delta::Added),
        (Status::INDEX_MODIFIED, Delta::Modified),
        (Status::INDEX_DELETED, Delta::Deleted),
        (Status::INDEX_RENAMED, Delta::Renamed),
        (Status::INDEX_TYPECHANGE, Delta::Typechange),
    ]);
    let tree = pick([
        (Status::WT_NEW, Delta::Added),
        (Status::WT_MODIFIED, Delta::Modified),
        (Status::WT_DELETED, Delta::Deleted),
        (Status::WT_RENAMED, Delta::Renamed),
        (Status::WT_TYPECHANGE, Delta::Typechange),
    ]);
    (index, tree)
}
