//! Guard: who may ask at all. Host, then Origin, then token; only then is a body read. A page of another origin cannot start a
//! task, and neither can another user of the machine.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use protocol::{Code, Failure};
use std::net::SocketAddr;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// What a request must show.
pub struct Guard {
    hosts: [String; 3],
    bearer: String,
}

impl Guard {
    /// For a listening address and its token.
    pub fn new(addr: SocketAddr, token: &str) -> Guard {
        let port = addr.port();
        let hosts = [
            format!("127.0.0.1:{port}"),
            format!("[::1]:{port}"),
            format!("localhost:{port}"),
        ];
        Guard {
            hosts,
            bearer: format!("Bearer {token}"),
        }
    }

    fn judge(&self, headers: &HeaderMap, path: &str) -> Result<(), (StatusCode, Failure)> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        if !text(HOST).is_some_and(|host| self.hosts.iter().any(|known| known == host)) {
            return Err((
                StatusCode::MISDIRECTED_REQUEST,
                Failure::new(Code::Denied, "this host name is not served"),
            ));
        }
        if headers.contains_key(ORIGIN) {
            return Err((
                StatusCode::FORBIDDEN,
                Failure::new(Code::Denied, "web pages may not ask"),
            ));
        }
        if path == "/healthz" {
            return Ok(());
        }
        let sent = text(AUTHORIZATION).unwrap_or_default();
        match bool::from(sent.as_bytes().ct_eq(self.bearer.as_bytes())) {
            true => Ok(()),
            false => Err((
                StatusCode::UNAUTHORIZED,
                Failure::new(Code::Auth, "the token is missing or wrong")
                    .hint("send `Authorization: Bearer …` with the token from the file that `animus serve` names"),
            )),
        }
    }
}

/// Lets a request through or answers why not.
pub async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    match guard.judge(request.headers(), request.uri().path()) {
        Ok(()) => next.run(request).await,
        Err((status, failure)) => refuse(status, &failure),
    }
}

/// A failure as an answer.
pub fn refuse(status: StatusCode, failure: &Failure) -> Response {
    (status, Json(failure)).into_response()
}
