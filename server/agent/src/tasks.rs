//! Starting, reaching and ending tasks. Nothing here waits but `shutdown`.

use crate::history::{self, History};
use crate::session::Past;
use crate::shared::Running;
use crate::task::{Before, Task};
use crate::{Agent, Started, events, new_id, prompt};
use protocol::{Code, Failure, Intent, SessionId, TaskId, TaskRequest};
use std::sync::atomic::Ordering;
use tokio::sync::{mpsc, watch};

impl Agent {
    /// Starts a task and returns at once. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// Why no task can start: no model, an unknown session, or one that has a running task.
    pub fn start(&self, request: TaskRequest) -> Result<Started, Failure> {
        worded(&request)?;
        self.begin(request.session.clone(), |_| Ok(request))
    }

    /// Goes on with a session: with new words, or with the request that a dead process left unfinished, on the draft that it
    /// had.
    ///
    /// # Errors
    /// As [`Agent::start`]; `invalid_input` where there is nothing to go on with.
    pub fn resume(&self, session: &SessionId, prompt: Option<String>) -> Result<Started, Failure> {
        self.begin(Some(session.clone()), |past| {
            match (prompt, past.unfinished()) {
                (Some(prompt), _) => Ok(TaskRequest {
                    prompt,
                    ..TaskRequest::default()
                }),
                (None, Some(request)) => Ok(request.clone()),
                (None, None) => {
                    let failure = Failure::new(
                        Code::InvalidInput,
                        format!("session {session} has no unfinished task"),
                    );
                    Err(failure.hint("say what to do next"))
                }
            }
        })
    }

    fn begin(
        &self,
        known: Option<SessionId>,
        request: impl FnOnce(&Past) -> Result<TaskRequest, Failure>,
    ) -> Result<Started, Failure> {
        let models = self.shared.models.as_ref().map_err(Clone::clone)?.for_run();
        self.shared.knowledge.start();
        if let Some(session) = &known {
            history::exists(&self.shared.state, session)?;
        }
        let fresh = known.is_none();
        let session = known.unwrap_or_else(|| SessionId(new_id()));
        let mut history = self.take_session(&session)?;
        // Read only now: with the lock, nobody else writes it.
        let mut past = match fresh {
            true => Past::default(),
            false => Past::load(&self.shared.state, &session)?,
        };
        let request = request(&past)?;
        worded(&request)?;
        let request = TaskRequest {
            session: Some(session.clone()),
            ..request
        };
        let draft = past.draft();
        for event in past.seal() {
            if let Some(history) = &mut history {
                let written = history.append(&event);
                written.map_err(|error| {
                    Failure::new(
                        Code::Io,
                        format!("session {session} cannot be written: {error}"),
                    )
                })?;
            }
            past.events.push(event);
        }
        let id = TaskId(new_id());
        let recorded = history.is_some();
        self.shared.log.open(
            events::fresh_view(id.clone(), session.clone(), prompt::title(&request)),
            history,
        );
        let (steer, steering) = mpsc::unbounded_channel();
        let before = Before {
            conversation: past.conversation(),
            draft,
            recorded,
        };
        let task = Task::new(
            self.shared.clone(),
            models,
            id.clone(),
            session.clone(),
            request,
            before,
            steering,
        );
        let (done, is_done) = watch::channel(false);
        let reach = Running {
            cancel: task.cancel.clone(),
            steer,
            done: is_done,
        };
        {
            let mut running = self.shared.running.lock();
            if self.shared.closing.load(Ordering::Acquire) {
                return Err(Failure::new(Code::Cancelled, "the server is shutting down"));
            }
            running.insert(id.clone(), reach);
        }
        tokio::spawn(async move {
            task.run().await;
            task.shared.running.lock().remove(&task.id);
            let _ = done.send(true);
        });
        Ok(Started { task: id, session })
    }

    /// Cancels a task, or all. Returns those that were running.
    pub fn cancel(&self, task: Option<&TaskId>) -> Vec<TaskId> {
        let running = self.shared.running.lock();
        let chosen = running
            .iter()
            .filter(|(id, _)| task.is_none_or(|task| task == *id));
        chosen
            .map(|(id, running)| {
                running.cancel.cancel();
                id.clone()
            })
            .collect()
    }

    /// Says something to a running task; the model reads it before its next turn.
    ///
    /// # Errors
    /// `not_found` for a task that is not running.
    pub fn steer(&self, task: &TaskId, text: &str) -> Result<(), Failure> {
        let running = self.shared.running.lock();
        let sent = running
            .get(task)
            .and_then(|running| running.steer.send(text.to_owned()).ok());
        sent.ok_or_else(|| Failure::new(Code::NotFound, format!("task {task} is not running")))
    }

    /// Takes no more tasks, cancels those that run and waits until all are over and their children gone.
    pub async fn shutdown(&self) {
        let running: Vec<Running> = {
            let running = self.shared.running.lock();
            self.shared.closing.store(true, Ordering::Release);
            running.values().cloned().collect()
        };
        self.cancel(None);
        for mut task in running {
            let _ = task.done.wait_for(|done| *done).await;
        }
        let knowledge = self.shared.knowledge.clone();
        let _ = tokio::task::spawn_blocking(move || knowledge.finish()).await;
    }

    /// The session's history, open for one task alone. None where the state folder cannot be written.
    fn take_session(&self, session: &SessionId) -> Result<Option<History>, Failure> {
        match History::open(&self.shared.state, session) {
            Ok(history) => Ok(Some(history)),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Err(Failure::new(
                Code::InvalidInput,
                format!("session {session} has a running task"),
            )
            .hint("steer or cancel that task, or start without a session")),
            Err(error) => {
                tracing::warn!(%error, "this session is not recorded");
                Ok(None)
            }
        }
    }
}

/// A request must say something; a place alone says nothing.
fn worded(request: &TaskRequest) -> Result<(), Failure> {
    let wordless = request.intent == Intent::Do && request.prompt.trim().is_empty();
    match wordless || prompt::request(request).trim().is_empty() {
        true => Err(Failure::new(Code::InvalidInput, "the task has no words")
            .hint("say what to do in `prompt`")),
        false => Ok(()),
    }
}
