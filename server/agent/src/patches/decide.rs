//! Decide: hunks brought into the user's files, left out of them, and taken back, in any order. What is decided is merged onto the
//! text that stands there, so the user's own edits stay; where both touch the same lines nothing changes.

use super::{Decision, Patches, Proposal, node};
use crate::failure::{of_decision, of_workspace};
use protocol::{Choice, Code, Failure, PatchId, PatchView, Resolution, Undoing};
use workspace::{ChangeSet, Head, Kind, LandError, Node, NodeState, Review, Spot, Verdict};

impl Patches {
    /// Decides about a hunk, a file or a whole patch. A decision that stands already is no error.
    ///
    /// # Errors
    /// `not_found` where there is no such patch, file or hunk, `invalid_input` for an edit without its text, `stale` where the
    /// user changed the same lines, `edit_refused`, `io`.
    pub async fn resolve(&self, choice: &Choice) -> Result<Vec<PatchView>, Failure> {
        let decision = self.decide().await?;
        let mut node = self.settled(&choice.patch)?;
        let spots = spots(&node, choice.path.as_deref(), choice.hunk)?;
        let review = &node.review;
        let which = |wanted: fn(Verdict) -> bool| -> Vec<Spot> {
            let wanted = |spot: &&Spot| wanted(review.verdict(**spot));
            spots.iter().filter(wanted).copied().collect()
        };
        // A decision about many is about those that wait; about one hunk it is about that one, whatever was said before.
        let all = choice.hunk.is_none();
        let next = match (choice.resolution, &choice.text) {
            (Resolution::Accept, _) => {
                let waiting = which(|verdict| verdict == Verdict::Pending);
                let others = which(|verdict| verdict != Verdict::Accepted);
                let chosen = if all && !waiting.is_empty() {
                    waiting
                } else {
                    others
                };
                review.decided(&chosen, Verdict::Accepted)
            }
            (Resolution::Refuse, _) if all => {
                let waiting = which(|verdict| verdict == Verdict::Pending);
                if waiting.is_empty() && !which(|verdict| verdict == Verdict::Accepted).is_empty() {
                    return Err(wrong(
                        format!("nothing of patch {} waits for a decision", node.id),
                        "an undo takes back what is in the files",
                    ));
                }
                review.decided(&waiting, Verdict::Refused)
            }
            (Resolution::Refuse, _) => {
                let landed = which(|verdict| verdict == Verdict::Accepted);
                let waiting = which(|verdict| verdict == Verdict::Pending);
                review
                    .decided(&landed, Verdict::Undone)
                    .decided(&waiting, Verdict::Refused)
            }
            (Resolution::Edit, Some(text)) => match spots.as_slice() {
                [spot] => review.edited(*spot, text).map_err(of_workspace)?,
                _ => {
                    return Err(wrong(
                        "only one hunk at a time can be edited",
                        "name its file and number",
                    ));
                }
            },
            (Resolution::Edit, None) => {
                return Err(wrong(
                    "an edit needs its text",
                    "give `text`, the lines to put there",
                ));
            }
        };
        self.carry(&decision, &mut node, next, None).await?;
        Ok(vec![self.view(&node)])
    }

    /// Takes landed hunks back and keeps what the user wrote since. The undo is a patch of its own, second in what is given back;
    /// the undo of an undo brings back.
    ///
    /// # Errors
    /// `not_found`, `invalid_input` where nothing of it is in the files, `stale` where later edits touch the same lines,
    /// `edit_refused`, `io`.
    pub async fn undo(&self, what: &Undoing) -> Result<Vec<PatchView>, Failure> {
        let decision = self.decide().await?;
        let id = match &what.patch {
            Some(id) => id.clone(),
            None => self.newest()?,
        };
        let mut node = self.settled(&id)?;
        if node.kind == Kind::Undo {
            return self.bring_back(&decision, node).await;
        }
        let spots = spots(&node, what.path.as_deref(), what.hunk)?;
        let landed = |spot: &Spot| node.review.verdict(*spot) == Verdict::Accepted;
        let spots: Vec<Spot> = spots.into_iter().filter(landed).collect();
        if spots.is_empty() {
            return Err(wrong(
                format!("nothing of patch {id} is in the files"),
                "`animus patch list` shows where each patch stands",
            ));
        }
        let next = node.review.decided(&spots, Verdict::Undone);
        let label = format!("Undo {}", node.title);
        let written = self.carry(&decision, &mut node, next, Some(&label)).await?;
        let mut views = vec![self.view(&node)];
        if !written.is_empty() {
            views.push(self.follow_up(Kind::Undo, label, vec![node.id], &written)?);
        }
        Ok(views)
    }

