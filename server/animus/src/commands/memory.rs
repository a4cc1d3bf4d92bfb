//! `memory`: what is remembered of this project from one task to the next.

use crate::cli::Output;
use crate::compose::Compose;
use crate::print;
use crate::render::figure::plural;
use crate::render::style::{DIM, PLAIN, Painted, STRONG, clean, line};
use agent::Remembered;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use protocol::{Code, Failure, Memory, MemoryAuthor, MemoryKind};
use serde_json::json;
use std::io::{BufRead, IsTerminal};

/// See and change what is remembered of this project
#[derive(Debug, Subcommand)]
pub enum Memories {
    /// List what is remembered, oldest first
    List(List),
    /// Remember something for all later tasks in this project
    Add(Add),
    /// Find what is remembered about some words, best first
    Search(Search),
    /// Forget some of it, for good
    Forget(Forget),
    /// Forget all of it, for good
    Clear(Clear),
}

/// List what is remembered
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    of: Kind,
}

/// Remember something
#[derive(Debug, Args)]
pub struct Add {
    /// What to remember, in at most 1000 bytes
    #[arg(required = true)]
    words: Vec<String>,
    #[command(flatten)]
    of: Kind,
    /// A file or folder that it is about (repeatable)
    #[arg(long = "path", value_name = "PATH")]
    paths: Vec<String>,
}

/// Find what is remembered
#[derive(Debug, Args)]
pub struct Search {
    /// Plain words or identifiers
    #[arg(required = true)]
    words: Vec<String>,
    #[command(flatten)]
    of: Kind,
    /// At most this many
    #[arg(short = 'k', value_name = "N", default_value_t = 20)]
    k: usize,
}

/// Forget some of it
#[derive(Debug, Args)]
pub struct Forget {
    /// Ids, or beginnings of them that fit one only
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

/// Forget all of it
#[derive(Debug, Args)]
pub struct Clear {
    /// Do not ask
    #[arg(long, short = 'y')]
    yes: bool,
}

/// Of which kind.
#[derive(Debug, Args)]
pub struct Kind {
    /// note, fix (what made something right), convention (how things are done here) or command (what works here)
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(MemoryKind::ALL.map(MemoryKind::as_str)), hide_possible_values = true)]
    kind: Option<String>,
}

impl Kind {
    fn kind(&self) -> Option<MemoryKind> {
        self.kind.as_deref().and_then(MemoryKind::parse)
    }
}

/// Runs it.
pub fn run(args: &Memories, compose: &Compose) -> Result<u8, Failure> {
    let agent = compose.reader()?;
    match args {
        Memories::List(list) => {
            let mut all = agent.memories()?;
            all.retain(|one| list.of.kind().is_none_or(|kind| one.kind == kind));
            show(&all, "nothing is remembered here yet\n", compose);
        }
        Memories::Search(search) => {
            let found = agent.recall(&search.words.join(" "), search.of.kind(), search.k)?;
            show(&found, "nothing is remembered about that\n", compose);
        }
        Memories::Add(add) => {
            let memory = agent.remember(Remembered {
                kind: add.of.kind(),
                text: add.words.join(" "),
                paths: add
                    .paths
                    .iter()
                    .map(|path| super::run::below(compose.root(), path))
                    .collect(),
                by: MemoryAuthor::Person,
                task: None,
            })?;
            match compose.output() {
                Output::Json => print::json(&json!({ "memory": memory })),
                Output::Text => print::text(&block(&memory)),
            }
        }
        Memories::Forget(forget) => {
            let gone = agent.forget_memories(&forget.ids)?;
            match compose.output() {
                Output::Json => print::json(&json!({ "forgotten": gone })),
                Output::Text => {
                    for one in &gone {
                        print::text(&format!("forgotten: {}\n", line(&one.text)));
                    }
                }
            }
        }
        Memories::Clear(clear) => {
            if !clear.yes {
                sure(compose)?;
            }
            let count = agent.clear_memory()?;
            match compose.output() {
                Output::Json => print::json(&json!({ "cleared": count })),
                Output::Text => print::text(&match count {
                    0 => "nothing was remembered here\n".to_owned(),
                    count => format!("forgotten: {}\n", many(count)),
                }),
            }
        }
    }
    Ok(0)
}

/// Asks a person; without one the command needs its flag.
fn sure(compose: &Compose) -> Result<(), Failure> {
    let stdin = std::io::stdin();
    let refused = |message: &str| {
        Failure::new(Code::InvalidInput, message).hint("`--yes` clears without a question")
    };
    if compose.output() == Output::Json || !stdin.is_terminal() {
        return Err(refused(
            "nobody can be asked here whether all is to be forgotten",
        ));
    }
    print::warning(&format!(
        "Forget all that is remembered of {}? [y/N]",
        clean(compose.root().as_str())
    ));
    let mut answer = String::new();
    let _ = stdin.lock().read_line(&mut answer);
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::new(Code::Cancelled, "nothing was forgotten")),
    }
}

fn show(memories: &[Memory], none: &str, compose: &Compose) {
    match compose.output() {
        Output::Json => print::json(&json!({ "memories": memories })),
        Output::Text if memories.is_empty() => print::text(none),
        Output::Text => memories.iter().for_each(|one| print::text(&block(one))),
    }
}

fn block(memory: &Memory) -> String {
    let day = memory.created.get(..10).unwrap_or_default();
    let by = match memory.by {
        MemoryAuthor::Person => "by a person",
        MemoryAuthor::Agent => "by the agent",
    };
    let used = match memory.used {
        0 => "not used yet".to_owned(),
        used => format!(
            "used in {}",
            plural(usize::try_from(used).unwrap_or(usize::MAX), "task")
        ),
    };
    let paths = match memory.paths.is_empty() {
        true => String::new(),
        false => format!("  {}", line(&memory.paths.join(", "))),
    };
    let head = Painted(STRONG, line(&memory.id));
    let rest = Painted(DIM, format!("{}  {by}  {day}  {used}{paths}", memory.kind));
    format!(
        "{head}  {rest}\n    {}\n",
        Painted(PLAIN, line(&memory.text))
    )
}

/// So many memories, in words.
pub fn many(count: usize) -> String {
    match count {
        1 => "1 memory".to_owned(),
        count => format!("{count} memories"),
    }
}
