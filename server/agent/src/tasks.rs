//! Starting, reaching and ending tasks. Nothing here waits but `shutdown`.

use crate::history::{self, History, Opening};
use crate::session::Past;
use crate::shared::Running;
use crate::task::{Before, Task, asked};
use crate::{Agent, Started, events, new_id, prompt};
use protocol::{Code, Event, Failure, Intent, SessionId, TaskId, TaskRequest};
use std::sync::atomic::Ordering;
use tokio::sync::{mpsc, watch};

impl Agent {
    /// Starts a task and returns at once. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// Why no task can start: no model, an unknown session, or one that has a running task.
    pub fn start(&self, request: TaskRequest) -> Result<Started, Failure> {
        worded(&request)?;
        asked::calls(self.shared.toolbox()?, &request)?;
        let place = request.session.clone().map_or(Place::Fresh, Place::Known);
        self.begin(place, |_| Ok(Next::Work(Box::new(request))))
    }

    /// Starts a task in the session of the request, which begins with this task where there is none of that name.
    ///
    /// # Errors
    /// As [`Agent::start`]; `invalid_input` for a name that cannot be a session's.
    pub fn start_named(&self, request: TaskRequest) -> Result<Started, Failure> {
        worded(&request)?;
        asked::calls(self.shared.toolbox()?, &request)?;
        let place = match request.session.clone() {
            None => Place::Fresh,
            Some(name) if history::exists(&self.shared.state, &name).is_ok() => Place::Known(name),
            Some(name) if plain(&name) => Place::Named(name),
            Some(_) => {
                return Err(Failure::new(
                    Code::InvalidInput,
                    "a session's name is 1 to 64 letters, digits, - and _",
                ));
            }
        };
        self.begin(place, |_| Ok(Next::Work(Box::new(request))))
    }

    /// Takes no more tasks; those that run go on.
    pub fn close(&self) {
        let _running = self.shared.running.lock();
        self.shared.closing.store(true, Ordering::Release);
    }

