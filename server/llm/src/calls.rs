//! `Calls`: tool calls put together from fragments.
//!
//! Invariant: every call that comes out has an id unique in the conversation, and its name in the spelling of the request; a
//! name that was never offered passes as it came.

use std::{
    borrow::Cow,
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use serde_json::{Value, json};

use crate::{Call, Message, ProviderRequest};

/// Calls that one answer may have; one more is counted, and no further.
pub(crate) const MOST_CALLS: usize = 256;

/// Calls under construction.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    open: Vec<Fragments>,
    /// Bytes of names and arguments.
    size: usize,
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
    /// index 0, some send an id once and then an index alone. Gives the number of the call that it belongs to, from 0.
    pub(crate) fn add(
        &mut self,
        index: Option<u64>,
        id: &str,
        name: &str,
        arguments: &str,
    ) -> usize {
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
        if known.is_none() && self.open.len() > MOST_CALLS {
            return MOST_CALLS;
        }
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
            self.size += name.len();
        }
        call.arguments.push_str(arguments);
        self.size += arguments.len();
        at
    }

    /// How many calls have begun.
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Bytes received as names and arguments.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Whether the arguments of every call are JSON, or nothing at all.
    pub(crate) fn are_whole(&self) -> bool {
        self.open.iter().all(Fragments::is_whole)
    }

    /// Forgets the first call whose arguments are no JSON and all behind it, so that numbers stay: for a reply that did not end
    /// by itself.
    pub(crate) fn drop_partial(&mut self) {
        let whole = |call: &Fragments| !call.arguments.trim().is_empty() && call.is_whole();
        let end = self.open.iter().position(|call| !whole(call));
        self.open.truncate(end.unwrap_or(self.open.len()));
    }

    /// Whether anything is left once partial calls are dropped.
    pub(crate) fn begins_whole(&self) -> bool {
        self.open
            .first()
            .is_some_and(|call| !call.arguments.trim().is_empty() && call.is_whole())
    }

    /// Takes the arguments of call `number` away, since others follow in their place.
    pub(crate) fn forget_arguments(&mut self, number: usize) {
        if let Some(call) = self.open.get_mut(number) {
            call.arguments.clear();
        }
    }

    /// Arguments of call `number` as far as they came.
    pub(crate) fn has_arguments(&self, number: usize) -> bool {
        self.open
            .get(number)
            .is_some_and(|call| !call.arguments.is_empty())
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
        let mut calls: Vec<Call> = calls.flat_map(|call| unwrapped(call, request)).collect();
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

/// The calls inside a call of `multi_tool_use.parallel`, which OpenAI's models make up now and then: `{"tool_uses":
/// [{"recipient_name": "functions.NAME", "parameters": {…}}]}`.
fn unwrapped(call: Call, request: &ProviderRequest<'_>) -> Vec<Call> {
    let wrapper = matches!(
        call.name.as_str(),
        "multi_tool_use.parallel" | "multi_tool_use_parallel" | "parallel"
    );
    if !wrapper || request.tools.iter().any(|tool| tool.name == call.name) {
        return vec![call];
    }
    let value: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
    let inner = |(at, used): (usize, &Value)| {
        let name = used["recipient_name"].as_str()?;
        Some(Call {
            id: if at == 0 {
                call.id.clone()
            } else {
                String::new()
            },
            name: spoken_name(name.strip_prefix("functions.").unwrap_or(name), request),
            arguments: used
                .get("parameters")
                .filter(|value| value.is_object())?
                .to_string(),
        })
    };
    let uses = value["tool_uses"]
        .as_array()
        .filter(|uses| !uses.is_empty());
    let calls = uses.and_then(|uses| uses.iter().enumerate().map(inner).collect());
    calls.unwrap_or_else(|| vec![call])
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

/// The arguments for servers that take objects only; the model may have sent anything.
pub(crate) fn arguments_object(call: &Call) -> Value {
    match serde_json::from_str(&call.arguments) {
        Ok(Value::Object(object)) => Value::Object(object),
        _ => json!({"invalid": call.arguments}),
    }
}

/// The same as text. What is an object already stays byte for byte.
pub(crate) fn arguments_text(call: &Call) -> Cow<'_, str> {
    match serde_json::from_str::<Value>(&call.arguments) {
        Ok(Value::Object(_)) => Cow::Borrowed(&call.arguments),
        _ => Cow::Owned(arguments_object(call).to_string()),
    }
}

/// The ids of a conversation, as the model that is asked knows them.
pub(crate) struct Ids<'a> {
    /// Those that it gave itself and that another server might refuse.
    own: HashSet<&'a str>,
}

impl<'a> Ids<'a> {
    /// Of all calls in the request.
    pub(crate) fn of(request: &ProviderRequest<'a>) -> Ids<'a> {
        let own = request.messages.iter().filter_map(|message| match message {
            Message::Assistant { calls, carry, .. } => {
                request.carried(carry.as_ref()).map(|_| calls)
            }
            Message::User { .. } | Message::Tool { .. } => None,
        });
        let ids = own.flatten().map(|call| call.id.as_str());
        Ids {
            own: ids.filter(|id| !is_plain(id)).collect(),
        }
    }

    /// The id itself where the model gave it: some servers hide state in it, or count by it. Else as every server accepts it.
    pub(crate) fn wire(&self, id: &str) -> String {
        match self.own.contains(id) {
            true => id.to_owned(),
            false => wire_id(id),
        }
    }
}

/// Whether only the model that gave these calls may accept their ids, so that it must be known who that was.
pub(crate) fn are_odd(calls: &[Call]) -> bool {
    calls.iter().any(|call| !is_plain(&call.id))
}

fn is_plain(id: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    !id.is_empty() && id.len() <= 40 && id.chars().all(plain)
}

/// An id as every server accepts it: letters, digits, `_`, `-`, at most 40. Another server's longer or odder id becomes one that
/// is the same in every request.
fn wire_id(id: &str) -> String {
    if is_plain(id) {
        return id.to_owned();
    }
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    format!("call_{:016x}", hasher.finish())
}

/// An id as Mistral wants it: nine letters and digits.
pub(crate) fn short_id(id: &str) -> String {
    if id.len() == 9 && id.chars().all(|letter| letter.is_ascii_alphanumeric()) {
        return id.to_owned();
    }
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    let mut rest = hasher.finish();
    let mut letter = || {
        let digit = char::from_digit((rest % 36) as u32, 36);
        rest /= 36;
        digit.unwrap_or('0')
    };
    (0..9).map(|_| letter()).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_fits_every_server_and_stays_itself() {
        for id in ["call_1", "toolu_01A-b", "0"] {
            assert_eq!(wire_id(id), id);
        }
        let odd = [
            "functions.list:0",
            "functions.list:1",
            "",
            "ż",
            &"x".repeat(41),
        ];
        let mut ids: Vec<String> = odd.into_iter().map(wire_id).collect();
        for id in &ids {
            assert_eq!(&wire_id(id), id);
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 5);
        for id in ["call_1", "", "functions.list:0"] {
            let short = short_id(id);
            assert_eq!(
                (short.len(), short_id(&short)),
                (9, short.clone()),
                "{short}"
            );
        }
    }
}
