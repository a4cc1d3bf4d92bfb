//! Ancestry: what can be done with patches that landed: earlier texts brought back, several made one, forgotten, and the lines that
//! each wrote.

use super::{Patches, Proposal, state_of};
use crate::failure::{of_decision, of_workspace};
use protocol::{Code, Failure, PatchId, PatchView};
use workspace::{
    Blame, ChangeSet, Content, FileEdit, Image, Kind, LandError, Node, NodeState, RelPath, Review,
    Verdict,
};

/// Which text of a file to bring back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restore {
    /// As it was right before the patch.
    Before,
    /// As it was right after it.
    After,
}

impl Patches {
    /// Gives files the text again that they had around a patch; without paths all its files. What stands there now is kept in
    /// the new patch, so that this too can be undone. `None`: the files are like that already.
    ///
    /// # Errors
    /// `not_found` where the patch did not touch a file, `invalid_input` where it never landed, `edit_refused`, `io`.
    pub async fn restore(
        &self,
        id: &PatchId,
        side: Restore,
        paths: &[RelPath],
    ) -> Result<Option<PatchView>, Failure> {
        let _decision = self.decide().await?;
        let node = self.settled(id)?;
        if node.images.is_empty() {
            return Err(never_landed(id));
        }
        for path in paths {
            if !node.images.iter().any(|image| image.path == *path) {
                let what = format!("patch {id} did not change {path}");
                return Err(
                    Failure::new(Code::NotFound, what).hint("`animus patch show` lists its files")
                );
            }
        }
        let mut change = ChangeSet::default();
        let wanted = |image: &&Image| paths.is_empty() || paths.contains(&image.path);
        for image in node.images.iter().filter(wanted) {
            let text = match side {
                Restore::Before => &image.pre,
                Restore::After => &image.post,
            };
            let live = self.host.read(&image.path).map_err(of_workspace)?;
            let edit = FileEdit {
                path: image.path.clone(),
                // A file that stays keeps the mode that it has; one that goes may come back by an undo.
                mode: match (&live, text) {
                    (Some(_), Some(_)) => None,
                    (Some(_), None) => self.host.mode(&image.path),
                    (None, _) => mode_of([&node], &image.path),
                },
                base: live,
                after: text.as_ref().map(|content| content.bytes.clone()),
            };
            change.files.extend(Some(edit).filter(FileEdit::is_change));
        }
        if change.is_empty() {
            return Ok(None);
        }
        // Written down first: what stands there now must not be lost by a stop on the way.
        let mut restore = super::node(
            Proposal {
                title: format!("Restore {}", node.title),
                change: change.clone(),
                ..Proposal::default()
            },
            Kind::Restore,
            Verdict::Pending,
        );
        restore.of = vec![node.id];
        restore.intent = Some(Review::of(&change, Verdict::Accepted));
        self.write(&restore)?;
        match change.land(self.host.as_ref(), &restore.title).await {
            Ok(landed) => {
                restore.review = Review::of(&landed.change, Verdict::Accepted);
                restore.intent = None;
                self.arrived(&mut restore, &landed.change)?;
                Ok(Some(self.view(&restore)))
            }
            // It may still come; the next look settles it.
            Err(LandError::Timeout) => Err(of_decision(LandError::Timeout)),
            Err(error) => {
                self.lineage.drop(&restore.id).map_err(of_workspace)?;
                Err(of_decision(error))
            }
        }
    }

    /// Moves what waits in a proposed patch onto the text that the files have now. Other text than before is not tested.
    ///
    /// # Errors
    /// `invalid_input` for a patch that does not wait, `stale` with the conflict where the same lines were changed.
    pub async fn rebase(&self, id: &PatchId) -> Result<PatchView, Failure> {
        let _decision = self.decide().await?;
        let mut node = self.settled(id)?;
        if node.state() != NodeState::Proposed {
            let state = format!("{:?}", state_of(node.state())).to_lowercase();
            return Err(
                Failure::new(Code::InvalidInput, format!("patch {id} is {state}"))
                    .hint("only a patch that waits for a decision can be rebased"),
            );
        }
        let pending: Vec<_> = node
            .review
            .all()
            .filter(|(_, hunk)| hunk.verdict == Verdict::Pending)
            .map(|(spot, _)| spot)
            .collect();
        let all = node.review.decided(&pending, Verdict::Accepted);
        let step = node.review.step(&all);
        let moved = step.rebased(self.host.as_ref()).map_err(of_decision)?;
        match moved.is_empty() {
            // The files have it already.
            true => node.review = all,
            false => {
                node.tested &= super::same_text(&moved, &node.review.change());
                node.review = Review::of(&moved, Verdict::Pending);
            }
        }
        self.write(&node)?;
        Ok(self.view(&node))
    }