    /// Brings back what was taken back last, or what this patch had: the original first, then the patch that did it.
    ///
    /// # Errors
    /// As [`Patches::undo`].
    pub async fn redo(&self, id: Option<&PatchId>) -> Result<Vec<PatchView>, Failure> {
        let decision = self.decide().await?;
        let node = match id {
            Some(id) => self.settled(id)?,
            None => {
                let landed = self.lineage.landed().map_err(of_workspace)?;
                let undo = |head: &Head| head.kind == Kind::Undo && head.state == NodeState::Landed;
                let newest = landed.into_iter().rev().find(undo);
                let newest =
                    newest.ok_or_else(|| Failure::new(Code::NotFound, "nothing was undone"))?;
                self.settled(&PatchId::from(newest.id))?
            }
        };
        self.bring_back(&decision, node).await
    }

    /// The newest patch that an undo without a name means: undone ones and undos are passed over, so that undoing goes on
    /// backwards.
    ///
    /// # Errors
    /// `not_found` where nothing is left to undo.
    pub fn newest(&self) -> Result<PatchId, Failure> {
        let nodes = self.lineage.landed().map_err(of_workspace)?;
        let landed = |id: &str| {
            let found = nodes.iter().find(|node| node.id == id);
            found.is_some_and(|node| node.state == NodeState::Landed)
        };
        let target = |node: &Head| match node.kind {
            Kind::Undo => None,
            Kind::Redo => node.of.first().cloned(),
            Kind::Change | Kind::Restore | Kind::Squash => Some(node.id.clone()),
        };
        nodes
            .iter()
            .rev()
            .filter_map(target)
            .find(|id| landed(id))
            .map(PatchId::from)
            .ok_or_else(|| Failure::new(Code::NotFound, "there is no landed patch to undo"))
    }

    /// Undone hunks accepted again; `node` is the undo or the original.
    async fn bring_back(&self, decision: &Decision, node: Node) -> Result<Vec<PatchView>, Failure> {
        let mut first = match (node.kind, node.of.first()) {
            (Kind::Undo, Some(of)) => self.settled(&PatchId::from(of.clone()))?,
            _ => node,
        };
        let undone: Vec<Spot> = first
            .review
            .all()
            .filter(|(_, hunk)| hunk.verdict == Verdict::Undone)
            .map(|(spot, _)| spot)
            .collect();
        if undone.is_empty() {
            return Err(wrong(
                format!("nothing of patch {} was taken back", first.id),
                "`animus patch list` shows where each patch stands",
            ));
        }
        let next = first.review.decided(&undone, Verdict::Accepted);
        let label = format!("Redo {}", first.title);
        let written = self.carry(decision, &mut first, next, Some(&label)).await?;
        self.revoke(&first.id)?;
        let mut views = vec![self.view(&first)];
        if !written.is_empty() {
            views.push(self.follow_up(Kind::Redo, label, vec![first.id], &written)?);
        }
        Ok(views)
    }

    /// Notes that the undos of a patch no longer stand.
    pub(super) fn revoke(&self, id: &str) -> Result<(), Failure> {
        for head in self.lineage.landed().map_err(of_workspace)? {
            if head.kind == Kind::Undo && head.of.iter().any(|of| of == id) {
                let mut undo = self.node(&PatchId::from(head.id))?;
                let all: Vec<Spot> = undo.review.all().map(|(spot, _)| spot).collect();
                undo.review = undo.review.decided(&all, Verdict::Undone);
                self.write(&undo)?;
            }
        }
        Ok(())
    }

