//! `Calls`: tool calls put together from fragments.
//!
//! Invariant: every call that comes out has an id unique in the conversation, and its name in the spelling of the request; a
//! name that was never offered passes as it came.

use std::collections::HashSet;

use crate::{Call, Message, ProviderRequest};

/// Calls under construction.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    open: Vec<Fragments>,
}

#[derive(Debug, Default)]
struct Fragments {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl Calls {
    /// Adds a fragment. Servers differ: some repeat id and name in each, some send whole calls without an index or all under
    /// index 0, some send an id once and then an index alone.
    pub(crate) fn add(&mut self, index: Option<u64>, id: &str, name: &str, arguments: &str) {
        let known = match index {
            Some(_) => self.open.iter().rposition(|call| call.index == index),
            None if id.is_empty() => self.open.len().checked_sub(1),
            None => self.open.iter().rposition(|call| call.id == id),
        };
        let known = known.filter(|at| {
            let call = &self.open[*at];
            let other_id = !id.is_empty() && !call.id.is_empty() && id != call.id;
            let other_name = !name.is_empty() && name != call.name && !call.arguments.is_empty();
            // A whole call behind a whole call of the same tool, neither with an id nor an index.
            let begun = !call.arguments.is_empty() || (!call.name.is_empty() && call.name != name);
            let anew = index.is_none() && id.is_empty() && !name.is_empty() && begun;
            !(other_id || other_name || anew)
        });
        let at = known.unwrap_or_else(|| {
            self.open.push(Fragments {
                index,
                ..Fragments::default()
            });
            self.open.len() - 1
        });
        let call = &mut self.open[at];
        if call.id.is_empty() {
            id.clone_into(&mut call.id);
        }
        if name != call.name {
            call.name.push_str(name);
        }
        call.arguments.push_str(arguments);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Bytes received as names and arguments.
    pub(crate) fn size(&self) -> usize {
        self.open
            .iter()
            .map(|call| call.name.len() + call.arguments.len())
            .sum()
    }

    /// Whether the arguments of every call are JSON, or nothing at all.
    pub(crate) fn are_whole(&self) -> bool {
        self.open.iter().all(Fragments::is_whole)
    }

    /// Forgets calls whose arguments are no JSON: for a reply that ran into its limit in the middle of one.
    pub(crate) fn drop_partial(&mut self) {
        self.open
            .retain(|call| !call.arguments.trim().is_empty() && call.is_whole());
    }

    /// The calls, in the order in which they began.
    pub(crate) fn finish(self, request: &ProviderRequest<'_>) -> Vec<Call> {
        let calls = self.open.into_iter().map(|call| Call {
            id: call.id,
            name: spoken_name(&call.name, request),
            arguments: match call.arguments.trim() {
                "" => "{}".to_owned(),
                _ => call.arguments,
            },
        });
        let mut calls: Vec<Call> = calls.collect();
        unique(&mut calls, request.messages);
        calls
    }
}

impl Fragments {
    fn is_whole(&self) -> bool {
        let text = self.arguments.trim();
        !self.name.is_empty()
            && (text.is_empty() || serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
    }
}

/// Gives a new id to each call without one, or with one that the conversation already has.
pub(crate) fn unique(calls: &mut [Call], messages: &[Message]) {
    let earlier = messages.iter().filter_map(|message| match message {
        Message::Assistant { calls, .. } => Some(calls.iter().map(|call| call.id.clone())),
        Message::User { .. } | Message::Tool { .. } => None,
    });
    let mut taken: HashSet<String> = earlier.flatten().collect();
    for call in calls {
        if call.id.is_empty() || !taken.insert(call.id.clone()) {
            call.id = format!("call_{}", uuid::Uuid::now_v7().simple());
            taken.insert(call.id.clone());
        }
    }
}

/// A name as servers accept it: letters, digits, `_`, `-`, at most 64.
pub(crate) fn wire_name(name: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    name.chars()
        .take(64)
        .map(|letter| if plain(letter) { letter } else { '_' })
        .collect()
}

fn spoken_name(wire: &str, request: &ProviderRequest<'_>) -> String {
    let known = request.tools.iter().map(|tool| &tool.name);
    let exact = known.clone().find(|name| *name == wire);
    let name = exact.or_else(|| known.clone().find(|name| wire_name(name) == wire));
    name.map_or_else(|| wire.to_owned(), Clone::clone)
}
