//! Completion: what belongs at the cursor while a person types. It asks the model that is named for it and no other, is no task, and
//! changes nothing.
//!
//! Invariant: nothing of a file that may hold secrets or is ignored goes out, and nothing unmasked; giving up closes the connection; whoever types
//! through a suggestion is answered from memory; what fails is told once, and then rests.

use crate::config::CompletionConfig;
use crate::events::Log;
use crate::failure::of_model;
use crate::feed::Signal;
use crate::knowledge::Knowledge;
use cache::Cache;
use llm::{Attempt, Chunk, Error, Gap, Known, Models};
use parking_lot::Mutex;
use protocol::{CompletionView, Level};
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use workspace::{RelPath, Root};

mod cache;
mod cut;
mod near;
mod sight;

/// How long a server that failed is left alone: at first, and at most where it does not say.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Failures in a row of which a person is told, whatever they are.
const TOLD_AFTER: u32 = 3;

/// A cursor, and the text around it as the person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The file.
    pub path: RelPath,
    /// Its language as the editor names it; may be empty.
    pub language: String,
    /// Bytes of the text before the cursor, all of them.
    pub at: usize,
    /// The end of these: at least as far as [`Completion::reach`] says, so that a key is seen whole before it is masked.
    pub before: String,
    /// What stands behind the cursor, as far.
    pub after: String,
    /// Whether the person asked for it, so that no pause of typing is waited for.
    pub asked: bool,
}

/// Why a suggestion does not come, where it never will.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Off {
    /// The configuration says so.
    Disabled,
    /// No model is named for it, or there is none at all.
    Unnamed(String),
}

/// The completion of one agent.
pub struct Completion {
    config: CompletionConfig,
    models: Result<Models, Off>,
    /// The workspace's folder.
    root: Root,
    known: OnceLock<Known>,
    knowledge: Arc<Knowledge>,
    log: Arc<Log>,
    cache: Mutex<Cache>,
    rest: Mutex<Rest>,
    /// What was told, so that it is told once.
    told: Mutex<BTreeSet<&'static str>>,
    tally: Mutex<CompletionView>,
}

/// When the model is asked again after a failure.
#[derive(Debug, Default)]
struct Rest {
    until: Option<Instant>,
    /// Failures in a row.
    failures: u32,
}

impl Completion {
    pub(crate) fn new(
        config: CompletionConfig,
        models: Result<&Arc<Models>, &protocol::Failure>,
        knowledge: Arc<Knowledge>,
        log: Arc<Log>,
        root: Root,
    ) -> Completion {
        let named = |models: &Arc<Models>| match models.first_choice(llm::Role::Completer, None) {
            // A run of its own: what completion spends is in no task's sum.
            Some(model) => Ok((models.for_run(0), model)),
            None => Err(Off::Unnamed(
                "set strategy.completer_model to a model that may be asked while you type".into(),
            )),
        };
        let models = match (config.enabled, models) {
            (false, _) => Err(Off::Disabled),
            (true, Err(failure)) => Err(Off::Unnamed(failure.message.clone())),
            (true, Ok(models)) => named(models),
        };
        let tally = CompletionView {
            model: models.as_ref().ok().map(|(_, model)| model.clone()),
            ..CompletionView::default()
        };
        let models = models.map(|(models, _)| models);
        Completion {
            config,
            models,
            root,
            known: OnceLock::new(),
            knowledge,
            log,
            cache: Mutex::default(),
            rest: Mutex::default(),
            told: Mutex::default(),
            tally: Mutex::new(tally),
        }
    }

    /// Whether suggestions come. Where the configuration wants them and they cannot, that is told, once.
    pub fn is_on(&self) -> bool {
        match &self.models {
            Ok(_) => true,
            Err(Off::Disabled) => false,
            Err(Off::Unnamed(why)) => {
                self.tell(
                    "unnamed",
                    format!("completion is enabled, but no model completes: {why}"),
                );
                false
            }
        }
    }

    /// The `completion` section.
    pub fn config(&self) -> &CompletionConfig {
        &self.config
    }

    /// Bytes before and behind a cursor that are to be told: more than a model is shown.
    pub fn reach(&self) -> (usize, usize) {
        let reach = |shown: usize| shown.saturating_add(sight::MARGIN);
        (
            reach(self.config.prefix_bytes),
            reach(self.config.suffix_bytes),
        )
    }

    /// The figures; none where completion is not enabled.
    pub fn view(&self) -> Option<CompletionView> {
        self.config.enabled.then(|| self.tally.lock().clone())
    }

