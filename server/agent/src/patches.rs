//! Patches: every change set that a task or a person proposed, hunk by hunk, with what became of it. The state folder holds them, so
//! they survive the process; the user's files change through the workspace's landing here as everywhere (W5).

mod ancestry;
mod calls;
mod decide;
mod page;
mod settle;
mod view;
mod watch;

pub use ancestry::Restore;
pub use page::{Page, PageLine};

use crate::events::now;
use crate::failure::of_workspace;
use protocol::{Code, Failure, PatchId, PatchState, PatchView, TaskId};
use std::sync::Arc;
use std::time::{Duration, Instant};
use workspace::{
    Bound, ChangeSet, Head, Host, Kind, Lineage, Node, NodeState, Review, Usage, Verdict,
};

/// The patches of one workspace.
pub struct Patches {
    lineage: Lineage,
    state: Arc<sandbox::Tree>,
    host: Arc<dyn Host>,
    keep: Keep,
}

/// How patches are kept.
#[derive(Debug, Clone, Copy)]
pub struct Keep {
    /// Whether landed patches become git objects under `refs/animus/*` too.
    pub refs: bool,
    /// The most that the state folder keeps.
    pub bound: Bound,
}

/// The right to decide about patches of this workspace; one at a time, in all processes.
pub struct Decision {
    _lock: sandbox::Lock,
}

/// A change that somebody made.
#[derive(Debug, Clone, Default)]
pub struct Proposal {
    /// The task it comes from; empty where none.
    pub task: String,
    /// One line for a person.
    pub title: String,
    /// Whether the tests passed on it.
    pub tested: bool,
    /// Number of the model call that made its last change.
    pub step: Option<u32>,
    /// The model that made it.
    pub model: Option<String>,
    /// The change.
    pub change: ChangeSet,
}

/// How long a decision waits for another one, which may be waiting for an editor.
const PATIENCE: Duration = Duration::from_secs(30);