    /// Brings the files from what the node's decisions make of them to what `next`'s do, and keeps it. Gives back what was
    /// really written.
    pub(super) async fn carry(
        &self,
        _: &Decision,
        node: &mut Node,
        next: Review,
        label: Option<&str>,
    ) -> Result<ChangeSet, Failure> {
        let mut step = node.review.step(&next);
        if step.is_empty() {
            node.review = next;
            self.write(node)?;
            return Ok(step);
        }
        let comes = comes(&node.review, &next);
        if comes
            && !node
                .review
                .all()
                .any(|(_, hunk)| hunk.verdict == Verdict::Accepted)
        {
            // It comes anew, maybe into another text than the first time.
            node.images.clear();
        }
        if !comes {
            step = node.back(step, self.host.as_ref()).map_err(of_workspace)?;
        }
        node.intent = Some(next.clone());
        self.write(node)?;
        let label = label.unwrap_or(&node.title);
        match step.land(self.host.as_ref(), label).await {
            Ok(landed) => {
                node.review = next;
                node.intent = None;
                match comes {
                    true => self.arrived(node, &landed.change)?,
                    false => {
                        node.witness(&landed.change);
                        self.keep(node)?;
                    }
                }
                // Merged onto other text than the tests saw, it is no longer what they passed on.
                if node.tested && node.state() == NodeState::Landed && !self.is_as_proposed(node) {
                    node.tested = false;
                    self.keep(node)?;
                }
                Ok(landed.change)
            }
            // It may still come; the next look settles it.
            Err(LandError::Timeout) => Err(of_decision(LandError::Timeout)),
            Err(error) => {
                node.intent = None;
                self.write(node)?;
                Err(of_decision(error))
            }
        }
    }

    /// A patch that follows from others, and is in the files already.
    pub(super) fn follow_up(
        &self,
        kind: Kind,
        title: String,
        of: Vec<String>,
        written: &ChangeSet,
    ) -> Result<PatchView, Failure> {
        let proposal = Proposal {
            title,
            change: written.clone(),
            ..Proposal::default()
        };
        let mut node = node(proposal, kind, Verdict::Accepted);
        node.of = of;
        self.arrived(&mut node, written)?;
        Ok(self.view(&node))
    }

    /// Whether the files are, to the byte, what was proposed.
    fn is_as_proposed(&self, node: &Node) -> bool {
        node.review.files.iter().all(|file| {
            let post = node
                .images
                .iter()
                .find(|image| image.path == file.edit.path);
            let bytes = match post {
                Some(image) => image.post.as_ref().map(|post| post.bytes.clone()),
                None => self
                    .host
                    .read(&file.edit.path)
                    .ok()
                    .flatten()
                    .map(|now| now.bytes),
            };
            bytes == file.edit.after
        })
    }
}

/// Whether a decision brings a hunk into the files.
pub(super) fn comes(now: &Review, next: &Review) -> bool {
    next.all().any(|(spot, hunk)| {
        hunk.verdict == Verdict::Accepted && now.verdict(spot) != Verdict::Accepted
    })
}

fn spots(node: &Node, path: Option<&str>, hunk: Option<u32>) -> Result<Vec<Spot>, Failure> {
    if hunk.is_some() && path.is_none() && node.review.files.len() > 1 {
        return Err(wrong(
            "the patch has several files, and each counts its hunks from 0",
            "name the file of the hunk as well",
        ));
    }
    let number = hunk.and_then(|hunk| usize::try_from(hunk).ok());
    node.review.spots(path, number).ok_or_else(|| {
        let what = match (path, hunk) {
            (Some(path), None) => format!("patch {} does not change {path}", node.id),
            (Some(path), Some(hunk)) => format!("patch {} has no hunk {hunk} in {path}", node.id),
            (None, _) => format!("patch {} has no such hunk", node.id),
        };
        Failure::new(Code::NotFound, what)
            .hint("`animus patch show` lists its files; each counts its hunks from 0")
    })
}

fn wrong(message: impl Into<String>, hint: &str) -> Failure {
    Failure::new(Code::InvalidInput, message.into()).hint(hint)
}
