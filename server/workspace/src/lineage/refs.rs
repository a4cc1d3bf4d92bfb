//! Refs: landed patches as git objects, so that they can be seen and got back with git alone. `refs/animus/patches/<id>` is a commit of
//! the files after the patch on a commit of the files before it, both over the tree of HEAD. W6: nothing else of the repository changes.

use super::{Image, Node};
use crate::error::Error;
use crate::path::Root;
use git2::build::TreeUpdateBuilder;
use git2::{Commit, ErrorCode, FileMode, Oid, Repository, Signature, Tree};

/// Where the refs are.
pub const REFS: &str = "refs/animus/patches/";

/// Writes a landed patch as commits; `None` where the workspace is not in a git repository.
///
/// # Errors
/// [`Error::Git`].
pub(super) fn export(root: &Root, node: &Node) -> Result<Option<String>, Error> {
    let Some(repository) = repository(root) else {
        return Ok(None);
    };
    let Some(folder) = prefix(&repository, root) else {
        return Ok(None);
    };
    let head = head(&repository)?;
    let tree = head.as_ref().map(Commit::tree).transpose()?;
    let before = with_images(&repository, tree.as_ref(), &folder, &node.images, |image| {
        image.pre.as_ref().map(|content| &content.bytes[..])
    })?;
    let after = with_images(&repository, Some(&before), &folder, &node.images, |image| {
        image.post.as_ref().map(|content| &content.bytes[..])
    })?;
    let who = Signature::now("Animus", "animus@localhost")?;
    let parents: Vec<&Commit<'_>> = head.iter().collect();
    let text = format!("Files before: {}\n", node.title);
    let base = repository.commit(None, &who, &who, &text, &before, &parents)?;
    let base = repository.find_commit(base)?;
    let tip = repository.commit(None, &who, &who, &message(node), &after, &[&base])?;
    let name = format!("{REFS}{}", node.id);
    repository.reference(&name, tip, true, "animus: patch landed")?;
    Ok(Some(name))
}

/// Removes a patch's ref, if there is one.
///
/// # Errors
/// [`Error::Git`].
pub(super) fn forget(root: &Root, id: &str) -> Result<(), Error> {
    let Some(repository) = repository(root) else {
        return Ok(());
    };
    let found = repository.find_reference(&format!("{REFS}{id}"));
    match found {
        Ok(mut reference) => Ok(reference.delete()?),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn repository(root: &Root) -> Option<Repository> {
    Repository::discover(root.path().as_std_path()).ok()
}

/// The workspace's folder in the repository, with `/` at its end; empty for the top.
fn prefix(repository: &Repository, root: &Root) -> Option<String> {
    let top = repository.workdir()?.canonicalize().ok()?;
    let below = root.path().as_std_path().strip_prefix(top).ok()?;
    let below = below.to_str()?;
    Some(match below.is_empty() {
        true => String::new(),
        false => format!("{below}/"),
    })
}

fn head(repository: &Repository) -> Result<Option<Commit<'_>>, Error> {
    match repository.head() {
        Ok(head) => Ok(Some(head.peel_to_commit()?)),
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn with_images<'r>(
    repository: &'r Repository,
    tree: Option<&Tree<'_>>,
    folder: &str,
    images: &[Image],
    side: impl Fn(&Image) -> Option<&[u8]>,
) -> Result<Tree<'r>, Error> {
    let mut update = TreeUpdateBuilder::new();
    for image in images {
        let path = format!("{folder}{}", image.path);
        let there = tree.and_then(|tree| tree.get_path(std::path::Path::new(&path)).ok());
        match side(image) {
            Some(bytes) => {
                let mode = match there.map(|entry| entry.filemode()) {
                    Some(0o100_755) => FileMode::BlobExecutable,
                    _ => FileMode::Blob,
                };
                update.upsert(path, repository.blob(bytes)?, mode);
            }
            None if there.is_some() => {
                update.remove(path);
            }
            None => {}
        }
    }
    let empty;
    let start = match tree {
        Some(tree) => tree,
        None => {
            empty = repository.find_tree(empty_tree(repository)?)?;
            &empty
        }
    };
    let id = update.create_updated(repository, start)?;
    Ok(repository.find_tree(id)?)
}

fn empty_tree(repository: &Repository) -> Result<Oid, Error> {
    Ok(repository.treebuilder(None)?.write()?)
}

/// Trailers as `git interpret-trailers` reads them.
fn message(node: &Node) -> String {
    let mut text = format!("{}\n\nAnimus-Patch: {}\n", node.title, node.id);
    if !node.task.is_empty() {
        text.push_str(&format!("Animus-Task: {}\n", node.task));
    }
    if let Some(model) = &node.model {
        text.push_str(&format!("Animus-Model: {model}\n"));
    }
    let verdict = if node.verified() {
        "verified"
    } else {
        "unverified"
    };
    text.push_str(&format!("Animus-Verdict: {verdict}\n"));
    text
}
