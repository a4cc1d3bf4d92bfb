//! `Layout`: the order in which the parts of a reply came, with what its server wants back between and beside them.
//!
//! Invariant: texts and calls are named by length and number, never repeated, so what the conversation says of them counts and
//! nothing of it is lost, whatever was changed since.

use serde_json::{Value, json};

use crate::Call;

/// Parts of a reply in the order of their arrival.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    slots: Vec<Value>,
}

/// A part of an earlier reply as it goes back; a seal is what its server gave beside it.
#[derive(Debug, PartialEq)]
pub(crate) enum Part<'a> {
    /// In the dialect of the server, unread.
    Sealed(&'a Value),
    /// Text; empty only with a seal.
    Text(&'a str, Option<&'a Value>),
    /// A call.
    Call(&'a Call, Option<&'a Value>),
}

impl Layout {
    /// The next part is the server's own; gives its place for [`Layout::sealed_mut`].
    pub(crate) fn sealed(&mut self, block: Value) -> usize {
        self.slots.push(json!({"sealed": block}));
        self.slots.len() - 1
    }

    /// A part that [`Layout::sealed`] began.
    pub(crate) fn sealed_mut(&mut self, place: usize) -> Option<&mut Value> {
        self.slots.get_mut(place)?.get_mut("sealed")
    }

    /// The next `bytes` of the text.
    pub(crate) fn text(&mut self, bytes: usize, seal: Option<Value>) {
        if let (None, Some(last)) = (&seal, self.slots.last_mut())
            && last.get("seal").is_none()
            && let Some(before) = last.get("text").and_then(Value::as_u64)
        {
            last["text"] = (before + bytes as u64).into();
            return;
        }
        self.push(json!({"text": bytes}), seal);
    }

    /// A piece of call `number`; the place of the first one counts.
    pub(crate) fn call(&mut self, number: usize, seal: Option<Value>) {
        let number = Value::from(number);
        match self
            .slots
            .iter()
            .any(|slot| slot.get("call") == Some(&number))
        {
            true => {}
            false => self.push(json!({"call": number}), seal),
        }
    }

    /// Beside the newest part.
    pub(crate) fn seal_last(&mut self, seal: Value) {
        if let Some(last) = self.slots.last_mut() {
            last["seal"] = seal;
        }
    }

    /// Forgets sealed parts that `keep` refuses.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Value) -> bool) {
        self.slots
            .retain(|slot| slot.get("sealed").is_none_or(&keep));
    }

    /// What to keep with the reply; nothing where the server gave nothing.
    pub(crate) fn carry(self) -> Option<Value> {
        let given = |slot: &Value| slot.get("sealed").is_some() || slot.get("seal").is_some();
        self.slots
            .iter()
            .any(given)
            .then_some(Value::Array(self.slots))
    }

    fn push(&mut self, mut slot: Value, seal: Option<Value>) {
        if let Some(seal) = seal {
            slot["seal"] = seal;
        }
        self.slots.push(slot);
    }
}

/// The parts of an earlier reply in their order; without a layout the text comes first. A text that was changed since goes
/// whole where it began.
pub(crate) fn parts<'a>(
    carry: Option<&'a Value>,
    text: &'a str,
    calls: &'a [Call],
) -> Vec<Part<'a>> {
    let slots = carry
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let length = |slot: &Value| slot.get("text").and_then(Value::as_u64);
    let mut texts = cut(text, slots.iter().filter_map(length)).into_iter();
    let mut used = vec![false; calls.len()];
    let mut parts = Vec::new();
    for slot in slots {
        let seal = slot.get("seal");
        if let Some(block) = slot.get("sealed") {
            parts.push(Part::Sealed(block));
        } else if length(slot).is_some() {
            let piece = texts.next().unwrap_or_default();
            if !piece.is_empty() || seal.is_some() {
                parts.push(Part::Text(piece, seal));
            }
        } else if let Some(number) = slot.get("call").and_then(Value::as_u64)
            && let Some(number) = usize::try_from(number)
                .ok()
                .filter(|n| used.get(*n) == Some(&false))
        {
            used[number] = true;
            parts.push(Part::Call(&calls[number], seal));
        }
    }
    // Text that no slot names.
    if let Some(rest) = texts.next().filter(|rest| !rest.is_empty()) {
        let at = parts.iter().position(|part| matches!(part, Part::Call(..)));
        parts.insert(at.unwrap_or(parts.len()), Part::Text(rest, None));
    }
    let rest = calls.iter().zip(used).filter(|(_, used)| !used);
    parts.extend(rest.map(|(call, _)| Part::Call(call, None)));
    parts
}

/// `text` in pieces of these lengths, or whole where they do not fit.
fn cut(text: &str, lengths: impl Iterator<Item = u64>) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    for length in lengths {
        let split = usize::try_from(length)
            .ok()
            .and_then(|at| rest.split_at_checked(at));
        let Some((piece, behind)) = split else {
            return vec![text];
        };
        pieces.push(piece);
        rest = behind;
    }
    if rest.is_empty() && !pieces.is_empty() {
        pieces
    } else {
        vec![text]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_in_their_order_and_none_is_lost() {
        let call = |id: &str| Call {
            id: id.into(),
            name: "list".into(),
            arguments: "{}".into(),
        };
        let calls = [call("a"), call("b")];
        let mut layout = Layout::default();
        layout.sealed(json!("thought"));
        layout.text(2, None);
        layout.text(3, None);
        layout.call(0, Some(json!("signature")));
        layout.call(0, None);
        layout.text(1, None);
        let carry = layout.carry().unwrap();
        let (thought, seal) = (json!("thought"), json!("signature"));
        let known = parts(Some(&carry), "Hełło!", &calls);
        assert_eq!(
            known[1],
            Part::Text("Hełło!", None),
            "lengths that do not fit"
        );
        assert_eq!(
            parts(Some(&carry), "Hello!", &calls),
            [
                Part::Sealed(&thought),
                Part::Text("Hello", None),
                Part::Call(&calls[0], Some(&seal)),
                Part::Text("!", None),
                Part::Call(&calls[1], None),
            ]
        );
        assert_eq!(
            parts(Some(&carry), "", &[]),
            [Part::Sealed(&thought)],
            "what was taken away stays away"
        );
        for odd in [
            json!(7),
            json!([1, {"call": -1}, {"text": "x"}, {"call": 99}]),
        ] {
            let parts = parts(Some(&odd), "Hi", &calls);
            assert_eq!(parts.len(), 3, "{odd}");
            assert_eq!(parts[0], Part::Text("Hi", None));
        }
        assert_eq!(Layout::default().carry(), None);
    }
}
