//! Settle: decisions that the program was stopped in the middle of, or that an editor carried out by itself. The files say what
//! became of them.

use super::Patches;
use crate::failure::of_workspace;
use protocol::{Failure, PatchId, PatchView};
use workspace::{ChangeSet, Node, RelPath, Verdict};

impl Patches {
    /// The patch, after its unfinished decision was settled.
    pub(super) fn settled(&self, id: &PatchId) -> Result<Node, Failure> {
        let mut node = self.node(id)?;
        let Some(intent) = node.intent.take() else {
            return Ok(node);
        };
        let step = node.review.step(&intent);
        let left = step.rest(self.host.as_ref()).map_err(of_workspace)?;
        if left.as_ref().is_some_and(ChangeSet::is_empty) {
            node.review = intent;
            self.arrived(&mut node, &step)?;
        } else {
            self.lineage.record(&node).map_err(of_workspace)?;
        }
        Ok(node)
    }

    /// Settles every patch; gives back those that changed.
    pub(crate) async fn settle(&self) -> Vec<PatchView> {
        let mut open = self.lineage.heads().unwrap_or_default();
        open.retain(|head| head.unsettled);
        if open.is_empty() {
            return Vec::new();
        }
        let Ok(_decision) = self.decide().await else {
            return Vec::new();
        };
        let mut views = Vec::new();
        for head in open {
            match self.settled(&PatchId::from(head.id)) {
                Ok(node) => views.push(self.view(&node)),
                Err(error) => tracing::warn!(%error, "a patch could not be settled"),
            }
        }
        views
    }

    /// Notes the pending hunks of a patch that an editor has put into a file by itself; `None`: there are none.
    ///
    /// # Errors
    /// `not_found`, `io`, `timeout`.
    pub async fn notice(&self, id: &PatchId, path: &RelPath) -> Result<Option<PatchView>, Failure> {
        let _decision = self.decide().await?;
        let mut node = self.settled(id)?;
        let Some(live) = self.host.read(path).map_err(of_workspace)? else {
            return Ok(None);
        };
        let spots = node.review.found(path, &live.bytes);
        if spots.is_empty() {
            return Ok(None);
        }
        let next = node.review.decided(&spots, Verdict::Accepted);
        let step = node.review.step(&next);
        node.review = next;
        self.arrived(&mut node, &step)?;
        Ok(Some(self.view(&node)))
    }
}
