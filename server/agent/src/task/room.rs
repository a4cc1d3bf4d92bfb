//! Room: keeps the conversation within the context of the model that is asked next. Shortened at the boundary of a step only, first
//! by rule, then by a summary; what does not shrink ends the task instead of going round.

use super::{End, Task};
use crate::compaction;
use crate::conversation::Tokens;
use crate::prompt;
use llm::Role;
use protocol::{
    Code, Compaction, CompactionStep, Failure, Level, ShortOutput, ShortPrompt, Update,
};
use std::sync::Arc;

/// Tokens that are kept free for an answer where nothing is configured, and the part of the context that it may be at most.
const ANSWER: u64 = 4_096;
const ANSWER_PART: u64 = 4;
/// At this part of the room in a hundred it is made.
const FULL: u64 = 80;
/// What it is brought to, and what the step without a model has to bring it to so that no summary is made.
const GOAL: u64 = 50;
const ENOUGH: u64 = 65;
/// A compaction that leaves more than this part in a hundred did not shrink.
const SHRUNK: u64 = 90;
/// How often it may not shrink, or not enough.
const PATIENCE: u32 = 2;
/// Tokens that a summary may have, its bytes, and the parts of what is free that it and the words of people may have.
const SUMMARY_TOKENS: u32 = 1_500;
const SUMMARY_BYTES: usize = 8_000;
const LEAST_SUMMARY: usize = 500;
const SUMMARY_PART: usize = 5;
const WORDS_PART: usize = 2;
/// The part that the project's guides and memories may have.
const KNOWN_PART: usize = 5;
/// Bytes of the conversation that the summariser reads at most; and of its own context, bytes for each token.
const MOST_TRANSCRIPT: u64 = 160_000;
const TRANSCRIPT_BYTES_A_TOKEN: u64 = 2;

/// Bytes of one result at most, one for so many tokens of the room, where nothing else helps: an eighth of it.
const CLIP_PART: u64 = 2;
/// Bytes of the first prompt's files at most for each token of the room: a quarter of it.
const OPENING_BYTES_A_TOKEN: u64 = 1;

/// What was learnt about the room so far.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Compactions in a row that did not shrink, or not enough.
    futile: u32,
    /// A size that a server refused, in tokens.
    refused: Option<u64>,
    /// How far the conversation was shortened since a server last took it.
    reached: Reached,
}

/// What becomes shorter.
#[derive(Debug, Default, PartialEq, Eq)]
struct Short {
    outputs: Vec<ShortOutput>,
    prompts: Vec<ShortPrompt>,
    dropped: u64,
    text: String,
}

/// The steps after a server's refusal.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Reached {
    #[default]
    Nothing,
    Short,
    Summary,
}

impl Task {
    /// Shortens the conversation where it fills most of the context of who is asked next.
    pub(super) async fn make_room(&self, role: Role, choice: Option<&str>) -> Result<(), End> {
        let room = self.room_for(role, choice);
        let full = room / 100 * FULL;
        let before = self.size()?;
        if before.count <= full {
            return Ok(());
        }
        self.shorten()?;
        if self.size()?.count > room / 100 * ENOUGH {
            self.summarise(room).await?;
            if self.size()?.count > room / 100 * GOAL {
                self.clip(room)?;
            }
        }
        let after = self.size()?;
        let futile = {
            let mut state = self.room.lock();
            state.futile = match shrank(before, after) && after.count <= room {
                true => 0,
                false => state.futile + 1,
            };
            state.futile
        };
        if futile >= PATIENCE && after.count > full {
            return Err(too_long(after, room));
        }
        Ok(())
    }

