//! Starting, reaching and ending tasks. Nothing here waits but `shutdown`.

use crate::shared::Running;
use crate::task::{Before, Task};
use crate::{Agent, Started, events, history, new_id, prompt, session};
use protocol::{Code, Failure, SessionId, TaskId, TaskRequest};
use tokio::sync::{mpsc, watch};

impl Agent {
    /// Starts a task and returns at once. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// Why no task can start: no model, an unknown session, or one that has a running task.
    pub fn start(&self, request: TaskRequest) -> Result<Started, Failure> {
        let past = match &request.session {
            Some(session) => Some(session::Past::load(&self.shared.state, session)?),
            None => None,
        };
        self.begin(request, past, Vec::new())
    }

    /// Goes on with a session: with new words, or with the request that a dead process left unfinished, on the draft that it
    /// had.
    ///
    /// # Errors
    /// As [`Agent::start`]; `invalid_input` where there is nothing to go on with.
    pub fn resume(&self, session: &SessionId, prompt: Option<String>) -> Result<Started, Failure> {
        let past = session::Past::load(&self.shared.state, session)?;
        let request = match (prompt, past.unfinished()) {
            (Some(prompt), _) => TaskRequest {
                prompt,
                ..TaskRequest::default()
            },
            (None, Some(request)) => request.clone(),
            (None, None) => {
                let failure = Failure::new(
                    Code::InvalidInput,
                    format!("session {session} has no unfinished task"),
                );
                return Err(failure.hint("say what to do next"));
            }
        };
        let draft = past.draft();
        self.begin(
            TaskRequest {
                session: Some(session.clone()),
                ..request
            },
            Some(past),
            draft,
        )
    }

    fn begin(
        &self,
        request: TaskRequest,
        past: Option<session::Past>,
        draft: Vec<String>,
    ) -> Result<Started, Failure> {
        let models = self.shared.models.as_ref().map_err(Clone::clone)?.for_run();
        let session = request
            .session
            .clone()
            .unwrap_or_else(|| SessionId(new_id()));
        self.refuse_busy(&session)?;
        let mut history = history::History::open(&self.shared.state, &session)
            .inspect_err(|error| tracing::warn!(%error, "this session is not recorded"))
            .ok();
        let mut past = past.unwrap_or_default();
        for event in past.seal() {
            if let Some(history) = &mut history {
                history.append(&event);
            }
            past.events.push(event);
        }
        let id = TaskId(new_id());
        self.shared.log.open(
            events::fresh_view(id.clone(), session.clone(), prompt::title(&request)),
            history,
        );
        let (steer, steering) = mpsc::unbounded_channel();
        let before = Before {
            conversation: past.conversation(),
            draft,
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
        let running = Running {
            cancel: task.cancel.clone(),
            steer,
            done: is_done,
        };
        self.shared.running.lock().insert(id.clone(), running);
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

    /// Cancels every task and waits until all are over and their children gone.
    pub async fn shutdown(&self) {
        self.cancel(None);
        let running: Vec<Running> = self.shared.running.lock().values().cloned().collect();
        for mut task in running {
            let _ = task.done.wait_for(|done| *done).await;
        }
    }

    fn refuse_busy(&self, session: &SessionId) -> Result<(), Failure> {
        let busy = self
            .tasks()
            .into_iter()
            .find(|task| task.session == *session && task.finished.is_none());
        match busy {
            None => Ok(()),
            Some(task) => Err(Failure::new(
                Code::InvalidInput,
                format!("session {session} has a running task"),
            )
            .hint(format!(
                "steer or cancel task {}, or start without a session",
                task.id
            ))),
        }
    }
}
