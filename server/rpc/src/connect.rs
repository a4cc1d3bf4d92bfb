//! Connect: the services of the `.proto` files, over Connect, gRPC and gRPC-Web alike.

mod said;
mod talk;
mod toll;

use crate::hall::Hall;
use crate::ndjson::BODY_LIMIT;
use crate::proto::animus::{self, FollowRequest, RunRequest};
use crate::proto::seed::RunTaskStreamRequest;
use crate::proto::{seed as seed_proto, to_json};
use crate::reader::{HangUp, Reader};
use crate::seed::{self, Dialect};
use crate::status;
use crate::transport::Wire;
use agent::{Signal, verbs};
use animus::__buffa::oneof::run_request::Action;
use buffa::HasMessageView;
use connectrpc::{
    ConnectError, ConnectRpcService, DeadlinePolicy, InboundStream, Limits, RequestContext,
    Response, Router, ServiceRequest, ServiceResult, ServiceStream, StreamMessage,
};
use futures::StreamExt;
use protocol::{Code, Event, Failure, TaskId, TaskRequest};
use said::{Answer, ItsEvent, OurEvent};
use std::sync::Arc;
use std::time::Duration;
use toll::Toll;

/// How long the first message of a stream may take.
const FIRST: Duration = Duration::from_secs(30);

/// The services, and their paths.
pub fn service(hall: &Hall) -> (ConnectRpcService, Vec<String>) {
    let router = Router::new()
        .add_service(Arc::new(Ours(hall.clone())))
        .add_service(Arc::new(Original(hall.clone())));
    let paths = router.methods().map(|path| format!("/{path}")).collect();
    let limits = Limits::default()
        .with_max_request_body_size(BODY_LIMIT)
        .with_max_message_size(BODY_LIMIT);
    // A stream ends with its deadline; a task that its client owns is cancelled then, as with a hang-up.
    let deadlines = DeadlinePolicy::new().with_enforce_on_streams(true);
    let service = ConnectRpcService::new(router)
        .with_limits(limits)
        .with_deadline_policy(deadlines)
        .with_interceptor(Toll(hall.transports.clone()));
    (service, paths)
}

/// `animus.v1`.
struct Ours(Hall);

/// `connect.agent.v1`.
struct Original(Hall);

#[expect(refining_impl_trait, reason = "nobody else implements or calls it")]
impl animus::AgentService for Ours {
    async fn run(
        &self,
        _: RequestContext,
        mut requests: InboundStream<RunRequest>,
    ) -> ServiceResult<ServiceStream<OurEvent>> {
        let hall = &self.0;
        let begun = async {
            let first = first(&mut requests).await?.to_owned_message();
            let Some(Action::Start(start)) = first.action else {
                return Err(status::connect(&invalid(
                    "the first message carries `start`",
                )));
            };
            let started = hall.open().and_then(|()| {
                let request: TaskRequest = serde_json::from_value(to_json(&start)?)
                    .map_err(|error| invalid(&error.to_string()))?;
                hall.agent.start(request)
            });
            started.map_err(|failure| status::connect(&failure))
        };
        let started = begun.await?;
        let reader = owner(hall, started.task);
        let say = |event: &Arc<Event>| vec![OurEvent(event.clone())];
        Response::ok(talk::stream(reader, requests, Box::new(talk::reach), say))
    }

    async fn follow(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, FollowRequest>,
    ) -> ServiceResult<ServiceStream<OurEvent>> {
        let hall = &self.0;
        let FollowRequest { task, after, .. } = request.to_owned_message();
        let task = TaskId(task);
        hall.agent
            .task(&task)
            .map_err(|failure| status::connect(&failure))?;
        let active = hall.transports.open(Wire::Connect);
        let after = after.map(u64::from);
        let reader = Reader::new(hall.agent.clone(), task, after, HangUp::Leaves, active);
        let events = futures::stream::unfold(reader, |mut reader| async move {
            match reader.next().await {
                Ok(Some(event)) => Some((Ok(OurEvent(event)), reader)),
                Ok(None) => None,
                Err(failure) => Some((Err(status::connect(&failure)), reader)),
            }
        });
        Response::stream_ok(events)
    }

    async fn watch(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, animus::WatchRequest>,
    ) -> ServiceResult<ServiceStream<OurEvent>> {
        let hall = self.0.clone();
        let active = hall.transports.open(Wire::Connect);
        let state = (hall.agent.feed(), hall, active);
        let events = futures::stream::unfold(state, |(mut feed, hall, active)| async move {
            loop {
                let signal = tokio::select! {
                    signal = feed.next() => Some(signal),
                    () = hall.over.cancelled() => feed.try_next(),
                };
                if let Signal::Event(event) | Signal::Elsewhere(event) = signal? {
                    return Some((Ok(OurEvent(event)), (feed, hall, active)));
                }
            }
        });
        Response::stream_ok(events)
    }

    async fn call(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, animus::CallRequest>,
    ) -> ServiceResult<Answer> {
        let request = request.to_owned_message();
        let params = request.params.as_option().map(to_json).transpose();
        let answer = match params {
            Ok(params) => {
                verbs::call(&self.0.agent, &request.verb, params.unwrap_or_default()).await
            }
            Err(failure) => Err(failure),
        };
        let answer = answer.map_err(|failure| status::connect(&failure))?;
        Response::ok(Answer(answer))
    }
}

#[expect(refining_impl_trait, reason = "nobody else implements or calls it")]
impl seed_proto::AgentService for Original {
    async fn run_task(
        &self,
        _: RequestContext,
        mut requests: InboundStream<RunTaskStreamRequest>,
    ) -> ServiceResult<ServiceStream<ItsEvent>> {
        let hall = &self.0;
        let begun = async {
            let first = first(&mut requests).await?.to_owned_message();
            let Some(run) = first.run.into_option() else {
                let failure = invalid("the first message must include `run`");
                return Err(status::connect(&failure));
            };
            if first.cancel {
                let failure = invalid("`run` and `cancel` do not go together");
                return Err(status::connect(&failure));
            }
            let told = |failure| status::connect(&failure);
            let (request, names) = seed::request(run).map_err(told)?;
            let started = hall.start_named(request, names.clone()).await;
            started.map(|started| (started, names)).map_err(told)
        };
        let (started, names) = begun.await?;
        let reader = owner(hall, started.task);
        let reach = talk::cancel(names.clone());
        let mut dialect = Dialect::new(names);
        let say = move |event: &Arc<Event>| dialect.say(event).into_iter().map(ItsEvent).collect();
        Response::ok(talk::stream(reader, requests, reach, say))
    }
}

/// The first message of a stream; a client that sends none in time is let go.
async fn first<M: HasMessageView>(
    requests: &mut InboundStream<M>,
) -> Result<StreamMessage<M>, ConnectError> {
    match tokio::time::timeout(FIRST, requests.next()).await {
        Ok(Some(message)) => message,
        Ok(None) => Err(status::connect(&invalid("the stream has no message"))),
        Err(_) => Err(status::connect(&Failure::new(
            Code::Timeout,
            "the first message took too long to arrive",
        ))),
    }
}

/// A reader that owns its task.
fn owner(hall: &Hall, task: TaskId) -> Reader {
    let active = hall.transports.open(Wire::Connect);
    Reader::new(hall.agent.clone(), task, None, HangUp::Cancels, active)
}

fn invalid(message: &str) -> Failure {
    Failure::new(Code::InvalidInput, message)
}
