//! NDJSON: tasks over plain HTTP, an event a line, and every verb as a POST.

use crate::hall::Hall;
use crate::reader::{HangUp, Reader};
use crate::seed::{self, Dialect, Names};
use crate::status;
use crate::transport::Wire;
use agent::{Agent, verbs};
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use protocol::{Code, Event, Failure, SessionId, TaskId, TaskRequest};
use serde::Deserialize;
use serde_json::Value;
use std::convert::Infallible;
use std::time::Duration;

/// Largest request body, in bytes.
pub const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// How long a request's body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// In whose words events are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Words {
    /// Ours.
    Animus,
    /// Those of the original program.
    Seed,
}

/// How a task is run.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Running {
    events: Option<Words>,
    detach: bool,
}

/// Which events are wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Following {
    task: TaskId,
    after: Option<String>,
    events: Option<Words>,
}

/// `POST /agent/run`: a request in our words or those of the original program in, the task's events out.
pub async fn run(
    State(hall): State<Hall>,
    query: Result<Query<Running>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match begin(&hall, query.map(|Query(how)| how), &headers, body).await {
        Ok(answer) => answer,
        Err((status, failure)) => status::refuse(status, &failure),
    }
}

async fn begin(
    hall: &Hall,
    how: Result<Running, axum::extract::rejection::QueryRejection>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let how = how.map_err(|rejection| invalid(rejection.body_text()))?;
    let value = json_of(headers, body).await?;
    if !value.is_object() {
        return Err(invalid("a request is a JSON object".to_owned()));
    }
    hall.open()
        .map_err(|failure| (StatusCode::SERVICE_UNAVAILABLE, failure))?;
    let (request, names) = match seed::speaks(&value) {
        true => {
            let (request, names) = seed::read(value).and_then(seed::request).map_err(told)?;
            (request, Some(names))
        }
        false => {
            let request: TaskRequest =
                serde_json::from_value(value).map_err(|error| invalid(error.to_string()))?;
            (request, None)
        }
    };
    let started = match &names {
        Some(names) => hall.start_named(request, names.clone()).await,
        None => hall.agent.start(request),
    };
    let started = started.map_err(told)?;
    let hang_up = match how.detach {
        true => HangUp::Leaves,
        false => HangUp::Cancels,
    };
    let words = match how.events {
        Some(Words::Animus) => None,
        Some(Words::Seed) => Some(names.unwrap_or_else(|| Names {
            session: started.session.to_string(),
            correlation: started.task.to_string(),
        })),
        None => names,
    };
    let active = hall.transports.open(Wire::Ndjson);
    let task = started.task.to_string();
    let reader = Reader::new(hall.agent.clone(), started.task, None, hang_up, active);
    let mut answer = lines(hall, reader, words.map(Dialect::new), None);
    for (name, id) in [
        ("animus-task", task),
        ("animus-session", started.session.to_string()),
    ] {
        if let Ok(id) = id.parse() {
            answer.headers_mut().insert(name, id);
        }
    }
    Ok(answer)
}

/// `GET /agent/events`: a task's events from the one behind `after` to its last. A hang-up leaves the task alone.
pub async fn events(
    State(hall): State<Hall>,
    query: Result<Query<Following>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let answer = match query {
        Ok(Query(wanted)) => follow(&hall, wanted).await,
        Err(rejection) => Err(Failure::new(Code::InvalidInput, rejection.body_text())),
    };
    answer.unwrap_or_else(|failure| status::answer(&failure))
}

async fn follow(hall: &Hall, wanted: Following) -> Result<Response, Failure> {
    let Following {
        task,
        after,
        events,
    } = wanted;
    let after =
        match after.as_deref() {
            None | Some("") => None,
            Some(text) => Some(text.parse::<u64>().map_err(|_| {
                Failure::new(Code::InvalidInput, format!("after={text} is no number"))
            })?),
        };
    let session = session_of(&hall.agent, &task).await?;
    within(hall, &task, after)?;
    let known = hall.names(&task);
    let words = match (events, known) {
        (Some(Words::Animus), _) | (None, None) => None,
        (_, Some(names)) => Some(names),
        (Some(Words::Seed), None) => Some(Names {
            session: session.to_string(),
            correlation: task.to_string(),
        }),
    };
    // What an event is called in the other words depends on those before it.
    let from = match words {
        Some(_) => None,
        None => after,
    };
    let active = hall.transports.open(Wire::Ndjson);
    let reader = Reader::new(hall.agent.clone(), task, from, HangUp::Leaves, active);
    Ok(lines(hall, reader, words.map(Dialect::new), after))
}

