//! Settle: decisions that the program was stopped in the middle of, or that an editor carried out by itself. The files say what
//! became of them.

use super::Patches;
use super::decide::comes;
use crate::failure::of_workspace;
use protocol::{Failure, PatchId, PatchView};
use workspace::{ChangeSet, Kind, Node, RelPath, Review, Verdict};

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
            let now = std::mem::replace(&mut node.review, intent);
            self.arrived_before(&mut node, &now, &step)?;
        } else {
            self.write(&node)?;
        }
        Ok(node)
    }

    /// Notes a decision that is in the files already, with the patch that says so where one takes back or brings back.
    fn arrived_before(
        &self,
        node: &mut Node,
        before: &Review,
        step: &ChangeSet,
    ) -> Result<(), Failure> {
        let written = self.written(step)?;
        let was = |verdict| {
            let mut hunks = before.all();
            hunks
                .any(|(spot, hunk)| hunk.verdict == verdict && node.review.verdict(spot) != verdict)
        };
        let (title, of) = (node.title.clone(), vec![node.id.clone()]);
        if comes(before, &node.review) {
            let again = was(Verdict::Undone);
            self.arrived(node, &written)?;
            if again {
                self.revoke(&node.id)?;
                self.follow_up(Kind::Redo, format!("Redo {title}"), of, &written)?;
            }
            return Ok(());
        }
        let back = was(Verdict::Accepted);
        node.witness(&written);
        self.keep(node)?;
        if back {
            self.follow_up(Kind::Undo, format!("Undo {title}"), of, &written)?;
        }
        Ok(())
    }

    /// A step that is in the files already, with the texts that they have: what the user wrote elsewhere in them is in both.
    fn written(&self, step: &ChangeSet) -> Result<ChangeSet, Failure> {
        let back = step.invert().rest(self.host.as_ref());
        let back = back.map_err(of_workspace)?.unwrap_or_default();
        Ok(match back.is_empty() {
            true => step.clone(),
            false => back.invert(),
        })
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
        let written = self.written(&node.review.step(&next))?;
        node.review = next;
        self.arrived(&mut node, &written)?;
        Ok(Some(self.view(&node)))
    }
}
