//! Known beforehand: what a task is told that is not its request: the guides of the project and what earlier tasks left to know; and
//! what it leaves itself. Told at the beginning, where a guide's folder is first touched, and again behind a shortening.

use super::Task;
use crate::guides::{self, Found, Guides};
use crate::memory::{self, Memories, Remembered, Wish};
use protocol::{FinishReason, Level, Memory, Plan, Recalled, Speaker, ToolCall, ToolKind, Update};
use std::sync::Arc;
use workspace::{Draft, Snapshot};

/// The part of the first prompt's bytes that guides may have.
const GUIDES_PART: usize = 2;

impl Task {
    /// What the first prompt says of it, and the plan event that names what is remembered.
    pub(super) async fn known_at_first(&self, snapshot: &Arc<Snapshot>) -> String {
        let paths = self.named_paths();
        let guides = self.new_guides(snapshot, paths.clone()).await;
        let mut text = guides::words(&guides.guides, guides::MOST_BYTES);
        let mut words = self.request.prompt.clone();
        if let Some(target) = &self.request.target {
            for more in target.symbol.iter().chain(&target.diagnostics) {
                words.push('\n');
                words.push_str(more);
            }
        }
        let wish = Wish { words, paths };
        let memories = self.shared.memories.clone();
        let offered = apart(move || memories.offer(&wish))
            .await
            .unwrap_or_default();
        text.push_str(&memory::told(&offered));
        *self.offered.lock() = offered;
        text
    }

    /// Tells which memories this task was shown, as a plan that has no steps yet.
    pub(super) fn tell_recalled(&self) {
        let recalled = self.recalled();
        if !recalled.is_empty() {
            self.emit(Update::Plan {
                plan: Plan {
                    entries: Vec::new(),
                    recalled,
                },
            });
        }
    }

    /// The memories that this task was shown.
    pub(super) fn recalled(&self) -> Vec<Recalled> {
        self.offered.lock().iter().map(Recalled::from).collect()
    }

    /// Tells the guides of folders that these calls or the draft touched first, behind their results.
    pub(super) async fn tell_guides(&self, calls: &[ToolCall], draft: &Draft) {
        let mut paths: Vec<String> = calls
            .iter()
            .filter(|call| matches!(call.kind, ToolKind::Read | ToolKind::Edit))
            .filter_map(|call| call.input.get("path")?.as_str().map(str::to_owned))
            .collect();
        paths.extend(
            draft
                .change_set()
                .files
                .iter()
                .map(|file| file.path.to_string()),
        );
        let found = self.new_guides(draft.snapshot(), paths).await;
        if !found.guides.is_empty() {
            self.emit(Update::Prompt {
                by: Speaker::Agent,
                text: guides::words(&found.guides, guides::MOST_BYTES)
                    .trim_start()
                    .to_owned(),
            });
        }
    }

    /// All of it once more, in about `most` bytes, for who did not hear it or no longer has it.
    pub(super) fn known_again(&self, most: usize) -> String {
        let memories = memory::told(&self.offered.lock());
        let memories = if memories.len() <= most {
            memories
        } else {
            String::new()
        };
        let guides = self.guides.lock().again(most - memories.len());
        guides + &memories
    }

    async fn new_guides(&self, snapshot: &Arc<Snapshot>, paths: Vec<String>) -> Found {
        let known = self.guides.lock().clone();
        if !self.shared.config.guides || !known.is_new(&paths) {
            return Found::default();
        }
        let most = self.opening_bytes() / GUIDES_PART;
        let snapshot = snapshot.clone();
        let looked = apart(move || {
            let mut guides: Guides = known;
            let found = guides.look(&snapshot, &paths, most);
            (guides, found)
        });
        let Some((guides, found)) = looked.await else {
            return Found::default();
        };
        *self.guides.lock() = guides;
        if !found.guides.is_empty() {
            let names: Vec<String> = found.guides.iter().map(guides::Guide::name).collect();
            self.emit(Update::Notice {
                level: Level::Info,
                message: format!("the project's guidance is told: {}", names.join(", ")),
                hint: None,
            });
        }
        for why in &found.unread {
            self.emit(Update::Notice {
                level: Level::Warning,
                message: format!("guidance is not read: {why}"),
                hint: None,
            });
        }
        found
    }

    /// Files and folders that the request names.
    fn named_paths(&self) -> Vec<String> {
        let target = self
            .request
            .target
            .iter()
            .map(|target| target.path.as_str());
        let context = self.request.context.iter().flat_map(|part| part.split(','));
        target
            .chain(context.map(str::trim))
            .map(str::to_owned)
            .collect()
    }

    /// Keeps what this task teaches, and says what that is.
    pub(super) async fn learn(&self, end: FinishReason) {
        if !self.shared.memories.is_on() {
            return;
        }
        let lessons = self.course.lock().lessons(&self.id, &self.request, end);
        if lessons.is_empty() {
            return;
        }
        let memories = self.shared.memories.clone();
        let Some(kept) = apart(move || keep(&memories, lessons)).await else {
            return;
        };
        if !kept.is_empty() {
            let words: Vec<&str> = kept.iter().map(|one| one.text.as_str()).collect();
            self.emit(Update::Notice {
                level: Level::Info,
                message: format!("remembered for later tasks: {}", words.join(" ")),
                hint: Some(
                    "`animus memory list` shows all, `animus memory forget` takes back".into(),
                ),
            });
        }
    }
}

/// Keeps each by itself. Only what was not known is returned.
fn keep(memories: &Memories, lessons: Vec<Remembered>) -> Vec<Memory> {
    let known = memories.list().unwrap_or_default();
    let mut kept = Vec::new();
    for lesson in lessons {
        match memories.add(lesson) {
            Ok(one) if known.iter().all(|old| old.id != one.id) => kept.push(one),
            Ok(_) => {}
            Err(failure) => tracing::warn!(%failure, "what a task taught is not kept"),
        }
    }
    kept
}

/// Reads and writes away from the runtime's threads; `None` where that broke.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}
