//! `remember`: the model notes something for later tasks on this project. It changes nothing but the notes: what is in them is an
//! observation of the agent, told as such, that can allow nothing.

use super::{Output, Tool, field, input_of};
use crate::desk::Desk;
use crate::memory::{Memories, Remembered};
use crate::validate::slim;
use futures::future::BoxFuture;
use protocol::{Code, Failure, MemoryAuthor, MemoryKind, ToolKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Notes that one task may make.
const MOST: usize = 10;

/// The tool.
pub struct Remember;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// One sentence.
    text: String,
    #[serde(default)]
    kind: Kind,
    #[serde(default)]
    paths: Vec<String>,
}

// Its words would go out with every turn.
#[derive(Deserialize, JsonSchema, Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Note,
    Fix,
    Convention,
    Command,
}

impl From<Kind> for MemoryKind {
    fn from(kind: Kind) -> MemoryKind {
        match kind {
            Kind::Note => MemoryKind::Note,
            Kind::Fix => MemoryKind::Fix,
            Kind::Convention => MemoryKind::Convention,
            Kind::Command => MemoryKind::Command,
        }
    }
}

impl Tool for Remember {
    fn name(&self) -> &'static str {
        "remember"
    }

    fn about(&self) -> &'static str {
        "Note a lasting fact about this project for later tasks."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Think
    }

    fn schema(&self) -> Value {
        slim::<Input>()
    }

    fn title(&self, input: &Value) -> String {
        let text = llm::mask(field(input, "text"));
        let text: String = text.chars().take(80).collect();
        format!("remember {text:?}")
    }

    fn run<'a>(
        &'a self,
        input: Value,
        desk: &'a mut Desk<'_>,
    ) -> BoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let input: Input = input_of(input)?;
            let new = Remembered {
                kind: Some(input.kind.into()),
                text: input.text,
                paths: input.paths,
                by: MemoryAuthor::Agent,
                task: Some(desk.task.id.clone()),
            };
            let memories = desk.shared.memories.clone();
            let memory = desk.apart(move |_| noted(&memories, new)).await?;
            Ok(Output::from(format!(
                "noted as {}: {}",
                memory.id, memory.text
            )))
        })
    }
}

/// Keeps it, unless this task has noted too much.
fn noted(memories: &Memories, new: Remembered) -> Result<protocol::Memory, Failure> {
    let own = memories
        .list()?
        .iter()
        .filter(|one| one.task == new.task)
        .count();
    if own >= MOST {
        let full = Failure::new(
            Code::Denied,
            format!("this task has noted {MOST} things already"),
        );
        return Err(full.hint("go on with the task"));
    }
    memories.add(new)
}
