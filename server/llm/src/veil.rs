//! `Veil`: a provider whose answers and errors are free of its key (M3), whatever the server quotes.
//!
//! Invariant: the key is in no piece, no reply and no error, also where it came in pieces: a tail that may be the start of the key
//! is held back until it is known what it is. What goes back to the server unread cannot be changed, so it is dropped whole where it
//! holds the key.

use futures::{FutureExt, future::BoxFuture};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    Call, Error, Piece, Provider, ProviderRequest, RawReply, Secret, Stop, secret::HIDDEN,
};

/// Bytes of a possible start of the key that may be shown: so few tell nothing of it, and words begin like that.
const NOTHING: usize = 3;

/// Another provider behind its key.
struct Veil {
    key: Secret,
    provider: Box<dyn Provider>,
}

/// One stream of pieces.
struct Strainer<'k> {
    key: &'k Secret,
    /// The end of what came, where it may be the start of the key.
    tail: String,
    /// Bytes of the tail that are shown already.
    shown: usize,
}

/// `provider` without its key.
pub(crate) fn over(provider: Box<dyn Provider>, key: Option<Secret>) -> Box<dyn Provider> {
    match key.filter(|key| key.redact(key.expose()) == HIDDEN) {
        Some(key) => Box::new(Veil { key, provider }),
        None => provider,
    }
}

impl Provider for Veil {
    fn complete<'a>(
        &'a self,
        request: &'a ProviderRequest<'a>,
        cancel: &'a CancellationToken,
        on: &'a mut (dyn FnMut(Piece<'_>) + Send),
    ) -> BoxFuture<'a, Result<RawReply, Error>> {
        let ask = async move {
            let mut text = Strainer::new(&self.key);
            let mut thought = Strainer::new(&self.key);
            let mut hear = |piece: Piece<'_>| match piece {
                Piece::Text(piece) => {
                    thought.pause(&mut |piece| on(Piece::Reasoning(piece)));
                    text.pass(piece, &mut |piece| on(Piece::Text(piece)));
                }
                Piece::Reasoning(piece) => {
                    text.pause(&mut |piece| on(Piece::Text(piece)));
                    thought.pass(piece, &mut |piece| on(Piece::Reasoning(piece)));
                }
                progress @ Piece::Progress(_) => on(progress),
            };
            let answer = self.provider.complete(request, cancel, &mut hear).await;
            let reply = answer.map_err(|error| self.error(error))?;
            thought.end(&mut |piece| on(Piece::Reasoning(piece)));
            text.end(&mut |piece| on(Piece::Text(piece)));
            Ok(self.reply(reply))
        };
        ask.boxed()
    }

    fn tells_tools_in_text(&self, request: &ProviderRequest<'_>) -> bool {
        self.provider.tells_tools_in_text(request)
    }
}

impl Veil {
    fn reply(&self, reply: RawReply) -> RawReply {
        let clean = |text: String| hide(&self.key, text);
        let call = |call: Call| Call {
            id: clean(call.id),
            name: clean(call.name),
            arguments: clean(call.arguments),
        };
        RawReply {
            text: clean(reply.text),
            reasoning: clean(reply.reasoning),
            calls: reply.calls.into_iter().map(call).collect(),
            carry: reply.carry.filter(|carry| !self.is_in(carry)),
            stop: match reply.stop {
                Stop::Other(word) => Stop::Other(clean(word)),
                stop => stop,
            },
            usage: reply.usage,
        }
    }

    fn is_in(&self, value: &Value) -> bool {
        let key = self.key.expose();
        match value {
            Value::String(text) => text.contains(key),
            Value::Array(items) => items.iter().any(|item| self.is_in(item)),
            Value::Object(entries) => entries
                .iter()
                .any(|(name, value)| name.contains(key) || self.is_in(value)),
            _ => false,
        }
    }

    fn error(&self, mut error: Error) -> Error {
        if let Error::Auth { message, .. }
        | Error::Invalid { message, .. }
        | Error::RateLimited { message, .. }
        | Error::Quota { message, .. }
        | Error::Overloaded { message, .. }
        | Error::Broken { message, .. }
        | Error::TooLong { message, .. }
        | Error::Refused { message, .. }
        | Error::Unreachable { message, .. } = &mut error
        {
            // A message that was cut may end in half a key.
            *message = match message.strip_suffix('…') {
                Some(whole) => {
                    let clean = self.key.redact(whole);
                    let begun = start_of(self.key.expose(), &clean);
                    cut(clean, if begun > NOTHING { begun } else { 0 }) + "…"
                }
                None => self.key.redact(message),
            };
        }
        error
    }
}

