//! Status: a failure as each wire says it (P3). One table for HTTP and one for Connect and gRPC, side by side.

use crate::proto::animus;
use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use connectrpc::{ConnectError, ErrorCode, ErrorDetail};
use protocol::{Code, Failure};
use serde::Deserialize;

/// What a failure's code is called in HTTP and in Connect.
fn words(code: Code) -> (StatusCode, ErrorCode) {
    match code {
        Code::InvalidInput | Code::NoMatch => (StatusCode::BAD_REQUEST, ErrorCode::InvalidArgument),
        Code::NotFound => (StatusCode::NOT_FOUND, ErrorCode::NotFound),
        Code::PathRefused | Code::PhaseRefused | Code::Denied => {
            (StatusCode::FORBIDDEN, ErrorCode::PermissionDenied)
        }
        Code::Stale | Code::EditRefused => (StatusCode::CONFLICT, ErrorCode::Aborted),
        Code::Unreadable | Code::CommandFailed => (
            StatusCode::UNPROCESSABLE_ENTITY,
            ErrorCode::FailedPrecondition,
        ),
        Code::Timeout => (StatusCode::GATEWAY_TIMEOUT, ErrorCode::DeadlineExceeded),
        Code::RateLimited | Code::BudgetExhausted => {
            (StatusCode::TOO_MANY_REQUESTS, ErrorCode::ResourceExhausted)
        }
        Code::Cancelled | Code::Config | Code::SandboxUnavailable | Code::Provider => {
            (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable)
        }
        Code::Auth => (StatusCode::UNAUTHORIZED, ErrorCode::Unauthenticated),
        Code::Io | Code::Internal => (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal),
    }
}

/// Why an answer is a refusal.
#[derive(Debug, Clone, Copy)]
pub struct Refused(pub Code);

/// The code that is nearest to an error of Connect that has none of ours: one that the wire itself found.
pub fn code(error: &ConnectError) -> Code {
    let mut details = error
        .details
        .iter()
        .filter_map(|detail| detail.debug.as_ref());
    if let Some(failure) = details.find_map(|detail| Failure::deserialize(detail).ok()) {
        return failure.code;
    }
    match error.code {
        ErrorCode::Unimplemented | ErrorCode::NotFound => Code::NotFound,
        ErrorCode::Canceled | ErrorCode::Unavailable => Code::Cancelled,
        // Nothing of the agent's is exhausted where the wire says so: a message is too large.
        ErrorCode::ResourceExhausted
        | ErrorCode::InvalidArgument
        | ErrorCode::OutOfRange
        | ErrorCode::FailedPrecondition => Code::InvalidInput,
        ErrorCode::DeadlineExceeded => Code::Timeout,
        ErrorCode::Unauthenticated => Code::Auth,
        ErrorCode::PermissionDenied => Code::Denied,
        ErrorCode::Aborted | ErrorCode::AlreadyExists => Code::Stale,
        _ => Code::Internal,
    }
}

/// Why an answer of Connect or gRPC is a refusal that no handler saw: its media type, its method, its first frame.
pub fn of_wire(answer: &Response) -> Option<Code> {
    let grpc = answer.headers().get("grpc-status");
    let grpc = grpc.and_then(|status| status.to_str().ok()?.parse::<u32>().ok());
    match (grpc, answer.status().as_u16()) {
        (None | Some(0), 200..=299) => None,
        (Some(5 | 12), _) | (None, 404 | 405 | 501) => Some(Code::NotFound),
        (Some(4), _) | (None, 408 | 504) => Some(Code::Timeout),
        (Some(13), _) | (None, 500) => Some(Code::Internal),
        _ => Some(Code::InvalidInput),
    }
}

/// The HTTP status of a failure.
pub fn http(failure: &Failure) -> StatusCode {
    words(failure.code).0
}

/// A failure as an answer over plain HTTP.
pub fn answer(failure: &Failure) -> Response {
    refuse(http(failure), failure)
}

/// A failure as an answer with a status of its own. It carries the code, so that it is counted where all answers pass.
pub fn refuse(status: StatusCode, failure: &Failure) -> Response {
    let mut failure = failure.clone();
    // Our own words for it are those of an editor.
    failure.hint = failure
        .hint
        .map(|hint| hint.replace("`animus/", "`POST /agent/verb/"));
    let mut answer = (status, Json(&failure)).into_response();
    answer.extensions_mut().insert(Refused(failure.code));
    answer
}

/// A failure as an error of Connect and gRPC; the failure itself is the detail.
pub fn connect(failure: &Failure) -> ConnectError {
    let detail = animus::Failure {
        code: failure.code.as_str().to_owned(),
        message: failure.message.clone(),
        hint: failure.hint.clone().unwrap_or_default(),
        ..Default::default()
    };
    let mut detail = ErrorDetail::from_message("animus.v1.Failure", &detail);
    detail.debug = serde_json::to_value(failure).ok();
    ConnectError::new(words(failure.code).1, failure.to_string()).with_detail(detail)
}

/// A failure as an answer in the protocol that the request speaks, for those that are refused before they reach a service.
pub fn in_its_protocol(failure: &Failure, headers: &HeaderMap) -> Response {
    let answer = connect(failure).into_http_response(headers);
    let mut answer = answer.map(axum::body::Body::new);
    answer.extensions_mut().insert(Refused(failure.code));
    answer
}
