//! Patches: every change set that a task proposed, with what became of it. The state folder holds them, so they survive the
//! process; the user's files change through `Draft::land` here as everywhere (W5).

use crate::events::now;
use crate::failure::{of_landing, of_workspace};
use protocol::{
    Code, Failure, FileChange, FileOp, Hunk, HunkState, PatchId, PatchState, PatchView, TaskId,
};
use std::sync::Arc;
use std::time::{Duration, Instant};
use workspace::{ChangeSet, Host, Lineage, Node, NodeState};

/// The patches of one workspace.
pub struct Patches {
    lineage: Lineage,
    state: Arc<sandbox::Tree>,
}

/// The right to decide about patches of this workspace; one at a time, in all processes.
pub struct Decision {
    _lock: sandbox::Lock,
}

/// How long a decision waits for another one, which may be waiting for an editor.
const PATIENCE: Duration = Duration::from_secs(30);

impl Patches {
    /// Over the state folder; reads nothing yet.
    pub fn new(state: Arc<sandbox::Tree>) -> Patches {
        Patches {
            lineage: Lineage::open(state.clone()),
            state,
        }
    }

    /// Waits for the right to decide: two windows must not land the same patch twice.
    ///
    /// # Errors
    /// `timeout` where somebody else keeps it, `io`.
    pub async fn decide(&self) -> Result<Decision, Failure> {
        let start = Instant::now();
        loop {
            match self.state.lock("patches.lock") {
                Ok(lock) => return Ok(Decision { _lock: lock }),
                Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => {
                    return Err(Failure::new(
                        Code::Io,
                        format!("the state folder cannot be locked: {error}"),
                    ));
                }
                Err(_) if start.elapsed() > PATIENCE => {
                    return Err(Failure::new(
                        Code::Timeout,
                        "another patch of this workspace is landing",
                    )
                    .hint("try again when it has landed"));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }

    /// Keeps a proposal.
    ///
    /// # Errors
    /// `io` where the state folder cannot be written.
    pub fn propose(
        &self,
        task: &TaskId,
        title: &str,
        verified: bool,
        change: &ChangeSet,
    ) -> Result<PatchView, Failure> {
        let node = Node {
            id: uuid::Uuid::now_v7().simple().to_string(),
            task: task.to_string(),
            title: title.to_owned(),
            created: now(),
            verified,
            state: NodeState::Proposed,
            change: change.clone(),
        };
        self.lineage.record(&node).map_err(of_workspace)?;
        Ok(view(&node))
    }

    /// Notes that a proposal is in the user's files, as what was really written.
    ///
    /// # Errors
    /// `io`, `not_found`.
    pub fn landed(
        &self,
        id: &PatchId,
        _: &Decision,
        verified: bool,
        change: &ChangeSet,
    ) -> Result<PatchView, Failure> {
        let mut node = self.node(id)?;
        node.state = NodeState::Landed;
        node.verified = verified;
        // Nothing to write means that the files hold it already: the way back is still the patch itself.
        if !change.is_empty() {
            node.change = change.clone();
        }
        self.lineage.record(&node).map_err(of_workspace)?;
        Ok(view(&node))
    }

    /// All patches, newest first.
    pub fn list(&self) -> Vec<PatchView> {
        self.lineage
            .list()
            .unwrap_or_default()
            .iter()
            .rev()
            .map(view)
            .collect()
    }

    /// One patch.
    ///
    /// # Errors
    /// `not_found`.
    pub fn get(&self, id: &PatchId) -> Result<PatchView, Failure> {
        self.node(id).map(|node| view(&node))
    }

    /// The newest patch in a state.
    pub fn newest(&self, state: PatchState) -> Option<PatchId> {
        self.list()
            .into_iter()
            .find(|patch| patch.state == state)
            .map(|patch| patch.id)
    }

    /// Brings a proposed patch into the user's files, merged onto what they are now.
    ///
    /// # Errors
    /// `invalid_input` for one that is not proposed, `stale` where it does not merge, `edit_refused`, `io`.
    pub async fn accept(&self, id: &PatchId, host: Arc<dyn Host>) -> Result<PatchView, Failure> {
        let decision = self.decide().await?;
        let node = self.in_state(id, &[NodeState::Proposed, NodeState::Refused])?;
        let landed = land(&node.change, &node.title, host).await?;
        // Merged onto other text than the tests saw, it is no longer what they passed on.
        let verified = node.verified && (landed.is_empty() || same_text(&landed, &node.change));
        self.landed(id, &decision, verified, &landed)
    }

    /// Puts a proposed patch aside.
    ///
    /// # Errors
    /// `invalid_input` for one that is not proposed, `io`.
    pub async fn refuse(&self, id: &PatchId) -> Result<PatchView, Failure> {
        let _decision = self.decide().await?;
        let mut node = self.in_state(id, &[NodeState::Proposed])?;
        node.state = NodeState::Refused;
        self.lineage.record(&node).map_err(of_workspace)?;
        Ok(view(&node))
    }

    /// Takes a landed patch back and keeps what the user wrote since.
    ///
    /// # Errors
    /// `invalid_input` for one that is not landed, `stale` where later edits touch the same lines, `edit_refused`, `io`.
    pub async fn undo(&self, id: &PatchId, host: Arc<dyn Host>) -> Result<PatchView, Failure> {
        let _decision = self.decide().await?;
        let mut node = self.in_state(id, &[NodeState::Landed])?;
        land(&node.change.invert(), &format!("Undo {}", node.title), host).await?;
        node.state = NodeState::Undone;
        self.lineage.record(&node).map_err(of_workspace)?;
        Ok(view(&node))
    }

    fn node(&self, id: &PatchId) -> Result<Node, Failure> {
        self.lineage.get(id.as_str()).map_err(of_workspace)
    }

    fn in_state(&self, id: &PatchId, states: &[NodeState]) -> Result<Node, Failure> {
        let node = self.node(id)?;
        match states.contains(&node.state) {
            true => Ok(node),
            false => {
                let state = format!("{:?}", state_of(&node)).to_lowercase();
                Err(
                    Failure::new(Code::InvalidInput, format!("patch {id} is {state}"))
                        .hint("`animus patch list` shows where each patch stands"),
                )
            }
        }
    }
}

async fn land(change: &ChangeSet, title: &str, host: Arc<dyn Host>) -> Result<ChangeSet, Failure> {
    change
        .land(host.as_ref(), title)
        .await
        .map(|landed| landed.change)
        .map_err(of_landing)
}

/// Whether two changes leave the same text.
pub(crate) fn same_text(a: &ChangeSet, b: &ChangeSet) -> bool {
    a.files.len() == b.files.len()
        && a.files
            .iter()
            .zip(&b.files)
            .all(|(a, b)| a.path == b.path && a.after == b.after)
}

fn state_of(node: &Node) -> PatchState {
    match node.state {
        NodeState::Proposed => PatchState::Proposed,
        NodeState::Landed => PatchState::Landed,
        NodeState::Refused => PatchState::Refused,
        NodeState::Undone => PatchState::Undone,
    }
}

fn view(node: &Node) -> PatchView {
    let state = state_of(node);
    let hunk_state = match state {
        PatchState::Proposed => HunkState::Pending,
        PatchState::Landed => HunkState::Accepted,
        PatchState::Refused | PatchState::Undone => HunkState::Refused,
    };
    let files = node.change.view().into_iter().map(|file| FileChange {
        path: file.path.to_string(),
        op: match file.op {
            workspace::FileOp::Create => FileOp::Create,
            workspace::FileOp::Modify => FileOp::Modify,
            workspace::FileOp::Delete => FileOp::Delete,
        },
        added: file.added,
        removed: file.removed,
        diff: file.diff,
        hunks: file
            .hunks
            .into_iter()
            .zip(0..)
            .map(|(hunk, index)| Hunk {
                index,
                old_start: hunk.old_start,
                old_lines: hunk.old_lines,
                new_start: hunk.new_start,
                new_lines: hunk.new_lines,
                state: hunk_state,
                first: 0,
                removed: 0,
                text: String::new(),
                edited: false,
                live: None,
            })
            .collect(),
    });
    PatchView {
        id: PatchId::from(node.id.clone()),
        task: TaskId::from(node.task.clone()),
        title: node.title.clone(),
        state,
        verified: node.verified,
        created: node.created.clone(),
        kind: protocol::PatchKind::Change,
        parent: None,
        of: Vec::new(),
        step: None,
        model: None,
        files: files.collect(),
    }
}
