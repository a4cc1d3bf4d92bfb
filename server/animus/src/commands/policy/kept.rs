//! Kept answers: what a person allowed for longer than a session, in this workspace and in all of them, and the way to take it
//! back.

use crate::cli::Output;
use crate::compose::Compose;
use crate::print;
use crate::render::style::{BAD, DIM, GOOD, Painted, STRONG, line};
use agent::Kept;
use clap::Args;
use protocol::{Code, Failure};
use serde_json::json;

/// List what was allowed for longer than a session
#[derive(Debug, Args)]
pub struct List {}

/// Take back what was allowed
#[derive(Debug, Args)]
pub struct Forget {
    /// The id that `animus policy list` shows
    #[arg(value_name = "ID", required_unless_present = "all")]
    id: Option<String>,
    /// Everything, in this workspace and in all of them
    #[arg(long, conflicts_with = "id")]
    all: bool,
}

/// Prints every grant with its id.
pub fn list(_: &List, compose: &Compose) -> Result<u8, Failure> {
    let mut rows = Vec::new();
    for (scope, kept) in places(compose)? {
        for one in kept.list()? {
            rows.push(json!({
                "id": one.id, "scope": scope, "kind": "command", "allowed": true,
                "program": one.grant.program, "prefix": one.grant.prefix, "line": one.line, "at": one.at,
            }));
        }
        for one in kept.trusted()? {
            rows.push(json!({
                "id": one.id, "scope": scope, "kind": "setting", "allowed": one.allowed,
                "key": one.key, "value": one.value, "at": one.at,
            }));
        }
    }
    if compose.output() == Output::Json {
        print::json(&json!({ "kept": rows }));
        return Ok(0);
    }
    if rows.is_empty() {
        print::text("nothing is allowed beyond a session\n");
    }
    for row in &rows {
        let text = |key: &str| row[key].as_str().unwrap_or_default();
        let what = match text("kind") {
            "setting" => format!("{}: {}", text("key"), text("value")),
            _ => {
                let words = row["prefix"].as_array().into_iter().flatten();
                let words = words.filter_map(|word| word.as_str());
                [text("program")]
                    .into_iter()
                    .chain(words)
                    .collect::<Vec<_>>()
                    .join(" ")
            }
        };
        let (style, word) = match row["allowed"].as_bool() {
            Some(true) => (GOOD, "allow"),
            _ => (BAD, "never"),
        };
        print::text(&format!(
            "{} {} {}  {}\n",
            Painted(STRONG, text("id")),
            Painted(style, word),
            line(&what),
            Painted(DIM, format!("{}, {}", text("scope"), text("at")))
        ));
    }
    Ok(0)
}

/// Takes one back, or all. Exit code 1 where there is none of that id.
pub fn forget(args: &Forget, compose: &Compose) -> Result<u8, Failure> {
    let mut gone = 0;
    for (_, kept) in places(compose)? {
        gone += kept.forget(args.id.as_deref())?;
    }
    if let (0, Some(id)) = (gone, &args.id) {
        let failure = Failure::new(Code::NotFound, format!("nothing with the id {id} is kept"));
        return Err(failure.hint("`animus policy list` shows what there is"));
    }
    match compose.output() {
        Output::Json => print::json(&json!({ "forgotten": gone })),
        Output::Text => print::text(&format!("taken back: {gone}\n")),
    }
    Ok(0)
}

fn places(compose: &Compose) -> Result<[(&'static str, Kept); 2], Failure> {
    Ok([
        ("workspace", Kept::new(compose.state(compose.root())?)),
        ("always", Kept::new(compose.home()?)),
    ])
}
