//! The course of a task: context, then work and judgement in turn until there is something to deliver or a reason to stop.

use super::verify::Verdict;
use super::{End, Task};
use crate::config::Profile;
use crate::rewrite::{Heard, Planner};
use crate::{context, prompt};
use protocol::{Code, Failure, FinishReason, Intent, Level, Phase, Speaker, Update};
use std::sync::Arc;
use workspace::{Draft, Snapshot};

impl Task {
    /// The whole task. Every way out is an [`End`].
    pub(super) async fn drive(&self) -> End {
        match self.course().await {
            Ok(end) | Err(end) => end,
        }
    }

    /// The model that edits, as `provider/model` or as the request names it, and whether it is scripted.
    pub(super) fn coder(&self) -> (String, bool) {
        let coder = self
            .models
            .view()
            .into_iter()
            .find(|(role, ..)| *role == llm::Role::Coder);
        let (model, scripted) = coder.map_or_else(Default::default, |(_, _, model, scripted)| {
            (model, scripted)
        });
        (self.request.model.clone().unwrap_or(model), scripted)
    }

    async fn course(&self) -> Result<End, End> {
        let (model, scripted) = self.coder();
        self.emit(Update::Started {
            request: self.request.clone(),
            root: self.shared.host.root().path().to_string(),
            model,
            scripted,
        });
        if !self.recorded {
            self.emit(Update::Notice {
                level: Level::Warning,
                message: "the state folder cannot be written: this session cannot be resumed later"
                    .into(),
                hint: Some("`animus doctor` names the folder".into()),
            });
        }
        for message in &self.notices {
            self.emit(Update::Notice {
                level: Level::Warning,
                message: message.clone(),
                hint: Some("`animus session show` shows what is whole".into()),
            });
        }
        self.enter(Phase::Context)?;
        let snapshot = Arc::new(Snapshot::new(self.shared.host.clone()));
        let text = self.opening(&snapshot).await?;
        self.emit(Update::Prompt {
            by: Speaker::User,
            text,
        });
        self.tell_recalled();
        let mut draft = Draft::new(snapshot);
        self.take_up(&mut draft);
        if let Some(plan) = &self.planned {
            self.emit(Update::Plan { plan: plan.clone() });
        }
        // The safe profile promises a plan before any edit.
        let wanted = self.shared.config.enable_plan || self.shared.config.profile == Profile::Safe;
        let plans = wanted && self.request.intent != Intent::Explain && self.planned.is_none();
        self.enter(if plans { Phase::Plan } else { Phase::Act })?;
        self.run_asked(&mut draft).await?;

        let mut repairs = 0;
        loop {
            let answer = self.act(&mut draft).await?;
            match self.verify(&mut draft, &answer, repairs).await? {
                // A person said something while the draft was judged: that comes first.
                Verdict::Good { .. } if self.take_steering() => self.enter(Phase::Repair)?,
                Verdict::Good { verified } => return self.deliver(draft, verified, &answer).await,
                Verdict::Again(text) => {
                    repairs += 1;
                    self.enter(Phase::Repair)?;
                    self.emit(Update::Prompt {
                        by: Speaker::Agent,
                        text,
                    });
                }
            }
        }
    }

    /// Brings back the draft that an interrupted task had, whole or not at all, and tells the model which.
    fn take_up(&self, draft: &mut Draft) {
        if self.interrupted.is_empty() {
            return;
        }
        let fresh = draft.clone();
        let apply = |draft: &mut Draft, diff: &String| {
            let patch = workspace::parse_patch(diff, workspace::Format::Udiff, None).ok()?;
            draft.apply(&patch, workspace::Mode::Atomic).ok()
        };
        let whole = self
            .interrupted
            .iter()
            .all(|diff| apply(draft, diff).is_some());
        let text = match whole {
            true => "The program was interrupted. Your draft has all the edits you made before.",
            false => {
                "The program was interrupted and the files have changed since. Your draft is empty: make your edits again."
            }
        };
        if whole {
            let paths = draft
                .change_set()
                .files
                .iter()
                .map(|file| file.path.to_string())
                .collect();
            self.emit(Update::Draft {
                revision: draft.revision(),
                paths,
                diff: self.interrupted.concat(),
            });
        } else {
            *draft = fresh;
        }
        self.emit(Update::Prompt {
            by: Speaker::Agent,
            text: text.to_owned(),
        });
    }

    async fn opening(&self, snapshot: &Arc<Snapshot>) -> Result<String, End> {
        let words = prompt::request(&self.request);
        if words.trim().is_empty() {
            let failure = Failure::new(
                Code::InvalidInput,
                "the task has no words and no place in the code",
            );
            return Err(End::failed(
                FinishReason::NeedsUser,
                failure.hint("say what to do"),
            ));
        }
        let mut known = self.known_at_first(snapshot).await;
        known.insert_str(0, &self.seen_in_editor().await);
        let max_bytes = self.opening_bytes().saturating_sub(known.len());
        let (taken, request) = (snapshot.clone(), self.request.clone());
        // Walking a large workspace is no work for the runtime's threads.
        let gather =
            tokio::task::spawn_blocking(move || context::gather(&taken, &request, max_bytes));
        let context = gather.await.unwrap_or_else(|_| {
            Err(Failure::new(
                Code::Internal,
                "the context could not be gathered by a defect of Animus",
            ))
        });
        let context = context.map_err(|failure| End::failed(FinishReason::NeedsUser, failure))?;
        let chosen = self.chosen(snapshot, &context).await?;
        Ok(format!(
            "{words}\n{known}{}{}",
            context.text(&chosen),
            self.first_edit_form()
        ))
    }

    /// What the index finds for the request, if it is there in a moment.
    async fn chosen(
        &self,
        snapshot: &Arc<Snapshot>,
        context: &context::Context,
    ) -> Result<String, End> {
        if !self.shared.tools.enable_semantic {
            return Ok(String::new());
        }
        // Whatever is looked for comes back as the reason of what is found.
        let mut request = self.request.clone();
        crate::mask::in_request(self.known(), &mut request);
        let wanted = context::Wanted {
            request,
            shown: context.shown.clone(),
            left: context.left,
        };
        let on = |heard: Heard<'_>| self.hear_planner(heard);
        let planner = Planner {
            models: &self.models,
            choice: self.request.planner_model.as_deref(),
            cancel: &self.cancel,
            on: &on,
        };
        let planner = self.shared.tools.semantic_rewrite.then_some(planner);
        let chosen = tokio::select! {
            chosen = context::choose(&self.shared.knowledge, snapshot, wanted, planner) => Ok(chosen),
            () = self.cancel.cancelled() => Err(End::cancelled()),
        };
        if let Some(message) = self.shared.knowledge.take_problem() {
            self.emit(Update::Notice {
                level: Level::Warning,
                message,
                hint: Some("`animus config check`, and look at tools.embeddings".into()),
            });
        }
        chosen
    }

    /// What the planner's model does for the search is told as all else.
    fn hear_planner(&self, heard: Heard<'_>) {
        match heard {
            Heard::Chunk(chunk) => {
                self.hop(llm::Role::Planner, &chunk);
                self.hear(chunk);
            }
            Heard::Notice(level, message) => self.emit(Update::Notice {
                level,
                message,
                hint: None,
            }),
        }
    }
}
