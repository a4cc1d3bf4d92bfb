//! `Details`: OpenRouter's `reasoning_details` put together from their pieces, as it wants them back.
//!
//! Invariant: pieces of one detail have its type, its index and its id, where they have one; texts grow, and everything else is as it
//! came last. Sealed data is never put together: no piece of it means anything.

use std::collections::HashMap;

use serde_json::Value;

/// Details under construction, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Details {
    list: Vec<Value>,
    /// Where each is, by type, index and id; the newest of its type and index also without the id.
    places: HashMap<(String, u64, String), usize>,
}

impl Details {
    /// Adds a piece.
    pub(super) fn add(&mut self, piece: &Value) {
        let word = |key: &str| piece[key].as_str().unwrap_or_default().to_owned();
        let Some(index) = piece["index"].as_u64() else {
            // Nothing says what it belongs to.
            self.list.push(piece.clone());
            return;
        };
        let (kind, id) = (word("type"), word("id"));
        let named = (kind.clone(), index, id.clone());
        let newest = (kind, index, String::new());
        let known = self.places.get(&named).or_else(|| {
            let at = self.places.get(&newest);
            at.filter(|at| {
                id.is_empty() || self.list[**at]["id"].as_str().is_none_or(str::is_empty)
            })
        });
        let known = known.copied().filter(|at| {
            let before = &self.list[*at];
            let same_data = ["data", "id"]
                .iter()
                .any(|key| before[key].is_string() && before[key] == piece[key]);
            !piece["data"].is_string() || !before["data"].is_string() || same_data
        });
        let at = known.unwrap_or(self.list.len());
        match self.list.get_mut(at) {
            Some(known) => extend(known, piece),
            None => self.list.push(piece.clone()),
        }
        self.places.insert(named, at);
        self.places.insert(newest, at);
    }

    /// How many have begun.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them.
    pub(super) fn whole(self) -> Vec<Value> {
        self.list
    }
}

fn extend(known: &mut Value, piece: &Value) {
    let Some(known) = known.as_object_mut() else {
        return;
    };
    for (key, value) in piece.as_object().into_iter().flatten() {
        match (known.get_mut(key), value) {
            (Some(_), Value::Null) => {}
            (Some(Value::String(before)), Value::String(more))
                if key == "text" || key == "summary" =>
            {
                before.push_str(more);
            }
            _ => drop(known.insert(key.clone(), value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::json;

    use super::*;

    fn whole(pieces: &Value) -> Value {
        let mut details = Details::default();
        pieces
            .as_array()
            .unwrap()
            .iter()
            .for_each(|piece| details.add(piece));
        details.whole().into()
    }

    #[test]
    fn pieces_of_one_id_are_one_and_sealed_data_stays_whole() {
        let sealed = |id: &str, data: &str| json!({"type": "reasoning.encrypted", "index": 1, "id": id, "data": data});
        let bare = |data: &str| json!({"type": "reasoning.encrypted", "index": 1, "data": data});
        let text = |text: &str| json!({"type": "reasoning.text", "index": 0, "text": text});
        let named = |id: &str, text: &str| json!({"type": "reasoning.text", "index": 0, "id": id, "text": text});
        for (pieces, expected) in [
            (
                json!([sealed("a", "AAA"), sealed("b", "BBB")]),
                json!([sealed("a", "AAA"), sealed("b", "BBB")]),
            ),
            (
                json!([sealed("a", "A"), sealed("b", "B"), sealed("a", "C")]),
                json!([sealed("a", "C"), sealed("b", "B")]),
            ),
            (
                json!([bare("AAA"), bare("BBB"), bare("BBB")]),
                json!([bare("AAA"), bare("BBB")]),
            ),
            (
                json!([named("a", "x"), named("b", "y"), named("a", "z"), text("!")]),
                json!([named("a", "xz!"), named("b", "y")]),
            ),
            (
                json!([text("x"), named("a", "y")]),
                json!([named("a", "xy")]),
            ),
            (
                json!([text("x"), sealed("a", "A"), {"type": "reasoning.text", "index": 0, "text": "y", "signature": "s"}]),
                json!([{"type": "reasoning.text", "index": 0, "text": "xy", "signature": "s"}, sealed("a", "A")]),
            ),
            (
                json!([7, {"text": "a"}, {"text": "b"}]),
                json!([7, {"text": "a"}, {"text": "b"}]),
            ),
        ] {
            assert_eq!(whole(&pieces), expected, "{pieces}");
        }
    }

    #[test]
    fn many_details_take_no_long_time() {
        let began = Instant::now();
        let mut details = Details::default();
        for number in 0..50_000 {
            details.add(&json!({"type": "reasoning.text", "index": number, "text": "a"}));
            details.add(&json!({"type": "reasoning.text", "index": 0, "text": "abcdefghijklmnopqrstuvwxyz"}));
        }
        assert_eq!(details.len(), 50_000);
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{:?}",
            began.elapsed()
        );
    }
}
