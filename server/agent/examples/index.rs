//! Index: one measurement of the index over a folder, as a JSON line; `cargo xtask bench search` starts it.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement: it changes files of a copy, and prints"
)]

use agent::{Knowledge, Life, Stage, ToolsConfig};
use camino::Utf8Path;
use serde_json::{Value, json};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use workspace::{Depth, Disk, Root, Sources, is_source_text};

/// Questions that are asked, and changes that are made.
const QUESTIONS: usize = 1_000;
const CHANGES: usize = 30;
/// Regions that a question asks for.
const REGIONS: usize = 20;
/// What is not found by then is a defect.
const LONGEST: Duration = Duration::from_secs(10);

type Answer<T> = Result<T, Box<dyn Error>>;

fn main() -> Answer<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let figures = match words.as_slice() {
        ["bare", root] => bare(&open(root)?)?,
        ["build", root, state] => build(&open(root)?, state)?,
        ["ask", root, state] => ask(&open(root)?, state)?,
        ["change", root, state] => change(&open(root)?, state)?,
        _ => {
            return Err(
                "usage: bare ROOT | build ROOT STATE | ask ROOT STATE | change ROOT STATE".into(),
            );
        }
    };
    println!("{figures}");
    Ok(())
}

fn open(root: &str) -> Answer<Root> {
    Ok(Root::open(Utf8Path::new(root))?)
}

/// Every text that the index would hold, parsed and nothing else; the texts are in memory before the clock starts.
fn bare(root: &Root) -> Answer<Value> {
    let longest = ToolsConfig::default().semantic_max_file_bytes as u64;
    let sources = Sources::of(root, longest, &|| true)?.ok_or("stopped")?;
    let texts: Vec<(String, String)> = sources
        .files
        .into_iter()
        .filter_map(|it| {
            let bytes = std::fs::read(root.absolute(&it.path)).ok()?;
            let text = is_source_text(&bytes).then(|| String::from_utf8(bytes).ok())??;
            Some((it.path.to_string(), text))
        })
        .collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let started = Instant::now();
    let (next, parsed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((path, text)) = texts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if index::bare_parse(path, text) {
                        parsed.fetch_add(text.len(), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    Ok(json!({
        "ms": ms(started.elapsed()),
        "files": texts.len(),
        "bytes": texts.iter().map(|it| it.1.len()).sum::<usize>(),
        "parsed": parsed.into_inner(),
        "threads": threads,
    }))
}

/// The index made ready: cold where the state folder has none, warm where it has one.
fn build(root: &Root, state: &str) -> Answer<Value> {
    let before = memory("RssAnon")?;
    let started = Instant::now();
    let knowledge = ready(root, state, Life::Once)?;
    let took = started.elapsed();
    let status = knowledge.status();
    knowledge.finish();
    // As the thread of a lasting index does.
    sandbox::give_back();
    Ok(json!({
        "ms": ms(took),
        "files": status.files,
        "bytes": status.bytes,
        "commits": status.commits,
        "steady": memory("RssAnon")?.saturating_sub(before),
        "peak": memory("VmHWM")?,
    }))
}

/// Questions are the subjects of the repository's own commits.
fn ask(root: &Root, state: &str) -> Answer<Value> {
    let before = memory("RssAnon")?;
    let knowledge = ready(root, state, Life::Once)?;
    knowledge.finish();
    sandbox::give_back();
    let steady = memory("RssAnon")?.saturating_sub(before);
    let depth = Depth {
        commits: QUESTIONS,
        files: 100,
        threads: 1,
    };
    let commits = workspace::history(root, depth, Vec::new(), &|| true)?.unwrap_or_default();
    let mut times: Vec<Duration> = commits
        .iter()
        .filter_map(|commit| commit.message.lines().next())
        .map(|subject| {
            let started = Instant::now();
            std::hint::black_box(knowledge.search_now(subject, REGIONS, &[]));
            started.elapsed()
        })
        .collect();
    times.sort();
    let at = |share: usize| {
        times
            .get(times.len() * share / 100)
            .copied()
            .unwrap_or_default()
    };
    Ok(json!({
        "questions": times.len(),
        "p50": ms(at(50)),
        "p99": ms(at(99)),
        "steady": steady,
        "bytes": knowledge.status().bytes,
    }))
}

/// From the moment a file was written until a name in it is found, the watch's way included.
fn change(root: &Root, state: &str) -> Answer<Value> {
    let knowledge = ready(root, state, Life::Lasting)?;
    let longest = ToolsConfig::default().semantic_max_file_bytes as u64;
    let sources = Sources::of(root, longest, &|| true)?.ok_or("stopped")?;
    let code: Vec<_> = sources
        .files
        .iter()
        .filter(|it| index::Language::of(it.path.as_str()) != index::Language::Text)
        .collect();
    let mut times = Vec::new();
    for round in 0..CHANGES {
        let source = code.get(round * code.len() / CHANGES).ok_or("no code")?;
        let full = root.absolute(&source.path);
        let name = format!("zyxomorph{round}");
        let text = std::fs::read_to_string(&full)? + &format!("\nfn {name}() {{}}\n");
        std::fs::write(&full, text)?;
        let started = Instant::now();
        while knowledge.search_now(&name, 1, &[]).hits.is_empty() {
            if started.elapsed() > LONGEST {
                return Err(format!("{} did not come in", source.path).into());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        times.push(started.elapsed());
    }
    times.sort();
    Ok(json!({
        "p50": ms(times[times.len() / 2]),
        "most": ms(times[times.len() - 1]),
    }))
}

fn ready(root: &Root, state: &str, life: Life) -> Answer<Knowledge> {
    let host = Arc::new(Disk::open(root.clone())?);
    let state = Arc::new(sandbox::Tree::create(Utf8Path::new(state))?);
    let knowledge = Knowledge::new(host, ToolsConfig::default(), Some(state), life);
    let mut progress = knowledge.progress();
    knowledge.start();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let over = progress.wait_for(|now| matches!(now.stage, Stage::Ready | Stage::Idle));
    let now = *runtime.block_on(over)?;
    match now.stage {
        Stage::Ready => Ok(knowledge),
        _ => Err("the index was not built".into()),
    }
}

/// A figure of this process in bytes: `RssAnon` is what it holds beside its program, `VmHWM` the most with it.
fn memory(key: &str) -> Answer<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(key));
    let figure = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(figure.ok_or("no such figure")?.parse::<u64>()? * 1024)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