    /// Shortens the conversation one step further after a server found it too long.
    pub(super) async fn overflowed(
        &self,
        role: Role,
        choice: Option<&str>,
        failure: Failure,
    ) -> Result<(), End> {
        let before = self.size()?;
        let reached = {
            let mut state = self.room.lock();
            state.refused = Some(state.refused.unwrap_or(u64::MAX).min(before.count));
            state.reached
        };
        self.emit(Update::Notice {
            level: Level::Warning,
            message: format!("{}; the conversation is shortened", failure.message),
            hint: None,
        });
        if reached == Reached::Nothing {
            self.shorten()?;
            self.room.lock().reached = Reached::Short;
            if shrank(before, self.size()?) {
                return Ok(());
            }
        }
        if reached != Reached::Summary {
            self.room.lock().reached = Reached::Summary;
            let room = self.room_for(role, choice);
            self.summarise(room).await?;
            if !shrank(before, self.size()?) || self.size()?.count > room {
                self.clip(room)?;
            }
            if shrank(before, self.size()?) {
                return Ok(());
            }
        }
        Err(End::of(failure.hint(HINT)))
    }

    /// A server took the conversation as it is.
    pub(super) fn fitted(&self) {
        self.room.lock().reached = Reached::Nothing;
    }

    /// Tokens of the next request, without its answer.
    fn size(&self) -> Result<Tokens, End> {
        let fixed = self.fixed()?;
        Ok(self.conversation.lock().tokens(fixed))
    }

    /// Bytes of a request that are no conversation: the system's words and the tools.
    fn fixed(&self) -> Result<u64, End> {
        let tools = self.shared.toolbox().map_err(End::of)?.size();
        Ok((prompt::SYSTEM.len() + tools) as u64)
    }

    /// Tokens that a request may have, so that its answer fits behind it.
    fn room_for(&self, role: Role, choice: Option<&str>) -> u64 {
        let config = &self.shared.config;
        let known = self.models.context_tokens(role, choice);
        let limit = known.unwrap_or(config.max_context_tokens);
        let refused = self.room.lock().refused.unwrap_or(u64::MAX);
        self.without_answer(limit).min(refused)
    }

    /// What a context leaves to a request.
    pub(super) fn without_answer(&self, context: u64) -> u64 {
        let answer = self.shared.config.max_tokens.map_or(ANSWER, u64::from);
        context.saturating_sub(answer.min(context / ANSWER_PART))
    }

    /// The step without a model.
    fn shorten(&self) -> Result<(), End> {
        let short = {
            let conversation = self.conversation.lock();
            Short {
                outputs: compaction::shorten(conversation.messages()),
                prompts: conversation.short_openings(),
                ..Short::default()
            }
        };
        self.compact(CompactionStep::Shortened, short)
    }

    /// Cuts results of which one alone takes much of the room.
    fn clip(&self, room: u64) -> Result<(), End> {
        let most = usize::try_from(room / CLIP_PART).unwrap_or(usize::MAX);
        let outputs = compaction::clip(self.conversation.lock().messages(), most);
        let short = Short {
            outputs,
            ..Short::default()
        };
        self.compact(CompactionStep::Shortened, short)
    }

    /// Bytes of file text that the first prompt may carry: less than what is configured where the model has little room.
    pub(super) fn opening_bytes(&self) -> usize {
        let choice = self.request.model.as_deref();
        let room = self.room_for(Role::Coder, choice);
        let most = usize::try_from(room.saturating_mul(OPENING_BYTES_A_TOKEN));
        self.shared
            .config
            .max_context_bytes
            .min(most.unwrap_or(usize::MAX))
    }

