//! Guard: who may ask at all. Host, then Origin, then token; only then is a body looked at. A page of another origin cannot start a
//! task, and neither can another user of the machine.

use crate::status::{self, Refused};
use crate::transport::{Counted, Transports, Wire};
use crate::wire::Passage;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use protocol::{Code, Failure};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// How much of the body of a refused request is thrown away before the answer, in bytes.
const REST: usize = 64 * 1024;

/// For how long.
const REST_TIME: Duration = Duration::from_secs(2);

/// Which host names requests may ask for.
pub struct Hosts {
    /// Names of this machine, and those that were allowed.
    pub names: Vec<String>,
    /// The port that a name must stand with; none for a socket file.
    pub port: Option<u16>,
    /// The port that a name without one means.
    pub default_port: u16,
    /// Whether every address will do. A page cannot give a name of its own to an address.
    pub any_address: bool,
}

/// What a request must show.
pub struct Guard {
    hosts: Hosts,
    token: String,
    transports: Arc<Transports>,
}

impl Hosts {
    /// Whether a request may ask for this.
    fn serve(&self, asked: &str) -> bool {
        let Ok(asked) = asked.parse::<Authority>() else {
            return false;
        };
        let name = asked.host().to_ascii_lowercase();
        let name = name.strip_suffix('.').unwrap_or(&name);
        // What stands before an `@`, or a port that is none, is nothing that clients send.
        let plain = match asked.port() {
            Some(port) => format!("{}:{port}", asked.host()),
            None => asked.host().to_owned(),
        };
        if plain != asked.as_str() {
            return false;
        }
        let port = asked.port_u16().unwrap_or(self.default_port);
        let ours = self.port.is_none_or(|ours| ours == port);
        let address = name.trim_start_matches('[').trim_end_matches(']');
        let listed = self
            .names
            .iter()
            .any(|known| match known.parse::<Authority>() {
                Ok(known) if known.port().is_some() => {
                    known.host().eq_ignore_ascii_case(name) && known.port_u16() == Some(port)
                }
                _ => ours && known.eq_ignore_ascii_case(name),
            });
        listed || (ours && self.any_address && address.parse::<IpAddr>().is_ok())
    }
}

impl Guard {
    /// For these host names and this token.
    pub fn new(hosts: Hosts, token: &str, transports: Arc<Transports>) -> Guard {
        Guard {
            hosts,
            token: token.to_owned(),
            transports,
        }
    }

    fn judge(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), (StatusCode, Failure)> {
        let mut hosts = headers.get_all(HOST).iter().map(|host| host.to_str().ok());
        let (first, second) = (hosts.next(), hosts.next());
        // HTTP/2 names the host in the request line, as a proxy's request of HTTP/1.1 does.
        let line = uri.authority().map(|authority| Some(authority.as_str()));
        let mut asked = first.into_iter().chain(line).peekable();
        let named = asked.peek().is_some() && second.is_none();
        if !named || !asked.all(|host| host.is_some_and(|host| self.hosts.serve(host))) {
            return Err((
                StatusCode::MISDIRECTED_REQUEST,
                Failure::new(Code::Denied, "this host name is not served"),
            ));
        }
        let site = headers.get("sec-fetch-site");
        if headers.contains_key(ORIGIN) || site.is_some_and(|site| site != "none") {
            return Err((
                StatusCode::FORBIDDEN,
                Failure::new(Code::Denied, "web pages may not ask"),
            ));
        }
        if is_health(uri.path()) {
            return Ok(());
        }
        let mut sent = headers.get_all(AUTHORIZATION).iter();
        let shown = match (sent.next(), sent.next()) {
            (Some(sent), None) => bearer(sent.as_bytes()),
            _ => &[],
        };
        match bool::from(shown.ct_eq(self.token.as_bytes())) {
            true => Ok(()),
            false => Err((
                StatusCode::UNAUTHORIZED,
                Failure::new(Code::Auth, "the token is missing or wrong")
                    .hint("send `Authorization: Bearer …` with the token from the file that `animus serve` names"),
            )),
        }
    }
}

/// Lets a request through or answers why not, and counts what is refused, here or behind it.
pub async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let rpc = is_rpc(request.uri().path());
    let answer = match guard.judge(request.headers(), request.uri()) {
        Ok(()) => behind(request, next).await,
        Err((status, failure)) => refuse(request, status, &failure).await,
    };
    if let Some(Refused(code)) = answer.extensions().get() {
        let wire = match rpc {
            true => Wire::Connect,
            false => Wire::Ndjson,
        };
        guard.transports.error(wire, *code);
    }
    answer
}

