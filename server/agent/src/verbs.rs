//! Verbs: what editors and programs can ask of the agent. One function behind every door; a door only brings JSON here and
//! takes JSON away. No verb waits for a model, a tool, a test or a person (L1).

mod words;

use crate::feed::Signal;
use crate::navigate;
use crate::{Agent, Remembered};
use protocol::{
    Choice, Code, Failure, IndexState, Level, MemoryAuthor, PatchId, PatchState, TaskRequest,
    Undoing,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use words::*;
pub use words::{Words, schema};

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

/// Answers one verb.
///
/// # Errors
/// `not_found` for an unknown verb, `invalid_input` for wrong parameters, and what the verb itself says.
pub async fn call(agent: &Agent, verb: &str, params: Value) -> Result<Value, Failure> {
    match verb {
        "task/start" => {
            let started = agent.start(read::<TaskRequest>(verb, params)?)?;
            answer(started)
        }
        "task/cancel" => {
            let task = read::<MaybeTask>(verb, params)?.task;
            answer(Cancelled {
                cancelled: agent.cancel(task.as_ref()),
            })
        }
        "task/steer" => {
            let Steer { task, text } = read(verb, params)?;
            agent.steer(&task, &text)?;
            answer(Done {})
        }
        "task/list" => {
            let Nothing {} = read(verb, params)?;
            answer(Tasks {
                tasks: agent.tasks(),
            })
        }
        "task/get" => answer(agent.task(&read::<OfTask>(verb, params)?.task)?),
        "task/replay" => {
            let Replay { task, after } = read(verb, params)?;
            let agent = agent.clone();
            apart(move || {
                let events = agent.replay(&task, after)?;
                answer(Events { events })
            })
            .await
        }
        _ if verb.starts_with("patch/") => patches(agent, verb, params).await,
        "approval/list" => {
            let Nothing {} = read(verb, params)?;
            answer(Approvals {
                approvals: agent.approvals(),
            })
        }
        "approval/resolve" => {
            let Approve {
                approval,
                option,
                scope,
            } = read(verb, params)?;
            // A grant that is kept is written to the disk.
            let agent = agent.clone();
            apart(move || {
                agent.resolve_approval(&approval, option, scope)?;
                answer(Done {})
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
                let building = knowledge.status().state == IndexState::Building;
                let regions = move || navigate::within(&knowledge, &query, k, &[], budget);
                return apart(move || {
                    answer(Hits {
                        hits: regions().into_iter().map(of_region).collect(),
                        partial: building,
                    })
                })
                .await;
            }
            let found = agent.search(&query, k.unwrap_or(20).min(1_000)).await;
            answer(Hits {
                hits: found.hits,
                partial: found.partial,
            })
        }
        "outline" => answer(Outline {
            symbols: agent.outline(&read::<OfPath>(verb, params)?.path)?,
        }),
        "symbol" | "definition" | "references" | "neighbours" => {
            let about = read(verb, params)?;
            names(agent, verb, about).await
        }
        "status" => {
            let Nothing {} = read(verb, params)?;
            answer(agent.status())
        }
        "models" => {
            let Nothing {} = read(verb, params)?;
            answer(Models {
                models: agent.status().models,
            })
        }
        "config/effective" => {
            let Nothing {} = read(verb, params)?;
            agent.effective().cloned().map_err(Clone::clone)
        }
        _ => Err(unknown(verb)),
    }
}

/// What can be asked of patches.
async fn patches(agent: &Agent, verb: &str, params: Value) -> Result<Value, Failure> {
    match verb {
        "patch/list" => {
            let Nothing {} = read(verb, params)?;
            let agent = agent.clone();
            apart(move || {
                answer(Patches {
                    patches: agent.patches(),
                })
            })
            .await
        }
        "patch/get" => answer(agent.patch(&read::<OfPatch>(verb, params)?.patch)?),
        "patch/review" => {
            let named = read::<MaybePatch>(verb, params)?.patch;
            let agent = agent.clone();
            apart(move || {
                let patch = named.map_or_else(|| waiting(&agent), Ok)?;
                let path = agent.write_page(&patch)?;
                answer(Page {
                    patch,
                    path: path.into_string(),
                })
            })
            .await
        }
        "patch/resolve" => {
            let choice: Choice = read(verb, params)?;
            let state = agent.patch(&choice.patch)?.state;
            let (patch, worker) = (choice.patch.clone(), agent.clone());
            in_background(agent, async move { worker.resolve_patch(&choice).await });
            answer(Resolving { patch, state })
        }
        "patch/undo" => {
            let mut what: Undoing = read(verb, params)?;
            let worker = agent.clone();
            let named = what.patch.take();
            let patch = apart(move || answer(worker.undoable(named)?)).await?;
            let patch: PatchId = read(verb, patch)?;
            what.patch = Some(patch.clone());
            let worker = agent.clone();
            in_background(agent, async move { worker.undo_patch(&what).await });
            answer(OfPatch { patch })
        }
        _ => Err(unknown(verb)),
    }
}

/// What can be asked of sessions.
async fn sessions(agent: &Agent, verb: &str, params: Value) -> Result<Value, Failure> {
    let reader = agent.clone();
    match verb {
        "session/list" => {
            let Nothing {} = read(verb, params)?;
            apart(move || {
                answer(Sessions {
                    sessions: reader.sessions(),
                })
            })
            .await
        }
        "session/get" => {
            let OfSession { session } = read(verb, params)?;
            apart(move || answer(reader.session(&session)?)).await
        }
        "session/resume" => {
            let Resume { session, prompt } = read(verb, params)?;
            let started = agent.resume(&session, prompt)?;
            answer(started)
        }
        "session/fork" => {
            let Fork { session, at } = read(verb, params)?;
            apart(move || {
                let fork = reader.fork_session(&session, at.as_deref())?;
                answer(OfSession { session: fork })
            })
            .await
        }
        "session/delete" => {
            let OfSession { session } = read(verb, params)?;
            apart(move || {
                reader.delete_session(&session)?;
                answer(Done {})
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
        "memory/list" => {
            let Nothing {} = read(verb, params)?;
            apart(move || {
                let memories = owner.memories()?;
                answer(Memories { memories })
            })
            .await
        }
        "memory/add" => {
            let Noted { text, kind, paths } = read(verb, params)?;
            let new = Remembered {
                kind,
                text,
                paths,
                by: MemoryAuthor::Person,
                task: None,
            };
            apart(move || {
                let memory = owner.remember(new)?;
                answer(OfMemory { memory })
            })
            .await
        }
        "memory/search" => {
            let Recall { query, kind, k } = read(verb, params)?;
            let k = k.unwrap_or(20);
            apart(move || {
                let memories = owner.recall(&query, kind, k)?;
                answer(Memories { memories })
            })
            .await
        }
        "memory/forget" => {
            let Forget { ids } = read(verb, params)?;
            apart(move || {
                let forgotten = owner.forget_memories(&ids)?;
                answer(Forgotten { forgotten })
            })
            .await
        }
        "memory/clear" => {
            let Nothing {} = read(verb, params)?;
            apart(move || {
                owner.clear_memory()?;
                answer(Done {})
            })
            .await
        }
        _ => Err(unknown(verb)),
    }
}

fn unknown(verb: &str) -> Failure {
    Failure::new(
        Code::NotFound,
        format!("there is no verb `{verb}`; there are: {}", ALL.join(", ")),
    )
}

/// A question about names, answered out of the index with whether files are still to be read.
async fn names(agent: &Agent, verb: &str, about: navigate::About) -> Result<Value, Failure> {
    match verb {
        "symbol" => {
            let symbols = agent.navigate(about, navigate::symbols).await?;
            let partial = building(agent);
            answer(Symbols { symbols, partial })
        }
        "definition" => {
            let definitions = agent.navigate(about, navigate::definitions).await?;
            let partial = building(agent);
            answer(Definitions {
                definitions,
                partial,
            })
        }
        "references" => {
            let found = agent.navigate(about, navigate::references).await?;
            let partial = building(agent);
            answer(References { found, partial })
        }
        _ => {
            let around = agent.navigate(about, navigate::neighbours).await?;
            let partial = building(agent);
            answer(Neighbours { around, partial })
        }
    }
}

fn building(agent: &Agent) -> bool {
    agent.knowledge().status().state == IndexState::Building
}

fn of_region(region: index::Region) -> index::Hit {
    index::Hit {
        path: region.path,
        start: region.start,
        end: region.end,
        score: region.score,
        why: region.why,
    }
}

/// An answer on the wire.
fn answer(words: impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(words).map_err(|error| Failure::new(Code::Internal, error.to_string()))
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
