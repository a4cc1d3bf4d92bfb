//! Talk: a task's events going out while the client's messages come in. That the client has said all it wants to say is no
//! hang-up; a stream that breaks is one.

use super::{ItsEvent, OurEvent, Reader, RunRequest, RunTaskStreamRequest, invalid};
use crate::seed::Names;
use crate::status;
use agent::{Agent, verbs};
use buffa::HasMessageView;
use connectrpc::{ConnectError, InboundStream, ServiceStream};
use futures::StreamExt;
use futures::future::BoxFuture;
use protocol::{Code, Event, Failure, TaskId};
use serde_json::json;
use std::collections::VecDeque;
use std::sync::Arc;

use super::Action;

/// Most messages that a client may send over one stream.
const MESSAGES: u32 = 10_000;

/// What a message of the client does to its task. An error ends the stream; what was amiss with a message that does not is said.
type Reach<M, O> = Box<dyn Fn(Agent, TaskId, M) -> Reached<O> + Send>;

/// What came of a message.
type Reached<O> = BoxFuture<'static, Result<Option<O>, Failure>>;

/// One task's stream, both ways.
struct Talk<M: HasMessageView, S, O> {
    reader: Reader,
    /// None once the client has said all.
    requests: Option<InboundStream<M>>,
    taken: u32,
    reach: Reach<M, O>,
    say: S,
    ready: VecDeque<O>,
}

/// The stream of what `say` makes of a task's events, while `reach` hears what the client says.
pub fn stream<M, S, O>(
    reader: Reader,
    requests: InboundStream<M>,
    reach: Reach<M, O>,
    say: S,
) -> ServiceStream<O>
where
    M: HasMessageView + Send + 'static,
    M::ViewHandle: Send,
    S: FnMut(&Arc<Event>) -> Vec<O> + Send + 'static,
    O: Send + 'static,
{
    let talk = Talk {
        reader,
        requests: Some(requests),
        taken: 0,
        reach,
        say,
        ready: VecDeque::new(),
    };
    Box::pin(futures::stream::unfold(Some(talk), |talk| async move {
        let mut talk = talk?;
        match talk.next().await {
            Ok(Some(said)) => Some((Ok(said), Some(talk))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    }))
}

enum Heard<E, M> {
    Event(E),
    Message(M),
}

impl<M, S, O> Talk<M, S, O>
where
    M: HasMessageView,
    S: FnMut(&Arc<Event>) -> Vec<O>,
{
    async fn next(&mut self) -> Result<Option<O>, ConnectError> {
        loop {
            if let Some(said) = self.ready.pop_front() {
                return Ok(Some(said));
            }
            let heard = match &mut self.requests {
                None => Heard::Event(self.reader.next().await),
                Some(requests) => tokio::select! {
                    event = self.reader.next() => Heard::Event(event),
                    message = requests.next() => Heard::Message(message),
                },
            };
            match heard {
                Heard::Event(event) => match event.map_err(|failure| status::connect(&failure))? {
                    Some(event) => self.take(&event),
                    None => return Ok(None),
                },
                Heard::Message(None) => self.requests = None,
                Heard::Message(Some(message)) => {
                    self.taken += 1;
                    if self.taken > MESSAGES {
                        let failure = Failure::new(Code::RateLimited, "too many messages");
                        return Err(status::connect(&failure));
                    }
                    let message = message?.to_owned_message();
                    let (agent, task) = (self.reader.agent().clone(), self.reader.task().clone());
                    let reached = (self.reach)(agent, task, message).await;
                    self.ready
                        .extend(reached.map_err(|failure| status::connect(&failure))?);
                }
            }
        }
    }

    fn take(&mut self, event: &Arc<Event>) {
        self.ready.extend((self.say)(event));
    }
}

/// A message of the original program: only `cancel` of its own task means something. Anything else is answered with an `error`, and
/// the task goes on.
pub fn cancel(names: Names) -> Reach<RunTaskStreamRequest, ItsEvent> {
    Box::new(move |agent, task, message| {
        let other = |asked: &str, ours: &str| !asked.is_empty() && asked != ours;
        let strange = other(&message.session_id, &names.session)
            || other(&message.correlation_id, &names.correlation);
        let wrong = match (message.run.is_set(), message.cancel, strange) {
            (true, ..) => Some("the stream has its task already; open another one"),
            (_, true, true) => Some("that task is not the one of this stream"),
            (_, true, false) => {
                agent.cancel(Some(&task));
                None
            }
            _ => None,
        };
        let said = wrong.map(|wrong| ItsEvent(names.error(wrong)));
        Box::pin(std::future::ready(Ok(said)))
    })
}

/// A message of ours. Words and answers that come too late are let go: somebody else may have been quicker.
pub fn reach(agent: Agent, task: TaskId, message: RunRequest) -> Reached<OurEvent> {
    Box::pin(async move {
        let (verb, params) = match message.action {
            Some(Action::Cancel(_)) => ("task/cancel", json!({ "task": task })),
            Some(Action::Steer(steer)) => {
                ("task/steer", json!({ "task": task, "text": steer.text }))
            }
            Some(Action::Approve(answer)) => {
                let mut params = json!({ "approval": answer.approval, "option": answer.option });
                if !answer.scope.is_empty() {
                    params["scope"] = json!(answer.scope);
                }
                ("approval/resolve", params)
            }
            Some(Action::Start(_)) => return Err(invalid("the stream has its task already")),
            None => return Err(invalid("a message carries cancel, steer or approve")),
        };
        match verbs::call(&agent, verb, params).await {
            Err(failure) if failure.code != Code::NotFound => Err(failure),
            _ => Ok(None),
        }
    })
}