impl Patches {
    /// Over the state folder; reads nothing yet.
    pub fn new(state: Arc<sandbox::Tree>, host: Arc<dyn Host>, keep: Keep) -> Patches {
        Patches {
            lineage: Lineage::open(state.clone()),
            state,
            host,
            keep,
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

    /// Keeps a proposal; every hunk waits for a decision.
    ///
    /// # Errors
    /// `io` where the state folder cannot be written.
    pub fn propose(&self, proposal: Proposal) -> Result<PatchView, Failure> {
        let node = node(proposal, Kind::Change, Verdict::Pending);
        self.write(&node)?;
        Ok(self.view(&node))
    }

    /// Notes that all of a proposal, as this change has it now, is on its way into the files: a stop meanwhile is settled at the
    /// next start.
    ///
    /// # Errors
    /// `io`, `not_found`.
    pub fn intend(&self, id: &PatchId, _: &Decision, change: &ChangeSet) -> Result<(), Failure> {
        let mut node = self.node(id)?;
        node.review = Review::of(change, Verdict::Pending);
        node.intent = Some(Review::of(change, Verdict::Accepted));
        self.write(&node)
    }

    /// Notes that what was intended did not become of it.
    ///
    /// # Errors
    /// `io`, `not_found`.
    pub fn desist(&self, id: &PatchId) -> Result<(), Failure> {
        let mut node = self.node(id)?;
        node.intent = None;
        self.write(&node)
    }

    /// Notes that a proposal is in the user's files, whole, as what was really written.
    ///
    /// # Errors
    /// `io`, `not_found`.
    pub fn landed(
        &self,
        id: &PatchId,
        _: &Decision,
        tested: bool,
        change: &ChangeSet,
    ) -> Result<PatchView, Failure> {
        let mut node = self.node(id)?;
        // Nothing to write means that the files hold it already: the way back is still the patch itself.
        let whole = match change.is_empty() {
            true => node.review.change(),
            false => change.clone(),
        };
        node.review = Review::of(&whole, Verdict::Accepted);
        node.intent = None;
        node.tested = tested;
        self.arrived(&mut node, change)?;
        Ok(self.view(&node))
    }

    /// Keeps a change that is about to land without a task, so that a stop on the way is settled at the next start.
    ///
    /// # Errors
    /// `io`, `timeout`.
    pub async fn begin(&self, proposal: Proposal) -> Result<(PatchId, Decision), Failure> {
        let decision = self.decide().await?;
        let mut node = node(proposal, Kind::Change, Verdict::Pending);
        node.intent = Some(Review::of(&node.review.change(), Verdict::Accepted));
        self.write(&node)?;
        Ok((PatchId::from(node.id), decision))
    }

    /// Forgets what was begun and did not land.
    ///
    /// # Errors
    /// `io`, `not_found`.
    pub fn withdraw(&self, id: &PatchId, _: &Decision) -> Result<(), Failure> {
        self.lineage.drop(id.as_str()).map_err(of_workspace)
    }

    /// All patches, newest first.
    pub fn list(&self) -> Vec<PatchView> {
        let nodes = self.lineage.list().unwrap_or_default();
        nodes.iter().rev().map(|node| self.view(node)).collect()
    }

    /// All patches with where they stand, newest first, without their texts.
    pub fn standing(&self) -> Vec<(PatchId, PatchState)> {
        let heads = self.lineage.heads().unwrap_or_default();
        let one = |head: Head| (PatchId::from(head.id), state_of(head.state));
        heads.into_iter().rev().map(one).collect()
    }

    /// One patch.
    ///
    /// # Errors
    /// `not_found`.
    pub fn get(&self, id: &PatchId) -> Result<PatchView, Failure> {
        self.node(id).map(|node| self.view(&node))
    }

    /// The hunks of a patch with what was decided.
    ///
    /// # Errors
    /// `not_found`.
    pub fn review(&self, id: &PatchId) -> Result<Review, Failure> {
        self.node(id).map(|node| node.review)
    }

    /// Where the review document of a patch is, whether or not it was written.
    pub fn page_path(&self, id: &PatchId) -> camino::Utf8PathBuf {
        self.state.path().join(page_name(id))
    }

    /// Writes the review document of a patch into the state folder.
    ///
    /// # Errors
    /// `not_found`, `io`.
    pub fn write_page(&self, id: &PatchId) -> Result<(), Failure> {
        let page = Page::of(&self.get(id)?);
        let written = self
            .state
            .write(&page_name(id), page.text.as_bytes(), Some(0o600));
        written.map_err(|error| {
            Failure::new(
                Code::Io,
                format!("the review document could not be written: {error}"),
            )
        })
    }

    /// What is kept in the state folder.
    ///
    /// # Errors
    /// `io`.
    pub fn usage(&self) -> Result<Usage, Failure> {
        self.lineage.usage().map_err(of_workspace)
    }

    fn view(&self, node: &Node) -> PatchView {
        view::of(node, self.host.as_ref())
    }

    fn node(&self, id: &PatchId) -> Result<Node, Failure> {
        self.lineage.get(id.as_str()).map_err(of_workspace)
    }

    /// Notes what a landing did, and keeps it.
    fn arrived(&self, node: &mut Node, change: &ChangeSet) -> Result<(), Failure> {
        if node.landed.is_none() {
            let before = self.lineage.landed().map_err(of_workspace)?;
            node.parent = before.last().map(|newest| newest.id.clone());
        }
        node.landed = Some(now());
        node.witness(change);
        self.keep(node)
    }

    /// Writes a node; the runtime's other work goes on meanwhile.
    fn write(&self, node: &Node) -> Result<(), Failure> {
        aside(|| self.lineage.record(node)).map_err(of_workspace)
    }

    /// Writes a node that has to do with the files, and lets go of what is too much.
    fn keep(&self, node: &Node) -> Result<(), Failure> {
        self.write(node)?;
        aside(|| self.trim(node));
        Ok(())
    }

    fn trim(&self, node: &Node) {
        let root = self.host.root();
        if self.keep.refs
            && let Err(error) = self.lineage.export(root, node)
        {
            tracing::warn!(patch = node.id, %error, "the patch did not become a git ref");
        }
        match self.lineage.prune(self.keep.bound) {
            Ok(gone) => gone.iter().for_each(|id| self.gone(id)),
            Err(error) => tracing::warn!(%error, "old patches could not be let go of"),
        }
    }

    /// Removes what a forgotten patch has elsewhere.
    fn gone(&self, id: &str) {
        let page = self.state.remove(&page_name(&PatchId::from(id.to_owned())));
        if let Err(error) = page
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(id, %error, "the patch's review document is left");
        }
        if let Err(error) = self.lineage.unexport(self.host.root(), id) {
            tracing::warn!(id, %error, "the patch's git ref is left");
        }
    }
}

/// Does something that waits for the disk; a runtime with several threads takes its other work elsewhere first.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

fn page_name(id: &PatchId) -> String {
    format!("review/{id}.diff")
}

/// A node that nobody has seen yet.
fn node(proposal: Proposal, kind: Kind, verdict: Verdict) -> Node {
    Node {
        id: crate::new_id(),
        kind,
        parent: None,
        of: Vec::new(),
        task: proposal.task,
        step: proposal.step,
        model: proposal.model,
        title: proposal.title,
        created: now(),
        landed: None,
        tested: proposal.tested,
        review: Review::of(&proposal.change, verdict),
        intent: None,
        images: Vec::new(),
    }
}

/// Whether two changes leave the same text.
pub(crate) fn same_text(a: &ChangeSet, b: &ChangeSet) -> bool {
    a.files.len() == b.files.len()
        && a.files
            .iter()
            .zip(&b.files)
            .all(|(a, b)| a.path == b.path && a.after == b.after)
}

fn state_of(state: NodeState) -> PatchState {
    match state {
        NodeState::Proposed => PatchState::Proposed,
        NodeState::Landed => PatchState::Landed,
        NodeState::Refused => PatchState::Refused,
        NodeState::Undone => PatchState::Undone,
    }
}

fn task_of(node: &Node) -> TaskId {
    TaskId::from(node.task.clone())
}
