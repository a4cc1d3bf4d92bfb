//! Chosen: what the index finds for the words of a request, whole regions under a budget, each with why.

use super::Shown;
use crate::knowledge::{Knowledge, Stage, View};
use crate::rewrite::{self, Planner};
use index::Code;
use protocol::TaskRequest;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;
use workspace::{RelPath, Snapshot};

/// How long a task waits for an index that is being loaded or built.
const PATIENCE: Duration = Duration::from_secs(2);
/// Regions that are looked at to fill the budget.
const DEEP: usize = 100;
/// Definitions that use the one at the place, at most.
const MOST_USERS: usize = 10;
/// Bytes a token stands for.
const TOKEN_BYTES: usize = 4;
/// What a region costs in words and marks besides its lines and what selection counts, in bytes.
const MARKS: usize = 16;

/// What is looked for.
pub(crate) struct Wanted {
    pub(crate) request: TaskRequest,
    pub(crate) shown: Shown,
    /// Bytes.
    pub(crate) left: usize,
}

/// The regions as text for the model; empty where nothing is found, and where the index is not there in a moment. `planner`
/// is asked for its help, where there is one. Dropping it stops the waiting.
pub(crate) async fn choose(
    knowledge: &Arc<Knowledge>,
    snapshot: &Arc<Snapshot>,
    wanted: Wanted,
    planner: Option<Planner<'_>>,
) -> String {
    knowledge.start();
    let mut progress = knowledge.progress();
    let ready = progress.wait_for(|now| now.stage == Stage::Ready);
    if !matches!(tokio::time::timeout(PATIENCE, ready).await, Ok(Ok(_))) {
        return String::new();
    }
    let words = wanted.words();
    knowledge.ponder(&words).await;
    let hits = match planner.filter(|_| !words.trim().is_empty()) {
        None => None,
        Some(planner) => {
            let wish = rewrite::Wish {
                words: words.clone(),
                k: DEEP,
                ..rewrite::Wish::default()
            };
            Some(rewrite::search(knowledge, &planner, &wish).await)
        }
    };
    let (knowledge, snapshot) = (knowledge.clone(), snapshot.clone());
    let job = tokio::task::spawn_blocking(move || {
        knowledge.look(|view| {
            let texts = |path: &str| text(&snapshot, path);
            let users = wanted.users(view, &texts);
            let left = wanted.left.saturating_sub(users.len());
            let hits = hits.unwrap_or_else(|| match words.trim() {
                "" => Vec::new(),
                _ => view.search(&words, DEEP, &[]),
            });
            users + &wanted.regions(view, &texts, hits, left)
        })
    });
    job.await.unwrap_or_default()
}

impl Wanted {
    /// Who uses the definition at the place.
    fn users(&self, view: &View<'_>, texts: &index::Texts<'_>) -> String {
        let Some(target) = &self.request.target else {
            return String::new();
        };
        let Some(source) = texts(&target.path) else {
            return String::new();
        };
        let symbol = index::symbol_at(&target.path, &source, target.start_line);
        let Some(symbol) = symbol else {
            return String::new();
        };
        let name = match &symbol.container {
            Some(container) => format!("{container}::{}", symbol.name),
            None => symbol.name,
        };
        let users = Code::of(view.index(), texts).users(&name, MOST_USERS);
        match users.is_empty() {
            true => String::new(),
            false => {
                let list: Vec<String> = users.iter().map(crate::navigate::short).collect();
                format!("\n{name} is used in: {}\n", list.join(", "))
            }
        }
    }

    /// The words that are looked for.
    fn words(&self) -> String {
        let mut words = self.request.prompt.clone();
        if let Some(symbol) = self
            .request
            .target
            .as_ref()
            .and_then(|it| it.symbol.as_ref())
        {
            let _ = write!(words, " {symbol}");
        }
        // A key that stood there is no word to look for.
        words.replace(llm::MASK, " ")
    }

    /// What the words find.
    fn regions(
        &self,
        view: &View<'_>,
        texts: &index::Texts<'_>,
        mut hits: Vec<index::Hit>,
        left: usize,
    ) -> String {
        hits.retain(|it| !self.shown.has(&it.path, it.start, it.end));
        let mut text = String::new();
        for it in index::select(view.index(), &hits, texts, left / TOKEN_BYTES) {
            let why = it.why.join("; ");
            let lines = it.text.trim_end_matches('\n');
            let region = format!(
                "\n{}:{}-{} ({why})\n```\n{lines}\n```\n",
                it.path, it.start, it.end
            );
            if text.len() + region.len() + MARKS <= left {
                text.push_str(&region);
            }
        }
        match text.is_empty() {
            true => text,
            false => format!("\nFound for these words:\n{text}"),
        }
    }
}

/// A file's text as the draft will have it; `None` for what may hold secrets.
fn text(snapshot: &Snapshot, path: &str) -> Option<Arc<str>> {
    let known = RelPath::new(path).ok();
    let path = known.filter(|it| !workspace::is_secret(it))?;
    super::text_of(snapshot, &path).ok().map(Arc::from)
}
