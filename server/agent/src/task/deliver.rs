//! Delivery: the draft is proposed as a patch and, unless a person is to decide first, becomes the user's files in one
//! transaction. If they changed meanwhile, the draft is merged onto them and tested again before it lands.

use super::verify::tests_failed;
use super::{End, Task};
use crate::failure::of_landing;
use crate::feed::Signal;
use crate::patches::{Decision, Proposal, same_text};
use protocol::{
    Code, Failure, FinishReason, HunkState, LandMode, Level, PatchId, PatchState, PatchView, Phase,
    TestVerdict, Update,
};
use std::sync::Arc;
use workspace::{Draft, LandError, Landed, Snapshot};

/// How often the user's files may change under the landing before a person has to decide.
const ATTEMPTS: u32 = 4;

/// A landing that came to its end.
struct Done {
    landed: Landed,
    verified: bool,
    record: Result<PatchView, Failure>,
}

impl Task {
    /// Proposes the draft, and lands it where that is wanted.
    pub(super) async fn deliver(
        &self,
        mut draft: Draft,
        verified: bool,
        answer: &str,
    ) -> Result<End, End> {
        let title = crate::prompt::title(&self.request);
        self.course.lock().changed(&draft.change_set());
        let id = self.propose(&draft, verified)?;
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
            match self
                .land_now(&id, decision, &draft, verified, &title)
                .await?
            {
                Ok(done) => return Ok(self.landed(done, answer)),
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

    fn propose(&self, draft: &Draft, tested: bool) -> Result<PatchId, End> {
        self.enter(Phase::Propose)?;
        let proposal = Proposal {
            task: self.id.to_string(),
            title: crate::prompt::title(&self.request),
            tested,
            step: Some(*self.turns.lock()),
            model: Some(self.coder().0),
            change: draft.change_set(),
        };
        crate::guarded::name_built(self, &proposal.change);
        let view = self.shared.patches.propose(proposal).map_err(End::of)?;
        let id = view.id.clone();
        self.emit(Update::Patch { patch: view });
        Ok(id)
    }

    /// Keeps the draft as a proposal for a person, where the task ends without a word that it may land.
    pub(super) fn keep(&self, draft: &Draft) -> Result<(), End> {
        self.propose(draft, false).map(drop)
    }

    /// Hands the draft to the owner of the files and records what landed. An editor may take its time, and a cancel does not
    /// wait for it; the landing then goes on by itself, whole, and is recorded and told all the same.
    async fn land_now(
        &self,
        id: &PatchId,
        decision: Decision,
        draft: &Draft,
        verified: bool,
        title: &str,
    ) -> Result<Result<Done, LandError>, End> {
        let (shared, id) = (self.shared.clone(), id.clone());
        let (draft, title) = (draft.clone(), title.to_owned());
        shared
            .patches
            .intend(&id, &decision, &draft.change_set())
            .map_err(End::of)?;
        let mut landing = tokio::spawn(async move {
            let landed = match draft.land_exact(shared.host.as_ref(), &title).await {
                Ok(landed) => landed,
                // It may still come; the next look settles it.
                Err(LandError::Timeout) => return Err(LandError::Timeout),
                Err(error) => {
                    if let Err(failure) = shared.patches.desist(&id) {
                        tracing::warn!(%failure, "the patch is still noted as landing");
                    }
                    return Err(error);
                }
            };
            // What landed must be what the tests saw, to the byte.
            let verified = verified && same_text(&landed.change, &draft.change_set());
            let record = shared
                .patches
                .landed(&id, &decision, verified, &landed.change);
            Ok(Done {
                landed,
                verified,
                record,
            })
        });
        let defect = || {
            End::of(Failure::new(
                Code::Internal,
                "the landing was stopped by a defect of Animus",
            ))
        };
        tokio::select! {
            biased;
            done = &mut landing => done.map_err(|_| defect()),
            () = self.cancel.cancelled() => {
                let shared = self.shared.clone();
                tokio::spawn(async move {
                    if let Ok(Ok(Done { record: Ok(view), .. })) = landing.await {
                        shared.log.say(Signal::Patch(view));
                    }
                });
                Err(End::new(
                    FinishReason::Cancelled,
                    "Cancelled while the edit was with your editor. If it is applied all the same, the patch is listed as landed and can be undone.",
                ))
            }
        }
    }

    /// A person may have accepted or refused the proposal, or some of it, while it was tested again.
    fn decided_by_somebody(&self, id: &PatchId, answer: &str) -> Result<Option<End>, End> {
        let view = self.shared.patches.get(id).map_err(End::of)?;
        let mut hunks = view.files.iter().flat_map(|file| &file.hunks);
        Ok(match view.state {
            PatchState::Proposed if hunks.all(|hunk| hunk.state == HunkState::Pending) => None,
            PatchState::Proposed => Some(self.success(
                false,
                format!(
                    "{}\nYou decided on some of the patch; the rest waits for your decision.",
                    answer.trim()
                ),
            )),
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

    fn landed(&self, done: Done, answer: &str) -> End {
        if let Err(failure) = done.record {
            // The files are right; only the way back is missing, and that must be known.
            self.emit(Update::Notice {
                level: Level::Error,
                message: format!(
                    "the patch landed, but its record could not be written: {failure}"
                ),
                hint: Some("undo is possible in the editor or with git only".into()),
            });
        }
        let paths = done.landed.paths.iter().map(ToString::to_string).collect();
        self.emit(Update::PatchState {
            state: PatchState::Landed,
            paths,
        });
        self.success(done.verified, answer.trim().to_owned())
    }

    /// The end of a task that has a patch. Without a verdict the summary begins with that, whatever the model says.
    fn success(&self, verified: bool, answer: String) -> End {
        if verified {
            return End::new(FinishReason::Verified, answer);
        }
        let doubt = self.doubt.lock().clone();
        let why = if doubt.is_empty() {
            "no tests ran".to_owned()
        } else {
            doubt
        };
        End::new(
            FinishReason::Unverified,
            format!("Not verified: {why}. {answer}"),
        )
    }
}
