//! Words: what each verb takes and what it answers, as types, and their JSON Schemas. One list says which verb has which.

use crate::navigate::{About, Around};
use crate::{SessionDetail, SessionView, Started};
use protocol::{
    Approval, ApprovalId, Choice, Event, Memory, MemoryKind, ModelView, PatchId, PatchState,
    PatchView, PermissionOption, Scope, SessionId, StatusView, TaskId, TaskRequest, TaskView,
    Undoing,
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A task by its id.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfTask {
    /// The task.
    pub task: TaskId,
}

/// One task, or all that run.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MaybeTask {
    /// The task; every one that runs where absent.
    pub task: Option<TaskId>,
}

/// Words to a task that runs.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Steer {
    /// The task.
    pub task: TaskId,
    /// What the model is told before its next turn.
    pub text: String,
}

/// Which events of a task are wanted.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Replay {
    /// The task.
    pub task: TaskId,
    /// Those behind this `seq`; all where absent.
    #[serde(default)]
    pub after: Option<u64>,
}

/// A patch by its id.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfPatch {
    /// The patch.
    pub patch: PatchId,
}

/// One patch, or the newest that waits.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MaybePatch {
    /// The patch; the newest that waits where absent.
    pub patch: Option<PatchId>,
}

/// An answer to a question.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Approve {
    /// The question.
    pub approval: ApprovalId,
    /// The answer: one of the question's `options`.
    pub option: PermissionOption,
    /// How far it reaches; the narrowest of that answer where absent.
    #[serde(default)]
    pub scope: Option<Scope>,
}

/// Which session goes on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Resume {
    /// The session.
    pub session: SessionId,
    /// What to do; where absent, what was not finished.
    #[serde(default)]
    pub prompt: Option<String>,
}

/// A session by its id.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfSession {
    /// The session.
    pub session: SessionId,
}

/// From where a session is copied.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Fork {
    /// The session.
    pub session: SessionId,
    /// A task, or the number of an event of the last task; the whole session where absent.
    #[serde(default)]
    pub at: Option<String>,
}

/// What code is looked for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// Words.
    pub query: String,
    /// How many regions at most.
    #[serde(default)]
    pub k: Option<usize>,
    /// Whole regions that fit into so many tokens of 4 bytes.
    #[serde(default)]
    pub budget: Option<usize>,
}

/// Something to remember.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Noted {
    /// The words.
    pub text: String,
    /// What it is about; a note where absent.
    #[serde(default)]
    pub kind: Option<MemoryKind>,
    /// Files and folders that it is about, relative to the workspace.
    #[serde(default)]
    pub paths: Vec<String>,
}

/// Which memories are looked for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Recall {
    /// Words; the newest where empty.
    pub query: String,
    /// Only of this kind.
    #[serde(default)]
    pub kind: Option<MemoryKind>,
    /// How many at most; 20 where absent.
    #[serde(default)]
    pub k: Option<usize>,
}

/// Memories by their ids.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Forget {
    /// Ids, or beginnings of ids.
    pub ids: Vec<String>,
}

/// A file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfPath {
    /// Relative to the workspace, `/` between parts.
    pub path: String,
}

/// No parameters: an empty object, or nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// It is done.
#[derive(Serialize, JsonSchema)]
pub(super) struct Done {}

/// Tasks that were told to stop.
#[derive(Serialize, JsonSchema)]
pub(super) struct Cancelled {
    /// Their ids.
    pub cancelled: Vec<TaskId>,
}

/// Every task of this process.
#[derive(Serialize, JsonSchema)]
pub(super) struct Tasks {
    /// The oldest first.
    pub tasks: Vec<TaskView>,
}

/// Events of a task.
#[derive(Serialize, JsonSchema)]
pub(super) struct Events {
    /// In order.
    pub events: Vec<Arc<Event>>,
}

/// Every patch.
#[derive(Serialize, JsonSchema)]
pub(super) struct Patches {
    /// The newest first.
    pub patches: Vec<PatchView>,
}

/// The review document of a patch.
#[derive(Serialize, JsonSchema)]
pub(super) struct Page {
    /// The patch.
    pub patch: PatchId,
    /// Absolute path of the document as a file.
    pub path: String,
}

/// A decision that is being carried out.
#[derive(Serialize, JsonSchema)]
pub(super) struct Resolving {
    /// The patch.
    pub patch: PatchId,
    /// Its state before.
    pub state: PatchState,
}

/// The open questions.
#[derive(Serialize, JsonSchema)]
pub(super) struct Approvals {
    /// The questions.
    pub approvals: Vec<Approval>,
}

/// Every session on disk.
#[derive(Serialize, JsonSchema)]
pub(super) struct Sessions {
    /// The newest first.
    pub sessions: Vec<SessionView>,
}

