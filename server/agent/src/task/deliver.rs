//! Delivery: the draft is proposed as a patch and, unless a person is to decide first, becomes the user's files in one
//! transaction. If they changed meanwhile, the draft is merged onto them and tested again before it lands.

use super::verify::tests_failed;
use super::{End, Task};
use crate::failure::of_landing;
use crate::patches::{Decision, same_text};
use protocol::{
    Code, Failure, FinishReason, LandMode, Level, PatchId, PatchState, Phase, TestVerdict, Update,
};
use std::sync::Arc;
use workspace::{Draft, LandError, Snapshot};

/// How often the user's files may change under the landing before a person has to decide.
const ATTEMPTS: u32 = 4;

impl Task {
    /// Proposes the draft, and lands it where that is wanted.
    pub(super) async fn deliver(
        &self,
        mut draft: Draft,
        verified: bool,
        answer: &str,
    ) -> Result<End, End> {
        self.enter(Phase::Propose)?;
        let title = crate::prompt::title(&self.request);
        let view = self
            .shared
            .patches
            .propose(&self.id, &title, verified, &draft.change_set())
            .map_err(End::of)?;
        let id = view.id.clone();
        self.emit(Update::Patch { patch: view });
        let land = self
            .request
            .land
            .unwrap_or(match self.shared.config.profile {
                crate::config::Profile::Safe => LandMode::Review,
                _ => self.shared.config.land,
            });
        if land == LandMode::Review {
            return Ok(self.success(
                verified,
                format!("{}\nThe patch waits for your decision.", answer.trim()),
            ));
        }
        let mut verified = verified;
        self.check_cancelled()?;
        self.enter(Phase::Land)?;
        for _ in 0..ATTEMPTS {
            if self.user_went_on(&draft)? {
                verified = self.rebase_and_test(&mut draft, verified).await?;
                self.check_cancelled()?;
                self.enter(Phase::Land)?;
                continue;
            }
            if draft.is_empty() {
                return Ok(End::new(
                    FinishReason::NoChange,
                    "Your files have these changes already.",
                ));
            }
            let decision = self.shared.patches.decide().await.map_err(End::of)?;
            if let Some(end) = self.decided_by_somebody(&id, answer)? {
                return Ok(end);
            }
            match draft.land_exact(self.shared.host.as_ref(), &title).await {
                Ok(landed) => {
                    // What landed must be what the tests saw, to the byte.
                    let verified = verified && same_text(&landed.change, &draft.change_set());
                    return Ok(self.landed(&id, &decision, verified, landed, answer));
                }
                Err(LandError::Stale { .. }) => {}
                Err(error) => return Err(End::of(of_landing(error))),
            }
        }
        let failure = Failure::new(
            Code::Stale,
            "the files kept changing while the patch was landing",
        );
        Err(End::of(
            failure.hint("accept the patch when you have finished typing"),
        ))
    }

    /// A person may have accepted or refused the proposal while it was tested again.
    fn decided_by_somebody(&self, id: &PatchId, answer: &str) -> Result<Option<End>, End> {
        let view = self.shared.patches.get(id).map_err(End::of)?;
        Ok(match view.state {
            PatchState::Proposed => None,
            PatchState::Landed => Some(self.success(view.verified, answer.trim().to_owned())),
            PatchState::Refused | PatchState::Undone => Some(End::new(
                FinishReason::Cancelled,
                "You refused the patch. Your files are as they were.",
            )),
        })
    }

    /// Whether a file that the draft changes is no longer as the draft took it.
    fn user_went_on(&self, draft: &Draft) -> Result<bool, End> {
        for file in draft.change_set().files {
            let live = self
                .shared
                .host
                .read(&file.path)
                .map_err(|error| End::of(crate::failure::of_workspace(error)))?;
            if live.map(|content| content.hash) != file.base.map(|content| content.hash) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Merges the draft onto the files as they are now; what was verified is verified again.
    async fn rebase_and_test(&self, draft: &mut Draft, verified: bool) -> Result<bool, End> {
        let live = Arc::new(Snapshot::new(self.shared.host.clone()));
        *draft = draft
            .rebase(live)
            .map_err(|error| End::of(of_landing(error)))?;
        self.emit(Update::Notice {
            level: Level::Info,
            message: "you went on editing: the patch is merged onto your newer text".into(),
            hint: None,
        });
        self.enter(Phase::Test)?;
        let report = match verified {
            true => self.test(draft, 1).await?,
            false => None,
        };
        self.enter(Phase::Propose)?;
        match report {
            Some(report) if report.verdict == TestVerdict::Failed => Err(tests_failed(&report)),
            Some(report) => Ok(report.verdict == TestVerdict::Passed),
            None => Ok(false),
        }
    }

    fn landed(
        &self,
        id: &PatchId,
        decision: &Decision,
        verified: bool,
        landed: workspace::Landed,
        answer: &str,
    ) -> End {
        let paths: Vec<String> = landed.paths.iter().map(ToString::to_string).collect();
        if let Err(failure) = self
            .shared
            .patches
            .landed(id, decision, verified, &landed.change)
        {
            // The files are right; only the way back is missing, and that must be known.
            self.emit(Update::Notice {
                level: Level::Error,
                message: format!(
                    "the patch landed, but its record could not be written: {failure}"
                ),
                hint: Some("undo is possible in the editor or with git only".into()),
            });
        }
        self.emit(Update::PatchState {
            state: PatchState::Landed,
            paths,
        });
        self.success(verified, answer.trim().to_owned())
    }

    fn success(&self, verified: bool, summary: String) -> End {
        let reason = if verified {
            FinishReason::Verified
        } else {
            FinishReason::Unverified
        };
        End::new(reason, summary)
    }
}
