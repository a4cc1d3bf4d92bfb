//! `alternating`: chat messages for models whose templates want user and assistant to take turns.
//!
//! Invariant: no word is lost, and what a message becomes depends on it and its neighbours alone, so a longer conversation begins
//! with the same text. Results of tools count as said by nobody, but no user speaks right behind them.

use serde_json::{Value, json};

/// What the assistant says between a result and the user, where it said nothing.
const SEEN: &str = "I have read the result.";

/// The same conversation in turns.
pub(super) fn alternating(messages: Vec<Value>) -> Vec<Value> {
    let mut turns: Vec<Value> = Vec::new();
    for message in messages {
        let last = turns.last_mut();
        let before = last.as_deref().map_or("", |last| role(last)).to_owned();
        match (before.as_str(), role(&message), last) {
            ("user", "user", Some(last)) => {
                last["content"] = joined(&last["content"], &message["content"]);
            }
            ("assistant", "assistant", Some(last)) if last.get("tool_calls").is_none() => {
                let mut both = message;
                let text = joined(&last["content"], &both["content"]);
                both["content"] = text;
                *last = both;
            }
            ("tool", "user", _) => {
                turns.push(json!({"role": "assistant", "content": SEEN}));
                turns.push(message);
            }
            _ => turns.push(message),
        }
    }
    turns
}

fn role(message: &Value) -> &str {
    message["role"].as_str().unwrap_or_default()
}

fn joined(before: &Value, behind: &Value) -> Value {
    match (
        before.as_str().unwrap_or_default(),
        behind.as_str().unwrap_or_default(),
    ) {
        ("", _) => behind.clone(),
        (_, "") => before.clone(),
        (before, behind) => format!("{before}\n\n{behind}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_take_turns_and_no_word_is_lost() {
        let say = |role: &str, text: &str| json!({"role": role, "content": text});
        let call = json!({"role": "assistant", "content": null, "tool_calls": [1]});
        let result = json!({"role": "tool", "tool_call_id": "1", "content": "r"});
        let messages = vec![
            say("system", "s"),
            say("user", "a"),
            say("user", "b"),
            call.clone(),
            result.clone(),
            result.clone(),
            say("user", "c"),
            say("assistant", "d"),
            call.clone(),
            result.clone(),
            call.clone(),
            result.clone(),
            say("user", "e"),
            say("user", ""),
        ];
        let spoken = json!({"role": "assistant", "content": "d", "tool_calls": [1]});
        let expected = vec![
            say("system", "s"),
            say("user", "a\n\nb"),
            call.clone(),
            result.clone(),
            result.clone(),
            say("assistant", SEEN),
            say("user", "c"),
            spoken,
            result.clone(),
            call,
            result,
            say("assistant", SEEN),
            say("user", "e"),
        ];
        assert_eq!(alternating(messages), expected);
    }
}