    /// Makes one patch of several that landed one after the other: from the text before the first to the text after the last.
    ///
    /// # Errors
    /// `invalid_input` for fewer than two, for one that is not in the files, and where a file was changed by something else
    /// between two of them; `not_found`, `io`.
    pub async fn squash(&self, ids: &[PatchId]) -> Result<PatchView, Failure> {
        let _decision = self.decide().await?;
        let mut chosen = Vec::new();
        for head in self.lineage.landed().map_err(of_workspace)? {
            if ids.iter().any(|id| id.as_str() == head.id) {
                chosen.push(self.settled(&PatchId::from(head.id))?);
            }
        }
        for id in ids {
            let landed = chosen.iter().find(|node| node.id == id.as_str());
            let whole = |node: &&Node| node.state() == NodeState::Landed && !node.images.is_empty();
            landed.filter(whole).ok_or_else(|| never_landed(id))?;
        }
        let (Some(first), Some(last)) = (chosen.first(), chosen.last()) else {
            return Err(few());
        };
        if chosen.len() < 2 {
            return Err(few());
        }
        let images = chained(&chosen)?;
        let edit = |image: &Image| FileEdit {
            path: image.path.clone(),
            base: image.pre.clone(),
            after: image.post.as_ref().map(|content| content.bytes.clone()),
            mode: mode_of(chosen.iter().rev(), &image.path),
        };
        let files = images.iter().map(edit).filter(FileEdit::is_change);
        let change = ChangeSet {
            files: files.collect(),
        };
        let titles: Vec<&str> = chosen.iter().map(|node| node.title.as_str()).collect();
        let node = Node {
            id: crate::new_id(),
            kind: Kind::Squash,
            parent: first.parent.clone(),
            of: chosen.iter().map(|node| node.id.clone()).collect(),
            task: last.task.clone(),
            step: last.step,
            model: last.model.clone(),
            title: titles.join("; "),
            created: last.created.clone(),
            landed: last.landed.clone(),
            // The tests of the last saw all of it.
            tested: last.verified(),
            review: Review::of(&change, Verdict::Accepted),
            intent: None,
            images,
        };
        self.keep(&node)?;
        for gone in &chosen {
            self.lineage.drop(&gone.id).map_err(of_workspace)?;
            self.gone(&gone.id);
        }
        // What landed on the last of them landed on their sum.
        for child in self.lineage.heads().map_err(of_workspace)? {
            if child.id != node.id && child.landed > node.landed && child.parent == first.parent {
                let sum = Some(node.id.clone());
                self.lineage
                    .reparent(&child.id, sum)
                    .map_err(of_workspace)?;
            }
        }
        Ok(self.view(&node))
    }

    /// Forgets a patch; the files stay as they are.
    ///
    /// # Errors
    /// `not_found`, `io`.
    pub async fn forget(&self, id: &PatchId) -> Result<(), Failure> {
        let _decision = self.decide().await?;
        self.lineage.drop(id.as_str()).map_err(of_workspace)?;
        self.gone(id.as_str());
        Ok(())
    }

    /// The lines of a file, as it is now, with the patches that wrote them.
    ///
    /// # Errors
    /// `not_found`, `unreadable`, `io`.
    pub fn blame(&self, path: &RelPath) -> Result<(Content, Blame), Failure> {
        let content = self.host.read(path).map_err(of_workspace)?;
        let content =
            content.ok_or_else(|| of_workspace(workspace::Error::Missing(path.clone())))?;
        let blame = self.lineage.blame(path, &content).map_err(of_workspace)?;
        Ok((content, blame))
    }
}

/// The files around several landings, where each found what the one before it left.
fn chained(nodes: &[Node]) -> Result<Vec<Image>, Failure> {
    let mut images: Vec<Image> = Vec::new();
    for node in nodes {
        for image in &node.images {
            match images.iter_mut().find(|known| known.path == image.path) {
                None => images.push(image.clone()),
                Some(known) if known.post == image.pre => known.post.clone_from(&image.post),
                Some(_) => {
                    let what = format!(
                        "{} was changed by something else between these patches",
                        image.path
                    );
                    return Err(Failure::new(Code::InvalidInput, what)
                        .hint("squash the patches on either side apart"));
                }
            }
        }
    }
    images.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(images)
}

/// The mode that the first of these patches to know one has for a file.
fn mode_of<'node>(nodes: impl IntoIterator<Item = &'node Node>, path: &RelPath) -> Option<u32> {
    let mode = |node: &Node| {
        let mut files = node.review.files.iter();
        files.find(|file| file.edit.path == *path)?.edit.mode
    };
    nodes.into_iter().find_map(mode)
}

fn never_landed(id: &PatchId) -> Failure {
    Failure::new(
        Code::InvalidInput,
        format!("patch {id} is not in the files"),
    )
    .hint("`animus patch list` shows where each patch stands")
}

fn few() -> Failure {
    Failure::new(Code::InvalidInput, "a squash needs two patches or more")
        .hint("name them; `animus patch list` shows the ids")
}