async fn refuse(request: Request, status: StatusCode, failure: &Failure) -> Response {
    let (request, body) = request.into_parts();
    // A client of HTTP/1.1 that is still writing would see a broken connection instead of the answer.
    let rest = axum::body::to_bytes(body, REST);
    let _ = tokio::time::timeout(REST_TIME, rest).await;
    match is_rpc(request.uri.path()) {
        true => status::in_its_protocol(failure, &request.headers),
        false => status::refuse(status, failure),
    }
}

/// A request that may pass.
async fn behind(mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let rpc = is_rpc(path);
    if let Some(passage) = request.extensions().get::<Passage>() {
        if !is_health(path) {
            passage.knows();
        }
        if streams(path) {
            passage.waits();
        }
    }
    if !rpc {
        return next.run(request).await;
    }
    let counted = Counted::default();
    request.extensions_mut().insert(counted.clone());
    let mut answer = next.run(request).await;
    if !counted.is_set()
        && answer.extensions().get::<Refused>().is_none()
        && let Some(code) = status::of_wire(&answer)
    {
        answer.extensions_mut().insert(Refused(code));
    }
    answer
}

/// The token of `Bearer TOKEN`; the scheme is written in any case (RFC 9110, 11.1), before one space or more (11.4). Empty where
/// there is none.
fn bearer(sent: &[u8]) -> &[u8] {
    match sent.split_at_checked(6) {
        Some((scheme, rest))
            if scheme.eq_ignore_ascii_case(b"bearer") && rest.starts_with(b" ") =>
        {
            rest.trim_ascii()
        }
        _ => &[],
    }
}

/// What needs no token.
fn is_health(path: &str) -> bool {
    matches!(path, "/healthz" | "/health")
}

/// What is answered with the events of tasks.
fn streams(path: &str) -> bool {
    match is_rpc(path) {
        true => !path.ends_with("/Call"),
        false => matches!(path, "/agent/run" | "/agent/events"),
    }
}

/// Whether a path is one of an rpc.
pub fn is_rpc(path: &str) -> bool {
    path.contains(".v1.AgentService/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_written_in_any_case_and_anything_else_is_no_token() {
        for good in ["Bearer T", "bearer T", "BEARER  T", "Bearer T "] {
            assert_eq!(bearer(good.as_bytes()), b"T", "{good}");
        }
        for bad in ["", "T", "Bearer", "BearerT", "Basic T", "Bearer\u{e9} T"] {
            assert_ne!(bearer(bad.as_bytes()), b"T", "{bad}");
        }
    }

    #[test]
    fn one_token_is_shown_once() {
        let transports = Arc::new(Transports::new(&prometheus::Registry::new()).unwrap());
        let guard = Guard::new(hosts(false), "T", transports);
        let judge = |shown: &[&'static str]| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, "localhost:7777".parse().unwrap());
            for shown in shown {
                headers.append(AUTHORIZATION, shown.parse().unwrap());
            }
            guard.judge(&headers, &Uri::from_static("/metrics")).is_ok()
        };
        assert!(judge(&["bearer T"]));
        assert!(!judge(&[]) && !judge(&["Bearer U"]) && !judge(&["Bearer "]));
        assert!(!judge(&["Bearer T", "Bearer T"]) && !judge(&["Bearer U", "Bearer T"]));
    }

    fn hosts(any_address: bool) -> Hosts {
        Hosts {
            names: ["127.0.0.1", "[::1]", "localhost", "box.example:9000"]
                .map(str::to_owned)
                .to_vec(),
            port: Some(7777),
            default_port: 80,
            any_address,
        }
    }

    #[test]
    fn hosts_are_served_by_name_and_port() {
        for (host, good) in [
            ("127.0.0.1:7777", true),
            ("LocalHost:7777", true),
            ("localhost.:7777", true),
            ("[::1]:7777", true),
            ("box.example:9000", true),
            ("BOX.example:9000", true),
            ("box.example:7777", false),
            ("localhost", false),
            ("localhost:80", false),
            ("evil.example:7777", false),
            ("localhost:7777@evil.example", false),
            ("evil@localhost:7777", false),
            ("10.1.2.3:7777", false),
            ("", false),
            ("localhost:99999", false),
        ] {
            assert_eq!(hosts(false).serve(host), good, "{host}");
        }
        assert!(hosts(true).serve("10.1.2.3:7777"));
        assert!(hosts(true).serve("[fe80::1]:7777"));
        assert!(!hosts(true).serve("evil.example:7777"));
    }
}
