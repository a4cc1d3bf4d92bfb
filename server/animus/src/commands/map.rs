//! `map`: the files of a folder with their symbols, in the order of the files; or in few words what most of them use.

use crate::cli::Output;
use crate::commands::search::opened;
use crate::compose::Compose;
use crate::print;
use crate::render::style::{DIM, Painted, STRONG, line};
use camino::Utf8PathBuf;
use clap::Args;
use protocol::{Code, Failure};
use serde_json::{Value, json};
use std::fmt::Write;
use workspace::Snapshot;

/// List files with their symbols
#[derive(Debug, Args)]
pub struct Map {
    /// Folder to list (default: the current one)
    folder: Option<Utf8PathBuf>,
    /// Only what most files use, with signatures, in at most so many tokens of 4 bytes
    #[arg(long, value_name = "TOKENS")]
    budget: Option<usize>,
}

/// Parses every file whose language is known.
pub fn run(args: &Map, compose: &Compose) -> Result<u8, Failure> {
    let folder = match &args.folder {
        None => compose.root().to_owned(),
        Some(folder) => compose
            .root()
            .join(folder)
            .canonicalize_utf8()
            .map_err(|error| {
                Failure::new(Code::NotFound, format!("{folder}: {error}"))
                    .hint("name an existing folder")
            })?,
    };
    if let Some(budget) = args.budget {
        return compact(budget, &compose.at(&folder));
    }
    let snapshot = Snapshot::new(compose.at(&folder).disk()?);
    let files = snapshot
        .files()
        .map_err(|error| Failure::new(Code::Io, error.to_string()))?;
    let mut listed: Vec<Value> = Vec::new();
    let mut text = String::new();
    for path in files.iter() {
        let Ok(Some(content)) = snapshot.read(path) else {
            continue;
        };
        let Ok(source) = content.text() else { continue };
        let symbols = index::outline(path.as_str(), source);
        match compose.output() {
            Output::Json => listed.push(json!({ "path": path.as_str(), "symbols": symbols })),
            Output::Text => {
                let _ = writeln!(text, "{}", Painted(STRONG, line(path.as_str())));
                for symbol in &symbols {
                    let lines = format!("{:>5}-{:<5}", symbol.start, symbol.end);
                    let inset = if symbol.container.is_some() { "  " } else { "" };
                    let _ = writeln!(
                        text,
                        "{} {inset}{}",
                        Painted(DIM, lines),
                        line(&symbol.signature)
                    );
                }
            }
        }
    }
    match compose.output() {
        Output::Json => print::json(&listed),
        Output::Text => print::text(&text),
    }
    Ok(0)
}

/// The most used definitions by file, the file with the most used one first.
fn compact(budget: usize, compose: &Compose) -> Result<u8, Failure> {
    let knowledge = opened(compose, false)?;
    let files = agent::navigate::ask(&knowledge, |code| Ok(code.map(budget)))?;
    knowledge.finish();
    match compose.output() {
        Output::Json => print::json(&files),
        Output::Text => {
            let mut text = String::new();
            for file in &files {
                let _ = writeln!(text, "{}", Painted(STRONG, line(&file.path)));
                for it in &file.symbols {
                    let start = format!("{:>5}", it.start);
                    let _ = writeln!(text, "{} {}", Painted(DIM, start), line(&it.signature));
                }
            }
            print::text(&text);
        }
    }
    Ok(0)
}