    /// Goes on with a session: with new words, or with the request that a dead process left unfinished, on the draft that it
    /// had. Where that one's patch had landed, there is only its end to tell: its `finished` follows at once.
    ///
    /// # Errors
    /// As [`Agent::start`]; `invalid_input` where there is nothing to go on with.
    pub fn resume(&self, session: &SessionId, prompt: Option<String>) -> Result<Started, Failure> {
        self.begin(Place::Known(session.clone()), |past| {
            match (prompt, past.unfinished()) {
                (Some(prompt), _) => Ok(Next::Work(Box::new(TaskRequest {
                    prompt,
                    ..TaskRequest::default()
                }))),
                // What the request asked to run first has run, or is among what waits.
                (None, Some(request)) => Ok(Next::Work(Box::new(TaskRequest {
                    tools: asked::possible(self.shared.toolbox()?, past.waiting_calls()),
                    ..request.clone()
                }))),
                (None, None) if past.landed().is_some() => Ok(Next::Tell),
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
        place: Place,
        next: impl FnOnce(&Past) -> Result<Next, Failure>,
    ) -> Result<Started, Failure> {
        if self.shared.closing.load(Ordering::Acquire) {
            return Err(closing());
        }
        let models = self.shared.models.as_ref().map_err(Clone::clone)?;
        self.shared.knowledge.start();
        self.retain();
        let (session, opening) = match place {
            Place::Fresh => (SessionId(new_id()), Opening::Fresh),
            Place::Named(session) => (session, Opening::Fresh),
            Place::Known(session) => {
                history::exists(&self.shared.state, &session)?;
                (session, Opening::Known)
            }
        };
        let mut history = self.take_session(&session, opening)?;
        let torn = history.as_ref().map_or(0, |history| history.torn);
        // Read only now: with the lock, nobody else writes it.
        let mut past = match opening {
            Opening::Fresh => Past::default(),
            Opening::Known => Past::load(&self.shared.state, &session)?,
        };
        self.shared.approvals.recall(&session, &past.events);
        let request = match next(&past)? {
            Next::Work(request) => *request,
            Next::Tell => return self.tell_end(&past, history, models),
        };
        worded(&request)?;
        asked::calls(self.shared.toolbox()?, &request)?;
        let request = TaskRequest {
            session: Some(session.clone()),
            ..request
        };
        let (draft, plan) = (past.draft(), past.plan());
        for event in self.end_of(&past, models)? {
            if let Some(history) = &mut history {
                let written = history.append(&event);
                written.map_err(|error| history::failed(&session, "written", &error))?;
            }
            past.events.push(event);
        }
        let models = models.for_run(past.spent());
        past.raised_to()
            .into_iter()
            .for_each(|limit| models.lift_session_to(limit));
        if let Some(most) = request.budget_micro_usd {
            models.cap_run(most);
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
            plan,
            recorded,
            notices: broken(&session, past.damage, torn),
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
                return Err(closing());
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

    /// Says of a task whose patch had landed how it ended, in its history and to all who follow it.
    fn tell_end(
        &self,
        past: &Past,
        history: Option<History>,
        models: &llm::Models,
    ) -> Result<Started, Failure> {
        let end = self.end_of(past, models)?;
        let view = past.landed().ok_or_else(closing)?;
        let (task, session) = (view.id.clone(), view.session.clone());
        self.shared.log.reopen(view, history);
        for event in end {
            self.shared.log.append(&task, event.update);
        }
        Ok(Started { task, session })
    }

    /// How the task ends that a dead process left.
    fn end_of(&self, past: &Past, models: &llm::Models) -> Result<Vec<Event>, Failure> {
        let patch = past.patch().and_then(|id| self.shared.patches.get(id).ok());
        let record = patch.map(|view| view.verified);
        Ok(past.seal(self.used_under_way(past, models)?, record))
    }

    /// What the call that a dead process left under way used at worst: its server may charge for it, and nobody heard how much.
    fn used_under_way(
        &self,
        past: &Past,
        models: &llm::Models,
    ) -> Result<Option<protocol::Usage>, Failure> {
        let Some((role, request)) = past.under_way() else {
            return Ok(None);
        };
        let choice = match role {
            llm::Role::Planner => &request.planner_model,
            llm::Role::Critic => &request.critic_model,
            _ => &request.model,
        };
        let fixed = (prompt::SYSTEM.len() + self.shared.toolbox()?.size()) as u64;
        let sent = past.conversation().tokens(fixed).count;
        let limit = self.shared.config.max_tokens;
        let worst = models.worst(role, choice.as_deref(), sent, limit);
        Ok(worst.map(|(model, used, cost)| protocol::Usage {
            role: role.as_str().to_owned(),
            model,
            input_tokens: used.input,
            output_tokens: used.output,
            cost_micro_usd: cost,
            estimated: true,
            ..protocol::Usage::default()
        }))
    }

    /// Cancels a task, or all of this process. Returns those that were running.
    pub fn cancel(&self, task: Option<&TaskId>) -> Vec<TaskId> {
        if let Some(task) = task.filter(|task| self.runs_elsewhere(task)) {
            let named = serde_json::json!({ "task": task });
            return match self.hand_over(task, "task/cancel", named) {
                Ok(()) => vec![task.clone()],
                Err(_) => Vec::new(),
            };
        }
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
        if self.runs_elsewhere(task) {
            let words = serde_json::json!({ "task": task, "text": text });
            return self.hand_over(task, "task/steer", words);
        }
        let running = self.shared.running.lock();
        let sent = running
            .get(task)
            .and_then(|running| running.steer.send(text.to_owned()).ok());
        sent.ok_or_else(|| Failure::new(Code::NotFound, format!("task {task} is not running")))
    }

    fn runs_elsewhere(&self, task: &TaskId) -> bool {
        self.is_elsewhere(task) && self.task(task).is_ok_and(|view| view.finished.is_none())
    }

    /// Cancels what runs, since this process ends. What another process had started here is stopped without an end: that process
    /// goes on with it.
    pub fn leave(&self) {
        self.shared.peers.leave();
        self.cancel(None);
    }

    /// Takes no more tasks, cancels those that run and waits until all are over and their children gone; see
    /// [`Agent::leave`].
    pub async fn shutdown(&self) {
        let running: Vec<Running> = {
            let running = self.shared.running.lock();
            self.shared.closing.store(true, Ordering::Release);
            running.values().cloned().collect()
        };
        self.leave();
        for mut task in running {
            let _ = task.done.wait_for(|done| *done).await;
        }
        let knowledge = self.shared.knowledge.clone();
        let _ = tokio::task::spawn_blocking(move || knowledge.finish()).await;
    }

    /// The session's history, open for one task alone. None where the state folder cannot be written.
    fn take_session(
        &self,
        session: &SessionId,
        opening: Opening,
    ) -> Result<Option<History>, Failure> {
        use std::io::ErrorKind::{NotFound, WouldBlock};
        match History::open(&self.shared.state, session, opening) {
            Ok(history) => Ok(Some(history)),
            Err(error) if matches!(error.kind(), WouldBlock | NotFound) => {
                Err(history::taken(session, &error))
            }
            Err(error) => {
                tracing::warn!(%error, "this session is not recorded");
                Ok(None)
            }
        }
    }

    /// Deletes sessions beyond the configured bounds, in the background and once in the life of a process.
    fn retain(&self) {
        if self.shared.retained.swap(true, Ordering::AcqRel) {
            return;
        }
        let shared = self.shared.clone();
        tokio::task::spawn_blocking(move || {
            let gone = history::retain(&shared.state, &shared.config.history);
            if !gone.is_empty() {
                tracing::info!(count = gone.len(), "old sessions were deleted");
            }
        });
    }
}

/// What a person must know about a history that is not whole.
fn broken(session: &SessionId, damage: history::Damage, torn: u64) -> Vec<String> {
    let mut notices = Vec::new();
    if damage.count() > 0 {
        notices.push(format!(
            "at least {} facts of this session's history are damaged or missing; it goes on with what is whole",
            damage.count()
        ));
    }
    if torn > 0 {
        notices.push(format!(
            "the last {torn} bytes of this session's history were torn; they are kept in sessions/{session}.torn of the state folder"
        ));
    }
    notices
}

/// What there is to do in a session.
enum Next {
    /// A task.
    Work(Box<TaskRequest>),
    /// Its last task had done all; only its end is to be told.
    Tell,
}

/// The session of a task that begins.
enum Place {
    /// A new one.
    Fresh,
    /// One that there is.
    Known(SessionId),
    /// A new one of this name.
    Named(SessionId),
}

fn plain(name: &SessionId) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=64).contains(&name.as_str().len()) && name.as_str().bytes().all(allowed)
}

fn closing() -> Failure {
    Failure::new(Code::Cancelled, "the server is shutting down")
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
