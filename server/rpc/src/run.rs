//! Run: one task over one HTTP answer, an event a line. The reader's speed is its own: events wait in the log, and a reader that
//! hangs up cancels its task (R1, R2).

use crate::guard::refuse;
use agent::{Agent, Follower};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use protocol::{Code, Failure, TaskId, TaskRequest};
use std::convert::Infallible;

/// A task with its reader; dropping it before the end cancels the task.
struct Owned {
    agent: Agent,
    task: TaskId,
    events: Follower,
}

impl Drop for Owned {
    fn drop(&mut self) {
        if !self.events.is_over() {
            self.agent.cancel(Some(&self.task));
        }
    }
}

/// `POST /agent/run`: a `TaskRequest` in, its events out.
pub async fn run(
    State(agent): State<Agent>,
    request: Result<Json<TaskRequest>, JsonRejection>,
) -> Response {
    let request = match request {
        Ok(Json(request)) => request,
        Err(rejection) => {
            return refuse(
                rejection.status(),
                &Failure::new(Code::InvalidInput, rejection.body_text()),
            );
        }
    };
    let started = match agent.start(request) {
        Ok(started) => started,
        Err(failure) => return refuse(status_of(&failure), &failure),
    };
    let events = agent.follow(&started.task);
    let owned = Owned {
        agent,
        task: started.task,
        events,
    };
    let lines = futures::stream::unfold(owned, |mut owned| async move {
        let event = owned.events.next().await?;
        let mut line = serde_json::to_vec(&*event).unwrap_or_default();
        line.push(b'\n');
        Some((Ok::<_, Infallible>(Bytes::from(line)), owned))
    });
    (
        [(CONTENT_TYPE, "application/x-ndjson")],
        Body::from_stream(lines),
    )
        .into_response()
}

fn status_of(failure: &Failure) -> StatusCode {
    match failure.code {
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::InvalidInput => StatusCode::BAD_REQUEST,
        Code::Config => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
