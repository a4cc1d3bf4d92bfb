//! Rewrite: what the planner's model adds to a search: words that the code may use, then an order of the files that were
//! found. Two short calls at most, bounded in size and time; whatever fails, the search goes on with the words as they were.

use crate::failure::of_model;
use crate::knowledge::{Knowledge, View};
use crate::prompt;
use index::{Hit, Signal};
use llm::{Chunk, Models, Role};
use protocol::Level;
use serde_json::Value;
use std::collections::HashSet;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Tokens that one answer may have.
const MOST_TOKENS: u32 = 500;
/// Bytes of a question that the model sees.
const MOST_QUESTION: usize = 4_000;
/// Bytes of the list of files that the model sees.
const MOST_LIST: usize = 8_000;
/// Words that are taken from an answer, and characters of each.
const MOST_WORDS: usize = 24;
const LONGEST_WORD: usize = 64;
/// Files that are put in order, and names that are told of each.
const MOST_FILES: usize = 30;
const MOST_NAMES: usize = 6;
/// Regions that are looked at for these files.
const DEEP: usize = 200;

/// The model that is asked, and who hears what it costs.
pub struct Planner<'p> {
    /// The models of this run.
    pub models: &'p Models,
    /// Which of them, where somebody said so; else the planner's.
    pub choice: Option<&'p str>,
    /// Ends a call.
    pub cancel: &'p CancellationToken,
    /// Hears what happens.
    pub on: &'p (dyn Fn(Heard<'_>) + Sync),
}

/// What happens while the planner's model is asked.
#[derive(Debug)]
pub enum Heard<'h> {
    /// An attempt that is over, a retry, or another model that is asked.
    Chunk(Chunk<'h>),
    /// What came of a turn, in words for people.
    Notice(Level, String),
}

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Plain words.
    pub words: String,
    /// How many regions at most.
    pub k: usize,
    /// Signals that are left out.
    pub without: Vec<Signal>,
}

/// The best regions with the planner's help, best first; as without it where it is of none. The index should be ready.
pub async fn search(knowledge: &Arc<Knowledge>, planner: &Planner<'_>, wish: &Wish) -> Vec<Hit> {
    let also = planner.words(&wish.words).await.unwrap_or_default();
    let (asked, of) = (knowledge.clone(), wish.clone());
    let job = tokio::task::spawn_blocking(move || {
        asked.look(|view| {
            let k = of.k.max(DEEP);
            let hits = view.search_also(&of.words, &also, k, &of.without);
            let files = listed(view, &hits);
            (hits, files)
        })
    });
    let (mut hits, files) = job.await.unwrap_or_default();
    if files.len() > 1
        && let Some(order) = planner.order(&wish.words, &files).await
    {
        hits = ordered(hits, &order);
    }
    hits.truncate(wish.k);
    hits
}

impl Planner<'_> {
    /// Words that the code may use; none where the model is of no help.
    async fn words(&self, question: &str) -> Option<String> {
        let text = format!("Question:\n{}", cut(question, MOST_QUESTION));
        let answer = self.ask(prompt::REWRITE, text).await?;
        let words = words_in(&answer);
        if words.is_empty() {
            self.of_no_help("its words could not be read");
            return None;
        }
        self.notice(Level::Info, format!("the search looks also for: {words}"));
        Some(words)
    }

    /// The files that matter, the most important first; none where the model is of no help.
    async fn order(&self, question: &str, files: &[(String, String)]) -> Option<Vec<String>> {
        let mut text = format!("Question:\n{}\n\nFiles:\n", cut(question, MOST_QUESTION));
        let mut left = MOST_LIST;
        for (path, names) in files {
            let line = match names.is_empty() {
                true => format!("{path}\n"),
                false => format!("{path}: {names}\n"),
            };
            if line.len() > left {
                break;
            }
            left -= line.len();
            text.push_str(&line);
        }
        let answer = self.ask(prompt::ORDER, text).await?;
        let order = files_in(&answer, files);
        if order.is_empty() {
            self.of_no_help("its order of the files could not be read");
            return None;
        }
        let first = order.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        self.notice(
            Level::Info,
            format!("of the files found, these come first: {first}"),
        );
        Some(order)
    }

    /// One turn; none where there was no answer, which is told unless somebody cancelled.
    async fn ask(&self, system: &str, text: String) -> Option<String> {
        let request = llm::Request {
            system: Arc::from(system),
            messages: vec![llm::Message::User {
                text: llm::mask(&text).into_owned(),
            }],
            tools: Arc::from([]),
            answer_schema: None,
            max_tokens: Some(MOST_TOKENS),
        };
        let mut hear = |chunk: Chunk<'_>| {
            if !matches!(chunk, Chunk::Text(_) | Chunk::Reasoning(_)) {
                (self.on)(Heard::Chunk(chunk));
            }
        };
        // A call that is dropped tells nothing of what it used; one that is cancelled does.
        let limit = self.cancel.child_token();
        let asked = self
            .models
            .complete(Role::Planner, self.choice, &request, &limit, &mut hear);
        let mut asked = std::pin::pin!(asked);
        match tokio::time::timeout(PATIENCE, &mut asked).await {
            Err(_) => {
                limit.cancel();
                let _ = asked.await;
                let seconds = PATIENCE.as_secs();
                self.of_no_help(&format!("it gave no answer within {seconds} s"));
                None
            }
            Ok(Err(llm::Error::Cancelled)) => None,
            Ok(Err(error)) => {
                self.of_no_help(&of_model(&error).message);
                None
            }
            Ok(Ok(reply)) => Some(reply.text),
        }
    }

    fn of_no_help(&self, why: &str) {
        self.notice(
            Level::Warning,
            format!("the planner's model was of no help to the search: {why}"),
        );
    }

    fn notice(&self, level: Level, message: String) {
        (self.on)(Heard::Notice(level, message));
    }
}