    /// What belongs at the cursor; none where nothing does, or somebody gave up. Waits for the pause of typing and for the model, and no
    /// longer than `timeout_ms`.
    pub async fn suggest(&self, cursor: Cursor, cancel: &CancellationToken) -> Option<String> {
        let models = self.models.as_ref().ok()?;
        if !self.is_wanted(&cursor) {
            return None;
        }
        if let Some(rest) = self.cache.lock().rest_of(&cursor) {
            self.tally.lock().remembered += 1;
            return Some(rest);
        }
        if !cursor.asked {
            let pause = Duration::from_millis(self.config.debounce_ms);
            cancel
                .run_until_cancelled(tokio::time::sleep(pause))
                .await?;
        }
        let until = self.rest.lock().until;
        if until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let gap = self.gap(&cursor).await?;
        if cancel.is_cancelled() {
            return None;
        }
        let reply = self.ask(models, &gap, &cursor, cancel).await;
        let text = match reply {
            Ok(text) => text,
            Err(Error::Cancelled) => {
                self.tally.lock().given_up += 1;
                return None;
            }
            Err(error) => {
                self.failed(&error);
                return None;
            }
        };
        *self.rest.lock() = Rest::default();
        let shape = cut::Shape::of(&cursor.before, &cursor.after, self.config.max_lines);
        let fit = shape.fit(&text);
        let mut tally = self.tally.lock();
        match &fit {
            Some(_) => tally.suggested += 1,
            None => tally.empty += 1,
        }
        drop(tally);
        if let Some(text) = &fit {
            self.cache.lock().keep(&cursor, text);
        }
        fit
    }

    /// Whether the model is to be asked about this place at all.
    fn is_wanted(&self, cursor: &Cursor) -> bool {
        let has = |list: &[String]| list.contains(&cursor.language);
        let CompletionConfig {
            languages,
            except_languages,
            ..
        } = &self.config;
        let is_spoken = (languages.is_empty() || has(languages)) && !has(except_languages);
        // Nothing follows from nothing.
        let is_blank = cursor.before.trim().is_empty() && cursor.after.trim().is_empty();
        // In the middle of a word nobody waits for one.
        let is_inside = cursor
            .after
            .starts_with(|next: char| next.is_alphanumeric() || next == '_');
        is_spoken
            && !is_blank
            && (cursor.asked || !is_inside)
            && !workspace::is_secret(&cursor.path)
    }

    /// What the model is shown: masked, and bounded by the configuration; none where it may be shown nothing.
    async fn gap(&self, cursor: &Cursor) -> Option<Gap> {
        let known = self.known.get_or_init(|| {
            let values = crate::memory::environment_values(self.root.path());
            let keys = self.models.iter().flat_map(Models::keys);
            Known::new(keys.map(str::to_owned).chain(values))
        });
        let most = (self.config.prefix_bytes, self.config.suffix_bytes);
        let (root, place, keys) = (self.root.clone(), cursor.clone(), known.clone());
        let job = tokio::task::spawn_blocking(move || {
            sight::may_show(&root, &place.path).then(|| sight::around(&place, &keys, most))
        });
        let (before, after) = job.await.ok()??.or_else(|| {
            tracing::debug!("not asked: the cursor is in a key");
            None
        })?;
        let near = near::find(&self.knowledge, cursor, known, self.config.related_bytes).await;
        Some(Gap {
            path: cursor.path.as_str().to_owned(),
            language: cursor.language.clone(),
            before,
            after,
            near,
            one_line: cut::Shape::of(&cursor.before, &cursor.after, self.config.max_lines).one_line,
        })
    }

