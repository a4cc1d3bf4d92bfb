//! Ingress: the layer in front of tower-lsp. It sees every message in wire order and applies document changes before
//! anything is awaited (L2); it reads what the typed messages leave out, and it never waits.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use protocol::{Code, Failure, TaskId};
use serde_json::{Value, json};
use tower::Service;
use tower_lsp::jsonrpc::{Error, ErrorCode, Request, Response};

use crate::door::{Door, Stage};
use crate::features::Feature;
use crate::framing::REFUSED;
use crate::{completion, refusal, sync, verbs};

/// The layer.
pub struct Ingress<S> {
    inner: S,
    door: Arc<Door>,
}

impl<S> Ingress<S> {
    /// The layer in front of `inner`.
    pub fn new(inner: S, door: Arc<Door>) -> Self {
        Self { inner, door }
    }
}

impl<S> Service<Request> for Ingress<S>
where
    S: Service<Request, Response = Option<Response>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Option<Response>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Option<Response>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match request.method() {
            REFUSED => ready(Ok(Some(refused(request)))).boxed(),
            method if sync::METHODS.contains(&method) => {
                ready(Ok(self.synchronize(request))).boxed()
            }
            "$/animus/ack" => {
                self.acknowledge(request.params().unwrap_or(&Value::Null));
                ready(Ok(None)).boxed()
            }
            completion::METHOD if completion::is_served(&self.door) => {
                completion::answer(&self.door, request)
            }
            "$/cancelRequest" if self.gives_up(&request) => ready(Ok(None)).boxed(),
            "initialize" => {
                // A second `initialize` is refused behind us and must not change what the first one agreed.
                if self.door.stage() == Stage::Fresh {
                    self.door.meet(request.params().unwrap_or(&Value::Null));
                }
                self.inner.call(request).boxed()
            }
            "exit" => {
                self.door.leave();
                self.inner.call(request).boxed()
            }
            "textDocument/codeAction" if self.tags_actions() => self
                .inner
                .call(request)
                .map(|answer| answer.map(|response| response.map(tag)))
                .boxed(),
            method => match verbs::of_method(method) {
                Some(verb) => self.inner.call(as_command(verb, request)).boxed(),
                None if method.starts_with(verbs::METHOD) => ready(Ok(unknown(request))).boxed(),
                None => self.inner.call(request).boxed(),
            },
        }
    }
}

impl<S> Ingress<S> {
    fn synchronize(&self, request: Request) -> Option<Response> {
        let (method, id, params) = request.into_parts();
        if let Some(id) = id {
            return Some(Response::from_error(id, Error::invalid_request()));
        }
        let Some(met) = self.door.met() else {
            self.door.note(format!(
                "`{method}` came before `initialize` and is ignored"
            ));
            return None;
        };
        let params = params.unwrap_or_default();
        let uri = params.pointer("/textDocument/uri").and_then(Value::as_str);
        // What we show ourselves is known here, whatever the client does with it.
        if uri.is_some_and(|uri| self.door.reviews().named(uri).is_some()) {
            return None;
        }
        if let Ok(editor) = &met.editor {
            let path = uri.and_then(|uri| editor.addresses().path(uri));
            match sync::take(editor, &method, params) {
                Err(line) => self.door.note(line),
                // Whoever opens a file will ask about code; a server that nobody uses reads nothing.
                Ok(()) => {
                    if let Some(agent) = self.door.agent_if_made() {
                        agent.knowledge().start();
                    }
                }
            }
            if let Some(path) = path {
                if matches!(
                    method.as_ref(),
                    "textDocument/didChange" | "textDocument/didClose"
                ) {
                    self.door.completions().changed(&path);
                }
                self.door.reviews().touched(&path);
            }
        }
        None
    }

    /// Whether a completion was cancelled by this; it is in front of tower-lsp, which knows nothing of it.
    fn gives_up(&self, request: &Request) -> bool {
        let id = request.params().and_then(|params| params.get("id"));
        id.is_some_and(|id| self.door.completions().cancel(id))
    }

    fn acknowledge(&self, params: &Value) {
        let task = params.get("task").and_then(Value::as_str);
        match (task, params.get("seq").and_then(Value::as_u64)) {
            (Some(task), Some(seq)) => self.door.ack(TaskId::from(task), seq),
            _ => self
                .door
                .note("`$/animus/ack` needs `task` and `seq`".to_owned()),
        }
    }

    fn tags_actions(&self) -> bool {
        self.door
            .met()
            .is_some_and(|met| met.client.can(Feature::GeneratedTag))
    }
}

/// The answer to a message that could not be read.
fn refused(request: Request) -> Response {
    let (_, id, params) = request.into_parts();
    let params = params.unwrap_or_default();
    let code = params
        .get("code")
        .and_then(Value::as_i64)
        .map_or(ErrorCode::InvalidRequest, ErrorCode::from);
    let message = params
        .get("message")
        .and_then(Value::as_str)
        .unwrap_or(code.description())
        .to_owned();
    Response::from_error(
        id.unwrap_or_default(),
        Error {
            code,
            message: message.into(),
            data: None,
        },
    )
}

/// The answer to a method of ours that there is not.
fn unknown(request: Request) -> Option<Response> {
    let (method, id, _) = request.into_parts();
    let failure = Failure::new(Code::NotFound, format!("there is no method `{method}`"))
        .hint("`capabilities.experimental.animus.verbs` in the answer to `initialize` lists them");
    let error = Error {
        code: ErrorCode::MethodNotFound,
        ..refusal::of(&failure)
    };
    Some(Response::from_error(id?, error))
}

/// `animus/VERB` as the command that it is.
fn as_command(verb: &str, request: Request) -> Request {
    let (_, id, params) = request.into_parts();
    let params =
        json!({ "command": verbs::command(verb), "arguments": [params.unwrap_or(Value::Null)] });
    let build = Request::build("workspace/executeCommand").params(params);
    match id {
        Some(id) => build.id(id).finish(),
        None => build.finish(),
    }
}

/// Marks the actions whose result a language model makes (`CodeActionTag.LLMGenerated`).
fn tag(response: Response) -> Response {
    let (id, result) = response.into_parts();
    let start = verbs::command("task/start");
    let result = result.map(|mut answer| {
        for action in answer.as_array_mut().into_iter().flatten() {
            let starts =
                action.pointer("/command/command").and_then(Value::as_str) == Some(start.as_str());
            if starts || action.get("disabled").is_some() {
                action["tags"] = json!([1]);
            }
        }
        answer
    });
    Response::from_parts(id, result)
}
