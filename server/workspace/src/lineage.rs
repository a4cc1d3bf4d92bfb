//! Lineage: the patches that landed, one file each in the state folder, with the bytes before and after. W6: it writes below
//! the state folder only. An undo is a new change, merged onto the text that stands there now.

use crate::change::ChangeSet;
use crate::error::Error;
use crate::host::Host;
use crate::rebase::{RebaseError, rebase};
use sandbox::{Kind, Tree};
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::sync::Arc;

const FOLDER: &str = "patches";

/// A patch that landed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Names the patch: letters, digits, `-` and `_`.
    pub id: String,
    /// The task it came from.
    pub task: String,
    /// One line for a person.
    pub title: String,
    /// When it landed, RFC 3339 in UTC.
    pub created: String,
    /// Whether a green test run newer than its last change stands behind it.
    pub verified: bool,
    /// Where it stands.
    pub state: NodeState,
    /// What was written, with what it replaced.
    pub change: ChangeSet,
}

/// Where a patch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// Made, waits for a decision.
    Proposed,
    /// In the user's files.
    Landed,
    /// Refused; nothing of it is in the user's files.
    Refused,
    /// Was in the user's files and was taken back.
    Undone,
}

/// All patches of a workspace.
#[derive(Debug, Clone)]
pub struct Lineage {
    tree: Arc<Tree>,
}

impl Lineage {
    /// The lineage kept below a state folder.
    pub fn open(tree: Arc<Tree>) -> Lineage {
        Lineage { tree }
    }

    /// Writes a patch, new or again, atomically.
    ///
    /// # Errors
    /// [`Error::NoPatch`] for an id that cannot name a file, [`Error::Io`] where the disk says no.
    pub fn record(&self, node: &Node) -> Result<(), Error> {
        let place = place(&node.id)?;
        let json = serde_json::to_vec(node)
            .map_err(|error| Error::io("cannot write the patch", error.into()))?;
        self.tree
            .write(&place, &json, Some(0o600))
            .map_err(|source| Error::io(format!("cannot write the patch `{}`", node.id), source))
    }

    /// Gives a patch another state.
    ///
    /// # Errors
    /// As [`Lineage::get`] and [`Lineage::record`].
    pub fn mark(&self, id: &str, state: NodeState) -> Result<Node, Error> {
        let node = Node {
            state,
            ..self.get(id)?
        };
        self.record(&node)?;
        Ok(node)
    }

    /// All patches, oldest first. One whose file does not parse is left out and logged.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Node>, Error> {
        let entries = match self.tree.entries(FOLDER) {
            Err(source) if source.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|source| Error::io("cannot read the patches", source))?,
        };
        let mut nodes = Vec::new();
        for (name, kind) in entries {
            let Some(id) = name.strip_suffix(".json").filter(|_| kind == Kind::File) else {
                continue;
            };
            match self.get(id) {
                Ok(node) => nodes.push(node),
                Err(error) => tracing::warn!(id, %error, "a patch is left out"),
            }
        }
        nodes.sort_by(|a, b| (&a.created, &a.id).cmp(&(&b.created, &b.id)));
        Ok(nodes)
    }

    /// One patch.
    ///
    /// # Errors
    /// [`Error::NoPatch`], or [`Error::Io`] where its file cannot be read or parsed.
    pub fn get(&self, id: &str) -> Result<Node, Error> {
        let bytes = match self.tree.read(&place(id)?) {
            Err(source) if source.kind() == ErrorKind::NotFound => {
                return Err(Error::NoPatch(id.to_owned()));
            }
            bytes => bytes
                .map_err(|source| Error::io(format!("cannot read the patch `{id}`"), source))?,
        };
        serde_json::from_slice(&bytes)
            .map_err(|error| Error::io(format!("the patch `{id}` does not parse"), error.into()))
    }

    /// The change that takes a patch back, merged onto what stands in the files now; the caller lands it and marks the patch.
    /// Empty where the files hold the old text already.
    ///
    /// # Errors
    /// [`Error::NoPatch`], [`Error::Conflict`] where the user's later edits touch the same lines or the file is another one
    /// now, [`Error::Io`].
    pub fn undo(&self, id: &str, host: &dyn Host) -> Result<ChangeSet, Error> {
        let node = self.get(id)?;
        rebase(&node.change.invert(), host).map_err(|error| match error {
            RebaseError::Conflict { paths, details } => Error::Conflict { paths, details },
            RebaseError::Read(error) => error,
        })
    }
}

fn place(id: &str) -> Result<String, Error> {
    let fits = !id.is_empty()
        && id.len() <= 100
        && id
            .chars()
            .all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_'));
    match fits {
        true => Ok(format!("{FOLDER}/{id}.json")),
        false => Err(Error::NoPatch(id.chars().take(100).collect())),
    }
}
