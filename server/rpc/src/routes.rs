//! Routes: every path that is answered. The lists are what the router is made of, and what the documentation is held against.

use crate::config::{Config, Transport};
use crate::guard::{self, Guard};
use crate::hall::Hall;
use crate::{connect, metrics, ndjson, status};
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use protocol::{Code, Failure};
use std::sync::Arc;

/// Every path of plain HTTP with its method.
pub const ROUTES: [(&str, &str); 7] = [
    ("POST", "/agent/run"),
    ("GET", "/agent/events"),
    ("POST", "/agent/verb/{*verb}"),
    ("GET", "/tools/schemas"),
    ("GET", "/metrics"),
    ("GET", "/healthz"),
    ("GET", "/health"),
];

/// Every rpc.
pub const METHODS: [&str; 5] = [
    "/connect.agent.v1.AgentService/RunTask",
    "/animus.v1.AgentService/Run",
    "/animus.v1.AgentService/Follow",
    "/animus.v1.AgentService/Watch",
    "/animus.v1.AgentService/Call",
];

/// The router, with the guard before everything.
pub fn router(hall: &Hall, guard: Guard, config: &Config) -> Router {
    let mut router = Router::new();
    for (_, path) in ROUTES {
        if let Some(route) = route(path)
            && (path != "/metrics" || config.metrics_enabled)
        {
            router = router.route(path, route);
        }
    }
    let mut router = router.with_state(hall.clone());
    if config.transport == Transport::Connect {
        let (service, paths) = connect::service(hall);
        for path in paths {
            router = router.route_service(&path, service.clone());
        }
    }
    router
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(ndjson::BODY_LIMIT))
        .layer(middleware::from_fn_with_state(
            Arc::new(guard),
            guard::check,
        ))
}

fn route(path: &str) -> Option<MethodRouter<Hall>> {
    Some(match path {
        "/agent/run" => post(ndjson::run),
        "/agent/events" => get(ndjson::events),
        "/agent/verb/{*verb}" => post(ndjson::verb),
        "/tools/schemas" => get(tool_schemas),
        "/metrics" => get(scrape),
        "/healthz" | "/health" => get(health),
        _ => return None,
    })
}

async fn unknown(uri: Uri, headers: HeaderMap) -> Response {
    let failure = Failure::new(
        Code::NotFound,
        format!("nothing is served at {}", uri.path()),
    )
    .hint("the page on the door for programs lists the routes");
    match guard::is_rpc(uri.path()) {
        true => status::in_its_protocol(&failure, &headers),
        false => status::answer(&failure),
    }
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    let message = format!("{} is not asked for with {method}", uri.path());
    let failure = Failure::new(Code::InvalidInput, message);
    status::refuse(StatusCode::METHOD_NOT_ALLOWED, &failure)
}

async fn health(State(hall): State<Hall>) -> Response {
    match hall.open() {
        Ok(()) => "ok\n".into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response(),
    }
}

async fn scrape(State(hall): State<Hall>) -> impl IntoResponse {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], hall.metrics.text())
}

async fn tool_schemas() -> Response {
    match agent::tool_schemas() {
        Ok(schemas) => axum::Json(schemas).into_response(),
        Err(failure) => status::answer(&failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// What stands in backquotes at the beginning of each row under a heading.
    fn rows(page: &'static str, heading: &str) -> BTreeSet<String> {
        let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
        rows.map(|row| row.split('`').next().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn the_page_lists_every_route_and_every_rpc() {
        let page = include_str!("../../../docs/rpc.md");
        let routes = ROUTES.map(|(method, path)| format!("{method} {path}"));
        assert_eq!(rows(page, "Routes"), BTreeSet::from(routes));
        let methods = METHODS.map(str::to_owned);
        assert_eq!(rows(page, "Services"), BTreeSet::from(methods));
    }

    #[test]
    fn every_listed_route_is_answered() {
        for (_, path) in ROUTES {
            assert!(route(path).is_some(), "{path}");
        }
    }

    #[test]
    fn the_files_declare_every_listed_rpc() {
        let mut declared = BTreeSet::new();
        for (_, bytes) in crate::PROTO_FILES {
            let Ok(text) = std::str::from_utf8(bytes) else {
                continue;
            };
            let Some((_, rest)) = text.split_once("\npackage ") else {
                continue;
            };
            let package = rest.split(';').next().unwrap();
            let names = text
                .lines()
                .filter_map(|line| line.trim().strip_prefix("rpc "));
            for name in names.map(|line| line.split('(').next().unwrap()) {
                declared.insert(format!("/{package}.AgentService/{name}"));
            }
        }
        assert_eq!(declared, BTreeSet::from(METHODS.map(str::to_owned)));
    }
}