    async fn ask(
        &self,
        models: &Models,
        gap: &Gap,
        cursor: &Cursor,
        cancel: &CancellationToken,
    ) -> Result<String, Error> {
        let mut was_sent = false;
        let shape = cut::Shape::of(&cursor.before, &cursor.after, self.config.max_lines);
        let enough = |text: &str| shape.is_enough(text);
        let mut hear = |chunk: Chunk<'_>| {
            was_sent |= matches!(chunk, Chunk::Attempt(_));
            self.heard(chunk);
        };
        let limit = cancel.child_token();
        let most = self.config.max_tokens;
        self.tally.lock().asked += 1;
        let asked = models.fill(gap, most, &enough, &limit, &mut hear);
        let mut asked = Box::pin(asked);
        let patience = Duration::from_millis(self.config.timeout_ms);
        let reply = match tokio::time::timeout(patience, &mut asked).await {
            Ok(reply) => reply,
            Err(_) => {
                // What is cancelled is settled by what it used; what is dropped only by what it might have.
                limit.cancel();
                match (&mut asked).await {
                    // Nobody gave up but this clock.
                    Err(Error::Cancelled) if !cancel.is_cancelled() => Err(Error::Timeout {
                        provider: self.tally.lock().model.clone().unwrap_or_default(),
                        after: patience,
                    }),
                    reply => reply,
                }
            }
        };
        drop(asked);
        // A call that a cap refuses is none.
        if !was_sent {
            self.tally.lock().asked -= 1;
        }
        reply.map(|reply| reply.text)
    }

    fn heard(&self, chunk: Chunk<'_>) {
        match chunk {
            Chunk::Attempt(Attempt {
                usage,
                cost_micro_usd,
                model,
                failure,
                took,
                ..
            }) => {
                tracing::debug!(model, ?took, ?failure, "a completion is over");
                let mut tally = self.tally.lock();
                match (usage, cost_micro_usd) {
                    (Some(_), Some(cost)) => {
                        tally.spent_micro_usd = tally.spent_micro_usd.saturating_add(cost);
                    }
                    (Some(_), None) => tally.unpriced_calls += 1,
                    (None, _) => {}
                }
            }
            Chunk::BudgetWarning {
                scope,
                spent,
                limit,
            } => {
                let (spent, limit) = (micro(spent), micro(limit));
                let words =
                    format!("completion: {spent} of the {limit} for this {scope} are spent");
                self.tell(warned(scope), words);
            }
            Chunk::Uncounted { model } => self.tell(
                "uncounted",
                format!("completion: {model} has no price, so no budget counts it"),
            ),
            Chunk::Fallback { from, to, reason } => {
                tracing::info!(from, to, reason, "another model completes");
            }
            Chunk::Breaker { model, state } => {
                tracing::info!(model, state = state.as_str(), "a breaker changed");
            }
            Chunk::Text(_) | Chunk::Reasoning(_) | Chunk::Retry { .. } => {}
        }
    }

    /// Tells of a failure where a person can do something about it, and lets the server rest.
    fn failed(&self, error: &Error) {
        self.tally.lock().failed += 1;
        let class = error.class();
        // Nothing goes out then, so nothing needs a rest; a raised cap or a new day counts at once.
        if class == "budget" {
            self.tell(class, format!("completion stops: {}", unpaid(error)));
            return;
        }
        if matches!(
            class,
            "auth" | "invalid" | "quota" | "config" | "no_model" | "script"
        ) {
            let failure = of_model(error);
            self.tell(
                class,
                format!("completion does not work: {}", failure.message),
            );
        } else {
            tracing::info!(%error, "a completion failed");
        }
        let mut rest = self.rest.lock();
        let asked = match error {
            Error::RateLimited { retry_after, .. } | Error::Overloaded { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        };
        let grown = FIRST_REST.saturating_mul(1 << rest.failures.min(6));
        let time = asked.unwrap_or(grown.min(LONGEST_REST));
        rest.until = Instant::now().checked_add(time);
        rest.failures = rest.failures.saturating_add(1);
        let is_long = time > LONGEST_REST || rest.failures >= TOLD_AFTER;
        drop(rest);
        if is_long {
            let why = match error {
                Error::Timeout { after, .. } => format!(
                    "no answer within {} ms (`completion.timeout_ms`)",
                    after.as_millis()
                ),
                other => other.to_string(),
            };
            self.tell(
                "resting",
                format!("completion does not work and is tried less often: {why}"),
            );
        }
    }

    fn tell(&self, what: &'static str, message: String) {
        if self.told.lock().insert(what) {
            let level = Level::Warning;
            self.log.say(Signal::Notice { level, message });
        }
    }
}

/// The name under which a warning about a cap is told once.
fn warned(scope: llm::Scope) -> &'static str {
    match scope {
        llm::Scope::Run => "run",
        llm::Scope::Session => "session",
        llm::Scope::Day => "day",
        llm::Scope::Role(_) => "role",
    }
}

/// Why a cap refuses a call: it may be used up, or too small for what the call may cost.
fn unpaid(error: &Error) -> String {
    match error {
        Error::Budget {
            scope,
            limit,
            spent,
        } if spent < limit => format!(
            "what the next call may cost does not fit into the budget of this {scope}: {} of {} spent",
            micro(*spent),
            micro(*limit)
        ),
        other => other.to_string(),
    }
}

/// Micro-dollars for people.
fn micro(amount: u64) -> String {
    format!("${}.{:06}", amount / 1_000_000, amount % 1_000_000)
}