/// Whether a finished task has come as far as `after`.
fn within(hall: &Hall, task: &TaskId, after: Option<u64>) -> Result<(), Failure> {
    let Ok(view) = hall.agent.task(task) else {
        return Ok(());
    };
    match after {
        Some(after) if view.finished.is_some() && after > view.seq => Err(Failure::new(
            Code::InvalidInput,
            format!("the task is over, and its last event has seq {}", view.seq),
        )),
        _ => Ok(()),
    }
}

/// The session of a task of this process, or of an earlier one.
async fn session_of(agent: &Agent, task: &TaskId) -> Result<SessionId, Failure> {
    if let Ok(view) = agent.task(task) {
        return Ok(view.session);
    }
    let (agent, task) = (agent.clone(), task.clone());
    let reading = tokio::task::spawn_blocking(move || agent.recorded_in(&task));
    reading
        .await
        .map_err(|_| Failure::new(Code::Internal, "the histories could not be read"))?
}

/// `POST /agent/verb/VERB`: one verb with its parameters as the body, which may be empty.
pub async fn verb(
    State(hall): State<Hall>,
    Path(verb): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let params = match json_of(&headers, body).await {
        Ok(params) => params,
        Err((status, failure)) => return status::refuse(status, &failure),
    };
    if !params.is_object() && !params.is_null() {
        let failure = Failure::new(Code::InvalidInput, "parameters are a JSON object");
        return status::answer(&failure);
    }
    match verbs::call(&hall.agent, &verb, params).await {
        Ok(answer) => axum::Json(answer).into_response(),
        Err(failure) => status::answer(&failure),
    }
}

type Refusal = (StatusCode, Failure);

fn told(failure: Failure) -> Refusal {
    (status::http(&failure), failure)
}

fn invalid(message: String) -> Refusal {
    told(Failure::new(Code::InvalidInput, message))
}

/// A request's JSON; null where it has no body. Only `application/json` is read, so that no form of a web page is.
async fn json_of(headers: &HeaderMap, body: Body) -> Result<Value, Refusal> {
    let reading = axum::body::to_bytes(body, BODY_LIMIT);
    let bytes = match tokio::time::timeout(BODY_TIME, reading).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) if !is_too_large(&error) => {
            return Err(invalid(
                "the body broke off, or its chunks are none".to_owned(),
            ));
        }
        Ok(Err(_)) => {
            let failure = format!("a body is at most {BODY_LIMIT} bytes");
            return Err((
                StatusCode::PAYLOAD_TOO_LARGE,
                Failure::new(Code::InvalidInput, failure),
            ));
        }
        Err(_) => {
            let failure = Failure::new(Code::Timeout, "the body took too long to arrive");
            return Err((StatusCode::REQUEST_TIMEOUT, failure));
        }
    };
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
        return Err((
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Failure::new(Code::InvalidInput, "a body is JSON")
                .hint("send `Content-Type: application/json`"),
        ));
    }
    serde_json::from_slice(&bytes).map_err(|error| invalid(format!("the body is no JSON: {error}")))
}

fn is_too_large(error: &axum::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = error.source();
    }
    false
}

/// The events of a task behind `after`, in our words or those of the dialect.
fn lines(hall: &Hall, reader: Reader, words: Option<Dialect>, after: Option<u64>) -> Response {
    let transports = hall.transports.clone();
    let state = (reader, words, transports);
    let lines = futures::stream::unfold(
        state,
        move |(mut reader, mut words, transports)| async move {
            loop {
                // A history that cannot be read ends the answer before its last event, which tells the client.
                let event = match reader.next().await {
                    Ok(event) => event?,
                    Err(failure) => {
                        transports.error(Wire::Ndjson, failure.code);
                        return None;
                    }
                };
                let line = line(&event, words.as_mut());
                if !line.is_empty() && after.is_none_or(|after| event.seq > after) {
                    return Some((
                        Ok::<_, Infallible>(Bytes::from(line)),
                        (reader, words, transports),
                    ));
                }
            }
        },
    );
    (
        [
            (CONTENT_TYPE, "application/x-ndjson"),
            (CACHE_CONTROL, "no-store"),
        ],
        Body::from_stream(lines),
    )
        .into_response()
}

fn line(event: &Event, words: Option<&mut Dialect>) -> Vec<u8> {
    let mut line = Vec::new();
    let mut push = |value: serde_json::Result<Vec<u8>>| {
        if let Ok(text) = value {
            line.extend(text);
            line.push(b'\n');
        }
    };
    match words {
        None => push(serde_json::to_vec(event)),
        Some(dialect) => {
            for said in dialect.say(event) {
                push(serde_json::to_vec(&seed::line(&said, event.seq)));
            }
        }
    }
    line
}
