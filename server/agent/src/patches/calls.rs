//! Calls: what the doors ask about patches. Whatever changes is told to every reader.

use super::{Decision, Proposal, Restore};
use crate::{Agent, Signal};
use protocol::{Choice, Code, Failure, PatchId, PatchState, PatchView, Undoing};

impl Agent {
    /// Every patch with where it stands, newest first: cheap, however large they are.
    pub fn standing(&self) -> Vec<(PatchId, PatchState)> {
        self.shared.patches.standing()
    }

    /// The hunks of a patch with what was decided, for doors that show them by themselves.
    ///
    /// # Errors
    /// `not_found`.
    pub fn review(&self, id: &PatchId) -> Result<workspace::Review, Failure> {
        self.shared.patches.review(id)
    }

    /// Where the review document of a patch is, whether or not it was written.
    pub fn page_path(&self, id: &PatchId) -> camino::Utf8PathBuf {
        self.shared.patches.page_path(id)
    }

    /// Writes the review document of a patch, as the patch stands now, and says where.
    ///
    /// # Errors
    /// `not_found`, `io`.
    pub fn write_page(&self, id: &PatchId) -> Result<camino::Utf8PathBuf, Failure> {
        self.shared.patches.write_page(id)?;
        Ok(self.page_path(id))
    }

    /// Decides about a hunk, a file or a whole patch. Landing waits for the editor, so no request handler awaits this.
    ///
    /// # Errors
    /// See [`protocol::Resolution`]; `stale` where it no longer merges.
    pub async fn resolve_patch(&self, choice: &Choice) -> Result<PatchView, Failure> {
        self.told(self.shared.patches.resolve(choice).await?)
    }

    /// Takes landed hunks back: of the named patch, or of the newest.
    ///
    /// # Errors
    /// `not_found`; `stale` where later edits touch the same lines.
    pub async fn undo_patch(&self, what: &Undoing) -> Result<PatchView, Failure> {
        self.told(self.shared.patches.undo(what).await?)
    }

    /// The patch that an undo means: the named one, if there is one of that name, or the newest.
    ///
    /// # Errors
    /// `not_found`.
    pub fn undoable(&self, named: Option<PatchId>) -> Result<PatchId, Failure> {
        match named {
            Some(id) => self.shared.patches.get(&id).map(|view| view.id),
            None => self.shared.patches.newest(),
        }
    }

    /// Brings back what was taken back: of the named patch, or the last.
    ///
    /// # Errors
    /// `not_found`; `stale` where later edits touch the same lines.
    pub async fn redo_patch(&self, id: Option<&PatchId>) -> Result<PatchView, Failure> {
        self.told(self.shared.patches.redo(id).await?)
    }

    /// Gives files the text again that they had around a patch; `None`: they have it.
    ///
    /// # Errors
    /// `not_found`, `invalid_input` where the patch never landed.
    pub async fn restore_patch(
        &self,
        id: &PatchId,
        side: Restore,
        paths: &[workspace::RelPath],
    ) -> Result<Option<PatchView>, Failure> {
        let view = self.shared.patches.restore(id, side, paths).await?;
        view.map(|view| self.told(vec![view])).transpose()
    }

    /// Moves what waits in a patch onto the text that the files have now.
    ///
    /// # Errors
    /// `stale` with the conflict.
    pub async fn rebase_patch(&self, id: &PatchId) -> Result<PatchView, Failure> {
        self.told(vec![self.shared.patches.rebase(id).await?])
    }

    /// Makes one patch of several that landed one after the other.
    ///
    /// # Errors
    /// `invalid_input` where they do not follow one another.
    pub async fn squash_patches(&self, ids: &[PatchId]) -> Result<PatchView, Failure> {
        self.told(vec![self.shared.patches.squash(ids).await?])
    }

    /// Forgets a patch; the files stay as they are.
    ///
    /// # Errors
    /// `not_found`, `io`.
    pub async fn drop_patch(&self, id: &PatchId) -> Result<(), Failure> {
        self.shared.patches.forget(id).await
    }

    /// A file's text with the patches that wrote its lines.
    ///
    /// # Errors
    /// `not_found`, `unreadable`.
    pub fn blame(
        &self,
        path: &workspace::RelPath,
    ) -> Result<(workspace::Content, workspace::Blame), Failure> {
        self.shared.patches.blame(path)
    }

    /// Keeps a change that is about to land without a task: a stop on the way is settled at the next start.
    ///
    /// # Errors
    /// `io`, `timeout`.
    pub async fn begin_patch(&self, proposal: Proposal) -> Result<(PatchId, Decision), Failure> {
        self.shared.patches.begin(proposal).await
    }

    /// Notes what became of it: what was written, or `None`.
    ///
    /// # Errors
    /// `io`.
    pub fn end_patch(
        &self,
        id: &PatchId,
        decision: &Decision,
        written: Option<&workspace::ChangeSet>,
    ) -> Result<(), Failure> {
        let patches = &self.shared.patches;
        match written.filter(|change| !change.is_empty()) {
            Some(change) => patches.landed(id, decision, false, change).map(|_| ()),
            None => patches.withdraw(id, decision),
        }
    }

    /// What the patches take in the state folder.
    ///
    /// # Errors
    /// `io`.
    pub fn patch_usage(&self) -> Result<workspace::Usage, Failure> {
        self.shared.patches.usage()
    }

    /// Notes the pending hunks that an editor has put into a file by itself.
    ///
    /// # Errors
    /// `not_found`, `io`.
    pub async fn notice(&self, id: &PatchId, path: &workspace::RelPath) -> Result<(), Failure> {
        if let Some(view) = self.shared.patches.notice(id, path).await? {
            self.say(Signal::Patch(view));
        }
        Ok(())
    }

    /// Settles decisions that an earlier process was stopped in the middle of.
    pub async fn settle(&self) {
        for view in self.shared.patches.settle().await {
            self.say(Signal::Patch(view));
        }
    }

    /// Tells everybody; the first is what was asked for.
    fn told(&self, views: Vec<PatchView>) -> Result<PatchView, Failure> {
        for view in &views {
            self.say(Signal::Patch(view.clone()));
        }
        let first = views.into_iter().next();
        first.ok_or_else(|| Failure::new(Code::Internal, "a decision without a patch"))
    }
}
