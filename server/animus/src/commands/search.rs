//! `search`: the regions of the current folder's code for some words, best first.

use crate::cli::Output;
use crate::compose::{Compose, runtime};
use crate::print;
use crate::render::bar::Bar;
use crate::render::style::{DIM, PLAIN, Painted, STRONG, WARN, clean, line};
use crate::roster::embeddings;
use crate::stops::Stops;
use agent::rewrite::{self, Heard, Planner, Wish};
use agent::{Knowledge, Life, Stage, ToolsConfig};
use clap::Args;
use index::{Hit, Signal};
use protocol::{Code, Failure, Level};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::BufRead;
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use workspace::{Host, RelPath};

/// Regions that are given where nobody says how many.
const USUAL: usize = 10;
/// Regions that are given in a batch, or looked at to fill a budget.
const DEEP: usize = 400;
/// Regions that are given at most.
const MOST: usize = 10_000;
/// Characters of a line that are shown.
const WIDEST: usize = 160;

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
    /// Answer JSON lines {"id","query"} from stdin with JSON lines {"id","ranked"} (default: 400 regions each)
    #[arg(long)]
    batch: bool,
    /// Read all files again, and keep no index in the state folder
    #[arg(long)]
    no_store: bool,
    /// Let the planner's model look for more words, and order the files that are found: two calls for each query
    #[arg(long)]
    rewrite: bool,
}

#[derive(Deserialize)]
struct Question {
    id: Value,
    query: String,
    /// Signals to leave out of the ranking, to measure what they are worth.
    #[serde(default)]
    without: Vec<String>,
}

/// Brings the index of the folder up to date, then answers.
pub fn run(args: &Search, compose: &Compose) -> Result<u8, Failure> {
    let embeddings = embeddings(&compose.load()?.settings)?;
    let knowledge = Arc::new(opened_with(compose, args.no_store, embeddings)?);
    let host = compose.disk()?;
    let planner = match args.rewrite {
        true => Some(Help::of(compose)?),
        false => None,
    };
    let find = |query: &str, without: &[Signal]| {
        if !without.contains(&Signal::Meaning) {
            knowledge.ponder_now(query);
        }
        warn(&knowledge);
        let hits = match &planner {
            None => knowledge.search_now(query, args.most(), without).hits,
            Some(planner) => planner.search(&knowledge, query, args, without),
        };
        cut_to(&knowledge, hits, args)
    };
    let code = match args.batch {
        true => answer_all(find),
        false => {
            show(
                &find(&args.words.join(" "), &[]),
                host.as_ref(),
                compose.output(),
            );
            Ok(0)
        }
    };
    knowledge.finish();
    code
}

/// The index of the folder, up to date; it is stored unless `no_store` says otherwise. Call `finish` on it in the end.
pub fn opened(compose: &Compose, no_store: bool) -> Result<Knowledge, Failure> {
    opened_with(compose, no_store, None)
}

/// The same, with the vectors of a model.
fn opened_with(
    compose: &Compose,
    no_store: bool,
    embeddings: Option<llm::Embeddings>,
) -> Result<Knowledge, Failure> {
    let limits = ToolsConfig {
        enable_semantic: true,
        ..compose.load()?.settings.tools
    };
    let state = match no_store {
        true => None,
        false => compose.state(compose.root()).ok(),
    };
    let host = compose.disk()?;
    let knowledge = Knowledge::with_embeddings(host, limits, state, Life::Once, embeddings);
    ready(&knowledge)?;
    Ok(knowledge)
}

/// Builds the index, or what is not stored of it, and its vectors, with a bar where a person waits.
fn ready(knowledge: &Knowledge) -> Result<(), Failure> {
    knowledge.start();
    runtime()?.block_on(async {
        let mut stops = Stops::new();
        let bar = Bar::new();
        tokio::select! {
            built = built(knowledge, &bar) => built?,
            () = stops.next() => {
                knowledge.stop();
                return Err(Failure::new(Code::Cancelled, "stopped; what was read so far is not kept"));
            }
        }
        tokio::select! {
            () = pondered(knowledge, &bar) => Ok(()),
            () = stops.next() => {
                knowledge.finish();
                Err(Failure::new(Code::Cancelled, "stopped; the embeddings that came are kept"))
            }
        }
    })
}

async fn built(knowledge: &Knowledge, bar: &Bar) -> Result<(), Failure> {
    let mut progress = knowledge.progress();
    loop {
        let now = *progress.borrow_and_update();
        match now.stage {
            Stage::Ready => return Ok(()),
            Stage::Idle => {
                let failure = Failure::new(Code::Io, "the files could not be indexed");
                return Err(failure.hint("the lines above, or logging.level: info, say why"));
            }
            Stage::Loading | Stage::Files | Stage::History => bar.show(now),
        }
        let _ = progress.changed().await;
    }
}

/// Waits for the vectors, where there are to be any; a server that fails ends the waiting.
async fn pondered(knowledge: &Knowledge, bar: &Bar) {
    let Some(mut progress) = knowledge.meaning() else {
        return;
    };
    loop {
        let now = *progress.borrow_and_update();
        if now.ready {
            return;
        }
        bar.show_meaning(now);
        let _ = progress.changed().await;
    }
}

