//! `search`: the regions of the current folder's code for some words, best first.

use crate::cli::Output;
use crate::compose::Compose;
use crate::print;
use crate::render::style::{DIM, PLAIN, Painted, STRONG, line};
use clap::Args;
use index::{Hit, Index, Query};
use protocol::{Code, Failure};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::BufRead;
use workspace::{Host, RelPath, Snapshot};

/// Regions that are given where nobody says how many.
const USUAL: usize = 10;
/// Regions that are looked at to fill a budget.
const DEEP: usize = 400;
/// Bytes a token stands for, and what naming a region costs besides its path.
const TOKEN_BYTES: usize = 4;
const REGION_BYTES: usize = 12;

/// Find the code for some words
#[derive(Debug, Args)]
pub struct Search {
    /// Words, identifiers, a whole sentence
    #[arg(
        value_name = "QUERY",
        required_unless_present = "batch",
        conflicts_with = "batch"
    )]
    words: Vec<String>,
    /// How many regions at most (default: 10, or as many as the budget takes)
    #[arg(short, value_name = "N")]
    k: Option<usize>,
    /// How many tokens of text the regions may have together, 4 bytes each
    #[arg(long, value_name = "TOKENS")]
    budget: Option<usize>,
    /// Answer JSON lines {"id","query"} from stdin with JSON lines {"id","ranked"}
    #[arg(long)]
    batch: bool,
}

#[derive(Deserialize)]
struct Question {
    id: Value,
    query: String,
}

/// Builds the index of the folder, then answers.
pub fn run(args: &Search, compose: &Compose) -> Result<u8, Failure> {
    let limits = compose.load()?.settings.tools;
    let host = compose.disk()?;
    let snapshot = Snapshot::new(host.clone());
    let index = build(
        &snapshot,
        limits.semantic_max_files,
        limits.semantic_max_file_bytes,
    )?;
    let find = |query: &str| found(&index, host.as_ref(), query, args.k, args.budget);
    if args.batch {
        for (number, text) in std::io::stdin().lock().lines().enumerate() {
            let text = text.map_err(|error| {
                Failure::new(Code::Io, format!("stdin cannot be read: {error}"))
            })?;
            if text.trim().is_empty() {
                continue;
            }
            let question: Question = serde_json::from_str(&text).map_err(|error| {
                Failure::new(Code::InvalidInput, format!("line {}: {error}", number + 1))
                    .hint("send {\"id\": …, \"query\": \"…\"}")
            })?;
            print::json(&json!({ "id": question.id, "ranked": find(&question.query) }));
        }
        return Ok(0);
    }
    let query = args.words.join(" ");
    let hits = find(&query);
    match compose.output() {
        Output::Json => print::json(&hits),
        Output::Text if hits.is_empty() => print::text("nothing found; try other words\n"),
        Output::Text => {
            for hit in &hits {
                print::text(&shown(hit, host.as_ref()));
            }
        }
    }
    Ok(0)
}

/// An index of every readable text file.
pub fn build(snapshot: &Snapshot, max_files: usize, max_bytes: usize) -> Result<Index, Failure> {
    let files = snapshot
        .files()
        .map_err(|error| Failure::new(Code::Io, error.to_string()))?;
    let mut index = Index::new();
    for path in files.iter().take(max_files) {
        let Ok(Some(content)) = snapshot.read(path) else {
            continue;
        };
        if let Some(text) = content.text().ok().filter(|text| text.len() <= max_bytes) {
            index.update(path.as_str(), text);
        }
    }
    Ok(index)
}

fn found(
    index: &Index,
    host: &dyn Host,
    query: &str,
    k: Option<usize>,
    budget: Option<usize>,
) -> Vec<Hit> {
    let Some(budget) = budget else {
        return index.search(&Query::of(query), k.unwrap_or(USUAL));
    };
    let mut left = budget.saturating_mul(TOKEN_BYTES);
    let hits = index.search(&Query::of(query), k.unwrap_or(DEEP));
    hits.into_iter()
        .take_while(|hit| {
            let cost =
                hit.path.len() + REGION_BYTES + region(hit, host).map_or(0, |text| text.len());
            let fits = cost <= left;
            left = left.saturating_sub(cost);
            fits
        })
        .collect()
}

fn region(hit: &Hit, host: &dyn Host) -> Option<String> {
    let path = RelPath::new(&hit.path).ok()?;
    let content = host.read(&path).ok()??;
    let (start, end) = (hit.start as usize, hit.end as usize);
    Some(
        content
            .text()
            .ok()?
            .split_inclusive('\n')
            .skip(start.saturating_sub(1))
            .take((end + 1).saturating_sub(start))
            .collect(),
    )
}

fn shown(hit: &Hit, host: &dyn Host) -> String {
    let place = format!("{}:{}-{}", hit.path, hit.start, hit.end);
    let text = region(hit, host).unwrap_or_default();
    let first = text
        .lines()
        .find(|text| !text.trim().is_empty())
        .unwrap_or_default();
    let why = hit.why.join(", ");
    format!(
        "{}  {}\n    {}\n",
        Painted(STRONG, line(&place)),
        Painted(DIM, format!("{:.2}  {}", hit.score, line(&why))),
        Painted(PLAIN, line(first))
    )
}
