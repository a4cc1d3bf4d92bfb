//! Conversation: what the model has been told and has said, as a fold of events (A3). The live task and a resumed session
//! build it by the same function, so they cannot differ. What was said stays byte for byte, but for a compaction, which is an
//! event too.

mod carried;
mod size;

pub use size::Tokens;

use crate::prompt;
use carried::{Carried, Told};
use llm::{Call, Message};
use protocol::{Compaction, Event, ShortPrompt, ToolCall, ToolStatus, Update};
use serde_json::json;
use size::Size;
use std::collections::{HashMap, HashSet};

/// The messages so far. Only whole turns are in it.
#[derive(Debug, Default, Clone)]
pub struct Conversation {
    messages: Vec<Message>,
    text: String,
    calls: Vec<ToolCall>,
    unanswered: Vec<ToolCall>,
    /// The id of every call that ever was, also of those that were left out since.
    taken: HashSet<String>,
    carried: Carried,
    /// Where each task's opening is, with the words of its request.
    openings: Vec<(usize, String)>,
    size: Size,
}

impl Conversation {
    /// The conversation that a history tells.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut conversation = Self::default();
        for event in events {
            conversation.apply(&event.update);
        }
        conversation
    }

    /// The messages, in order.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// What the model has said of the turn that is not over.
    pub(crate) fn said(&self) -> &str {
        &self.text
    }

    /// Calls that have no result yet.
    pub fn unanswered(&self) -> &[ToolCall] {
        &self.unanswered
    }

    /// Whether a call had this id.
    pub(crate) fn has_call(&self, id: &str) -> bool {
        self.taken.contains(id)
    }

    /// The openings of earlier tasks, without the files that came with them, where that is shorter.
    pub(crate) fn short_openings(&self) -> Vec<ShortPrompt> {
        let earlier = self
            .openings
            .split_last()
            .map_or(&[][..], |(_, earlier)| earlier);
        let short = earlier.iter().filter_map(|(at, words)| {
            let text = prompt::without_files(words);
            let is_shorter = self.messages.get(*at)?.text().len() > text.len();
            is_shorter.then_some(ShortPrompt {
                at: *at as u64,
                text,
            })
        });
        short.collect()
    }

    /// What must outlive a shortening, with at most about `most` bytes of words beside those of the running task.
    pub(crate) fn carried(&self, most: usize) -> Told {
        self.carried.told(most)
    }

    /// Bytes that a token has here, one to four: what a server counts for many, an estimate counts for fewer.
    pub(crate) fn bytes_a_token(&self, fixed: u64) -> u64 {
        self.size.bytes_a_token(fixed)
    }

    /// Tokens of a request with these messages and `fixed` bytes of system text and tools.
    pub fn tokens(&self, fixed: u64) -> Tokens {
        self.size.tokens(fixed)
    }

    /// Takes one more fact in.
    pub fn apply(&mut self, update: &Update) {
        if let Some(words) = self.carried.opening(update) {
            self.openings.push((self.messages.len(), words));
        }
        self.carried.apply(update);
        match update {
            Update::Prompt { text, .. } => {
                self.drop_half_turn();
                self.answer_lost();
                self.push(Message::User { text: text.clone() });
            }
            Update::Usage { usage } if matches!(usage.role.as_str(), "coder" | "planner") => {
                let count = usage.input_tokens.saturating_add(usage.output_tokens);
                self.size.hear(count, usage.estimated);
            }
            Update::Compacted { compaction } => self.compact(compaction),
            Update::Message { text } => self.text.push_str(text),
            Update::ToolCall { call } => self.calls.push(call.clone()),
            Update::Turn { text, carry, .. } => {
                if let Some(said) = text {
                    self.text.clone_from(said);
                }
                self.close_turn(carry.as_ref());
            }
            Update::ToolResult { result } => {
                let Some(at) = self.unanswered.iter().position(|call| call.id == result.id) else {
                    return;
                };
                let call = self.unanswered.remove(at);
                self.carried.answer(&call, result);
                self.push(Message::Tool {
                    id: result.id.to_string(),
                    name: call.name,
                    output: result.output.clone(),
                    failed: result.status == ToolStatus::Failed,
                });
            }
            Update::Finished { .. } => {
                self.drop_half_turn();
                self.answer_lost();
            }
            _ => {}
        }
    }

    /// Calls whose results a damaged history lost get one that says so: no model takes a call without a result (A5). In a whole
    /// history there is none.
    fn answer_lost(&mut self) {
        for call in std::mem::take(&mut self.unanswered) {
            self.push(Message::Tool {
                id: call.id.to_string(),
                name: call.name,
                output: "the record of this result is damaged; call again if you need it"
                    .to_owned(),
                failed: true,
            });
        }
    }

    fn close_turn(&mut self, carry: Option<&serde_json::Value>) {
        let text = std::mem::take(&mut self.text);
        let made = std::mem::take(&mut self.calls);
        if text.is_empty() && made.is_empty() {
            return;
        }
        let calls = made.iter().map(as_call).collect();
        self.answer_lost();
        self.taken
            .extend(made.iter().map(|call| call.id.to_string()));
        self.unanswered.extend(made);
        self.push(Message::Assistant {
            text,
            calls,
            carry: carry.and_then(|carry| serde_json::from_value(carry.clone()).ok()),
        });
        self.size.settle();
    }

    fn push(&mut self, message: Message) {
        self.size.add(&message);
        self.messages.push(message);
    }

    /// Puts the shorter results in their places and `text` in that of the oldest messages. A result never stays without its call.
    pub(crate) fn compact(&mut self, compaction: &Compaction) {
        let outputs = compaction.outputs.iter();
        let mut short: HashMap<&str, &str> = outputs
            .map(|one| (one.id.0.as_str(), one.output.as_str()))
            .collect();
        for message in &mut self.messages {
            if let Message::Tool { id, output, .. } = message
                && let Some(shorter) = short.remove(id.as_str())
            {
                shorter.clone_into(output);
            }
        }
        for prompt in &compaction.prompts {
            let at = usize::try_from(prompt.at).unwrap_or(usize::MAX);
            if let Some(Message::User { text }) = self.messages.get_mut(at) {
                text.clone_from(&prompt.text);
            }
        }
        let dropped = usize::try_from(compaction.dropped).unwrap_or(usize::MAX);
        if dropped > 0 {
            let orphans = self.messages.iter().skip(dropped);
            let orphans = orphans
                .take_while(|one| matches!(one, Message::Tool { .. }))
                .count();
            let end = dropped.saturating_add(orphans).min(self.messages.len());
            let first = Message::User {
                text: compaction.text.clone(),
            };
            self.messages.splice(..end, [first]);
            self.openings
                .retain_mut(|(at, _)| match at.checked_sub(end) {
                    Some(left) => {
                        *at = left + 1;
                        true
                    }
                    None => false,
                });
        }
        self.size.shrink(&self.messages);
    }

    /// What a broken stream left behind was never a turn: the model is asked again without it.
    fn drop_half_turn(&mut self) {
        self.text.clear();
        self.calls.clear();
        self.size.forget();
    }
}

fn as_call(call: &ToolCall) -> Call {
    let arguments = match &call.input {
        _ if call.arguments.is_some() => call.arguments.clone().unwrap_or_default(),
        object @ serde_json::Value::Object(_) => object.to_string(),
        other => json!({ "unparsed": other }).to_string(),
    };
    Call {
        id: call.id.to_string(),
        name: call.name.clone(),
        arguments,
    }
}

#[cfg(test)]
mod tests;
