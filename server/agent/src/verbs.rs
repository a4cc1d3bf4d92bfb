//! Verbs: what editors and programs can ask of the agent. One function behind every door; a door only brings JSON here and
//! takes JSON away. No verb waits for a model, a tool, a test or a person (L1).

use crate::feed::Signal;
use crate::navigate;
use crate::{Agent, Remembered};
use protocol::{
    ApprovalId, Choice, Code, Failure, IndexState, Level, MemoryAuthor, MemoryKind, PatchId,
    PatchState, PermissionOption, Scope, SessionId, TaskId, TaskRequest, Undoing,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Regions that are looked at to fill a budget.
const DEEP: usize = 400;

/// Every verb, as it stands after `animus/`.
pub const ALL: &[&str] = &[
    "task/start",
    "task/cancel",
    "task/steer",
    "task/list",
    "task/get",
    "task/replay",
    "patch/list",
    "patch/get",
    "patch/review",
    "patch/resolve",
    "patch/undo",
    "approval/list",
    "approval/resolve",
    "session/list",
    "session/get",
    "session/resume",
    "session/fork",
    "session/delete",
    "memory/list",
    "memory/add",
    "memory/search",
    "memory/forget",
    "memory/clear",
    "search",
    "outline",
    "symbol",
    "definition",
    "references",
    "neighbours",
    "status",
    "models",
    "config/effective",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfTask {
    task: TaskId,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct MaybeTask {
    task: Option<TaskId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Steer {
    task: TaskId,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replay {
    task: TaskId,
    #[serde(default)]
    after: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfPatch {
    patch: PatchId,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct MaybePatch {
    patch: Option<PatchId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Approve {
    approval: ApprovalId,
    option: PermissionOption,
    #[serde(default)]
    scope: Option<Scope>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resume {
    session: SessionId,
    #[serde(default)]
    prompt: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfSession {
    session: SessionId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fork {
    session: SessionId,
    #[serde(default)]
    at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    query: String,
    #[serde(default)]
    k: Option<usize>,
    #[serde(default)]
    budget: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Noted {
    text: String,
    #[serde(default)]
    kind: Option<MemoryKind>,
    #[serde(default)]
    paths: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recall {
    query: String,
    #[serde(default)]
    kind: Option<MemoryKind>,
    #[serde(default)]
    k: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forget {
    ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfPath {
    path: String,
}

/// Answers one verb.
///
/// # Errors
/// `not_found` for an unknown verb, `invalid_input` for wrong parameters, and what the verb itself says.
pub async fn call(agent: &Agent, verb: &str, params: Value) -> Result<Value, Failure> {
    match verb {
        "task/start" => {
            let started = agent.start(read::<TaskRequest>(verb, params)?)?;
            Ok(json!({ "task": started.task, "session": started.session }))
        }
        "task/cancel" => {
            Ok(json!({ "cancelled": agent.cancel(read::<MaybeTask>(verb, params)?.task.as_ref()) }))
        }
        "task/steer" => {
            let Steer { task, text } = read(verb, params)?;
            agent.steer(&task, &text).map(|()| json!({}))
        }
        "task/list" => Ok(json!({ "tasks": agent.tasks() })),
        "task/get" => Ok(json!(agent.task(&read::<OfTask>(verb, params)?.task)?)),
        "task/replay" => {
            let Replay { task, after } = read(verb, params)?;
            let agent = agent.clone();
            apart(move || Ok(json!({ "events": agent.replay(&task, after)? }))).await
        }
        "patch/list" => {
            let agent = agent.clone();
            apart(move || Ok(json!({ "patches": agent.patches() }))).await
        }
        "patch/get" => Ok(json!(agent.patch(&read::<OfPatch>(verb, params)?.patch)?)),
        "patch/review" => {
            let named = read::<MaybePatch>(verb, params)?.patch;
            let agent = agent.clone();
            apart(move || {
                let patch = named.map_or_else(|| waiting(&agent), Ok)?;
                let path = agent.write_page(&patch)?;
                Ok(json!({ "patch": patch, "path": path }))
            })
            .await
        }
        "patch/resolve" => {
            let choice: Choice = read(verb, params)?;
            let state = agent.patch(&choice.patch)?.state;
            let (patch, worker) = (choice.patch.clone(), agent.clone());
            in_background(agent, async move { worker.resolve_patch(&choice).await });
            Ok(json!({ "patch": patch, "state": state }))
        }
        "patch/undo" => {
            let mut what: Undoing = read(verb, params)?;
            let worker = agent.clone();
            let named = what.patch.take();
            let patch = apart(move || Ok(json!(worker.undoable(named)?))).await?;
            let patch: PatchId = read(verb, patch)?;
            what.patch = Some(patch.clone());
            let worker = agent.clone();
            in_background(agent, async move { worker.undo_patch(&what).await });
            Ok(json!({ "patch": patch }))
        }
        "approval/list" => Ok(json!({ "approvals": agent.approvals() })),
        "approval/resolve" => {
            let Approve {
                approval,
                option,
                scope,
            } = read(verb, params)?;
            // A grant that is kept is written to the disk.
            let agent = agent.clone();
            apart(move || {
                agent
                    .resolve_approval(&approval, option, scope)
                    .map(|()| json!({}))
            })
            .await
        }
        _ if verb.starts_with("session/") => sessions(agent, verb, params).await,
        _ if verb.starts_with("memory/") => memory(agent, verb, params).await,
        "search" => {
            let Query { query, k, budget } = read(verb, params)?;
            if let Some(budget) = budget {
                let k = k.unwrap_or(DEEP).min(1_000);
                let knowledge = agent.knowledge().clone();
                let regions =
                    apart(move || Ok(json!(navigate::within(&knowledge, &query, k, &[], budget))));
                return Ok(told(agent, json!({ "hits": regions.await? })));
            }
            let found = agent.search(&query, k.unwrap_or(20).min(1_000)).await;
            Ok(json!({ "hits": found.hits, "partial": found.partial }))
        }
        "outline" => Ok(json!({ "symbols": agent.outline(&read::<OfPath>(verb, params)?.path)? })),
        "symbol" | "definition" | "references" | "neighbours" => {
            let about = read(verb, params)?;
            Ok(told(agent, names(agent, verb, about).await?))
        }
        "status" => Ok(json!(agent.status())),
        "models" => Ok(json!({ "models": agent.status().models })),
        "config/effective" => Ok(agent.effective().clone()),
        _ => Err(unknown(verb)),
    }
}

/// What can be asked of sessions.
async fn sessions(agent: &Agent, verb: &str, params: Value) -> Result<Value, Failure> {
    let reader = agent.clone();
    match verb {
        "session/list" => apart(move || Ok(json!({ "sessions": reader.sessions() }))).await,
        "session/get" => {
            let OfSession { session } = read(verb, params)?;
            apart(move || Ok(json!(reader.session(&session)?))).await
        }
        "session/resume" => {
            let Resume { session, prompt } = read(verb, params)?;
            let started = agent.resume(&session, prompt)?;
            Ok(json!({ "task": started.task, "session": started.session }))
        }
        "session/fork" => {
            let Fork { session, at } = read(verb, params)?;
            apart(move || {
                let fork = reader.fork_session(&session, at.as_deref())?;
                Ok(json!({ "session": fork }))
            })
            .await
        }
        "session/delete" => {
            let OfSession { session } = read(verb, params)?;
            apart(move || {
                reader.delete_session(&session)?;
                Ok(json!({}))
            })
            .await
        }
        _ => Err(unknown(verb)),
    }
}

/// What is remembered of the project.
async fn memory(agent: &Agent, verb: &str, params: Value) -> Result<Value, Failure> {
    let owner = agent.clone();
    match verb {
        "memory/list" => apart(move || Ok(json!({ "memories": owner.memories()? }))).await,
        "memory/add" => {
            let Noted { text, kind, paths } = read(verb, params)?;
            let new = Remembered {
                kind,
                text,
                paths,
                by: MemoryAuthor::Person,
                task: None,
            };
            apart(move || Ok(json!({ "memory": owner.remember(new)? }))).await
        }
        "memory/search" => {
            let Recall { query, kind, k } = read(verb, params)?;
            let k = k.unwrap_or(20);
            apart(move || Ok(json!({ "memories": owner.recall(&query, kind, k)? }))).await
        }
        "memory/forget" => {
            let Forget { ids } = read(verb, params)?;
            apart(move || Ok(json!({ "forgotten": owner.forget_memories(&ids)? }))).await
        }
        "memory/clear" => apart(move || owner.clear_memory().map(|_| json!({}))).await,
        _ => Err(unknown(verb)),
    }
}

fn unknown(verb: &str) -> Failure {
    Failure::new(
        Code::NotFound,
        format!("there is no verb `{verb}`; there are: {}", ALL.join(", ")),
    )
}

/// A question about names.
async fn names(agent: &Agent, verb: &str, about: navigate::About) -> Result<Value, Failure> {
    Ok(match verb {
        "symbol" => json!({ "symbols": agent.navigate(about, navigate::symbols).await? }),
        "definition" => {
            json!({ "definitions": agent.navigate(about, navigate::definitions).await? })
        }
        "references" => json!(agent.navigate(about, navigate::references).await?),
        _ => json!(agent.navigate(about, navigate::neighbours).await?),
    })
}

/// An answer out of the index, with whether files are still to be read.
fn told(agent: &Agent, mut answer: Value) -> Value {
    let state = agent.knowledge().status().state;
    answer["partial"] = json!(state == IndexState::Building);
    answer
}

/// Reads the state folder away from the runtime's threads.
async fn apart(
    work: impl FnOnce() -> Result<Value, Failure> + Send + 'static,
) -> Result<Value, Failure> {
    let job = tokio::task::spawn_blocking(work);
    job.await.unwrap_or_else(|_| {
        Err(Failure::new(
            Code::Internal,
            "a defect of Animus stopped this request",
        ))
    })
}

/// The newest patch that waits for a decision.
fn waiting(agent: &Agent) -> Result<PatchId, Failure> {
    let patches = agent.patches();
    let newest = patches
        .into_iter()
        .find(|patch| patch.state == PatchState::Proposed);
    newest.map(|patch| patch.id).ok_or_else(|| {
        Failure::new(Code::NotFound, "no patch waits for a decision")
            .hint("name the patch; `animus/patch/list` shows them")
    })
}

/// Lets landing go on by itself; what comes of it is told as a signal, never as the answer.
fn in_background(
    agent: &Agent,
    work: impl Future<Output = Result<protocol::PatchView, Failure>> + Send + 'static,
) {
    let agent = agent.clone();
    tokio::spawn(async move {
        if let Err(failure) = work.await {
            agent.say(Signal::Notice {
                level: Level::Error,
                message: failure.to_string(),
            });
        }
    });
}

fn read<T: DeserializeOwned>(verb: &str, params: Value) -> Result<T, Failure> {
    let params = if params.is_null() { json!({}) } else { params };
    serde_json::from_value(params).map_err(|error| {
        Failure::new(Code::InvalidInput, format!("animus/{verb}: {error}"))
            .hint("docs/protocol.md has every verb's parameters")
    })
}