/// Says why a search goes without vectors, once.
fn warn(knowledge: &Knowledge) {
    if let Some(problem) = knowledge.take_problem() {
        let text = clean(&problem).to_string();
        print::warning(&Painted(WARN, format!("warning: {text}")).to_string());
    }
}

fn answer_all(find: impl Fn(&str, &[Signal]) -> Vec<Hit>) -> Result<u8, Failure> {
    for (number, text) in std::io::stdin().lock().lines().enumerate() {
        let text =
            text.map_err(|error| Failure::new(Code::Io, format!("stdin cannot be read: {error}")))?;
        if text.trim().is_empty() {
            continue;
        }
        let question: Question = serde_json::from_str(&text).map_err(|error| {
            Failure::new(Code::InvalidInput, format!("line {}: {error}", number + 1))
                .hint("send {\"id\": …, \"query\": \"…\"}")
        })?;
        let without = signals(&question.without)?;
        let started = Instant::now();
        let ranked = find(&question.query, &without);
        let took = started.elapsed().as_secs_f64() * 1e3;
        print::json(&json!({ "id": question.id, "ranked": ranked, "query_ms": took }));
    }
    Ok(0)
}

fn show(hits: &[Hit], host: &dyn Host, output: Output) {
    match output {
        Output::Json => print::json(&hits),
        Output::Text if hits.is_empty() => print::text("nothing found; try other words\n"),
        Output::Text => {
            for hit in hits {
                print::text(&shown(hit, host));
            }
        }
    }
}

fn signals(names: &[String]) -> Result<Vec<Signal>, Failure> {
    let signal = |name: &String| {
        let found = Signal::ALL.into_iter().find(|it| it.name() == name);
        found.ok_or_else(|| {
            let all = Signal::ALL.map(Signal::name).join(", ");
            Failure::new(Code::InvalidInput, format!("there is no signal `{name}`"))
                .hint(format!("there are: {all}"))
        })
    };
    names.iter().map(signal).collect()
}

/// The regions as they are, or whole and with what is around them where a budget bounds them.
fn cut_to(knowledge: &Knowledge, hits: Vec<Hit>, args: &Search) -> Vec<Hit> {
    let Some(budget) = args.budget else {
        return hits;
    };
    let hit = |it: index::Region| Hit {
        path: it.path,
        start: it.start,
        end: it.end,
        score: it.score,
        why: it.why,
    };
    let chosen = agent::navigate::selected(knowledge, &hits, budget);
    chosen.into_iter().map(hit).collect()
}

impl Search {
    /// How many regions are looked for.
    fn most(&self) -> usize {
        let usual = match self.batch || self.budget.is_some() {
            true => DEEP,
            false => USUAL,
        };
        self.k.unwrap_or(usual).min(MOST)
    }
}

/// The planner's model, with what it takes to ask it from here.
struct Help {
    runtime: Runtime,
    models: Arc<llm::Models>,
}

impl Help {
    fn of(compose: &Compose) -> Result<Help, Failure> {
        let runtime = runtime()?;
        let settings = compose.load()?.settings;
        let models = runtime.block_on(compose.models(&settings))?.models;
        Ok(Help { runtime, models })
    }

    /// What the model was of no help with is said on stderr; the search then goes on without.
    fn search(
        &self,
        knowledge: &Arc<Knowledge>,
        query: &str,
        args: &Search,
        without: &[Signal],
    ) -> Vec<Hit> {
        let wish = Wish {
            words: query.to_owned(),
            k: args.most(),
            without: without.to_vec(),
        };
        let say = |heard: Heard<'_>| match heard {
            Heard::Notice(Level::Info, text) => {
                print::warning(&Painted(DIM, clean(&text)).to_string())
            }
            Heard::Notice(_, text) => print::warning(&Painted(WARN, clean(&text)).to_string()),
            Heard::Chunk(chunk) => tracing::info!(?chunk, "the planner's model"),
        };
        let models = self.models.for_run(0);
        let planner = Planner {
            models: &models,
            choice: None,
            cancel: &CancellationToken::new(),
            on: &say,
        };
        self.runtime
            .block_on(rewrite::search(knowledge, &planner, &wish))
    }
}

fn region(hit: &Hit, host: &dyn Host) -> Option<String> {
    let path = RelPath::new(&hit.path).ok()?;
    let content = host.read(&path).ok()??;
    let (start, end) = (hit.start as usize, hit.end as usize);
    let (text, _) = content.decoded().ok()?;
    Some(
        text.split_inclusive('\n')
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
    let first: String = first.chars().take(WIDEST).collect();
    let why = hit.why.join(", ");
    format!(
        "{}  {}\n    {}\n",
        Painted(STRONG, line(&place)),
        Painted(DIM, format!("{:.2}  {}", hit.score, line(&why))),
        Painted(PLAIN, line(&first))
    )
}