impl<'k> Strainer<'k> {
    fn new(key: &'k Secret) -> Strainer<'k> {
        let (shown, tail) = (0, String::new());
        Strainer { key, shown, tail }
    }

    /// Shows everything that cannot be part of the key.
    fn pass(&mut self, piece: &str, on: &mut dyn FnMut(&str)) {
        self.tail.push_str(piece);
        let key = self.key.expose();
        while let Some(at) = self.tail.find(key) {
            self.show(at, on);
            on(HIDDEN);
            self.shown = 0;
            self.tail.drain(..key.len());
        }
        let begun = start_of(key, &self.tail);
        self.show(self.tail.len() - begun, on);
    }

    /// Shows what tells nothing, since pieces of another kind follow.
    fn pause(&mut self, on: &mut dyn FnMut(&str)) {
        if self.tail.len() <= NOTHING && self.shown < self.tail.len() {
            on(&self.tail[self.shown..]);
            self.shown = self.tail.len();
        }
    }

    /// Shows the rest, since nothing follows.
    fn end(&mut self, on: &mut dyn FnMut(&str)) {
        match half(self.key.expose(), &self.tail) {
            0 => self.show(self.tail.len(), on),
            _ => on(HIDDEN),
        }
    }

    /// Shows the first bytes of the tail but for those that are shown already.
    fn show(&mut self, bytes: usize, on: &mut dyn FnMut(&str)) {
        let known = self.shown.min(bytes);
        if known < bytes {
            on(&self.tail[known..bytes]);
        }
        self.shown -= known;
        self.tail.drain(..bytes);
    }
}

/// `text` without the key, nor half of it or more at the end.
fn hide(key: &Secret, text: String) -> String {
    let text = match text.contains(key.expose()) {
        true => key.redact(&text),
        false => text,
    };
    let begun = half(key.expose(), &text);
    cut(text, begun)
}

fn cut(mut text: String, begun: usize) -> String {
    if begun > 0 {
        text.truncate(text.len() - begun);
        text.push_str(HIDDEN);
    }
    text
}

/// [`start_of`] where it is half of the key or more, else 0.
fn half(key: &str, text: &str) -> usize {
    Some(start_of(key, text))
        .filter(|begun| *begun > NOTHING && begun * 2 >= key.len())
        .unwrap_or(0)
}

/// How many bytes at the end of `text` are the start of `key`, but not all of it.
fn start_of(key: &str, text: &str) -> usize {
    let most = text.len().min(key.len().saturating_sub(1));
    let mut lengths = (1..=most).rev();
    lengths
        .find(|length| {
            text.as_bytes().ends_with(&key.as_bytes()[..*length]) && key.is_char_boundary(*length)
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-canary-0123456789";

    fn strained(pieces: &[&str]) -> Vec<String> {
        let key = Secret::from(KEY.to_owned());
        let mut strainer = Strainer::new(&key);
        let mut shown = Vec::new();
        let mut show = |piece: &str| shown.push(piece.to_owned());
        for piece in pieces {
            match *piece {
                "|" => strainer.pause(&mut show),
                piece => strainer.pass(piece, &mut show),
            }
        }
        strainer.end(&mut show);
        shown
    }

    #[test]
    fn m3_a_key_is_hidden_wherever_it_is_cut() {
        let text = format!("ask-{KEY}{KEY}, sk-can sk-sk-canary-01234567890 ż{KEY}");
        let expected = text.replace(KEY, HIDDEN);
        for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            for pause in ["", "|"] {
                let (before, behind) = text.split_at(at);
                let shown = strained(&[before, pause, behind]).concat();
                assert!(!shown.contains(KEY), "{at}: {shown}");
                if pause.is_empty() {
                    assert_eq!(shown, expected, "{at}");
                }
            }
        }
        let single: Vec<String> = text.chars().map(String::from).collect();
        let single: Vec<&str> = single.iter().map(String::as_str).collect();
        assert_eq!(strained(&single).concat(), expected);
    }

    #[test]
    fn what_only_begins_like_a_key_is_shown() {
        assert_eq!(strained(&["tasks", "|", " go"]), ["task", "s", " go"]);
        assert_eq!(strained(&["a sk-", "ip"]), ["a ", "sk-ip"]);
        assert_eq!(strained(&["a sk-"]), ["a ", "sk-"]);
        assert_eq!(strained(&["a sk-canary-0"]), ["a ", HIDDEN], "half of it");
        let (before, behind) = KEY.split_at(3);
        assert_eq!(strained(&[before, "|", behind]), [before, HIDDEN]);
    }

    #[test]
    fn m3_a_message_that_was_cut_ends_in_no_half_key() {
        let key = Secret::from(KEY.to_owned());
        let provider = Box::new(crate::scripted::Scripted::from_path("none"));
        let veil = Veil { key, provider };
        let error = veil.error(Error::broken("p", "wrong: sk-canar…"));
        assert_eq!(error, Error::broken("p", "wrong: [redacted]…"));
    }
}