/// Memories.
#[derive(Serialize, JsonSchema)]
pub(super) struct Memories {
    /// A list: the oldest first; a search: the best first.
    pub memories: Vec<Memory>,
}

/// A memory.
#[derive(Serialize, JsonSchema)]
pub(super) struct OfMemory {
    /// As it is kept now.
    pub memory: Memory,
}

/// What was forgotten.
#[derive(Serialize, JsonSchema)]
pub(super) struct Forgotten {
    /// As they were.
    pub forgotten: Vec<Memory>,
}

/// Regions of code.
#[derive(Serialize, JsonSchema)]
pub(super) struct Hits {
    /// The best first.
    pub hits: Vec<index::Hit>,
    /// Whether files are still to be read.
    pub partial: bool,
}

/// The definitions of a file.
#[derive(Serialize, JsonSchema)]
pub(super) struct Outline {
    /// In the order of the text.
    pub symbols: Vec<index::Symbol>,
}

/// Definitions of a name, or of names like it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Symbols {
    /// The likeliest first.
    pub symbols: Vec<index::Signed>,
    /// Whether files are still to be read.
    pub partial: bool,
}

/// Where a name is defined.
#[derive(Serialize, JsonSchema)]
pub(super) struct Definitions {
    /// The likeliest first.
    pub definitions: Vec<index::Signed>,
    /// Whether files are still to be read.
    pub partial: bool,
}

/// Who uses a name.
#[derive(Serialize, JsonSchema)]
pub(super) struct References {
    #[serde(flatten)]
    pub found: index::Uses,
    /// Whether files are still to be read.
    pub partial: bool,
}

/// What is next to a definition.
#[derive(Serialize, JsonSchema)]
pub(super) struct Neighbours {
    #[serde(flatten)]
    pub around: Around,
    /// Whether files are still to be read.
    pub partial: bool,
}

/// Which model does what.
#[derive(Serialize, JsonSchema)]
pub(super) struct Models {
    /// The roles' first candidates.
    pub models: Vec<ModelView>,
}

/// The configuration with secrets redacted, in the shape of its file.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct Effective(#[expect(dead_code, reason = "only its schema is used")] serde_json::Value);

/// The schemas of one verb.
#[derive(Debug, Clone)]
pub struct Words {
    /// Of its parameter object.
    pub params: Schema,
    /// Of its answer.
    pub answer: Schema,
}

/// What a verb takes and answers; `None` for what is no verb.
pub fn schema(verb: &str, generator: &mut SchemaGenerator) -> Option<Words> {
    let words = match verb {
        "task/start" => words::<TaskRequest, Started>,
        "task/cancel" => words::<MaybeTask, Cancelled>,
        "task/steer" => words::<Steer, Done>,
        "task/list" => words::<Nothing, Tasks>,
        "task/get" => words::<OfTask, TaskView>,
        "task/replay" => words::<Replay, Events>,
        "patch/list" => words::<Nothing, Patches>,
        "patch/get" => words::<OfPatch, PatchView>,
        "patch/review" => words::<MaybePatch, Page>,
        "patch/resolve" => words::<Choice, Resolving>,
        "patch/undo" => words::<Undoing, OfPatch>,
        "approval/list" => words::<Nothing, Approvals>,
        "approval/resolve" => words::<Approve, Done>,
        "session/list" => words::<Nothing, Sessions>,
        "session/get" => words::<OfSession, SessionDetail>,
        "session/resume" => words::<Resume, Started>,
        "session/fork" => words::<Fork, OfSession>,
        "session/delete" => words::<OfSession, Done>,
        "memory/list" => words::<Nothing, Memories>,
        "memory/add" => words::<Noted, OfMemory>,
        "memory/search" => words::<Recall, Memories>,
        "memory/forget" => words::<Forget, Forgotten>,
        "memory/clear" => words::<Nothing, Done>,
        "search" => words::<Query, Hits>,
        "outline" => words::<OfPath, Outline>,
        "symbol" => words::<About, Symbols>,
        "definition" => words::<About, Definitions>,
        "references" => words::<About, References>,
        "neighbours" => words::<About, Neighbours>,
        "status" => words::<Nothing, StatusView>,
        "models" => words::<Nothing, Models>,
        "config/effective" => words::<Nothing, Effective>,
        _ => return None,
    };
    Some(words(generator))
}

fn words<P: JsonSchema, A: JsonSchema>(generator: &mut SchemaGenerator) -> Words {
    Words {
        params: generator.subschema_for::<P>(),
        answer: generator.subschema_for::<A>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_its_words() {
        let mut generator = SchemaGenerator::default();
        for verb in super::super::ALL {
            assert!(schema(verb, &mut generator).is_some(), "{verb}");
        }
        assert!(schema("task/stop", &mut generator).is_none());
    }
}