    /// The oldest turns give way to what code carries and, where there is one, a summary.
    async fn summarise(&self, room: u64) -> Result<(), End> {
        let fixed = self.fixed()?;
        let (dropped, carried, old, most, known) = {
            let conversation = self.conversation.lock();
            let bytes = (room / 100 * GOAL).saturating_mul(conversation.bytes_a_token(fixed));
            let free = usize::try_from(bytes.saturating_sub(fixed)).unwrap_or(usize::MAX);
            let carried = conversation.carried(free / WORDS_PART);
            let summary = (free / SUMMARY_PART).clamp(LEAST_SUMMARY, SUMMARY_BYTES);
            let known = self.known_again(free / KNOWN_PART);
            let kept = free.saturating_sub(carried.text.len() + summary + known.len());
            let messages = conversation.messages();
            let Some(from) = compaction::kept_from(messages, kept) else {
                return Ok(());
            };
            (from, carried, messages[..from].to_vec(), summary, known)
        };
        if carried.cut > 0 {
            self.emit(Update::Notice {
                level: Level::Warning,
                message: format!(
                    "{} bytes of your earlier words have no room any more",
                    carried.cut
                ),
                hint: Some("say again what still counts".into()),
            });
        }
        let summary = self.ask_summariser(&old, most).await?;
        let step = match summary {
            Some(_) => CompactionStep::Summarised,
            None => CompactionStep::Dropped,
        };
        let text =
            prompt::shortened(&carried.text, summary.as_deref()) + &known + &self.edit_form_again();
        let short = Short {
            dropped: dropped as u64,
            text,
            ..Short::default()
        };
        self.compact(step, short)
    }

    /// A summary of these messages; none where it could not be had, which is told.
    async fn ask_summariser(
        &self,
        old: &[llm::Message],
        longest: usize,
    ) -> Result<Option<String>, End> {
        let known = self.models.context_tokens(Role::Summariser, None);
        let context = known.unwrap_or(self.shared.config.max_context_tokens);
        let most = context
            .saturating_mul(TRANSCRIPT_BYTES_A_TOKEN)
            .min(MOST_TRANSCRIPT);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let request = llm::Request {
            system: Arc::from(prompt::SUMMARY),
            messages: vec![llm::Message::User {
                text: compaction::transcript(old, most),
            }],
            tools: Arc::from([]),
            answer_schema: None,
            max_tokens: Some(SUMMARY_TOKENS),
        };
        let why = match self.ask_unheard(Role::Summariser, None, &request).await {
            Ok(reply) if !reply.text.trim().is_empty() => {
                let text = reply.text.trim();
                let end = text.floor_char_boundary(longest);
                return Ok(Some(llm::mask(&text[..end]).into_owned()));
            }
            Ok(_) => "its answer was empty".to_owned(),
            Err(llm::Error::Cancelled) => return Err(End::cancelled()),
            Err(error) => error.to_string(),
        };
        self.emit(Update::Notice {
            level: Level::Warning,
            message: format!("no summary could be had ({why}); the oldest turns are left out"),
            hint: Some("strategy.overrides.summariser names a model for it".into()),
        });
        Ok(None)
    }

    /// Tells a compaction with its figures, which makes it so.
    fn compact(&self, step: CompactionStep, short: Short) -> Result<(), End> {
        if short == Short::default() {
            return Ok(());
        }
        let before = self.size()?;
        let mut compaction = Compaction {
            step,
            outputs: short.outputs,
            prompts: short.prompts,
            dropped: short.dropped,
            text: short.text,
            tokens_before: before.count,
            tokens_after: before.count,
            estimated: before.estimated,
        };
        let mut tried = self.conversation.lock().clone();
        tried.compact(&compaction);
        compaction.tokens_after = tried.tokens(self.fixed()?).count;
        // A digest that is longer than what it stands for is of no use.
        if compaction.tokens_after < compaction.tokens_before {
            self.emit(Update::Compacted { compaction });
        }
        Ok(())
    }
}

const HINT: &str =
    "use a model with a larger context (models.NAME.context_tokens), or give a smaller task";

fn shrank(before: Tokens, after: Tokens) -> bool {
    u128::from(after.count) * 100 <= u128::from(before.count) * u128::from(SHRUNK)
}

fn too_long(size: Tokens, room: u64) -> End {
    let about = if size.estimated { "about " } else { "" };
    let failure = Failure::new(
        Code::Provider,
        format!(
            "the conversation has {about}{} tokens, {room} fit, and it cannot be shortened further",
            size.count
        ),
    );
    End::of(failure.hint(HINT))
}