/// The best files with names that they define, those of the best regions first.
fn listed(view: &View<'_>, hits: &[Hit]) -> Vec<(String, String)> {
    let mut files: Vec<&str> = Vec::new();
    for hit in hits {
        if files.len() < MOST_FILES && !files.contains(&hit.path.as_str()) {
            files.push(&hit.path);
        }
    }
    let names = |path: &&str| {
        let defined = view.index().defined_in(path);
        let is_found = |line: u32| {
            let mut here = hits.iter().filter(|hit| hit.path == **path);
            here.any(|hit| hit.start <= line && line <= hit.end)
        };
        let (best, rest): (Vec<_>, Vec<_>) = defined.into_iter().partition(|it| is_found(it.start));
        let mut names: Vec<String> = Vec::new();
        for it in best.into_iter().chain(rest) {
            if names.len() < MOST_NAMES && !names.contains(&it.name) {
                names.push(it.name);
            }
        }
        ((*path).to_owned(), names.join(", "))
    };
    files.iter().map(names).collect()
}

/// The best region of each file in `order` comes first; the rest keeps its order. Scores never rise from one to the next.
fn ordered(hits: Vec<Hit>, order: &[String]) -> Vec<Hit> {
    let place = |path: &str| order.iter().position(|it| it == path);
    let mut first: Vec<Option<Hit>> = vec![None; order.len()];
    let mut rest = Vec::with_capacity(hits.len());
    for hit in hits {
        match place(&hit.path).and_then(|at| first.get_mut(at)) {
            Some(slot) if slot.is_none() => *slot = Some(hit),
            _ => rest.push(hit),
        }
    }
    let mut all: Vec<Hit> = first.into_iter().flatten().chain(rest).collect();
    let mut least = f64::NEG_INFINITY;
    for hit in all.iter_mut().rev() {
        least = least.max(hit.score);
        hit.score = least;
    }
    all
}

fn words_in(answer: &str) -> String {
    let mut all = String::new();
    let mut seen = HashSet::new();
    for word in list_in(answer, "words").into_iter().take(MOST_WORDS) {
        let word: String = word
            .chars()
            .map(|char| if char.is_control() { ' ' } else { char })
            .take(LONGEST_WORD)
            .collect();
        let word = word.trim();
        if !word.is_empty() && seen.insert(word.to_owned()) {
            let space = if all.is_empty() { "" } else { " " };
            let _ = write!(all, "{space}{word}");
        }
    }
    all
}

fn files_in(answer: &str, files: &[(String, String)]) -> Vec<String> {
    let mut order: Vec<String> = Vec::new();
    for path in list_in(answer, "files") {
        let is_known = files.iter().any(|(known, _)| *known == path);
        if is_known && !order.contains(&path) {
            order.push(path);
        }
    }
    order
}

/// The texts under `key` of the first JSON object in an answer that has it, whatever stands around it.
fn list_in(answer: &str, key: &str) -> Vec<String> {
    let list = |(at, _): (usize, &str)| {
        let value = serde_json::Deserializer::from_str(&answer[at..])
            .into_iter::<Value>()
            .next()?
            .ok()?;
        value.get(key)?.as_array().cloned()
    };
    let found = answer.match_indices('{').find_map(list).unwrap_or_default();
    let texts = found.iter().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whatever_stands_around_them() {
        for (answer, words) in [
            (
                r#"{"words":["retry_policy","backoff"]}"#,
                "retry_policy backoff",
            ),
            (
                "Sure {x}:\n```json\n{\"words\": [\"a\", \"a\", 3, \" \", \"b\\nc\"]}\n```",
                "a b c",
            ),
            (r#"{"words":"none"}"#, ""),
            (r#"{"other":["a"]}"#, ""),
            ("retry, backoff", ""),
            (r#"{"words":["cut"#, ""),
        ] {
            assert_eq!(words_in(answer), words, "{answer}");
        }
        let many: Vec<String> = (0..99).map(|n| format!("w{n}{}", "x".repeat(99))).collect();
        let words = words_in(&serde_json::json!({ "words": many }).to_string());
        assert_eq!(words.split(' ').count(), MOST_WORDS);
        assert!(words.len() <= MOST_WORDS * (LONGEST_WORD + 1));
    }

    #[test]
    fn an_order_brings_files_forward_and_invents_none() {
        let hit = |path: &str, start: u32, score: f64| Hit {
            path: path.into(),
            start,
            end: start,
            score,
            why: Vec::new(),
        };
        let hits = vec![
            hit("a", 1, 9.0),
            hit("b", 1, 8.0),
            hit("a", 5, 7.0),
            hit("c", 1, 6.0),
            hit("c", 5, 5.0),
        ];
        let files: Vec<(String, String)> = ["a", "b", "c"]
            .map(|it| (it.to_owned(), String::new()))
            .into();
        let order = files_in(r#"{"files":["c","nowhere","c","b"]}"#, &files);
        assert_eq!(order, ["c", "b"]);
        let told = ordered(hits, &order);
        let places: Vec<_> = told.iter().map(|it| (it.path.as_str(), it.start)).collect();
        assert_eq!(places, [("c", 1), ("b", 1), ("a", 1), ("a", 5), ("c", 5)]);
        assert!(told.is_sorted_by(|a, b| a.score >= b.score), "{told:?}");
    }
}
